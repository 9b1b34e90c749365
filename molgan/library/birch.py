"""BitBIRCH: clusters of millions of fingerprints in one pass over them, by a tree of sums of bits.

Pérez, Jung, Chen and Miranda-Quintana (Digital Discovery 2025), after BIRCH (Zhang et al. 1996). A molecule goes down
the tree to the nearest centroid, and joins that cluster if it then still fulfils the criterion; else it founds one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le

from gancore.errors import ConfigError
from gancore.io.progress import progress

_CHUNK = 4096  # fingerprints that are unpacked together
_SMALL = np.iinfo(np.uint8).max  # molecules that a sum of bytes can count


@dataclass(frozen=True)
class Birch:
    """How the tree is built."""

    threshold: Annotated[float, Ge(0.0), Le(1.0)] = 0.65
    """Least mean Tanimoto similarity within a cluster, from 0 to 1."""
    criterion: Literal["diameter", "radius"] = "diameter"
    """diameter: the mean over the pairs of a cluster. radius: the mean of its molecules with its centroid."""
    branching: Annotated[int, Ge(2)] = 50
    """Most entries of a node. More of them give a flatter tree and slower steps."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"a threshold of {self.threshold:g} is no similarity; give one from 0 to 1.")
        if self.branching < 2:
            raise ConfigError(f"a branching factor of {self.branching} makes no tree; give at least 2.")


DEFAULT = Birch()


def isim(count: int, ones: int, squares: int) -> float:
    """The mean Tanimoto similarity of the pairs of `count` fingerprints by iSIM (López-Pérez et al. 2024).

    ones, squares: the sum over the bits of how many fingerprints have it, and of the squares of that. It is common bits
    over bits of either, each summed over the pairs first; 1 where no bit is set or there are no pairs.

    >>> isim(2, 6, 10)  # 1100 and 0111 and so on: two common bits, four bits of either
    0.5
    """
    common, alone = (squares - ones) / 2, count * ones - squares
    return common / (common + alone) if count > 1 and common + alone else 1.0


def bitbirch(packed: np.ndarray, config: Birch = DEFAULT) -> np.ndarray:
    """The cluster of each of the fingerprints `(molecule, byte)` uint8: `(molecule,)` int64, 0 for the largest cluster.

    Numbers of clusters fall with their sizes, ties by the first molecule. Molecules are taken in their order, which the
    result depends on, as in BIRCH. Raises ConfigError for bytes that are not a multiple of eight.
    """
    if packed.shape[1] % 8:
        raise ConfigError(f"fingerprints of {packed.shape[1]} bytes are not whole words; give a multiple of 64 bits.")
    tree = _Tree(config, 8 * packed.shape[1])
    labels = np.empty(len(packed), np.int64)
    with progress("clustering molecules", len(packed)) as tick:
        for row, (words, places) in enumerate(_bits(packed)):
            labels[row] = tree.insert(words, places)
            tick()
    return by_size(labels)


def by_size(labels: np.ndarray) -> np.ndarray:
    """The same clusters numbered from 0, the largest first; ties by the first molecule.

    >>> by_size(np.array([7, 4, 4, 9])).tolist()
    [1, 0, 0, 2]
    """
    _, first, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[inverse].astype(np.int64)


