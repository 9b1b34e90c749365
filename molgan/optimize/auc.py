"""The metric of PMO: area under the curve of the mean of the best molecules over the calls."""

import heapq

import numpy as np
from jaxtyping import Float

EVERY = 100
"""Calls between two points of the curve."""


def area_under_top(scores: Float[np.ndarray, "call"], top: int = 10, budget: int = 10_000) -> float:
    """Area under the mean of the `top` best scores over the calls, divided by the budget (PMO, Gao et al. 2022).

    The curve has a point every 100 calls, begins at 0 and keeps its last value where there are fewer calls than
    `budget`. NaN counts as 0. Raises nothing.

    >>> area_under_top(np.ones(100), budget=200)
    0.75
    """
    points, best = [(0, 0.0)], []
    for call, score in enumerate(np.nan_to_num(scores[:budget]), 1):
        heapq.heappush(best, score)
        if len(best) > top:
            heapq.heappop(best)
        if call % EVERY == 0 or call == min(len(scores), budget):
            points.append((call, sum(best) / len(best)))
    points.append((budget, points[-1][1]))
    calls, values = np.array(points).T
    return float(np.trapezoid(values, calls) / budget)
