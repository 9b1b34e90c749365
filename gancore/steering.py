"""What stands between a score and a reward: stages of scores, a filter against more of the same, a memory of the best.

Small objects over strings, for both halves. All of their state is JSON, so that a checkpoint holds it.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from gancore import distributed
from gancore.errors import RewardError, UserError
from gancore.types import Reward

_ROUNDING = 1e-6


@runtime_checkable
class Remembers(Protocol):
    """Something with state beside tensors."""

    def state(self) -> Any:
        """JSON-able; not changed by what happens later."""
        ...

    def restore(self, state: Any) -> None:
        """Put `state` back; raises TypeError, KeyError or ValueError for what never was one."""
        ...


def asked(reward: Reward, strings: Sequence[str]) -> np.ndarray:
    """The scores that a reward gives, float64 `(string,)`, from 0 to 1, NaN where there is none.

    Raises RewardError where it fails or gives anything else.
    """
    name = f"reward {getattr(reward, '__name__', type(reward).__name__)}"
    try:
        given = reward(strings)
        scores = np.asarray(given, dtype=np.float64)
    except UserError:
        raise
    except Exception as error:  # whatever somebody's function raises
        raise RewardError(f"{name}: failed with {type(error).__name__}: {error}.") from error
    if scores.shape != (len(strings),):
        what = "nothing" if given is None else f"numbers of shape {scores.shape}"
        raise RewardError(f"{name}: gave {what} for {len(strings)} strings; it must give one number for each.")
    outside = np.flatnonzero((scores < -_ROUNDING) | (scores > 1 + _ROUNDING))
    if len(outside):
        worst = outside[0]
        raise RewardError(
            f"{name}: gave {scores[worst]:g} for {strings[worst]!r}; a score is from 0 to 1, NaN where there is none."
        )
    return scores


@runtime_checkable
class Explains(Protocol):
    """A reward that can say why there is no score."""

    def why(self, strings: Sequence[str]) -> str:
        """The commonest reason why strings that it was asked for have none."""
        ...


class Curriculum:
    """A `Reward` in stages (Bengio et al. 2009): the next begins when the mean score has reached this one's goal.

    stages: (reward, goal) pairs, the easiest first; the last one's goal does not matter. patience: readings in a row
    that must reach it. A string without a score counts as 0.
    """

    def __init__(self, stages: Sequence[tuple[Reward, float]], patience: int = 3):
        if not stages:
            raise ValueError("a curriculum needs at least one stage.")
        self.stages, self.patience = list(stages), patience
        self.stage, self.reached = 0, 0

    def __call__(self, strings: Sequence[str]) -> np.ndarray:
        """Score, and take note of it."""
        scores = self.score(strings)
        self.note(scores)
        return scores

    def score(self, strings: Sequence[str]) -> np.ndarray:
        """The present stage's scores; raises RewardError as `asked` does."""
        return asked(self.reward, strings)

    @property
    def reward(self) -> Reward:
        """The present stage's."""
        return self.stages[self.stage][0]

    def note(self, scores: np.ndarray) -> None:
        """Take note of a turn's scores; perhaps go on to the next stage."""
        goal = self.stages[self.stage][1]
        self.reached = self.reached + 1 if len(scores) and np.nan_to_num(scores).mean() >= goal else 0
        if self.reached >= self.patience and self.stage + 1 < len(self.stages):
            self.stage, self.reached = self.stage + 1, 0

    def state(self) -> list[int]:
        """The stage, and how long its goal has been reached."""
        return [self.stage, self.reached]

    def restore(self, state: Any) -> None:
        """Put it back."""
        stage, reached = map(int, state)
        if not 0 <= stage < len(self.stages):
            raise ValueError("no such stage")
        self.stage, self.reached = stage, reached


class DiversityFilter:
    """Ends the reward for more of the same (Blaschke et al. 2020): strings fall into buckets; a full one pays nothing.

    key: string -> name of its bucket. bucket: strings it holds. least: a string that scores less is let through and
    not counted.

    >>> filtered = DiversityFilter(len, bucket=1, least=0.5)
    >>> filtered(["ab", "cd", "efg", "x"], np.array([0.9, 0.8, 0.7, 0.1]))
    array([0.9, 0. , 0.7, 0.1])
    """

    def __init__(self, key: Callable[[str], Any], bucket: int = 25, least: float = 0.4):
        self.key, self.bucket, self.least = key, bucket, least
        self.counts: dict[str, int] = {}

    def __call__(self, strings: Sequence[str], scores: np.ndarray) -> np.ndarray:
        """The scores, 0 for strings whose bucket is full; the others take their places."""
        scores = scores.copy()
        for place in np.flatnonzero(scores >= self.least).tolist():
            name = str(self.key(strings[place]))
            count = self.counts.get(name, 0)
            if count >= self.bucket:
                scores[place] = 0.0
            else:
                self.counts[name] = count + 1
        return scores

    def state(self) -> dict[str, Any]:
        """How full each bucket is, and the key's own state if it has one."""
        return {"counts": dict(self.counts), "key": self.key.state() if isinstance(self.key, Remembers) else None}

    def restore(self, state: Any) -> None:
        """Put it back."""
        self.counts = {str(name): int(count) for name, count in state["counts"].items()}
        if isinstance(self.key, Remembers):
            self.key.restore(state["key"])


