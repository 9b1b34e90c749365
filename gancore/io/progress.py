"""Progress of work that takes longer than a few seconds: how much is done, how fast, how much time is left.

On a terminal it is one line that is drawn over and then removed; in a notebook too; in a log file a line every half
minute. It goes to standard error. Work that ends within `AFTER` seconds shows nothing.
"""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

Item = TypeVar("Item")

AFTER = 3.0
"""Seconds that work takes before it is shown."""
LINE_EVERY = 30.0
"""Seconds between the lines of a log file."""
_LOOK_EVERY = 0.2  # seconds between two looks at how far the work is

_hushed: ContextVar[bool] = ContextVar("hushed", default=False)
_shown = threading.Lock()  # one line at a time: work within work that is shown shows nothing of its own


@contextmanager
def hushed(quiet: bool = True) -> Iterator[None]:
    """Within, nothing is shown where `quiet`; otherwise what holds outside holds."""
    token = _hushed.set(quiet or _hushed.get())
    try:
        yield
    finally:
        _hushed.reset(token)


def is_hushed() -> bool:
    """Whether nothing is shown here."""
    return _hushed.get()


def hush(quiet: bool) -> None:
    """Say for the rest of this program whether progress is shown: what a command line does once."""
    _hushed.set(quiet)


class Tally:
    """How far one piece of work is. Call it with the number of items that were done since the last call.

    title: what is done, such as "describing molecules". total: items in all, None where nobody knows. unit: "bytes"
    writes numbers as such.
    """

    def __init__(self, title: str, total: int | None = None, unit: str = ""):
        self.title, self.total, self.unit = title, total, unit
        self.done = 0
        self._begun = self._looked = time.monotonic()
        self._told = self._begun
        self._bar: Bar | None = None
        self._holds = False
        self._quiet = _hushed.get()

    def __call__(self, items: int = 1) -> None:
        """Count items as done; show it when it is due."""
        self.done += items
        now = time.monotonic()
        if self._quiet or now - self._looked < _LOOK_EVERY or now - self._begun < AFTER:
            return
        self._looked = now
        if not self._holds:
            self._holds = _shown.acquire(blocking=False)
        if self._holds:
            self._show(now)

    def close(self) -> None:
        """Take away what is shown."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._holds:
            self._holds = False
            _shown.release()

    @property
    def rate(self) -> float:
        """Items a second so far."""
        return self.done / max(1e-9, time.monotonic() - self._begun)

    def __str__(self) -> str:
        """One line: title, how many of how many, how fast, and the time left."""
        amount, rate = _amount(self.done, self.unit), _amount(self.rate, self.unit)
        of = "" if self.total is None else f" of {_amount(self.total, self.unit)}"
        left = "" if self.total is None or not self.done else f", {_clock((self.total - self.done) / self.rate)} left"
        return f"{self.title}: {amount}{of}, {rate} a second{left}"

    def _show(self, now: float) -> None:
        if not _drawn_over():
            if now - self._told >= LINE_EVERY:
                self._told = now
                print(self, file=sys.stderr, flush=True)
            return
        if self._bar is None:
            self._bar = _started()
            if self._bar is None:
                return
            self._bar.add_task("", total=self.total)
        (task,) = self._bar.task_ids
        self._bar.update(task, completed=self.done, description=str(self))


def _started() -> "Bar | None":
    """A line on standard error, None where something else is being drawn there."""
    from rich.console import Console
    from rich.errors import LiveError
    from rich.progress import BarColumn, Progress, TextColumn

    columns = BarColumn(bar_width=20), TextColumn("{task.description}", markup=False)
    bar = Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=5)
    try:
        bar.start()
    except LiveError:
        return None
    return bar


def _drawn_over() -> bool:
    """Whether standard error is a terminal or a notebook's cell, where a line can be replaced."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return sys.stderr.isatty() or getattr(shell, "kernel", None) is not None


def _amount(number: float | int, unit: str) -> str:
    if unit == "bytes":
        return f"{number / 1e6:,.1f} MB"
    return f"{number:,.0f}" if number >= 10 or float(number).is_integer() else f"{number:.1f}"


def _clock(seconds: float) -> str:
    """Hours only where there are any.

    >>> _clock(75.0), _clock(3675.0)
    ('1:15', '1:01:15')
    """
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def progress(title: str, total: int | None = None, unit: str = "") -> Iterator[Tally]:
    """Show work while it goes on; see `Tally`.

    >>> with progress("counting", 3) as tick:
    ...     for _ in range(3):
    ...         tick()
    >>> tick.done
    3
    """
    tally = Tally(title, total, unit)
    try:
        yield tally
    finally:
        tally.close()


def over(items: Iterable[Item], title: str, total: int | None = None) -> Iterator[Item]:
    """The items, one after the other, while the work on them is shown.

    >>> list(over("abc", "spelling", 3))
    ['a', 'b', 'c']
    """
    with progress(title, total) as tick:
        for item in items:
            yield item
            tick()
