"""Judge a list of SMILES, whoever made it: validity and novelty of all of them, the published suites of a sample."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from gancore.errors import ConfigError, DataError
from gancore.io.inputs import rows_of
from gancore.statistics.evaluation import Evaluation
from gancore.statistics.intervals import Estimate, wilson_interval
from gancore.statistics.precision_recall import precision_recall
from molgan import chemistry
from molgan.chemistry.identity import COMPARED, Policy, identity
from molgan.chemistry.parallel import map_chunks
from molgan.data.dataset import MoleculeDataset
from molgan.data.downloads import DATA
from molgan.data.inputs import FORM, LOOKED_AT, refuse_foreign
from molgan.metrics import chemnet, suites
from molgan.metrics.basic import (
    GUACAMOL_N,
    Known,
    Molecules,
    basic_figures,
    guacamol_basics,
    in_memory,
    moses_basics,
    prepare,
    read_all,
    refuse_unread,
    texts_of,
)
from molgan.metrics.motifs import Commonness, listed, motif_figures, profiles, scaffold_figures
from molgan.metrics.neighbours import Neighbours, memorisation, privacy
from molgan.metrics.published import MOSES_N
from molgan.metrics.reference import SAMPLE, Reference, references
from molgan.scoring.description import Described

GROUPS = ("moses", "guacamol", "diversity", "motifs", "memorisation", "alerts", "precision")
"""What there is besides the basic figures."""
ALERTS = ("PAINS", "BRENK", "NIH")
"""Sets of structural alerts that are counted."""
_BALLS = 2000  # molecules whose balls make precision and recall
_NEIGHBOURS = 3


def known_smiles(train: Molecules, policy: Policy = COMPARED, column: str = "") -> Set[str]:
    """Canonical SMILES, without stereo, of the molecules of a training set, what `texts_of` takes, under a policy.

    Raises DataError where no row is a molecule.
    """
    if isinstance(train, MoleculeDataset) and not policy.standardize:
        return set(train.smiles)
    texts = texts_of(train, column=column)
    made = map_chunks(partial(identity, policy=policy), texts, failed=lambda reason: None)
    known = {text for text in made if text is not None}
    refuse_unread(len(known), len(texts))
    return known


def evaluate(
    smiles: "pd.DataFrame | Iterable[str | None] | Path",
    train: Molecules | None = None,
    reference: "str | Path | Sequence[str] | None" = None,
    ks: Sequence[int] = (1000, 10000),
    groups: Sequence[str] = GROUPS,
    sample: int = SAMPLE,
    allow_unequal_n: bool = False,
    seed: int = 0,
    policy: Policy = COMPARED,
    column: str = "",
) -> Evaluation:
    """Judge generated SMILES, a list or a file's path; None and "" are draws without a molecule and count as invalid.

    valid: share that RDKit parses and sanitises. connected: share that is valid, one fragment and without wildcard;
    of these, without stereo, unique: distinct / all, unique@k: the same among the first k; novel: share of the
    distinct ones not in `train`; product: connected x unique x novel, which a collapsed generator cannot raise.

    reference: a data set by name (`moses` with its training set, unless `train` is given), a file or a list. With one
    come, by `groups`, and of `sample` valid molecules at random where there are more:

    moses/...: the suite of Polykovskiy et al. 2020 by its own definitions (all valid strings count, stereo is kept);
        names ending in /scaffolds are against its scaffold test set.
    guacamol/...: that of Brown et al. 2019 (stereo dropped; novel is of the number asked for); kl and fcd score
        against 10,000 molecules of `train`, or of the reference.
    diversity: circles, sediv, scaffolds and ring systems (see `suites.diversity`).
    motifs: shares with a motif that the reference lacks and with a listed one, those in `tables`; scaffolds: mass on
        the reference's commonest and total variation (see `motifs`).
    memorisation: how near the training set (`neighbours.memorisation`, `neighbours.privacy`), the histogram in
        `tables`. alerts/SET: share with a structural alert, by name in `tables`.
    precision, recall in fingerprint space (Kynkäänniemi et al. 2019), 2,000 against 2,000.

    The Fréchet distance falls as n grows, so it is of equally many on both sides, or, for `moses`, of its protocol's
    30,000 draws; anything else is left out, and `notes` says so, unless `allow_unequal_n`.
    policy: how molecules of both sides are prepared for novel, product, memorisation and precision. By default a salt
    or mixture of the training set counts as its largest fragment. The suites of MOSES and GuacaMol take strings as
    they are. `notes` says which policy it was.
    Each figure has a 95% interval: Wilson's for plain shares, the central limit's for means, resampled halves for the
    rest. column: of tables, the one with SMILES; that of `train` and `reference` if they have it.

    Where no string is a molecule, or the first alone, `notes` says so; a file whose rows do not look like SMILES either
    is refused. Raises DataError for that, for an empty list, what is no string, and training molecules of which none
    can be read; ConfigError for an unknown group.

    >>> figures = evaluate(["CCO", "OCC", "C", "not a molecule"], train=["C"])
    >>> [round(figures[name].value, 2) for name in ("valid", "unique", "novel", "product")]
    [0.75, 0.67, 0.5, 0.25]
    """
    unknown = sorted(set(groups) - set(GROUPS))
    if unknown:
        raise ConfigError(f"no group of figures {unknown[0]!r}; there are {', '.join(GROUPS)}.")
    if DATA.named(reference) == "moses" and train is None:
        train = "moses"
    train = in_memory(train, column)
    known = None if train is None else Known.of(train, policy)
    seen: list[str | None] = []
    texts = (text for _, text, _ in rows_of(smiles, FORM, "SMILES", column))
    table, picked = read_all(_noted(texts, seen), sample, seed, policy)
    if not len(table):
        raise DataError("there is nothing to evaluate: the list of SMILES is empty.")
    valid = table["valid"]
    doubt = refuse_foreign(smiles, seen, valid[: len(seen)].tolist(), len(valid), int(valid.sum()))
    figures, notes = basic_figures(table, known, ks), [doubt] if doubt else []
    if known is not None:
        notes += _training_notes(known, policy)
    if reference is None:
        if tuple(groups) != GROUPS:
            notes.append(f"{', '.join(groups)}: no figures without a reference.")
        return Evaluation(figures, notes, doubt=doubt)
    against = references(reference, seed, column)
    if int(table["valid"].sum()) > len(picked):
        notes.append(
            f"The suites are of {len(picked):,} valid molecules drawn at random from {table['valid'].sum():,}."
        )
    if len(picked) < 2:
        notes.append("There are fewer than two valid molecules, so no suite was worked out.")
        return Evaluation(figures, notes, doubt=doubt)
    suite = _Suite(table, picked, known, train, against, groups, ks, allow_unequal_n, seed, policy, notes)
    return Evaluation(figures | suite.figures(), suite.notes, suite.tables)


def _noted(texts: Iterable[str | None], seen: list[str | None]) -> Iterable[str | None]:
    """The same strings; the first of them are put into `seen`."""
    for text in texts:
        if len(seen) < LOOKED_AT:
            seen.append(text)
        yield text


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


@dataclass
class _Suite:
    """The figures that need a reference: `table` of all strings, `picked` valid ones, what is `known` of `train`."""

    table: np.ndarray
    picked: list[str]
    known: Known | None
    train: Molecules | None
    against: list[Reference]
    groups: Sequence[str]
    ks: Sequence[int]
    allow: bool
    seed: int
    policy: Policy
    notes: list[str] = field(default_factory=list)
    tables: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.described = Described.of(self.picked, ALERTS if "alerts" in self.groups else ())
        for reference in self.against:
            if reference.n < reference.of:
                self.notes.append(f"{reference.name}: {reference.n:,} of its {reference.of:,} molecules were taken.")

    def figures(self) -> dict[str, Estimate]:
        """All that was asked for."""
        made: dict[str, Estimate] = {}
        if {"moses", "guacamol"} & set(self.groups):
            self.activations = chemnet.activations(self.described.smiles)
        for group in GROUPS:
            if group in self.groups:
                made |= getattr(self, f"_{group}")()
        return made

    @cached_property
    def prepared(self) -> Described:
        """The molecules under the policy; the same object where it changes none."""
        texts = prepare(self.described.smiles, self.policy)
        return self.described if texts == self.described.smiles else Described.of(texts)

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
        made = moses_basics(self.table, self.known, self.ks)
        for reference, suffix in zip(self.against, ("", "/scaffolds"), strict=False):
            made |= self._distance(f"moses/fcd{suffix}", reference)
            made |= suites.moses(self.described, reference, suffix)
        return made | suites.moses_alone(self.described, self.against[0])

    def _distance(self, name: str, reference: Reference) -> dict[str, Estimate]:
        """The Fréchet distance, at equal n or by the protocol of MOSES."""
        ours, theirs = len(self.activations), reference.moments.n
        if len(reference.activations) and not self.allow:
            n = min(ours, theirs)
            self.notes.append(f"{name}: {n:,} molecules against {n:,} of {reference.name}.")
            held = chemnet.moments(reference.activations[self._some(theirs, n)])
            return {name: suites.chemnet_distance(self.activations[self._some(ours, n)], held)}
        sampled = ours < min(MOSES_N, int(self.table["valid"].sum()))
        if (len(self.table) < MOSES_N or sampled) and not self.allow:
            here = f"{ours:,} were sampled" if sampled else f"here are {len(self.table):,}"
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
        made = guacamol_basics(self.table, self.known)
        if self.train is None and not len(self.against[0].activations):
            return made
        baseline = self.against[0]
        if self.train is not None:
            try:
                baseline = Reference.of_smiles("the training set", texts_of(self.train), GUACAMOL_N, self.seed)
            except DataError as error:
                self.notes.append(f"The scores of GuacaMol are left out: {error}")
                return made
        theirs = baseline.activations[self._some(baseline.n, GUACAMOL_N)]
        distance = suites.chemnet_distance(self.activations[:GUACAMOL_N], chemnet.moments(theirs))
        self.notes.append(f"guacamol/fcd score: {distance.n:,} molecules against {len(theirs):,} of {baseline.name}.")
        value, low, high, n = distance
        value, low, high = (float(np.exp(-0.2 * figure)) for figure in (value, high, low))
        made["guacamol/fcd score"] = Estimate(value, low, high, n)
        distinct = {chemistry.flat(text): None for text in self.described.smiles}
        ours = Described.of(list(distinct)[:GUACAMOL_N])
        made["guacamol/kl score"] = suites.guacamol_kl(ours, baseline)
        return made

    def _diversity(self) -> dict[str, Estimate]:
        return suites.diversity(self.described)

    def _motifs(self) -> dict[str, Estimate]:
        reference = self.against[0]
        texts = reference.smiles or texts_of("moses", reference.name)  # only the statistics of MOSES are kept
        common, ours = Commonness.of_smiles(reference.name, texts, seed=self.seed), profiles(self.described.smiles)
        made, self.tables["motifs/absent"] = motif_figures(ours, common)
        self.tables["motifs/listed"] = listed(ours)
        return made | scaffold_figures(ours, common)

    def _memorisation(self) -> dict[str, Estimate]:
        if self.train is None:
            return {}
        train = Neighbours.of_smiles(prepare(texts_of(self.train), self.policy), seed=self.seed)
        if len(train.smiles) < train.of:
            self.notes.append(
                f"Nearness to the training set is to {len(train.smiles):,} of its {train.of:,} molecules."
            )
        ours = self.prepared
        made, self.tables["train similarity"] = memorisation(ours.smiles, ours.fingerprints, train)
        held_out = self.prepared_reference.fingerprints
        return made | privacy(ours.fingerprints, train.fingerprints, held_out, self.seed)

    def _alerts(self) -> dict[str, Estimate]:
        made = {}
        for name, rows in self.described.alerts.items():
            made[f"alerts/{name}"] = wilson_interval(sum(map(bool, rows)), len(rows))
            self.tables[f"alerts/{name}"] = dict(Counter(alert for row in rows for alert in row).most_common())
        return made

    def _precision(self) -> dict[str, Estimate]:
        drawn, real = (
            torch.from_numpy(np.unpackbits(rows[self._some(len(rows), _BALLS)], axis=1)).float()
            for rows in (self.prepared.fingerprints, self.prepared_reference.fingerprints)
        )
        if min(len(drawn), len(real)) <= _NEIGHBOURS:
            return {}
        precision, recall = precision_recall(real, drawn, _NEIGHBOURS)
        counts = round(precision * len(drawn)), round(recall * len(real))
        return {
            "precision": wilson_interval(counts[0], len(drawn)),
            "recall": wilson_interval(counts[1], len(real)),
        }


def composition(smiles: Sequence[str | None]) -> dict[str, float]:
    """Heavy atoms of each element a molecule, and `aromatic`, the share of molecules with an aromatic atom.

    Strings that are no molecule are left out; the elements are sorted by name.

    >>> composition(["c1ccccc1", "CO"])
    {'C': 3.5, 'O': 0.5, 'aromatic': 0.5}
    """
    made_of = [made for made in map_chunks(_made_of, smiles, failed=lambda reason: None) if made is not None]
    atoms: Counter[str] = Counter()
    for made in made_of:
        atoms.update(made)
    aromatic = atoms.pop("aromatic", 0)
    shares = {symbol: count / len(made_of) for symbol, count in sorted(atoms.items())}
    return shares | ({"aromatic": aromatic / len(made_of)} if made_of else {})


def _made_of(text: str | None) -> Counter[str] | None:
    try:
        mol = chemistry.parse(text or "")
    except chemistry.Rejected:
        return None
    made = Counter(atom.GetSymbol() for atom in mol.GetAtoms())
    made["aromatic"] = int(any(atom.GetIsAromatic() for atom in mol.GetAtoms()))
    return made
