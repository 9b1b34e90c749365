"""Some of many molecules: far from each other, the best that are not alike, or the best of each group.

Fingerprints are packed, `(molecule, byte)` uint8, as `bit_matrix` gives them; one without bits is no molecule and is
never picked. Distances are 1 - Tanimoto similarity.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import DataStructs
from rdkit.SimDivFilters.rdSimDivPickers import LeaderPicker, MaxMinPicker

from gancore.errors import ConfigError
from molgan.metrics.similarity import leaders, nearest
from molgan.metrics.suites import CIRCLES

_MOST = 10_000  # molecules that the spread is worked out of
_PREFIX = 4  # how much longer a part of the list is tried next, where it did not hold enough


def maxmin(packed: np.ndarray, n: int, first: int | None = None) -> np.ndarray:
    """Rows of `n` molecules, each the farthest from those picked before: `(pick,)`, in the order of picking.

    MaxMin (Ashton et al. 2002) by RDKit's lazy picker, exact. The farthest is the one whose nearest pick is farthest.
    first: the row to begin with, the first molecule if not given. Fewer come where there are fewer molecules.
    Raises ConfigError for n below 1 and for a first row that is no molecule.
    """
    rows = _molecules(packed, np.arange(len(packed)), n)
    begun = 0 if first is None else int(np.searchsorted(rows, first))
    if first is not None and (begun >= len(rows) or rows[begun] != first):
        raise ConfigError(f"row {first} is no molecule; begin with another.")
    if len(rows) < 2:
        return rows
    # A pick of all is not offered: RDKit wants fewer than there are, so what is left is appended.
    vectors = _vectors(packed, rows)
    picks = list(MaxMinPicker().LazyBitVectorPick(vectors, len(rows), min(n, len(rows) - 1), [begun], 0))
    chosen = set(picks)
    rest = [place for place in range(len(rows)) if place not in chosen] if n >= len(rows) else []
    return rows[picks + rest]


def sphere(packed: np.ndarray, n: int, distance: float, order: np.ndarray | None = None) -> np.ndarray:
    """Rows of at most `n` molecules of which no two are within `distance`: `(pick,)` int64, in the order of picking.

    Sphere exclusion: molecules are looked at in their order, and one is picked if it lies farther than `distance` from
    all picked before (directed, Gobbi and Lee 2003, where `order` gives the best first). Only as much of the list is
    looked at as it takes. order: the rows to look at; all if not given. Raises ConfigError for n below 1 and a distance
    beyond 0 to 1.
    """
    if not 0 <= distance <= 1:
        raise ConfigError(f"a distance of {distance:g} is none; give one from 0 to 1.")
    rows = _molecules(packed, np.arange(len(packed)) if order is None else order, n)
    vectors: list[DataStructs.ExplicitBitVect] = []
    size = 2 * n
    while len(rows):
        vectors += _vectors(packed, rows[len(vectors) : size])
        picks = LeaderPicker().LazyBitVectorPick(vectors, len(vectors), distance, min(n, len(vectors)))
        if len(picks) >= n or size >= len(rows):
            return rows[list(picks)]
        size *= _PREFIX
    return rows


def best_of_groups(
    groups: Sequence[Hashable], n: int, each: int = 1, scores: Sequence[float] | np.ndarray | None = None
) -> np.ndarray:
    """Rows of at most `n` molecules, at most `each` of a group: the best of each group first, then the second best...

    groups: of each molecule, for instance its scaffold or cluster; None for one that is never picked. scores: higher is
    better, NaN is worst; without them the order counts. Ties go by the order.

    >>> best_of_groups(["a", "a", "b", "a"], 3, each=2, scores=[1.0, 3.0, 2.0, 5.0]).tolist()
    [3, 2, 1]
    """
    if n < 1 or each < 1:
        raise ConfigError(f"{n} molecules, {each} of a group, cannot be picked; ask for at least 1.")
    taken: dict[Hashable, int] = {}
    places: list[tuple[int, int, int]] = []  # rank within its group, place by score, row
    for place, row in enumerate(best_first(len(groups), scores).tolist()):
        group = groups[row]
        if group is not None:
            rank = taken.get(group, 0)
            taken[group] = rank + 1
            if rank < each:
                places.append((rank, place, row))
    return np.array([row for _, _, row in sorted(places)[:n]], np.int64)


def best_first(count: int, scores: Sequence[float] | np.ndarray | None) -> np.ndarray:
    """Rows in the order of their scores, the highest first, NaN last; in their own without scores."""
    if scores is None:
        return np.arange(count)
    return np.argsort(-np.asarray(scores, float), kind="stable")


@dataclass(frozen=True)
class Spread:
    """How far molecules lie apart.

    circles: the largest number found of which each two have a distance above 0.75 (`#Circles`, Xie et al. 2023).
    nearest: the mean similarity, from 0 to 1, to the nearest other one.
    """

    circles: int
    nearest: float


def spread(packed: np.ndarray, rows: np.ndarray, seed: int = 0) -> Spread:
    """The spread of the molecules of some rows, or of 10,000 random ones if there are more."""
    if len(rows) > _MOST:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST, replace=False))
    own = np.asarray(packed[rows])
    if len(own) < 2:
        return Spread(len(own), 0.0)
    return Spread(len(leaders(own, CIRCLES)), float(nearest(own, own, skip_self=True).similarity.mean()))


def _molecules(packed: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    """Those of the rows that are molecules."""
    if n < 1:
        raise ConfigError(f"{n} molecules cannot be picked; ask for at least 1.")
    return rows[np.any(packed, axis=1)[rows]]


def _vectors(packed: np.ndarray, rows: np.ndarray) -> list[DataStructs.ExplicitBitVect]:
    """Fingerprints for RDKit, whose order of bits does not matter to a similarity."""
    return [DataStructs.CreateFromBinaryText(packed[row].tobytes()) for row in rows]  # pyright: ignore
