"""A file of molecules with its scores: the table beside its rows, and what is said of it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from gancore.errors import ConfigError, DataError
from gancore.io.atomic_write import whole
from gancore.io.beside import beside
from molgan.chemistry.identity import COMPARED
from molgan.data.inputs import LOOKED_AT, NamedRow, read_named, refuse_foreign
from molgan.metrics.evaluation import known_smiles
from molgan.scoring.scorer import Scorer, score_frame

TABLES = (".parquet", ".csv")


@dataclass(frozen=True)
class ScoredFile:
    """The rows of a file, their scores in the same order, and what makes one doubt that they are molecules."""

    rows: list[NamedRow]
    frame: pd.DataFrame
    scorer: Scorer
    doubt: str

    @classmethod
    def read(cls, file: Path, scorer: Scorer, train: Any, column: str) -> "ScoredFile":
        """Score a file; train: molecules to tell what is novel, or None. Raises DataError for a file without rows."""
        rows = list(read_named(file, column))
        if not rows:
            raise DataError(f"{file}: holds no rows.")
        policy = replace(COMPARED, standardize=scorer.definition.standardize)
        known = known_smiles(train, policy, column) if train else None
        texts = [row.smiles for row in rows]
        frame = score_frame(texts, scorer, known, policy)
        valid = (frame["connected"] | frame["score"].notna()).tolist()
        doubt = refuse_foreign(file, texts[:LOOKED_AT], valid[:LOOKED_AT], len(valid), sum(valid))
        return cls(rows, frame, scorer, doubt)

    def write(self, out: Path) -> None:
        """Write one row per row of the file, whole or not at all: Parquet or CSV, by the suffix."""
        parquet = out.suffix.lower() == ".parquet"
        table = beside(self.rows, self.frame, typed=parquet)
        with whole(out) as place:
            table.to_parquet(place, index=False) if parquet else table.to_csv(place, index=False)

    @property
    def means(self) -> pd.Series:
        """The mean of every column of numbers, over the rows that have one."""
        numbers = self.frame[self.frame.columns.difference(["smiles", "reason"], sort=False)]
        return numbers[[name for name in numbers if not name.endswith(".names")]].astype(float).mean()

    @property
    def reasons(self) -> dict[str, int]:
        """Why rows have no score, the commonest first."""
        return pd.Series(self.frame["reason"][self.frame["reason"] != ""]).value_counts().to_dict()

    @property
    def broken(self) -> str:
        """What failed for every molecule, a sentence; empty where nothing did."""
        return self.scorer.broken([row.smiles for row in self.rows], least=1)

    def to_json(self) -> str:
        """Rows, means, reasons and notes."""
        means = {name: value if value == value else None for name, value in self.means.items()}
        notes = {"notes": [self.doubt]} if self.doubt else {}
        return json.dumps({"rows": len(self.frame)} | means | {"reasons": self.reasons} | notes, indent=1)

    def __str__(self) -> str:
        lines = [f"{self.scorer.definition}\n", f"{len(self.frame):,} rows; means over those that have one"]
        lines += [self.means.round(4).to_string()]
        return "\n".join([*lines, *(f"{count:,} x {reason}" for reason, count in list(self.reasons.items())[:5])])


def refuse_table(out: Path) -> None:
    """Raise ConfigError for a name that is neither Parquet nor CSV."""
    if out.suffix.lower() not in TABLES:
        raise ConfigError(f"{out}: the table can be written as .parquet or .csv.")
