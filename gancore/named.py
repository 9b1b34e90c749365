"""Python objects that a configuration names: "module:name"."""

import importlib
from typing import Any

from gancore.errors import ConfigError


def load(setting: str, name: str, argument: str = "") -> Any:
    """The function at "module:name"; a class is called, with `argument` if there is one, to make it.

    setting: what the configuration calls it. Raises ConfigError when there is no such thing, or it cannot be called.

    >>> load("reward.function", "math:sqrt")(4.0)
    2.0
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever somebody else's module raises
        raise ConfigError(
            f"{setting} = {name!r}: cannot be imported ({type(error).__name__}: {error}); write it as module:name; its "
            "folder must be on PYTHONPATH (PYTHONPATH=. for this one)."
        ) from None
    try:
        made = found(*filter(None, [argument])) if isinstance(found, type) else found
    except TypeError as error:
        raise ConfigError(f"{setting} = {name!r}: cannot be made so ({error}).") from None
    if not callable(made):
        raise ConfigError(f"{setting} = {name!r}: is not a function of strings.")
    return made
