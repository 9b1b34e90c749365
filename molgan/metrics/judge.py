"""The settings of an evaluation, and the evaluation of a list of molecules."""

from collections.abc import Sequence
from pathlib import Path

from gancore.errors import ConfigError
from gancore.io.notes import note
from gancore.statistics.evaluation import Evaluation
from gancore.statistics.two_sample import shift_sentence
from molgan.chemistry.identity import Policy
from molgan.data.downloads import DATA
from molgan.metrics.basic import Known, Molecules, Reading, basic_figures, in_memory, texts_of
from molgan.metrics.groups import GROUPS, ON_REQUEST, Suite, parts_of
from molgan.metrics.reference import Reference, references
from molgan.metrics.requested import Requested
from molgan.metrics.shift import shift_between
from molgan.metrics.subgroups import Members
from molgan.scoring.records import NO_PARTS, Parts


class Judge:
    """Training molecules, a reference and the groups of figures, as in `evaluate`; judges any number of lists.

    requested: what the molecules were asked for. subgroup: a column of the reference. parts: what is asked of every
    molecule that is picked for the suites.
    Raises ConfigError for an unknown group, and DataError for training molecules of which none can be read.
    """

    def __init__(
        self,
        train: Molecules | None,
        reference: str | Path | Sequence[str] | None,
        ks: Sequence[int],
        groups: Sequence[str],
        allow_unequal_n: bool,
        seed: int,
        policy: Policy,
        column: str = "",
        requested: Requested | None = None,
        subgroup: str = "",
    ):
        unknown = sorted(set(groups) - {*GROUPS, *ON_REQUEST})
        if unknown:
            raise ConfigError(f"no group of figures {unknown[0]!r}; there are {', '.join((*GROUPS, *ON_REQUEST))}.")
        if subgroup and reference is None:
            raise ConfigError(f"subgroup {subgroup}: is a column of the reference; give one.")
        if DATA.named(reference) == "moses" and train is None:
            train = "moses"
        self.train = in_memory(train, column)
        self.known = None if self.train is None else Known.of(self.train, policy)
        groups = (*groups, "subgroups") if subgroup and "subgroups" not in groups else groups
        self.subgroup = subgroup
        self.reference, self.ks, self.groups, self.allow_unequal_n = reference, ks, groups, allow_unequal_n
        self.seed, self.policy, self.column, self.requested = seed, policy, column, requested

    @property
    def parts(self) -> Parts:
        """What the figures need to know of each molecule."""
        parts = NO_PARTS if self.reference is None else parts_of(self.groups, self.policy, self.train is not None)
        return parts if self.requested is None else {**parts, "requested": self.requested.part}

    def __call__(self, reading: Reading, doubt: str = "") -> Evaluation:
        """All figures of a list that was read with `parts`. doubt: a first note on what the list may be."""
        table, picked = reading.table, reading.picked
        figures, notes = basic_figures(table, self.known, self.ks), [doubt] if doubt else []
        if self.known is not None:
            notes += _training_notes(self.known, self.policy)
        against = references(self.reference, self.seed, self.column) if self.reference is not None else []
        if self.train is not None and against:
            notes += _shift_notes(self.train, against[0], self.seed)
        if self.requested is not None:
            obtained = [record["requested"] for record in picked]
            more, told = self.requested.figures(obtained, against[0].smiles if against else None)
            figures, notes = figures | more, notes + told
        if self.reference is None:
            if tuple(self.groups) != GROUPS:
                notes.append(f"{', '.join(self.groups)}: no figures without a reference.")
            return Evaluation(figures, notes, doubt=doubt)
        valid = int(table["valid"].sum())
        if valid > len(picked):
            notes.append(f"The suites are of {len(picked):,} valid molecules drawn at random from {valid:,}.")
        if len(picked) < 2:
            notes.append("There are fewer than two valid molecules, so no suite was worked out.")
            return Evaluation(figures, notes, doubt=doubt)
        suite = Suite(
            reading, self.known, self.train, against, self.ks, self.allow_unequal_n, self.seed, self.policy, notes
        )
        if "subgroups" in self.groups:
            suite.members = Members.read(self.reference, self.subgroup, self.column, self.policy, self.seed)
        return Evaluation(figures | suite.figures(self.groups), suite.notes, suite.tables, doubt=doubt)


def _shift_notes(train: Molecules, reference: Reference, seed: int) -> list[str]:
    """Where training and reference molecules are easy to tell apart, a sentence that says so, and is warned of."""
    area = shift_between(texts_of(train), reference.fingerprints, seed)
    told = "" if area is None else shift_sentence("Training molecules", "reference molecules", "molecules", area)
    if told:
        note(told)
    return [told] if told else []


def _training_notes(known: Known, policy: Policy) -> list[str]:
    """How molecules were compared, and which training rows were not, or not as they are."""
    notes = [f"Molecules are compared by: {policy}."]
    if known.unread:
        notes.append(f"Of the training molecules {known.unread:,} cannot be read.")
    if known.mixtures:
        treated = {"reject": "are left out", "largest": "count as their largest fragment", "keep": "count as they are"}
        notes.append(
            f"Of the training molecules {known.mixtures:,} are salts or mixtures; they {treated[policy.fragments]}."
        )
    return notes
