"""Rows of files and the account of those left out; an endless shuffled stream of row numbers."""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console

from gancore import distributed
from gancore.device import derive_seed
from gancore.errors import DataError
from gancore.notes import note


class Rejection(NamedTuple):
    """A row that is not in the training set: its 1-based number (record number in .sdf), its text, the reason."""

    row: int
    text: str
    reason: str


def summarise(rejected: Sequence[Rejection]) -> list[tuple[str, int]]:
    """Reasons with their counts, commonest first; duplicates count as one reason."""
    return Counter(r.reason.split(" of row ")[0] for r in rejected).most_common()


def tell_rejected(rejected: Sequence[Rejection], console: Console) -> None:
    """Say how many rows were left out for which reason, and where the first of them is."""
    for reason, count in summarise(rejected):
        first = next(row for row, _, why in rejected if why.startswith(reason))
        text = f"  {count:>8,}  {reason} (first: row {first})"
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def note_most_left_out(rejected: Sequence[Rejection], of: int) -> None:
    """Note when more than half of so many rows cannot be used, also where `quiet`; duplicates are no loss."""
    lost = [row for row in rejected if not row.reason.startswith("duplicate")]
    if 2 * len(lost) > of:
        reason, count = summarise(lost)[0]
        note(
            f"{len(lost):,} of {of:,} rows are left out of training, most often because of: {reason} ({count:,} rows, "
            f"the first is row {min(lost).row})."
        )


def write_rejected(rejected: Sequence[Rejection], path: Path) -> None:
    """Write the rejected rows as CSV with columns row, text, reason."""
    with open(path, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(Rejection._fields)
        writer.writerows(rejected)


def kind_of(path: Path, known: Sequence[str], what: str) -> str:
    """The file's suffix in lower case, without a final .gz; raises DataError unless it is a file of a known kind.

    what: what the file should hold, for the message.
    """
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if not path.exists():
        raise DataError(f"{path}: no such file.")
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give a file of {what} ({' '.join(known)}, also .gz).")
    if suffix not in known:
        raise DataError(f"{path}: unknown kind of file; known are {' '.join(known)}, also .gz.")
    return suffix


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever reading a damaged file raises inside into a DataError."""
    try:
        yield
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None


def open_binary(path: Path) -> gzip.GzipFile | io.BufferedReader:
    """The file's bytes, decompressed where its name ends in .gz."""
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else open(path, "rb")


def open_text(path: Path) -> io.TextIOWrapper:
    """The file as UTF-8, decompressed; an undecodable byte spoils its row (U+FFFD), not the file."""
    return io.TextIOWrapper(open_binary(path), encoding="utf-8-sig", errors="replace")  # pyright: ignore


def pick_column(where: object, columns: Sequence[str], names: Sequence[str]) -> str:
    """The first of `names` among the columns, in any case; raises DataError naming the columns there are."""
    by_lower = {str(column).strip().lower(): column for column in reversed(columns)}
    for name in names:
        if name.lower() in by_lower:
            return by_lower[name.lower()]
    there = ", ".join(map(str, columns)) or "(none)"
    raise DataError(f"{where}: no column named {' or '.join(names)}; its columns are {there}: rename one.")


def table_rows(path: Path, suffix: str, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """`(row number, text)` of one column of a .csv, .tsv or .parquet file, "" for an empty cell.

    names: what the column may be called, the first that is there. Raises DataError.
    """
    if suffix == ".parquet":
        yield from _parquet_rows(path, names)
        return
    with open_text(path) as lines:
        reader = csv.DictReader(lines, delimiter="," if suffix == ".csv" else "\t")
        if reader.fieldnames is None:
            return
        column = pick_column(path, reader.fieldnames, names)
        for row in reader:
            yield reader.line_num, (row[column] or "").strip()


def _parquet_rows(path: Path, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    import pyarrow
    import pyarrow.parquet

    try:
        columns = pyarrow.parquet.read_schema(path).names
        column = pick_column(path, columns, names)
        values = pyarrow.parquet.read_table(path, columns=[column])[column].to_pylist()
    except pyarrow.ArrowException as error:
        raise DataError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]}).") from None
    yield from ((number, str(value or "")) for number, value in enumerate(values, 1))


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
