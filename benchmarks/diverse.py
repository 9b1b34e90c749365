"""Diverse molecules that score high: `python -m benchmarks.diverse --start FILE [--tasks ...] [--calls 3000]`.

Searches without a filter, with one by scaffold (as in REINVENT, Blaschke et al. 2020) and with one by similarity. Of
all molecules that score at least `--least` the table has the number, the mean score and #Circles: the most molecules of
which no two are nearer than 0.75 (Xie et al. 2023; a greedy lower bound). It also has the mean of the ten best.
"""

import argparse
import time

import numpy as np

from benchmarks.pmo import possible
from molgan.chemistry.fingerprints import fingerprints
from molgan.metrics.suites import CIRCLES, leaders
from molgan.optimize.run import optimize
from molgan.optimize.settings import load_settings
from molgan.scoring.benchmarks import OBJECTIVES
from molgan.scoring.scorer import Scorer

FILTERS = {"none": "", "scaffold": "scaffold", "similarity": "similarity"}
"""What a row is called, and the setting `diversity.by`."""


def row(task: str, by: str, start: str, calls: int, seed: int, least: float, overrides: list[str]) -> dict[str, float]:
    """Figures of one search."""
    begun = time.process_time()
    settings = load_settings(
        overrides=[*overrides, f"diversity.by={by}", f"diversity.least={least}", f"seed={seed}", f"budget={calls}"]
    )
    scorer = Scorer(task, processes=0)
    found = optimize(lambda smiles: np.nan_to_num(scorer(smiles)), start=start, config=settings, quiet=True)
    good = found.frame[found.frame["score"] >= least]
    prints = np.packbits(fingerprints(good["smiles"].tolist()).astype(bool), axis=1)
    return {
        "hits": len(good),
        "circles": len(leaders(prints, CIRCLES)),
        "score": float(good["score"].mean()) if len(good) else float("nan"),
        "ten": float(found.best(10)["score"].mean()),
        "seconds": time.process_time() - begun,
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the table, means over the seeds."""
    parser = argparse.ArgumentParser(prog="benchmarks.diverse", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--start", default="drug", help="a model, or a file of molecules")
    parser.add_argument("--tasks", nargs="+", default=["drd2", "gsk3b", "fexofenadine_mpo"], choices=list(OBJECTIVES))
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--least", type=float, default=0.8)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", nargs="+", default=[], dest="overrides", metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    print(
        "| task | filter | molecules | #Circles | their mean score | ten best | CPU s |\n|---|---|---|---|---|---|---|"
    )
    for task in possible(given.tasks):
        for name, by in FILTERS.items():
            rows = [row(task, by, given.start, given.calls, seed, given.least, given.overrides) for seed in given.seeds]
            mean = {key: float(np.mean([one[key] for one in rows])) for key in rows[0]}
            print(
                f"| {task} | {name} | {mean['hits']:.0f} | {mean['circles']:.0f} | {mean['score']:.3f} "
                f"| {mean['ten']:.3f} | {mean['seconds']:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
