"""Intervals for statistics of samples, and how a set of figures shows itself."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd


class Estimate(NamedTuple):
    """A figure with its central 95% interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    n: int


class Evaluation(Mapping[str, Estimate]):
    """Figures by name, each an `Estimate` (value, low, high, n); shows itself as a table in a notebook."""

    def __init__(self, figures: Mapping[str, Estimate]):
        self._figures = dict(figures)

    def __getitem__(self, name: str) -> Estimate:
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def to_frame(self) -> pd.DataFrame:
        """One row a figure: value, 95% interval, and how many observations it rests on."""
        return pd.DataFrame(self._figures.values(), index=list(self._figures), columns=Estimate._fields)

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """Plain nested dicts for JSON; None where a bound is not defined."""
        return {
            name: {key: None if figure != figure else figure for key, figure in estimate._asdict().items()}
            for name, estimate in self._figures.items()
        }

    def __str__(self) -> str:
        return self.to_frame().to_string(float_format=lambda value: f"{value:.4f}")

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(float_format=lambda value: f"{value:.4f}")


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


def mean_interval(values: np.ndarray) -> Estimate:
    """The mean of independent values with its 95% interval by the central limit theorem; NaN bounds for one value.

    Raises ValueError when there are none.

    >>> mean_interval(np.array([1.0, 1.0, 1.0]))
    Estimate(value=1.0, low=1.0, high=1.0, n=3)
    """
    n = len(values)
    if n < 1:
        raise ValueError("an interval needs at least one observation.")
    mean = float(np.mean(values))
    half = 1.959964 * float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else float("nan")
    return Estimate(mean, mean - half, mean + half, n)


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
