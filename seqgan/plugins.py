"""Rewards, and what counts as the same to a diversity filter, that a configuration names."""

import importlib
from collections.abc import Callable
from typing import Any

from gancore.errors import ConfigError
from gancore.types import Reward


def load_reward(name: str, argument: str = "") -> Reward:
    """The reward at "module:name"; a class is called, with `argument` if there is one, to make it.

    Raises ConfigError when it is not there.
    """
    return _load("reward.function", name, argument)


def load_key(name: str) -> Callable[[str], Any]:
    """What counts as the same: "identity", or a function of strings, or class that makes one, at "module:name".

    Raises ConfigError when it is not there.
    """
    return str if name == "identity" else _load("reward.diversity.by", name)


def _load(setting: str, name: str, argument: str = "") -> Any:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{setting} = {name!r}: cannot be imported ({error}); write it as module:name; its folder must be on "
            "PYTHONPATH (PYTHONPATH=. for this one)."
        ) from None
    made = found(*filter(None, [argument])) if isinstance(found, type) else found
    if not callable(made):
        raise ConfigError(f"{setting} = {name!r}: is not a function of strings.")
    return made
