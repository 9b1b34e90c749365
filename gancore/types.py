"""The data types of all packages: samples, contexts, batches, draws, critic outputs; and the protocols they share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
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


@dataclass(frozen=True)
class Context:
    """The values requested of each sample, standardised, and which of them are known.

    values: mean 0 and standard deviation 1 over the data; what stands at an unknown entry never counts, NaN included.
    Raises ValueError when the two shapes differ.

    >>> context = Context(torch.tensor([[0.5, torch.nan]]), torch.tensor([[True, False]]))
    >>> context.inputs.tolist()
    [[0.5, 0.0, 1.0, 0.0]]
    """

    values: Float[Tensor, "batch feature"]
    known: Bool[Tensor, "batch feature"]

    def __post_init__(self) -> None:
        if self.values.shape != self.known.shape:
            raise ValueError(f"values {tuple(self.values.shape)} and known {tuple(self.known.shape)} differ in shape.")

    @classmethod
    def unknown(cls, n: int, features: int, device: torch.device | str = "cpu") -> "Context":
        """A context of `n` samples with no known value."""
        values = torch.zeros(n, features, device=device)
        return cls(values, torch.zeros_like(values, dtype=torch.bool))

    @classmethod
    def cat(cls, contexts: "Sequence[Context]") -> "Context":
        """The rows of all of them, in order."""
        return cls(torch.cat([one.values for one in contexts]), torch.cat([one.known for one in contexts]))

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Tensor | slice) -> "Context":
        """The context of some rows: indices, a mask, or a slice."""
        return Context(self.values[rows], self.known[rows])

    def to(self, device: torch.device | str) -> "Context":
        """The same on a device."""
        return Context(self.values.to(device), self.known.to(device))

    @property
    def features(self) -> int:
        """How many values a sample has."""
        return self.values.shape[1]

    def beside(self, other: "Context") -> "Context":
        """The entries of both, for each row."""
        return Context(torch.cat((self.values, other.values), 1), torch.cat((self.known, other.known), 1))

    @property
    def hidden(self) -> "Context":
        """The same with nothing known."""
        return Context(self.values, torch.zeros_like(self.known))

    @property
    def inputs(self) -> Float[Tensor, "batch inputs"]:
        """What a network reads: the values, 0 where unknown, then 1 where known and 0 where not; `2 * feature` wide."""
        return torch.cat((torch.where(self.known, self.values, 0.0), self.known.to(self.values.dtype)), 1)

    @property
    def kinds(self) -> Int[Tensor, "batch"]:
        """Numbers from 0 on, the same for rows of which the same is asked."""
        return self.inputs.unique(dim=0, return_inverse=True)[1]


Geometry = Literal["simplex", "euclidean"]
"""The space of a sample: rows that are distributions over categories, or any real numbers."""


@dataclass(frozen=True)
class Batch:
    """What a stream of data gives: samples, the context of each, and how much each counts.

    weight: at least 0, relative to the others. geometry: of the sample, for penalties on a critic's slope.
    code: what each sample was drawn from beside noise, for a critic to find out (InfoGAN).
    labelled: rows with known conditions, for the heads of a critic, where few rows of the data have any
    (semi-supervised, Odena 2016).
    Raises ValueError when context, weight or code have another length than the sample.
    """

    sample: Sample
    context: Context | None = None
    weight: Float[Tensor, "batch"] | None = None
    geometry: Geometry = "simplex"
    code: Context | None = None
    labelled: "Batch | None" = None

    def __post_init__(self) -> None:
        for name in ("context", "weight", "code"):
            part = getattr(self, name)
            if part is not None and len(part) != len(self):
                raise ValueError(f"a batch of {len(self)} samples has a {name} of {len(part)} rows.")

    def __len__(self) -> int:
        return len(self.sample[0])

    def __getitem__(self, rows: Tensor | slice) -> "Batch":
        """Some rows: indices, a mask, or a slice; with all that is labelled."""
        sample = tuple(part[rows] for part in self.sample)
        context, code = (part[rows] if part is not None else None for part in (self.context, self.code))
        weight = self.weight[rows] if self.weight is not None else None
        return Batch(sample, context, weight, self.geometry, code, self.labelled)


def as_batch(given: Batch | Sample) -> Batch:
    """A batch as it is; a bare sample as one without context or weight."""
    return given if isinstance(given, Batch) else Batch(given)


class CriticOutput(NamedTuple):
    """What a critic says of a batch.

    logits: `(batch,)`, or `(batch, step)` from a critic that judges every step; higher is more real.
    features: `(batch, feature)`, or None from a critic that has none to show.
    heads: further outputs by name, batch first (AC-GAN, InfoGAN).
    mask: `(batch, step)`, the step logits that count; None where all do.
    """

    logits: Tensor
    features: Tensor | None = None
    heads: Mapping[str, Tensor] = MappingProxyType({})
    mask: Tensor | None = None

    def split(self, first: int) -> "tuple[CriticOutput, CriticOutput]":
        """What was said of the first rows, and of the rest."""
        parts = []
        for rows in (slice(None, first), slice(first, None)):
            features, mask = (part[rows] if part is not None else None for part in (self.features, self.mask))
            heads = {name: head[rows] for name, head in self.heads.items()}
            parts.append(CriticOutput(self.logits[rows], features, heads, mask))
        return parts[0], parts[1]


Critic = Callable[..., Tensor]
"""A function of a sample, and of a context where the batch has one, giving one logit a batch element, `(batch,)`."""


@runtime_checkable
class Sampler(Protocol):
    """Anything that draws strings: a trained model, a file, a baseline."""

    def sample(self, n: int, seed: int) -> Sequence[str | None]:
        """Draw `n` strings; None where a draw has no string form. The same seed gives the same strings."""
        ...


@runtime_checkable
class Completer(Protocol):
    """Anything that continues strings: a trained text model."""

    def complete(self, prompts: Sequence[str], seed: int = 0) -> Sequence[str | None]:
        """A string for each prompt that begins with it; None where it cannot be continued. A seed fixes them."""
        ...

    def refusal(self, prompt: str) -> str:
        """Why a prompt cannot be continued, a few words; "" where it can."""
        ...


@runtime_checkable
class Reward(Protocol):
    """Anything that scores strings."""

    def __call__(self, strings: Sequence[str]) -> np.ndarray:
        """One float64 a string, in [0, 1], NaN where it cannot be scored."""
        ...
