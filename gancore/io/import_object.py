"""Python objects by name: what a configuration calls "module:name", and what a package gives on first use."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from gancore.errors import ConfigError


def find(setting: str, name: str) -> Any:
    """What stands at "module:name", which the configuration calls `setting`. Raises ConfigError if nothing does."""
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever somebody else's module raises
        raise ConfigError(
            f"{setting} = {name!r}: cannot be imported ({type(error).__name__}: {error}); write it as module:name; its "
            "folder must be on PYTHONPATH (PYTHONPATH=. for this one)."
        ) from None


def made(setting: str, name: str, found: Any, argument: str = "") -> Any:
    """A function as it was found; a class is called, with `argument` if there is one, to make it.

    Raises ConfigError when that fails, or what is made cannot be called.
    """
    try:
        function = found(*filter(None, [argument])) if isinstance(found, type) else found
    except TypeError as error:
        raise ConfigError(f"{setting} = {name!r}: cannot be made so ({error}).") from None
    if not callable(function):
        raise ConfigError(f"{setting} = {name!r}: is not a function of strings.")
    return function


def load(setting: str, name: str, argument: str = "") -> Any:
    """The function at "module:name", `find` and `made` in one; raises ConfigError as they do.

    >>> load("reward.function", "math:sqrt")(4.0)
    2.0
    """
    return made(setting, name, find(setting, name), argument)


def lazy(homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__` (PEP 562) for names that live in its modules, imported on first use.

    homes: name -> module. The result raises AttributeError for any other name.

    >>> lazy({"sqrt": "math"})("sqrt")(4.0)
    2.0
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"there is no {name!r} here; there are {', '.join(sorted(homes))}")
        return getattr(importlib.import_module(homes[name]), name)

    return get
