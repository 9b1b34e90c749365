"""An endless shuffled stream of batches, and rows at random."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from gancore.training import distributed
from gancore.training.device import derive_seed


def sampled(rows: int, sample: int, seed: int) -> np.ndarray:
    """Which of so many rows `data.sample` takes by that seed, in order."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:sample])


class Shuffled:
    """An endless shuffled stream of batches whose place is one number, `position`, for an exact resume.

    Every epoch is a permutation of the `rows` rows from `(seed, epoch)`; a batch may straddle two epochs.
    fetch: what makes a batch of its `size` row numbers, int64; of several processes each gets its own of them.

    >>> batches = Shuffled(rows=3, size=2, seed=0, fetch=lambda index: index)
    >>> sorted(torch.cat([next(batches), next(batches), next(batches)]).tolist())
    [0, 0, 1, 1, 2, 2]
    """

    def __init__(self, rows: int, size: int, seed: int, fetch: Callable[[torch.Tensor], Any]):
        self.rows, self.size, self.seed, self.fetch = rows, size, seed, fetch
        self.position = 0
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)

    def __iter__(self) -> "Shuffled":
        return self

    def __next__(self) -> Any:
        """The next batch."""
        parts: list[torch.Tensor] = []
        wanted = self.size
        while wanted:
            epoch, start = divmod(self.position, self.rows)
            part = self._permutation(epoch)[start : start + wanted]
            parts.append(part)
            wanted -= len(part)
            self.position += len(part)
        return self.fetch(distributed.own(torch.cat(parts)))

    def _permutation(self, epoch: int) -> torch.Tensor:
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, "epoch", epoch))
            self._epoch, self._order = epoch, torch.randperm(self.rows, generator=generator)
        return self._order
