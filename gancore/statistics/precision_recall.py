"""Improved precision and recall of two sets of points."""

import torch
from jaxtyping import Float
from torch import Tensor


def precision_recall(
    real: Float[Tensor, "real feature"], fake: Float[Tensor, "fake feature"], neighbours: int = 3
) -> tuple[float, float]:
    """Improved precision and recall in [0, 1] (Kynkäänniemi et al. 2019).

    Precision: share of fakes within the ball of some real point, whose radius is the distance to its
    `neighbours`-th nearest other real point. Recall: the same with the sets exchanged. A generator that collapsed to a
    few good samples keeps its precision and loses recall. Each set needs more points than `neighbours`.

    >>> points = torch.arange(8.0)[:, None]
    >>> precision_recall(points, points + 100), precision_recall(points, points[:4])
    ((0.0, 0.0), (1.0, 0.875))
    """
    return _covered(fake, real, neighbours), _covered(real, fake, neighbours)


def _covered(points: Tensor, by: Tensor, neighbours: int) -> float:
    """Share of `points` that lie in some ball of `by`."""
    radii = torch.cdist(by, by).kthvalue(neighbours + 1, dim=1).values  # the nearest is the point itself
    return float((torch.cdist(points, by) <= radii).any(1).float().mean())
