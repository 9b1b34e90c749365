"""Recipes: `build(config, data, device)` says in full what one turn of each player is; one file a topology."""

from collections.abc import Callable
from typing import NamedTuple

from molgan.recipes import graph_gan, growing, molgan

Networks = graph_gan.GraphGAN | growing.GrowingGAN | molgan.ValueGAN
"""What a recipe makes: networks with their turns, and how they are sampled."""


class Recipe(NamedTuple):
    """The networks of `(config, vocabulary, device)`, and what makes them and the phases of their training."""

    networks: Callable[..., Networks]
    build: Callable[..., tuple[Networks, list]]


RECIPES = {
    "one_shot": Recipe(graph_gan.GraphGAN, graph_gan.build),
    "growing": Recipe(growing.GrowingGAN, growing.build),
    "molgan": Recipe(molgan.ValueGAN, molgan.build),
}
"""By the names that `Config.recipe` takes."""
