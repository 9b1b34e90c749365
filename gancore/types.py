"""What flows between the rooms: samples, draws, verdicts, and the two protocols the halves meet in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from torch import Tensor

Sample = tuple[Tensor, ...]
"""Batch-first tensors whose last axis is the categories: text `(batch, step, token)`; a molecule
`(batch, node, atom)` with `(batch, pair, bond)`. A row of zeros is padding and carries no category."""

T = TypeVar("T", Tensor, Sample)


@dataclass(frozen=True)
class Draw(Generic[T]):
    """A discrete sample with both ways back to the logits: pathwise and score-function.

    `hard` holds one-hot rows; its gradient is that of `relaxed` where the estimator is
    straight-through. `relaxed` holds rows in the simplex and carries the pathwise gradient.
    `log_prob` is the log-probability of `hard` in nats, summed over everything but the batch
    (and, from an elementwise estimator, over nothing but the category axis).

    >>> import torch
    >>> Draw(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.4, 0.6]]), torch.tensor([-0.7])).hard.argmax(-1).tolist()
    [1]
    """

    hard: T
    relaxed: T
    log_prob: Tensor


class Verdict(NamedTuple):
    """What a critic says of a batch: `logits (batch,)`, higher is more real; `features (batch, feature)` or None."""

    logits: Tensor
    features: Tensor | None = None


Critic = Callable[[Sample], Tensor]
"""A function of a sample giving one logit a batch element, `(batch,)`."""


@runtime_checkable
class Sampler(Protocol):
    """Anything that draws strings: a trained model, a file, a baseline."""

    def sample(self, n: int, seed: int) -> Sequence[str | None]:
        """Draw `n` strings; None where a draw has no string form. The same seed gives the same strings."""
        ...


@runtime_checkable
class Reward(Protocol):
    """Anything that scores strings."""

    def __call__(self, strings: Sequence[str]) -> np.ndarray:
        """One float64 a string, in [0, 1], NaN where it cannot be scored."""
        ...
