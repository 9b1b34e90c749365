"""Monitors: callbacks that watch figures of a run, and what they watch for."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from gancore.errors import CollapsedError, DivergedError
from gancore.settings import WatchConfig


class RollBack(DivergedError):
    """A watch asks for the last good checkpoint."""


class Watch:
    """Counts readings of one figure that are out of bounds; acts when there were enough in a row.

    count: of such readings up to now, part of a run's state.
    """

    def __init__(self, rule: WatchConfig, say: Callable[[int, str], None]):
        self.rule, self.say = rule, say
        self.count, self.seen = 0, False

    def __call__(self, step: int, logs: dict[str, float]) -> None:
        """Take a reading if there is one; raises RollBack or CollapsedError where the rule says so."""
        rule = self.rule
        if rule.figure not in logs:
            return
        self.seen = True
        value = logs[rule.figure]
        out = (rule.below is not None and value < rule.below) or (rule.above is not None and value > rule.above)
        self.count = self.count + 1 if out else 0
        if self.count < rule.readings:
            return
        self.count = 0
        bound = f"below {rule.below:g}" if rule.below is not None and value < rule.below else f"above {rule.above:g}"
        often = f" for {rule.readings} readings in a row" if rule.readings > 1 else ""
        text = f"step {step}: {rule.figure} is {value:.4g}, {bound}{often}"
        if rule.action == "roll_back":
            raise RollBack(f"{text}.")
        if rule.action == "stop":
            raise CollapsedError(f"{text}; training was stopped, as [[watch]] says.")
        self.say(step + 1, f"{text}.")


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
