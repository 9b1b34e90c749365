"""Asking a reward, and what a reward may tell beside its scores."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from gancore.errors import RewardError, UserError
from gancore.types import Reward

_ROUNDING = 1e-6


def checked_scores(reward: Reward, strings: Sequence[str]) -> np.ndarray:
    """The scores that a reward gives, float64 `(string,)`, from 0 to 1, NaN where there is none.

    Raises RewardError where it fails or gives anything else.
    """
    name = reward_name(reward)
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


def reward_name(reward: Reward) -> str:
    """What a message calls it."""
    return f"reward {getattr(reward, '__name__', type(reward).__name__)}"


@runtime_checkable
class Explains(Protocol):
    """A reward that can say why there is no score."""

    def why(self, strings: Sequence[str]) -> str:
        """The commonest reason why strings that it was asked for have none."""
        ...


@runtime_checkable
class Depends(Protocol):
    """A reward that rests on something that can fail as a whole: a program, a service."""

    def broken(self, strings: Sequence[str]) -> str:
        """One sentence: what failed for every string that it was asked for, and why; empty while it works."""
        ...


@runtime_checkable
class Budgeted(Protocol):
    """A reward that scores so many distinct strings and no more."""

    budget: int

    @property
    def spent(self) -> int:
        """Distinct strings scored so far."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """Something with state beside tensors."""

    def state(self) -> Any:
        """JSON-able; not changed by what happens later."""
        ...

    def restore(self, state: Any) -> None:
        """Put `state` back; raises TypeError, KeyError or ValueError for what never was one."""
        ...
