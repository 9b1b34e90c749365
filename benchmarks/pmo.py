"""Practical molecular optimization (PMO, Gao et al. 2022): `python -m benchmarks.pmo OUT [--tasks ...] [--seeds ...]`.

Each task looks for molecules with high scores within a budget of distinct molecules that are scored. A run goes on
where it was stopped, and one that is finished is not made anew. The table has the area under the mean of the best 1, 10
and 100, the diversity of the hundred best, the share of these that passes the filters of MOSES, and CPU seconds.
`auc 10 of 1,000` is the area under the best 10 over the first thousand calls of the same run. `--rows FILE` adds rows
of an earlier run, which are not made again. Three of the 23 tasks need `molgan data fetch pmo-classifiers`. Without it
they are left out, which a note says.
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs

from gancore.io.atomic_write import write_text
from gancore.io.notes import note
from gancore.io.process_pool import usable_processes
from molgan.chemistry.fingerprints import morgan
from molgan.data import pmo_classifiers
from molgan.optimize.auc import area_under_top
from molgan.optimize.found import Optimized
from molgan.optimize.run import optimize
from molgan.optimize.settings import load_settings
from molgan.scoring.benchmarks import OBJECTIVES
from molgan.scoring.filters import passes_filters
from molgan.scoring.scorer import Scorer

TUNED_ON = ("perindopril_mpo", "sitagliptin_mpo", "troglitazone_rediscovery")
"""The tasks that settings were chosen on; the sum of the others is reported apart."""
_TOPS = 1, 10, 100
_EARLY = 1000  # calls of the short budget


def figures(found: Optimized) -> dict[str, float]:
    """Areas under the best 1, 10 and 100, and of the hundred best the diversity and the share that passes filters."""
    best = found.best(100)["smiles"].tolist()
    mols = [Chem.MolFromSmiles(smiles) for smiles in best]
    prints = [morgan().GetFingerprint(mol) for mol in mols]
    near = [value for n, one in enumerate(prints) for value in DataStructs.BulkTanimotoSimilarity(one, prints[:n])]
    passing = [passes_filters(mol, smiles) for mol, smiles in zip(mols, best, strict=True)]
    areas = {f"auc {top}": found.auc(top) for top in _TOPS}
    if found.calls >= _EARLY:
        areas[f"auc 10 of {_EARLY:,}"] = area_under_top(found.frame["score"].to_numpy(), 10, _EARLY)
    return areas | {"diversity": 1 - float(np.mean(near)), "filters": float(np.mean(passing)), "calls": found.calls}


class _Timed:
    """A score, and the CPU seconds that it took."""

    def __init__(self, task: str):
        self._scorer, self.seconds = Scorer(task, processes=0), 0.0

    def __call__(self, smiles: Sequence[str]) -> np.ndarray:
        begun = time.process_time()
        scores = np.nan_to_num(self._scorer(smiles))
        self.seconds += time.process_time() - begun
        return scores


def run(job: tuple[str, int], out: Path, start: str, calls: int, overrides: list[str]) -> dict[str, object]:
    """One task with one seed; a result that is there is read."""
    task, seed = job
    folder = out / f"{task}-{seed}"
    result = folder / "result.json"
    if not result.exists():
        settings = load_settings(overrides=[*overrides, f"seed={seed}", f"budget={calls}", "at_once=1000"])
        score, begun = _Timed(task), time.process_time()
        found = optimize(score, start=start, out=folder, config=settings, resume=True, quiet=True)
        seconds = {"seconds": time.process_time() - begun - score.seconds, "of the score": score.seconds}
        write_text(result, json.dumps({"task": task, "seed": seed} | figures(found) | seconds, indent=1))
    return json.loads(result.read_text())


def table(rows: list[dict[str, object]], published: Path | None = None) -> pd.DataFrame:
    """A row a task, means over the seeds, beside published areas of the best ten; and the sums."""
    frame = pd.DataFrame(rows).groupby("task").mean(numeric_only=True).drop(columns="seed")
    if published is not None:
        peers = pd.read_csv(published).set_index("oracle")
        frame = frame.join(peers[[name for name in peers if "prescreen" not in name and "old" not in name]])
    others = frame[~frame.index.isin(TUNED_ON)]
    sums = pd.DataFrame({"sum": frame.sum(), "sum without the tasks tuned on": others.sum()})
    return pd.concat([frame, sums.T])


def possible(tasks: Sequence[str]) -> list[str]:
    """The tasks without those whose classifier has not been fetched, which are noted."""
    missing = [] if pmo_classifiers.find() else [task for task in tasks if task in pmo_classifiers.CLASSIFIERS]
    if missing:
        note(f"left out: {', '.join(missing)}; for these run molgan data fetch {pmo_classifiers.NAME}.")
    return [task for task in tasks if task not in missing]


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.pmo", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--tasks", nargs="+", default=list(OBJECTIVES), choices=list(OBJECTIVES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--start", default="drug", help="a model, or a file of molecules")
    parser.add_argument("--published", type=Path, help="table with a column oracle and one for each published method")
    parser.add_argument("--rows", type=Path, help="CSV of rows that are there, to which the new ones are added")
    parser.add_argument("--processes", type=int, default=usable_processes())
    parser.add_argument("--set", nargs="+", default=[], dest="overrides", metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    tasks = possible(given.tasks)
    if not tasks:
        parser.error("no task is left.")
    work = partial(run, out=given.out, start=given.start, calls=given.calls, overrides=given.overrides)
    rows = pd.read_csv(given.rows).to_dict("records") if given.rows and given.rows.exists() else []
    if any(row["calls"] != given.calls for row in rows):
        parser.error(f"{given.rows}: has rows of another number of calls than {given.calls:,}; give another file.")
    there = {(row["task"], row["seed"]) for row in rows}
    jobs = [job for seed in given.seeds for task in tasks if (job := (task, seed)) not in there]
    with ProcessPoolExecutor(given.processes, multiprocessing.get_context("spawn")) as pool:
        for row in pool.map(work, jobs):
            print(json.dumps(row), flush=True)
            rows.append(row)
            if given.rows:
                write_text(given.rows, pd.DataFrame(rows).round(4).to_csv(index=False))
    print(table(rows, given.published).round(3).to_string())


if __name__ == "__main__":
    main()
