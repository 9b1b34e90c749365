"""A library against a plain loop in one process: `python -m benchmarks.library MODEL [-n 5000] [--workers 2]`.

Both sample until n distinct molecules pass the filter and write them. The loop is what one writes by hand: it works out
every property of every new molecule, one sample after the other. The table has molecules a second, molecules a CPU
second (all processes), the ratios, and the share of the library's time that each stage takes.
"""

import argparse
import csv
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import molgan
from gancore.facade.models import load_model
from molgan.chemistry.molecule import Molecule
from molgan.chemistry.parsed_text import ParsedText
from molgan.library.columns import COLUMNS
from molgan.library.query import STAGES
from molgan.library.settings import LibraryConfig

QED, ALERTS, LOGP = 0.6, 0, 3.5
WHERE = f"qed > {QED} and logp < {LOGP} and alerts = {ALERTS}"
"""What molecules pass."""
WRITTEN = ("qed", "logp", "alerts")
_AT_ONCE = 1000


def plain(model: Any, n: int, out: Path) -> int:
    """The loop: distinct molecules that pass, in a CSV; gives the samples it took."""
    seen: set[str] = set()
    kept = samples = 0
    with out.open("w", newline="") as file:
        writer = csv.writer(file)
        while kept < n:
            for text in model.sample(_AT_ONCE, seed=samples):
                samples += 1
                if text is None or text in seen or kept == n:
                    continue
                seen.add(text)
                qed, logp, alerts = described(ParsedText(text).molecule)
                if qed > QED and logp < LOGP and alerts == ALERTS:
                    writer.writerow((text, qed, logp, alerts))
                    kept += 1
    return samples


def described(molecule: Molecule) -> tuple[float, float, int]:
    """All columns of one molecule."""
    qed, logp, alerts = (COLUMNS[name].function(molecule) for name in WRITTEN)  # pyright: ignore
    return qed, logp, alerts


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """What a call gives, its seconds, and CPU seconds of this process and of those that have ended."""

    def spent() -> float:
        both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in both)

    wall, cpu = time.perf_counter(), spent()
    answer = call()
    return answer, time.perf_counter() - wall, spent() - cpu


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("-n", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--draws", type=int, default=2000)
    given = parser.parse_args()
    config = LibraryConfig(n=given.n, where=WHERE, draws=given.draws, workers=given.workers)
    with tempfile.TemporaryDirectory() as folder:
        model = load_model(given.model)
        samples, *loop = timed(lambda: plain(model, given.n, Path(folder, "plain.csv")))
        made, *own = timed(lambda: molgan.library(given.model, out=Path(folder, "lib"), config=config, quiet=True))
    run = made.info()["runs"][0]
    rows = (("plain loop", samples, loop), ("molgan library", run["counts"]["samples"], own))
    print(f"{given.model}, {given.n:,} molecules with {WHERE}; {given.workers} workers")
    for name, drawn, (wall, cpu) in rows:
        print(f"{name:15} {drawn:9,} samples {given.n / wall:9.1f} a second {given.n / cpu:9.1f} a CPU second")
    print(f"ratio: {loop[0] / own[0]:.2f} a second, {loop[1] / own[1]:.2f} a CPU second")
    shares = run["share of time"]
    print("share: " + ", ".join(f"{name} {shares[name]:.1%}" for name in STAGES if name in shares))


if __name__ == "__main__":
    main()
