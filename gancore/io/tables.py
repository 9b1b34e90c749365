"""One reader for all files of rows: lines, CSV, TSV, JSON lines, Parquet, and what a program adds."""

import io
import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from gancore.errors import DataError
from gancore.io.columns import alike, carried, find_column, name_among
from gancore.io.delimited import Layout, again, cells_of, even, layout_of, looks_like_a_table, read_delimited
from gancore.io.fasta import looks_like_fasta
from gancore.io.formats import NOTHING, Batch, Choice, Form, Record, as_text, bare
from gancore.io.text_files import STDIN, Source, opened, suffix_of

_JSON = (".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv")
_BATCH = 1 << 16  # rows of Parquet that are in memory at once
_SOME = 1000  # rows of a text table


def rows(
    path: str | Path, form: Form, column: str = "", prefer: bool = False, kind: str = ""
) -> Iterator[tuple[int, str | None]]:
    """`(row number, text)` of a file, a pipe, or standard input (`-`), one row at a time.

    The number is that of the line a row begins in, the first being 1 (and a row of names, where there is one); of
    Parquet and further formats that of the record. Text is "" for an empty cell or line, None for an unreadable record.
    column: the column of a table to read. prefer: whether a known name is taken where `column` is not there.
    kind: the suffix by which the file is read, where its name has another.
    Raises DataError, one sentence, for what cannot be read as what it is.
    """
    return chain.from_iterable(_batches(path, Choice(form, column, prefer), kind, full=False))


def records(path: str | Path, form: Form, column: str = "", prefer: bool = False, kind: str = "") -> Iterator[Record]:
    """The same with each row's name and its other columns."""
    return chain.from_iterable(_batches(path, Choice(form, column, prefer), kind, full=True))


def _batches(path: str | Path, choice: Choice, kind: str, full: bool) -> Iterator[Batch]:
    form = choice.form
    if not kind:
        _refuse_unknown(path, form)
    with opened(path) as source:
        kind = kind or _kind(source, choice)
        if kind in form.readers:
            found = form.readers[kind](source, full)
            yield from ([record if full else record[:2]] for record in found)
        elif kind == ".parquet":
            yield from _parquet(source, choice, full)
        elif kind in _JSON:
            yield from _json_lines(source, choice, full)
        elif kind in _TABLES:
            yield from _table(source, choice, full, tabs=kind == ".tsv")
        elif kind in form.words:
            yield from _words(source, choice, full)
        else:
            yield from _lines(source, choice, full)


def _refuse_unknown(path: str | Path, form: Form) -> None:
    if str(path) == STDIN:
        return
    path, known = Path(path), " ".join(form.suffixes)
    if not path.exists():
        raise DataError(f"{path}: no such file.")
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give a file of {form.what} ({known}, also .gz).")
    suffix = suffix_of(path)
    if suffix and suffix not in form.suffixes and path.is_file():
        raise DataError(f"{path}: unknown kind of file; known are {known}, also .gz.")


def _kind(source: Source, choice: Choice) -> str:
    """The suffix that says how to read it: its own, or for a pipe or a file without one what its content looks like."""
    form = choice.form
    if source.head.startswith(b"PAR1"):
        return ".parquet"
    if source.suffix in form.suffixes:
        return source.suffix
    lines = source.first_lines()
    if ".sdf" in form.readers and any(line.startswith(("M  END", "$$$$")) for line in lines):
        return ".sdf"
    if ".fasta" in form.readers and looks_like_fasta(lines):
        return ".fasta"
    if lines and lines[0].startswith("{") and isinstance(_json_or_none(lines[0]), dict):
        return _JSON[0]
    return ".csv" if lines and looks_like_a_table(lines, choice.known) else ""


