"""FASTA: records of a header line, which begins with ">", and lines of a sequence; read and written."""

import re
from collections.abc import Iterable, Iterator, Sequence

from gancore.errors import DataError
from gancore.io.formats import NOTHING, Record
from gancore.io.text_files import Source

SUFFIXES: tuple[str, ...] = (".fasta", ".fa", ".faa", ".fas")
"""Of the files that are FASTA."""
_WIDTH = 60  # signs a line when written
_SEQUENCE = re.compile(r"[A-Za-z*.-]+")


def looks_like_fasta(lines: Sequence[str]) -> bool:
    """Whether a file's first lines are a header, then headers and lines of letters without spaces.

    >>> looks_like_fasta([">first", "MKV", "LL"]), looks_like_fasta(["> he said", "I said so"])
    (True, False)
    """
    lines = [line.strip() for line in lines if line.strip()]
    others = [line for line in lines if not line.startswith(">")]
    return len(lines) > 1 and lines[0].startswith(">") and bool(others) and all(map(_SEQUENCE.fullmatch, others))


def read_fasta(source: Source, full: bool) -> Iterator[Record]:
    """`(line of the header, sequence, header, nothing)` of each record; a sequence may take any number of lines.

    White space and empty lines in a sequence are left out; lines that begin with ";" are comments. A record without a
    sequence has the text "". Raises DataError where a sequence stands before the first header.
    """
    row, name, parts = 0, "", []
    for number, line in enumerate(source.text(), 1):
        line = line.strip()
        if line.startswith(">"):
            if row:
                yield row, "".join(parts), name, NOTHING
            row, name, parts = number, line[1:].strip(), []
        elif line and not line.startswith(";"):
            if not row:
                raise DataError(
                    f"{source.where}: row {number} is no header, and a FASTA file begins with one (>name): add it, or "
                    "name a file of one sequence a line .txt."
                )
            parts.append("".join(line.split()))
    if row:
        yield row, "".join(parts), name, NOTHING


def fasta_lines(texts: Iterable[str], prefix: str = "sample") -> Iterator[str]:
    """The lines of a FASTA file: a header `>prefix_1`, `>prefix_2`, ... before each text, 60 signs a line.

    Raises DataError for a text that a FASTA file cannot hold: anything but letters, "*", "-" and ".".

    >>> list(fasta_lines(["MKV", "A" * 62]))[:3]
    ['>sample_1', 'MKV', '>sample_2']
    """
    for number, text in enumerate(texts, 1):
        if text and not _SEQUENCE.fullmatch(text):
            raise DataError(f"text {number}, {text!r:.40}, is no sequence of letters, as FASTA has: write a .txt file.")
        yield f">{prefix}_{number}"
        for start in range(0, len(text), _WIDTH):
            yield text[start : start + _WIDTH]
