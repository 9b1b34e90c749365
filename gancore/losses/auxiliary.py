"""Losses of a critic's further heads against what was asked: AC-GAN (Odena et al. 2017), with entries left unknown.

A loss is made for some columns of the context and has the form `(output of the head, batch) -> (batch,)` that
`adversary.Head` takes. A sample of which an entry is unknown pays nothing for it: labels may be few.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from gancore.types import Batch, Context

HeadLoss = Callable[[Tensor, Batch], Tensor]


def classification(classes: Sequence[int]) -> HeadLoss:
    """Cross-entropy in nats of a head's logits `(batch, class)` with the class that the context names (AC-GAN).

    classes: columns of the context that hold one class each, one-hot before they were standardised: the largest value
    is the class. A sample of which one of them is unknown pays nothing.
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


def _columns(batch: Batch, columns: Sequence[int]) -> tuple[Tensor, Tensor]:
    context: Context | None = batch.context
    if context is None:
        raise ValueError("a head learns what the context asks, and this batch has none.")
    picked = list(columns)
    return context.values[:, picked], context.known[:, picked]
