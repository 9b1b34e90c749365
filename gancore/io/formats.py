"""What one program reads: kinds of files and columns it knows, and the text of a cell."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gancore.errors import DataError
from gancore.io.columns import pick_column
from gancore.io.text_files import Source

Record: TypeAlias = tuple[int, str | None, str, Mapping[str, Any]]
"""Number, text, name, and the other columns: what `records` gives for a row."""
Batch: TypeAlias = list[tuple]
"""Some rows: records where names and other columns are wanted, their first two parts where not."""
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Form:
    """What one program reads.

    what: what its files hold, for messages. suffixes: of the files it knows, in lower case. columns: names of the
    column with the text, the first that is there. words: suffixes of files whose lines are a word and then a name;
    lines of others are the text as they are. bare: whether cells of the column with that name are stripped of white
    space and of what CXSMILES puts after a string. readers: further kinds of files, by suffix; the second argument says
    whether names and other columns are wanted.
    """

    what: str
    suffixes: tuple[str, ...]
    columns: tuple[str, ...]
    words: tuple[str, ...]
    bare: Callable[[str], bool]
    readers: Mapping[str, Callable[[Source, bool], Iterator[Record]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """Which column is read: `column`, or one of the form's where it is empty or, with `prefer`, not there."""

    form: Form
    column: str = ""
    prefer: bool = False

    def place(self, where: str, names: list[str]) -> int:
        """Where the column stands among the names; raises DataError."""
        return pick_column(where, names, self.form.columns, self.column, self.prefer)

    def cleaner(self, name: str) -> Callable[[str], str]:
        """What is done with a cell of the column of that name."""
        return bare if self.form.bare(name) else str

    @property
    def known(self) -> tuple[str, ...]:
        """Names by which a row of names is recognised."""
        return (self.column, *self.form.columns) if self.column else self.form.columns


def bare(text: str) -> str:
    """A string without white space around it, and without the `|...|` that CXSMILES puts after it.

    >>> bare(" CCO |$;;R1$,c:1| ")
    'CCO'
    """
    text = text.strip()
    if text.endswith("|"):
        first, *rest = text.split(None, 1)
        if rest and len(rest[0]) > 1 and rest[0].startswith("|"):
            return first
    return text


def as_text(value: Any, where: str, row: int) -> str:
    """A cell as a CSV has it: text, numbers as text, nothing for None and NaN; raises DataError for anything else."""
    if isinstance(value, str):
        return value
    if value is None or value is not value or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise DataError(f"{where}: row {row} is not UTF-8; save the text as UTF-8.") from None
    if isinstance(value, (list, tuple, dict, set)) or getattr(value, "shape", ()):
        raise DataError(f"{where}: row {row} holds no text but {type(value).__name__}; give one text a row.")
    return "" if value != value else str(value)
