"""What an autoregressive graph costs as graphs get larger: `python -m benchmarks.autoregressive`.

One thread, CPU ms a molecule of so many heavy atoms, medians; `exponent` is the slope between the last two sizes of the
logarithms: 1 is linear in the number of atoms, 2 quadratic.
"""

import argparse
import math
import statistics
import time

import torch

from molgan.networks.autoregressive import AutoregressiveGenerator

SIZES, BATCH, REPEATS = (9, 19, 38, 64), 64, 3
CAPACITY = torch.tensor([4, 3, 2, 1, 2, 1, 1])  # C N O F S Cl Br


def cost(call, batch: int, repeats: int) -> float:
    """CPU ms a molecule, the median of some calls after one to warm up."""
    times = []
    for _ in range(repeats + 1):
        begun = time.process_time()
        call()
        times.append((time.process_time() - begun) / batch * 1e3)
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="every row in seconds; the figures mean nothing")
    short = parser.parse_args().short
    torch.set_num_threads(1)
    sizes, batch, repeats = ((5, 9), 4, 1) if short else (SIZES, BATCH, REPEATS)
    found: dict[str, list[float]] = {"learn": [], "draw": []}
    for size in sizes:
        generator = AutoregressiveGenerator(CAPACITY, size, 384, 64, 1, 0.0)
        present = torch.ones(batch, size, dtype=torch.bool)
        drawn = generator.sample(present)
        found["learn"].append(
            cost(lambda made=generator, of=drawn: made.log_prob(*of).mean().backward(), batch, repeats)
        )
        found["draw"].append(cost(lambda made=generator, of=present: made.sample(of), batch, repeats))
    print("| | " + " | ".join(f"{size} atoms" for size in sizes) + " | exponent |")
    print("|---" * (len(sizes) + 2) + "|")
    for name, times in found.items():
        exponent = math.log(times[-1] / times[-2]) / math.log(sizes[-1] / sizes[-2])
        print(f"| {name} | " + " | ".join(f"{one:.2f}" for one in times) + f" | {exponent:.2f} |")


if __name__ == "__main__":
    main()