def _json_or_none(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


# Tables -----------------------------------------------------------------------------------------


def _table(
    source: Source, choice: Choice, full: bool, tabs: bool = False, layout: Layout | None = None
) -> Iterator[Batch]:
    lines = source.text(newline=source.newline)
    first = next(lines, None)
    if first is None:
        return
    layout = layout or layout_of(first, choice.form.columns, choice.column, tabs)
    table = read_delimited(source.where, again(first, lines), layout)
    yield from _cells(source.where, table.names, table.rows, choice, full)


def _cells(
    where: str, names: list[str], found: Iterator[tuple[int, list[str]]], choice: Choice, full: bool
) -> Iterator[Batch]:
    place = choice.place(where, names)
    clean = choice.cleaner(names[place])
    kept = carried(where, names, place) if full else {}
    while not full and (pairs := [(number, clean(cells[place])) for number, cells in islice(found, _SOME)]):
        yield pairs
    while full and (some := list(islice(found, _SOME))):
        texts = [(number, clean(cells[place])) for number, cells in some]
        others = [{name: cells[other] for other, name in kept.items()} for _, cells in some]
        yield [(*text, name_among(other), other) for text, other in zip(texts, others, strict=True)]


def _parquet(source: Source, choice: Choice, full: bool) -> Iterator[Batch]:
    import pyarrow
    import pyarrow.parquet

    where, stream = source.where, source.stream
    try:
        file = pyarrow.parquet.ParquetFile(stream if stream.seekable() else io.BytesIO(stream.read()))
        names = file.schema_arrow.names
        place = choice.place(where, names)
        clean, kept = choice.cleaner(names[place]), carried(where, names, place) if full else {}
        number = 0
        for batch in file.iter_batches(_BATCH, columns=None if full else [names[place]]):
            texts = batch.column(place if full else 0).to_pylist()
            values = {name: batch.column(other).to_pylist() for other, name in kept.items()}
            pairs = [(row, clean(as_text(value, where, row))) for row, value in enumerate(texts, number + 1)]
            number += len(pairs)
            others = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
            others = others or [NOTHING] * len(pairs)
            yield [(*pair, name_among(o), o) for pair, o in zip(pairs, others, strict=True)] if full else pairs
    except pyarrow.ArrowException as error:
        raise DataError(f"{where}: cannot be read as Parquet ({str(error).splitlines()[0]}).") from None


# JSON lines -------------------------------------------------------------------------------------


class _Twice(Exception):
    """A name that an object has twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return held


def _json_lines(source: Source, choice: Choice, full: bool) -> Iterator[Batch]:
    """A line is an object, of which the column is read, or a string."""
    where, name, clean = source.where, None, choice.cleaner(choice.column or choice.form.columns[0])
    for number, line in enumerate(source.text(), 1):
        value = _json_value(where, number, line)
        others = NOTHING
        if isinstance(value, dict):
            if name is None:
                names = list(value)
                name = names[choice.place(f"{where}: row {number}", names)]
                clean = choice.cleaner(name)
            if name not in value:
                raise DataError(f"{where}: row {number} has no {name!r} as the rows before; its names are "
                                f"{', '.join(value) or '(none)'}.")  # fmt: skip
            others = {key: held for key, held in value.items() if key != name} if full else NOTHING
            value = value[name]
        text = as_text(value, where, number)
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise DataError(f"{where}: row {number} holds half of a character (a lone surrogate), which is no text.")
        yield [(number, clean(text), name_among(others), others) if full else (number, clean(text))]


def _json_value(where: str, number: int, line: str) -> Any:
    if not line.strip():
        return ""
    try:
        value = json.loads(line, object_pairs_hook=_once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{where}: row {number} is not JSON ({error}); a line is an object or a string.") from None
    except _Twice as name:
        raise DataError(f"{where}: row {number} has {str(name)!r} twice: rename one.") from None
    if value is not None and not isinstance(value, (dict, str)):
        raise DataError(f"{where}: row {number} is {type(value).__name__}; a line is an object or a string.")
    return value


# Lines ------------------------------------------------------------------------------------------


def _lines(source: Source, choice: Choice, full: bool) -> Iterator[Batch]:
    """Each line is a text; a table under this name is read by `column`, or else refused."""
    head = source.first_lines()
    if choice.column and head:
        layout = looks_like_a_table(head, (), choice.column, least=1)
        if layout is not None:
            yield from _table(source, choice, full, layout=layout)
            return
    elif len(head) > 2 and (layout := looks_like_a_table(head, choice.form.columns)) is not None:
        raise DataError(
            f"{source.where}: looks like a table (its first line is {head[0]!r:.60}), and is named as a list of lines: "
            f"name it {'.csv' if layout.quoted else '.tsv'}, or name the column to read with --column (data.column)."
        )
    row = 1
    for chunk in source.chunks():
        texts = [line.removesuffix("\n") for line in chunk]
        yield [(number, text, "", NOTHING) if full else (number, text) for number, text in enumerate(texts, row)]
        row += len(chunk)


def _words(source: Source, choice: Choice, full: bool) -> Iterator[Batch]:
    """Each line begins with the text; what follows white space is a name. A first line of names is no row.

    Where the first line names several columns, or one that is not the first, the file is a table.
    """
    head = source.first_lines()
    if not head:
        return
    for mark in "\t,;":
        layout = Layout(mark, mark != "\t")
        cells = [cell for cell in cells_of(head[0], layout) if cell.strip()]
        place = _place(source.where, cells, choice)
        if place is not None and len(cells) > (2 if mark == "\t" and not place else 1):
            yield from _table(source, choice, full, layout=layout)
            return
    names = head[0].split()
    place = _place(source.where, names, choice)
    if place:
        found = ((number, line.split() or [""]) for number, line in enumerate(source.text(), 1))
        next(found, None)
        yield from _cells(source.where, names, even(source.where, found, len(names), "space"), choice, full)
        return
    mark = _mark(head) if place is None else ""
    gap = " " if place == 0 and "\t" not in head[0] else "\t"
    row, skipped = 1, int(place == 0)
    for chunk in source.chunks():
        if skipped:
            del chunk[0]
        row, skipped = row + skipped, 0
        if full:
            parts = enumerate(_split(chunk, gap, mark), row)
            yield [(number, text, _name(rest), NOTHING) for number, (text, rest) in parts]
        else:
            yield list(enumerate(_texts(chunk, gap, mark), row))
        row += len(chunk)


def _place(where: str, names: list[str], choice: Choice) -> int | None:
    """Where a line of names has the column; behind the first it must say smi, for a molecule may be called `mol`."""
    place = find_column(where, names, choice.known)
    if place and alike(names[place]) != alike(choice.column) and "smi" not in alike(names[place]):
        return None
    return place


def _mark(head: list[str]) -> str:
    """The comma or semicolon that ends the first word of every line, where there are some lines and all have it."""
    words = [line.split()[0] for line in head if line.strip()]
    marks = [mark for mark in ",;" if len(words) > 1 and all(mark in word[1:] for word in words)]
    return marks[0] if marks else ""


def _texts(lines: list[str], gap: str, mark: str) -> list[str]:
    """The texts of `_split` alone, in half its time."""
    if mark:
        return [text for text, _ in _split(lines, gap, mark)]
    return [parts[0] if (parts := line.split(None, 1)) and line[0] != gap else "" for line in lines]


def _split(lines: list[str], gap: str, mark: str) -> list[tuple[str, str]]:
    """Text and name of each line.

    gap: the white space that, first in a line, stands after an empty text. mark: what parts text and name, if any.
    """
    if mark:
        parted = [line.partition(mark) for line in lines]
        return [(bare(text), rest) for text, _, rest in parted]
    return [
        (parts[0], parts[1]) if len(parts := line.split(None, 1)) == 2 and line[0] != gap else _short(line, gap)
        for line in lines
    ]


def _short(line: str, gap: str) -> tuple[str, str]:
    """The same for a line without a name, or without a text before it."""
    return ("", line) if line[0] == gap else (line.strip(), "")


def _name(rest: str) -> str:
    """What follows a string, without what CXSMILES puts there."""
    if rest[:1] == "|" and "|" in rest[1:]:
        rest = rest[rest.index("|", 1) + 1 :]
    return rest.strip()
