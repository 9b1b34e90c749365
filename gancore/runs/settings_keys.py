"""Settings by their dotted keys, "table.key"."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, get_type_hints


def has(kind: type, key: str) -> bool:
    """Whether a configuration has the setting "table.key". A table with a validator of its own is not looked into."""
    hints = get_type_hints(kind, include_extras=True)
    first, dot, rest = key.partition(".")
    if first not in {entry.name for entry in dataclasses.fields(kind)}:
        return False
    below = hints[first]
    return not dot or not dataclasses.is_dataclass(below) or has(below, rest)  # pyright: ignore


def settings_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings and tables as "table.key" values.

    >>> from gancore.training.settings import CheckpointConfig
    >>> settings_of({"seed": 3, "checkpoint": CheckpointConfig(every=5)})["checkpoint.every"]
    5
    """
    plain = {name: asdict(value) if dataclasses.is_dataclass(value) else value for name, value in settings.items()}  # pyright: ignore
    return dict(flatten(plain))


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """`("table.key", value)` of every setting; lists and empty tables are values.

    >>> dict(flatten({"a": 1, "b": {"c": 2}}))
    {'a': 1, 'b.c': 2}
    """
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Back from `flatten`.

    >>> nested({"a": 1, "b.c": 2})
    {'a': 1, 'b': {'c': 2}}
    """
    values: dict[str, Any] = {}
    for key, value in flat.items():
        *tables, name = key.split(".")
        table = values
        for part in tables:
            table = table.setdefault(part, {})
        table[name] = value
    return values
