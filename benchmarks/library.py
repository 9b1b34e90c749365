"""A library against a plain loop in one process: `python -m benchmarks.library MODEL [-n 5000] [--workers 2]`.

Both sample until n distinct molecules pass the filter, and write them with their properties. Each is a command of its
own, so that start-up counts, with one thread a process. The loop is what one writes by hand: `MolGAN.load`, `sample` as
many at a time as a shard has, RDKit's QED, logP and catalogue of alerts for every new molecule, a set of what was seen,
and a CSV. `--ceiling` is asked of both; `--precision` of the library alone. The table has molecules a second,
molecules a CPU second and memory, each of all processes together, and the share of the library's time that each stage
takes.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rdkit import Chem
from rdkit.Chem import Crippen
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams
from rdkit.Chem.QED import qed

import molgan
from benchmarks.processes import measured
from gancore.io.progress import hushed
from molgan.library.query import STAGES

QED, LOGP = 0.6, 3.5
MEMORY = 1.5e9
"""Bytes that all processes together may take."""


def where(least: float) -> str:
    """The filter of the library, which is that of the loop."""
    return f"qed > {least} and logp < {LOGP} and alerts = 0"


def plain(sample: Callable[[int], Iterable[str | None]], n: int, out: Path, least: float = QED) -> int:
    """The loop: n distinct molecules that pass, in a CSV; gives the samples it took. sample: draws of a seed."""
    sets = FilterCatalogParams()
    for name in ("PAINS", "BRENK", "NIH"):
        sets.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    catalog = FilterCatalog(sets)
    seen: set[str] = set()
    kept = samples = seed = 0
    with out.open("w", newline="") as file:
        writer = csv.writer(file)
        while kept < n:
            for text in sample(seed):
                samples += 1
                if text is None or text in seen or kept == n:
                    continue
                seen.add(text)
                mol = Chem.MolFromSmiles(text)
                row = qed(mol), Crippen.MolLogP(mol), len(catalog.GetMatches(mol))  # pyright: ignore
                if row[0] > least and row[1] < LOGP and not row[2]:
                    writer.writerow((text, *row))
                    kept += 1
            seed += 1
    return samples


def commands(given: argparse.Namespace, folder: Path) -> dict[str, list[str]]:
    """The two commands that are compared, by name."""
    asked = ["-n", str(given.n), "--draws", str(given.draws)]
    asked += ["--ceiling", str(given.ceiling)] if given.ceiling else []
    loop = [sys.executable, "-m", "benchmarks.library", given.model, *asked, "--qed", str(given.qed), "--loop"]
    library = [sys.executable, "-m", "molgan", "library", given.model, *asked, "--where", where(given.qed)]
    library += ["--workers", str(given.workers), "--out", str(folder / "lib"), "--json", "--quiet"]
    library += ["--precision", given.precision] if given.precision else []
    return {"plain loop": [*loop, str(folder / "plain.csv")], "molgan library": library}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("-n", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--draws", type=int, default=2000, help="samples of a shard, and of the loop at a time")
    parser.add_argument("--ceiling", type=float, help="of the critic, for both")
    parser.add_argument("--precision", help="of the library")
    parser.add_argument("--qed", type=float, default=QED, help="least QED")
    parser.add_argument("--loop", metavar="CSV", help="run the loop alone, to this file")
    given = parser.parse_args()
    if given.loop:
        model, asked = molgan.MolGAN.load(given.model), {"ceiling": given.ceiling} if given.ceiling else {}
        with hushed():
            print(
                plain(lambda seed: model.sample(given.draws, seed=seed, **asked), given.n, Path(given.loop), given.qed)
            )
        return
    print(f"{given.model}, {given.n:,} molecules with {where(given.qed)}; {given.workers} workers")
    rates: list[tuple[float, float]] = []
    run: Any = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, command in commands(given, Path(folder)).items():
            taken = measured(command)
            told = json.loads(taken.output)
            run = {} if isinstance(told, int) else told["runs"][0]
            samples = run["counts"]["samples"] if run else told
            rates.append((given.n / taken.wall, given.n / taken.cpu))
            speed = f"{rates[-1][0]:9.2f} a second {rates[-1][1]:9.2f} a CPU second"
            within = "within" if taken.memory <= MEMORY else "above"
            memory = f"{taken.memory / 1e9:6.2f} GB, {within} {MEMORY / 1e9:g} GB" if taken.memory else ""
            print(f"{name:15} {samples:9,} samples {speed} {memory}")
    print("ratio: {:.2f} a second, {:.2f} a CPU second".format(*(b / a for a, b in zip(*rates, strict=True))))
    shares = run["share of time"]
    print("share: " + ", ".join(f"{name} {shares[name]:.1%}" for name in STAGES if name in shares))
    unused = run["unused"]
    print(f"drawn and not needed: {unused['samples']:,} samples of the last shard, {unused['shards']} shards beyond it")


if __name__ == "__main__":
    main()
