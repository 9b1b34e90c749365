"""`Optimizer`: asks for molecules and is told their scores, in any order, and keeps both on disk."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gancore.errors import ConfigError, DataError, RunError
from gancore.io.notes import note
from gancore.runs.settings_keys import flatten
from gancore.training.device import derive_seed
from gancore.types import Sampler
from molgan.chemistry.identity import Rejected
from molgan.optimize.found import Optimized
from molgan.optimize.journal import JOURNAL, Journal, told
from molgan.optimize.proposals import Accepts, Proposals
from molgan.optimize.ranked import Ranked
from molgan.optimize.settings import OptimizeConfig
from molgan.optimize.stock import Stock, canonical

if TYPE_CHECKING:
    from molgan.optimize.learner import Learner
    from molgan.optimize.realism import Realism


class Optimizer:
    """Looks for molecules with high scores in few calls of an expensive function.

    `ask(n)` gives SMILES, `tell(smiles, scores)` takes what they score, in any portions and order; what is never told
    is not asked again. All calls of `tell` count, each distinct molecule once.

    start: molecules that are scored first: a list of SMILES, or a model that draws some. config: the settings.
    folder: where the journal is kept; one that is there is gone on with. accepts: what else a molecule has to fulfil.
    score: a name for what is told, so that a folder is not gone on with by another score.
    Raises RunError for a folder whose journal is of other settings, another start or another score, DataError for a
    list without any molecule.

    >>> optimizer = Optimizer(["CCO", "CCN", "c1ccccc1O", "CC(=O)O"], OptimizeConfig(budget=6, initial=4))
    >>> first = optimizer.ask(4)
    >>> optimizer.tell(first, [len(smiles) for smiles in first])
    >>> optimizer.calls, len(optimizer.ask(10))
    (4, 2)
    """

    def __init__(
        self,
        start: Sequence[str] | Sampler,
        config: OptimizeConfig | None = None,
        folder: str | Path | None = None,
        accepts: Accepts | None = None,
        score: str = "",
    ):
        self.config = (config or OptimizeConfig()).validated()
        self._stock = Stock(start, self.config.seed, self.config.initial)
        self._learner = _learner(self.config, Path(folder) if folder is not None else None)
        self._proposals = Proposals(self.config, accepts, _realism(self.config))
        self._asked: dict[str, int] = {}  # how many were asked for before
        self._scores: dict[str, float] = {}  # in the order in which they were told
        self._asks, self._score = 0, score
        self._journal = Journal(Path(folder) / JOURNAL if folder is not None else None)
        self._go_on()
        if self._learner is not None:
            self._learner.refuse_ahead(self._asks)

    # Asking and telling -----------------------------------------------------------------------

    @property
    def calls(self) -> int:
        """Distinct molecules that were told."""
        return len(self._scores)

    @property
    def left(self) -> int:
        """Molecules that may still be told within the budget."""
        return max(0, self.config.budget - self.calls)

    @property
    def pending(self) -> list[str]:
        """Molecules that were asked for and not told, in order."""
        return [smiles for smiles in self._asked if smiles not in self._scores]

    def ask(self, n: int = 0) -> list[str]:
        """At most `n` new molecules as canonical SMILES; `batch` of them for 0.

        Fewer where the budget allows fewer or nothing new is found. Raises ConfigError for a negative number.

        >>> Optimizer(["CCO", "CCN"]).ask(1)
        ['CCO']
        """
        if n < 0:
            raise ConfigError(f"cannot ask for {n} molecules.")
        n = min(n or self.config.batch, self.left)
        seed = derive_seed(self.config.seed, "ask", self._asks)
        known = self._asked.keys() | self._scores.keys()
        chosen = self._initial(n, known)
        scored = self._ranked() or [Ranked(smiles, 0.0) for smiles in self._scores]
        if len({one.value for one in scored}) < 2:  # nothing tells yet which molecules are better
            chosen += self._stock.take(n - len(chosen), known.union(chosen))
        if len(chosen) < n and scored:
            random, noise = Random(seed), np.random.default_rng(seed)
            drawn = self._learner.draw(self._asks) if self._learner is not None else []
            chosen += self._proposals(n - len(chosen), scored, known.union(chosen), random, noise, drawn)
        if len(chosen) < n:
            chosen += self._stock.take(n - len(chosen), known.union(chosen))
        if chosen:
            self._journal.write({"asked": chosen, "stock": self._stock.taken})
            self._take_ask(chosen)
        return chosen

    def tell(self, smiles: str | Iterable[str], scores: float | Iterable[Any]) -> None:
        """What molecules score; NaN for one that has no score, which counts as a call all the same.

        Molecules that were not asked for are taken, too. One that was told before keeps its score, and a note says so
        where the new one differs. Raises DataError, and takes nothing, for what is no molecule, and where there are
        more or fewer scores than molecules.

        >>> optimizer = Optimizer(["CCO", "CCN"])
        >>> optimizer.tell("OCC", 0.4)
        >>> optimizer.best(1)["smiles"].tolist()
        ['CCO']
        """
        texts = [smiles] if isinstance(smiles, str) else list(smiles)
        values = [float(one) for one in (scores if isinstance(scores, Iterable) else [scores])]
        if len(texts) != len(values):
            raise DataError(f"tell: {len(texts):,} molecules and {len(values):,} scores; give one score a molecule.")
        new: dict[str, float] = {}
        differing = 0
        for text, value in zip(texts, values, strict=True):
            try:
                molecule = text if text in self._asked else canonical(text)
            except Rejected as error:
                raise DataError(f"tell: {text!r} is no molecule: {error}.") from None
            before = self._scores.get(molecule, new.get(molecule))
            if before is None:
                new[molecule] = value
            differing += before is not None and not _same(before, value)
        if differing:
            note(f"tell: {differing:,} molecules had another score before; they keep it.")
        if new:
            self._journal.write({"told": [[one, _json(value)] for one, value in new.items()]})
            self._scores |= new

    # What was found ---------------------------------------------------------------------------

    @property
    def found(self) -> Optimized:
        """Everything that was told, with figures."""
        return Optimized.of(self._scores, self.config.budget)

    def frame(self) -> pd.DataFrame:
        """Columns smiles, score and call: every molecule that was told, in order; calls count from 1. Raises nothing.

        >>> list(Optimizer(["CCO"]).frame())
        ['smiles', 'score', 'call']
        """
        return self.found.frame

    def best(self, n: int = 100) -> pd.DataFrame:
        """The rows of `frame` with the highest scores, best first. Raises nothing.

        >>> Optimizer(["CCO"]).best().empty
        True
        """
        return self.found.best(n)

    # Within -----------------------------------------------------------------------------------

    def _initial(self, n: int, known: set[str]) -> list[str]:
        """Molecules of the start, until there are `initial` of them."""
        left = self.config.initial - max(len(self._asked), self.calls)
        return self._stock.take(min(n, left), known) if left > 0 else []

    def _ranked(self) -> list[Ranked]:
        """Molecules with a score, in the order of asking; those that were not asked for come first."""
        told = [Ranked(smiles, value) for smiles, value in self._scores.items() if math.isfinite(value)]
        return sorted(told, key=lambda one: (self._asked.get(one.smiles, -1), one.smiles))

    def _take_ask(self, chosen: Sequence[str]) -> None:
        if self._learner is not None:
            self._learner.learn(self._asks, self._ranked())
        self._asks += 1
        for smiles in chosen:
            self._asked[smiles] = len(self._asked)

    def _go_on(self) -> None:
        """Take over what the journal holds, or begin one."""
        header = {"settings": asdict(self.config), "start": self._stock.digest, "score": self._score}
        events = self._journal.events()
        first = next(events, None)
        if first is None:
            self._journal.write(header)
            return
        self._refuse_other(first, header)
        for event in events:
            if "asked" in event:
                self._take_ask(event["asked"])
                self._stock.taken = event["stock"]
            else:
                self._scores |= told(event)

    def _refuse_other(self, then: dict[str, Any], now: dict[str, Any]) -> None:
        """Raise RunError where a journal is of another optimisation; another budget is none."""
        if then.get("start") != now["start"]:
            raise RunError(f"{self._journal.path}: this began from another start; give that, or another folder.")
        if then.get("score", "") != now["score"]:
            raise RunError(f"{self._journal.path}: was scored by another score; give that, or another folder.")
        flat_then, flat_now = (dict(flatten(one["settings"])) for one in (then, now))
        flat_then = dict(flatten(asdict(OptimizeConfig()))) | flat_then  # settings that came later were as by default
        differing = [
            name for name in flat_now if name not in ("budget", "at_once") and flat_then.get(name) != flat_now[name]
        ]
        if differing:
            which = "; ".join(f"{name} was {flat_then.get(name)} and is {flat_now[name]}" for name in differing)
            raise RunError(f"{self._journal.path}: other settings ({which}); give those, or another folder.")


def _learner(config: OptimizeConfig, folder: Path | None) -> "Learner | None":
    """The likelihood model, which takes torch, where there is one."""
    if not config.learner.model:
        return None
    from gancore.facade.models import load_model
    from molgan.optimize.learner import Learner

    return Learner(load_model(config.learner.model), config.learner, config.seed, folder)


def _realism(config: OptimizeConfig) -> "Realism | None":
    if not config.realism.model:
        return None
    from molgan.gan import MolGAN
    from molgan.optimize.realism import Realism

    return Realism(MolGAN.load(config.realism.model), config.realism)


def _same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


def _json(value: float) -> float | None:
    """A score as JSON has it: no NaN, and no infinity."""
    return value if math.isfinite(value) else None
