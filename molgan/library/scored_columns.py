"""The columns that a score gives a library: each component is worked out only where it is asked for."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from gancore.errors import RunError
from molgan.scoring.cache_keys import Key, key_of
from molgan.scoring.definition import Component, ScoreConfig
from molgan.scoring.scorer import Scorer


class ScoredColumns:
    """The numbers of a score for molecules. cache: a file that keeps them for other shards and runs; "" for none."""

    def __init__(self, score: ScoreConfig, cache: str = ""):
        self.score, self.cache = score, cache
        self._scorers: dict[tuple[str, ...], Scorer] = {}  # by the components that they work out
        self._asked: dict[tuple[str, ...], Scorer] = {}  # those that were asked for the molecules of this shard

    def forget(self) -> None:
        """Let go of the molecules that are remembered."""
        for scorer in self._scorers.values():
            scorer.forget()
        self._asked = {}

    def why(self, smiles: Sequence[str]) -> str:
        """The commonest reason why some of the molecules of this shard lack a number, and how many have it."""
        return next((reason for scorer in self._asked.values() if (reason := scorer.why(smiles))), "")

    def numbers(self, names: Sequence[str], smiles: Sequence[str], have: pa.Table) -> dict[str, np.ndarray]:
        """Some of the columns, `(molecule,)` float64, NaN where a molecule has no number. have: what is known already.

        Raises RunError where a plug-in is down.
        """
        wanted = [one for one in self.score.components if "score" in names or _column(one) in names]
        known = [one for one in wanted if _column(one) in have.column_names]
        found = {_column(one): have[_column(one)].to_numpy().astype(np.float64) for one in known}
        missing = tuple(one for one in wanted if one not in known)
        if missing:
            values = self._scorer(missing).values(list(smiles))
            found |= {_column(one): values[:, place] for place, one in enumerate(missing)}
        if "score" in names:
            values = np.stack([found[_column(one)] for one in self.score.components], 1)
            found["score"] = self.score.together(self.score.desired(values))
        return found

    def _scorer(self, components: tuple[Component, ...]) -> Scorer:
        titles = tuple(one.title for one in components)
        if titles not in self._scorers:
            part = replace(self.score, components=components)
            self._scorers[titles] = Scorer(part, processes=0, cache=self.cache or None, strict=True)
        self._asked[titles] = self._scorers[titles]
        return self._scorers[titles]


def _column(component: Component) -> str:
    return f"score_{component.title}"


def without_number(table: pa.Table, names: Sequence[str]) -> np.ndarray:
    """Which rows lack a number in one of some columns: `(row,)` bool."""
    lacking = np.zeros(len(table), bool)
    for name in names:
        lacking |= table[name].is_null().to_numpy()
    return lacking


# Plug-ins that change ---------------------------------------------------------------------------


def plugin_keys(score: ScoreConfig | None) -> dict[str, Key]:
    """The cache key of each plug-in of a score, by its name. Raises ConfigError for a function that is not there."""
    components = score.components if score is not None else ()
    return {one.title: key_of(one, score) for one in components if one.plugin is not None and score is not None}


def refuse_changed(score: ScoreConfig | None, digests: Sequence[tuple[str, str]]) -> None:
    """Raise RunError where a plug-in is not the one that a run was begun with. digests: of that one, by its name."""
    keys = plugin_keys(score) if digests else {}
    for title, digest in digests:
        if keys[title].digest != digest:
            raise RunError(
                f"plugin {title}: was changed while the run went on; what was written stays whole, and the same "
                "command begins a run with the new one."
            )
