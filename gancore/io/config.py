"""TOML <-> frozen dataclasses: strict keys, strict types, messages that name the place and the way out.

A configuration is a frozen dataclass whose fields are plain values or further such dataclasses
(tables). Ranges are `Annotated[float, Gt(0)]` (annotated-types), choices are `Literal`.
"""

import copy
import dataclasses
import difflib
import json
import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import tomli_w
from pydantic import TypeAdapter, ValidationError

from gancore.errors import ConfigError

C = TypeVar("C")
_MOST_BYTES = 2**20
_SHORT_NUMBER = re.compile(r"[+-]?(\.\d+|\d+\.)")


def from_dict(kind: type[C], values: dict[str, Any], where: str = "configuration") -> C:
    """Build the dataclass `kind` from nested dicts.

    Raises ConfigError naming `where`, the key, and what it may be: for an unknown key (with the
    nearest valid one), a value of the wrong type or out of range, and whatever the dataclass refuses.
    """
    _refuse_unknown(kind, values, where, prefix="")
    try:
        return TypeAdapter(kind).validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_first_sentence(error)}") from None


def read(path: Path) -> dict[str, Any]:
    """The values of a TOML file. Raises ConfigError for a file that is missing or no TOML."""
    try:
        if Path(path).stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path}: larger than {_MOST_BYTES:,} bytes, that is no configuration.")
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error}).") from None


def load(kind: type[C], path: Path, overrides: Iterable[str] = ()) -> C:
    """Read a TOML file, apply `overrides` ("table.key=value"), validate.

    Raises ConfigError as `from_dict` does, and for a file that is missing or no TOML.
    """
    return checked(kind, read(path), str(path), overrides)


def checked(kind: type[C], values: dict[str, Any], where: str, overrides: Iterable[str] = ()) -> C:
    """`from_dict` with overrides; an error that comes of an override names that one."""
    overrides = list(overrides)
    whole = apply_overrides(values, overrides)
    try:
        return from_dict(kind, whole, where)
    except ConfigError:
        culprit = _culprit(kind, values, overrides)
        if not culprit:
            raise
    return from_dict(kind, whole, f"--set {culprit}")


def _culprit(kind: type, values: dict[str, Any], overrides: list[str]) -> str:
    """The first override with which the values cannot be used; empty if they cannot without any."""
    for place in range(len(overrides) + 1):
        try:
            from_dict(kind, apply_overrides(values, overrides[:place]))
        except ConfigError:
            return overrides[place - 1] if place else ""
    return ""


def bundled(package: str) -> list[str]:
    """Names of the configurations that come with a package, in its folder `bundled/configs`."""
    folder = resources.files(package) / "bundled" / "configs"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def find_named(package: str, name: str | Path) -> Path:
    """The path of a bundled configuration by name, or of a TOML file. Raises ConfigError where there is neither."""
    path, names = Path(name), bundled(package)
    if str(name) in names:
        return Path(str(resources.files(package) / "bundled" / "configs" / f"{name}.toml"))
    if not path.exists():
        raise ConfigError(f"{name}: no such configuration file, and the bundled ones are {', '.join(names)}.")
    return path


def dump(config: Any) -> str:
    """The configuration as TOML, every field in full; `load` gives back an equal one."""
    return tomli_w.dumps(_given(dataclasses.asdict(config)))


def _given(values: Any) -> Any:
    """The values without those that are None, which TOML cannot write."""
    if isinstance(values, dict):
        return {key: _given(value) for key, value in values.items() if value is not None}
    return [_given(value) for value in values] if isinstance(values, (list, tuple)) else values


def apply_overrides(values: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """A copy of `values` with "table.key=value" assignments; a value is TOML, or else a bare string.

    >>> apply_overrides({"steps": 5}, ["steps=6", "model.kind=mlp"])
    {'steps': 6, 'model': {'kind': 'mlp'}}
    >>> apply_overrides({}, ["model.dropout=.2"])
    {'model': {'dropout': 0.2}}
    """
    values = copy.deepcopy(values)
    for override in overrides:
        key, equals, text = override.partition("=")
        *tables, name = key.strip().split(".")
        if not equals or not name:
            raise ConfigError(f"--set {override}: write it as key=value, for instance steps=600.")
        table = values
        for part in tables:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise ConfigError(f"--set {override}: {part!r} is a value, not a table.")
        table[name] = _parse(text.strip())
    return values


def _parse(text: str) -> Any:
    if _SHORT_NUMBER.fullmatch(text):  # which TOML would not have
        return float(text)
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _refuse_unknown(kind: type, values: dict[str, Any], where: str, prefix: str) -> None:
    hints = get_type_hints(kind)
    for key, value in values.items():
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f"did you mean {prefix}{near[0]}? " if near else ""
            valid = ", ".join(hints)
            raise ConfigError(f"{where}: unknown key {prefix}{key}; {hint}Valid here: {valid}.")
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, dict):
            _refuse_unknown(hints[key], value, where, f"{prefix}{key}.")  # pyright: ignore


def _first_sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "value_error":  # raised by a dataclass itself: already a sentence
        return str(error.errors()[0]["ctx"]["error"])  # pyright: ignore
    message = first["msg"][0].lower() + first["msg"][1:]
    given = repr(first["input"])
    return f"{place} = {given if len(given) < 100 else given[:100] + '...'}: {message}."
