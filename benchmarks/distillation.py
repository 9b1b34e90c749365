"""Knowledge distillation: `python -m benchmarks.distillation [--teacher qm9] [--draws 10000] [--steps 400]`.

A small autoregressive generator learns by likelihood from draws of a large one (Hinton et al. 2015; on draws instead of
soft targets, as Kim and Rush 2016 do for sequences). `real` is the same small network on as many molecules of QM9.
Fréchet distance (FCD) to as many other molecules of QM9, the shares unique and valid, parameters, and the
CPU milliseconds of a draw, of the teacher with its critic.
"""

import argparse
import time

import numpy as np

from gancore.statistics.frechet import Moments, frechet, moments
from molgan import Config, MolGAN
from molgan.data.dataset import as_rows, embedded
from molgan.metrics import chemnet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", default="qm9")
    parser.add_argument("--draws", type=int, default=10_000, help="draws of the teacher to learn from")
    parser.add_argument("--steps", type=int, default=400, help="steps of the student, of 256 molecules")
    parser.add_argument("--width", type=int, default=96, help="of the student's recurrent network; the teacher has 384")
    parser.add_argument("-n", type=int, default=2000, help="molecules on each side of a distance")
    arguments = parser.parse_args()
    rows = [text for text in as_rows(embedded()) if text]
    picked = np.random.default_rng(0).permutation(len(rows))
    other = [rows[row] for row in picked[: arguments.n]]
    real = [rows[row] for row in picked[arguments.n : arguments.n + arguments.draws]]
    reference = moments(chemnet.activations(other))
    print("| | parameters | FCD | unique | valid | CPU ms per draw |\n|---|---|---|---|---|---|", flush=True)
    teacher = MolGAN.load(arguments.teacher, "cpu")
    row("teacher", teacher, reference, arguments.n)
    drawn = [text for text in teacher.sample(arguments.draws, seed=1) if text]
    for name, molecules in (("student", drawn), ("real", real)):
        row(name, small(molecules, arguments.width, arguments.steps), reference, arguments.n)


def small(molecules: list[str], width: int, steps: int) -> MolGAN:
    """A small generator without a critic, trained by likelihood."""
    settings = [f"model.recurrent={width}", "model.pair=32", f"pretrain.steps={steps}", "average=0.99"]
    settings += ["critic.pretrain=0", "critic.rejections=0", "data.hold_out=0", "device=cpu", "monitor_every=1000000"]
    return MolGAN(Config.load("qm9-growing", settings)).fit(molecules, quiet=True)


def row(name: str, model: MolGAN, reference: Moments, n: int) -> None:
    """Print the figures of a model."""
    began = time.process_time()
    drawn = model.sample(n, seed=0)
    spent = 1000 * (time.process_time() - began) / n
    valid = [text for text in drawn if text]
    distance = frechet(moments(chemnet.activations(valid)), reference)
    size = sum(weight.numel() for weight in model.recipe.averaged.average.parameters())
    shares = f"{len(set(valid)) / n:.3f} | {len(valid) / n:.3f}"
    print(f"| {name} | {size:,} | {distance:.3f} | {shares} | {spent:.2f} |", flush=True)


if __name__ == "__main__":
    main()
