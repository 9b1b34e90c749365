"""The account of rows that are left out; an endless shuffled stream of row numbers."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from gancore.io.notes import note


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


def summarise(rejected: Sequence[Rejection]) -> list[tuple[str, int]]:
    """Reasons with their counts, commonest first; duplicates count as one reason."""
    return Counter(r.reason.split(" of row ")[0] for r in rejected).most_common()


def note_most_left_out(rejected: Sequence[Rejection], of: int) -> None:
    """Note when more than half of so many rows cannot be used, also where `quiet`; duplicates are no loss."""
    lost = [row for row in rejected if not row.reason.startswith("duplicate")]
    if 2 * len(lost) > of:
        reason, count = summarise(lost)[0]
        first = min(lost, key=by_file)
        where = f"row {first.row}" + (f" of {file_of(first)}" if file_of(first) else "")
        note(
            f"{len(lost):,} of {of:,} rows are left out of training, most often because of: {reason} ({count:,} rows, "
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
