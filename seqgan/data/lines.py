"""Sequences of ids of any number, on disk: rows are tensors when asked for; which sequences are among them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from gancore.io.sorted_digests import matches, sorted_rows
from seqgan.text.alphabet import Alphabet, Ids
from seqgan.text.vocabulary import PAD

IDS, STARTS, DIGESTS, ORDER = "ids", "starts", "digests", "order"
"""Files of a folder of lines: ids one line after the other, where each line begins, sorted digests, whose they are."""
_UNSORTED = "unsorted"
_WORD, _PLACE = np.dtype("<u8"), np.dtype("<i8")
_AT_ONCE = 1 << 20  # ids that are in memory at once


class Lines:
    """Ended sequences of ids in a folder, mapped into memory: `lines[rows]` is a tensor `(row, step)`, padded.

    It has what a tensor of all of them has: a length, a shape, rows by a slice, numbers or a mask. length: steps of a
    row. digest: of what the folder holds. rows: those that are meant, all where None. change: of rows that were read.
    """

    def __init__(
        self,
        ids: np.ndarray,
        starts: np.ndarray,
        length: int,
        digest: str = "",
        rows: np.ndarray | None = None,
        change: Callable[[Ids], Ids] | None = None,
    ):
        self._ids, self._starts, self._rows, self._change = ids, starts, rows, change
        self.length, self.digest = length, digest

    @classmethod
    def open(cls, folder: Path, tokens: int, length: int, digest: str = "") -> "Lines":
        """What `LineWriter` wrote, of a vocabulary of so many tokens."""
        return cls(mapped(folder / IDS, width_of(tokens)), mapped(folder / STARTS, _PLACE), length, digest)

    def __len__(self) -> int:
        return len(self._starts) - 1 if self._rows is None else len(self._rows)

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and steps."""
        return len(self), self.length

    def __getitem__(self, rows: "slice | Sequence[int] | Tensor") -> Ids:
        """Rows as ids `(row, step)`, int64, padded to the length of all."""
        places = self._places(rows)
        starts, ends = self._starts[places], self._starts[places + 1]
        sizes = ends - starts
        inside = np.arange(self.length) < sizes[:, None]
        ids = np.full((len(places), self.length), PAD, np.int64)
        flat = np.repeat(starts - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes) + np.arange(sizes.sum())
        ids[inside] = self._ids[flat]
        found = torch.from_numpy(ids)
        return self._change(found) if self._change is not None else found

    def _places(self, rows: Any) -> np.ndarray:
        """Numbers of rows in the folder."""
        if isinstance(rows, slice):
            found = np.arange(*rows.indices(len(self)))
        else:
            found = torch.as_tensor(rows).cpu().numpy()
            if found.dtype == bool:
                found = np.flatnonzero(found)
        return found if self._rows is None else self._rows[found]

    @property
    def sizes(self) -> Int[Tensor, "line"]:
        """Tokens of each line, its end included."""
        sizes = np.diff(self._starts)
        return torch.from_numpy(sizes if self._rows is None else sizes[self._rows])

    def only(self, rows: Tensor) -> "Lines":
        """Some of them, by numbers or a mask; none is read."""
        return Lines(self._ids, self._starts, self.length, self.digest, self._places(rows), self._change)

    def changed(self, change: Callable[[Ids], Ids]) -> "Lines":
        """The same with rows changed by a function when they are read."""
        return Lines(self._ids, self._starts, self.length, self.digest, self._rows, change)


def mapped(path: Path, kind: np.dtype) -> np.ndarray:
    """A file of numbers, mapped into memory; one that is empty cannot be."""
    return np.memmap(path, kind, "r") if path.stat().st_size else np.zeros(0, kind)


def width_of(tokens: int) -> np.dtype:
    """The type of ids of a vocabulary of so many tokens: two bytes where they do.

    >>> width_of(50_000).itemsize, width_of(100_000).itemsize
    (2, 4)
    """
    return np.dtype("<u2" if tokens <= 1 << 16 else "<i4")


