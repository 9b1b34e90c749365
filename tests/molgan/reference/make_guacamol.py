"""Writes guacamol.json: what GuacaMol itself says of some embedded molecules: KL score, Fréchet distance and score.

In an environment of its own: `pip install --no-deps --target FOLDER guacamol==0.5.5 fcd==1.2.2`, with rdkit, torch,
numpy and scipy of today.
Usage: python make_guacamol.py FOLDER
"""

import gzip
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import scipy

HERE = Path(__file__).parent


def shim(folder: str) -> None:
    """Give the packages what they were written for."""
    sys.path.insert(0, folder)
    scipy.histogram = np.histogram
    warnings.simplefilter("ignore")


def main() -> None:
    shim(sys.argv[1])
    import fcd
    from guacamol.distribution_learning_benchmark import KLDivBenchmark

    with gzip.open(HERE.parents[2] / "data" / "qm9.smi.gz", "rt") as lines:
        smiles = lines.read().split()
    train, made = smiles[::262][:500], smiles[30_000:60_000:60]

    class Given:
        def generate(self, number_samples):
            return made[:number_samples]

    result = KLDivBenchmark(number_samples=len(made), training_set=train).assess_model(Given())
    network = fcd.load_ref_model()
    moments = []
    for some in (train, made):
        activations = fcd.get_predictions(network, [text for text in fcd.canonical_smiles(some) if text])
        moments += [np.mean(activations, axis=0), np.cov(activations.T)]
    distance = float(
        fcd.calculate_frechet_distance(mu1=moments[0], sigma1=moments[1], mu2=moments[2], sigma2=moments[3])
    )
    found = {"kl score": result.score, "fcd": distance, "fcd score": float(np.exp(-0.2 * distance)), "n": len(made)}
    (HERE / "guacamol.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
