"""A set of strings far larger than memory should hold: 16 bytes of memory each, the strings themselves in a file."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from molgan.scoring.description import digest

_DIGESTS, _PLACES, _TEXTS = "digests.npy", "places.npy", "texts.bin"
_RATIO = 2  # a level is merged with the next where that is not larger by more


class StringSet:
    """Distinct strings: their 64-bit digests in sorted arrays, each hit confirmed on the full string.

    texts: a file to keep the strings in; what was there before is dropped. The arrays are levels of growing size, so
    that adding n strings costs n log n in all. Strings have no line ends.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, StringSet(Path(folder, "texts")) as seen:
    ...     seen.add(["CCO", "CCN"])
    ...     seen.contains(["CCN", "CCC"]).tolist(), len(seen)
    ([True, False], 2)
    """

    def __init__(self, texts: Path):
        self._levels: list[tuple[np.ndarray, np.ndarray]] = []
        self._file = texts.open("w+b")
        self._end = 0

    @classmethod
    def open(cls, folder: Path) -> "StringSet":
        """What `freeze` wrote, read-only; the arrays are mapped, so that processes share them. Raises OSError."""
        found = cls.__new__(cls)
        arrays = (np.load(folder / name, mmap_mode="r") for name in (_DIGESTS, _PLACES))
        found._levels = [tuple(arrays)]  # pyright: ignore
        found._file = (folder / _TEXTS).open("rb")
        found._end = 0
        return found

    @classmethod
    def freeze(cls, batches: Iterable[Sequence[str]], folder: Path) -> int:
        """Write the distinct strings of batches to a folder that `open` reads; gives how many there are."""
        folder.mkdir(parents=True, exist_ok=True)
        with cls(folder / _TEXTS) as made:
            for texts in batches:
                distinct = list(dict.fromkeys(texts))
                held = made.contains(distinct)
                made.add([text for text, there in zip(distinct, held, strict=True) if not there])
            digests, places = made._merged(made._levels)
        np.save(folder / _DIGESTS, digests)
        np.save(folder / _PLACES, places)
        return len(digests)

    def __enter__(self) -> "StringSet":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __len__(self) -> int:
        return sum(len(digests) for digests, _ in self._levels)

    def add(self, texts: Sequence[str]) -> None:
        """Take in strings that are distinct and not there yet."""
        if not texts:
            return
        lines = [text.encode() + b"\n" for text in texts]
        lengths = np.fromiter(map(len, lines), np.int64, len(lines))
        places = self._end + np.concatenate(([0], np.cumsum(lengths)[:-1]))
        self._file.seek(self._end)
        self._file.write(b"".join(lines))
        self._end += int(lengths.sum())
        self._levels.append(_sorted(_digests(texts), places))
        while len(self._levels) > 1 and len(self._levels[-2][0]) <= _RATIO * len(self._levels[-1][0]):
            self._levels[-2:] = [self._merged(self._levels[-2:])]

    def contains(self, texts: Sequence[str]) -> np.ndarray:
        """Which of the strings are there: bool, one a string."""
        found = np.zeros(len(texts), dtype=bool)
        wanted = _digests(texts)
        for digests, places in self._levels:
            if not len(digests):
                continue
            first = np.searchsorted(digests, wanted)
            hits = np.flatnonzero((first < len(digests)) & (digests[np.minimum(first, len(digests) - 1)] == wanted))
            for row in hits.tolist():
                found[row] |= self._confirmed(texts[row], wanted[row], int(first[row]), digests, places)
        return found

    def _confirmed(self, text: str, wanted: np.int64, place: int, digests: np.ndarray, places: np.ndarray) -> bool:
        """Whether one of the strings of this digest is this string."""
        line = text.encode() + b"\n"
        while place < len(digests) and digests[place] == wanted:
            self._file.seek(int(places[place]))
            if self._file.read(len(line)) == line:
                return True
            place += 1
        return False

    @staticmethod
    def _merged(levels: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        if not levels:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return _sorted(*(np.concatenate(parts) for parts in zip(*levels, strict=True)))


def _digests(texts: Sequence[str]) -> np.ndarray:
    return np.fromiter(map(digest, texts), np.int64, len(texts))


def _sorted(digests: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(digests, kind="stable")
    return digests[order], places[order]
