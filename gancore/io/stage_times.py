"""How long the stages of one piece of work take, each without the stages inside it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_watched: "ContextVar[_Watch | None]" = ContextVar("watched", default=None)


class _Watch:
    """Seconds by stage, and which stages are under way: the innermost one's clock runs."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.stack: list[str] = []
        self.since = 0.0

    def turn(self) -> None:
        """Charge the time since the last turn to the innermost stage."""
        now = time.perf_counter()
        if self.stack:
            self.seconds[self.stack[-1]] = self.seconds.get(self.stack[-1], 0.0) + now - self.since
        self.since = now


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Gives a table that holds, at the end, the seconds of each `stage` within.

    >>> with timed() as seconds:
    ...     with stage("outer"), stage("inner"):
    ...         pass
    >>> sorted(seconds)
    ['inner', 'outer']
    """
    watch = _Watch()
    token = _watched.set(watch)
    try:
        yield watch.seconds
    finally:
        _watched.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Charge what goes on within to a stage; outside of `timed` it costs nothing."""
    watch = _watched.get()
    if watch is None:
        yield
        return
    watch.turn()
    watch.stack.append(name)
    try:
        yield
    finally:
        watch.turn()
        watch.stack.pop()
