"""Molecules from files, frames and lists: SMILES row by row. Files that do not look like SMILES are reported."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rdkit import Chem, rdBase

from gancore.errors import DataError
from gancore.io.columns import find_column
from gancore.io.formats import NOTHING, Form, Record
from gancore.io.inputs import called, paths_of, rows_of
from gancore.io.tables import records, rows
from gancore.io.text_files import Source

SUFFIXES = (".smi", ".smiles", ".txt", ".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".sdf")
COLUMNS = (
    *("smiles", "canonical_smiles", "smi", "isomeric_smiles", "canonicalsmiles", "isomericsmiles"),
    *("connectivitysmiles", "smiles_string", "molecule_smiles", "compound_smiles", "ligand_smiles", "rdkit_smiles"),
    *("structure", "mol"),
)
"""Names of the column of SMILES, in any case, spaces for underscores; the first that is there is read."""
LOOKED_AT = 1000
"""Rows that are looked at to tell a file of something else."""
_BRACKETS = re.compile(r"\[[^\[\]\s]{1,40}\]")
_PLAIN = re.compile(r"[BCNOPSFIHbcnopslirea0-9()\[\]=#$:/\\.@%~*+-]+")
_FIELD = re.compile(r">.*<([^>]*)>")  # the head of an SD property


# SDF --------------------------------------------------------------------------------------------


def _sdf(source: Source, full: bool) -> Iterator[Record]:
    """Records of an SD file: what stands before each line `$$$$`, and what stands after the last if it is anything."""
    lines: list[str] = []
    number = 1
    with rdBase.BlockLogs():
        for line in source.text("latin-1"):
            if line.startswith("$$$$"):
                yield _record(source.where, number, lines, full)
                number, lines = number + 1, []
            else:
                lines.append(line)
        if "".join(lines).strip():
            yield _record(source.where, number, lines, full)


def _record(where: str, number: int, lines: list[str], full: bool) -> Record:
    """One record. Text that is not UTF-8 is taken as Latin-1: the atoms and bonds are plain ASCII either way."""
    text = "".join(lines)
    if not text.isascii():
        with suppress(UnicodeError):  # Latin-1 it is, or decoded by its byte-order mark already
            text = text.encode("latin-1").decode()
    mol = Chem.MolFromMolBlock(text)
    smiles = None if mol is None else Chem.MolToSmiles(mol)
    return (
        number,
        smiles,
        text.partition("\n")[0].strip(),
        _properties(f"{where}: record {number}", text) if full else NOTHING,
    )


def _properties(where: str, text: str) -> dict[str, str]:
    """The SD properties of a record: after a head `>  <NAME>`, the lines up to a blank one."""
    properties: dict[str, str] = {}
    name = ""
    for line in text.partition("\nM  END")[2].split("\n"):
        head = None if name else _FIELD.match(line)
        if head is not None:
            name = head[1]
            if name in properties:
                raise DataError(f"{where} has two properties named {name}: rename one.")
            properties[name] = ""
        elif name and not line.strip():
            name = ""
        elif name:
            properties[name] += ("\n" if properties[name] else "") + line
    return properties


FORM = Form("molecules", SUFFIXES, COLUMNS, (".smi", ".smiles", ".txt", ""), lambda name: True, {".sdf": _sdf})
"""How files of molecules are read."""


# Rows -------------------------------------------------------------------------------------------


def read_rows(path: str | Path, column: str = "", prefer: bool = False) -> Iterator[tuple[int, str | None]]:
    """`(row number, SMILES)` of a molecule file, None for an .sdf record that cannot be read.

    Reads .smi .smiles .txt (one SMILES a line, anything after white space is a name), .csv (commas, semicolons or
    tabs), .tsv, .parquet and .jsonl (a column of `COLUMNS`, any case), .sdf; gzip or not; standard input as "-".
    The number is that of the line a row begins in, of .parquet and .sdf that of the record; a row of names is no row.
    column, prefer: as in `gancore.io.tables.rows`, of files that have columns.
    Raises DataError for a missing or unreadable file, an unknown suffix, a missing column.
    """
    return rows(path, FORM, column, prefer)


class NamedRow(NamedTuple):
    """A row of a molecule file: its number, its SMILES as in `read_rows`, its name, and what else the file says of it.

    name: "" where it has none; what stands after a SMILES, an SDF's title, or a column `name`. others: the other
    columns of a table, the properties of an SDF, by name; text where the file is text.
    """

    row: int
    smiles: str | None
    name: str
    others: dict[str, Any] = {}


def read_named(path: str | Path, column: str = "") -> Iterator[NamedRow]:
    """The rows of a file with their names and other columns; raises DataError for two columns of one name as well."""
    for number, text, name, others in records(path, FORM, column):
        yield NamedRow(number, text, name, dict(others))


def numbers_of(rows: Sequence[NamedRow], column: str, where: object, purpose: str = "") -> list[float]:
    """The numbers of a column of a file, one a row; NaN where a row has none, or one that is not finite.

    column: its name; case and spaces do not count. purpose: what they are read for, for messages ("to rank by").
    Raises DataError for a column that there is not, and for text in it, with the row.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.others))
    place = find_column(where, names, [], column)
    purpose = f" {purpose}" if purpose else ""
    if place is None:
        known = f"its columns are {', '.join(names)}" if names else "it has no column but the molecules"
        raise DataError(f"{where}: has no column {column!r}{purpose}; {known}.")
    found = []
    for row in rows:
        value = row.others.get(names[place])
        try:
            number = math.nan if value is None or value == "" else float(value)
        except (TypeError, ValueError):
            raise DataError(
                f"{where}: row {row.row} has {value!r:.40} in the column {names[place]!r}, which is no number{purpose}."
            ) from None
        found.append(number if math.isfinite(number) else math.nan)
    return found


