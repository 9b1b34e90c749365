"""Corpora: files and iterables of lines -> token ids, split, with an account of every line that was left out."""

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from gancore.errors import DataError
from gancore.io.inputs import Cell, called, records_of
from gancore.io.rejected_rows import Rejection, RejectionCounts, by_file, rejection
from gancore.io.tables import rows
from gancore.training.batching import Shuffled, fetch_batch, sampled
from gancore.training.device import derive_seed
from gancore.types import Batch, Context
from seqgan.data.lines import KnownLines, Lines
from seqgan.data.rows import FORM, encoded, line_reason, lines_of, refuse_too_few, sameness, text_of
from seqgan.data.settings import DataConfig
from seqgan.data.streamed import MOST, Asked, Streamed, stream_of
from seqgan.text.alphabet import Alphabet, Ids
from seqgan.text.vocabulary import END, PAD, TokenError, Vocabulary


def read_lines(path: str | Path, column: str = "", prefer: bool = False) -> Iterator[tuple[int, str]]:
    """`(row number, line)` of a text file.

    Reads .txt (one line each), .smi (the first word of each line), .csv (commas, semicolons or tabs), .tsv, .parquet
    and .jsonl (a column of `COLUMNS`, any case), .fasta (the sequence of each record); gzip or not; standard input as
    "-". The number is that of the line a row begins in, of .parquet that of the record; a row of names is no row.
    column, prefer: as in `gancore.io.tables.rows`, of files that have columns.
    Raises DataError for a missing or unreadable file, an unknown suffix, a missing column.
    """
    return ((number, text or "") for number, text in rows(path, FORM, column, prefer))


def as_lines(source: Any, column: str = "", prefer: bool = False) -> tuple[list[tuple[int, str]], str]:
    """Numbered lines of a path, paths, a frame or an iterable of strings, and what to call the source.

    Raises DataError for what holds no strings, and what `read_lines` raises.
    """
    return [row[:2] for row in lines_of(source, column, prefer)], called(source, "lines")


def _records(
    source: Any, column: str, columns: Sequence[str]
) -> tuple[list[tuple[int, str, str]], list[dict[str, Any]]]:
    """The rows of `lines_of`, and the cells that each has in other columns."""
    rows, cells = [], []
    for (number, text, file), others in records_of(source, FORM, "lines", columns, column):
        rows.append((number, text_of(number, text), file))
        cells.append(others)
    return rows, cells


def _lines(source: Any, column: str, columns: Sequence[str]) -> tuple[list[tuple[int, str, str]], list[dict[str, Any]]]:
    """The rows of `lines_of`, without other columns."""
    return list(lines_of(source, column)), []


