"""A game that collapses on purpose, and what each remedy does: `python -m benchmarks.collapse [--seeds 0 1 2]`.

The data are 8 modes on a ring: sequences of 3 of 8 tokens, the k-th of which is (k, k + 1, k + 2) modulo 8, all equally
frequent. Of the 512 sequences no other occurs. The generator is a perceptron of normal noise that draws all tokens at
once, straight-through; the critic is a perceptron without a penalty, which plays as fast. Every row adds one remedy, as
`critic` settings name it, to the same game, with the same generator at the start.

modes: how many of the 8 have at least a quarter of their share of the samples. KL: divergence in nats of the modes
among the samples from the uniform distribution, 2.079 for a single mode or none. on: share of the samples that are a
mode. Each is the mean over 10 measurements in the second half of the game, of 1,000 samples each. The table has means
and deviations over the seeds, and the CPU seconds of a run. --out FOLDER keeps the rows and draws FOLDER/collapse.png.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, one_hot

from gancore.io.atomic_write import write_text
from gancore.layers.autoencoder import AutoencodingCritic
from gancore.losses.settings import RelaxedCriticConfig
from gancore.sampling.estimators import straight_through
from gancore.training.loop import Player, play
from gancore.types import Batch, Context, CriticOutput, Sample

MODES, PLACES, NOISE, WIDTH = 8, 3, 8, 64
BATCH, STEPS, RATE, DRAWS, MEASURED = 64, 2000, 2e-3, 1000, 10
PLAIN = {"objective": "non_saturating", "penalty_weight": 0.0}
AS_IT_IS = "as it is"
ROWS: dict[str, dict[str, Any]] = {
    AS_IT_IS: {},
    "packs of 2": {"pack": 2},
    "packs of 4": {"pack": 4},
    "minibatch discrimination": {"minibatch_kernels": 16, "minibatch_group": 16},
    "feature matching": {"feature_matching": 1.0},
    "feature matching alone": {"feature_matching": 1.0, "adversarial": 0.0},
    "MMD of features": {"feature_mmd": 10.0},
    "MMD of features alone": {"feature_mmd": 10.0, "adversarial": 0.0},
    "5 unrolled turns": {"unroll": 5, "unroll_rate": 0.1},
    "3 critics, mean": {"critics": 3},
    "3 critics, softmax": {"critics": 3, "critics_sharpness": 1.0},
    "BEGAN": {"objective": "wasserstein", "equilibrium": 0.5, "equilibrium_rate": 0.01},
    "R1 and R2 instead": {"penalty": "r1_r2", "penalty_weight": 0.1, "penalty_every": 1},
}
"""What each row sets of the critic, beside `PLAIN`."""

Row = dict[str, float]


class RingGenerator(nn.Module):
    """Normal noise -> a straight-through draw of all tokens at once."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise((NOISE, WIDTH, WIDTH, PLACES * MODES)))

    def forward(self, n: int) -> Tensor:
        """`n` sequences of one-hot rows, with a gradient."""
        hidden = torch.randn(n, NOISE)
        for place, layer in enumerate(self.layers):
            hidden = layer(leaky_relu(hidden, 0.2) if place else hidden)
        return straight_through(hidden.unflatten(1, (PLACES, MODES))).relaxed


class RingCritic(nn.Module):
    """A perceptron of all tokens."""

    feature_width = WIDTH

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise((PLACES * MODES, WIDTH, WIDTH)))
        self.out = nn.Linear(WIDTH, 1)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """One logit a sequence."""
        hidden = sample[0].flatten(1)
        for layer in self.layers:
            hidden = leaky_relu(layer(hidden), 0.2)
        return CriticOutput(self.out(hidden).squeeze(1), hidden)


def ring(modes: Tensor) -> Tensor:
    """The sequences of modes, one-hot."""
    return one_hot((modes[:, None] + torch.arange(PLACES)) % MODES, MODES).float()


def stream(seed: int) -> Iterator[Batch]:
    """Batches of the data without end."""
    random = torch.Generator().manual_seed(seed)
    while True:
        yield Batch((ring(torch.randint(MODES, (BATCH,), generator=random)),))


