"""The MOSES suite of 30,000 training molecules: figures, seconds and memory beside the MOSES package itself, one run.

python -m benchmarks.suites FOLDER [n]
python -m benchmarks.suites lines N

FOLDER holds the package, see tests/molgan/reference/make_moses.py; MOSES must have been fetched (molgan data fetch
moses). The second form judges a file of N lines and tells the memory it took.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import molgan
from gancore.pool import usable_processes
from molgan.data import as_rows
from molgan.fetch import DATA
from molgan.parallel import pool

PEER = Path(__file__).parents[1] / "tests" / "molgan" / "reference" / "make_moses.py"
N = 30_000


def judge(path: Path) -> None:
    """Judge a file as a program of its own would, and print figures, seconds and peak memory as JSON."""
    start = time.perf_counter()
    figures = molgan.evaluate(path, reference="moses", groups=["moses"], allow_unequal_n=True)
    told = {name: figure.value for name, figure in figures.items()} | {"seconds": time.perf_counter() - start}
    workers = [worker.process.pid for worker in pool(usable_processes())._idle if worker.process]
    print(json.dumps(told | {"peak MB": _peak("self"), "peak MB of the workers": sum(map(_peak, workers))}))


def _peak(process: int | str) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _told(*command: object) -> dict[str, float]:
    done = subprocess.run([sys.executable, *map(str, command)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout[done.stdout.index(b"{") :])


def main() -> None:
    if sys.argv[1] == "judge":
        judge(Path(sys.argv[2]))
        return
    train = [text for text in as_rows(DATA.path("moses") / "train.csv.gz") if text]
    if sys.argv[1] == "lines":
        train = (train + train)[: int(sys.argv[2])]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "many.smi"
            path.write_text("\n".join(train) + "\n")
            print(json.dumps(_told("-m", "benchmarks.suites", "judge", path), indent=1))
        return
    n = int(sys.argv[2]) if len(sys.argv) > 2 else N
    picked = [train[row] for row in np.sort(np.random.default_rng(0).permutation(len(train))[:n])]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.smi"
        path.write_text("\n".join(picked) + "\n")
        ours = _told("-m", "benchmarks.suites", "judge", path)
        theirs = _told(PEER, sys.argv[1], path)
    for name, value in ours.items():
        print(f"{name:28}{value:14.6f}")
    print("\nthe package itself")
    for name, value in theirs.items():
        print(f"{name:28}{value:14.6f}")
    print(f"\n{theirs['seconds'] / ours['seconds']:.2f} times as fast")


if __name__ == "__main__":
    main()
