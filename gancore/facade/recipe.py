"""The protocol of a recipe: settings, networks, phases, samples, and the capabilities that it declares."""

from dataclasses import asdict
from typing import Any, ClassVar, Literal, NoReturn, Protocol

import torch
from torch import nn
from torch.optim import Optimizer

from gancore.errors import ConfigError
from gancore.rewards.requests import Labeller
from gancore.rewards.shaping import RewardShaping
from gancore.runs.config import RunConfig
from gancore.runs.settings_keys import flatten
from gancore.training.run import Phase
from gancore.types import Context

Capability = Literal[
    "context",
    "code",
    "reward",
    "log_prob",
    "critic_score",
    "predict",
    "encode",
    "fragments",
    "translate",
    "infill",
    "precision",
]
"""context: samples can be requested by a `Context`, with guidance. code: by a latent code. reward: a reward of strings
can be learnt from. log_prob: the log-probability of a sample is exact; `log_prob_of(network, sample)` has gradients,
and `is_spelled(sample)` tells for which samples it is that of the string. critic_score: a critic judges a sample.
predict: a head of the critic says which context a sample has. encode: a sample has a latent code. fragments: a sample
can begin with given parts. translate: a sample is made of a given one, its source. infill: gaps in a
given sample are filled. precision: `sample` can round the products of its recurrent layers, which takes less time."""


class Recipe(Protocol):
    """One method: its settings, its networks, the training step of each player, and how it samples.

    A recipe is one file. It is made by `Recipe(config, space, device)`, where `space` says what samples are made of,
    and takes one row in the table `RECIPES` of its package.

    config_class: its settings, a frozen dataclass. capabilities: what it can do beside sampling, declared; each has a
    method of its name, or for `context`, `code` and `reward` arguments of `sample` and `shaping`. modules, optimizers:
    everything with state, by name: what a checkpoint holds. sampling_modules: names of modules that sampling needs
    beside the one named `averaged` or `generator`. shaping, labeller: the reward, and what computes the conditions of
    strings; set before `phases` is called.
    """

    config_class: ClassVar[type[RunConfig]]
    capabilities: ClassVar[frozenset[Capability]]
    modules: dict[str, nn.Module]
    shaping: RewardShaping | None
    labeller: Labeller | None

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """The optimisers by name."""
        ...

    @property
    def sampling_modules(self) -> tuple[str, ...]:
        """Names of the modules that sampling needs beside the generator."""
        ...

    def phases(self, data: Any) -> list[Phase]:
        """The phases of training on `data`."""
        ...

    def sample(self, n: int, random: torch.Generator, context: Context | None = None, **options: Any) -> Any:
        """`n` samples in the form that the domain decodes; without gradients, from the averaged weights."""
        ...


def refuse_without(recipe: Any, capability: Capability, what: str) -> None:
    """Raise ConfigError, naming `what` was asked for, where a recipe does not declare a capability."""
    if capability not in recipe.capabilities:
        name = next(name for name, kind in recipe.config_class.kinds().items() if kind is recipe.config_class)
        raise ConfigError(f"{what}: recipe {name} has no {capability}; take one that has.")


def refuse_sizes(own: Any, start: Any) -> NoReturn:
    """Raise ConfigError for networks that a start's weights do not fit, naming the settings `[model]` that differ."""
    own_sizes, start_sizes = (dict(flatten(asdict(model))) for model in (own, start))
    differing = [name for name in own_sizes if own_sizes[name] != start_sizes.get(name, own_sizes[name])]
    which = "; ".join(f"model.{name} is {own_sizes[name]} here and {start_sizes[name]} there" for name in differing)
    which = f" ({which})" if which else ""
    raise ConfigError(f"start: its networks have other sizes{which}; leave out the [model] settings that differ.")
