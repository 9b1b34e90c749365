"""Figures with their intervals: one set, or several side by side, as a table, JSON or HTML."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from gancore.errors import ConfigError, DataError
from gancore.statistics.intervals import Estimate


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
