"""Sorted 64-bit digests: which of some are among tens of millions, and how so many are sorted in bounded memory."""

from collections.abc import Iterator

import numpy as np

AT_ONCE = 2_000_000
"""Digests that are in memory at once while they are sorted."""


def matches(known: np.ndarray, sought: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of a place in `sought` and a place in `known` where the digests are equal, the smallest digest first.

    known: sorted, `(known,)` uint64; it may be mapped into memory, for it is only searched. sought: `(sought,)` uint64.
    Equal digests are no proof: whoever asks compares what they are of.

    >>> list(matches(np.array([2, 5, 5, 9], np.uint64), np.array([5, 1], np.uint64)))
    [(0, 1), (0, 2)]
    """
    if not len(known):
        return
    order = np.argsort(sought)  # so that the known ones are not jumped about in
    values = sought[order]
    first = np.searchsorted(known, values)
    there = np.flatnonzero(known[np.minimum(first, len(known) - 1)] == values)
    for row, place in zip(order[there].tolist(), first[there].tolist(), strict=True):
        while place < len(known) and known[place] == sought[row]:
            yield row, place
            place += 1


def sorted_rows(digests: np.ndarray, at_once: int = AT_ONCE) -> Iterator[np.ndarray]:
    """The row numbers of digests in their order, int64, a range of digests at a time; equal ones stay in order.

    Digests are spread evenly, so a range has about `at_once` of them. They are read once for each range.

    >>> [rows.tolist() for rows in sorted_rows(np.array([1 << 63, 7, 7, 1 << 62], np.uint64), at_once=2)]
    [[1, 2, 3], [0]]
    """
    parts = max(1, -(-len(digests) // at_once))
    for part in range(parts):
        low, high = (part << 64) // parts, ((part + 1 << 64) // parts) - 1
        found = []
        for start in range(0, len(digests), at_once):
            some = np.asarray(digests[start : start + at_once])
            found.append(start + np.flatnonzero((some >= np.uint64(low)) & (some <= np.uint64(high))))
        rows = np.concatenate(found) if found else np.zeros(0, np.int64)
        yield rows[np.argsort(digests[rows], kind="stable")]
