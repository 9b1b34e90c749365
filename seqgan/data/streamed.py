"""Corpora of any size in bounded memory: read in two passes, encoded into a folder of the cache, mapped from there.

The first pass counts tokens and picks the lines that are kept aside; the second encodes. The folder is named by what
the source holds and by the settings, so the next run, or a resumed one, finds it there.
"""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from gancore.errors import ConfigError, DataError
from gancore.io.bottom_k import BottomK, place_of
from gancore.io.cached_folder import cached_folder
from gancore.io.downloads import cache
from gancore.io.inputs import called, is_dataset, paths_of
from gancore.io.notes import note
from gancore.io.progress import over
from gancore.io.rejected_rows import RejectionCounts, count_of
from gancore.training.device import derive_seed
from seqgan.data.lines import KnownLines, Lines, LineWriter
from seqgan.data.rows import encoded, line_reason, lines_of, refuse_too_few, sameness
from seqgan.data.settings import DataConfig
from seqgan.data.spool import Spool
from seqgan.text.tokenizers import load_tokenizer
from seqgan.text.vocabulary import END, TokenError, Vocabulary

MOST = 10_000
"""Distinct lines of the valid and of the test part, at most."""
_LARGE, _LARGE_PACKED, _MANY = 256_000_000, 64_000_000, 2_000_000  # bytes of files, of compressed ones; rows
_COUNTED = 1_000_000  # tokens that are counted at a time
_TOKENS = 50_000  # of a vocabulary that has no size of its own
_PAIRED, _CHARACTERS = 500_000, 50_000_000  # lines that byte pairs are learnt from, and their characters
_FORMAT = 1
_MANIFEST = "manifest.json"
_PARTS = "train", "valid", "test"

Row = tuple[int, str, str]
"""Number, text, and the file it is of where there are several."""


class Asked(NamedTuple):
    """What is made of a source; see `Corpus.of`."""

    config: DataConfig
    seed: int = 0
    vocabulary: Vocabulary | None = None
    length: int | None = None


class Streamed(NamedTuple):
    """What a streamed corpus is made of."""

    train: Lines
    valid: Lines
    test: Lines
    known: KnownLines
    vocabulary: Vocabulary
    rejected: RejectionCounts
    aside: list[str]


def stream_of(source: Any, config: DataConfig, columns: Sequence[str] = ()) -> "Stream | None":
    """How a source is streamed; None where it is read into memory, as `data.stream` says.

    columns: others that are asked for, which are only kept in memory. Raises ConfigError where they are and streaming
    is on.
    """
    if columns and config.stream == "on":
        raise ConfigError(
            f"data.stream=on: conditions ({', '.join(columns)}) need all lines in memory; set data.stream=off."
        )
    if config.stream == "off" or (config.stream == "auto" and (columns or config.sample or not _is_large(source))):
        return None
    return Stream(source, config.column, automatic=config.stream == "auto")


