"""Scores of many molecules by a definition: in processes, remembered, with a cache and a budget."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gancore.errors import DataError
from gancore.io.process_pool import usable_processes
from molgan import chemistry
from molgan.chemistry.identity import COMPARED
from molgan.scoring.benchmarks import load_score
from molgan.scoring.definition import ScoreConfig
from molgan.scoring.measurement import Measured, functions, identify, measure, names_of_alerts
from molgan.scoring.plugins import ENOUGH, Health
from molgan.scoring.records import Part, Parts, Record, examine_all
from molgan.scoring.sources import Sources
from molgan.scoring.tables import DESCRIBED, flat_properties, flat_under, graph_smiles, property_frame, property_row
from molgan.scoring.tables import strict_smiles as _strict_smiles

__all__ = ["DESCRIBED", "Scorer", "graph_smiles", "property_frame", "property_row", "score_frame"]

_REMEMBERED = 1_000_000  # molecules


class Scorer:
    """A `Reward`: strings -> scores in [0, 1], NaN where there is none. Remembers what it scored.

    score: a definition, the name of one (`molgan.scoring.benchmarks.SCORES`), or a TOML file. processes: how many work,
    all usable cores if not given; 0 works here, without a limit on time. cache: a file that keeps each component's
    numbers for other runs and other scores; failures are not kept. budget: how many distinct molecules may be
    measured, 0 for any number. Molecules beyond the budget get NaN and the reason; `spent` counts those measured.
    strict: a plug-in that is down raises RunError; otherwise its molecules get NaN.
    A plug-in's failure is remembered as long as the plug-in works for others; one that failed for all is asked again.
    Raises ConfigError for a definition that cannot be used, DataError for a classifier that has not been fetched.

    >>> Scorer("qed")(["CCO", "no molecule"]).round(2)
    array([0.41,  nan])
    """

    def __init__(
        self,
        score: ScoreConfig | str | Path = "qed",
        processes: int | None = None,
        cache: str | Path | None = None,
        budget: int = 0,
        strict: bool = False,
    ):
        self.definition = score if isinstance(score, ScoreConfig) else load_score(score)
        self.budget = budget
        functions(self.definition)  # raises
        processes = usable_processes() if processes is None else processes
        self._sources = Sources(self.definition, processes, cache, strict)
        self._spent: set[str] = set()  # digests of the molecules that were measured
        self._forget()

    @property
    def spent(self) -> int:
        """Distinct molecules measured, those from a cache included."""
        return len(self._spent)

    def __call__(self, strings: Sequence[str | None]) -> np.ndarray:
        """One score a SMILES, float64."""
        return self.scores(self.values(strings))

    def scores(self, values: np.ndarray) -> np.ndarray:
        """The scores of `values (molecule, component)`."""
        return self.definition.together(self.definition.desired(values))

    def values(
        self, strings: Sequence[str | None], measured: Mapping[str | None, Measured] | None = None
    ) -> np.ndarray:
        """The number of each component `(string, component)`. measured: what `part` gave for some of the strings."""
        self._refresh()
        places = self._places(strings, measured or {})  # this may add rows to the values
        return self._values[places]

    def frame(self, strings: Sequence[str | None], records: Mapping[str | None, Record] | None = None) -> pd.DataFrame:
        """A row a string: score; each component's number, and its desirability as `NAME.desirability`; the reason.

        The names of structural alerts are in `NAME.names`. records: what `parts` gave for each string.
        """
        records = records or {}
        values = self.values(strings, {text: record["measured"] for text, record in records.items()})
        desired = self.definition.desired(values)
        columns: dict[str, object] = {"score": self.definition.together(desired)}
        names = self._names_of_alerts(strings, records)
        for place, component in enumerate(self.definition.components):
            columns[component.title] = values[:, place]
            columns[f"{component.title}.desirability"] = desired[:, place]
            if component.sets:
                columns[f"{component.title}.names"] = [row[component.title] for row in names]
        columns["reason"] = [self._reasons.get(self._known[text], "") for text in strings]
        return pd.DataFrame(columns)

    def _names_of_alerts(
        self, strings: Sequence[str | None], records: Mapping[str | None, Record]
    ) -> list[dict[str, str]]:
        part = self.parts.get("alert names")
        if part is None:
            return []
        if records:
            return [records[text]["alert names"] for text in strings]
        return [record["alert names"] for record in self.examine(strings, {"alert names": part})]

    def why(self, strings: Sequence[str | None]) -> str:
        """The commonest reason why some of these strings have no score, and how many have it; empty if all have one."""
        reasons = Counter(self._reasons.get(place, "") for place in self._places(strings).tolist())
        del reasons[""]
        return "".join(f"{count} x {reason}" for reason, count in reasons.most_common(1))

    def broken(self, strings: Sequence[str | None], least: int = ENOUGH) -> str:
        """Which plug-in failed for every molecule among these strings, and why; empty if none did.

        A program that is missing is reported at once, any other failure after `least` molecules and none that worked.
        """
        rows = dict.fromkeys(self._places(strings).tolist())
        molecules = {smiles for row in rows if (smiles := self._molecules[row]) is not None}
        return self._sources.broken(molecules, least)

    def state(self) -> list[str]:
        """What was spent of a budget, as digests of molecules; nothing without a budget."""
        return sorted(self._spent) if self.budget else []

    def restore(self, state: Any) -> None:
        """Put it back; those molecules are measured again at no expense."""
        self._spent |= {str(digest) for digest in list(state)}

    def forget(self) -> None:
        """Let go of the numbers that are remembered; what a budget was spent on stays."""
        self._forget()
        if not self.budget:
            self._spent.clear()

    # Work for processes -----------------------------------------------------------------------

    @property
    def part(self) -> Part:
        """What a worker finds of a text for this score: all numbers, or first the molecule where others may know it."""
        everything = self._sources.disk is None and not self.budget and not self._sources.plugins
        return Part(partial(measure if everything else identify, self.definition), self._sources.nothing)

    @property
    def parts(self) -> Parts:
        """What a worker finds of a text for `frame`."""
        titles = [component.title for component in self.definition.components if component.sets]
        names = Part(partial(names_of_alerts, self.definition), partial(dict.fromkeys, titles))
        return {"measured": self.part} | ({"alert names": names} if titles else {})

    def examine(self, texts: Sequence[str | None], parts: Parts) -> list[Record]:
        """`examine_all` in this scorer's processes, within the score's limit on time."""
        return examine_all(texts, parts, **self._sources.work(texts))

    # What was measured ------------------------------------------------------------------------

    def _forget(self) -> None:
        self._known: dict[str | None, int] = {}  # the row of each string
        self._rows: dict[str, int] = {}  # that of each molecule, by SMILES
        self._molecules: list[str | None] = []  # the molecule of each row
        self._reasons: dict[int, str] = {}
        self._values = np.empty((0, len(self.definition.components)))
        self._allowed = self.budget

    def _refresh(self) -> None:
        """Forget what no longer holds: numbers of a plug-in that has changed, or failed for all; another budget's."""
        if self._sources.changed() or self._allowed != self.budget:
            self._forget()
        for health in self._sources.plugins.values():
            if health.broken(health.failing.keys()):
                self._known = {text: row for text, row in self._known.items() if not self._failed(health, row)}
                self._rows = {smiles: row for smiles, row in self._rows.items() if smiles not in health.failing}

    def _failed(self, health: Health, row: int) -> bool:
        return self._molecules[row] in health.failing

    def _places(
        self, strings: Sequence[str | None], measured: Mapping[str | None, Measured] | None = None
    ) -> np.ndarray:
        """Where in `_values` each string's numbers stand. Raises DataError for a string in place of a list."""
        if isinstance(strings, str):
            raise DataError(f"a scorer takes a list of SMILES: [{strings!r:.50}] for this one.")
        known = self._known
        try:
            return np.array([known[text] for text in strings], dtype=np.int64)
        except KeyError:
            pass
        if len(known) > _REMEMBERED:
            self._forget()
            known = self._known
        self._learn(list(dict.fromkeys(text for text in strings if text not in known)), measured or {})
        return np.array([known[text] for text in strings], dtype=np.int64)

    def _learn(self, texts: list[str | None], measured: Mapping[str | None, Measured]) -> None:
        """Measure strings that are not known; some may have been looked at already."""
        left = [text for text in texts if text not in measured]
        records = self.examine(left, {"measured": self.part}) if left else []
        by_text = {**measured, **{text: record["measured"] for text, record in zip(left, records, strict=True)}}
        rows = [by_text[text] for text in texts]
        if all(row.parsed is None for row in rows):
            self._take(texts, rows)
            return
        new: dict[str, chemistry.ParsedText] = {}  # the molecules that are to be measured
        for row in rows:
            smiles, parsed = row.smiles, row.parsed
            if smiles is not None and parsed and smiles not in self._rows and smiles not in new and self._pay(smiles):
                new[smiles] = parsed
        numbers = self._sources.numbers(new)
        spent = self._sources.nothing(f"the budget of {self.budget:,} molecules is spent")
        self._take(texts, [numbers.get(row.smiles, spent) if row.smiles else row for row in rows])

    def _pay(self, smiles: str) -> bool:
        """Whether a molecule may be measured, which is then counted."""
        digest = hashlib.blake2b(smiles.encode(), digest_size=8).hexdigest()
        if self.budget and digest not in self._spent and self.spent >= self.budget:
            return False
        self._spent.add(digest)
        return True

    def _take(self, texts: list[str | None], measured: list[Measured]) -> None:
        """Remember what was measured of each string; a molecule that has a row keeps it."""
        fresh = []
        for text, one in zip(texts, measured, strict=True):
            row = self._rows.get(one.smiles) if one.smiles is not None else None
            if row is None:
                row = len(self._molecules)
                self._molecules.append(one.smiles)
                fresh.append(one.values or self._sources.nothing("").values)
                if one.reason:
                    self._reasons[row] = one.reason
                if one.smiles is not None:
                    self._rows[one.smiles] = row
                    self._pay(one.smiles)
            self._known[text] = row
        rows = np.array(fresh, np.float64).reshape(len(fresh), len(self.definition.components))
        self._values = np.concatenate((self._values, rows))


