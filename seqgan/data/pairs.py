"""Pairs of lines, a source and what it becomes: files and frames of two columns -> token ids, split like a corpus."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from gancore.errors import DataError
from gancore.io.formats import Form, as_text
from gancore.io.inputs import Cell, called, records_of
from gancore.io.rejected_rows import Rejection, by_file, rejection
from gancore.training.batching import Shuffled, fetch_batch, sampled
from gancore.types import Context
from seqgan.data.corpus import Corpus, pad, split_lines
from seqgan.data.rows import READERS, SUFFIXES, encoded, line_reason, refuse_too_few, sameness
from seqgan.data.settings import PairsConfig
from seqgan.text.alphabet import Ids
from seqgan.text.vocabulary import TokenError, Vocabulary

SOURCES, TARGETS = ("source",), ("target",)
"""Names of the two columns, in any case."""
FORM = Form("pairs", SUFFIXES, SOURCES, (), lambda column: "smi" in column.lower(), READERS)
"""How files of pairs are read."""


class Pairs(Corpus):
    """A corpus of targets in three parts, each with its source; both sides have one vocabulary and one length.

    sources: of the parts `train`, `valid` and `test`, ids `(line, step)`. aside: the pairs of the test part as
    `source<TAB>target`.
    """

    sources: tuple[Ids, Ids, Ids]

    @classmethod
    def of(
        cls,
        source: Any,
        config: PairsConfig,
        seed: int = 0,
        vocabulary: Vocabulary | None = None,
        length: int | None = None,
        fewest: int = 2,
        columns: Sequence[str] = (),
    ) -> "Pairs":
        """Tokenise both columns and split; pairs of one source go to one part. The arguments are those of `Corpus.of`.

        source: a file or frame with columns source and target (`data.column`, `data.target` name others), or a list of
        two-tuples. Raises DataError for what has no such columns and where fewer than `fewest` sources can be used.
        """
        where, rows = called(source, "pairs"), _rows(source, config, columns)
        if not rows:
            raise DataError(f"{where}: holds no pairs.")
        if 0 < config.sample < len(rows):
            rows = [rows[place] for place in sampled(len(rows), config.sample, seed)]
        usable, rejected = _usable(rows)
        parts_of = split_lines(dict.fromkeys(sameness(row[1], config) for row in usable), config, seed)
        part_of = [parts_of[sameness(row[1], config)] for row in usable]
        given, most = vocabulary is not None, min(config.max_length, length - 1 if length else config.max_length)
        if vocabulary is None:
            learnt = (row for row, part in zip(usable, part_of, strict=True) if part == "train")
            lines = (line for row in learnt for line in row[1:3])
            vocabulary = Vocabulary.of(lines, *config.vocabulary)
        kept: dict[str, list[tuple[list[int], list[int], _Row]]] = {"train": [], "valid": [], "test": []}
        for row, part in zip(usable, part_of, strict=True):
            try:
                ids, target = (encoded(vocabulary, line, most, given) for line in row[1:3])
                kept[part].append((ids, target, row))
            except TokenError as error:
                rejected.append(rejection(row[0], row[1], str(error), row[3]))
        distinct = {sameness(row[1], config) for part in kept.values() for _, _, row in part}
        refuse_too_few(where, len(rows), len(distinct), rejected, fewest)
        if not kept["train"]:
            kept = {"train": [*kept["valid"], *kept["test"]], "valid": [], "test": []}
        rejected.sort(key=by_file)
        sides = [ids for part in kept.values() for pair in part for ids in pair[:2]]
        length = length or 1 + max(map(len, sides))
        targets = {name: pad([target for _, target, _ in part], length) for name, part in kept.items()}
        aside = [f"{row[1]}\t{row[2]}" for _, _, row in kept["test"]]
        pairs = cls(vocabulary.alphabet, **targets, vocabulary=vocabulary, rejected=rejected, aside=aside)
        train, valid, test = (pad([ids for ids, _, _ in part], length) for part in kept.values())
        pairs.sources = train, valid, test
        ordered = [row for part in kept.values() for _, _, row in part]
        pairs.columns = {
            name: [[Cell(row[0], row[3], row[4].get(name))] for row in ordered]
            for name in dict.fromkeys(name for row in ordered for name in row[4])
        }
        return pairs

    @property
    def validation_sources(self) -> Ids:
        """Of `validation`."""
        return self.sources[1] if len(self.valid) else self.sources[0]

    @property
    def held_out_sources(self) -> Ids:
        """Of `held_out`."""
        return next(part for part in (self.sources[2], self.sources[1], self.sources[0]) if len(part))

    @property
    def digest(self) -> str:
        """sha256 of both sides and their parts."""
        whole = hashlib.sha256(super().digest.encode())
        for part in self.sources:
            whole.update(part.numpy().astype(np.int32).tobytes())
        return whole.hexdigest()


_Row = tuple[int, str, str, str, dict[str, Any]]
"""Number, source, target, file, and the cells of other columns."""


def _rows(source: Any, config: PairsConfig, columns: Sequence[str]) -> list[_Row]:
    """The rows of whatever holds pairs."""
    if isinstance(source, (list, tuple)) and source and all(isinstance(row, tuple) and len(row) == 2 for row in source):
        source = pd.DataFrame(source, columns=["source", "target"], dtype=object)
    name = config.target or TARGETS[0]
    found: list[_Row] = []
    for (number, text, file), cells in records_of(source, FORM, "pairs", (name, *columns), config.column):
        if name not in cells:
            raise DataError(
                f"{called(source, 'pairs')}: no column named {name}: a recipe of pairs reads two columns, source and "
                "target; name others with data.column and data.target."
            )
        target, cells = cells[name], {other: cell for other, cell in cells.items() if other != name}
        found.append(
            (number, (text or "").strip(), as_text(target, called(source, "pairs"), number).strip(), file, cells)
        )
    return found


def _usable(rows: Sequence[_Row]) -> tuple[list[_Row], list[Rejection]]:
    """Rows of which both sides are text, and why the others are not."""
    usable, rejected = [], []
    for row in rows:
        reason = line_reason(row[1]) or ("no target" if line_reason(row[2]) else "")
        if reason:
            text = row[1].encode("utf-8", "backslashreplace").decode()
            rejected.append(rejection(row[0], text, reason, row[3]))
        else:
            usable.append(row)
    return usable, rejected


def pair_batches(
    targets: Ids, sources: Ids, size: int, seed: int, device: Any, context: Context | None = None
) -> Shuffled:
    """An endless shuffled stream of batches whose sample is `(target, source)`, both ids."""
    fetch = fetch_batch(
        lambda index: (targets[index].to(device), sources[index].to(device)), len(targets), device, context
    )
    return Shuffled(len(targets), min(size, len(targets)), seed, fetch)