def as_rows(source: Any, column: str = "", prefer: bool = False) -> list[str | None]:
    """The SMILES of a path, paths, a frame or a list, as they are, row by row; None for a row without text.

    Raises DataError for anything else, and what `read_rows` raises.
    """
    return [text for _, text, _ in rows_of(source, FORM, "SMILES", column, prefer)]


# What is no list of SMILES ----------------------------------------------------------------------


def foreign(text: str) -> bool:
    """Whether a string has what no SMILES has: letters of no element that SMILES writes so, commas, words.

    >>> foreign("CHEMBL25"), foreign("0.71"), foreign("CCO,1.2"), foreign("C1CC(("), foreign("[Zn+2]")
    (True, True, True, False, False)
    """
    rest = _BRACKETS.sub("*", text)
    return _PLAIN.fullmatch(rest) is None or not any(one.isalpha() or one == "*" for one in rest)


def doubt(texts: Sequence[str | None], valid: Sequence[bool], of: int, readable: int) -> str:
    """What must be said where none of so many strings is a molecule, or the first alone; "" where others are.

    texts, valid: the first strings, and which of them are valid. of: how many there are; readable: how many are valid.
    """
    first = bool(len(valid) and valid[0])
    if not of or readable > (1 if first and of > 2 else 0):
        return ""
    shown = next((row for row, text in enumerate(texts) if text and not valid[row]), None)
    example = "they are empty" if shown is None else f"the {'next' if first else 'first'} reads {texts[shown]!r:.60}"
    return f"{'Only the first' if first else 'None'} of {of:,} rows is a molecule; {example}."


def refuse_foreign(source: Any, texts: Sequence[str | None], valid: Sequence[bool], of: int, readable: int) -> str:
    """`doubt`; raises DataError where the rows are those of a file and most of them look like no SMILES at all."""
    sentence = doubt(texts, valid, of, readable)
    seen = [text for text, right in zip(texts, valid, strict=True) if text and not right]
    if sentence and paths_of(source) is not None and 2 * sum(map(foreign, seen)) > len(seen):
        raise DataError(
            f"{called(source, 'SMILES')}: {sentence[0].lower()}{sentence[1:-1]}, which does not look like SMILES: name "
            "the column to read with --column, or say what the file is by its suffix."
        )
    return sentence
