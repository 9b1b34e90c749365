"""Rewards, and what counts as the same to a diversity filter, that a configuration names."""

from collections.abc import Callable
from typing import Any

from gancore.io import import_object
from gancore.types import Reward


def load_reward(name: str, argument: str = "") -> Reward:
    """The reward at "module:name"; a class is called, with `argument` if there is one, to make it.

    Raises ConfigError when it is not there.
    """
    return import_object.load("reward.function", name, argument)


def load_key(name: str) -> Callable[[str], Any]:
    """What counts as the same: "identity", or a function of strings, or class that makes one, at "module:name".

    Raises ConfigError when it is not there.
    """
    return str if name == "identity" else import_object.load("reward.diversity.by", name)
