"""Rewards of a critic on the published oracle, at equal cost: `python -m benchmarks.text_rewards --oracle FILE`.

Every game begins from the same likelihood model, stopped at its best validation likelihood, but for those that begin
from nothing or leak features. It then has --seconds CPU seconds, those of the critic alone included. Rows are kept in
--out as JSON; a second call makes those that are missing, and prints the table.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.oracle import Bench, Row, Schedule, cells
from gancore.io.atomic_write import write_text
from gancore.training.device import computes_bfloat16
from seqgan.metrics.oracle import lstm_oracle, published_oracle
from seqgan.recipes.config import Config

LIKELIHOOD = ["likelihood.epochs=20", "likelihood.patience=2"]
GAME = [
    *("steps=100000", "lr=1e-3", "monitor_every=100000", "policy.baseline=leave_one_out"),
    *("critic.pretrain=200", "critic.steps=5", "critic.pool=2560", "critic.filters=0.25", "policy.rollouts=8"),
]
RECURRENT = ["critic.kind=recurrent"]
SCRATCH = [
    *RECURRENT,
    "policy.reward=returns",
    "policy.baseline=running",
    "batch=512",
    "critic.pretrain=20",
    "critic.lr=1e-3",
    "critic.steps=1",
]
LEAK = [
    *RECURRENT,
    "recipe=leakgan",
    "policy.reward=dense",
    "critic.pretrain=0",
    "critic.lr=1e-3",
    "likelihood.epochs=6",
]
LONGER = "likelihood, as much longer"
ROWS = {
    LONGER: [],
    "constant reward": ["policy.reward=constant"],
    "SeqGAN, rollouts": [],
    "SeqGAN, critic of prefixes": [*RECURRENT, "policy.reward=dense"],
    "MaliGAN": ["policy.reward=odds"],
    "MaliGAN, mixed": ["policy.reward=odds", "policy.prefix=0.95", "policy.group=8", "steps=75"],
    "RankGAN": ["policy.reward=rank"],
    "ScratchGAN's returns": SCRATCH,
    "ScratchGAN from nothing": [*SCRATCH, "critic.pretrain=0", "likelihood.epochs=0"],
    "LeakGAN before its game": [*LEAK, "steps=0"],
    "LeakGAN": LEAK,
}
"""Settings on top of `GAME`."""
ALONE = ("ScratchGAN from nothing", "LeakGAN before its game", "LeakGAN")
"""Rows that do not begin from the likelihood model."""
SHORT = [
    *("batch=16", "likelihood.epochs=1", "critic.pretrain=2", "critic.pool=32", "critic.filters=0.1"),
    *("critic.steps=1", "policy.rollouts=2", "critic.references=4", "steps=2"),
]


@dataclass
class Clock:
    """A callback that ends a game, or `likelihood`, once so many CPU seconds have passed; before a game none count.

    figures: the generator's steps until then, and of the last one the critic's accuracy.
    """

    seconds: float
    likelihood: bool = False

    def __post_init__(self):
        self.until, self.figures = time.process_time() + self.seconds, {"steps": 0.0, "accuracy": 0.0}

    def __call__(self, step: int, logs: dict[str, float]) -> bool:
        if "likelihood/nll" in logs and not self.likelihood:
            self.until = time.process_time() + self.seconds
            return False
        self.figures["steps"] += "generator/policy" in logs
        self.figures["accuracy"] = logs.get("critic/accuracy", 0.0)
        return time.process_time() >= self.until


def settings(name: str, short: bool) -> list[str]:
    """The settings of a row on top of configuration `oracle`."""
    begun = [] if name in ALONE else ["likelihood.epochs=0"]
    chosen = [*LIKELIHOOD, *GAME, *begun, *ROWS[name]]
    own = {one.partition("=")[0] for one in (*begun, *ROWS[name])} - {"batch", "critic.pretrain", "critic.steps"}
    return [*chosen, *(one for one in SHORT if short and one.partition("=")[0] not in own)]


def made(bench: Bench, name: str, seconds: float, short: bool) -> Row:
    """The columns of a row."""
    before = 0.0
    start = None
    likelihood = Config.load("oracle", ["recipe=mle", *LIKELIHOOD, *(["likelihood.epochs=1"] if short else [])])
    if name not in ALONE:
        start, before = bench.kept("start", likelihood)
    if name == "likelihood":
        assert start is not None
        return bench.judge(start) | Clock(0).figures | {"seconds": before}
    clock = Clock(seconds, name == LONGER)
    if name == LONGER:
        longer = ["likelihood.epochs=1000", "likelihood.patience=0", f"seed={bench.seed}", "device=cpu"]
        generator, spent = bench.train(Config.load("oracle", ["recipe=mle", *longer]), start, further=[clock])
        return bench.judge(generator) | clock.figures | {"seconds": spent + before}
    fast = f"critic.bf16={str(computes_bfloat16(torch.device('cpu'))).lower()}"
    config = Config.load("oracle", [*settings(name, short), fast, f"seed={bench.seed}", "device=cpu"])
    generator, spent = bench.train(config, start, further=[clock])
    return bench.judge(generator) | clock.figures | {"seconds": spent + before}


def table(out: Path) -> str:
    """The rows that are there, each a mean over its seeds."""
    columns = ("nll_oracle", "nll_gen", "reverse_kl", "forward_kl", "steps", "accuracy", "seconds")
    lines = ["| row | seeds | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for name in ("likelihood", *ROWS):
        runs = [json.loads(path.read_text()) for path in sorted(out.glob(f"{slug(name)}-[0-9]*.json"))]
        if runs:
            lines.append(f"| {name} | {len(runs)} | " + " | ".join(cells(runs, columns)) + " |")
    return "\n".join(lines)


def slug(name: str) -> str:
    """The name of a row in names of files."""
    return name.lower().replace(" ", "-").replace(",", "").replace("'", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oracle", type=Path, help="the published parameters, an .npz; without it a random oracle")
    parser.add_argument("--vocabulary", type=int, default=200, help="tokens of a random oracle")
    parser.add_argument("--seconds", type=float, default=30.0, help="CPU seconds of each game")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--rows", nargs="+", choices=["likelihood", *ROWS], default=["likelihood", *ROWS])
    parser.add_argument("--short", action="store_true", help="a check in seconds: few lines, few steps")
    parser.add_argument("--out", type=Path, default=Path("runs/text_rewards"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    oracle = published_oracle(arguments.oracle) if arguments.oracle else lstm_oracle(0, arguments.vocabulary)
    schedule = Schedule.of(sequences=64, valid=16) if arguments.short else Schedule()
    for seed in arguments.seeds:
        bench = Bench(oracle, schedule, seed, arguments.out)
        for name in arguments.rows:
            path = arguments.out / f"{slug(name)}-{seed}.json"
            if not path.exists():
                write_text(path, json.dumps(made(bench, name, arguments.seconds, arguments.short)))
    print(table(arguments.out))


if __name__ == "__main__":
    main()
