"""What a person should know though nothing failed: a warning, which a command line prints as one line."""

import sys
import warnings


class Note(UserWarning):
    """A sentence for a person."""


def note(text: str) -> None:
    """Warn with a `Note`, shown where the caller's caller stands; also where progress is left out (`quiet`)."""
    warnings.warn(text, Note, stacklevel=3)


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
