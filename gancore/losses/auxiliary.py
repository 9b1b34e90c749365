"""Losses of a critic's further heads against what was asked: AC-GAN (Odena et al. 2017), with entries left unknown.

A loss is made for some columns of the context and has the form `(output of the head, batch) -> (batch,)` that
`adversary.Head` takes. A sample of which an entry is unknown pays nothing for it: labels may be few.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gancore.layers.conditioning import Conditioning
from gancore.losses.adversary import Head
from gancore.types import Batch, Context

HeadLoss = Callable[[Tensor, Batch], Tensor]


def classification(classes: Sequence[int]) -> HeadLoss:
    """Cross-entropy in nats of a head's logits `(batch, class)` with the class that the context names (AC-GAN).

    classes: columns of the context that hold one class each, one-hot: the largest value is the class. A sample of
    which one of them is unknown pays nothing.
    Raises ValueError for a batch without context.

    >>> asked = Context(torch.eye(2), torch.tensor([[True, True], [False, False]]))
    >>> classification([0, 1])(torch.zeros(2, 2), Batch((torch.zeros(2, 1),), asked)).exp().tolist()
    [2.0, 1.0]
    """

    def loss(output: Float[Tensor, "batch class"], batch: Batch) -> Float[Tensor, "batch"]:
        values, known = _columns(batch, classes)
        wanted = torch.where(known, values, 0.0).argmax(1, keepdim=True)
        return -output.float().log_softmax(1).gather(1, wanted).squeeze(1) * known.all(1)

    return loss


def regression(columns: Sequence[int]) -> HeadLoss:
    """Squared error of a head's output `(batch, column)`, in standard deviations squared, summed over known columns.

    The continuous relative of AC-GAN's classifier, a Gaussian of unit variance. columns: of the context.
    Raises ValueError for a batch without context.

    >>> asked = Context(torch.tensor([[1.0, 5.0]]), torch.tensor([[True, False]]))
    >>> regression([0, 1])(torch.zeros(1, 2), Batch((torch.zeros(1, 1),), asked)).tolist()
    [1.0]
    """

    def loss(output: Float[Tensor, "batch column"], batch: Batch) -> Float[Tensor, "batch"]:
        values, known = _columns(batch, columns)
        return torch.where(known, output.float() - values, 0.0).square().sum(1)

    return loss


def all_of(groups: Sequence[int]) -> HeadLoss:
    """Classification of every class and regression of every number of a context, summed; see `condition_heads`."""
    starts = [sum(groups[:place]) for place in range(len(groups))]
    parts = [range(start, start + size) for start, size in zip(starts, groups, strict=True)]
    losses = [(columns, classification if len(columns) > 1 else regression) for columns in parts]

    def loss(output: Float[Tensor, "batch feature"], batch: Batch) -> Float[Tensor, "batch"]:
        return torch.stack([kind(columns)(output[:, list(columns)], batch) for columns, kind in losses]).sum(0)

    return loss


def condition_heads(kind: Conditioning, groups: Sequence[int], weight: float) -> dict[str, Head]:
    """What the heads of a `ConditionedOutput` learn, and what the generator owes them; none without heads.

    groups: how many entries of the context each condition takes, one for a number. AC-GAN's head learns what real
    samples have, and the generator learns to produce samples with those values. TAC-GAN's twin learns from the
    generator's samples, and the generator has to keep it from telling, which gives back the variety within a class
    that AC-GAN loses.
    """
    if not groups or kind in ("projection", "concatenation"):
        return {}
    heads = {"condition": Head(all_of(groups), weight, weight)}
    if kind == "twin":
        heads["twin"] = Head(all_of(groups), weight, -weight, on_real=False, on_fake=True)
    return heads


def code_information(groups: Sequence[int]) -> HeadLoss:
    """Negative log-likelihood in nats of the code a sample was drawn from, given a head's output (Chen et al. 2016).

    The code's entropy less this is a lower bound of the information that sample and code share. A continuous code is
    taken for the mean of a Gaussian of unit variance, but for a constant. groups: as in `condition_heads`.
    Raises ValueError for a batch without code.
    """
    each = all_of(groups)

    def loss(output: Float[Tensor, "batch feature"], batch: Batch) -> Float[Tensor, "batch"]:
        if batch.code is None:
            raise ValueError("a head learns which code a sample was drawn from, and this batch has none.")
        return each(output, replace(batch, context=batch.code))

    return loss


def _columns(batch: Batch, columns: Sequence[int]) -> tuple[Tensor, Tensor]:
    context: Context | None = batch.context
    if context is None:
        raise ValueError("a head learns what the context asks, and this batch has none.")
    picked = list(columns)
    return context.values[:, picked], context.known[:, picked]
