"""Intervals for statistics of samples, and how a set of figures shows itself."""

import html
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy

from gancore.errors import ConfigError, DataError

_FEW = 30
_NORMAL = 1.959964  # standard deviations to either side that hold 95% of a normal distribution


class Estimate(NamedTuple):
    """A figure with its central 95% interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    n: int


class Evaluation(Mapping[str, Estimate]):
    """Figures by name, each an `Estimate` (value, low, high, n); shows itself as a table in a notebook.

    notes: what must be said with them, a sentence each. tables: counts by name that stand behind a figure.
    doubt: what makes one ask whether these are figures of the right strings at all, a sentence, which `notes` has too.
    """

    def __init__(
        self,
        figures: Mapping[str, Estimate],
        notes: Sequence[str] = (),
        tables: Mapping[str, Mapping[str, int]] | None = None,
        doubt: str = "",
    ):
        self.doubt = doubt
        self._figures = dict(figures)
        self.notes = list(notes)
        self.tables = {name: dict(table) for name, table in (tables or {}).items()}

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
        """Plain nested dicts for JSON, a figure each; None where a bound is not defined."""
        return {name: _plain(estimate) for name, estimate in self._figures.items()}

    def to_json(self) -> str:
        """The figures as one JSON object; with `notes` and `tables` in it where there are some."""
        more = {"notes": self.notes, "tables": self.tables}
        return json.dumps(self.to_dict() | {name: held for name, held in more.items() if held}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Evaluation":
        """Back from `to_json`. Raises DataError when it is not such a form.

        >>> figures = Evaluation({"valid": Estimate(0.9, 0.8, float("nan"), 100)}, ["Of one run."])
        >>> str(Evaluation.from_json(figures.to_json())) == str(figures)
        True
        """
        try:
            held = json.loads(text)
            notes, tables = held.pop("notes", []), held.pop("tables", {})
            figures = {name: _revived(**one) for name, one in held.items()}
            return cls(figures, [str(note) for note in notes], tables)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise DataError("holds no figures: give what `evaluate --json` printed.") from None

    def __str__(self) -> str:
        counts = [f"{name}: {_most(table)}" for name, table in self.tables.items() if table]
        return "\n".join((self.to_frame().to_string(float_format=lambda value: f"{value:.4f}"), *counts, *self.notes))

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return self.to_frame().to_html(float_format=lambda value: f"{value:.4f}") + notes


def _most(table: Mapping[str, int], most: int = 10) -> str:
    """The first counts of a table, zeros left out."""
    told = [f"{name} {count:,}" for name, count in table.items() if count]
    return ", ".join(told[:most]) + (", ..." if len(told) > most else "")


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {key: None if figure != figure else figure for key, figure in estimate._asdict().items()}


def _revived(value: float | None, low: float | None, high: float | None, n: int) -> Estimate:
    """Back from `_plain`."""
    value, low, high = (float("nan") if bound is None else float(bound) for bound in (value, low, high))
    return Estimate(value, low, high, int(n))


class Comparison:
    """Evaluations side by side, by name; a figure whose interval does not meet the first one's is marked.

    Raises ConfigError for fewer than two.
    """

    def __init__(self, evaluations: Mapping[str, Evaluation]):
        if len(evaluations) < 2:
            raise ConfigError("there is nothing to compare with: give two or more lists, each with a name of its own.")
        self.evaluations = dict(evaluations)
        self.names = list(dict.fromkeys(name for one in evaluations.values() for name in one))

    def beyond(self, name: str, title: str) -> bool:
        """Whether the figure `name` of `title` differs from the first one's by more than both intervals."""
        first, other = (self.evaluations[held].get(name) for held in (next(iter(self.evaluations)), title))
        return first is not None and other is not None and (other.low > first.high or other.high < first.low)

    def to_frame(self) -> pd.DataFrame:
        """One row a figure, one column an evaluation: "value (low-high)", with * where it is beyond."""
        cells = {
            title: [self._cell(one.get(name), self.beyond(name, title)) for name in self.names]
            for title, one in self.evaluations.items()
        }
        return pd.DataFrame(cells, index=self.names)

    @staticmethod
    def _cell(estimate: Estimate | None, beyond: bool) -> str:
        if estimate is None:
            return ""
        return f"{estimate.value:.4f} ({estimate.low:.4f}-{estimate.high:.4f}){'*' if beyond else ' '}"

    def to_dict(self) -> dict[str, dict[str, dict[str, float | bool | None]]]:
        """Plain nested dicts for JSON: evaluation -> figure -> value, low, high, n, beyond."""
        return {
            title: {name: _plain(one[name]) | {"beyond": self.beyond(name, title)} for name in one}
            for title, one in self.evaluations.items()
        }

    def __str__(self) -> str:
        notes = [f"{title}: {note}" for title, one in self.evaluations.items() for note in one.notes]
        table = self.to_frame().to_string()
        legend = ["* differs from the first column by more than both 95% intervals."] if "*" in table else []
        return "\n".join((table, *legend, *notes))

    def _repr_html_(self) -> str:
        return self.to_frame().to_html()


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
        reach = _NORMAL * scatter.std(ddof=min(1, resamples - 1))
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
    half = _NORMAL * float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else float("nan")
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
    z, share = _NORMAL, successes / n
    centre, spread = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Estimate(share, float(max(0.0, (centre - spread) / scale)), float(min(1.0, (centre + spread) / scale)), n)
