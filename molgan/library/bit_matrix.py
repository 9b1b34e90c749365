"""Fingerprints of many molecules as one matrix of bytes, in memory or mapped from a file."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gancore.io.atomic_write import whole
from gancore.io.progress import over
from molgan.chemistry.fingerprints import packed_fingerprint
from molgan.chemistry.parallel import map_chunks

BITS = 2048
"""Bits of the fingerprints (Morgan, radius 2) that molecules are picked and clustered by."""
_CHUNK = 100_000


def bit_matrix(
    smiles: Sequence[str | None], place: str | Path | None = None, bits: int = BITS, processes: int | None = None
) -> np.ndarray:
    """Packed Morgan fingerprints of radius 2, `(molecule, bits / 8)` uint8; zeros for what RDKit does not read.

    place: an .npy file to write, whole or not at all; the matrix is then mapped from it, and `np.load(place,
    mmap_mode="r")` gives it again. A million molecules take 256 MB. processes: as in `map_chunks`.

    >>> bit_matrix(["CCO", "CCN", None]).any(1).tolist()
    [True, True, False]
    """
    shape = len(smiles), bits // 8
    if place is None:
        matrix = np.zeros(shape, np.uint8)
        _fill(matrix, smiles, bits, processes)
        return matrix
    with whole(place) as fresh:
        matrix = np.lib.format.open_memmap(fresh, "w+", np.uint8, shape)
        _fill(matrix, smiles, bits, processes)
        matrix.flush()
        del matrix
    return np.load(place, mmap_mode="r")


def _fill(matrix: np.ndarray, smiles: Sequence[str | None], bits: int, processes: int | None) -> None:
    nothing, make = bytes(bits // 8), partial(packed_fingerprint, bits=bits)
    starts = range(0, len(smiles), _CHUNK)
    for start in over(starts, "fingerprints of molecules, in parts", len(starts)):
        part = smiles[start : start + _CHUNK]
        rows = map_chunks(make, part, failed=lambda reason: nothing, processes=processes)
        matrix[start : start + len(part)] = np.frombuffer(b"".join(rows), np.uint8).reshape(len(part), -1)