def _is_large(source: Any) -> bool:
    paths = paths_of(source)
    if paths is not None:
        sizes = [(path.stat().st_size, path.suffix in (".gz", ".parquet")) for path in paths if path.is_file()]
        return sum(size * (_LARGE // _LARGE_PACKED if packed else 1) for size, packed in sizes) > _LARGE
    return is_dataset(source) and (not hasattr(source, "__len__") or len(source) > _MANY)


@dataclass
class Stream:
    """A source of rows that is read more than once: files, or anything else by way of a file of the cache."""

    source: Any
    column: str
    automatic: bool = False

    def read(self, asked: Asked, fewest: int) -> Streamed:
        """The corpus, from the cache or made there.

        Raises DataError for lines that cannot be used and for files that change meanwhile, RunError where the cache
        cannot be written, and what reading files raises.
        """
        home, where = cache() / "corpora", called(self.source, "lines")
        files = paths_of(self.source)
        if files is None or not all(path.is_file() for path in files):
            with Spool(home, lines_of(self.source, self.column)) as spool:
                folder = _made(home, spool.digest, spool.rows, asked)
        else:
            before = _stats(files)
            digest = "".join(f"{path.suffixes[-2:]}{_digest_of(path)}" for path in files)
            digest += str(len(files) > 1 and [str(path) for path in files])  # rejected lines name their file

            def rows() -> Iterator[Row]:
                yield from lines_of(self.source, self.column)
                if _stats(files) != before:
                    raise DataError(f"{where}: changed while it was read; start again once nothing writes to it.")

            folder = _made(home, digest, rows, asked)
        held = _open(folder)
        _refuse(where, held, fewest)
        if self.automatic:
            endless = is_dataset(self.source) and not hasattr(self.source, "__len__")
            why = "has no known length" if endless else "is large"
            note(
                f"{where}: {why}, so its lines are kept on disk, in {folder}, and read from there; data.stream=off "
                "reads them into memory."
            )
        return held


def _refuse(where: str, held: Streamed, fewest: int) -> None:
    """Raise DataError where there is too little to train on."""
    train, aside, rejected = len(held.train), len(held.valid) + len(held.test), count_of(held.rejected)
    if not train + aside + rejected:
        raise DataError(f"{where}: holds no lines.")
    distinct = aside + (1 + int(held.known.digests[0] != held.known.digests[-1]) if train else 0)
    refuse_too_few(where, train + aside + rejected, min(2, distinct), held.rejected, fewest)
    if not train:
        raise DataError(
            f"{where}: all of its few lines were kept aside; set data.stream=off, or data.valid and data.test to 0."
        )


def _made(home: Path, digest: str, rows: Callable[[], Iterator[Row]], asked: Asked) -> Path:
    return cached_folder(home, _name(digest, asked), _Making(rows, asked).write, _is_whole)


def _stats(files: Sequence[Path]) -> list[tuple[int, int]]:
    return [(path.stat().st_size, path.stat().st_mtime_ns) for path in files]


def _digest_of(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=16)).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None


def _name(digest: str, asked: Asked) -> str:
    """The name of a folder: what is read, and all that decides what is made of it."""
    config, seed, vocabulary, length = asked
    known = vocabulary.to_json() if vocabulary is not None else None
    tokenizer = load_tokenizer(config.tokenizer).to_str() if config.tokenizer and known is None else ""
    settings = (*config.vocabulary[:-1], config.max_length, config.valid, config.test, config.column)
    keys = json.dumps([_FORMAT, digest, settings, tokenizer, known, seed, length])
    return hashlib.blake2b(keys.encode(), digest_size=16).hexdigest()


class _Making:
    """The two passes."""

    def __init__(self, rows: Callable[[], Iterator[Row]], asked: Asked):
        self.rows, self.asked, self.config = rows, asked, asked.config
        self.seed = derive_seed(asked.seed, "split") >> 1
        self.valid, self.test = BottomK(MOST), BottomK(MOST)
        self.aside: dict[str, str] = {}

    def write(self, folder: Path) -> None:
        """Both, into an empty folder."""
        learnt = self._training_lines()
        vocabulary = self.asked.vocabulary or self._learn(learnt)
        deque(learnt, maxlen=0)  # to the end of the first pass, where the vocabulary needed no lines
        self._encode(folder, vocabulary)

    def _training_lines(self) -> Iterator[str]:
        """The first pass: lines to learn tokens from. At its end the others are those kept aside."""
        valid, test = self.config.valid, self.config.test
        for _, line, _ in over(self.rows(), "reading lines"):
            line = line.strip()
            if line_reason(line):
                continue
            key = sameness(line, self.config)
            place = place_of(key, self.seed)
            if place < valid:
                yield from self.valid.add(place, key)
            elif place < valid + test:
                yield from self.test.add(place, key)
            else:
                yield line
        for name in ("valid", "test"):
            part: BottomK = getattr(self, name)
            yield from part.close()
            self.aside |= dict.fromkeys(part.items, name)

    def _learn(self, learnt: Iterator[str]) -> Vocabulary:
        kind, least, size, *others = self.config.vocabulary
        if kind != "bpe":
            return Vocabulary.of(learnt, kind, least, size or _TOKENS, *others, counted=_COUNTED)
        sample = BottomK(_PAIRED, _CHARACTERS)
        for line in learnt:
            sample.add(place_of(line), line)
        sample.close()
        return Vocabulary.of(sample.items, kind, least, size, *others)

    def _encode(self, folder: Path, vocabulary: Vocabulary) -> None:
        """The second pass: ids on disk, and an account in the manifest."""
        length, given = self.asked.length, self.asked.vocabulary is not None
        most = min(self.config.max_length, length - 1 if length else self.config.max_length)
        rejected, done, aside = RejectionCounts(), set[str](), list[str]()
        writers = {part: LineWriter(folder / part, len(vocabulary)) for part in _PARTS}
        try:
            for number, line, file in over(self.rows(), "encoding lines"):
                line = line.strip()
                reason = line_reason(line)
                if reason:
                    rejected.add(number, line.encode("utf-8", "backslashreplace").decode(), reason, file)
                    continue
                key = sameness(line, self.config)
                part = self.aside.get(key, "train")
                try:
                    if key in done:
                        raise TokenError("duplicate of a line that is kept aside")
                    ids = encoded(vocabulary, line, most, given)
                except TokenError as error:
                    rejected.add(number, line, str(error), file)
                    continue
                writers[part].add([*ids, END])
                if part != "train":
                    done.add(key)
                if part == "test":
                    aside.append(line)
            digest, *_ = [writer.close() for writer in writers.values()]
        finally:
            for writer in writers.values():
                writer.release()
        files = [path for path in folder.rglob("*") if path.is_file()]
        manifest = {
            "format": _FORMAT,
            "sizes": {path.relative_to(folder).as_posix(): path.stat().st_size for path in files},
            "length": length or max(writer.longest for writer in writers.values()),
            "digest": digest,
            "vocabulary": vocabulary.to_json(),
            "rejected": rejected.state(),
            "aside": aside,
        }
        (folder / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def _is_whole(folder: Path) -> bool:
    try:
        held = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return held["format"] == _FORMAT and all(
            (folder / name).stat().st_size == size for name, size in held["sizes"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _open(folder: Path) -> Streamed:
    held = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    vocabulary = Vocabulary.from_json(held["vocabulary"])
    train, valid, test = (Lines.open(folder / part, len(vocabulary), held["length"], held["digest"]) for part in _PARTS)
    rejected = RejectionCounts.restore(held["rejected"])
    known = KnownLines.open(folder / _PARTS[0], train, vocabulary.alphabet)
    return Streamed(train, valid, test, known, vocabulary, rejected, held["aside"])
