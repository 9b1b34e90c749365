"""Rows that are lines: how files of them are read, why one is left out, what copies have in common, and its ids."""

from collections.abc import Iterator, Sequence
from typing import Any

from gancore.errors import DataError
from gancore.io import fasta
from gancore.io.formats import Form
from gancore.io.inputs import rows_of
from gancore.io.rejected_rows import Rejection, summarise
from seqgan.data.settings import DataConfig
from seqgan.text.proteins import residues
from seqgan.text.vocabulary import UNKNOWN, TokenError, Vocabulary, refuse_surrogates

SUFFIXES = (".txt", ".smi", ".smiles", ".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", *fasta.SUFFIXES)
READERS = dict.fromkeys(fasta.SUFFIXES, fasta.read_fasta)
COLUMNS = ("text", "sentence", "line", "smiles", "canonical_smiles", "sequence")
"""Names of the column of texts, in any case, spaces for underscores; the first that is there is read."""
FORM = Form("text", SUFFIXES, COLUMNS, (".smi", ".smiles"), lambda column: "smi" in column.lower(), READERS)
"""How files of lines are read."""


def lines_of(source: Any, column: str = "", prefer: bool = False) -> Iterator[tuple[int, str, str]]:
    """Number and text of each row of whatever holds lines, and the file it is of where there are several; lazily.

    column, prefer: as in `gancore.io.tables.rows`. Raises DataError for what holds no strings or cannot be read.
    """
    found = rows_of(source, FORM, "lines", column, prefer)
    return ((number, text_of(number, text), file) for number, text, file in found)


def text_of(number: int, text: str | None) -> str:
    """The text of an item of a list. Raises DataError where it is none."""
    if text is None:
        raise DataError(f"the list of lines: item {number} is no string but None.")
    return text


def line_reason(line: str) -> str:
    """Why a stripped line is no text to train on, a few words; "" where it is."""
    try:
        refuse_surrogates(line)
    except TokenError as error:
        return str(error)
    return "" if line else "empty"


def sameness(line: str, config: DataConfig) -> str:
    """What lines of the same words have in common."""
    if config.tokens == "protein":
        return residues(line)
    line = line.lower() if config.lower else line
    return " ".join(line.split()) if config.tokens == "word" else line


def encoded(vocabulary: Vocabulary, line: str, most: int, given: bool) -> list[int]:
    """Ids of a line. Raises TokenError for one that is too long or, of a model's vocabulary, that it does not know."""
    ids = vocabulary.encode(line)
    if len(ids) > most:
        raise TokenError(f"more than {most} tokens")
    if given and 2 * ids.count(UNKNOWN) > (len(ids) if vocabulary.kind == "word" else 0):
        raise TokenError("tokens that the model does not have")
    return ids


def refuse_too_few(where: str, rows: int, distinct: int, rejected: Sequence[Rejection], fewest: int) -> None:
    """Raise DataError where fewer than `fewest` distinct lines can be used."""
    if distinct == 1 < fewest:
        raise DataError(f"{where}: holds one distinct usable line, of {rows:,}; a generator needs at least two.")
    if not distinct:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in summarise(rejected)[:3])
        first = min(rejected).row
        raise DataError(f"{where}: none of its {rows} lines can be used ({reasons}; the first is line {first}).")
