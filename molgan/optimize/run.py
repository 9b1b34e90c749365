"""`optimize`: look for molecules with high scores within a budget of calls, from any start, with any score."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from gancore.errors import ConfigError, RewardError, RunError
from gancore.facade.models import load_model
from gancore.io.notes import note
from gancore.io.process_pool import usable_processes
from gancore.io.progress import hushed
from gancore.runs.folder import alone
from gancore.types import Sampler
from molgan.data.inputs import as_rows
from molgan.optimize.found import Optimized
from molgan.optimize.journal import JOURNAL
from molgan.optimize.optimizer import Optimizer
from molgan.optimize.proposals import Accepts
from molgan.optimize.settings import OptimizeConfig
from molgan.optimize.watch import watched
from molgan.scoring.definition import ScoreConfig
from molgan.scoring.scorer import Scorer

Score = ScoreConfig | Scorer | str | Path | Callable[[Sequence[str]], Iterable[float]]
"""A score: its definition, its name, a TOML file, or a function of SMILES."""
Start = str | Path | Sequence[str] | Sampler
"""Where to begin: a trained model or its name, a file of molecules, or a list of SMILES."""

_ENOUGH = 1000  # molecules without a score, and none with one, after which a search is given up


def optimize(
    score: Score,
    budget: int | None = None,
    start: Start = "drug",
    out: str | Path | None = None,
    seed: int | None = None,
    config: OptimizeConfig | None = None,
    resume: bool = False,
    accepts: Accepts | None = None,
    column: str = "",
    quiet: bool = False,
) -> Optimized:
    """Look for molecules that score high, within a budget of distinct molecules that are scored.

    score: higher is better. A function takes a list of SMILES and gives a number for each; NaN where there is none.
    start: a model that draws molecules, a file of them or a list; `column` of a table. The first of them are scored
    first, and the best breed. out: a folder for the journal and the results; with `resume` one that was stopped is gone
    on with, and no molecule is scored twice. budget, seed: take the place of those of `config`. accepts: a function of
    an RDKit molecule, for instance a filter; what it refuses is never scored.

    Candidates are bred by crossover and mutation (Graph GA, Jensen 2019). A Gaussian process on fingerprints predicts
    their scores, and the most promising are scored (Tripp et al. 2021).

    Raises ConfigError for settings that cannot be used, RunError for a folder that holds another optimisation,
    DataError for a start without molecules, RewardError where the score fails; what was scored stays in `out`.

    >>> found = optimize(lambda smiles: [text.count("N") for text in smiles], 40, ["CCO", "CCN", "NCCO", "c1ccccc1"])
    >>> found.calls, float(found.best(1)["score"][0]) > 2
    (40, True)
    """
    settings = config or OptimizeConfig()
    changes = {name: value for name, value in (("budget", budget), ("seed", seed)) if value is not None}
    settings = replace(settings, **changes).validated()
    folder = Path(out) if out is not None else None
    _claim(folder, resume)
    measured = _measured(score)
    with ExitStack() as held:
        held.enter_context(hushed(quiet))
        if folder is not None:
            held.enter_context(alone(folder, "search"))
        optimizer = Optimizer(_molecules(start, column), settings, folder, accepts, measured.name)
        try:
            _loop(optimizer, measured, settings)
        finally:
            if folder is not None:
                optimizer.found.write(folder)
    return optimizer.found


def _claim(folder: Path | None, resume: bool) -> None:
    """Raise RunError for a folder that holds an optimisation which is not to be gone on with."""
    if folder is None:
        if resume:
            raise ConfigError("resume needs the folder: give it as out.")
        return
    if (folder / JOURNAL).exists() and not resume:
        raise RunError(f"{folder}: holds an optimisation already; resume it, or give another folder.")
    folder.mkdir(parents=True, exist_ok=True)


def _loop(optimizer: Optimizer, measured: "Measure", settings: OptimizeConfig) -> None:
    """Ask, score and tell until the budget is spent; what a run before left unanswered comes first."""
    with watched(optimizer, settings.budget) as watch:
        while optimizer.left:
            asked = optimizer.pending[: optimizer.left] or optimizer.ask()
            if not asked:
                note(f"nothing new was found after {optimizer.calls:,} of {settings.budget:,} molecules.")
                return
            size = settings.at_once or measured.at_once
            for first in range(0, len(asked), size):
                portion = asked[first : first + size]
                optimizer.tell(portion, measured(portion))
                watch(len(portion))
            watch.batch()


class Measure:
    """A score as a function of molecules.

    at_once: how many it takes between two writes to disk. name: tells it from other scores; a digest of a definition,
    the name of a function.
    """

    def __init__(self, score: Callable[[Sequence[str]], Iterable[float]], at_once: int):
        self._score, self.at_once = score, at_once
        if isinstance(score, Scorer):
            self.name = hashlib.sha256(repr(score.definition).encode()).hexdigest()[:16]
        else:
            self.name = getattr(score, "__qualname__", type(score).__qualname__)
        self._without: list[str] | None = []  # molecules without a score, while none had one

    def __call__(self, smiles: Sequence[str]) -> list[float]:
        """Scores, NaN where there is none. Raises RewardError where it fails."""
        try:
            values = np.asarray(list(self._score(smiles)), dtype=np.float64)
        except (RewardError, ConfigError, RunError):
            raise
        except Exception as error:
            raise RewardError(
                f"the score failed ({type(error).__name__}: {error}); what was scored is kept."
            ) from error
        if values.shape != (len(smiles),):
            raise RewardError(f"the score gave {values.shape} for {len(smiles)} molecules; it takes one number each.")
        self._refuse_silence(smiles, values)
        return values.tolist()

    def _refuse_silence(self, smiles: Sequence[str], values: np.ndarray) -> None:
        """Raise RewardError where nothing has had a score so far, and it is clear that nothing will."""
        if self._without is None or not np.isnan(values).all():
            self._without = None
            return
        self._without += smiles
        reason = self._score.broken(self._without) if isinstance(self._score, Scorer) else ""
        if reason or len(self._without) >= _ENOUGH:
            raise RewardError(f"{reason or 'no molecule has a score so far.'} What was scored is kept.")


def _measured(score: Score) -> Measure:
    if isinstance(score, (str, Path, ScoreConfig)):
        score = Scorer(score)
    if not callable(score):
        raise ConfigError(f"score: {type(score).__name__} is no score; give a name, a file, or a function of SMILES.")
    if isinstance(score, Scorer):
        outside = any(component.property == "plugin" for component in score.definition.components)
        return Measure(score, usable_processes() if outside else 10**6)
    return Measure(score, 1)


def _molecules(start: Start, column: str) -> Sequence[str] | Sampler:
    """The molecules of a file, or a model by its name or folder."""
    if isinstance(start, (str, Path)):
        path = Path(start)
        if path.is_file() and path.suffix != ".safetensors":
            return [text for text in as_rows(path, column) if text]
        return cast(Sampler, load_model(start))
    return start