class Replay:
    """The best strings so far, each once: to learn from again (Lin 1992; hill climbing, Neil et al. 2018).

    size: how many are kept. Of equal scores the first in the alphabet stay.
    """

    def __init__(self, size: int):
        self.size = size
        self.best: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self.best)

    def add(self, strings: Sequence[str], scores: np.ndarray) -> None:
        """Take in what scored above 0."""
        for text, score in zip(strings, scores.tolist(), strict=True):
            if score > 0:
                self.best[text] = score
        if len(self.best) > self.size:
            kept = sorted(self.best.items(), key=lambda entry: (-entry[1], entry[0]))[: self.size]
            self.best = dict(kept)

    def draw(self, n: int) -> list[str]:
        """`n` of them at random, fewer if there are fewer; from torch's generator on the CPU."""
        strings = list(self.best)
        return [strings[place] for place in torch.randperm(len(strings))[:n].tolist()]

    def state(self) -> list[list]:
        """Strings and scores."""
        return [[text, score] for text, score in self.best.items()]

    def restore(self, state: Any) -> None:
        """Put it back."""
        best = {str(text): float(score) for text, score in state}
        if not all(math.isfinite(score) for score in best.values()):
            raise ValueError("a score is not finite")
        self.best = best


class Steering:
    """A curriculum, and perhaps a filter and a memory, as one thing with state.

    `score` works out what strings are worth and changes nothing, so that another thread may do it; `weigh` makes
    rewards of the scores and takes note of them. An empty string stands for a draw that is none.

    tell: called with a sentence, once, when no string of a turn has a score: a program that cannot be started, say.
    """

    def __init__(self, reward: Reward, diversity: DiversityFilter | None = None, replay: Replay | None = None):
        self.curriculum = reward if isinstance(reward, Curriculum) else Curriculum([(reward, math.inf)])
        self.diversity, self.replay = diversity, replay
        self.tell: Callable[[str], None] = warnings.warn
        self._silence, self._told = "", False

    def score(self, strings: Sequence[str]) -> np.ndarray:
        """Scores `(string,)`, 0 where there is none."""
        reward, scores = self.curriculum.reward, self.curriculum.score(strings)
        there = [text for text in strings if text]
        if there and np.isnan(scores).all():
            why = f" ({reward.why(there)})" if isinstance(reward, Explains) else ""
            self._silence = f"reward: none of the {len(there)} strings of a turn has a score{why}."
        return np.nan_to_num(scores, nan=0.0)

    def weigh(self, strings: Sequence[str], scores: np.ndarray) -> np.ndarray:
        """Rewards `(string,)`. Of several processes each takes note of the draws of all, so that they stay the same."""
        if self._silence and not self._told:
            self._told = True
            self.tell(self._silence)
        drawn = distributed.everyone(list(zip(strings, scores.tolist(), strict=True)))
        all_strings, all_scores = [text for text, _ in drawn], np.array([score for _, score in drawn])
        self.curriculum.note(all_scores)
        if self.replay is not None:
            self.replay.add(all_strings, all_scores)
        if self.diversity is None:
            return scores
        return self.diversity(all_strings, all_scores)[distributed.rank() * len(scores) :][: len(scores)]

    def again(self, n: int) -> list[str]:
        """Up to `n` of the best strings so far; none without a memory."""
        return self.replay.draw(n) if self.replay is not None else []

    @property
    def _parts(self) -> dict[str, Remembers]:
        parts = {"curriculum": self.curriculum, "diversity": self.diversity, "replay": self.replay}
        return {name: part for name, part in parts.items() if part is not None}

    def state(self) -> dict[str, Any]:
        """Of all parts."""
        return {name: part.state() for name, part in self._parts.items()}

    def restore(self, state: Any) -> None:
        """Put it back; a part that was not there before begins anew."""
        for name, part in self._parts.items():
            if name in state:
                part.restore(state[name])
