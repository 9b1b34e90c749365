"""The rows of a file with how anomalous a model finds each: the table, its most anomalous rows, what has no score."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gancore.errors import ConfigError, DataError
from gancore.facade.anomalies import UNITS, AnomalyScorer, anomaly_frame
from gancore.facade.models import load_model
from gancore.io.atomic_write import whole
from gancore.io.beside import beside, full_records
from gancore.io.formats import Form, Record
from gancore.io.inputs import called, rows_of
from gancore.training.batching import sampled

SUFFIXES = (".csv", ".parquet")
SAMPLES = 2000
"""Of a reference, or drawn from the model."""


@dataclass(frozen=True)
class AnomalyTable:
    """Rows and, in the same order, a frame with columns anomaly, percentile and reason.

    by: what the scores are. reference: what the percentiles are among, a phrase.
    """

    rows: list[Record]
    frame: pd.DataFrame
    by: str
    reference: str

    @property
    def order(self) -> np.ndarray:
        """Numbers of the rows, the most anomalous first, those without a score last; equals as they stand."""
        return np.argsort(-self.frame["anomaly"].to_numpy(float), kind="stable")

    def table(self, ordered: bool = False, typed: bool = False) -> pd.DataFrame:
        """Columns row, input, name, the file's others, anomaly, percentile, reason; ordered: as `order`."""
        table = beside(self.rows, self.frame, typed)
        return table.iloc[self.order].reset_index(drop=True) if ordered else table

    def write(self, out: Path, ordered: bool) -> None:
        """Write the table, whole or not at all: Parquet or CSV, by the suffix."""
        parquet = out.suffix.lower() == ".parquet"
        table = self.table(ordered, typed=parquet)
        with whole(out) as place:
            table.to_parquet(place, index=False) if parquet else table.to_csv(place, index=False)

    @property
    def scored(self) -> int:
        """How many rows have a score."""
        return int(np.isfinite(self.frame["anomaly"].to_numpy(float)).sum())

    @property
    def unread(self) -> dict[str, int]:
        """Why rows have no score, the commonest first."""
        return dict(Counter(filter(None, self.frame["reason"].tolist())).most_common())

    def top(self, n: int) -> list[dict[str, Any]]:
        """The most anomalous rows: row, input, name, anomaly, percentile."""
        scored = self.order[: min(n, self.scored)]
        return [
            {"row": self.rows[row][0], "input": self.rows[row][1], "name": self.rows[row][2]}
            | {name: float(self.frame[name].iloc[row]) for name in ("anomaly", "percentile")}
            for row in scored.tolist()
        ]

    def to_json(self, n: int) -> str:
        """Rows, how many have a score, by what, the reference, the most anomalous, and why others have none."""
        told = {"rows": len(self.rows), "scored": self.scored, "by": self.by, "unit": UNITS[self.by]}
        return json.dumps(told | {"reference": self.reference, "top": self.top(n), "unread": self.unread}, indent=1)

    def text(self, n: int) -> str:
        """The same to read."""
        shown = pd.DataFrame(self.top(n))
        if not any(shown["name"]):
            shown = shown.drop(columns="name")
        formats: Any = {"anomaly": lambda value: f"{value:.3f}", "percentile": lambda value: f"{value:.1f}"}
        said = [shown.to_string(index=False, formatters=formats), ""]
        lost = sum(self.unread.values())
        said += [f"{len(self.rows) - lost:,} of {len(self.rows):,} rows scored by {self.by} ({UNITS[self.by]}); "]
        said[-1] += f"percentiles are among {self.reference}."
        said += [f"{count:,} x {reason}" for reason, count in list(self.unread.items())[:5]]
        return "\n".join(said)


def read_anomalies(
    source: Any,
    model: str | Path | Any,
    by: str = "",
    reference: Any = None,
    column: str = "",
    samples: int = SAMPLES,
    seed: int = 0,
    device: str | None = None,
    checkpoint: str = "last",
    *,
    form: Form,
    items: str,
    files: Callable[[Any], Any],
) -> AnomalyTable:
    """Score each row of a file, frame or list; a half names its `form`, `items` and `files` once, by `partial`.

    model: a trained model, its folder, or the name of a bundled one. by: a key of `gancore.facade.anomalies.BY`, or ""
    for the best that the model offers. reference: rows to give percentiles among; None for samples of the model.
    samples: how many of either, at random. device, checkpoint: as in the half's `load`. items: what the rows are called
    in messages. files: gives the files of a data set that is named. Raises DataError for a source without rows, or of
    which the model reads none; ConfigError for a score that it does not offer; and what loading raises.
    """
    if samples < 1:
        raise ConfigError("samples: percentiles need at least 1.")
    reference = files(reference) if reference is not None else None
    where = called(source, items)
    rows = list(full_records(source, form, items, column))
    if not rows:
        raise DataError(f"{where}: holds no rows.")
    scorer = AnomalyScorer(load_model(model, device, checkpoint) if isinstance(model, (str, Path)) else model, by)
    among, said = _reference(scorer, reference, form, items, column, samples, seed)
    frame = anomaly_frame(scorer, [text for _, text, *_ in rows], among)
    found = AnomalyTable(rows, frame, scorer.by, said)
    if not found.scored:
        raise DataError(f"{where}: the model reads none of the {len(rows):,} rows; the first is {frame['reason'][0]}.")
    return found


def _reference(
    scorer: AnomalyScorer, reference: Any, form: Form, items: str, column: str, samples: int, seed: int
) -> tuple[Sequence[str | None], str]:
    """Strings that percentiles are among, and what to call them."""
    if reference is None:
        draw: Callable[..., Iterable[str | None]] = scorer.model.sample  # type: ignore[attr-defined]
        return list(draw(samples, seed=seed)), f"{samples:,} samples of the model"
    texts = [text for _, text, _ in rows_of(reference, form, items, column, prefer=True)]
    picked = sampled(len(texts), samples, seed)
    what = called(reference, items)
    said = f"{len(picked):,} of {len(texts):,} rows of {what}" if len(picked) < len(texts) else f"the rows of {what}"
    return [texts[row] for row in picked], said


def refuse_table(out: Path) -> None:
    """Raise ConfigError for a name that is neither CSV nor Parquet."""
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{out}: the table can be written as .csv or .parquet.")
