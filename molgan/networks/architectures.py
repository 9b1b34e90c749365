"""One-shot generators of graphs by name: a table of functions of a recipe's settings."""

from collections.abc import Callable
from typing import Any

from torch import nn

from molgan.networks.attention import AttentionGenerator
from molgan.networks.one_shot import Generator
from molgan.networks.style import StyleGenerator


def _perceptron(model: Any, max_atoms: int, kinds: int, context_features: int) -> nn.Module:
    return Generator(model.noise, max_atoms, kinds, model.generator, context_features=context_features)


def _style(model: Any, max_atoms: int, kinds: int, context_features: int) -> nn.Module:
    return StyleGenerator(
        model.noise, max_atoms, kinds, model.generator, model.mapping, model.truncation, context_features
    )


def _attention(model: Any, max_atoms: int, kinds: int, context_features: int) -> nn.Module:
    return AttentionGenerator(
        *(model.noise, max_atoms, kinds, model.generator, model.relational_width), context_features=context_features
    )


ARCHITECTURES: dict[str, Callable[[Any, int, int, int], nn.Module]] = {
    "perceptron": _perceptron,
    "style": _style,
    "attention": _attention,
}
"""By the name that `model.architecture` takes: (settings, largest number of atoms, atom types, context features) ->
a module (noise, present, context) -> logits of atoms and of bonds."""
