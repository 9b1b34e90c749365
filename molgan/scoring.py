"""Molecules -> properties -> desirability -> score, by a definition; in processes, with a cache and a budget."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from rdkit import Chem

from gancore.errors import DataError
from gancore.pool import Failure, usable_processes
from gancore.progress import over
from molgan import chem, plugins
from molgan.cache import DiskCache
from molgan.objectives import OBJECTIVES, load_score
from molgan.parallel import TITLES, judge_all, map_chunks, pool
from molgan.properties import MAKERS, PROPERTIES, Molecule, alert_names
from molgan.score import Component, ScoreConfig

NAN = float("nan")
MOST_ATOMS = 1000
"""Heavy atoms of the largest molecule that is scored."""
DESCRIBED = ("qed", "sa", "logp", "weight")
"""Properties that a library and a scored file have as columns."""
_REMEMBERED = 1_000_000  # molecules
_TAME = 150  # characters; up to so many RDKit is not known to take long over
_FEW = 16  # molecules that are not worth a process
_CHUNK = 200


class Measured(NamedTuple):
    """A molecule as it was scored: canonical SMILES (with stereo), a number for each component, what went wrong."""

    smiles: str | None
    values: tuple[float, ...]
    reason: str = ""


@lru_cache
def _functions(definition: ScoreConfig) -> list[Callable[[Molecule], float] | None]:
    """A function for each component; None for a plugin, which is asked for many molecules at once."""
    return [_function(component) for component in definition.components]


def _function(component: Component) -> Callable[[Molecule], float] | None:
    if component.property == "plugin":
        return None
    if component.property in PROPERTIES:
        return PROPERTIES[component.property].function
    if component.property in MAKERS:
        return MAKERS[component.property].make(**component.asks())
    objective = OBJECTIVES[component.property]
    parts = [part for part in map(_function, objective.components) if part is not None]
    return lambda molecule: float(objective.together(objective.desired(np.array([[f(molecule) for f in parts]])))[0])


def measure(definition: ScoreConfig, text: str | None) -> Measured:
    """What RDKit says of one string; NaN for plugins, and where there is a reason."""
    nothing = (NAN,) * len(definition.components)
    try:
        molecule = Molecule(_read(definition, text))
    except chem.Rejected as reason:
        return Measured(None, nothing, str(reason))
    values, reasons = [], []
    for component, function in zip(definition.components, _functions(definition), strict=True):
        try:
            values.append(NAN if function is None else float(function(molecule)))
        except Exception as error:  # RDKit raises many kinds
            values.append(NAN)
            reasons.append(f"{component.title}: {type(error).__name__}: {error}".splitlines()[0])
    return Measured(molecule.smiles, tuple(values), "; ".join(reasons))


def _alert_names(sets: Sequence[str], definition: ScoreConfig, text: str | None) -> str:
    try:
        return "; ".join(alert_names(_read(definition, text), sets))
    except chem.Rejected:
        return ""


def _read(definition: ScoreConfig, text: str | None) -> Chem.Mol:
    """The molecule that is scored; raises Rejected."""
    mol = chem.Policy(definition.fragments, definition.standardize).apply(chem.parse(text or ""))
    if mol.GetNumHeavyAtoms() > MOST_ATOMS:
        raise chem.Rejected(f"more than {MOST_ATOMS:,} heavy atoms")
    return mol


class Scorer:
    """A `Reward`: strings -> scores in [0, 1], NaN where there is none. Remembers what it scored.

    score: a definition, the name of one (`molgan.objectives.SCORES`), or a TOML file. processes: how many work, all
    usable cores if not given; 0 works here, without a limit on time. cache: a file that keeps what was measured,
    for other runs too. budget: how many distinct molecules may be measured, 0 for any number; what comes after gets
    NaN and the reason, and `spent` tells how many were. Raises ConfigError for a definition that cannot be used.

    >>> Scorer("qed")(["CCO", "no molecule"]).round(2)
    array([0.41,  nan])
    """

    def __init__(
        self,
        score: ScoreConfig | str | Path = "qed",
        processes: int | None = None,
        cache: str | Path | None = None,
        budget: int = 0,
    ):
        self.definition = score if isinstance(score, ScoreConfig) else load_score(score)
        self.processes = usable_processes() if processes is None else processes
        self.budget = budget
        _functions(self.definition)  # raises
        for component in self.definition.components:
            if component.plugin is not None and component.plugin.function:
                plugins.load_function(component.plugin.function)
        self.disk = DiskCache(cache, self._digest()) if cache else None
        self.molecules: set[str] = set()  # distinct ones that were measured
        self._forget()

    @property
    def spent(self) -> int:
        """Distinct molecules measured, those from a cache included."""
        return len(self.molecules)

    def __call__(self, strings: Sequence[str | None]) -> np.ndarray:
        """One score a SMILES, float64."""
        return self.scores(self.values(strings))

    def scores(self, values: np.ndarray) -> np.ndarray:
        """The scores of `values (molecule, component)`."""
        return self.definition.together(self.definition.desired(values))

    def values(self, strings: Sequence[str | None]) -> np.ndarray:
        """The number of each component `(string, component)`."""
        places = self._places(strings)
        return self._values[places]

    def frame(self, strings: Sequence[str | None]) -> pd.DataFrame:
        """A row a string: score; each component's number, and its desirability as `NAME.wanted`; what went wrong.

        Structural alerts are told by name in `NAME.names`.
        """
        places = self._places(strings)
        values = self._values[places]
        desired = self.definition.desired(values)
        columns: dict[str, object] = {"score": self.definition.together(desired)}
        for place, component in enumerate(self.definition.components):
            columns[component.title] = values[:, place]
            columns[f"{component.title}.wanted"] = desired[:, place]
            if component.sets:
                names = partial(_alert_names, component.sets, self.definition)
                columns[f"{component.title}.names"] = map_chunks(names, strings, failed=str)
        columns["reason"] = [self._reasons.get(place, "") for place in places.tolist()]
        return pd.DataFrame(columns)

    def why(self, strings: Sequence[str | None]) -> str:
        """The commonest reason why some of these strings have no score, and how many have it; empty if all have one."""
        reasons = Counter(self._reasons.get(place, "") for place in self._places(strings).tolist())
        del reasons[""]
        return "".join(f"{count} x {reason}" for reason, count in reasons.most_common(1))

    # What was measured ------------------------------------------------------------------------

    def _forget(self) -> None:
        self._known: dict[str | None, int] = {}
        self._reasons: dict[int, str] = {}
        self._values = np.empty((0, len(self.definition.components)))

    def _places(self, strings: Sequence[str | None]) -> np.ndarray:
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
        new = list(dict.fromkeys(text for text in strings if text not in known))
        self._learn(new)
        return np.array([known[text] for text in strings], dtype=np.int64)

    def _learn(self, texts: list[str | None]) -> None:
        """Measure strings that are not known."""
        stored = self.disk.get([text for text in texts if text]) if self.disk is not None else {}
        measured: dict[str | None, Measured] = {text: Measured(text, values) for text, values in stored.items()}
        fresh = [text for text in texts if text not in stored]
        measured |= dict(zip(fresh, self._ask_plugins(self._measure(fresh)), strict=True))
        start, rows = len(self._values), []
        for text in texts:
            smiles, values, reason = measured[text]
            if smiles is not None and self.budget and smiles not in self.molecules and self.spent >= self.budget:
                values, reason = (NAN,) * len(values), f"the budget of {self.budget:,} molecules is spent"
            elif smiles is not None:
                self.molecules.add(smiles)
            place = start + len(rows)
            rows.append(values)
            self._known[text] = place
            if reason:
                self._reasons[place] = reason
            elif smiles is not None:
                self._known.setdefault(smiles, place)
        self._values = np.concatenate((self._values, np.array(rows, np.float64).reshape(len(rows), -1)))
        if self.disk is not None:
            self.disk.put({
                made.smiles: made.values for made in map(measured.__getitem__, fresh) if made.smiles and not made.reason
            })  # fmt: skip

    def _measure(self, texts: Sequence[str | None]) -> list[Measured]:
        if not texts:
            return []
        work = partial(measure, self.definition)
        tame = len(texts) <= _FEW and all(len(text or "") <= _TAME for text in texts)
        if not self.processes or tame:
            return [work(text) for text in over(texts, TITLES["measure"], len(texts))]
        chunk = max(1, min(_CHUNK, len(texts) // (4 * self.processes)))
        answers = pool(self.processes).map(work, texts, chunk, self.definition.seconds, TITLES["measure"])
        nothing = (NAN,) * len(self.definition.components)
        return [Measured(None, nothing, made.reason) if isinstance(made, Failure) else made for made in answers]

    def _ask_plugins(self, measured: list[Measured]) -> list[Measured]:
        """The same with the plugins' numbers; each molecule is asked for once."""
        for place, component in enumerate(self.definition.components):
            if component.plugin is None:
                continue
            smiles = list(dict.fromkeys(made.smiles for made in measured if made.smiles is not None))
            answers = dict(zip(smiles, plugins.ask(component.plugin, smiles), strict=True))
            for row, made in enumerate(measured):
                if made.smiles is not None:
                    measured[row] = _with_answer(made, place, component.title, answers[made.smiles])
        return measured

    def _digest(self) -> str:
        """What the numbers depend on, and nothing else: the same for other weights and desirabilities."""
        asked = [asdict(component) for component in self.definition.components]
        for component in asked:
            for name in ("wanted", "weight", "name"):
                del component[name]
        whole = json.dumps([asked, self.definition.fragments, self.definition.standardize])
        return hashlib.sha256(whole.encode()).hexdigest()


