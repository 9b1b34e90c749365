"""Recipes: one file a method. It says in full what a turn of each player is, and which settings there are."""

from typing import Any

from molgan.recipes.autoregressive import AutoregressiveGAN
from molgan.recipes.molgan import PublishedMolGAN
from molgan.recipes.one_shot import OneShotGAN

RECIPES: dict[str, Any] = {
    "one_shot": OneShotGAN,
    "autoregressive": AutoregressiveGAN,
    "molgan": PublishedMolGAN,
}
"""By the names that `Config.recipe` takes."""
