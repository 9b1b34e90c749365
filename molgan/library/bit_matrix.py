"""Fingerprints of many molecules as one matrix of bytes, in memory or mapped from a file."""

from collections.abc import Iterable, Iterator, Sequence
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
    parts = _parts(smiles, bits, processes)
    if place is None:
        matrix = np.empty(shape, np.uint8)
        for start, part in zip(range(0, len(smiles), _CHUNK), parts, strict=True):
            matrix[start : start + _CHUNK] = part
        return matrix
    with whole(place) as fresh:
        write_array(fresh, parts, shape, np.uint8)
    return np.load(place, mmap_mode="r")


def write_array(place: Path, parts: Iterable[np.ndarray], shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    """Write an .npy file of an array that comes in parts, in the order of its rows. Raises OSError where it is full.

    It is written, not mapped: a write into a mapped file that finds no room ends the process.
    """
    with open(place, "wb") as file:
        about = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, about)
        for part in parts:
            file.write(np.ascontiguousarray(part, dtype).data)


def _parts(smiles: Sequence[str | None], bits: int, processes: int | None) -> Iterator[np.ndarray]:
    """The rows of the matrix, some at a time."""
    nothing, make = bytes(bits // 8), partial(packed_fingerprint, bits=bits)
    starts = range(0, len(smiles), _CHUNK)
    for start in over(starts, "fingerprints of molecules, in parts", len(starts)):
        part = smiles[start : start + _CHUNK]
        rows = map_chunks(make, part, failed=lambda reason: nothing, processes=processes)
        yield np.frombuffer(b"".join(rows), np.uint8).reshape(len(part), -1)