def _with_answer(made: Measured, place: int, title: str, answer: float | Failure) -> Measured:
    if isinstance(answer, Failure):
        reasons = filter(None, (made.reason, f"{title}: {answer.reason}"))
        return made._replace(reason="; ".join(reasons))
    return made._replace(values=(*made.values[:place], answer, *made.values[place + 1 :]))


# Graphs, and tables of molecules --------------------------------------------------------------


def graph_smiles(vocabulary: chem.Vocabulary, atoms: np.ndarray, orders: np.ndarray) -> list[str]:
    """SMILES of graphs `atoms (batch, node)`, `orders (batch, pair)`; empty for one that is no valid molecule."""
    return [chem.strict_smiles(mol) or "" for mol in chem.decode(atoms, orders, vocabulary)]


def property_row(smiles: str | None, names: Sequence[str]) -> list[float]:
    """The named properties of one molecule; NaN for all where it is None or cannot be read."""
    try:
        molecule = Molecule(chem.parse(smiles or ""))
    except chem.Rejected:
        return [NAN] * len(names)
    return [float(PROPERTIES[name].function(molecule)) for name in names]


def property_frame(smiles: Sequence[str | None], names: Sequence[str] = DESCRIBED) -> pd.DataFrame:
    """One row a SMILES, one column a property (units in `PROPERTIES`); NaN where there is no molecule."""
    nothing = [NAN] * len(names)
    work = partial(property_row, names=tuple(names))
    rows = map_chunks(work, smiles, chunk=100, failed=lambda reason: nothing)
    return pd.DataFrame(rows, columns=list(names), dtype=float)


def score_frame(texts: Sequence[str | None], scorer: Scorer, known: Set[str] | None = None) -> pd.DataFrame:
    """Molecules one by one, in order: smiles, connected, novel, the columns of `Scorer.frame`, and the properties.

    `smiles` is canonical without stereo, None where the text is not connected (valid, one fragment, no
    wildcard). `novel` needs `known`, canonical SMILES. Raises nothing for a text: its reason is in the row.
    """
    smiles = [one.smiles for one in judge_all(texts)]
    novel = [None if text is None or known is None else text not in known for text in smiles]
    frame = pd.DataFrame({"smiles": pd.Series(smiles, dtype=object)})
    frame["connected"] = frame["smiles"].notna()
    frame["novel"] = pd.array(novel, dtype="boolean")
    scored = scorer.frame(texts)
    properties = property_frame(smiles)
    rest = [name for name in properties if name not in scored]
    return pd.concat((frame, scored, properties[rest]), axis=1)
