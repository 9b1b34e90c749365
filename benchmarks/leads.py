"""Lead optimisation: `python -m benchmarks.leads FILE [--leads 100] [--calls 500]`.

Random molecules of a file are leads. For each a property is to move while the molecule stays similar; the table has the
share of leads for which that succeeds, the calls until the first success, and CPU seconds for each lead. QED is at most
0.948, so leads above 0.848 are left out where it is to rise by 0.1, and others are drawn.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from rdkit import Chem

from molgan.chemistry.molecule import Molecule
from molgan.data.inputs import as_rows
from molgan.optimize.leads import DEFAULT, improve
from molgan.scoring.properties import property_value

REQUESTS = (("logp", 1.0), ("qed", 0.1), ("sa", -0.5))
"""Properties and how far each is to move."""
MOST = {"qed": 0.948}
"""The highest value of a property (Bickerton et al. 2012)."""


def drawn(texts: list[str], n: int, request: tuple[str, float], seed: int) -> list[str]:
    """Random molecules that can gain what is requested."""
    property, by = request
    found: list[str] = []
    for place in np.random.default_rng(seed).permutation(len(texts)):
        if len(found) == n:
            break
        mol = Chem.MolFromSmiles(texts[place])
        if property not in MOST or (mol and property_value(Molecule(mol), property) + by <= MOST[property]):
            found.append(texts[place])
    return found


def row(leads: list[str], request: tuple[str, float], similarity: float, calls: int, seed: int) -> dict[str, float]:
    """The share of successes, the median of the calls until the first, and CPU seconds for each lead."""
    begun = time.process_time()
    config = replace(DEFAULT, budget=calls, seed=seed)
    table = improve(leads, dict([request]), similarity, n=1, config=config, processes=0)
    met = table[table["met"] == True]  # noqa: E712
    seconds = (time.process_time() - begun) / len(leads)
    return {"success": len(met) / len(leads), "calls": float(met["call"].median()), "seconds": seconds}


def main() -> None:
    """Print the table, means over the seeds with the standard deviation of the successes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--leads", type=int, default=100)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--similarity", type=float, nargs="+", default=[0.4, 0.6])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    names = [name for name, _ in REQUESTS]
    parser.add_argument("--properties", nargs="+", default=names, choices=names)
    given = parser.parse_args()
    texts = [text for text in as_rows(given.file) if text]
    print("| request | similarity | success | calls, median | CPU s a lead |\n|---|---|---|---|---|")
    for property, by in REQUESTS:
        if property not in given.properties:
            continue
        for similarity in given.similarity:
            found = []
            for seed in given.seeds:
                leads = drawn(texts, given.leads, (property, by), seed)
                found.append(row(leads, (property, by), similarity, given.calls, seed))
            success = [one["success"] for one in found]
            calls, seconds = (np.mean([one[name] for one in found]) for name in ("calls", "seconds"))
            said = f"{np.mean(success):.3f} ± {np.std(success):.3f} | {calls:.0f} | {seconds:.2f}"
            print(f"| {property} {by:+g} | {similarity:g} | {said} |", flush=True)


if __name__ == "__main__":
    main()
