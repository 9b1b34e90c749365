"""What a person should know though nothing failed: a warning, which a command line prints as one line."""

import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gancore.rows import Rejection


class Note(UserWarning):
    """A sentence for a person."""


def note(text: str) -> None:
    """Warn with a `Note`, shown where the caller's caller stands; also where progress is left out (`quiet`)."""
    warnings.warn(text, Note, stacklevel=3)


def note_most_left_out(rejected: "Sequence[Rejection]", of: int) -> None:
    """Note when more than half of so many rows cannot be used; duplicates are no loss."""
    lost = [row for row in rejected if not row.reason.startswith("duplicate")]
    if 2 * len(lost) > of:
        from gancore.rows import summarise  # torch; scores, which have notes too, do without

        reason, count = summarise(lost)[0]
        note(
            f"{len(lost):,} of {of:,} rows are left out of training, most often because of: {reason} ({count:,} rows, "
            f"the first is row {min(lost).row})."
        )


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
