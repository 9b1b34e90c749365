"""Analogues of a few actives: a likelihood model is tuned on them and draws, then the best are bred further.

Transfer learning on a small set (Segler et al. 2018) with randomised SMILES (Arús-Pous et al. 2019). What the model
does not give is bred by the operators of `molgan.optimize`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs, rdBase

from gancore.errors import ConfigError, DataError
from gancore.facade.model import Model
from gancore.facade.tuning import TunedModel
from gancore.io.progress import progress
from gancore.io.seeds import derive_seed
from molgan.chemistry.fingerprints import morgan
from molgan.chemistry.identity import Rejected
from molgan.optimize.learner import spelled
from molgan.optimize.proposals import Proposals
from molgan.optimize.ranked import Ranked
from molgan.optimize.settings import GeneticConfig, OptimizeConfig, SurrogateConfig
from molgan.optimize.stock import canonical
from molgan.optimize.surrogate import TanimotoProcess, features_of

_ASIDE = 10  # one of so many actives is kept to tell when tuning is to stop
_BATCH, _MOST_EPOCHS, _PATIENCE, _RATE = 32, 30, 3, 5e-4
_BLIND_EPOCHS = 5  # where there are too few actives to keep some aside
_DRAWN, _LEAST_SHARE = 250, 0.02  # molecules that are drawn at a time; the share of new ones under which it is ended
_UNREAD = "the model has no symbols for it, so that it is only bred from"
_MOST_BRED = 200  # generations
_BREEDING = OptimizeConfig(
    genetic=GeneticConfig(nearness=0.0, mutation=0.6, children=400), surrogate=SurrogateConfig("none")
)


class Skipped(NamedTuple):
    """A row of the actives that could not be used, or not by the model. number: from 1."""

    number: int
    text: str | None
    reason: str


@dataclass(frozen=True)
class Analogues:
    """Molecules like the actives.

    frame: columns smiles, similarity (to the nearest active), nearest (that active), source (`model` or `bred`), and
    where actives have values `predicted` and `deviation`, by which the rows are sorted; else by similarity.
    skipped: rows that were left out. counts: how many candidates were drawn and bred, and why the others were left out.
    """

    frame: pd.DataFrame
    skipped: list[Skipped]
    counts: dict[str, int]


def analogues(
    actives: Iterable[str | None],
    n: int = 1000,
    similarity: float = 0.4,
    values: Sequence[float | None] | None = None,
    model: Model | None = None,
    seed: int = 0,
) -> Analogues:
    """At most `n` new molecules that are similar to one of the actives.

    similarity: Tanimoto on binary Morgan fingerprints (radius 2, 2,048 bits), the least, from 0 to 1. values: what each
    active was measured to have, higher is better, None or NaN for unknown; a Gaussian process predicts those of the
    analogues. model: a trained model of strings or graphs, which is tuned on the actives; None leaves it out, and
    everything is bred. Raises ConfigError for settings that cannot be used, DataError where no active is a molecule.

    >>> found = analogues(["CCOC(=O)c1ccccc1", "CCOC(=O)c1ccncc1", "CCNC(=O)c1ccccc1"], n=5, similarity=0.5)
    >>> len(found.frame), bool((found.frame["similarity"] >= 0.5).all())
    (5, True)
    """
    if not 0 <= similarity <= 1:
        raise ConfigError(f"similarity must be from 0 to 1; got {similarity}.")
    if n < 1:
        raise ConfigError(f"cannot give {n} analogues.")
    texts = list(actives)
    if values is not None and len(values) != len(texts):
        raise ConfigError(f"values: {len(values):,} of them and {len(texts):,} actives; give one for each.")
    known, numbers, skipped = _read(texts, values)
    search = _Search(list(known), similarity, n)
    if model is not None:
        tuned = TunedModel(model, _RATE, "model")
        try:
            unread = tune(tuned, list(known), seed)
            search.draw(tuned, seed)
        finally:
            tuned.forget()
        skipped += [Skipped(numbers[one], texts[numbers[one] - 1], _UNREAD) for one in unread]
    search.breed(seed)
    return Analogues(search.frame(_process(known)), skipped, search.counts)


def _read(
    texts: Sequence[str | None], values: Sequence[float | None] | None
) -> tuple[dict[str, float], dict[str, int], list[Skipped]]:
    """The value and the row of each active by canonical SMILES, the first where one is there twice; rows left out."""
    known: dict[str, float] = {}
    numbers: dict[str, int] = {}
    skipped = []
    for number, text in enumerate(texts, 1):
        try:
            smiles = canonical(text or "")
        except Rejected as error:
            skipped.append(Skipped(number, text, str(error)))
            continue
        if "." in smiles:
            skipped.append(Skipped(number, text, "has several fragments"))
        elif smiles in known:
            skipped.append(Skipped(number, text, "is there twice"))
        else:
            value = values[number - 1] if values is not None else None
            known[smiles] = float("nan") if value is None else float(value)
            numbers[smiles] = number
    if not known:
        raise DataError("actives: none of the rows is a molecule.")
    return known, numbers, skipped


def _process(known: dict[str, float]) -> TanimotoProcess | None:
    """What predicts values from those that are known; None where fewer than two are."""
    measured = {smiles: value for smiles, value in known.items() if np.isfinite(value)}
    if len(measured) < 2:
        return None
    features = [features_of(Chem.MolFromSmiles(smiles)) for smiles in measured]
    return TanimotoProcess(features, np.array(list(measured.values())))


def tune(tuned: TunedModel, actives: Sequence[str], seed: int) -> list[str]:
    """Tune a model by maximum likelihood on actives, spelled from random atoms; gives those that it cannot spell.

    One in ten is kept aside, and tuning ends when the likelihood of these no longer rises; of fewer than ten actives
    none is, and there are five epochs. Raises nothing.
    """
    *_, rows = tuned.log_prob(actives)
    unread = [smiles for row, smiles in enumerate(actives) if row not in rows]
    usable = [actives[row] for row in rows]
    random = Random(derive_seed(seed, "tune"))
    random.shuffle(usable)
    aside, usable = usable[: len(usable) // _ASIDE], usable[len(usable) // _ASIDE :]
    if not usable:
        return unread
    best, waited, kept = float("inf"), 0, tuned.weights()
    epochs = _MOST_EPOCHS if aside else _BLIND_EPOCHS
    with progress("tuning on the actives", epochs) as tally:
        for _ in range(epochs):
            _epoch(tuned, usable, random)
            tally(1)
            if not aside:
                continue
            now = -tuned.log_prob(aside)[0].mean().item()
            waited = 0 if now < best else waited + 1
            if now < best:
                best, kept = now, tuned.weights()
            if waited == _PATIENCE:
                break
    if aside:
        tuned.restore(kept)
    return unread


def _epoch(tuned: TunedModel, actives: Sequence[str], random: Random) -> None:
    """Each active as it is and once from a random atom, in batches."""
    texts = [*actives, *(spelled(smiles, random) for smiles in actives)]
    random.shuffle(texts)
    for first in range(0, len(texts), _BATCH):
        log_prob, *_ = tuned.log_prob(texts[first : first + _BATCH])
        if len(log_prob):
            tuned.step(-log_prob.mean())


class _Search:
    """Candidates that are kept: new, in one part, similar enough."""

    def __init__(self, actives: list[str], similarity: float, n: int):
        self._actives, self._similarity, self._n = actives, similarity, n
        self._prints = [morgan().GetFingerprint(Chem.MolFromSmiles(smiles)) for smiles in actives]
        self._known = set(actives)
        self._rows: list[tuple[str, float, str, str]] = []
        names = (
            "candidates",
            "not a molecule",
            "several fragments",
            "active or repeated",
            "not similar enough",
            "kept",
        )
        self.counts: dict[str, int] = dict.fromkeys(names, 0)

    @property
    def left(self) -> int:
        """How many are still wanted."""
        return self._n - len(self._rows)

    def take(self, texts: Iterable[str | None], source: str) -> int:
        """Keep what is an analogue, until there are enough; how many were."""
        before = len(self._rows)
        for text in texts:
            if not self.left:
                break
            reason = self._take(text, source)
            self.counts["candidates"] += 1
            self.counts[reason] += 1
        return len(self._rows) - before

    def _take(self, text: str | None, source: str) -> str:
        try:
            with rdBase.BlockLogs():
                smiles = canonical(text or "")
        except Rejected:
            return "not a molecule"
        if "." in smiles:
            return "several fragments"
        if smiles in self._known:
            return "active or repeated"
        self._known.add(smiles)
        near = DataStructs.BulkTanimotoSimilarity(morgan().GetFingerprint(Chem.MolFromSmiles(smiles)), self._prints)
        at = int(np.argmax(near))
        if near[at] < self._similarity:
            return "not similar enough"
        self._rows.append((smiles, near[at], self._actives[at], source))
        return "kept"

    def draw(self, tuned: TunedModel, seed: int) -> None:
        """Keep draws of a model, until there are enough or next to none is new."""
        for number in range(1 + 50 * self._n // _DRAWN):
            texts = tuned.sample(_DRAWN, derive_seed(seed, "analogues", number))
            if self.take(texts, "model") < _LEAST_SHARE * _DRAWN or not self.left:
                break

    def breed(self, seed: int) -> None:
        """Keep children of the actives and of what was kept, until there are enough or no more is found."""
        for texts in self._generations(seed):
            if not self.take(texts, "bred") or not self.left:
                break

    def _generations(self, seed: int) -> Iterator[list[str]]:
        proposals = Proposals(_BREEDING)
        for number in range(_MOST_BRED if self.left else 0):
            random = Random(derive_seed(seed, "bred", number))
            kept = [row[0] for row in self._rows]
            parents = [*self._actives, *random.sample(kept, min(len(kept), 100))]
            scored = [Ranked(smiles, 0.0) for smiles in parents]
            yield proposals(_BREEDING.genetic.children, scored, self._known, random, np.random.default_rng(number))

    def frame(self, process: TanimotoProcess | None) -> pd.DataFrame:
        """What was kept, the best first."""
        frame = pd.DataFrame(self._rows, columns=["smiles", "similarity", "nearest", "source"])
        if process is not None and len(frame):
            features = [features_of(Chem.MolFromSmiles(smiles)) for smiles in frame["smiles"]]
            frame["predicted"], frame["deviation"] = process.predict(features)
        by = "predicted" if "predicted" in frame else "similarity"
        return frame.sort_values(by, ascending=False, kind="stable").reset_index(drop=True)
