"""Which molecules occur for the first time, across any number of shards, exactly and in bounded memory."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from gancore.io.sorted_digests import matches
from molgan.library.digests import BITS, digests

_END = b"\n"
_CHUNK = 500_000


class Seen:
    """A growing set of strings; `add` says which of some are new and takes them in.

    16 bytes of memory a string, and twice that while two levels are merged; the strings are in a file that only grows.
    file: where they are; what it holds already counts as seen, and a last line that was not written to its end is cut
    off. Without one it is a temporary file, which ends with the object. bits: of the digests; fewer are a test of what
    happens when they collide.

    >>> with Seen() as seen:
    ...     seen.add(["CCO", "CCN", "CCO"]).tolist(), seen.add(["CCN", "CCC"]).tolist(), len(seen)
    ([True, True, False], [False, True], 3)
    """

    def __init__(self, file: str | Path | None = None, bits: int = BITS):
        self.bits, self._levels = bits, _Levels()
        self._file = tempfile.TemporaryFile() if file is None else open(file, "a+b")  # noqa: SIM115
        self._end = 0
        if file is not None:
            self._read_again()

    def __len__(self) -> int:
        return len(self._levels)

    def __enter__(self) -> "Seen":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add(self, smiles: Sequence[str]) -> np.ndarray:
        """Which strings are there for the first time, `(string,)` bool; they are seen from now on.

        Raises ValueError for a string with a line end, and OSError where the disk is full; then none is taken in.
        """
        first = np.zeros(len(smiles), bool)
        distinct: dict[str, int] = {}
        for row, text in enumerate(smiles):
            distinct.setdefault(text, row)
        texts = list(distinct)
        fresh = ~self.contains(texts)
        new = [text for text, is_new in zip(texts, fresh.tolist(), strict=True) if is_new]
        self._append(new)
        first[[distinct[text] for text in new]] = True
        return first

    def contains(self, smiles: Sequence[str]) -> np.ndarray:
        """Which strings were seen, `(string,)` bool; takes none in."""
        known = np.zeros(len(smiles), bool)
        found = self._levels.find(digests(smiles, self.bits))
        for row, start in sorted(found, key=lambda pair: pair[1]):
            if not known[row]:
                known[row] = self._is_at(start, smiles[row].encode(errors="surrogatepass") + _END)
        return known

    def _is_at(self, start: int, line: bytes) -> bool:
        self._file.seek(start)
        return self._file.read(len(line)) == line

    def _append(self, texts: list[str]) -> None:
        lines = [text.encode(errors="surrogatepass") + _END for text in texts]
        if any(line.find(_END) < len(line) - 1 for line in lines):
            raise ValueError("a string with a line end is no SMILES")
        ends = self._end + np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)))
        starts = np.concatenate(([self._end], ends[:-1])) if lines else ends
        try:
            self._file.seek(0, 2)
            self._file.write(b"".join(lines))
            self._file.flush()
        except OSError:
            self._file.truncate(self._end)
            raise
        self._end = int(ends[-1]) if lines else self._end
        self._levels.add(digests(texts, self.bits), starts.astype(np.uint64))

    def _read_again(self) -> None:
        """Take in what the file holds."""
        self._file.seek(0)
        while lines := self._file.readlines(_CHUNK * 32):
            if not lines[-1].endswith(_END):
                lines.pop()
                self._file.truncate(self._end + sum(map(len, lines)))
            ends = self._end + np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)))
            if lines:
                texts = [line[:-1].decode(errors="surrogatepass") for line in lines]
                starts = np.concatenate(([self._end], ends[:-1])).astype(np.uint64)
                self._levels.add(digests(texts, self.bits), starts)
                self._end = int(ends[-1])


class _Levels:
    """Sorted digests and where their strings begin, in levels of growing size, as a log-structured merge tree has them.

    A level is merged with the one before once it is half as large, so there are few, and each string is moved few
    times.
    """

    def __init__(self) -> None:
        self.levels: list[tuple[np.ndarray, np.ndarray]] = []

    def __len__(self) -> int:
        return sum(len(level[0]) for level in self.levels)

    def add(self, digests: np.ndarray, starts: np.ndarray) -> None:
        """Take in digests, in any order."""
        if not len(digests):
            return
        order = np.argsort(digests, kind="stable")
        level = digests[order], starts[order]
        while self.levels and 2 * len(level[0]) >= len(self.levels[-1][0]):
            level = _merged(self.levels.pop(), level)
        self.levels.append(level)

    def find(self, sought: np.ndarray) -> list[tuple[int, int]]:
        """Pairs of the row of a digest and where a string with that digest begins."""
        found: list[tuple[int, int]] = []
        for known, starts in self.levels:
            found += [(row, int(starts[place])) for row, place in matches(known, sought)]
        return found


def _merged(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Two sorted levels as one."""
    places = np.searchsorted(one[0], other[0], side="right") + np.arange(len(other[0]))
    old = np.ones(len(one[0]) + len(other[0]), bool)
    old[places] = False
    merged = []
    for before, after in zip(one, other, strict=True):
        both = np.empty(len(old), before.dtype)
        both[places], both[old] = after, before
        merged.append(both)
    return merged[0], merged[1]
