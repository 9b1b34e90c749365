"""Strings on disk in the order of their digests: written in runs, merged, and searched."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from gancore.io.progress import over
from gancore.io.sorted_digests import matches

_DIGESTS, _STARTS, _TEXTS = "digests", "starts", "texts"
_WORD = np.dtype("<u8")
_END = b"\n"  # after each string, so that the file can be looked at


class SortedTexts:
    """A folder with a file of strings in the order of their digests, these, and where each string begins.

    Both arrays are mapped into memory; the strings are read where they are asked for. Raises OSError or ValueError
    where a file is missing or shorter than the others say.
    """

    def __init__(self, folder: Path):
        self.path = folder / _TEXTS
        self.digests, self.starts = _mapped(folder / _DIGESTS), _mapped(folder / _STARTS)
        if len(self.starts) != len(self.digests) + 1 or self.path.stat().st_size != int(self.starts[-1]):
            raise ValueError(f"{folder}: files that do not belong together")

    def __len__(self) -> int:
        return len(self.digests)

    def contain(self, texts: list[str], digests: np.ndarray) -> np.ndarray:
        """Which strings are here, `(string,)` bool; a digest that is found is confirmed on the string."""
        found = np.zeros(len(texts), bool)
        with open(self.path, "rb") as file:
            for row, place in matches(self.digests, digests):
                if found[row]:
                    continue
                text = texts[row].encode(errors="surrogatepass")
                begin, end = int(self.starts[place]), int(self.starts[place + 1])
                file.seek(begin)
                found[row] = end - begin - 1 == len(text) and file.read(end - begin - 1) == text
        return found

    def between(self, low: int, high: int) -> tuple[np.ndarray, list[bytes]]:
        """Digests and strings of those with a digest from `low` to below `high`."""
        edges = np.array([low, min(high, (1 << 64) - 1)], np.uint64)
        first, last = np.searchsorted(self.digests, edges)
        last = len(self) if high >= 1 << 64 else last
        begin, end = int(self.starts[first]), int(self.starts[last])
        with open(self.path, "rb") as file:
            file.seek(begin)
            held = file.read(end - begin)
        places = (self.starts[first : last + 1] - self.starts[first]).tolist()
        return np.asarray(self.digests[first:last]), [held[start : end - 1] for start, end in pairwise(places)]


def _mapped(path: Path) -> np.ndarray:
    """A file of words; one that is empty cannot be mapped."""
    return np.memmap(path, _WORD, "r") if path.stat().st_size else np.zeros(0, _WORD)


def write_run(texts: list[str], digests: np.ndarray, folder: Path) -> SortedTexts:
    """Write distinct strings into a new folder in the order of their digests."""
    order = np.argsort(digests, kind="stable")
    encoded = [texts[row].encode(errors="surrogatepass") for row in order.tolist()]
    _Writer(folder).add(digests[order], encoded)
    return SortedTexts(folder)


def merge(runs: Sequence[SortedTexts], folder: Path, chunk: int) -> int:
    """Merge runs into a new folder, each string once; gives their number.

    Digests are spread evenly, so the strings with digests in one of equal ranges are about `chunk`, and fit in memory.
    """
    total = sum(map(len, runs))
    parts = max(1, -(-total // chunk))
    edges = [(part << 64) // parts for part in range(parts + 1)]
    writer = _Writer(folder)
    for low, high in over(pairwise(edges), "sorting known molecules", parts):
        pieces = [run.between(low, high) for run in runs]
        digests = np.concatenate([piece[0] for piece in pieces]) if pieces else np.zeros(0, np.uint64)
        texts = [text for piece in pieces for text in piece[1]]
        order = np.argsort(digests, kind="stable")
        writer.add(*_once(digests[order], [texts[row] for row in order.tolist()]))
    return len(SortedTexts(folder))


def _once(digests: np.ndarray, texts: list[bytes]) -> tuple[np.ndarray, list[bytes]]:
    """Sorted digests and their strings without those that are there before."""
    again = np.flatnonzero(digests[1:] == digests[:-1]) + 1
    if not len(again):
        return digests, texts
    kept = np.ones(len(digests), bool)
    for row in again.tolist():
        before = row - 1
        while before >= 0 and digests[before] == digests[row] and kept[row]:
            kept[row] = texts[before] != texts[row]
            before -= 1
    return digests[kept], [text for text, keep in zip(texts, kept.tolist(), strict=True) if keep]


class _Writer:
    """Writes the three files, piece by piece."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True)
        self.folder, self.end = folder, 0
        (folder / _STARTS).write_bytes(bytes(_WORD.itemsize))
        for name in (_DIGESTS, _TEXTS):
            (folder / name).touch()

    def add(self, digests: np.ndarray, texts: list[bytes]) -> None:
        """Append strings whose digests follow those before."""
        if not texts:
            return
        ends = self.end + np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + len(_END))
        self.end = int(ends[-1])
        pieces = {_DIGESTS: digests.astype(_WORD).tobytes(), _STARTS: ends.astype(_WORD).tobytes()}
        for name, piece in (pieces | {_TEXTS: _END.join(texts) + _END}).items():
            with open(self.folder / name, "ab") as file:
                file.write(piece)
