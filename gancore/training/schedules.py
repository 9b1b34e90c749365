"""Learning-rate schedules: functions of the step, giving a factor in (0, 1]."""

import math
from collections.abc import Callable


def warm_cosine(step: int, steps: int, warm_up: int = 0, floor: float = 0.1) -> float:
    """Linear warm-up over `warm_up` steps (Goyal et al. 2017), then a half cosine from 1 to `floor` at `steps`.

    The cosine is that of Loshchilov and Hutter 2017. Any whole numbers will do: before step 0 the factor is that of
    step 0, from `steps` on it is `floor`; without a warm-up, or with a negative one, the cosine begins at once.

    >>> [round(warm_cosine(s, 10, warm_up=2), 3) for s in (0, 1, 2, 10)]
    [0.5, 1.0, 1.0, 0.1]
    >>> warm_cosine(-3, 10), warm_cosine(0, 0), warm_cosine(1, 0)
    (1.0, 1.0, 0.1)
    """
    step, warm_up = max(0, step), max(0, warm_up)
    if step < warm_up:
        return (step + 1) / warm_up
    progress = min(1.0, (step - warm_up) / max(1, steps - warm_up))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))


def cosine_rate(
    rate: float, steps: int, start: int = 0, warm_up: int = 0, floor: float = 0.1
) -> Callable[[int], float]:
    """A learning rate as a function of the step: `rate` times `warm_cosine` of the steps since `start`.

    A half cosine as in Loshchilov and Hutter 2017.

    >>> [round(cosine_rate(2.0, 10, start=5)(step), 3) for step in (0, 5, 15)]
    [2.0, 2.0, 0.2]
    """
    return lambda step: rate * warm_cosine(step - start, steps, warm_up, floor)


def fade_out(level: float, steps: int, start: int = 0) -> Callable[[int], float]:
    """A level as a function of the step: constant until `start`, then falling linearly to 0 in so many steps.

    As instance noise is annealed (Sønderby et al. 2017).

    >>> [fade_out(2.0, 10, start=5)(step) for step in (0, 5, 10, 15, 99)]
    [2.0, 2.0, 1.0, 0.0, 0.0]
    """
    return lambda step: level * (1 - min(1.0, max(0, step - start) / max(1, steps)))
