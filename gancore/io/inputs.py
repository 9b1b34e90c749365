"""What is given in Python for rows of text: a path, several, a frame, a column, a list of strings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from gancore.errors import DataError
from gancore.io.columns import carried, find_column, pick_column
from gancore.io.formats import Choice, Form, as_text
from gancore.io.tables import records, rows
from gancore.io.text_files import name_of

Row: TypeAlias = tuple[int, str | None, str]
"""Its number, its text, and the file it is of where there are several."""


class Cell(NamedTuple):
    """What a column has in a row of a file."""

    row: int
    file: str
    value: Any


_LONGEST_NAME = 255  # bytes of one part of a path


def given_path(given: str | Path) -> Path:
    """A path. Raises DataError for a string that is a file's content: one with line ends, or too long for a path."""
    text = str(given)
    long = _too_long(text)
    if isinstance(given, str) and (long or (("\n" in text or "\r" in text) and not Path(text).exists())):
        raise DataError(
            f"{text[:40]!r}... is read as the path of a file, and is text itself: give a path, or a list of lines "
            "(text.splitlines())."
        )
    return Path(given)


def _too_long(text: str) -> bool:
    return (
        any(len(part.encode("utf-8", "surrogatepass")) > _LONGEST_NAME for part in text.split("/")) or len(text) > 4096
    )


def paths_of(source: Any) -> list[Path] | None:
    """The files that are given: by one path as a string or a `Path`, or by a list of `Path`s; None for anything else.

    A list of strings is never files.
    """
    if isinstance(source, (str, Path)):
        return [given_path(source)]
    if isinstance(source, (list, tuple)) and source and any(isinstance(item, Path) for item in source):
        if not all(isinstance(item, Path) for item in source):
            raise DataError(
                "a list with a file (pathlib.Path) holds something else too: give files only, or texts only."
            )
        return list(source)
    return None


def rows_of(source: Any, form: Form, items: str, column: str = "", prefer: bool = False) -> Iterator[Row]:
    """The rows of whatever a user holds, one by one: files, a frame, a column of one, or any iterable of strings.

    items: what the strings are called in messages, for instance "SMILES". None in a list is a row without text; the
    cells of a frame are what a CSV would have, numbers as text, nothing for NaN. column, prefer: as in `tables.rows`.
    Raises DataError, one sentence: for a dict, for what is no text, and what reading files raises.
    """
    paths = paths_of(source)
    if paths is not None:
        for path in paths:
            label = name_of(path) if len(paths) > 1 else ""
            for number, text in rows(path, form, column, prefer):
                yield number, text, label
        return
    if isinstance(source, Mapping):
        keys = ", ".join(map(str, list(source)[:5]))
        raise DataError(
            f"a dict cannot be read as {items} (its keys are {keys}): give one of its values, for instance "
            f"data[{next(iter(source), 'train')!r}]."
        )
    if is_dataset(source):
        yield from (row for row, _ in _examples(source, form, (), column, prefer))
        return
    if not isinstance(source, (pd.DataFrame, pd.Series)) and callable(getattr(source, "to_pandas", None)):
        source = source.to_pandas()
    if isinstance(source, (pd.DataFrame, pd.Series)):
        yield from _cells(source, form, column, prefer)
    elif isinstance(source, Iterable) and not isinstance(source, (bytes, bytearray)):
        yield from _items(source, items)
    else:
        raise DataError(f"cannot read {form.what} from {source!r:.50}: give a file, a data frame or a list of {items}.")


