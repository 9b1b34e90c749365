"""Recipes: `build(config, data, device)` says in full what one turn of each player is; one file a topology."""

from collections.abc import Callable
from typing import NamedTuple

from molgan.recipes import autoregressive, molgan, one_shot

Networks = one_shot.GraphGAN | autoregressive.GrowingGAN | molgan.ValueGAN
"""What a recipe makes: networks with their turns, and how they are sampled."""


class Recipe(NamedTuple):
    """The networks of `(config, vocabulary, device)`, and what makes them and the phases of their training."""

    networks: Callable[..., Networks]
    build: Callable[..., tuple[Networks, list]]


RECIPES = {
    "one_shot": Recipe(one_shot.GraphGAN, one_shot.build),
    "growing": Recipe(autoregressive.GrowingGAN, autoregressive.build),
    "molgan": Recipe(molgan.ValueGAN, molgan.build),
}
"""By the names that `Config.recipe` takes."""
