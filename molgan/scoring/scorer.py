"""Molecules -> properties -> desirability -> score, by a definition; in processes, with a cache and a budget."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence, Set
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from rdkit import Chem

from gancore.errors import DataError
from gancore.io.notes import note
from gancore.io.process_pool import Failure, usable_processes
from gancore.io.progress import over
from molgan import chemistry
from molgan.chemistry.identity import COMPARED, identity
from molgan.chemistry.parallel import TITLES, judge_all, map_chunks, pool
from molgan.scoring import plugins
from molgan.scoring.benchmarks import OBJECTIVES, load_score
from molgan.scoring.cache import DiskCache
from molgan.scoring.cache_keys import key_of
from molgan.scoring.definition import Component, ScoreConfig
from molgan.scoring.plugins import ENOUGH, Health
from molgan.scoring.properties import MAKERS, PROPERTIES, Molecule, alert_names

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
    return [_function(component, _policy(definition)) for component in definition.components]


def _policy(definition: ScoreConfig) -> chemistry.Policy:
    """How molecules are prepared, those that are scored and those that they are compared with."""
    return chemistry.Policy(definition.fragments, definition.standardize)


def _function(component: Component, policy: chemistry.Policy) -> Callable[[Molecule], float] | None:
    if component.property == "plugin":
        return None
    if component.property in PROPERTIES:
        return PROPERTIES[component.property].function
    if component.property in MAKERS:
        maker = MAKERS[component.property]
        return maker.make(**component.asks(), **({"policy": policy} if maker.prepares else {}))
    objective = OBJECTIVES[component.property]
    made = (_function(part, _policy(objective)) for part in objective.components)
    parts = [part for part in made if part is not None]
    return lambda molecule: float(objective.together(objective.desired(np.array([[f(molecule) for f in parts]])))[0])


Task: TypeAlias = tuple[str | None, Sequence[int]]
"""A string, and the places of the components that are asked for."""


def measure(definition: ScoreConfig, task: Task) -> Measured:
    """What RDKit says of one string; NaN for plugins, for what is not asked for, and where there is a reason."""
    text, wanted = task
    nothing = (NAN,) * len(definition.components)
    try:
        molecule = Molecule(_read(definition, text))
    except chemistry.Rejected as reason:
        return Measured(None, nothing, str(reason))
    values, reasons = [], []
    for place, (component, function) in enumerate(zip(definition.components, _functions(definition), strict=True)):
        try:
            values.append(NAN if function is None or place not in wanted else float(function(molecule)))
        except Exception as error:  # RDKit raises many kinds
            values.append(NAN)
            reasons.append(f"{component.title}: {type(error).__name__}: {error}".splitlines()[0])
    return Measured(molecule.smiles, tuple(values), "; ".join(reasons))


def identify(definition: ScoreConfig, text: str | None) -> Measured:
    """The molecule of a string, without numbers; or why there is none."""
    try:
        return Measured(Molecule(_read(definition, text)).smiles, ())
    except chemistry.Rejected as reason:
        return Measured(None, (), str(reason))


def _alert_names(sets: Sequence[str], definition: ScoreConfig, text: str | None) -> str:
    try:
        return "; ".join(alert_names(_read(definition, text), sets))
    except chemistry.Rejected:
        return ""


def _read(definition: ScoreConfig, text: str | None) -> Chem.Mol:
    """The molecule that is scored; raises Rejected."""
    mol = _policy(definition).apply(chemistry.parse(text or ""))
    if mol.GetNumHeavyAtoms() > MOST_ATOMS:
        raise chemistry.Rejected(f"more than {MOST_ATOMS:,} heavy atoms")
    return mol


class Scorer:
    """A `Reward`: strings -> scores in [0, 1], NaN where there is none. Remembers what it scored.

    score: a definition, the name of one (`molgan.scoring.benchmarks.SCORES`), or a TOML file. processes: how many work,
    all usable cores if not given; 0 works here, without a limit on time. cache: a file that keeps each component's
    numbers for other runs and other scores; what failed is not kept. budget: how many distinct molecules may be
    measured, 0 for any number; what comes after is not asked for and gets NaN and the reason, and `spent` tells how
    many were. A plug-in's failure is remembered here for as long as it works for others; one that failed for all is
    asked again.
    Raises ConfigError for a definition that cannot be used.

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
        self.disk = DiskCache(cache) if cache else None
        self._plugins = {
            place: Health() for place, part in enumerate(self.definition.components) if part.plugin is not None
        }
        self._keys = {place: key_of(part, self.definition) for place, part in enumerate(self.definition.components)}
        for place, key in self._keys.items() if cache else ():
            if key.why:
                note(f"{cache}: keeps no numbers of {self.definition.components[place].title}: {key.why}.")
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

    def values(self, strings: Sequence[str | None]) -> np.ndarray:
        """The number of each component `(string, component)`."""
        self._refresh()
        places = self._places(strings)
        return self._values[places]

    def frame(self, strings: Sequence[str | None]) -> pd.DataFrame:
        """A row a string: score; each component's number, and its desirability as `NAME.wanted`; what went wrong.

        Structural alerts are told by name in `NAME.names`.
        """
        self._refresh()
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

    def broken(self, strings: Sequence[str | None], least: int = ENOUGH) -> str:
        """Which plug-in failed for every molecule among these strings, and why; empty if none did.

        A program that is not there is told at once, any other failure after `least` molecules and none that worked.
        """
        rows = dict.fromkeys(self._places(strings).tolist())
        molecules = {smiles for row in rows if (smiles := self._molecules[row]) is not None}
        for place, health in self._plugins.items():
            reason = health.broken(molecules, least)
            if reason:
                title = self.definition.components[place].title
                called = "plugin" if title == "plugin" else f"plugin {title}"
                return f"{called}: failed for all {len(molecules):,} molecules: {reason}."
        return ""

    def state(self) -> list[str]:
        """What was spent of a budget, as digests of molecules; nothing without a budget."""
        return sorted(self._spent) if self.budget else []

    def restore(self, state: Any) -> None:
        """Put it back; those molecules are measured again at no expense."""
        self._spent |= {str(digest) for digest in list(state)}

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
        for place in self._plugins:
            key = key_of(self.definition.components[place], self.definition)
            before, self._keys[place] = self._keys[place], key
            if key.digest != before.digest or key.made is not before.made:
                self._forget()
        if self._allowed != self.budget:
            self._forget()
        for health in self._plugins.values():
            if health.broken(health.failing.keys()):
                self._known = {text: row for text, row in self._known.items() if not self._failed(health, row)}
                self._rows = {smiles: row for smiles, row in self._rows.items() if smiles not in health.failing}

    def _failed(self, health: Health, row: int) -> bool:
        return self._molecules[row] in health.failing

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
        self._learn(list(dict.fromkeys(text for text in strings if text not in known)))
        return np.array([known[text] for text in strings], dtype=np.int64)

    def _learn(self, texts: list[str | None]) -> None:
        """Measure strings that are not known."""
        everything = range(len(self.definition.components))
        if self.disk is None and not self.budget and not self._plugins:
            self._take(texts, self._map(partial(measure, self.definition), [(text, everything) for text in texts]))
            return
        found = self._map(partial(identify, self.definition), texts)
        new: dict[str, str | None] = {}  # text of each molecule that is to be measured
        for text, made in zip(texts, found, strict=True):
            smiles = made.smiles
            if smiles is not None and smiles not in self._rows and smiles not in new and self._pay(smiles):
                new[smiles] = text
        numbers = self._numbers(new)
        spent = Measured(None, self._nothing, f"the budget of {self.budget:,} molecules is spent")
        self._take(texts, [numbers.get(made.smiles, spent) if made.smiles else made for made in found])

    def _pay(self, smiles: str) -> bool:
        """Whether a molecule may be measured, which is then counted."""
        digest = hashlib.blake2b(smiles.encode(), digest_size=8).hexdigest()
        if self.budget and digest not in self._spent and self.spent >= self.budget:
            return False
        self._spent.add(digest)
        return True

    def _take(self, texts: list[str | None], found: list[Measured]) -> None:
        """Remember what was found of each string; a molecule that has a row keeps it."""
        fresh = []
        for text, made in zip(texts, found, strict=True):
            row = self._rows.get(made.smiles) if made.smiles is not None else None
            if row is None:
                row = len(self._molecules)
                self._molecules.append(made.smiles)
                fresh.append(made.values or self._nothing)
                if made.reason:
                    self._reasons[row] = made.reason
                if made.smiles is not None:
                    self._rows[made.smiles] = row
                    self._pay(made.smiles)
            self._known[text] = row
        rows = np.array(fresh, np.float64).reshape(len(fresh), len(self.definition.components))
        self._values = np.concatenate((self._values, rows))

    @property
    def _nothing(self) -> tuple[float, ...]:
        return (NAN,) * len(self.definition.components)

    # Measuring --------------------------------------------------------------------------------

    def _numbers(self, new: dict[str, str | None]) -> dict[str, Measured]:
        """All numbers of molecules, given the text of each: from the cache, from RDKit, from plug-ins."""
        values = {smiles: np.full(len(self.definition.components), NAN) for smiles in new}
        reasons: dict[str, list[str]] = {smiles: [] for smiles in new}
        missing: dict[str, list[int]] = {smiles: [] for smiles in new}
        for place, key in self._keys.items():
            stored = self.disk.get(key.digest, list(new)) if self.disk is not None and key.digest else {}
            for smiles in new:
                if smiles in stored:
                    values[smiles][place] = stored[smiles]
                else:
                    missing[smiles].append(place)
        self._ask_rdkit(new, missing, values, reasons)
        for place, component in enumerate(self.definition.components):
            if component.plugin is not None:
                asked = [smiles for smiles in new if place in missing[smiles]]
                answers = dict(zip(asked, plugins.ask(component.plugin, asked), strict=True))
                self._plugins[place].note(answers)
                for smiles, answer in answers.items():
                    if isinstance(answer, Failure):
                        reasons[smiles].append(f"{component.title}: {answer.reason}")
                    else:
                        values[smiles][place] = answer
                self._keep(place, {smiles: values[smiles][place] for smiles in asked})
        return {smiles: Measured(smiles, tuple(row), "; ".join(reasons[smiles])) for smiles, row in values.items()}

    def _ask_rdkit(
        self,
        new: dict[str, str | None],
        missing: dict[str, list[int]],
        values: dict[str, np.ndarray],
        reasons: dict[str, list[str]],
    ) -> None:
        """Fill in RDKit's numbers of the molecules that lack some, and why there are none."""
        own = {smiles: [place for place in places if place not in self._plugins] for smiles, places in missing.items()}
        asked = [smiles for smiles, places in own.items() if places]
        if not asked:
            return
        found = self._map(partial(measure, self.definition), [(new[smiles], own[smiles]) for smiles in asked])
        for smiles, made in zip(asked, found, strict=True):
            for place in own[smiles]:
                values[smiles][place] = made.values[place]
            if made.reason:
                reasons[smiles].append(made.reason)
        for place in self._keys:
            self._keep(place, {smiles: values[smiles][place] for smiles in asked if place in own[smiles]})

    def _keep(self, place: int, numbers: dict[str, float]) -> None:
        if self.disk is not None and self._keys[place].digest:
            self.disk.put(self._keys[place].digest, {smiles: float(number) for smiles, number in numbers.items()})

    def _map(self, work: Callable[[Any], Measured], items: Sequence[Any]) -> list[Measured]:
        """The answer to each item, a string or a task, from as many processes as there are."""
        if not items:
            return []
        texts = [item[0] if isinstance(item, tuple) else item for item in items]
        tame = len(items) <= _FEW and all(len(text or "") <= _TAME for text in texts)
        if not self.processes or tame:
            return [work(item) for item in over(items, TITLES["measure"], len(items))]
        chunk = max(1, min(_CHUNK, len(items) // (4 * self.processes)))
        answers = pool(self.processes).map(work, items, chunk, self.definition.seconds, TITLES["measure"])
        return [Measured(None, self._nothing, one.reason) if isinstance(one, Failure) else one for one in answers]


# Graphs, and tables of molecules --------------------------------------------------------------


def graph_smiles(vocabulary: chemistry.Vocabulary, atoms: np.ndarray, orders: np.ndarray) -> list[str]:
    """SMILES of graphs `atoms (batch, node)`, `orders (batch, pair)`; empty for one that is no valid molecule."""
    return [chemistry.strict_smiles(mol) or "" for mol in chemistry.decode(atoms, orders, vocabulary)]


def property_row(smiles: str | None, names: Sequence[str]) -> list[float]:
    """The named properties of one molecule; NaN for all where it is None or cannot be read."""
    try:
        molecule = Molecule(chemistry.parse(smiles or ""))
    except chemistry.Rejected:
        return [NAN] * len(names)
    return [float(PROPERTIES[name].function(molecule)) for name in names]


def property_frame(smiles: Sequence[str | None], names: Sequence[str] = DESCRIBED) -> pd.DataFrame:
    """One row a SMILES, one column a property (units in `PROPERTIES`); NaN where there is no molecule."""
    nothing = [NAN] * len(names)
    work = partial(property_row, names=tuple(names))
    rows = map_chunks(work, smiles, chunk=100, failed=lambda reason: nothing)
    return pd.DataFrame(rows, columns=list(names), dtype=float)


def score_frame(
    texts: Sequence[str | None], scorer: Scorer, known: Set[str] | None = None, policy: chemistry.Policy = COMPARED
) -> pd.DataFrame:
    """Molecules one by one, in order: smiles, connected, novel, the columns of `Scorer.frame`, and the properties.

    `smiles` is canonical without stereo, None where the text is not connected (valid, one fragment, no
    wildcard). `novel` needs `known`, canonical SMILES under `policy` (`known_smiles`). Raises nothing for a text: its
    reason is in the row.
    """
    smiles = [one.smiles for one in judge_all(texts)]
    compared = smiles
    if known is not None and policy.standardize:
        compared = map_chunks(partial(identity, policy=policy), smiles, failed=lambda reason: None)
    novel = [None if text is None or known is None else text not in known for text in compared]
    frame = pd.DataFrame({"smiles": pd.Series(smiles, dtype=object)})
    frame["connected"] = frame["smiles"].notna()
    frame["novel"] = pd.array(novel, dtype="boolean")
    scored = scorer.frame(texts)
    properties = property_frame(smiles)
    rest = [name for name in properties if name not in scored]
    return pd.concat((frame, scored, properties[rest]), axis=1)
