"""One-shot generators of graphs by name: a table of functions of a recipe's settings."""

from collections.abc import Callable
from typing import Any

from torch import nn

from molgan.networks.one_shot import Generator
from molgan.networks.style import StyleGenerator


def _perceptron(model: Any, max_atoms: int, kinds: int, context_features: int) -> nn.Module:
    return Generator(model.noise, max_atoms, kinds, model.generator, context_features=context_features)


def _style(model: Any, max_atoms: int, kinds: int, context_features: int) -> nn.Module:
    return StyleGenerator(
        model.noise, max_atoms, kinds, model.generator, model.mapping, model.truncation, context_features
    )


ARCHITECTURES: dict[str, Callable[[Any, int, int, int], nn.Module]] = {"perceptron": _perceptron, "style": _style}
"""By the name that `model.architecture` takes: (settings, largest number of atoms, atom types, context features) ->
a module (noise, present, context) -> logits of atoms and of bonds."""
