"""The account of rows that are left out; an endless shuffled stream of row numbers."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console

from gancore import distributed
from gancore.device import derive_seed
from gancore.notes import note


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


def sampled(rows: int, sample: int, seed: int) -> np.ndarray:
    """Which of so many rows `data.sample` takes by that seed, in order."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:sample])


class Shuffled:
    """An endless shuffled stream of batches whose place is one number, `position`, for an exact resume.

    Every epoch is a permutation of the `rows` rows from `(seed, epoch)`; a batch may straddle two epochs.
    fetch: what makes a batch of its `size` row numbers, int64; of several processes each gets its own of them.

    >>> batches = Shuffled(rows=3, size=2, seed=0, fetch=lambda index: index)
    >>> sorted(torch.cat([next(batches), next(batches), next(batches)]).tolist())
    [0, 0, 1, 1, 2, 2]
    """

    def __init__(self, rows: int, size: int, seed: int, fetch: Callable[[torch.Tensor], Any]):
        self.rows, self.size, self.seed, self.fetch = rows, size, seed, fetch
        self.position = 0
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)

    def __iter__(self) -> "Shuffled":
        return self

    def __next__(self) -> Any:
        """The next batch."""
        parts: list[torch.Tensor] = []
        wanted = self.size
        while wanted:
            epoch, start = divmod(self.position, self.rows)
            part = self._permutation(epoch)[start : start + wanted]
            parts.append(part)
            wanted -= len(part)
            self.position += len(part)
        return self.fetch(distributed.own(torch.cat(parts)))

    def _permutation(self, epoch: int) -> torch.Tensor:
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, "epoch", epoch))
            self._epoch, self._order = epoch, torch.randperm(self.rows, generator=generator)
        return self._order