def digests_of(ids: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """64 bits of each sequence `(line,)`, of ids one line after the other and the tokens of each line, at least one.

    Each token's number and place are mixed (SplitMix64, Steele et al. 2014) and summed. Equal digests are no proof.

    >>> a, b, c = digests_of(np.array([4, 5, 2, 5, 4, 2, 4, 5, 2]), np.array([3, 3, 3])).tolist()
    >>> a == c != b
    True
    """
    if not len(sizes):
        return np.zeros(0, np.uint64)
    ends = np.cumsum(sizes)
    places = np.arange(len(ids)) - np.repeat(ends - sizes, sizes)
    mixed = _mix(ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + _mix(places.astype(np.uint64)))
    return _mix(np.add.reduceat(mixed, ends - sizes))


def _mix(words: np.ndarray) -> np.ndarray:
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class LineWriter:
    """Writes lines into a new folder, some at a time; `close` sorts their digests. tokens: of the vocabulary."""

    def __init__(self, folder: Path, tokens: int):
        self.folder, self.width = folder, width_of(tokens)
        self.longest, self._end = 0, 0
        self._ids, self._sizes = list[int](), list[int]()
        self._digest = hashlib.sha256()
        folder.mkdir()
        self._files = {name: open(folder / name, "wb") for name in (IDS, STARTS, _UNSORTED)}  # noqa: SIM115
        self._files[STARTS].write(np.zeros(1, _PLACE).tobytes())

    def add(self, ids: Sequence[int]) -> None:
        """Append a line, its end included."""
        self._ids += ids
        self._sizes.append(len(ids))
        if len(self._ids) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if not self._sizes:
            return
        ids, sizes = np.array(self._ids, np.int32), np.array(self._sizes, np.int64)
        ends = self._end + np.cumsum(sizes)
        self.longest, self._end = max(self.longest, int(sizes.max())), int(ends[-1])
        self._ids, self._sizes = [], []
        for part in (ids.astype("<i4"), sizes.astype(_PLACE)):
            self._digest.update(part.tobytes())
        self._files[IDS].write(ids.astype(self.width).tobytes())
        self._files[STARTS].write(ends.astype(_PLACE).tobytes())
        self._files[_UNSORTED].write(digests_of(ids, sizes).astype(_WORD).tobytes())

    def close(self) -> str:
        """Write what is left and the sorted digests; gives the digest of all ids."""
        self._flush()
        self.release()
        digests = mapped(self.folder / _UNSORTED, _WORD)
        with open(self.folder / DIGESTS, "wb") as known, open(self.folder / ORDER, "wb") as order:
            for rows in sorted_rows(digests):
                known.write(digests[rows].tobytes())
                order.write(rows.astype(_PLACE).tobytes())
        del digests  # Windows removes no file that is mapped
        (self.folder / _UNSORTED).unlink()
        return self._digest.hexdigest()

    def release(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


class KnownLines:
    """Which sequences are among those of a tensor or of `Lines`, by sorted 64-bit digests, confirmed on the ids.

    digests: sorted, `(line,)`. order: the line that each is of. Both may be mapped into memory. alphabet: of the ids.
    """

    def __init__(self, digests: np.ndarray, order: np.ndarray, lines: "Ids | Lines", alphabet: Alphabet):
        self.digests, self.order, self._lines, self._alphabet = digests, order, lines, alphabet

    @classmethod
    def open(cls, folder: Path, lines: Lines, alphabet: Alphabet) -> "KnownLines":
        """Of the digests that `LineWriter` wrote."""
        return cls(mapped(folder / DIGESTS, _WORD), mapped(folder / ORDER, _PLACE), lines, alphabet)

    @classmethod
    def of(cls, lines: "Ids | Lines", alphabet: Alphabet) -> "KnownLines":
        """16 bytes of memory a line.

        >>> lines, alphabet = torch.tensor([[4, 5, 2], [4, 2, 0]]), Alphabet(size=6, begin=1, end=2, pad=0)
        >>> KnownLines.of(lines, alphabet).contain(torch.tensor([[4, 2, 0], [5, 2, 0]])).tolist()
        [True, False]
        """
        parts = [np.zeros(0, np.uint64), *(_digests(part, alphabet) for part in _parts(lines))]
        digests = np.concatenate(parts)
        order = np.concatenate(list(sorted_rows(digests)))
        return cls(digests[order], order, lines, alphabet)

    def contain(self, ids: Ids) -> Bool[Tensor, "line"]:
        """Which sequences, padded, are among the lines."""
        found, ids = torch.zeros(len(ids), dtype=torch.bool), ids.cpu()
        for row, place in matches(self.digests, _digests(ids, self._alphabet)):
            if not found[row]:
                pair = self._lines[[int(self.order[place])]], ids[[row]]
                found[row] = torch.equal(*(self._alphabet.trim(one) for one in pair))
        return found

    def share(self, part: float, turn: float) -> tuple[Tensor, Tensor]:
        """The numbers of the other lines, and of about `part` of the distinct ones with all their copies, in order.

        turn: from 0 to below 1, which ones.
        """
        total = len(self.digests)
        edges = [turn % 1.0, (turn + part) % 1.0]
        first, last = (int(np.searchsorted(self.digests, np.uint64(int(edge * 2**64)))) for edge in edges)
        inside = np.zeros(total, bool)
        runs = [(first, last)] if edges[0] <= edges[1] else [(first, total), (0, last)]
        for begin, end in runs:
            inside[self.order[begin:end]] = True
        return torch.from_numpy(np.flatnonzero(~inside)), torch.from_numpy(np.flatnonzero(inside))


def _parts(lines: "Ids | Lines") -> Iterator[Ids]:
    size = max(1, _AT_ONCE // max(1, lines.shape[1]))
    return (lines[start : start + size] for start in range(0, len(lines), size))


def _digests(ids: Ids, alphabet: Alphabet) -> np.ndarray:
    inside = alphabet.mask(ids).numpy()
    return digests_of(ids.numpy()[inside], inside.sum(1))


def sizes_of(lines: "Ids | Lines", alphabet: Alphabet) -> Int[Tensor, "line"]:
    """Tokens of each line, its end included."""
    return lines.sizes if isinstance(lines, Lines) else alphabet.mask(lines).sum(1)


def only(lines: Any, rows: Tensor) -> Any:
    """Some of the lines, by numbers or a mask."""
    return lines.only(rows) if isinstance(lines, Lines) else lines[rows]
