"""Runs that are killed: `python -m benchmarks.survival --runs 30` (minutes; nothing is timed).

Every run of each half is killed with SIGKILL at random moments and resumed until it comes to its end. After every
kill each checkpoint that is there must be whole; at the end every file must be that of a run that was left alone, and
so must the samples.
"""

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

_CONTEXT = multiprocessing.get_context("forkserver")  # imports once, then every run starts in milliseconds
_CONTEXT.set_forkserver_preload(["molgan.gan", "seqgan.gan", __name__])
_OFTEN = ["checkpoint.every=1", "log_every=3", "monitor_every=7", "device=cpu"]
_SETTINGS = {
    "molgan": ["steps=25", "batch=32", "pretrain.steps=20", "pretrain.batch=32", "model.generator=[32]", *_OFTEN],
    "seqgan": [
        *("steps=12", "batch=16", "likelihood.epochs=4", "likelihood.batch=16", "model.width=32", "model.dropout=0.1"),
        *("critic.filters=0.05", "critic.pretrain=4", "critic.steps=2", "critic.pool=64", "policy.rollouts=2", *_OFTEN),
    ],
}


class Outcome(NamedTuple):
    """Of all runs of a half: kills, checkpoints found damaged, runs whose end was another."""

    kills: int
    damaged: int
    different: int


def train(half: str, out: Path) -> None:
    """One run, resumed where there is something to resume."""
    import torch

    torch.set_num_threads(1)
    _gan(half).fit(_lines(half), out=out, resume=True, quiet=True)


def survive(half: str, runs: int, kills: int, seed: int, folder: Path) -> Outcome:
    """Kill each run up to `kills` times at moments spread over the time a run takes."""
    rng = random.Random(f"{half} {seed}")
    straight, takes = folder / f"{half}-straight", 0.0
    for out in (folder / f"{half}-first", straight):  # the first one pays for the imports
        begin = time.monotonic()
        _finish(half, out)
        takes = time.monotonic() - begin
    wanted, done, damaged, different = contents(half, straight), 0, 0, 0
    for number in range(runs):
        out = folder / f"{half}-{number}"
        for _ in range(kills):
            process = _CONTEXT.Process(target=train, args=(half, out))
            process.start()
            process.join(rng.uniform(0.05, 0.9) * takes)
            done += process.is_alive()
            process.kill()
            process.join()
            damaged += _damaged(out)
        _finish(half, out)
        different += contents(half, out) != wanted
    return Outcome(done, damaged, different)


def contents(half: str, out: Path) -> dict[str, Any]:
    """All files of a run, and what it samples."""
    from molgan.gan import MolGAN
    from seqgan.gan import SeqGAN

    found: dict[str, Any] = {"samples": {"molgan": MolGAN, "seqgan": SeqGAN}[half].load(out).sample(50, seed=1)}
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        found[str(path.relative_to(out))] = path.read_bytes()
    return found


def _finish(half: str, out: Path) -> None:
    process = _CONTEXT.Process(target=train, args=(half, out))
    process.start()
    process.join()
    assert process.exitcode == 0, f"{half}: a run that nobody killed failed"


def _damaged(out: Path) -> int:
    """Checkpoints of a run that are not whole."""
    from gancore.errors import CheckpointError
    from gancore.runs import checkpoint
    from gancore.runs.folder import RunFolder

    run, count = RunFolder(out), 0
    for step in run.steps():
        try:
            checkpoint.read(run.at(step))
        except CheckpointError:
            count += 1
    return count


def _gan(half: str):
    if half == "molgan":
        from molgan import Config, MolGAN

        return MolGAN(Config.load("default", _SETTINGS[half]))
    from seqgan import Config, SeqGAN

    return SeqGAN(Config.load("small", _SETTINGS[half]))


def _lines(half: str) -> list[str]:
    if half == "molgan":
        from molgan.data.dataset import embedded, read_rows

        return [text for _, text in read_rows(embedded()) if text][::500]
    from seqgan.data.grammar import corpus

    return corpus(80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=30, help="of each half")
    parser.add_argument("--kills", type=int, default=2, help="of each run, at most")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for half in _SETTINGS:
            outcome = survive(half, arguments.runs, arguments.kills, arguments.seed, Path(folder))
            print(json.dumps({"half": half, "runs": arguments.runs} | outcome._asdict()), flush=True)


if __name__ == "__main__":
    main()
