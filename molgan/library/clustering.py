"""Groups of molecules that are alike: Butina's for small sets; `molgan.library.birch` is for millions."""

import numpy as np

from gancore.errors import ConfigError
from molgan.library.birch import by_size, isim
from molgan.metrics.similarity import pairs_above

MOST = 50_000
"""Molecules that Butina's algorithm takes: it compares all pairs."""


def butina(packed: np.ndarray, threshold: float = 0.65) -> np.ndarray:
    """The cluster of each of the fingerprints `(molecule, byte)` uint8: `(molecule,)` int64, 0 for the largest cluster.

    Butina (1999): the molecule with the most neighbours that are left founds a cluster of them, by the numbers of
    neighbours at first, ties by the last molecule as in RDKit. threshold: least Tanimoto similarity of neighbours, from
    0 to 1. Raises ConfigError beyond that, and for more than `MOST` molecules.
    """
    if not 0 <= threshold <= 1:
        raise ConfigError(f"a threshold of {threshold:g} is no similarity; give one from 0 to 1.")
    if len(packed) > MOST:
        raise ConfigError(
            f"Butina's algorithm compares all pairs, and takes at most {MOST:,} molecules, not {len(packed):,}; "
            "use BitBIRCH (--by bitbirch)."
        )
    size = len(packed)
    parts = [(rows.astype(np.int32), columns.astype(np.int32)) for rows, columns in pairs_above(packed, threshold)]
    counts = sum((np.bincount(rows, minlength=size) for rows, _ in parts), np.zeros(size, np.int64))
    columns = np.concatenate([columns for _, columns in parts]) if parts else np.zeros(0, np.int32)
    ends = np.concatenate(([0], np.cumsum(counts)))
    labels = np.full(size, -1, np.int64)
    for label, row in enumerate(np.lexsort((-np.arange(size), -counts)).tolist()):
        if labels[row] < 0:
            near = columns[ends[row] : ends[row + 1]]
            labels[near[labels[near] < 0]] = label
            labels[row] = label
    return by_size(labels)


def tightness(packed: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean similarity of the pairs of each cluster by iSIM, `(cluster,)`; 1 for a cluster of one molecule.

    labels: clusters from 0; a negative one is of no cluster.
    """
    order = np.argsort(labels, kind="stable")
    order = order[np.searchsorted(labels[order], 0) :]
    sizes = np.bincount(labels[order])
    means, start = np.ones(len(sizes)), 0
    for cluster, size in enumerate(sizes.tolist()):
        if size > 1:
            sums = np.zeros(8 * packed.shape[1], np.int64)
            for first in range(start, start + size, 4096):
                rows = order[first : min(first + 4096, start + size)]
                sums += np.unpackbits(packed[rows], axis=1).sum(0, dtype=np.int64)
            means[cluster] = isim(size, int(sums.sum()), int((sums * sums).sum()))
        start += size
    return means
