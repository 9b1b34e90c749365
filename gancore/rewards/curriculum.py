"""Easier scores before the one that counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gancore.rewards.calls import checked_scores
from gancore.types import Reward


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
        return checked_scores(self.reward, strings)

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
