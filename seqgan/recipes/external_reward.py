"""External rewards that a configuration names, with their diversity filter and replay memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from gancore.io import import_object
from gancore.training.settings import STRICT, Positive, ReplayConfig, Share
from gancore.types import Reward


def load_reward(name: str, argument: str = "") -> Reward:
    """The reward at "module:name"; of a class, an instance made with `argument` if there is one.

    Raises ConfigError when it does not exist.
    """
    return import_object.load("reward.function", name, argument)


def load_key(name: str) -> Callable[[str], Any]:
    """The key of a diversity filter: strings with equal keys count as the same.

    name: identity, or "module:name" of a function of strings or of a class that makes one.
    Raises ConfigError when it does not exist.
    """
    return str if name == "identity" else import_object.load("reward.diversity.by", name)


@dataclass(frozen=True)
class DiversityConfig:
    """A filter that stops rewarding strings once there are many of their kind (Blaschke et al. 2020)."""

    __pydantic_config__ = STRICT
    by: str = ""
    """What is the same: "module:name" of a function of strings, for instance molgan.scoring.diversity:scaffold, or of a
    class that makes one; identity for the string itself; empty leaves the filter out."""
    bucket: Positive = 25
    """How many of the same are rewarded."""
    least: Share = 0.4
    """Strings that score less are let through and not counted."""


@dataclass(frozen=True)
class RewardConfig:
    """An external reward of whole strings, mixed in as in ORGAN (Guimaraes et al. 2017)."""

    __pydantic_config__ = STRICT
    weight: Share = 0.0
    """lambda: the reward is lambda x external + (1 - lambda) x critic."""
    function: str = ""
    """"module:name" of a `gancore.types.Reward`, or of a class that makes one."""
    argument: str = ""
    """What such a class is called with; nothing if empty."""
    diversity: DiversityConfig = field(default_factory=DiversityConfig)
    """The filter on it."""
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    """The memory of strings that scored best."""
    when_spent: Literal["stop", "go_on"] = "stop"
    """What follows when a reward with a budget has spent it (it has `budget` and `spent`, as
    `molgan.scoring.Scorer` does): training stops after that step, or goes on with what the reward then gives,
    0 for NaN."""
