"""Tables as text: CSV by RFC 4180 with commas, semicolons or tabs, and TSV, which has no quoting."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from gancore.errors import DataError
from gancore.io.columns import find_column

_SEPARATOR = re.compile(r"sep=(.)\s*")  # Excel's first line, which names the delimiter
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
Rows = Iterator[tuple[int, list[str]]]


class Layout(NamedTuple):
    """How a table is laid out: its delimiter, whether cells may be quoted, and lines before the one of names."""

    delimiter: str
    quoted: bool
    skipped: int = 0


class Delimited(NamedTuple):
    """A table: names of its columns, and its rows with the number of the line each begins in."""

    names: list[str]
    rows: Rows


def cells_of(line: str, layout: Layout) -> list[str]:
    """The cells of one line, as far as one line tells."""
    line = line.rstrip("\r\n")
    if not layout.quoted:
        return line.split(layout.delimiter)
    return next(csv.reader([line], delimiter=layout.delimiter), [])


def layout_of(first: str, known: Sequence[str], column: str, tabs: bool) -> Layout:
    """How a table with this first line is laid out.

    The delimiter is the first of comma, semicolon and tab (tab first where `tabs`) by which the line has a column to
    read; where none has, the one that makes most columns. A delimiter inside a quoted cell does not count.
    """
    given = _SEPARATOR.fullmatch(first.rstrip("\r\n"))
    if given:
        return Layout(given[1], True, 1)
    layouts = [Layout(mark, not (tabs and mark == "\t")) for mark in ("\t,;" if tabs else ",;\t")]
    for layout in layouts:
        if _has(cells_of(first, layout), known, column):
            return layout
    return max(layouts, key=lambda layout: len(cells_of(first, layout)))  # the first of equal ones


def _has(cells: Sequence[str], known: Sequence[str], column: str) -> bool:
    try:
        return find_column("", cells, known, column) is not None
    except DataError:  # more than one, which is told when it is picked
        return True


def read_delimited(where: str, lines: Iterator[str], layout: Layout) -> Delimited:
    """Read a table from its lines, with their ends.

    A blank line is a row of empty cells. Raises DataError naming the row for a quote that is not closed, a quoted cell
    in a TSV, and rows with more or fewer cells than the first.
    """
    for _ in range(layout.skipped):
        next(lines, None)
    if layout.quoted:
        reader = csv.reader(lines, delimiter=layout.delimiter, strict=True)
        names = _names(next(_quoted(where, reader, layout, None), (0, [])))
        return Delimited(names, _quoted(where, reader, layout, len(names)))
    found = _plain(where, lines, layout)
    names = _names(next(found, (0, [])))
    return Delimited(names, even(where, found, len(names), layout.delimiter))


def _names(row: tuple[int, list[str]]) -> list[str]:
    """The names of columns, without what a delimiter after the last one makes."""
    names = row[1]
    while len(names) > 1 and not names[-1].strip():
        names = names[:-1]
    return names


def _quoted(where: str, reader: Any, layout: Layout, width: int | None) -> Rows:
    """The rows that a `csv.reader` has left, each of `width` cells."""
    skipped = layout.skipped + 1
    start = reader.line_num + skipped
    try:
        for cells in reader:
            if len(cells) != width and width is not None:
                if cells == [""]:  # the line `""`, which a file ends with that is cut off
                    cells = ['""']
                cells = _mended(where, start, cells, width, layout.delimiter)
            yield start, cells
            start = reader.line_num + skipped
    except csv.Error as error:
        if "new-line" in str(error):
            raise DataError(
                f"{where}: row {start} has a carriage return in a cell that is not quoted: quote it."
            ) from None
        raise DataError(
            f'{where}: in row {start} a cell begins with " and is not closed as it should be ({error}): close it, and '
            "double a quote inside a quoted cell."
        ) from None


def _plain(where: str, lines: Iterator[str], layout: Layout) -> Rows:
    for number, line in enumerate(lines, layout.skipped + 1):
        cells = line.rstrip("\r\n").split(layout.delimiter)
        if '"' in line:
            cells = [_unquoted(where, number, cell) for cell in cells] if cells != ['""'] else [""]
        yield number, cells


def _unquoted(where: str, number: int, cell: str) -> str:
    """A cell as it stands; one that a writer of CSV has quoted is refused, since a TSV has no quoting."""
    inner = cell[1:-1]
    framed = len(cell) > 1 and cell[0] == cell[-1] == '"'
    if framed and '"' not in inner.replace('""', "") and ('""' in inner or number == 1):
        raise DataError(
            f"{where}: row {number} has a cell quoted as in CSV ({cell:.40}), and a TSV has no quoting: write it "
            "without (pandas: quoting=3), or name the file .csv, which may have tabs as well."
        )
    return cell


def even(where: str, rows: Rows, width: int, delimiter: str) -> Rows:
    """The same rows; one of another width is mended where nothing can have moved, and refused otherwise."""
    for number, cells in rows:
        if len(cells) != width:
            cells = _mended(where, number, cells, width, delimiter)
        yield number, cells


def _mended(where: str, number: int, cells: list[str], width: int, delimiter: str) -> list[str]:
    if not cells or cells == [""]:
        return [""] * width  # a blank line
    if len(cells) > width > 1 and not any(cells[width:]):
        return cells[:width]  # delimiters after the last cell
    mark = _NAMES.get(delimiter, repr(delimiter))
    cause = (
        f"a cell holds a {mark} and is not quoted"
        if len(cells) > width
        else f"cells are missing, or not {mark}-separated"
    )
    raise DataError(
        f"{where}: row {number} has {len(cells)} cells and the row of names {width}: {cause}; mend that row."
    )


def looks_like_a_table(lines: Sequence[str], known: Sequence[str], column: str = "", least: int = 2) -> Layout | None:
    """The layout of what may be a table: a row of names, one of them known or `column`, and rows as wide.

    least: columns it must have.
    """
    for mark in _NAMES:
        layout = Layout(mark, mark != "\t")
        widths = {len(cells_of(line, layout)) for line in lines[:5]}
        if len(widths) == 1 and widths.pop() >= least and _has(cells_of(lines[0], layout), known, column):
            return layout
    return None


def again(first: str | None, rest: Iterator[str]) -> Iterator[str]:
    """Lines of which the first has been taken already."""
    return chain(() if first is None else (first,), rest)