def records_of(
    source: Any, form: Form, items: str, names: Sequence[str], column: str = "", prefer: bool = False
) -> Iterator[tuple[Row, dict[str, Any]]]:
    """`rows_of` with the cells of those other columns of `names` that there are, by name, in any case.

    Raises DataError as `rows_of` does.
    """
    paths = paths_of(source)
    if paths is not None:
        for path in paths:
            label = name_of(path) if len(paths) > 1 else ""
            for number, text, _, others in records(path, form, column, prefer):
                yield (number, text, label), _picked(others, names)
    elif is_dataset(source):
        yield from _examples(source, form, names, column, prefer)
    elif isinstance(source, pd.DataFrame) or callable(getattr(source, "to_pandas", None)):
        frame = source if isinstance(source, pd.DataFrame) else source.to_pandas()
        place = pick_column("the data frame", list(frame.columns), form.columns, column, prefer)
        others = carried("the data frame", list(frame.columns), place)
        cells = {name: frame.iloc[:, other].tolist() for other, name in others.items()}
        cells = _picked(cells, names)
        for number, row in enumerate(_cells(frame, form, column, prefer)):
            yield row, {name: values[number] for name, values in cells.items()}
    else:
        yield from ((row, {}) for row in rows_of(source, form, items, column, prefer))


def is_dataset(source: Any) -> bool:
    """Whether a source is a data set as the package `datasets` has it, streamed or not.

    That is: it has `column_names` (None where they are not known yet) and gives a dict for each row. A dict of data
    sets (train, test) is none, and Arrow's tables are not.
    """
    arrow = type(source).__module__.partition(".")[0] == "pyarrow"
    rows = isinstance(source, Iterable) and not isinstance(source, (Mapping, pd.DataFrame, pd.Series)) and not arrow
    return rows and hasattr(source, "column_names")


def _examples(
    source: Any, form: Form, names: Sequence[str], column: str, prefer: bool
) -> Iterator[tuple[Row, dict[str, Any]]]:
    """The rows of a data set, one after the other, with their other columns of `names`; never all in memory."""
    where = "the data set"
    columns = source.column_names
    text, clean = "", str
    if columns is not None:
        text = columns[pick_column(where, columns, form.columns, column, prefer)]
        clean = Choice(form).cleaner(text)
    if columns is not None and callable(getattr(source, "select_columns", None)):
        others = [columns[place] for name in names if (place := find_column(where, columns, [], name)) is not None]
        source = source.select_columns(list(dict.fromkeys([text, *others])))
    for number, example in enumerate(source, 1):
        if not isinstance(example, Mapping):
            raise DataError(f"{where}: row {number} is no dict of columns but {type(example).__name__}.")
        if not text:
            there = list(example)
            text = there[pick_column(where, there, form.columns, column, prefer)]
            clean = Choice(form).cleaner(text)
        if text not in example:
            raise DataError(f"{where}: row {number} has no {text!r}, as the rows before have.")
        others = {name: value for name, value in example.items() if name != text} if names else {}
        yield (number, clean(as_text(example[text], where, number)), ""), _picked(others, names)


def _picked(others: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Of cells by column those of the names, by these."""
    places = {name: find_column("the table", list(others), [], name) for name in names} if others else {}
    values = list(others.values())
    return {name: values[place] for name, place in places.items() if place is not None}


def _cells(source: "pd.DataFrame | pd.Series", form: Form, column: str, prefer: bool) -> Iterator[Row]:
    where = "the column"
    if isinstance(source, pd.DataFrame):
        where = "the data frame"
        source = source.iloc[:, pick_column(where, list(source.columns), form.columns, column, prefer)]
    clean = Choice(form).cleaner(str(source.name))
    for number, value in enumerate(source, 1):
        yield number, clean(as_text(value, where, number)), ""


def _items(source: Iterable, items: str) -> Iterator[Row]:
    for number, text in enumerate(source, 1):
        if text is not None and not isinstance(text, str) and not _is_nan(text):
            hint = ": give one column of it" if isinstance(text, Mapping) else ""
            raise DataError(f"the list of {items}: item {number} is no string but {type(text).__name__}{hint}.")
        yield number, text if isinstance(text, str) else None, ""


def _is_nan(value: Any) -> bool:
    return value is pd.NA or (isinstance(value, float) and value != value)


def called(source: Any, items: str) -> str:
    """What a source is called in messages."""
    paths = paths_of(source)
    if paths is not None:
        return ", ".join(map(name_of, paths))
    if is_dataset(source):
        return "the data set"
    return "the data frame" if isinstance(source, pd.DataFrame) else f"the list of {items}"
