"""Known molecules, picking and clustering at size: `python -m benchmarks.picking FILE [--molecules 1000000 ...]`.

Each row is measured in a process of its own: CPU seconds, and the most memory it ever had. Beside it stands the usual
way in the same run, on as much as it can do in reasonable time; where it says so, its seconds are scaled.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from molgan.data.inputs import as_rows

PREFIXES = [one + other for one in ("", "F", "Cl", "Br", "I") for other in ("", "CC", "CCCCC", "OCC", "NCC", "SCC")]
"""What is set before SMILES to make more of them."""


Measure: TypeAlias = Callable[..., tuple[float, float]]
"""Calls a function; gives CPU seconds and peak megabytes."""


class Row(NamedTuple):
    """What was done, on how many; CPU seconds and peak megabytes; the same of the usual way, and what that was."""

    what: str
    size: int
    seconds: float
    memory: float
    others: float
    others_memory: float
    beside: str


def made(texts: list[str], n: int) -> Iterator[str]:
    """So many strings that look like SMILES: those of a list, and those with a few atoms set before them."""
    return islice((prefix + text for prefix in PREFIXES for text in texts), n)


# What is measured: each is a function of a file and sizes --------------------------------------------


def fingerprints(file: Path, place: Path, n: int) -> None:
    from molgan.library.bit_matrix import bit_matrix

    bit_matrix([text for text in islice(as_rows(file), n) if text], place, processes=0)


def build_known(file: Path, folder: Path, n: int) -> None:
    from molgan.library.known import Known

    Known.build(made([text for text in as_rows(file) if text], n), folder, policy=None)


def ask_known(file: Path, folder: Path, n: int) -> None:
    from molgan.library.known import Known

    known = Known(folder)
    texts = list(islice((text for text in as_rows(file) if text), n))
    assert known.contains(texts).all()
    assert not known.contains([f"P{text}" for text in texts]).any()


def ask_set(file: Path, size: int, n: int) -> None:
    known = set(made([text for text in as_rows(file) if text], size))
    texts = list(islice((text for text in as_rows(file) if text), n))
    assert all(text in known for text in texts)
    assert not any(f"P{text}" in known for text in texts)


def see(file: Path, folder: Path, n: int) -> None:
    from molgan.library.seen import Seen

    strings = made([text for text in as_rows(file) if text], n)
    with Seen(folder / "seen.txt") as seen:
        while part := list(islice(strings, 10_000)):
            seen.add(part)
        assert len(seen) > 0.9 * n


def see_set(file: Path, n: int) -> None:
    strings, seen = made([text for text in as_rows(file) if text], n), set()
    while part := list(islice(strings, 10_000)):
        [text not in seen and not seen.add(text) for text in part]


def pick_far(place: Path, n: int) -> None:
    from molgan.library.picking import maxmin

    assert len(maxmin(np.load(place, mmap_mode="r"), n)) == n


def pick_far_plainly(place: Path, n: int) -> None:
    """MaxMin in numpy: every pick is compared with every molecule."""
    words = np.load(place).view(np.uint64)
    counts = np.bitwise_count(words).sum(1, dtype=np.int32)
    nearest, pick = np.full(len(words), -1.0), 0
    for _ in range(n):
        common = np.bitwise_count(words & words[pick]).sum(1, dtype=np.uint16)
        nearest = np.maximum(nearest, common / (counts + counts[pick] - common))
        pick = int(nearest.argmin())


def pick_spheres(place: Path, n: int) -> None:
    from molgan.library.picking import sphere

    assert len(sphere(np.load(place, mmap_mode="r"), n, 0.65)) <= n


def pick_spheres_of_all(place: Path, n: int) -> None:
    from rdkit import DataStructs
    from rdkit.SimDivFilters.rdSimDivPickers import LeaderPicker

    vectors = [DataStructs.CreateFromBinaryText(row.tobytes()) for row in np.load(place, mmap_mode="r")]
    LeaderPicker().LazyBitVectorPick(vectors, len(vectors), 0.65, n)


def birch(place: Path, n: int, threshold: float = 0.65) -> None:
    from molgan.library.birch import Birch, bitbirch

    bitbirch(np.load(place, mmap_mode="r")[:n], Birch(threshold))


def butina(place: Path, n: int) -> None:
    from molgan.library.clustering import butina as cluster

    cluster(np.load(place, mmap_mode="r")[:n], 0.65)


def nearest(place: Path, n: int) -> None:
    from molgan.metrics.similarity import nearest as find

    packed = np.load(place, mmap_mode="r")
    find(packed[-n:], packed)


def nearest_by_rdkit(place: Path, n: int) -> None:
    from rdkit import DataStructs

    vectors = [DataStructs.CreateFromBinaryText(row.tobytes()) for row in np.load(place, mmap_mode="r")]
    for vector in vectors[-n:]:
        max(DataStructs.BulkTanimotoSimilarity(vector, vectors))


# How it is measured -----------------------------------------------------------------------------


def measured(function: Callable, *arguments: object) -> tuple[float, float]:
    """CPU seconds of a call and the most megabytes that this process has had."""
    begun = time.process_time()
    function(*arguments)
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def alone(function: Callable, *arguments: object) -> tuple[float, float]:
    """The same in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (function, *arguments))


