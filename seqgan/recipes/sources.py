"""Sources for the command line: a file of lines to translate, with their targets and conditions where it has them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gancore.errors import DataError
from gancore.io.atomic_write import whole
from gancore.io.formats import Form
from gancore.io.inputs import records_of
from seqgan.data.pairs import SOURCES, TARGETS
from seqgan.data.rows import COLUMNS, READERS, SUFFIXES
from seqgan.recipes.translating import rejections

FORM = Form(
    *("sources", SUFFIXES, (*SOURCES, *COLUMNS), (".smi", ".smiles")),
    *(lambda column: "smi" in column.lower(), READERS),
)
"""How files of sources are read: pairs, and whatever training reads."""


class Sources(NamedTuple):
    """Lines to translate, with their true targets and the conditions, where the file has columns of these names.

    texts: None for a row without text. numbers: of the rows in the file.
    """

    texts: list[str | None]
    numbers: list[int]
    targets: list[str] | None
    columns: dict[str, list[Any]]

    @classmethod
    def read(cls, file: Path, column: str, conditions: Sequence[str]) -> "Sources":
        """Raises DataError for a file that cannot be read, and for one without rows."""
        texts, numbers, cells = [], [], []
        for (number, text, _), others in records_of(file, FORM, "sources", (*TARGETS, *conditions), column):
            texts.append(text)
            numbers.append(number)
            cells.append(others)
        if not texts:
            raise DataError(f"{file}: holds nothing to translate.")
        named = {name: [other.get(name) for other in cells] for name in cells[0]}
        targets = named.pop(TARGETS[0], None)
        return cls(texts, numbers, [str(text) for text in targets] if targets is not None else None, named)


def write_table(table: pd.DataFrame, out: Path) -> None:
    """Write a table of translations, whole or not at all, by the suffix of its file."""
    with whole(out) as place:
        if out.suffix == ".parquet":
            table.to_parquet(place, index=False)
        else:
            table.to_csv(place, index=False, sep="\t" if out.suffix == ".tsv" else ",")


def said(table: pd.DataFrame, sources: Sources, file: str, quiet: bool) -> Iterator[str]:
    """What there is to say of translations: which sources have none, and how many are as the file has them."""
    left = rejections(table)
    if left:
        first, many = left[0], f"{len(left):,} of {len(sources.texts):,} sources are not translated"
        row = sources.numbers[first.row - 1]
        yield f"seqgan: {file}: {many}; the first is row {row}, which {first.reason}."
    if sources.targets is not None and not quiet:
        best = table[table["rank"] == 1]
        exact = sum(text == true for text, true in zip(best["target"], sources.targets, strict=True))
        yield f"{exact:,} of {len(sources.targets):,} translations are the target."
