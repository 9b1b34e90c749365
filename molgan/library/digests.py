"""Strings as whole numbers of 64 bits, to look up tens of millions of them in little memory."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from molgan.scoring.description import digest

BITS = 64
"""Bits of a digest."""


def digests(texts: Sequence[str], bits: int = BITS) -> np.ndarray:
    """The first bits of the digest of each string, `(string,)` uint64; the others are zero.

    Of 20 million strings two have the same digest in 1 of 90,000 sets, so a digest that is found is compared in full.

    >>> digests(["CCO", "CCN"], bits=8).tolist() == [digest >> 56 << 56 for digest in digests(["CCO", "CCN"]).tolist()]
    True
    """
    return np.fromiter(map(digest, texts), np.int64, len(texts)).view(np.uint64) & _mask(bits)


def _mask(bits: int) -> np.uint64:
    return np.uint64((1 << 64) - (1 << (64 - bits)))


def digest_of_file(path: str | Path) -> str:
    """BLAKE2b of what a file holds, as text; raises OSError where it cannot be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