def known_rows(file: Path, folder: Path, sizes: argparse.Namespace, call: Measure) -> Iterator[Row]:
    n, asked = sizes.known, sizes.molecules
    yield Row("known: build", n, *call(build_known, file, folder / "known", n), 0, 0, "")
    pair = call(ask_known, file, folder / "known", asked), call(ask_set, file, n, asked)
    yield Row("known: ask for as many molecules, known and not", asked, *pair[0], *pair[1], "a set, made first")


def seen_rows(file: Path, folder: Path, sizes: argparse.Namespace, call: Measure) -> Iterator[Row]:
    n = sizes.seen
    yield Row("seen: shards of 10,000", n, *call(see, file, folder, n), *call(see_set, file, n), "a set")


def maxmin_rows(file: Path, folder: Path, sizes: argparse.Namespace, call: Measure) -> Iterator[Row]:
    n, few, place = sizes.picks, min(20, sizes.picks), bits(file, folder, sizes)
    others, memory = call(pick_far_plainly, place, few)
    yield Row("pick maxmin", n, *call(pick_far, place, n), others * n / few, memory, f"numpy, scaled from {few} picks")


def sphere_rows(file: Path, folder: Path, sizes: argparse.Namespace, call: Measure) -> Iterator[Row]:
    n, place, beside = min(5000, sizes.picks), bits(file, folder, sizes), "RDKit's LeaderPicker on all"
    yield Row("pick sphere", n, *call(pick_spheres, place, n), *call(pick_spheres_of_all, place, n), beside)


def cluster_rows(file: Path, folder: Path, sizes: argparse.Namespace, call: Measure) -> Iterator[Row]:
    n, part, place = sizes.molecules, min(10_000, sizes.molecules), bits(file, folder, sizes)
    others, memory = call(butina, place, part)
    scaled = f"Butina, scaled from {part:,}"
    yield Row("cluster bitbirch", n, *call(birch, place, n), others * (n / part) ** 2, memory, scaled)


def nearest_rows(file: Path, folder: Path, sizes: argparse.Namespace, call: Measure) -> Iterator[Row]:
    n, place = min(1000, sizes.molecules), bits(file, folder, sizes)
    few = min(20, n)
    others, memory = call(nearest_by_rdkit, place, few)
    yield Row("nearest of all", n, *call(nearest, place, n), others * n / few, memory, f"RDKit, scaled from {few}")


def fingerprint_rows(file: Path, folder: Path, sizes: argparse.Namespace, call: Measure) -> Iterator[Row]:
    n = sizes.molecules
    yield Row("fingerprints", n, *call(fingerprints, file, folder / "bits.npy", n), 0, 0, "")


