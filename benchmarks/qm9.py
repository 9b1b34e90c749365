"""The figures of docs/experiments.md for a run that held out some of QM9: `python -m benchmarks.qm9 RUN`.

10,000 draws, `--raw` before critic and repair; the Fréchet distance is of 5,000 against 5,000 held-out molecules, left
out where fewer draws are valid, `floor` of 5,000 others of them.
"""

import argparse
from collections import Counter

import numpy as np

from gancore.statistics.frechet import frechet, moments
from molgan import chemistry
from molgan.data.dataset import as_rows, embedded
from molgan.gan import MolGAN
from molgan.metrics import chemnet, composition
from molgan.scoring.properties import scaffold_of

N, FCD_N, SCAFFOLDS = 10_000, 5000, 100


def scaffolds(smiles):
    """How often each scaffold with a ring occurs."""
    found = Counter(scaffold_of(chemistry.parse(text)) for text in smiles)
    del found[""]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("checkpoint", nargs="?", default="last")
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--short", action="store_true", help="every row in seconds; the figures mean nothing")
    given = parser.parse_args()
    held = [text for text in as_rows(f"{given.run}/held_out.smi") if text]
    whole = set(as_rows(embedded()))
    n, fcd_n = (20, 8) if given.short else (N, FCD_N)
    drawn = MolGAN.load(given.run, "cpu", given.checkpoint).sample(n, raw=given.raw)
    valid = [text for text in drawn if text]
    distinct = set(valid)
    figures = {
        "valid": len(valid) / n,
        "unique": len(distinct) / len(valid),
        "novel": len(distinct - (whole - set(held))) / len(distinct),
        "outside": len(distinct - whole) / len(distinct),
    }
    figures["product"] = figures["valid"] * figures["unique"] * figures["novel"]
    figures |= composition(valid)
    mixed = [held[row] for row in np.random.default_rng(0).permutation(len(held))]
    reference, others = (moments(chemnet.activations(part)) for part in (mixed[:fcd_n], mixed[fcd_n : 2 * fcd_n]))
    if len(valid) >= fcd_n:
        figures["fcd"] = frechet(moments(chemnet.activations(valid[:fcd_n])), reference)
    figures["floor"] = frechet(others, reference)
    common = [name for name, _ in scaffolds(held).most_common(SCAFFOLDS)]
    figures["scaffolds"] = len(set(common) & scaffolds(distinct).keys()) / len(common)
    for name, value in figures.items():
        print(f"{name:12}{value:8.4f}")


if __name__ == "__main__":
    main()