def covered(drawn: Tensor) -> Row:
    """What sequences of one-hot rows `(batch, place, token)` cover."""
    tokens = drawn.argmax(-1)
    on = ((tokens - tokens[:, :1]) % MODES == torch.arange(PLACES)).all(1)
    counts = torch.bincount(tokens[on, 0], minlength=MODES).double()
    shares = counts / counts.sum().clamp_min(1)
    entropy = float(-(shares * shares.clamp_min(1e-12).log()).sum())
    enough = (counts >= len(drawn) / MODES / 4).sum()
    return {"modes": float(enough), "KL": math.log(MODES) - entropy, "on": float(on.double().mean())}


def game(name: str, seed: int, steps: int) -> list[Row]:
    """Measurements along a game of so many steps, in order: `2 * MEASURED`, or one a step."""
    config = RelaxedCriticConfig(**(PLAIN | ROWS[name]))
    torch.manual_seed(seed)
    generator = RingGenerator()
    make = (lambda: AutoencodingCritic([(PLACES, MODES)], (WIDTH,), 16)) if config.equilibrium else RingCritic
    adversary = config.adversary(make(), others=[make() for _ in range(config.critics - 1)])
    config.require_batch(BATCH)
    rows: list[Row] = []

    def measure(step: int, logs: dict[str, float]) -> None:
        if (step + 1) % max(1, steps // (2 * MEASURED)) == 0:
            with torch.no_grad():
                rows.append({"step": float(step + 1)} | covered(generator(DRAWS)) | logs)

    def critic_turn(real: Batch, step: int) -> dict[str, Tensor]:
        with torch.no_grad():
            fake = generator(len(real))
        return adversary.critic_losses(real, Batch((fake,)), step)

    def generator_turn(real: Batch, step: int) -> dict[str, Tensor]:
        return adversary.generator_losses(real, Batch((generator(len(real)),)), step)

    nets = {"critic": (adversary.critic, critic_turn), "generator": (generator, generator_turn)}
    players = [
        Player(title, net, torch.optim.Adam(net.parameters(), RATE, (0.5, 0.99)), turn)
        for title, (net, turn) in nets.items()
    ]
    play(players, stream(seed), range(steps), [measure], seed)
    return rows


def run(name: str, seed: int, steps: int) -> Row:
    """The figures of a row for a seed: means over the measurements in the second half."""
    begun = time.process_time()
    rows = game(name, seed, steps)
    rows = rows[len(rows) // 2 :]
    figures = {figure: statistics.fmean(row[figure] for row in rows) for figure in ("modes", "KL", "on")}
    return figures | {"CPU s": time.process_time() - begun}


def table(found: dict[str, list[Row]]) -> str:
    """Means and deviations over the seeds."""
    digits = {"modes": 1, "KL": 3, "on": 3, "CPU s": 0}
    lines = [f"| ring of {MODES} modes | {' | '.join(digits)} |", "|---" * (len(digits) + 1) + "|"]
    for name, rows in found.items():
        cells = []
        for figure, places in digits.items():
            values = [row[figure] for row in rows]
            spread = f" ± {statistics.pstdev(values):.{places}f}" if len(values) > 1 and places else ""
            cells.append(f"{statistics.fmean(values):.{places}f}{spread}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(found: dict[str, list[Row]], place: Path) -> None:
    """The divergence of every row, a point a seed, as a picture."""
    figure = Figure(figsize=(6, 0.35 * len(found) + 1), layout="constrained")
    axes = figure.add_subplot()
    for height, rows in enumerate(found.values()):
        axes.plot([row["KL"] for row in rows], [height] * len(rows), "o", color="tab:blue", alpha=0.7)
    axes.axvline(math.log(MODES), color="grey", linestyle=":")
    axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()
    axes.set_xlabel("KL of the modes from uniform, nats; dotted: one mode")
    figure.savefig(place, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--short", action="store_true", help="every row in a moment; the figures mean nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[Row]] = {}
    for name in arguments.rows:
        found[name] = [run(name, seed, 2 if arguments.short else arguments.steps) for seed in arguments.seeds]
    print(table(found))
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        write_text(arguments.out / "collapse.json", json.dumps(found))
        draw(found, arguments.out / "collapse.png")


if __name__ == "__main__":
    main()
