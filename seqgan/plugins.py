"""Rewards that a configuration names."""

import importlib

from gancore.errors import ConfigError
from gancore.types import Reward


def load_reward(name: str, argument: str = "") -> Reward:
    """The reward at "module:name"; a class is called, with `argument` if there is one, to make it.

    Raises ConfigError when it is not there.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"reward.function = {name!r}: cannot be imported ({error}); write it as module:name."
        ) from None
    reward = found(*filter(None, [argument])) if isinstance(found, type) else found
    if not callable(reward):
        raise ConfigError(f"reward.function = {name!r}: is not a function of strings.")
    return reward  # pyright: ignore
