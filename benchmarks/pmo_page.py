"""What the searches of `benchmarks.pmo` found, to look at: `python -m benchmarks.pmo_page OUT --page page.html`.

For each task the three best molecules are drawn, and of the hundred best the shares are given that pass the filters of
MOSES, REOS and PAINS, and whose ring systems all occur in `--reference`. So a score that is hacked can be seen.
"""

import argparse
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from rdkit import Chem

from gancore.io.atomic_write import write_text
from molgan.chemistry.molecule import Molecule
from molgan.data.inputs import as_rows
from molgan.library.collect import grid
from molgan.optimize.found import read_search
from molgan.scoring.description import ring_systems
from molgan.scoring.filters import passes_filters, passes_reos
from molgan.scoring.properties import alert_names

_DRAWN = 3


def known_rings(texts: Iterable[str | None], least: int = 2) -> frozenset[str]:
    """Ring systems of at least `least` of some molecules."""
    counts: dict[str, int] = {}
    for text in texts:
        mol = Chem.MolFromSmiles(text or "")
        for system in set(ring_systems(mol)) if mol is not None else ():
            counts[system] = counts.get(system, 0) + 1
    return frozenset(system for system, count in counts.items() if count >= least)


def shares(smiles: Sequence[str], known: frozenset[str]) -> dict[str, float]:
    """The shares of molecules that pass each check; that of known ring systems is left out where none is known."""
    mols = [Chem.MolFromSmiles(text) for text in smiles]
    checks = {
        "MOSES filters": [passes_filters(mol, text) for mol, text in zip(mols, smiles, strict=True)],
        "REOS": list(map(passes_reos, mols)),
        "PAINS": [not alert_names(Molecule(mol), ["PAINS"]) for mol in mols],
    }
    if known:
        checks["known ring systems"] = [known.issuperset(ring_systems(mol)) for mol in mols]
    return {name: sum(passed) / len(passed) for name, passed in checks.items()}


def main(arguments: list[str] | None = None) -> None:
    """Print the table of shares, and write the page."""
    parser = argparse.ArgumentParser(prog="benchmarks.pmo_page", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="the folder of benchmarks.pmo")
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--reference", type=Path, help="molecules whose ring systems are known, for instance the start")
    given = parser.parse_args(arguments)
    known = known_rings(as_rows(given.reference)) if given.reference else frozenset()
    rows, parts = {}, []
    for folder in sorted(path.parent for path in given.out.glob("*/result.json")):
        best = read_search(folder).best(100)
        rows[folder.name] = shares(best["smiles"].tolist(), known)
        said = ", ".join(f"{name} {share:.2f}" for name, share in rows[folder.name].items())
        drawn = [(smiles, f"{score:.3f}") for smiles, score in zip(best["smiles"], best["score"], strict=True)]
        parts.append(f"<h2>{html.escape(folder.name)}</h2><p>{said}</p>{grid(drawn[:_DRAWN])}")
    if not rows:
        parser.error(f"{given.out}: holds no finished search of benchmarks.pmo.")
    title = "The three best of each task, and the shares of the hundred best that pass each check"
    head = f'<!doctype html><meta charset="utf-8"><title>PMO</title><h1>{title}</h1>'
    write_text(given.page, head + "".join(parts))
    table = pd.DataFrame(rows).T
    print(pd.concat([table, table.mean().to_frame("mean").T]).round(2).to_string())


if __name__ == "__main__":
    main()
