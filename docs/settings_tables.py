"""Tables of all settings, made of the configurations' dataclasses: key, default, what it may be, what it does."""

import dataclasses
import importlib
import re
import typing

import annotated_types
from sphinx.pycode import ModuleAnalyzer

MARK = re.compile(r"^<!-- settings: ([\w.]+) (\w+(?:, \w+)*) -->$", re.MULTILINE)
"""`<!-- settings: MODULE CLASS, ... -->`, which a page has where the tables go."""


def _allowed(kind: object) -> str:
    """In words what a field's type takes."""
    if typing.get_origin(kind) is typing.Annotated:
        base, *bounds = typing.get_args(kind)
        names = [name for bound in bounds for name in getattr(bound, "names", ())]
        if names:
            return ", ".join(f"`{name}`" for name in names)
        told = " ".join(filter(None, map(_bound, bounds)))
        return f"{_allowed(base)} {told}".strip()
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(f"`{value}`" if value else "empty" for value in typing.get_args(kind))
    parts = [part for part in typing.get_args(kind) if part not in (type(None), Ellipsis)]
    if typing.get_origin(kind) is tuple:
        return f"list of: {', '.join(map(_allowed, parts))}"
    if parts:
        return ", ".join(map(_allowed, parts))
    if dataclasses.is_dataclass(kind):
        return f"table, see {kind.__name__}"  # type: ignore[union-attr]
    return {"str": "text", "int": "whole number", "float": "number", "bool": "true, false"}[kind.__name__]  # type: ignore[attr-defined]


def _bound(bound: object) -> str:
    if isinstance(bound, annotated_types.Len):
        return f"({bound.min_length} to {bound.max_length} of them)"
    low = [f"{word} {getattr(bound, at)}" for at, word in (("gt", "above"), ("ge", "from")) if _has(bound, at)]
    high = [f"{word} {getattr(bound, at)}" for at, word in (("lt", "below"), ("le", "to")) if _has(bound, at)]
    return " ".join(low + high)


def _has(bound: object, at: str) -> bool:
    return getattr(bound, at, None) is not None


def _default(field: dataclasses.Field) -> str:
    if field.default is dataclasses.MISSING:
        return "" if field.default_factory is dataclasses.MISSING else "its own"
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    if value is None or dataclasses.is_dataclass(value) or (isinstance(value, list) and value and not _plain(value)):
        return "" if value is None else "one"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else "empty"


def _plain(values: list) -> bool:
    return all(isinstance(value, (int, float, str)) for value in values)


def _docstring(kind: type, name: str) -> str:
    """What stands below a field, in the class or in the nearest one that it inherits it from."""
    for base in kind.__mro__:
        if base.__module__ != "builtins" and name in vars(base).get("__annotations__", {}):
            lines = ModuleAnalyzer.for_module(base.__module__).find_attr_docs().get((base.__name__, name), [])
            return " ".join(lines).strip()
    return ""


def tables(module: str, names: list[str]) -> str:
    """One heading and one table of Markdown for each class."""
    parts = []
    for name in names:
        kind = getattr(importlib.import_module(module), name)
        hints = typing.get_type_hints(kind, include_extras=True)
        rows = [
            f"| `{field.name}` | {_default(field)} | {_allowed(hints[field.name])} | "
            f"{_docstring(kind, field.name).replace('|', chr(92) + '|')} |"
            for field in dataclasses.fields(kind)
        ]
        about = (kind.__doc__ or "").split(">>>")[0].strip()
        head = "| key | default | may be | what it does |\n|---|---|---|---|"
        parts.append("\n".join([f"### {name}\n\n{about}\n\n{head}", *rows]))
    return "\n\n".join(parts)


def insert(app, page: str, source: list[str]) -> None:
    """Put the tables where a page asks for them; called by Sphinx with each page that it reads."""
    source[0] = MARK.sub(lambda found: tables(found[1], found[2].split(", ")), source[0])