class Corpus:
    """Token sequences in three parts, `train`, `valid`, `test`: ids `(line, step)` int64, ended and padded.

    The training part of a streamed corpus (`data.stream`) is on disk: `Lines`, whose rows are such ids.

    alphabet: their special tokens. vocabulary: None for sequences that never were text. rejected: every line that is
    in no part, and why. length: steps of the longest sequence, its end included. aside: the lines of the test part as
    they were read, with words that the vocabulary has not. columns: by name, the cell that each sequence has in it, of
    all parts one after the other. contexts: of the sequences of each part, where something can be asked.
    """

    train: Any
    columns: Mapping[str, list[list[Cell]]] = {}
    contexts: tuple[Context | None, Context | None, Context | None] = (None, None, None)

    def __init__(
        self,
        alphabet: Alphabet,
        train: "Int[Tensor, 'train step'] | Lines",
        valid: Int[Tensor, "valid step"],
        test: Int[Tensor, "test step"],
        vocabulary: Vocabulary | None = None,
        rejected: Iterable[Rejection] = (),
        aside: Iterable[str] = (),
    ):
        self.alphabet, self.vocabulary = alphabet, vocabulary
        self.rejected = rejected if isinstance(rejected, RejectionCounts) else list(rejected)
        self.train, self.valid, self.test, self.aside = train, valid, test, list(aside)

    @classmethod
    def of(
        cls,
        source: Any,
        config: DataConfig,
        seed: int = 0,
        vocabulary: Vocabulary | None = None,
        length: int | None = None,
        fewest: int = 2,
        columns: Sequence[str] = (),
    ) -> "Corpus":
        """Tokenise lines and split them; each part keeps its order.

        Copies of one line go to one part, those that differ in case or space alone too where the tokens do not.
        The vocabulary is that of the training part unless one is given; the valid and the test part have at least
        one line each where their share is above 0 and there are three. Raises DataError when fewer than `fewest`
        distinct lines can be used.

        vocabulary: of a model; lines with tokens that it lacks, or where tokens are words mostly such, are rejected.
        length: steps to pad to, the end included, where a model is given; longer lines are rejected.
        columns: others to keep, where they are.
        Large sources are streamed, with a note; `data.stream` says when (`seqgan.data.streamed`). A streamed corpus is
        the same but for its split, its valid and test part, which have at most about 10,000 distinct lines each, and
        its account of rejected lines, which keeps the first of each reason.
        """
        if cls is Corpus and (stream := stream_of(source, config, columns)) is not None:
            return cls._streamed(stream.read(Asked(config, seed, vocabulary, length), fewest))
        most = min(config.max_length, length - 1 if length else config.max_length)
        rows, cells = (
            _records(source, config.column, columns) if columns else (list(lines_of(source, config.column)), [])
        )
        where = called(source, "lines")
        if not rows:
            raise DataError(f"{where}: holds no lines.")
        if 0 < config.sample < len(rows):
            picked = sampled(len(rows), config.sample, seed)
            rows, cells = [rows[place] for place in picked], [cells[place] for place in picked] if cells else []
        others = {(number, file): found for (number, _, file), found in zip(rows, cells, strict=False)}
        usable, rejected = _usable(rows, cls.reason)
        same = {line: sameness(line, config) for _, line, _ in usable}
        parts_of = split_lines(dict.fromkeys(same.values()), config, seed)
        part_of = {line: parts_of[key] for line, key in same.items()}
        given = vocabulary is not None
        if vocabulary is None:
            learnt = (line for _, line, _ in usable if part_of[line] == "train")
            vocabulary = Vocabulary.of(learnt, *config.vocabulary)
        parts: dict[str, list[tuple[list[int], tuple[int, str]]]] = {"train": [], "valid": [], "test": []}
        aside, distinct = [], set()
        for number, line, file in usable:
            try:
                ids = encoded(vocabulary, line, most, given)
            except TokenError as error:
                rejected.append(rejection(number, line, str(error), file))
                continue
            parts[part_of[line]].append((ids, (number, file)))
            distinct.add(same[line])
            if part_of[line] == "test":
                aside.append(line)
        refuse_too_few(where, len(rows), len(distinct), rejected, fewest)
        if not parts["train"]:  # all its lines were too long
            parts["train"], parts["valid"], parts["test"] = parts["valid"] + parts["test"], [], []
            aside = []
        rejected.sort(key=by_file)
        length = length or 1 + max(len(ids) for part in parts.values() for ids, _ in part)
        padded = {name: pad([ids for ids, _ in part], length) for name, part in parts.items()}
        corpus = cls(vocabulary.alphabet, **padded, vocabulary=vocabulary, rejected=rejected, aside=aside)
        corpus.columns = {
            name: [[Cell(*place, others[place].get(name))] for part in parts.values() for _, place in part]
            for name in dict.fromkeys(name for found in cells for name in found)
        }
        return corpus

    @staticmethod
    def reason(line: str) -> str:
        """Why a stripped line is not learnt from, a few words; "" where it is."""
        return line_reason(line)

    @classmethod
    def _streamed(cls, held: Streamed) -> "Corpus":
        """A corpus whose training part is on disk."""
        train, vocabulary = held.train, held.vocabulary
        valid, test = held.valid[:], held.test[:]
        corpus = cls(vocabulary.alphabet, train, valid, test, vocabulary, held.rejected, held.aside)
        corpus.known = held.known
        return corpus

    @classmethod
    def empty(cls, vocabulary: Vocabulary, length: int) -> "Corpus":
        """No lines, of a model's vocabulary and length: for training that learns from none."""
        return cls(vocabulary.alphabet, *(pad([], length) for _ in range(3)), vocabulary=vocabulary)

    def with_context(self, context: Context) -> "Corpus":
        """The same with a context for each sequence, of all parts one after the other."""
        other, start = copy.copy(self), 0
        contexts = []
        for part in self.parts:
            contexts.append(context[start : start + len(part)])
            start += len(part)
        other.contexts = tuple(contexts)
        return other

    @property
    def strings(self) -> list[str]:
        """The sequences of all parts as text, one part after the other."""
        assert self.vocabulary is not None
        return [self.vocabulary.decode(row) for part in self.parts for row in part[:].tolist()]

    @property
    def length(self) -> int:
        """Steps of the longest sequence, its end included."""
        return self.train.shape[1]

    @property
    def held_out(self) -> Ids:
        """What was not trained on, to judge by: the test part, else the valid part, else the training part."""
        return next(part for part in (self.test, self.valid, self._some) if len(part))

    @property
    def validation(self) -> Ids:
        """What to stop on: the valid part, else the training part."""
        return self.valid if len(self.valid) else self._some

    @property
    def _some(self) -> Ids:
        """The training part, of a streamed one its first lines."""
        return self.train[:MOST] if isinstance(self.train, Lines) else self.train

    @property
    def context(self) -> Context | None:
        """Of the training part; None where nothing can be asked."""
        return self.contexts[0]

    @property
    def validation_context(self) -> Context | None:
        """Of `validation`."""
        return self.contexts[1] if len(self.valid) else self.contexts[0]

    @cached_property
    def known(self) -> KnownLines:
        """The training sequences, to tell what is novel."""
        return KnownLines.of(self.train, self.alphabet)

    @property
    def digest(self) -> str:
        """sha256 of the ids and their parts: the identity of the set."""
        whole = hashlib.sha256(repr((self.alphabet, [len(part) for part in self.parts])).encode())
        for part in self.parts:
            whole.update(part.digest.encode() if isinstance(part, Lines) else part.numpy().astype(np.int32).tobytes())
        return whole.hexdigest()

    @property
    def parts(self) -> tuple[Any, Tensor, Tensor]:
        """Train, valid and test."""
        return self.train, self.valid, self.test


