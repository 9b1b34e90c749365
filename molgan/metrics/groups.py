"""The groups of figures that need a reference: which parts of each molecule they need, and the figures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import torch

from gancore.errors import DataError
from gancore.statistics.frechet import moments
from gancore.statistics.intervals import Estimate, wilson_interval
from gancore.statistics.precision_recall import precision_recall
from molgan.chemistry.identity import Policy
from molgan.chemistry.motifs import profile
from molgan.metrics import chemnet, suites
from molgan.metrics.basic import (
    GUACAMOL_N,
    Known,
    Molecules,
    Reading,
    guacamol_basics,
    moses_basics,
    prepare,
    texts_of,
)
from molgan.metrics.motifs import Commonness, listed, motif_figures, scaffold_figures
from molgan.metrics.neighbours import Neighbours, memorisation, privacy
from molgan.metrics.published import MOSES_N
from molgan.metrics.reference import Reference
from molgan.metrics.subgroups import MOST, Members
from molgan.scoring.description import BITS, Described, compared, describe, describe_flat
from molgan.scoring.records import Part, Parts
from molgan.scoring.subgroups import member

GROUPS = ("moses", "guacamol", "diversity", "motifs", "memorisation", "alerts", "precision")
"""What there is besides the basic figures."""
ON_REQUEST = ("subgroups",)
"""Groups that are worked out where they are named, and not by default."""
ALERTS = ("PAINS", "BRENK", "NIH")
"""Sets of structural alerts that are counted."""
_BALLS = 2000  # molecules whose balls make precision and recall
_NEIGHBOURS = 3


def _none(reason: str) -> None:
    """What stands for a molecule that RDKit does not come to an end with."""


def parts_of(groups: Sequence[str], policy: Policy, trained: bool) -> Parts:
    """What groups of figures ask of each molecule. trained: whether there are training molecules."""
    asked = set(groups)
    alert_sets = ALERTS if "alerts" in asked else ()
    parts = {}
    if asked & {"moses", "guacamol", "diversity", "alerts"}:
        parts["description"] = Part(partial(describe, alert_sets=alert_sets), _none)
    if "guacamol" in asked:
        parts["flat"] = Part(describe_flat, _none)
    if "motifs" in asked:
        parts["profile"] = Part(profile, _none)
    if "precision" in asked or ("memorisation" in asked and trained):
        parts["compared"] = Part(partial(compared, policy=policy), _none)
    if "subgroups" in asked:
        parts["member"] = Part(partial(member, policy=policy), _none)
    return parts


@dataclass
class Suite:
    """The figures that need a reference, of a list that was read with `parts_of` the groups that are asked for.

    known: digests of the training molecules `train`. against: the references. `notes` and `tables` grow with the
    figures. members: molecules of the reference with their subgroups.
    """

    reading: Reading
    known: Known | None
    train: Molecules | None
    against: list[Reference]
    ks: Sequence[int]
    allow: bool
    seed: int
    policy: Policy
    notes: list[str] = field(default_factory=list)
    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    members: Members | None = None

    def __post_init__(self) -> None:
        for reference in self.against:
            if reference.n < reference.of:
                self.notes.append(f"{reference.name}: {reference.n:,} of its {reference.of:,} molecules were taken.")

    def figures(self, groups: Sequence[str]) -> dict[str, Estimate]:
        """The figures of some groups, in the order of `GROUPS`, then those on request."""
        figures: dict[str, Estimate] = {}
        for group in (*GROUPS, *ON_REQUEST):
            if group in groups:
                figures |= getattr(self, f"_{group}")()
        return figures

    def _parts(self, name: str) -> list:
        """One part of each picked molecule that has it."""
        return [part for record in self.reading.picked if (part := record[name]) is not None]

    @cached_property
    def described(self) -> Described:
        """The picked molecules as they were drawn."""
        rows = self._parts("description")
        return Described.of_rows(rows, ALERTS if rows and rows[0].alerts else ())

    @cached_property
    def activations(self) -> np.ndarray:
        """ChemNet's, of the picked molecules."""
        return chemnet.activations(self.described.smiles)

    @cached_property
    def fingerprints(self) -> np.ndarray:
        """Packed fingerprints of the molecules under the policy."""
        rows = [part.fingerprint for part in self._parts("compared")]
        return np.array(rows, np.uint8).reshape(-1, BITS // 8)

    @cached_property
    def prepared_reference(self) -> Reference:
        """The first reference under the policy; the same object where it changes none."""
        reference = self.against[0]
        texts = prepare(reference.smiles, self.policy)
        if texts == reference.smiles:
            return reference
        self.notes.append(
            f"{reference.name}: its molecules are compared by the policy above; the suites take them as they are."
        )
        return Reference.of_smiles(reference.name, texts, seed=self.seed)

    def _moses(self) -> dict[str, Estimate]:
        figures = moses_basics(self.reading.table, self.known, self.ks)
        for reference, suffix in zip(self.against, ("", "/scaffolds"), strict=False):
            figures |= self._distance(f"moses/fcd{suffix}", reference)
            figures |= suites.moses(self.described, reference, suffix)
        return figures | suites.moses_alone(self.described, self.against[0])

    def _distance(self, name: str, reference: Reference) -> dict[str, Estimate]:
        """The Fréchet distance, at equal n or by the protocol of MOSES."""
        ours, theirs = len(self.described), reference.moments.n
        if len(reference.activations) and not self.allow:
            n = min(ours, theirs)
            self.notes.append(f"{name}: {n:,} molecules against {n:,} of {reference.name}.")
            picked = moments(reference.activations[self._some(theirs, n)])
            return {name: suites.chemnet_distance(self.activations[self._some(ours, n)], picked)}
        sampled = ours < min(MOSES_N, int(self.reading.table["valid"].sum()))
        if (len(self.reading.table) < MOSES_N or sampled) and not self.allow:
            here = f"{ours:,} were sampled" if sampled else f"here are {len(self.reading.table):,}"
            self.notes.append(
                f"{name} is left out: its protocol is {MOSES_N:,} draws, {here}, and the "
                "distance falls as n grows; allow_unequal_n (--allow-unequal-n) works it out all the same."
            )
            return {}
        self.notes.append(f"{name}: {ours:,} molecules against {theirs:,} of {reference.name}.")
        return {name: suites.chemnet_distance(self.activations, reference.moments)}

    def _some(self, of: int, n: int) -> np.ndarray:
        return np.sort(np.random.default_rng(self.seed).permutation(of)[:n])

    def _guacamol(self) -> dict[str, Estimate]:
        figures = guacamol_basics(self.reading.table, self.known)
        if self.train is None and not len(self.against[0].activations):
            return figures
        baseline = self.against[0]
        if self.train is not None:
            try:
                baseline = Reference.of_smiles("the training set", texts_of(self.train), GUACAMOL_N, self.seed)
            except DataError as error:
                self.notes.append(f"The scores of GuacaMol are left out: {error}")
                return figures
        theirs = baseline.activations[self._some(baseline.n, GUACAMOL_N)]
        distance = suites.chemnet_distance(self.activations[:GUACAMOL_N], moments(theirs))
        self.notes.append(f"guacamol/fcd score: {distance.n:,} molecules against {len(theirs):,} of {baseline.name}.")
        value, low, high, n = distance
        value, low, high = (float(np.exp(-0.2 * figure)) for figure in (value, high, low))
        figures["guacamol/fcd score"] = Estimate(value, low, high, n)
        distinct = list({part.smiles: part for part in self._parts("flat")}.values())[:GUACAMOL_N]
        wide, properties = (np.array([getattr(part, name) for part in distinct]) for name in ("wide", "properties"))
        figures["guacamol/kl score"] = suites.guacamol_kl(wide, properties, baseline)
        return figures

    def _diversity(self) -> dict[str, Estimate]:
        return suites.diversity(self.described)

    def _motifs(self) -> dict[str, Estimate]:
        reference = self.against[0]
        texts = reference.smiles or texts_of("moses", reference.name)  # only the statistics of MOSES are kept
        common, ours = Commonness.of_smiles(reference.name, texts, seed=self.seed), self._parts("profile")
        figures, self.tables["motifs/absent"] = motif_figures(ours, common)
        self.tables["motifs/listed"] = listed(ours)
        return figures | scaffold_figures(ours, common)

    def _memorisation(self) -> dict[str, Estimate]:
        if self.train is None:
            return {}
        train = Neighbours.of_smiles(prepare(texts_of(self.train), self.policy), seed=self.seed)
        if len(train.smiles) < train.of:
            self.notes.append(
                f"Nearness to the training set is to {len(train.smiles):,} of its {train.of:,} molecules."
            )
        skeletons = np.array([part.skeleton for part in self._parts("compared")], np.int64)
        figures, self.tables["train similarity"] = memorisation(skeletons, self.fingerprints, train)
        held_out = self.prepared_reference.fingerprints
        return figures | privacy(self.fingerprints, train.fingerprints, held_out, self.seed)

    def _alerts(self) -> dict[str, Estimate]:
        figures = {}
        for name, rows in self.described.alerts.items():
            figures[f"alerts/{name}"] = wilson_interval(sum(map(bool, rows)), len(rows))
            self.tables[f"alerts/{name}"] = dict(Counter(alert for row in rows for alert in row).most_common())
        return figures

    def _precision(self) -> dict[str, Estimate]:
        drawn, real = (
            torch.from_numpy(np.unpackbits(rows[self._some(len(rows), _BALLS)], axis=1)).float()
            for rows in (self.fingerprints, self.prepared_reference.fingerprints)
        )
        if min(len(drawn), len(real)) <= _NEIGHBOURS:
            return {}
        precision, recall = precision_recall(real, drawn, _NEIGHBOURS)
        counts = round(precision * len(drawn)), round(recall * len(real))
        return {
            "precision": wilson_interval(counts[0], len(drawn)),
            "recall": wilson_interval(counts[1], len(real)),
        }

    def _subgroups(self) -> dict[str, Estimate]:
        drawn = self._parts("member")
        picked = [drawn[row] for row in self._some(len(drawn), MOST)]
        figures, notes = self.members.figures(picked, self.seed) if self.members is not None else ({}, [])
        self.notes += notes
        return figures