def score_frame(
    texts: Sequence[str | None], scorer: Scorer, known: Set[str] | None = None, policy: chemistry.Policy = COMPARED
) -> pd.DataFrame:
    """Molecules one by one, in order: smiles, connected, novel, the columns of `Scorer.frame`, and the properties.

    `smiles` is canonical without stereo, None where the text is not connected (valid, one fragment, no wildcard).
    `novel` needs `known`, canonical SMILES under `policy` (`known_smiles`). Each text is parsed once. Raises nothing
    for a text: its reason is in the row.
    """
    titles = {component.title for component in scorer.definition.components}
    names = tuple(name for name in DESCRIBED if name not in titles)
    parts = {
        **scorer.parts,
        "smiles": Part(_strict_smiles, lambda reason: None),
        "properties": Part(partial(flat_properties, names=names), lambda reason: [float("nan")] * len(names)),
    }
    if known is not None and policy.standardize:
        parts["compared"] = Part(partial(flat_under, policy=policy), lambda reason: None)
    records = scorer.examine(texts, parts)
    smiles = [record["smiles"] for record in records]
    compared = [record.get("compared", record["smiles"]) for record in records]
    frame = pd.DataFrame({"smiles": pd.Series(smiles, dtype=object)})
    frame["connected"] = frame["smiles"].notna()
    frame["novel"] = pd.array(
        [None if text is None or known is None else text not in known for text in compared], dtype="boolean"
    )
    properties = pd.DataFrame([record["properties"] for record in records], columns=list(names), dtype=float)
    return pd.concat((frame, scorer.frame(texts, dict(zip(texts, records, strict=True))), properties), axis=1)