def _usable(
    rows: list[tuple[int, str, str]], reason_of: Callable[[str], str]
) -> tuple[list[tuple[int, str, str]], list[Rejection]]:
    """Rows that are text, stripped."""
    usable, rejected = [], []
    for number, line, file in rows:
        line = line.strip()
        reason = reason_of(line)
        if reason:  # half a character is written as an escape, for a file cannot hold it
            escaped = line.encode("utf-8", "backslashreplace").decode()
            rejected.append(rejection(number, escaped, reason, file))
        else:
            usable.append((number, line, file))
    return usable, rejected


def split_lines(lines: dict[str, None], config: DataConfig, seed: int) -> dict[str, str]:
    """The part of every distinct line."""
    order = np.random.default_rng(derive_seed(seed, "split")).permutation(len(lines))
    most = (len(lines) - 1) // 2  # something is left to train on
    valid, test = (
        min(most, max(1, round(share * len(lines)))) if share else 0 for share in (config.valid, config.test)
    )
    names = np.array(["train"] * len(lines), dtype=object)
    names[order[:valid]] = "valid"
    names[order[valid : valid + test]] = "test"
    return dict(zip(lines, names, strict=True))


def pad(lines: list[list[int]], length: int) -> Ids:
    """Ids of fewer than `length` tokens a line, ended and padded `(line, length)`."""
    ids = torch.full((len(lines), length), PAD, dtype=torch.long)
    for row, line in zip(ids, lines, strict=True):
        row[: len(line) + 1] = torch.tensor([*line, END])
    return ids


def batches(
    ids: "Ids | Lines",
    size: int,
    seed: int,
    device: torch.device,
    context: Context | None = None,
    weight: Tensor | None = None,
    labelled: int = 0,
) -> Shuffled:
    """An endless shuffled stream of batches of ids `(size, step)`; at most as many sequences as there are, or none.

    context, weight: of every sequence. Raises ValueError when they have another length. labelled: as in `fetch_batch`.
    """
    if not len(ids):
        return Shuffled(size, size, seed, lambda index: Batch((ids[:].to(device),)))
    fetch = fetch_batch(lambda index: (ids[index].to(device),), len(ids), device, context, weight, labelled)
    return Shuffled(len(ids), min(size, len(ids)), seed, fetch)
