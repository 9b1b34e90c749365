"""Intervals for statistics of samples, and how a set of figures shows itself."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy

_FEW = 30


NORMAL = 1.959964
"""Standard deviations to either side of the mean that hold 95% of a normal distribution."""


class Estimate(NamedTuple):
    """A figure with its central 95% interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    n: int


def half_sample_interval(
    statistic: Callable[[np.ndarray], float],
    n: int,
    resamples: int = 200,
    bounds: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
) -> Estimate:
    """`statistic` of all n observations, with a 95% interval from random halves without replacement.

    Half the observations, drawn without replacement, scatter about their mean as n fresh ones
    would (the delete-half jackknife, Shao and Wu 1989). The ordinary bootstrap draws with replacement, invents
    duplicates, and is wrong for shares of distinct items, which is what generators are judged by.

    statistic: maps row numbers `(k,)` int64 to a figure within `bounds`. The seed fixes the halves; fewer than 100
    give the interval of a normal distribution.
    Raises ValueError when n is less than 1; the interval is NaN when n is 1 or there are no halves.

    >>> half_sample_interval(lambda rows: 1.0, n=10)
    Estimate(value=1.0, low=1.0, high=1.0, n=10)
    """
    if n < 1:
        raise ValueError("an interval needs at least one observation.")
    value = float(statistic(np.arange(n)))
    if n == 1 or not resamples:
        return Estimate(value, float("nan"), float("nan"), n)
    rng = np.random.default_rng(seed)
    half = n // 2
    figures = np.array([statistic(rng.permutation(n)[:half]) for _ in range(resamples)])
    scatter = (figures - figures.mean()) * np.sqrt(half / (n - half))  # 1 for even n
    if resamples < 100:
        reach = NORMAL * scatter.std(ddof=min(1, resamples - 1))
        low, high = np.clip([value - reach, value + reach], *bounds)
    else:
        low, high = np.clip(value + np.quantile(scatter, [0.025, 0.975]), *bounds)
    # halves that nearly all agree scatter to one side of their mean: the interval still holds the figure itself
    return Estimate(value, min(value, float(low)), max(value, float(high)), n)


def share_kept(statistic: Callable[[np.ndarray], float], n: int, lost: int) -> Estimate:
    """`half_sample_interval` of a share in which each of n observations counts at most once, and `lost` do not.

    Where fewer than 30 are lost, halves hold too few of them to tell: the interval is then the exact one of their
    number as a Poisson count (Garwood 1936), which is not empty at 0.

    >>> share_kept(lambda rows: 1.0, n=1000, lost=0).low.__round__(4)
    0.9963
    """
    if lost >= _FEW or n < 2:
        return half_sample_interval(statistic, n)
    fewest = float(scipy.special.gammaincinv(lost, 0.025)) if lost else 0.0
    most = float(scipy.special.gammaincinv(lost + 1, 0.975))
    return Estimate(1 - lost / n, max(0.0, 1 - most / n), 1 - fewest / n, n)


def mean_interval(values: np.ndarray, bounds: tuple[float, float] = (-math.inf, math.inf)) -> Estimate:
    """The mean of independent values with its 95% interval by the central limit theorem; NaN bounds for one value.

    bounds: what no value can be beyond. Raises ValueError when there are no values.

    >>> mean_interval(np.array([1.0, 1.0, 1.0]))
    Estimate(value=1.0, low=1.0, high=1.0, n=3)
    """
    n = len(values)
    if n < 1:
        raise ValueError("an interval needs at least one observation.")
    mean = float(np.mean(values))
    half = NORMAL * float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else float("nan")
    low, high = np.clip([mean - half, mean + half], *bounds).tolist()
    return Estimate(mean, low, high, n)


def wilson_interval(successes: int, n: int) -> Estimate:
    """The share of successes among n independent trials with Wilson's 95% interval (1927), never empty at 0 or 1.

    Raises ValueError when n is less than 1.

    >>> wilson_interval(10, 10).low.__round__(3)
    0.722
    """
    if n < 1:
        raise ValueError("an interval needs at least one observation.")
    z, share = NORMAL, successes / n
    centre, spread = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Estimate(share, float(max(0.0, (centre - spread) / scale)), float(min(1.0, (centre + spread) / scale)), n)
