"""Endless shuffled streams of batches, one or several at a time, and rows at random."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from gancore.training import distributed
from gancore.training.device import derive_seed
from gancore.types import Batch, Context, Sample


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
        return self.fetch(distributed.shard(torch.cat(parts)))

    def _permutation(self, epoch: int) -> torch.Tensor:
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, "epoch", epoch))
            self._epoch, self._order = epoch, torch.randperm(self.rows, generator=generator)
        return self._order


class PoissonSampled:
    """An endless stream of batches in which every row is with the same probability, `size / rows`, each by itself.

    It is what the accounting of a private critic takes batches for (Poisson subsampling, Mironov et al. 2019). An empty
    batch is drawn again. Each batch is a function of a seed and of `position`. seed: called for each batch, as a
    resumed run gets its seed later.

    >>> batches = PoissonSampled(rows=1000, size=100, seed=lambda: 0, fetch=len)
    >>> sum(next(batches) for _ in range(100)) / 100, batches.position
    (101.7, 100)
    """

    def __init__(self, rows: int, size: int, seed: Callable[[], int], fetch: Callable[[torch.Tensor], Any]):
        self.rows, self.size, self.seed, self.fetch = rows, size, seed, fetch
        self.position = 0

    def __iter__(self) -> "PoissonSampled":
        return self

    def __next__(self) -> Any:
        """The next batch."""
        random = torch.Generator().manual_seed(derive_seed(self.seed(), self.position))
        index = torch.empty(0, dtype=torch.long)
        while not len(index):
            chances = torch.rand(self.rows, generator=random, dtype=torch.float64)
            index = (chances < self.size / self.rows).nonzero().squeeze(1)
        self.position += 1
        return self.fetch(index)

    @classmethod
    def like(cls, stream: Shuffled, seed: Callable[[], int]) -> "PoissonSampled":
        """Of the rows of a shuffled stream."""
        return cls(stream.rows, stream.size, seed, stream.fetch)


def fetch_batch(
    sample: Callable[[torch.Tensor], Sample],
    rows: int,
    device: torch.device,
    context: Context | None = None,
    weight: torch.Tensor | None = None,
    labelled: int = 0,
) -> Callable[[torch.Tensor], Batch]:
    """What makes a batch of row numbers: samples on a device, with the context and the weight of each row.

    labelled: how many rows with a known condition come beside each batch, at most as many as it has, where less than
    half of the rows have one. Which ones follows from the row numbers, so a resumed run needs no place of its own.
    Raises ValueError when context or weight are not of so many rows, or a weight is negative.
    """
    for name, part in (("context", context), ("weight", weight)):
        if part is not None and len(part) != rows:
            raise ValueError(f"there are {rows} rows of data and {len(part)} of {name}.")
    if weight is not None and not bool((weight >= 0).all()):
        raise ValueError("a weight must be at least 0.")
    known = context.known.any(1).nonzero().squeeze(1) if context is not None else torch.empty(0)
    few = 0 < len(known) < rows / 2

    def fetch(index: torch.Tensor) -> Batch:
        conditions = context[index].to(device) if context is not None else None
        weights = weight[index].float().to(device) if weight is not None else None
        beside = None
        if context is not None and labelled and few:
            picked = known[index[:labelled] % len(known)]
            beside = Batch(sample(picked), context[picked].to(device))
        return Batch(sample(index), conditions, weights, labelled=beside)

    return fetch


@runtime_checkable
class Stream(Protocol):
    """An endless iterator of batches whose place can be noted and set."""

    position: Any

    def __next__(self) -> Any:
        """The next batch."""
        ...


class Streams:
    """Several named streams as one: each turn gets a dict with a batch of every stream.

    `position` is a dict by name, which JSON holds, for an exact resume. A stream that it does not name begins anew. A
    number, of a phase that was saved when it had a single stream, is taken by the first.

    >>> pairs = Streams(paired=Shuffled(4, 2, 0, len), unpaired=Shuffled(9, 3, 0, len))
    >>> next(pairs), pairs.position
    ({'paired': 2, 'unpaired': 3}, {'paired': 2, 'unpaired': 3})
    """

    def __init__(self, **streams: Stream):
        if not streams:
            raise ValueError("Streams needs at least one stream.")
        self.streams = streams

    def __iter__(self) -> "Streams":
        return self

    def __next__(self) -> dict[str, Any]:
        """The next batch of each."""
        return {name: next(stream) for name, stream in self.streams.items()}

    @property
    def position(self) -> dict[str, Any]:
        """Where each stream is."""
        return {name: stream.position for name, stream in self.streams.items()}

    @position.setter
    def position(self, at: Mapping[str, Any] | int) -> None:
        if not isinstance(at, Mapping):
            at = {next(iter(self.streams)): at}
        for name, stream in self.streams.items():
            stream.position = at.get(name, 0)
