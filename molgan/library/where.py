"""A filter: an SQL expression of DuckDB over the columns of a library, checked before anything is sampled."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gancore.errors import ConfigError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

NOVEL = "novel"
"""The term that molecules of --known fail; they are counted as known."""
_REFUSED = {
    "SUBQUERY": "a query within it",
    "WINDOW": "a window",
    "STAR": "a star",
    "PARAMETER": "a parameter",
    "LAMBDA": "a lambda",
    "DEFAULT": "a default",
    "POSITIONAL_REFERENCE": "a position",
}
_ALSO = {"+", "-", "if", "nullif", "split_part", "fdiv"}  # of times they depend on the zone; the others are macros
_PROBES = {"DOUBLE": "0.5", "INTEGER": "1", "BIGINT": "1", "VARCHAR": "'C'", "BOOLEAN": "true"}  # a value of each type
_EMPTY = ("where_clause", "group_expressions", "group_sets", "having", "qualify", "sample", "modifiers")


@dataclass(frozen=True)
class Term:
    """One of the parts that `and` joins: its text as DuckDB writes it, and the columns that it reads."""

    text: str
    columns: tuple[str, ...]


def parse(where: str, columns: Mapping[str, str]) -> tuple[Term, ...]:
    """The terms of a filter, in its order; none for an empty one.

    columns: their types in DuckDB, by name. Raises ConfigError, one sentence with the columns, for anything but a
    condition over them whose value depends on nothing else.

    >>> parse("qed > 0.6 and (alerts = 0 or logp < 2)", {"qed": "DOUBLE", "alerts": "INTEGER", "logp": "DOUBLE"})[1]
    Term(text='(alerts = 0) OR (logp < 2)', columns=('alerts', 'logp'))
    """
    if not where.strip():
        return ()
    try:
        terms = tuple(_term(part, columns) for part in _conjuncts(_expression(where)))
        for term in terms:
            _refuse_untyped(term, columns)
    except _Unusable as reason:
        raise ConfigError(f"where {where!r}: {reason}; the columns are {', '.join(columns)}.") from None
    return terms


class _Unusable(ValueError):
    """Why an expression is no filter, a few words."""


@lru_cache(maxsize=1)
def connection() -> "duckdb.DuckDBPyConnection":
    """A database of this process that reads no files and knows no variables of Python."""
    import duckdb

    settings = {"threads": 1, "enable_external_access": False, "python_enable_replacements": False}
    found = duckdb.connect(":memory:", config=settings)
    found.execute("set lock_configuration = true")
    return found


@lru_cache(maxsize=1)
def _functions() -> frozenset[str]:
    """The functions whose value depends on their arguments alone."""
    found = connection().execute(
        "select function_name from duckdb_functions() where function_type = 'scalar' group by 1 "
        "having bool_and(stability = 'CONSISTENT' and not coalesce(has_side_effects, false))"
    )
    return frozenset(name for (name,) in found.fetchall()) | _ALSO


def _expression(where: str) -> dict[str, Any]:
    """The syntax tree of the one expression that a filter is."""
    asked = connection().execute("select json_serialize_sql(?)", [f"select {where}"]).fetchone()
    parsed: dict[str, Any] = json.loads(asked[0]) if asked else {"error": True}
    if parsed["error"]:
        raise _Unusable(f"is no condition ({parsed.get('error_message', 'cannot be read')})")
    statements = parsed["statements"]
    node = statements[0]["node"] if len(statements) == 1 else {}
    if node.get("type") != "SELECT_NODE" or node["from_table"]["type"] != "EMPTY" or any(node[key] for key in _EMPTY):
        raise _Unusable("is more than a condition over the columns")
    if len(node["select_list"]) != 1 or node["select_list"][0].get("alias"):
        raise _Unusable("is not one condition")
    return node


def _conjuncts(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Queries of the parts that `and` joins at the top."""
    (tree,) = node["select_list"]
    if tree["type"] != "CONJUNCTION_AND":
        yield node
        return
    for child in tree["children"]:
        yield from _conjuncts(node | {"select_list": [child]})


def _term(node: dict[str, Any], columns: Mapping[str, str]) -> Term:
    names: dict[str, None] = {}
    for part in _parts(node["select_list"]):
        kind = part.get("class")
        if kind in _REFUSED:
            raise _Unusable(f"may not hold {_REFUSED[kind]}")
        if kind == "COLUMN_REF":
            name = ".".join(part["column_names"])
            found = next((column for column in columns if column.lower() == name.lower()), None)
            if found is None:
                raise _Unusable(f"there is no column {name!r}")
            names[found] = None
        if kind == "FUNCTION" and part["function_name"].lower() not in _functions():
            raise _Unusable(f"may not use the function {part['function_name']!r}")
    query = json.dumps({"error": False, "statements": [{"node": node}]})
    asked = connection().execute("select json_deserialize_sql(?::json)", [query]).fetchone()
    text = str(asked[0]).removeprefix("SELECT ") if asked else ""
    return Term(_bare(text), tuple(names))


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    """All tables of a syntax tree."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _parts(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _parts(value)


def _bare(text: str) -> str:
    """Without the brackets around all of it.

    >>> _bare("((qed > 0.6))"), _bare("(a) OR (b)")
    ('qed > 0.6', '(a) OR (b)')
    """
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for place, sign in enumerate(text):
            depth += (sign == "(") - (sign == ")")
            if not depth and place < len(text) - 1:
                return text
        text = text[1:-1]
    return text


def _refuse_untyped(term: Term, columns: Mapping[str, str]) -> None:
    """Have DuckDB check types and functions, and work the term out for some values."""
    import duckdb

    row = ", ".join(f"""{_PROBES[kind]}::{kind} as "{name}\"""" for name, kind in columns.items())
    try:
        asked = connection().execute(f"select typeof({term.text}), ({term.text}) from (select {row})")
        kind = (asked.fetchone() or ("",))[0]
    except duckdb.Error as error:
        raise _Unusable(f"cannot be worked out ({first_line(error)})") from None
    if kind != "BOOLEAN":
        raise _Unusable(f"{term.text!r} is no condition that is true or false")


def first_line(error: Exception) -> str:
    """The first line of what DuckDB says."""
    return str(error).strip().split("\n")[0].rstrip(".")


def passing(text: str, table: "pa.Table") -> np.ndarray:
    """For which rows of a table a term is true, as it is not for one that is unknown: bool, one a row.

    Raises ConfigError where it cannot be worked out of these values.

    >>> import pyarrow as pa
    >>> passing("qed > 0.6", pa.table({"qed": [0.7, 0.5, None]})).tolist()
    [True, False, False]
    """
    import duckdb

    if not len(table):
        return np.zeros(0, dtype=bool)
    database = connection().cursor()
    try:
        database.register("rows_of_a_shard", table)
        found = database.execute(f"select coalesce(({text}), false) as passes from rows_of_a_shard").fetchnumpy()
        return np.asarray(found["passes"], dtype=bool)
    except duckdb.Error as error:
        raise ConfigError(f"where {text!r}: cannot be worked out ({first_line(error)}).") from None
    finally:
        database.close()
