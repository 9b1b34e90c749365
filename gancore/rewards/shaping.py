"""What stands between a score and a reward: stages of scores, a filter against more of the same, a memory of the best.

Small objects over strings, for both halves. All of their state is JSON, so that a checkpoint holds it.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from gancore.errors import RewardError
from gancore.rewards.calls import Budgeted, Depends, Explains, Remembers, reward_name
from gancore.rewards.curriculum import Curriculum
from gancore.rewards.diversity_filter import DiversityFilter
from gancore.rewards.replay import Replay
from gancore.training import distributed
from gancore.training.device import host_states, set_host_states
from gancore.types import Reward

_ENOUGH = 3  # distinct strings without a score, and none with one before, after which a reward is given up


class RewardShaping:
    """A curriculum, and perhaps a filter and a memory, as one thing with state.

    `score` works out what strings are worth and changes nothing, so that another thread may do it; `weigh` makes
    rewards of the scores and takes note of them. A turn waits for both inside `waiting`.

    blanks: whether the empty string is a string like any other; if not it stands for a draw that is none, and no reward
    is asked for it. when_spent: whether training stops, or goes on with 0 for new strings, when the reward's budget is
    spent. tell: called with a sentence, once, when no string of a turn has a score, and when a budget is spent.
    """

    def __init__(
        self,
        reward: Reward,
        diversity: DiversityFilter | None = None,
        replay: Replay | None = None,
        blanks: bool = True,
        when_spent: Literal["stop", "go_on"] = "stop",
    ):
        self.curriculum = reward if isinstance(reward, Curriculum) else Curriculum([(reward, math.inf)])
        self.diversity, self.replay, self.blanks, self.when_spent = diversity, replay, blanks, when_spent
        self.tell: Callable[[str], None] = warnings.warn
        self.unanswered = False  # a turn waits for a reward, or waited for one that failed
        self.ending = ""  # why training should stop after this step
        self._silence, self._told, self._broke = "", False, False
        self._speaking: int | None = None  # a stage whose reward has just given a score
        self._heard: set[int] = set()  # those that had by the last `weigh`
        self._mute: set[str] = set()  # strings without a score, while the stage has given none

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While a turn waits for its rewards, and has changed nothing yet.

        Whatever is raised inside leaves `unanswered` True: then the turn can be played again from its start. Python's
        and numpy's generators, which a reward may draw from, are put back.
        """
        before, self.unanswered = host_states(), True
        try:
            yield
        except BaseException:
            set_host_states(before)
            raise
        self.unanswered = False

    def score(self, strings: Sequence[str]) -> np.ndarray:
        """Scores `(string,)`, 0 where there is none.

        Raises RewardError where the reward fails, or what it rests on failed for every string, or it has never given a
        score.
        """
        reward, rows = self.curriculum.reward, [row for row, text in enumerate(strings) if text or self.blanks]
        scores = np.full(len(strings), np.nan)
        if rows:
            scores[rows] = self.curriculum.score([strings[row] for row in rows])
        there = [text for text in strings if text]
        if there and np.isnan(scores).all():
            self._note_silence(reward, there)
        elif there:
            self._speaking = self.curriculum.stage
        return np.nan_to_num(scores, nan=0.0)

    def _note_silence(self, reward: Reward, strings: list[str]) -> None:
        """None of these strings has a score: raise RewardError if that is the reward's fault."""
        broken = reward.broken(strings) if isinstance(reward, Depends) else ""
        if broken:
            raise RewardError(f"reward: {broken}")
        if not isinstance(reward, Depends) and self.curriculum.stage not in self._heard:
            self._mute |= set(strings[:_ENOUGH])
            if len(self._mute) >= _ENOUGH:
                raise RewardError(
                    f"{reward_name(reward)}: gave NaN for all {len(strings)} strings of a turn and never gave a score, "
                    "so there is nothing to learn from; mend it, or have it give 0 for a string that is merely bad."
                )
        why = f" ({reward.why(strings)})" if isinstance(reward, Explains) else ""
        self._silence = f"reward: none of the {len(strings)} strings of a turn has a score{why}."

    def weigh(self, strings: Sequence[str], scores: np.ndarray) -> np.ndarray:
        """Rewards `(string,)`. Of several processes each takes note of the draws of all, so that they stay the same."""
        if self._silence and not self._told:
            self._told = True
            self.tell(self._silence)
        drawn = distributed.all_gather_objects(list(zip(strings, scores.tolist(), strict=True)))
        all_strings, all_scores = [text for text, _ in drawn], np.array([score for _, score in drawn])
        paid = self.diversity(all_strings, all_scores) if self.diversity is not None else all_scores
        if self._speaking is not None:
            self._heard.add(self._speaking)
        self._look_at_budget()
        self.curriculum.note(all_scores)
        if self.replay is not None:
            self.replay.add(all_strings, all_scores)
        return paid[distributed.rank() * len(scores) :][: len(scores)]

    def _look_at_budget(self) -> None:
        """See whether the reward's budget is spent: of several processes, anybody's."""
        reward = self.curriculum.reward
        if not isinstance(reward, Budgeted) or not reward.budget:
            return
        spent = distributed.largest(float(reward.spent >= reward.budget)) > 0
        if spent and not self._broke:
            self._broke = True
            self.tell(f"reward: its budget of {reward.budget:,} molecules or strings is spent; new ones score 0.")
        if spent and self.when_spent == "stop":
            self.ending = f"the reward's budget of {reward.budget:,} is spent (reward.when_spent)"

    def best(self, n: int) -> list[str]:
        """Up to `n` of the best strings so far; none without a memory."""
        return self.replay.draw(n) if self.replay is not None else []

    @property
    def _parts(self) -> dict[str, Remembers]:
        parts = {"curriculum": self.curriculum, "diversity": self.diversity, "replay": self.replay}
        stages = {f"reward{number}": reward for number, (reward, _) in enumerate(self.curriculum.stages)}
        return {name: part for name, part in (parts | stages).items() if isinstance(part, Remembers)}

    def state(self) -> dict[str, Any]:
        """Of all parts, of rewards that have a state too; and which stages have given a score."""
        return {name: part.state() for name, part in self._parts.items()} | {"heard": sorted(self._heard)}

    def restore(self, state: Any) -> None:
        """Put it back; a part that was not there before begins anew."""
        for name, part in self._parts.items():
            if name in state:
                part.restore(state[name])
        self._heard = set(map(int, state.get("heard", range(len(self.curriculum.stages)))))
