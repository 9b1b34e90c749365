"""How well scores tell one set from another."""

import numpy as np
from jaxtyping import Float


def area_under_curve(higher: Float[np.ndarray, "first"], lower: Float[np.ndarray, "second"]) -> float:
    """Area under the receiver operating characteristic (Hanley and McNeil 1982), from 0 to 1.

    The probability that a random score of `higher` is above a random score of `lower`; ties count half. 0.5 tells
    nothing. Raises ValueError where one of the two is empty.

    >>> area_under_curve(np.array([2.0, 1.0]), np.array([0.0, 1.0]))
    0.875
    """
    if not len(higher) or not len(lower):
        raise ValueError(f"there are {len(higher)} and {len(lower)} scores; both need at least one.")
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, "left") + np.searchsorted(ordered, higher, "right")
    return float(below.mean() / 2 / len(lower))