def bits(file: Path, folder: Path, sizes: argparse.Namespace) -> Path:
    """The file of fingerprints, made where it is not there."""
    place = folder / "bits.npy"
    if not place.exists():
        fingerprints(file, place, sizes.molecules)
    return place


ROWS = {
    "fingerprints": fingerprint_rows,
    "known": known_rows,
    "seen": seen_rows,
    "maxmin": maxmin_rows,
    "sphere": sphere_rows,
    "cluster": cluster_rows,
    "nearest": nearest_rows,
}


def agreement(place: Path, n: int, threshold: float) -> dict[str, float]:
    """BitBIRCH's clusters beside Butina's, which compares all pairs.

    rand: the adjusted Rand index. birch, butina: the mean similarity in clusters of several molecules, by iSIM.
    """
    from molgan.library.birch import Birch, bitbirch
    from molgan.library.clustering import butina as cluster
    from molgan.library.clustering import tightness

    packed = np.load(place, mmap_mode="r")[:n]
    both = bitbirch(packed, Birch(threshold)), cluster(packed, threshold)
    found = {"rand": adjusted_rand(*both)}
    for name, labels in zip(("birch", "butina"), both, strict=True):
        means = tightness(packed, labels)[np.bincount(labels) > 1]
        found |= {f"{name} clusters": labels.max() + 1, name: float(means.mean()) if len(means) else 1.0}
    return found


def adjusted_rand(one: np.ndarray, other: np.ndarray) -> float:
    """Agreement of two clusterings: 1 for the same, 0 for what chance gives (Hubert and Arabie 1985)."""

    def pairs(labels: np.ndarray) -> float:
        sizes = np.unique(labels, return_counts=True)[1].astype(float)
        return float((sizes * (sizes - 1) / 2).sum())

    both, first, second = pairs(one * (other.max() + 1) + other), pairs(one), pairs(other)
    expected = first * second / max(1.0, len(one) * (len(one) - 1) / 2)
    most = (first + second) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, help="at least as many distinct molecules as --molecules")
    for name, size in (("molecules", 1_000_000), ("picks", 10_000), ("known", 20_000_000), ("seen", 10_000_000)):
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--only", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--folder", type=Path, help="where files are made, and fingerprints kept; default: for now")
    parser.add_argument("--here", action="store_true", help="all in this process: peaks mean nothing")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.file.parent) as name:
        show(given, given.folder or Path(name))


def show(given: argparse.Namespace, folder: Path) -> None:
    """Print the rows that are asked for, and where clusters are among them how they agree."""
    print("| | size | CPU s | peak MB | beside | CPU s | peak MB | ratio |\n|---|---|---|---|---|---|---|---|")
    for name in given.only:
        for row in ROWS[name](given.file, folder, given, measured if given.here else alone):
            ratio = f"{row.others / max(row.seconds, 1e-9):.2f}" if row.beside else ""
            others = f"{row.others:,.1f} | {row.others_memory:,.0f}" if row.beside else " | "
            head = f"| {row.what} | {row.size:,} | {row.seconds:,.1f} | {row.memory:,.0f} "
            print(f"{head}| {row.beside} | {others} | {ratio} |", flush=True)
    if "cluster" not in given.only:
        return
    part = min(10_000, given.molecules)
    print(f"\n| of {part:,}, threshold | Rand | BitBIRCH: clusters | mean | Butina: clusters | mean |")
    print("|---|---|---|---|---|---|")
    for threshold in (0.4, 0.5, 0.65):
        found = agreement(bits(given.file, folder, given), part, threshold)
        cells = [f"{found['birch clusters']:,.0f}", f"{found['birch']:.3f}"]
        cells += [f"{found['butina clusters']:,.0f}", f"{found['butina']:.3f}"]
        print(f"| {threshold} | {found['rand']:.3f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
