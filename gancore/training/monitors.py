"""Monitors: callbacks that watch figures of a run, and what they watch for."""

from collections.abc import Callable

from gancore.errors import CollapsedError, DivergedError
from gancore.training.settings import WatchConfig


class RollBack(DivergedError):
    """A watch asks for the last good checkpoint."""


class Watch:
    """Counts readings of one figure that are out of bounds; acts when there were enough in a row.

    count: of such readings up to now, part of a run's state.
    """

    def __init__(self, rule: WatchConfig, say: Callable[[int, str], None]):
        self.rule, self.say = rule, say
        self.count, self.seen = 0, False

    def __call__(self, step: int, logs: dict[str, float]) -> None:
        """Take a reading if there is one; raises RollBack or CollapsedError where the rule says so."""
        rule = self.rule
        if rule.figure not in logs:
            return
        self.seen = True
        value = logs[rule.figure]
        out = (rule.below is not None and value < rule.below) or (rule.above is not None and value > rule.above)
        self.count = self.count + 1 if out else 0
        if self.count < rule.readings:
            return
        self.count = 0
        bound = f"below {rule.below:g}" if rule.below is not None and value < rule.below else f"above {rule.above:g}"
        often = f" for {rule.readings} readings in a row" if rule.readings > 1 else ""
        text = f"step {step}: {rule.figure} is {value:.4g}, {bound}{often}"
        if rule.action == "roll_back":
            raise RollBack(f"{text}.")
        if rule.action == "stop":
            raise CollapsedError(f"{text}; training was stopped, as [[watch]] says.")
        self.say(step + 1, f"{text}.")
