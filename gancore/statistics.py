"""Intervals for statistics of samples."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A figure with its central 95% interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    n: int


def half_sample_interval(
    statistic: Callable[[np.ndarray], float], n: int, resamples: int = 200, level: float = 0.95, seed: int = 0
) -> Estimate:
    """A share in [0, 1], `statistic` of all n observations, with an interval from random halves without replacement.

    Half the observations, drawn without replacement, scatter about their mean as n fresh ones
    would (the delete-half jackknife, Shao and Wu 1989). The ordinary bootstrap draws with replacement, invents
    duplicates, and is wrong for shares of distinct items, which is what generators are judged by.

    statistic: maps row numbers `(k,)` int64 to a figure. The seed fixes the halves.
    Raises ValueError when n is less than 1; the bounds are NaN when n is 1.

    >>> half_sample_interval(lambda rows: 1.0, n=10)
    Estimate(value=1.0, low=1.0, high=1.0, n=10)
    """
    if n < 1:
        raise ValueError("an interval needs at least one observation.")
    value = float(statistic(np.arange(n)))
    if n == 1:
        return Estimate(value, float("nan"), float("nan"), n)
    rng = np.random.default_rng(seed)
    half = n // 2
    figures = np.array([statistic(rng.permutation(n)[:half]) for _ in range(resamples)])
    scatter = (figures - figures.mean()) * np.sqrt(half / (n - half))  # 1 for even n
    low, high = np.clip(value + np.quantile(scatter, [(1 - level) / 2, (1 + level) / 2]), 0, 1)
    return Estimate(value, float(low), float(high), n)


def wilson_interval(successes: int, n: int) -> Estimate:
    """The share of successes among n independent trials with Wilson's 95% interval (1927), never empty at 0 or 1.

    Raises ValueError when n is less than 1.

    >>> wilson_interval(10, 10).low.__round__(3)
    0.722
    """
    if n < 1:
        raise ValueError("an interval needs at least one observation.")
    z, share = 1.959964, successes / n
    centre, spread = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Estimate(share, float(max(0.0, (centre - spread) / scale)), float(min(1.0, (centre + spread) / scale)), n)
