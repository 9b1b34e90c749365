"""The account of rows that are left out; an endless shuffled stream of row numbers."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from gancore.io.notes import note

_REASONS, _SHOWN = 1000, 1000  # reasons that are told apart, characters of a text that are kept


class Rejection(NamedTuple):
    """A row that is not in the training set.

    row: the number of the line it begins in, from 1 (of the record in .sdf and .parquet). text: as it was read.
    reason: a few words.
    """

    row: int
    text: str
    reason: str


class FileRejection(Rejection):
    """One of several files; `file` is its path."""

    file: str


def rejection(row: int, text: str, reason: str, file: str = "") -> Rejection:
    """A rejected row, of that file if it is one of several."""
    if not file:
        return Rejection(row, text, reason)
    made = FileRejection(row, text, reason)
    made.file = file
    return made


def file_of(rejection: Rejection) -> str:
    """The file a rejected row is of, where several were read; "" otherwise."""
    return rejection.file if isinstance(rejection, FileRejection) else ""


class RejectionCounts(list[Rejection]):
    """Rejected rows of a source of any size: the first `most` of each reason, and how many there are for each.

    Of a long text the beginning is kept.

    >>> few = RejectionCounts(most=1)
    >>> few.add(3, "", "empty"), few.add(5, "", "empty")
    (None, None)
    >>> few, few.counts["empty"], count_of(few)
    ([Rejection(row=3, text='', reason='empty')], 2, 2)
    """

    def __init__(self, most: int = 100):
        super().__init__()
        self.most, self.counts = most, Counter[str]()

    def add(self, row: int, text: str, reason: str, file: str = "") -> None:
        """Count a row. Once there are very many reasons, further ones count together."""
        if len(self.counts) >= _REASONS and reason not in self.counts:
            reason = "of further reasons"
        self.counts[reason] += 1
        if self.counts[reason] <= self.most:
            self.append(rejection(row, text[:_SHOWN], reason, file))

    def state(self) -> dict[str, Any]:
        """A form for JSON."""
        return {"counts": dict(self.counts), "kept": [[*one, file_of(one)] for one in self]}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "RejectionCounts":
        """Back from `state`."""
        made = cls()
        made.counts.update(state["counts"])
        made.extend(rejection(*one) for one in state["kept"])
        return made


def count_of(rejected: Sequence[Rejection]) -> int:
    """How many rows were rejected, those that were only counted among them."""
    return rejected.counts.total() if isinstance(rejected, RejectionCounts) else len(rejected)


def summarise(rejected: Sequence[Rejection]) -> list[tuple[str, int]]:
    """Reasons with their counts, commonest first; duplicates count as one reason."""
    if isinstance(rejected, RejectionCounts):
        return rejected.counts.most_common()
    return Counter(r.reason.split(" of row ")[0] for r in rejected).most_common()


def note_most_left_out(rejected: Sequence[Rejection], of: int) -> None:
    """Note when more than half of so many rows cannot be used, also where `quiet`; duplicates are no loss."""
    lost = [(reason, count) for reason, count in summarise(rejected) if not reason.startswith("duplicate")]
    total = sum(count for _, count in lost)
    if 2 * total > of:
        reason, count = lost[0]
        first = min((row for row in rejected if not row.reason.startswith("duplicate")), key=by_file)
        where = f"row {first.row}" + (f" of {file_of(first)}" if file_of(first) else "")
        note(
            f"{total:,} of {of:,} rows are left out of training, most often because of: {reason} ({count:,} rows, "
            f"the first is {where})."
        )


def by_file(rejection: Rejection) -> tuple[str, Rejection]:
    """What rejected rows are sorted by."""
    return file_of(rejection), rejection


def tell_rejected(rejected: Sequence[Rejection], console: Console) -> None:
    """Say how many rows were left out for which reason, and where the first of them is."""
    for reason, count in summarise(rejected):
        first = next(one for one in rejected if one.reason.startswith(reason))
        place = f"row {first.row}" + (f" of {file_of(first)}" if file_of(first) else "")
        text = f"  {count:>8,}  {reason} (first: {place})"
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def write_rejected(rejected: Sequence[Rejection], path: Path) -> None:
    """Write the rejected rows as CSV with columns row, text, reason, and file where several files were read."""
    several = any(map(file_of, rejected))
    with open(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as out:
        writer = csv.writer(out)
        writer.writerow([*Rejection._fields, *(["file"] if several else [])])
        writer.writerows([*one, *([file_of(one)] if several else [])] for one in rejected)
