"""Tanimoto similarity of many packed fingerprints with many: on all cores and in little memory, or on a GPU."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from rdkit import DataStructs
from rdkit.SimDivFilters.rdSimDivPickers import LeaderPicker

from gancore.io.progress import over
from molgan.metrics import gpu

_BLOCK = 2048
_COUNTED = 1 << 16
_EXACT = 256  # bfloat16 holds whole numbers up to here


class Nearest(NamedTuple):
    """For each molecule its highest similarity in [0, 1] to any of a reference, and that one's row."""

    similarity: np.ndarray
    row: np.ndarray


def nearest(packed: np.ndarray, reference: np.ndarray, skip_self: bool = False) -> Nearest:
    """The nearest of `reference (other, byte)` to each of `packed (molecule, byte)`; exact.

    skip_self: both are the same list, and a molecule is not its own neighbour. Two empty fingerprints are alike (1).
    Where both have as many bits, the similarity grows with the bits in common: so those of the reference with equally
    many are searched by a product of matrices and a maximum, without a division for each pair.
    """
    if gpu.usable():
        return _nearest_on_gpu(packed, reference, skip_self)
    counts, others = _counts(packed), _counts(reference)
    kind = _kind(counts, others)
    order = np.argsort(others, kind="stable")
    best, row = np.full(len(packed), -1.0), np.zeros(len(packed), np.int64)
    edges = np.flatnonzero(np.diff(others[order], prepend=-1, append=-1))
    for begin, end in over(pairwise(edges.tolist()), "nearest molecules, by number of bits", len(edges) - 1):
        for start in range(begin, end, 2 * _BLOCK):
            rows = order[start : min(end, start + 2 * _BLOCK)]
            columns, bits = _floats(reference[rows], kind).T, int(others[rows[0]])
            for first in range(0, len(packed), _BLOCK):
                part = slice(first, first + _BLOCK)
                common = torch.mm(_floats(packed[part], kind), columns)
                if skip_self:
                    common[torch.from_numpy(np.arange(len(packed))[part, None] == rows[None])] = -1
                most, where = common.float().max(1)
                either = np.maximum(counts[part] + bits - most.numpy(), 1e-9)
                similar = np.where(counts[part] + bits == 0, 1.0, most.numpy().astype(float) / either)
                better = similar > best[part]
                best[part][better], row[part][better] = similar[better], rows[where.numpy()[better]]
    return Nearest(best, row)


def _nearest_on_gpu(packed: np.ndarray, reference: np.ndarray, skip_self: bool) -> Nearest:
    best, row = np.full(len(packed), -1.0), np.zeros(len(packed), np.int64)
    if len(reference):
        for part, similar in gpu.tanimoto(packed, reference):
            if skip_self:
                similar.diagonal(part.start).fill_(-1.0)
            most, where = similar.max(1)
            best[part], row[part] = most.cpu().numpy(), where.cpu().numpy()
    return Nearest(best, row)


def mean_powers(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each molecule the mean similarity to all, itself among them, and the root of the mean square."""
    sums, squares = np.zeros(len(packed)), np.zeros(len(packed))
    if gpu.usable():
        for part, similar in gpu.tanimoto(packed, packed):
            sums[part], squares[part] = similar.sum(1).cpu().numpy(), similar.square().sum(1).cpu().numpy()
        return sums / len(packed), np.sqrt(squares / len(packed))
    counts = _counts(packed)
    kind = _kind(counts)
    bits = torch.from_numpy(counts.astype(np.float32))
    blocks = range(0, len(packed), _BLOCK)
    for start in over(blocks, "similarity of all pairs, in blocks", len(blocks)):
        columns = _floats(packed[start : start + _BLOCK], kind).T
        for first in range(0, len(packed), 512):
            part = slice(first, first + 512)
            common = torch.mm(_floats(packed[part], kind), columns).float()
            either = bits[part, None] + bits[None, start : start + _BLOCK] - common
            similar = torch.where(either == 0, 1.0, common / either)
            sums[part] += similar.sum(1, dtype=torch.float64).numpy()
            squares[part] += similar.square_().sum(1, dtype=torch.float64).numpy()
    return sums / len(packed), np.sqrt(squares / len(packed))


def pairs_above(packed: np.ndarray, threshold: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of the pairs with at least this similarity, a block of rows at a time; each pair both ways.

    No molecule is paired with itself. Rows rise, and so do the columns of a row.
    """
    counts = _counts(packed)
    kind, bits = _kind(counts), torch.from_numpy(counts.astype(np.float32))
    starts = range(0, len(packed), _BLOCK)
    for first in over(starts, "pairs of similar molecules, in blocks", len(starts)):
        rows, found = slice(first, first + _BLOCK), []
        own = _floats(packed[rows], kind)
        for start in starts:
            common = torch.mm(own, _floats(packed[start : start + _BLOCK], kind).T).float()
            either = bits[rows, None] + bits[None, start : start + _BLOCK] - common
            near = torch.where(either == 0, 1.0, common / either) >= threshold
            if start == first:
                near.fill_diagonal_(False)
            found.append(near.numpy())
        places, columns = np.nonzero(np.concatenate(found, axis=1))
        yield places + first, columns


def leaders(packed: np.ndarray, distance: float) -> np.ndarray:
    """Rows kept when each molecule, in order, is kept if it lies farther than `distance` from all kept before."""
    vectors = [DataStructs.CreateFromBinaryText(row.tobytes()) for row in _turned(packed)]
    return np.array(sorted(LeaderPicker().LazyBitVectorPick(vectors, len(vectors), distance)))


def _turned(packed: np.ndarray) -> np.ndarray:
    """RDKit has the lowest bit of a byte first."""
    return np.packbits(np.unpackbits(packed, axis=1), axis=1, bitorder="little")


def _counts(packed: np.ndarray) -> np.ndarray:
    """Bits of each fingerprint, some at a time: what is mapped into memory may be larger than it."""
    counts = np.empty(len(packed), np.int64)
    for start in range(0, len(packed), _COUNTED):
        part = slice(start, start + _COUNTED)
        counts[part] = np.bitwise_count(packed[part]).sum(1, dtype=np.int64)
    return counts


def _kind(*counts: np.ndarray) -> torch.dtype:
    """The number type to multiply in: bfloat16 where the processor has units for it and all sums are exact."""
    supported = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
    return torch.bfloat16 if supported and max(int(part.max(initial=0)) for part in counts) <= _EXACT else torch.float32


def _floats(packed: np.ndarray, kind: torch.dtype) -> torch.Tensor:
    return torch.from_numpy(np.unpackbits(packed, axis=1)).to(kind)
