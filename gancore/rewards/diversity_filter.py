"""No reward for more of the same."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gancore.rewards.calls import Remembers


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
        scores, fuller = scores.copy(), {}
        for place in np.flatnonzero(scores >= self.least).tolist():
            name = str(self.key(strings[place]))
            count = fuller.get(name, self.counts.get(name, 0))
            if count >= self.bucket:
                scores[place] = 0.0
            else:
                fuller[name] = count + 1
        self.counts |= fuller  # only now: a key that fails changes nothing
        return scores

    def state(self) -> dict[str, Any]:
        """How full each bucket is, and the key's own state if it has one."""
        return {"counts": dict(self.counts), "key": self.key.state() if isinstance(self.key, Remembers) else None}

    def restore(self, state: Any) -> None:
        """Put it back."""
        self.counts = {str(name): int(count) for name, count in state["counts"].items()}
        if isinstance(self.key, Remembers):
            self.key.restore(state["key"])
