"""Cache keys: a digest of all that the numbers of a score's component depend on.

Two components with the same key give the same number for every molecule. The key does not depend on weight,
desirability and name, on a plug-in's time limit and batch size, or on the other components of the score.
"""

import functools
import hashlib
import inspect
import json
import shutil
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import rdkit

from molgan.scoring import benchmarks, desirability, measurement, plugins, properties
from molgan.scoring.benchmarks import OBJECTIVES
from molgan.scoring.definition import Component, PluginConfig, ScoreConfig
from molgan.scoring.properties import MAKERS, PROPERTIES

_PLAIN = (str, int, float, bool, bytes, type(None))


class Unseen(Exception):
    """Part of what numbers depend on cannot be seen; the message says which."""


class Key(NamedTuple):
    """A digest, or why there is none: then numbers hold for this process alone. function: a plug-in's, loaded."""

    digest: str
    why: str = ""
    function: Any = None


def key_of(component: Component, definition: ScoreConfig) -> Key:
    """The key of a component of a score. Raises ConfigError for a plug-in's function that is not there."""
    plugin = component.plugin
    function = plugins.load_function(plugin.function) if plugin is not None and plugin.function else None
    try:
        parts = _plugin(plugin) if plugin is not None else [_definition(component), rdkit.__version__]
    except Unseen as error:
        return Key("", str(error), function)
    if plugin is None:  # a plug-in sees nothing but the SMILES that it is sent
        parts += [definition.fragments, definition.standardize]
    return Key(hashlib.sha256(json.dumps(parts).encode()).hexdigest(), "", function)


# RDKit's numbers ------------------------------------------------------------------------------


def _definition(component: Component) -> Any:
    """What a property is, down to the files that define it."""
    name = component.property
    if name in PROPERTIES:
        return [name, _own_files(), _function_parts(PROPERTIES[name].function)]
    if name in MAKERS:
        settings = component.settings()
        settings |= {"fingerprint": settings["fingerprint"] or "ecfp4"} if "fingerprint" in settings else {}
        return [name, _own_files(), _function_parts(MAKERS[name].make), settings]
    objective = OBJECTIVES[name]
    parts = [[_definition(part), repr(part.desirability), part.weight] for part in objective.components]
    return [name, objective.aggregate, parts]


def _function_parts(function: Any) -> Any:
    """A function by name, by the file it is in where that is not ours, and by what it closes over. Raises Unseen."""
    if isinstance(function, functools.partial):
        return [_function_parts(function.func), _plain(function.args), _plain(sorted(function.keywords.items()))]
    function = inspect.unwrap(function)
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    name = name or getattr(function, "__name__", None)
    if not isinstance(name, str):
        return [_function_parts(type(function).__call__), _function_parts(type(function)), _plain(vars(function))]
    parts = [module, name, *(_closed_over(cell.cell_contents) for cell in getattr(function, "__closure__", None) or ())]
    ours = str(module).partition(".")[0] in ("molgan", "rdkit")
    return parts if ours or not hasattr(function, "__code__") else [*parts, _file_of(sys.modules.get(str(module)))]


def _closed_over(value: Any) -> Any:
    return _function_parts(value) if callable(value) else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return [[_plain(key), _plain(part)] for key, part in value.items()]
    if not isinstance(value, _PLAIN):
        raise Unseen(f"what a {type(value).__name__} holds cannot be seen")
    return repr(value)


@lru_cache
def _own_files() -> list[str]:
    """Digests of the project's files that say what a molecule and its properties are, found by who imports whom."""
    seen: dict[str, ModuleType] = {}
    left = [benchmarks, properties, desirability, measurement]
    while left:
        module = left.pop()
        if module.__name__ in seen:
            continue
        seen[module.__name__] = module
        for value in vars(module).values():
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(name, str) and name.startswith("molgan.") and name in sys.modules:
                left.append(sys.modules[name])
    return [_content_of(Path(seen[name].__file__ or "")) for name in sorted(seen)]


# Plug-ins' numbers ----------------------------------------------------------------------------


def _plugin(plugin: PluginConfig) -> list[Any]:
    """What a plug-in's numbers depend on, as far as it can be seen; the rest is its `version`. Raises Unseen."""
    try:
        seen = _function(plugin.function) if plugin.function else _command(plugin.command) if plugin.command else None
        if seen is None:
            raise Unseen("a service is not seen to change")
    except Unseen as error:
        if not plugin.version:
            raise Unseen(f"{error}; name what it is by plugin.version") from None
        seen = None
    return ["plugin", plugin.function, plugin.command, plugin.url, plugin.version, seen]


_files: dict[str, tuple[Any, list[str]]] = {}  # of functions by name: what was loaded, and digests of its files then


def _function(name: str) -> list[str]:
    """Digests of the files that a function and its module are written in, as they were when it was loaded."""
    loaded = plugins.load_function(name)
    if name not in _files or _files[name][0] is not loaded:
        module = sys.modules[name.partition(":")[0]]
        function = inspect.unwrap(getattr(module, name.partition(":")[2]))
        modules = [module, sys.modules.get(getattr(function, "__module__", ""), module)]
        _files[name] = loaded, [_file_of(one) for one in dict.fromkeys(modules)]
    return _files[name][1]


def _file_of(module: ModuleType | None) -> str:
    """The digest of a module's file. Raises Unseen without one, and where it was changed after it was loaded."""
    path = getattr(module, "__file__", None)
    if module is None or path is None:
        raise Unseen(f"the source of {getattr(module, '__name__', 'a function')} is in no file")
    if path.endswith(".py") and not _is_loaded(module, Path(path)):
        raise Unseen(f"{path} was changed after it was loaded")
    return _content_of(Path(path))


def _is_loaded(module: ModuleType, path: Path) -> bool:
    """Whether the functions in memory are those of the file."""
    try:
        written = list(_codes(compile(path.read_bytes(), str(path), "exec", dont_inherit=True)))
    except (OSError, SyntaxError, ValueError):
        return False
    names = [code.co_qualname for code in written]
    once = {code.co_qualname: code for code in written if names.count(code.co_qualname) == 1}
    values = list(vars(module).values())
    for value in (*values, *(part for kind in values if isinstance(kind, type) for part in vars(kind).values())):
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            code = value.__code__
            if code.co_filename == str(path) and once.get(code.co_qualname, code) != code:
                return False
    return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from _codes(part)


def _command(command: tuple[str, ...]) -> list[str]:
    """Digests of the program and of the arguments that are files, a value after "=" too."""
    program = shutil.which(command[0])
    if program is None:
        raise Unseen(f"there is no program {command[0]}")
    files = [Path(part) for argument in command[1:] for part in (argument, argument.partition("=")[2]) if part]
    return [_content_of(path) for path in (Path(program), *(path for path in files if _is_file(path)))]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name
        return False


def _content_of(path: Path) -> str:
    """The sha256 of a file; read again only when it was written to. Raises Unseen where it cannot be read."""
    try:
        now = path.stat()
        return _digest(path, now.st_mtime_ns, now.st_size, now.st_ino)
    except OSError as error:
        raise Unseen(f"{path} cannot be read ({error.strerror})") from None


@lru_cache(maxsize=1024)
def _digest(path: Path, *written: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
