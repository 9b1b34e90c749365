"""The results of a search: every molecule with its score, the best ones, metrics, files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gancore.errors import RunError
from gancore.io.atomic_write import whole, write_text
from molgan.library.collect import grid
from molgan.optimize.auc import EVERY, area_under_top
from molgan.optimize.journal import JOURNAL, Journal, told
from molgan.optimize.surrogate import apart
from molgan.scoring.diversity import scaffold

_BEST = 100
_SHOWN = 12


@dataclass(frozen=True)
class Optimized:
    """What an optimisation found. frame: columns smiles, score and call, in the order of the calls, from 1."""

    frame: pd.DataFrame
    budget: int

    @classmethod
    def of(cls, scores: Mapping[str, float], budget: int) -> "Optimized":
        """From the score of each molecule, in the order of the calls."""
        calls = range(1, len(scores) + 1)
        return cls(pd.DataFrame({"smiles": list(scores), "score": list(scores.values()), "call": calls}), budget)

    @property
    def calls(self) -> int:
        """Distinct molecules that were scored."""
        return len(self.frame)

    def best(self, n: int = _BEST, nearness: float = 1.0) -> pd.DataFrame:
        """The rows of `frame` with the highest scores, best first.

        nearness: below 1 a molecule is left out whose Tanimoto similarity (counted environments) to a better one is
        this or more.
        """
        ranked = self.frame.dropna(subset="score").sort_values("score", ascending=False, kind="stable")
        if nearness < 1.0:
            ranked = ranked.take(apart(ranked["smiles"].tolist(), n, nearness))
        return ranked[:n].reset_index(drop=True)

    def auc(self, top: int = 10) -> float:
        """Area under the mean of the `top` best over the calls, divided by the budget (PMO, Gao et al. 2022)."""
        return area_under_top(self.frame["score"].to_numpy(), top, self.budget)

    @property
    def scaffolds(self) -> int:
        """Distinct Bemis-Murcko scaffolds among the hundred best."""
        return len({scaffold(smiles) for smiles in self.best()["smiles"]})

    def curves(self) -> dict[str, list[tuple[int, float]]]:
        """The best score so far, and the means of the best 10 and 100, at every hundredth call."""
        scores = self.frame["score"].to_numpy()
        calls = [*range(EVERY, self.calls, EVERY), self.calls] if self.calls else []
        named = {1: "best score", 10: "mean of the best 10", 100: "mean of the best 100"}
        found: dict[str, list[tuple[int, float]]] = {}
        for top, name in named.items():
            points = [(call, np.sort(scores[:call][~np.isnan(scores[:call])])[-top:]) for call in calls]
            found[name] = [(call, float(best.mean())) for call, best in points if len(best)]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Figures of the search."""
        best = self.best()["score"].to_numpy()
        figures = {f"mean of top {top}": float(best[:top].mean()) if len(best) else None for top in (1, 10, 100)}
        areas = {f"AUC of top {top}": self.auc(top) for top in (1, 10, 100)}
        unscored = int(np.isnan(self.frame["score"].to_numpy()).sum())
        return {"calls": self.calls, "without a score": unscored} | figures | areas | {"scaffolds": self.scaffolds}

    def write(self, out: Path) -> None:
        """Write `scored.parquet`, and `best.smi` with the hundred best, to a folder."""
        with whole(out / "scored.parquet") as place:
            self.frame.to_parquet(place, index=False)
        best = self.best()
        rows = zip(best["smiles"], best["score"], strict=True)
        write_text(out / "best.smi", "".join(f"{smiles} {score:.6g}\n" for smiles, score in rows))

    def __str__(self) -> str:
        figures = self.to_dict()
        lines = [f"{name}: {value:,.4g}" if value is not None else f"{name}: -" for name, value in figures.items()]
        return "\n".join([*lines, "", self.best(10).to_string(index=False)])

    def _repr_html_(self) -> str:
        best = self.best(_SHOWN)
        captions = [f"{score:.3f}, call {call:,}" for score, call in zip(best["score"], best["call"], strict=True)]
        return f"<p>{self.calls:,} calls</p>" + grid(zip(best["smiles"], captions, strict=True))


def read_search(folder: str | Path) -> Optimized:
    """What the journal of a folder says was found so far. Raises RunError for a folder without one, or a damaged one.

    >>> from tempfile import TemporaryDirectory
    >>> from molgan.optimize.run import optimize
    >>> with TemporaryDirectory() as folder:
    ...     found = optimize("qed", 5, ["CCO", "CCN", "CCC", "CC=O", "CC#N"], folder, quiet=True)
    ...     read_search(folder).frame.equals(found.frame)
    True
    """
    path = Path(folder) / JOURNAL
    if not path.is_file():
        raise RunError(f"{folder}: holds no search (it has no {JOURNAL}).")
    scores: dict[str, float] = {}
    budget = 0
    for event in Journal(path).events():
        budget = event.get("settings", {}).get("budget", budget)
        scores |= told(event)
    return Optimized.of(scores, max(budget, len(scores)))
