"""The MOSES suite of 30,000 training molecules: figures, seconds and memory beside the MOSES package itself, one run.

python -m benchmarks.suites FOLDER [-n 30000]
python -m benchmarks.suites --lines N

FOLDER holds the MOSES package, or is where it is installed to (from the package index, without what it depends on; see
tests/molgan/reference/make_moses.py); without FOLDER ours alone is timed. MOSES must have been fetched (molgan data
fetch moses). The second form judges a file of N lines and tells the memory it took.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import molgan
from gancore.io.process_pool import usable_processes
from molgan.chemistry.parallel import pool
from molgan.data.dataset import as_rows, embedded
from molgan.data.downloads import DATA

PEER = Path(__file__).parents[1] / "tests" / "molgan" / "reference" / "make_moses.py"
N, FEW = 30_000, 16


def judge(path: Path, reference: str) -> None:
    """Judge a file as a program of its own would, and print figures, seconds and peak memory as JSON."""
    start = time.perf_counter()
    figures = molgan.evaluate(path, reference=reference, groups=["moses"], allow_unequal_n=True)
    told = {name: figure.value for name, figure in figures.items()} | {"seconds": time.perf_counter() - start}
    workers = [worker.process.pid for worker in pool(usable_processes())._idle if worker.process]
    print(json.dumps(told | {"peak MB": _peak("self"), "peak MB of the workers": sum(map(_peak, workers))}))


def _peak(process: int | str) -> float:
    """Of Linux alone; NaN elsewhere."""
    status = Path(f"/proc/{process}/status")
    return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024 if status.exists() else float("nan")


def _told(*command: object) -> dict[str, float]:
    done = subprocess.run([sys.executable, *map(str, command)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout[done.stdout.index(b"{") :])


def _installed(folder: Path) -> Path:
    """The folder with the MOSES package in it."""
    if not (folder / "moses").is_dir():
        package = DATA.sources["moses"].archive
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), package]
        subprocess.run(command, check=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="of the MOSES package")
    parser.add_argument("-n", type=int, default=N, help="molecules to judge")
    parser.add_argument("--lines", type=int, help="judge a file of so many lines instead")
    parser.add_argument("--judge", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--reference", default="moses", help=argparse.SUPPRESS)
    parser.add_argument("--short", action="store_true", help="a few embedded molecules; the figures mean nothing")
    given = parser.parse_args()
    if given.judge:
        judge(given.judge, given.reference)
        return
    with tempfile.TemporaryDirectory() as folder:
        path, reference = Path(folder) / "some.smi", "moses"
        if given.short:
            smiles = [text for text in as_rows(embedded()) if text][:: 130_000 // (2 * FEW)]
            picked, reference = smiles[::2], str(Path(folder) / "reference.smi")
            Path(reference).write_text("\n".join(smiles[1::2]) + "\n")
        else:
            train = [text for text in as_rows(DATA.path("moses") / "train.csv.gz") if text]
            rows = np.sort(np.random.default_rng(0).permutation(len(train))[: given.n])
            picked = (train + train)[: given.lines] if given.lines else [train[row] for row in rows]
        path.write_text("\n".join(picked) + "\n")
        ours = _told("-m", "benchmarks.suites", "--judge", path, "--reference", reference)
        theirs = _told(PEER, _installed(given.folder), path) if given.folder and not given.lines else {}
    _print(ours, theirs)


def _print(ours: dict[str, float], theirs: dict[str, float]) -> None:
    for name, value in ours.items():
        print(f"{name:28}{value:14.6f}")
    if theirs:
        print("\nthe package itself")
        for name, value in theirs.items():
            print(f"{name:28}{value:14.6f}")
        print(f"\n{theirs['seconds'] / ours['seconds']:.2f} times as fast")


if __name__ == "__main__":
    main()
