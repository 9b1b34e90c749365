"""Tanimoto similarity on a GPU by nvMolKit, where both are there."""

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

_BLOCK = 512  # with 200,000 others, 1 GB of the GPU's memory


def usable() -> bool:
    """Whether nvMolKit is installed and has a GPU to work on."""
    return torch.cuda.is_available() and find_spec("nvmolkit") is not None


def tanimoto(packed: np.ndarray, reference: np.ndarray) -> Iterator[tuple[slice, Tensor]]:
    """Similarities of packed fingerprints `(molecule, byte)`, some molecules at a time: `(block, other)` float64.

    They stay on the GPU. Two empty fingerprints are alike (1), as everywhere in this package.
    """
    from nvmolkit.similarity import crossTanimotoSimilarity  # pyright: ignore

    theirs, empty = _words(reference), _empty(reference)
    for start in range(0, len(packed), _BLOCK):
        part = slice(start, min(start + _BLOCK, len(packed)))
        similar = crossTanimotoSimilarity(_words(packed[part]), theirs).torch().double()
        none = _empty(packed[part]).to(similar.device)[:, None] & empty.to(similar.device)
        yield part, similar.masked_fill_(none, 1.0)


def _words(packed: np.ndarray) -> np.ndarray:
    """Bytes as words of 32 bits; their order does not matter to a similarity."""
    return np.ascontiguousarray(np.pad(packed, ((0, 0), (0, -packed.shape[1] % 4)))).view(np.int32)


def _empty(packed: np.ndarray) -> Tensor:
    return torch.from_numpy(~packed.any(1))
