"""A file of molecules to pick from or to cluster, and the table that is written of it."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gancore.errors import ConfigError, DataError
from gancore.io.atomic_write import whole
from gancore.io.beside import beside
from molgan.chemistry.fingerprints import sketch
from molgan.chemistry.parallel import map_chunks
from molgan.data.inputs import LOOKED_AT, NamedRow, numbers_of, read_named, refuse_foreign
from molgan.library import picking
from molgan.library.birch import Birch, bitbirch
from molgan.library.bit_matrix import BITS
from molgan.library.clustering import butina, tightness

_CHUNK = 100_000


@dataclass(frozen=True)
class MoleculeTable:
    """The rows of a file with what RDKit reads of them.

    smiles: canonical, with stereochemistry; None for a row that is no molecule. packed: fingerprints `(row, byte)`.
    scaffolds: of Bemis and Murcko, "" for a molecule without rings, where they were asked for. doubt: what makes one
    doubt that these are molecules, or "".
    """

    file: Path
    rows: list[NamedRow]
    smiles: list[str | None]
    packed: np.ndarray
    scaffolds: list[str]
    doubt: str

    @classmethod
    def read(cls, file: Path, column: str = "", scaffold: bool = False) -> "MoleculeTable":
        """Read a file and work out fingerprints on all cores. Raises DataError for a file without molecules."""
        rows = list(read_named(file, column))
        if not rows:
            raise DataError(f"{file}: holds no rows.")
        packed = np.zeros((len(rows), BITS // 8), np.uint8)
        smiles: list[str | None] = []
        scaffolds: list[str] = []
        for start in range(0, len(rows), _CHUNK):
            texts = [row.smiles for row in rows[start : start + _CHUNK]]
            read = map_chunks(partial(sketch, bits=BITS, scaffold=scaffold), texts, failed=lambda reason: None)
            smiles += [None if one is None else one.smiles for one in read]
            scaffolds += ["" if one is None else one.scaffold for one in read] if scaffold else []
            for row, one in enumerate(read, start):
                if one is not None:
                    packed[row] = np.frombuffer(one.fingerprint, np.uint8)
        valid = [text is not None for text in smiles]
        first = [row.smiles for row in rows[:LOOKED_AT]]
        doubt = refuse_foreign(file, first, valid[:LOOKED_AT], len(rows), sum(valid))
        if not any(valid):
            raise DataError(f"{file}: none of {len(rows):,} rows is a molecule.")
        return cls(file, rows, smiles, packed, scaffolds, doubt)

    @property
    def distinct(self) -> np.ndarray:
        """Rows of the molecules, each the first time it comes."""
        first: dict[str, int] = {}
        for row, text in enumerate(self.smiles):
            if text is not None:
                first.setdefault(text, row)
        return np.fromiter(first.values(), np.int64, len(first))

    def scores(self, column: str) -> np.ndarray:
        """A column of numbers, NaN where it is empty. Raises DataError where it is missing or holds no number."""
        return np.array(numbers_of(self.rows, column, self.file, "to rank by"))

    def write(self, out: Path, rows: np.ndarray, columns: dict[str, Any]) -> None:
        """Write some rows, in this order, with further columns: .parquet, .csv, or .smi (SMILES and name)."""
        some = [self.rows[row] for row in rows.tolist()]
        smiles = [self.smiles[row] for row in rows.tolist()]
        with whole(out) as place:
            if out.suffix.lower() == ".smi":
                lines = (f"{text} {row.name}".rstrip() + "\n" for text, row in zip(smiles, some, strict=True))
                place.write_text("".join(lines), encoding="utf-8", newline="\n")
                return
            parquet = out.suffix.lower() == ".parquet"
            table = beside(some, pd.DataFrame({"smiles": smiles, **columns}), typed=parquet)
            table.to_parquet(place, index=False) if parquet else table.to_csv(place, index=False)


# Picking ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """What is to be picked: how many, the least similarity of `sphere` or of a cluster, how many of a group, scores."""

    n: int
    threshold: float | None = None
    each: int | None = None
    scores: np.ndarray | None = None


class Picked(NamedTuple):
    """Rows in the order of picking, and the groups of all distinct molecules where there are any."""

    rows: np.ndarray
    groups: dict[int, Hashable]


SPHERE, CLUSTER = 0.35, 0.65
"""Similarities of `sphere`, and of clusters, unless others are given."""


def _maxmin(table: MoleculeTable, rows: np.ndarray, request: Request) -> Picked:
    scores = None if request.scores is None else request.scores[rows]
    first = int(picking.best_first(len(rows), scores)[0])
    return Picked(rows[picking.maxmin(table.packed[rows], request.n, first)], {})


def _sphere(table: MoleculeTable, rows: np.ndarray, request: Request) -> Picked:
    order = rows if request.scores is None else rows[picking.best_first(len(rows), request.scores[rows])]
    similarity = SPHERE if request.threshold is None else request.threshold
    return Picked(picking.sphere(table.packed, request.n, 1 - similarity, order), {})


def _scaffold(table: MoleculeTable, rows: np.ndarray, request: Request) -> Picked:
    return _best(rows, [table.scaffolds[row] for row in rows.tolist()], request)


def _cluster(table: MoleculeTable, rows: np.ndarray, request: Request) -> Picked:
    threshold = CLUSTER if request.threshold is None else request.threshold
    return _best(rows, bitbirch(table.packed[rows], Birch(threshold)).tolist(), request)


def _best(rows: np.ndarray, groups: Sequence[Hashable], request: Request) -> Picked:
    scores = None if request.scores is None else request.scores[rows]
    picks = picking.best_of_groups(groups, request.n, request.each or 1, scores)
    return Picked(rows[picks], dict(zip(rows.tolist(), groups, strict=True)))


PICKERS: dict[str, Callable[[MoleculeTable, np.ndarray, Request], Picked]] = {
    "maxmin": _maxmin,
    "sphere": _sphere,
    "scaffold": _scaffold,
    "cluster": _cluster,
}
"""Ways to pick: far from each other; not alike, the best first; the best of each scaffold or cluster."""
_WITH_THRESHOLD, GROUPED = ("sphere", "cluster"), ("scaffold", "cluster")


def pick(table: MoleculeTable, by: str, request: Request) -> Picked:
    """Pick distinct molecules of a file. Raises ConfigError for an option that this way does not have."""
    refuse_options(by, request.threshold, request.each)
    return PICKERS[by](table, table.distinct, request)


def refuse_options(by: str, threshold: float | None, each: int | None) -> None:
    """Raise ConfigError for options that a way to pick does not have, or a threshold that is no similarity."""
    if threshold is not None and by not in _WITH_THRESHOLD:
        raise ConfigError(f"--by {by} has no threshold; leave --threshold out, or use {' or '.join(_WITH_THRESHOLD)}.")
    if each is not None and by not in GROUPED:
        raise ConfigError(f"--by {by} has no groups; leave --each out, or use {' or '.join(GROUPED)}.")
    if threshold is not None and not 0 <= threshold <= 1:
        raise ConfigError(f"--threshold {threshold:g} is no similarity; give one from 0 to 1.")


# Clusters ---------------------------------------------------------------------------------------


def cluster(table: MoleculeTable, by: str, config: Birch) -> np.ndarray:
    """The cluster of each row of a file, 0 for the largest; -1 for a row that is no molecule."""
    labels = np.full(len(table.rows), -1, np.int64)
    rows = np.flatnonzero([text is not None for text in table.smiles])
    packed = table.packed[rows]
    labels[rows] = bitbirch(packed, config) if by == "bitbirch" else butina(packed, config.threshold)
    return labels


def figures_of(table: MoleculeTable, labels: np.ndarray) -> dict[str, int | float]:
    """Numbers of rows, molecules, clusters and single molecules, the largest cluster, the mean similarity in clusters.

    The last is over the clusters of several molecules, 0 where there are none.
    """
    sizes = np.bincount(labels[labels >= 0])
    means = tightness(table.packed, labels)[sizes > 1]
    return {
        "rows": len(labels),
        "molecules": int(sizes.sum()),
        "clusters": len(sizes),
        "singles": int((sizes == 1).sum()),
        "largest": int(sizes.max()),
        "similarity": float(means.mean()) if len(means) else 0.0,
    }
