"""What a device gains: `python -m benchmarks.device [cpu|cuda]`. Wall-clock, so on a quiet machine.

Generators as they are, compiled and, on CUDA, replayed as a graph; steps of the molecule demo in float32 and
bfloat16, with RDKit's reward in the turn and in another process, and the share of the time that is spent waiting
for it.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import chain, islice

import torch
from torch import nn

from gancore.training.device import computes_bfloat16, pick_device, seed_everything
from gancore.training.loop import play
from molgan.data.dataset import MoleculeDataset, embedded, read_rows
from molgan.networks.one_shot import Generator
from molgan.recipes.config import Config
from molgan.recipes.domain import build
from seqgan.networks.architectures import LSTM, RelationalMemory, Transformer

BATCH, LENGTH, EMBEDDING = 64, 20, 32
STEPS = 40
REPEAT = 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("device", nargs="?", default="auto")
    parser.add_argument("--short", action="store_true", help="every row in seconds; the figures mean nothing")
    given = parser.parse_args()
    device = pick_device(given.device)
    for what, figure in chain(compiled(device, given.short), demo(device, given.short)):
        print(f"{what:64}{figure:10.4g}", flush=True)


def compiled(device: torch.device, short: bool = False):
    """`(what, ms)` of a forward and a backward pass of each generator, by how it runs.

    short: what is compiled is traced, and runs as it is.
    """
    few = (1, 1) if short else ()
    tokens = torch.randn(BATCH, LENGTH, EMBEDDING, device=device)
    noise, present = torch.randn(BATCH, EMBEDDING, device=device), torch.ones(BATCH, 9, device=device).bool()
    makers: dict[str, tuple[Callable[[], nn.Module], tuple[torch.Tensor, ...]]] = {
        "molecules": (lambda: Generator(EMBEDDING, 9, 5, (256, 512, 512)), (noise, present)),
        "lstm": (lambda: LSTM(EMBEDDING, 128, 1, 0.0), (tokens,)),
        "transformer": (lambda: Transformer(EMBEDDING, 128, 2, 0.0, 4, LENGTH), (tokens,)),
        "memory": (lambda: RelationalMemory(EMBEDDING, 256, 0.0, 2, 1), (tokens,)),
    }
    for name, (make, inputs) in makers.items():
        for way in ("as it is", "compiled", *(["as a CUDA graph"] if device.type == "cuda" else [])):
            module = make().to(device)
            if way != "as it is":
                mode = "reduce-overhead" if way == "as a CUDA graph" else "default"
                module.compile(**({"backend": "eager"} if short else {"mode": mode}))
            seconds = _seconds(_pass(module, inputs), device, *few)
            yield f"{name} generator {way}, forward and backward, ms", 1e3 * seconds


def _pass(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Callable[[], None]:
    def run() -> None:
        torch.compiler.cudagraph_mark_step_begin()
        out = module(*inputs)
        parts = out if isinstance(out, tuple) else (out,)
        torch.stack([part.square().mean() for part in parts]).sum().backward()
        module.zero_grad()

    return run


def demo(device: torch.device, short: bool = False):
    """`(what, figure)`: steps a second of the molecule demo, and the share of the time spent on RDKit's reward."""
    smiles = [text for _, text in islice(read_rows(embedded()), 2000 if short else None)][::20]
    steps_each, few = (1, (0, 1)) if short else (STEPS, (0, REPEAT))
    data = MoleculeDataset.from_smiles(smiles, min_atom_share=0.005)
    precisions = ("float32", "bfloat16") if computes_bfloat16(device) else ("float32",)
    for precision in precisions:
        for weight, overlap in ((0, False), (10, False), (10, True)):
            settings = [f"precision={precision}", f"reward.weight={weight}", f"reward.overlap={str(overlap).lower()}"]
            config = Config.load("qm9", [*settings, "pretrain.steps=1"])
            seed_everything(0)
            networks, phases = build(config, data, device)
            waited = _Stopwatch()
            networks.score = waited.timed(networks.score)
            networks.scores.result = waited.timed(networks.scores.result)
            game = phases[-1]

            cast = partial(torch.autocast, device.type, torch.bfloat16, precision == "bfloat16", cache_enabled=False)

            def steps(game=game, cast=cast) -> None:
                play(game.players, game.batches, range(1, 1 + steps_each), game.callbacks, precision=cast)

            steps()
            waited.seconds = 0.0
            taken = _seconds(steps, device, *few)
            reward = "no score" if not weight else "scores overlapped" if overlap else "scores in the turn"
            yield f"demo, {precision}, {reward}: steps a second", steps_each / taken
            if weight:
                yield f"demo, {precision}, {reward}: share of the time spent on it", waited.seconds / few[1] / taken


class _Stopwatch:
    """Seconds spent in some calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable) -> Callable:
        def call(*arguments):
            start = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.seconds += time.perf_counter() - start

        return call


def _seconds(call: Callable[[], None], device: torch.device, warm_up: int = 3, repeat: int = REPEAT) -> float:
    """Median seconds of one call."""
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(repeat):
        _wait(device)
        start = time.perf_counter()
        call()
        _wait(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
