"""A game that collapses on purpose, and what each remedy does: `python -m benchmarks.collapse [--seeds 0 1 2]`.

The data are 8 modes on a ring in the probability simplex of 3 outcomes: distributions around (1/3, 1/3, 1/3), at a
distance of 0.25, each with a deviation of 0.02. All modes are equally frequent. The generator is a perceptron of normal
noise with a softmax, the critic a perceptron without a penalty. The critic learns at a tenth of the generator's rate,
as in the toy of Metz et al. 2017, so that the generator runs from mode to mode ahead of it. Every row adds one remedy,
as `critic` settings name it, to the same game.

modes: how many of the 8 have at least a quarter of their share of the samples. KL: divergence in nats of the
uniform distribution over the modes from the samples, with one sample more on each mode; 0 is perfect, a single mode has
3.97, samples far from all modes 4.84. on: share of the samples within three
deviations of a mode. Each is the mean over 10 measurements in the second half of the game, of 1,000 samples each. The
table has means and deviations over the seeds, and the CPU seconds of a run. --out FOLDER keeps the rows, of which none
is made anew, and draws FOLDER/collapse.png.
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
from torch.nn.functional import leaky_relu

from gancore.io.atomic_write import write_text
from gancore.layers.autoencoder import AutoencodingCritic
from gancore.losses.settings import RelaxedCriticConfig
from gancore.training.loop import Player, play
from gancore.types import Batch, Context, CriticOutput, Sample

MODES, OUTCOMES, RADIUS, SPREAD, NOISE, WIDTH = 8, 3, 0.25, 0.02, 8, 64
BATCH, STEPS, DRAWS, MEASURED = 64, 1000, 1000, 10
RATES = {"generator": 1e-3, "critic": 1e-4}
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
_ONE_MODE = -statistics.fmean([math.log(MODES * k / (DRAWS + MODES)) for k in (DRAWS + 1, *(1,) * (MODES - 1))])


class Perceptron(nn.Module):
    """Linear layers with LeakyReLU between them."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))

    def forward(self, hidden: Tensor) -> Tensor:
        """`(batch, feature)` -> the same."""
        for place, layer in enumerate(self.layers):
            hidden = layer(leaky_relu(hidden, 0.2) if place else hidden)
        return hidden


class RingGenerator(nn.Module):
    """Normal noise -> distributions over the outcomes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Perceptron(NOISE, WIDTH, WIDTH, OUTCOMES)

    def forward(self, n: int) -> Sample:
        """`n` rows of the simplex, with a gradient."""
        return (self.body(torch.randn(n, NOISE)).softmax(-1)[:, None],)


class RingCritic(nn.Module):
    """A perceptron of a distribution, in units in which the ring has a radius of 2."""

    feature_width = WIDTH

    def __init__(self) -> None:
        super().__init__()
        self.body, self.out = Perceptron(OUTCOMES, WIDTH, WIDTH), nn.Linear(WIDTH, 1)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """One logit a row."""
        hidden = leaky_relu(self.body((sample[0][:, 0] - 1 / OUTCOMES) * (2 / RADIUS)), 0.2)
        return CriticOutput(self.out(hidden).squeeze(1), hidden)


PLANE = torch.tensor([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]]) / torch.tensor([[2.0], [6.0]]).sqrt()
"""Two directions at right angles, of length 1, in which a distribution over 3 outcomes may move."""
ANGLES = torch.arange(MODES) * (2 * math.pi / MODES)
CENTRES = RADIUS * torch.stack((ANGLES.cos(), ANGLES.sin()), 1)


def stream(seed: int) -> Iterator[Batch]:
    """Batches of the data without end."""
    random = torch.Generator().manual_seed(seed)
    while True:
        picked = CENTRES[torch.randint(MODES, (BATCH,), generator=random)]
        spot = picked + SPREAD * torch.randn(BATCH, 2, generator=random)
        yield Batch(((spot @ PLANE + 1 / OUTCOMES)[:, None],))


def covered(drawn: Sample) -> Row:
    """What samples cover."""
    distances = torch.cdist((drawn[0][:, 0] - 1 / OUTCOMES) @ PLANE.T, CENTRES)
    least, nearest = distances.min(1)
    on = least < 3 * SPREAD
    counts = torch.bincount(nearest[on], minlength=MODES).double()
    shares = (counts + 1) / (len(least) + MODES)
    enough = (counts >= len(least) / MODES / 4).sum()
    return {
        "modes": float(enough),
        "KL": float(-(shares * MODES).log().mean()),
        "on": float(on.double().mean()),
    }


def game(name: str, seed: int, steps: int) -> list[Row]:
    """Measurements along a game of so many steps, in order: `2 * MEASURED`, or one a step."""
    config = RelaxedCriticConfig(**(PLAIN | ROWS[name]))
    torch.manual_seed(seed)
    generator = RingGenerator()
    make = (lambda: AutoencodingCritic([(1, OUTCOMES)], (WIDTH, WIDTH), 2)) if config.equilibrium else RingCritic
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
        return adversary.critic_losses(real, Batch(fake), step)

    def generator_turn(real: Batch, step: int) -> dict[str, Tensor]:
        return adversary.generator_losses(real, Batch(generator(len(real))), step)

    nets = {"critic": (adversary.critic, critic_turn), "generator": (generator, generator_turn)}
    players = [
        Player(title, net, torch.optim.Adam(net.parameters(), RATES[title], (0.5, 0.99)), turn)
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
    axes.axvline(_ONE_MODE, color="grey", linestyle=":")
    axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()
    axes.set_xlabel("KL, nats; dotted: a single mode")
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
    steps = 2 if arguments.short else arguments.steps
    kept: dict[str, Row] = {}
    out: Path | None = arguments.out
    place = out / "collapse.json" if out is not None else None
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        kept = json.loads(place.read_text()) if place.exists() else {}
    found: dict[str, list[Row]] = {}
    for name in arguments.rows:
        for seed in arguments.seeds:
            key = f"{name}, {steps} steps, seed {seed}"
            if key not in kept:
                kept[key] = run(name, seed, steps)
            if place is not None:
                write_text(place, json.dumps(kept, indent=1))
            found.setdefault(name, []).append(kept[key])
    print(table(found))
    if out is not None:
        draw(found, out / "collapse.png")


if __name__ == "__main__":
    main()
