"""Writes moses.json: what the MOSES package itself says of its pinned test and of 10,000 of its test molecules.

In an environment of its own: `pip install --no-deps --target FOLDER molsets==0.3.1`, with rdkit, torch, fcd_torch,
scipy, numpy and pandas of today, which the package does not run on without what `shim` puts in their place.
Usage: python make_moses.py FOLDER              writes moses.json beside this file
       python make_moses.py FOLDER LIST         prints the metrics of a list of SMILES as JSON, 2 processes
"""

import json
import resource
import sys
import time
import types
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

PINNED = {
    "test": ["Oc1ccccc1-c1cccc2cnccc12", "COc1cccc(NC(=O)Cc2coc3ccc(OC)cc23)c1"],
    "test_scaffolds": [
        "COCc1nnc(NC(=O)COc2ccc(C(C)(C)C)cc2)s1",
        "O=C(C1CC2C=CC1C2)N1CCOc2ccccc21",
        "Nc1c(Br)cccc1C(=O)Nc1ccncn1",
    ],
    "gen": [
        "CNC",
        "Oc1ccccc1-c1cccc2cnccc12",
        "INVALID",
        "CCCP",
        "Cc1noc(C)c1CN(C)C(=O)Nc1cc(F)cc(F)c1",
        "Cc1nc(NCc2ccccc2)no1-c1ccccc1",
    ],
}
SEED, N = 0, 10_000


def shim(folder: str) -> None:
    """Give the package what it was written for."""
    sys.path.insert(0, folder)
    six = types.ModuleType("rdkit.six")
    six.iteritems = lambda mapping: iter(mapping.items())
    sys.modules["rdkit.six"] = six
    pd.DataFrame.append = lambda self, other, sort=False: pd.concat((self, other), sort=sort)
    np.NaN = np.nan
    if not hasattr(np, "row_stack"):
        np.row_stack = np.vstack
    models = types.ModuleType("moses")  # its own imports every model
    models.__path__ = [str(Path(folder) / "moses")]
    sys.modules["moses"] = models
    warnings.simplefilter("ignore")
    import moses.metrics.metrics as metrics

    cosine = metrics.cos_distance  # of whole numbers, whose products today's scipy lets overflow
    metrics.cos_distance = lambda one, other: cosine(one.astype(float), other.astype(float))


def judge(smiles: list[str], **named) -> dict[str, float]:
    """All metrics of the package, as plain numbers."""
    from moses.metrics.metrics import get_all_metrics

    return {name: float(value) for name, value in get_all_metrics(smiles, n_jobs=2, device="cpu", **named).items()}


def some_of_test(folder: str) -> list[str]:
    """The molecules that moses.json is of."""
    smiles = pd.read_csv(Path(folder) / "moses" / "dataset" / "data" / "test.csv.gz")["SMILES"].tolist()
    return [smiles[row] for row in np.sort(np.random.default_rng(SEED).permutation(len(smiles))[:N])]


def main() -> None:
    folder = sys.argv[1]
    shim(folder)
    if len(sys.argv) > 2:
        start = time.perf_counter()
        found = judge(Path(sys.argv[2]).read_text().split("\n")[:-1])
        found["seconds"] = time.perf_counter() - start
        found["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(found, indent=1))
        return
    pinned = judge(
        PINNED["gen"], k=3, test=PINNED["test"], test_scaffolds=PINNED["test_scaffolds"], train=PINNED["test"]
    )
    found = {"pinned": pinned, "some": judge(some_of_test(folder))}
    Path(__file__).with_name("moses.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
