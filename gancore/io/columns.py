"""Which column of a table is read: the one asked for, or the first of those with a known name."""

from collections.abc import Mapping, Sequence

from gancore.errors import DataError

_SHOWN, _NAMED = 12, 3  # columns that a message lists, and known names


def alike(name: object) -> str:
    """What names of one column have in common: case, spaces, dashes and a leading # do not count.

    >>> alike(" Canonical SMILES"), alike("#smiles")
    ('canonical_smiles', 'smiles')
    """
    return str(name).strip().lstrip("#").strip().lower().replace(" ", "_").replace("-", "_")


def find_column(where: object, columns: Sequence[object], known: Sequence[str], column: str = "") -> int | None:
    """The place of the column to read, None where there is none of these names.

    column: the one asked for, by its exact name, or else in any case. known: the names it may have otherwise, the first
    that is there. Raises DataError where two columns have the name that is found.
    """
    if column:
        exact = [place for place, name in enumerate(columns) if str(name).strip() == column.strip()]
        if exact:
            return _only(where, columns, exact)
    for name in (column,) if column else known:
        found = [place for place, other in enumerate(columns) if alike(other) == alike(name)]
        if found:
            return _only(where, columns, found)
    return None


def _only(where: object, columns: Sequence[object], found: list[int]) -> int:
    names = list(dict.fromkeys(str(columns[place]).strip() for place in found))
    if len(names) < len(found):
        raise DataError(f"{where}: has {len(found)} columns named {names[0]}: rename all but the one that is meant.")
    if len(found) > 1:
        raise DataError(
            f"{where}: has columns {' and '.join(names)}: say which with --column (data.column in a configuration)."
        )
    return found[0]


def pick_column(
    where: object, columns: Sequence[object], known: Sequence[str], column: str = "", prefer: bool = False
) -> int:
    """The same, but raises DataError naming the columns there are where none of the names is.

    prefer: whether `column` may be missing, and a known name is taken then.
    """
    place = find_column(where, columns, known, column)
    if place is None and column and prefer:
        place = find_column(where, columns, known)
    if place is not None:
        return place
    there = ", ".join(str(name) or '""' for name in columns[:_SHOWN]) or "(none)"
    there += ", ..." if len(columns) > _SHOWN else ""
    names = column or " or ".join(known[:_NAMED])
    raise DataError(
        f"{where}: no column named {names}; its columns are {there}: rename one, or name it with "
        "--column (data.column in a configuration); if that is a row of data, put a row of names above it."
    )


def carried(where: object, columns: Sequence[object], place: int) -> dict[int, str]:
    """Place -> name of all columns but the one at `place`; one without a name is `Unnamed: <place>`, as in pandas.

    Raises DataError where two have one name.
    """
    names = {other: str(name).strip() or f"Unnamed: {other}" for other, name in enumerate(columns) if other != place}
    twice = [name for name in names.values() if list(names.values()).count(name) > 1]
    if twice:
        raise DataError(f"{where}: has several columns named {twice[0]}, and all are kept: rename all but one.")
    return names


def name_among(others: Mapping[str, object]) -> str:
    """What a row is called by its own column `name`, in any case; empty where there is none."""
    found = next((value for column, value in others.items() if alike(column) == "name"), None)
    return "" if found is None or found != found else str(found)
