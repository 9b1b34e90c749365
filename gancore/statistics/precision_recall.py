"""Improved precision and recall of two sets of points."""

import torch
from jaxtyping import Bool, Float
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
    return tuple(float(covered(*sets, neighbours).float().mean()) for sets in ((fake, real), (real, fake)))  # pyright: ignore


def covered(
    points: Float[Tensor, "point feature"], by: Float[Tensor, "other feature"], neighbours: int = 3
) -> Bool[Tensor, "point"]:
    """Which of `points` lie in the ball of some point of `by`: what precision and recall are shares of.

    >>> covered(torch.tensor([[0.5], [9.0]]), torch.tensor([[0.0], [1.0], [2.0]]), neighbours=1).tolist()
    [True, False]
    """
    radii = torch.cdist(by, by).kthvalue(neighbours + 1, dim=1).values  # the nearest is the point itself
    return (torch.cdist(points, by) <= radii).any(1)