def _bits(packed: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each fingerprint as words of 64 bits, and as the places of its bits."""
    for start in range(0, len(packed), _CHUNK):
        part = np.ascontiguousarray(packed[start : start + _CHUNK])
        rows, places = np.nonzero(np.unpackbits(part, axis=1))
        ends = np.searchsorted(rows, np.arange(len(part) + 1))
        for row, words in enumerate(part.view(np.uint64)):
            yield words, places[ends[row] : ends[row + 1]]


# The tree ---------------------------------------------------------------------------------------


class _Entry:
    """What a node knows of a cluster (`child` is None), or of all clusters below it.

    sums: how many molecules have each bit, None for a cluster of one molecule, whose centroid says that. ones, squares:
    as `isim` takes them, of a cluster.
    """

    __slots__ = ("child", "cluster", "count", "ones", "squares", "sums")

    def __init__(self, count: int, ones: int, cluster: int = -1, child: "_Node | None" = None):
        self.count, self.ones, self.squares, self.cluster, self.child = count, ones, ones, cluster, child
        self.sums: np.ndarray | None = None

    def add(self, places: np.ndarray) -> np.ndarray:
        """Count one more molecule with these bits; gives the words of the new centroid.

        The centroid has the bits that at least half of the molecules have.
        """
        sums = self.sums
        assert sums is not None
        if self.count == _SMALL and sums.dtype == np.uint8:
            sums = self.sums = sums.astype(np.uint32)
        sums[places] += 1
        self.count += 1
        return np.packbits(sums >= (self.count + 1) // 2).view(np.uint64)


class _Node:
    """Entries and their centroids `(entry, word)`, one more than the branching factor for the moment before a split."""

    __slots__ = ("bits", "centroids", "entries")

    def __init__(self, most: int, words: int):
        self.entries: list[_Entry] = []
        self.centroids = np.zeros((most + 1, words), np.uint64)
        self.bits = np.zeros(most + 1, np.float32)

    def similar(self, words: np.ndarray, ones: int) -> np.ndarray:
        """Tanimoto similarity of each centroid to a fingerprint with so many bits: `(entry,)`."""
        size = len(self.entries)
        common = np.bitwise_count(self.centroids[:size] & words).sum(1, dtype=np.uint16)
        return common / np.maximum(self.bits[:size] + ones - common, 1e-6)

    def append(self, entry: _Entry, words: np.ndarray, bits: int) -> None:
        """Take in an entry with its centroid."""
        place = len(self.entries)
        self.entries.append(entry)
        self.centroids[place], self.bits[place] = words, bits

    def move(self, place: int, words: np.ndarray) -> None:
        """Give an entry its new centroid."""
        self.centroids[place], self.bits[place] = words, _count(words)

    def total(self, bits: int) -> np.ndarray:
        """The sums of all entries together, `(bit,)`."""
        sums = np.zeros(bits, np.uint32)
        alone = [place for place, entry in enumerate(self.entries) if entry.sums is None]
        if alone:
            sums += np.unpackbits(self.centroids[alone].view(np.uint8), axis=1).sum(0, dtype=np.uint32)
        for entry in self.entries:
            if entry.sums is not None:
                sums += entry.sums
        return sums


class _Tree:
    """The tree; `insert` gives the number of the cluster that a molecule is in, which stays as it is."""

    def __init__(self, config: Birch, bits: int):
        self.config, self.bits = config, bits
        self.root, self.clusters = _Node(config.branching, bits // 64), 0

    def insert(self, words: np.ndarray, places: np.ndarray) -> int:
        """Take in a molecule: its fingerprint as words, and the places of its bits."""
        ones = len(places)
        node = self.root
        path: list[tuple[_Node, int]] = []
        while node.entries:
            place = int(node.similar(words, ones).argmax())
            entry = node.entries[place]
            path.append((node, place))
            if entry.child is None:
                break
            node = entry.child
        cluster = -1
        if path:
            leaf, place = path.pop()
            cluster = self._join(leaf, place, words, places)
        if cluster < 0:
            cluster, self.clusters = self.clusters, self.clusters + 1
            node.append(_Entry(1, ones, cluster), words, ones)
        for above, place in path:
            above.move(place, above.entries[place].add(places))
        if len(node.entries) > self.config.branching:
            self._split(node, path)
        return cluster

    def _join(self, node: _Node, place: int, words: np.ndarray, places: np.ndarray) -> int:
        """Add a molecule to a cluster if that still fulfils the criterion, and give its number; else -1."""
        entry, more = node.entries[place], len(places)
        own = np.unpackbits(node.centroids[place].view(np.uint8)) if entry.sums is None else entry.sums
        squares = entry.squares + 2 * int(own[places].sum(dtype=np.int64)) + more
        ones, count = entry.ones + more, entry.count + 1
        if self.config.criterion == "radius":
            similar = _to_centroid(own, places, count, ones, squares)
        else:
            similar = isim(count, ones, squares)
        if similar < self.config.threshold:
            return -1
        entry.sums, entry.ones, entry.squares = own, ones, squares
        node.move(place, entry.add(places))
        return entry.cluster

    def _split(self, node: _Node, path: list[tuple[_Node, int]]) -> None:
        """Part a node that is too full in two, and the nodes above it where they become so."""
        while len(node.entries) > self.config.branching:
            halves = [self._above(half) for half in _halves(node)]
            if path:
                above, place = path.pop()
                above.entries[place] = halves[0][0]
                above.move(place, halves[0][1])
                above.append(*halves[1], _count(halves[1][1]))
                node = above
                continue
            self.root = _Node(self.config.branching, self.bits // 64)
            for entry, words in halves:
                self.root.append(entry, words, _count(words))
            return

    def _above(self, node: _Node) -> tuple[_Entry, np.ndarray]:
        """The entry for a node, and its centroid."""
        entry = _Entry(sum(one.count for one in node.entries), 0, child=node)
        entry.sums = node.total(self.bits)
        return entry, np.packbits(entry.sums >= (entry.count + 1) // 2).view(np.uint64)


def _halves(node: _Node) -> tuple[_Node, _Node]:
    """The entries of a node parted by which of two they are nearer to.

    The two are the entry farthest from the mean of the centroids, and the one farthest from that.
    """
    size = len(node.entries)
    mean = np.unpackbits(node.centroids[:size].view(np.uint8), axis=1).sum(0) >= (size + 1) // 2
    words = np.packbits(mean).view(np.uint64)
    first = int(node.similar(words, int(mean.sum())).argmin())
    near = node.similar(node.centroids[first], int(node.bits[first]))
    near[first] = 2.0
    second = int(near.argmin())
    other = near < node.similar(node.centroids[second], int(node.bits[second]))
    other[second] = True
    other[first] = False
    halves = _Node(len(node.bits) - 1, node.centroids.shape[1]), _Node(len(node.bits) - 1, node.centroids.shape[1])
    for place, entry in enumerate(node.entries):
        halves[int(other[place])].append(entry, node.centroids[place], int(node.bits[place]))
    return halves


def _count(words: np.ndarray) -> int:
    return int(np.bitwise_count(words).sum())


def _to_centroid(own: np.ndarray, places: np.ndarray, count: int, ones: int, squares: int) -> float:
    """The mean similarity by iSIM of a cluster's molecules to its centroid, once it has one more with these bits.

    Sums over pairs with the centroid as one more molecule, less those without it, are the sums over its own pairs.
    """
    sums = own.astype(np.int64)
    sums[places] += 1
    centroid = sums >= (count + 1) // 2
    more = int(centroid.sum())
    common = int(sums[centroid].sum())
    either = ones + count * more - common
    return common / either if either else 1.0
