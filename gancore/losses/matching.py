"""Feature matching: the generator makes the critic's features of its samples like those of real ones.

A loss has the form `(features of real, features of fake, weight) -> ()`, features `(row, feature)`. The gradient
flows to the fake samples alone. Several processes work out the loss of their common batch.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from gancore.training import distributed

Real: TypeAlias = Float[Tensor, "real feature"]
Fake: TypeAlias = Float[Tensor, "fake feature"]
Matching = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def feature_means(real: Real, fake: Fake, weight: Tensor | None = None) -> Float[Tensor, ""]:
    """Squared distance of the mean features, over the number of features (feature matching, Salimans et al. 2016).

    weight: of each real row, `(batch,)`, relative to the others.

    >>> feature_means(torch.tensor([[1.0, 0.0]]), torch.zeros(3, 2)).item()
    0.5
    """
    real, fake, shares = _of_all(real, fake, weight)
    return ((real * shares).sum(0) - fake.mean(0)).square().mean()


def feature_mmd(real: Real, fake: Fake, weight: Tensor | None = None) -> Float[Tensor, ""]:
    """Squared maximum mean discrepancy of the features (TextGAN, Zhang et al. 2017).

    The kernel is the mean of three Gaussians, of half, once and twice the root mean squared distance of a real to a
    fake row as their width, which is a constant for the gradient. A row is compared with itself as well (the biased
    estimate), so that the loss is at least 0, and 0 for equal features.

    >>> feature_mmd(torch.eye(2), torch.eye(2)).item()
    0.0
    """
    real, fake, shares = _of_all(real, fake, weight)
    across = _squared_distances(real, fake)
    scale = (across.detach() * shares).sum(0).mean().clamp_min(1e-12)
    equal = torch.full_like(fake[:, :1], 1 / len(fake))

    def kernel(distances: Tensor, one: Tensor, other: Tensor) -> Tensor:
        each = torch.stack([(-distances / (2 * scale * factor)).exp() for factor in _FACTORS]).mean(0)
        return (each * one * other.T).sum()

    total = kernel(_squared_distances(real, real), shares, shares) + kernel(
        _squared_distances(fake, fake), equal, equal
    )
    return (total - 2 * kernel(across, shares, equal)).clamp_min(0)


_FACTORS = (0.25, 1.0, 4.0)  # of the squared width

MATCHING: dict[str, Matching] = {"feature_matching": feature_means, "feature_mmd": feature_mmd}
"""By the name of the setting of `critic` that is its weight."""


def _of_all(real: Tensor, fake: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """The features of all processes in full precision, and the share of each real row `(batch, 1)`."""
    weight = torch.ones(len(real), device=real.device) if weight is None else weight.float()
    weight = distributed.gathered(weight)
    shares = (weight / weight.sum())[:, None]
    return distributed.gathered(real.detach().float()), distributed.gathered_with_gradient(fake.float()), shares


def _squared_distances(one: Tensor, other: Tensor) -> Tensor:
    squares = one.square().sum(1)[:, None] + other.square().sum(1)
    return (squares - 2 * one @ other.T).clamp_min(0)
