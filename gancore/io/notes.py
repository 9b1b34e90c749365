"""What a person should know though nothing failed: a warning, which a command line prints as one line."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_collected: "ContextVar[list[Note] | None]" = ContextVar("collected", default=None)


class Note(UserWarning):
    """A sentence for a person."""


class OldName(Note):
    """A sentence on a setting that has a name of an earlier version."""


def note(text: str, kind: type[Note] = Note) -> None:
    """Warn with a `Note`, shown where the caller's caller stands; also where progress is left out (`quiet`)."""
    held = _collected.get()
    if held is not None:
        held.append(kind(text))
    else:
        warnings.warn(text, kind, stacklevel=3)


@contextmanager
def collected() -> "Iterator[list[Note]]":
    """The notes that are made inside, instead of warnings: for whoever says several of them in one.

    >>> with collected() as notes:
    ...     note("one"), note("two")
    (None, None)
    >>> [str(one) for one in notes]
    ['one', 'two']
    """
    notes: list[Note] = []
    token = _collected.set(notes)
    try:
        yield notes
    finally:
        _collected.reset(token)


def print_notes(program: str) -> None:
    """Have every `Note` printed as a line of `program` on standard error, and other warnings as before."""
    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *more: object) -> None:
        if issubclass(category, Note):
            print(f"{program}: {message}", file=sys.stderr)
        else:
            shown(message, category, *more)  # pyright: ignore

    warnings.showwarning = show
    warnings.simplefilter("always", Note)
