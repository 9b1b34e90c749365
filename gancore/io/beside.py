"""A table that stands beside its input: every row of a file with its number, name and other columns, and more."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gancore.io.columns import carried, name_among, pick_column
from gancore.io.formats import NOTHING, Choice, Form, Record, as_text
from gancore.io.inputs import paths_of, rows_of
from gancore.io.tables import records

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]{0,14})")
_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]{0,14}|(0|[1-9][0-9]*)(\.[0-9]+([eE][+-]?[0-9]{1,3})?|[eE][+-]?[0-9]{1,3}))")


def full_records(source: Any, form: Form, items: str, column: str = "") -> Iterator[Record]:
    """Number, text, name and the other columns of each row of whatever a user holds: files, a frame, a list.

    items: what the strings are called in messages. Rows of several files are numbered in each file from 1. Raises
    DataError as `gancore.io.inputs.rows_of` and `gancore.io.tables.records` do.
    """
    import pandas as pd

    paths = paths_of(source)
    if paths is not None:
        for path in paths:
            yield from records(path, form, column)
        return
    if not isinstance(source, (pd.DataFrame, pd.Series)) and callable(getattr(source, "to_pandas", None)):
        source = source.to_pandas()
    if not isinstance(source, pd.DataFrame):
        yield from ((number, text, "", NOTHING) for number, text, _ in rows_of(source, form, items, column))
        return
    names = list(source.columns)
    place = pick_column("the data frame", names, form.columns, column)
    others = carried("the data frame", names, place)
    clean = Choice(form).cleaner(str(names[place]))
    for number, cells in enumerate(source.itertuples(index=False, name=None), 1):
        rest = {name: cells[other] for other, name in others.items()}
        yield number, clean(as_text(cells[place], "the data frame", number)), name_among(rest), rest


def beside(rows: Sequence[Record], frame: "pd.DataFrame", typed: bool = False) -> "pd.DataFrame":
    """The rows of a file beside `frame`, a row for each: columns row, input, name, the file's others, frame's.

    A column of the file with the name of one of ours is `input.NAME`. typed: whether columns of text that holds nothing
    but numbers become numbers, as Parquet wants; "007" is none.
    """
    import pandas as pd

    table: dict[str, Any] = {
        "row": [number for number, *_ in rows],
        "input": [text for _, text, *_ in rows],
        "name": [name for *_, name, _ in rows],
    }
    ours = {*table, *frame.columns}
    for name in dict.fromkeys(name for *_, others in rows for name in others):
        values = [others.get(name) for *_, others in rows]
        if name == "name" and [str(value) for value in values] == table["name"]:
            continue
        title = name
        while title in ours:
            title = f"input.{title}"
        ours.add(title)
        table[title] = _one_kind(values, typed)
    return pd.concat((pd.DataFrame(table), frame), axis=1)


def _one_kind(values: list[Any], typed: bool) -> Any:
    """A column of one type: numbers, or text where types are mixed or nested."""
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    if kinds == {str} and typed and any(values) and all(not text or _NUMBER.fullmatch(text) for text in values):
        whole = all(_WHOLE.fullmatch(text) for text in values)
        return pd.Series([int(text) if whole else float(text or "nan") for text in values])
    if kinds - {str} and (len(kinds - {int, float}) > 1 or kinds & {dict, list}):
        return [
            value if value is None or isinstance(value, str) else json.dumps(value, default=str) for value in values
        ]
    return values
