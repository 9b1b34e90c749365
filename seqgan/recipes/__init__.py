"""Recipes: one file a method. It says in full what a turn of each player is, and which settings there are."""

from typing import Any

from seqgan.recipes.gumbel import GumbelGAN
from seqgan.recipes.mle import MaximumLikelihood
from seqgan.recipes.residual import Residual
from seqgan.recipes.seqgan import PolicyGradientGAN

RECIPES: dict[str, Any] = {
    "seqgan": PolicyGradientGAN,
    "mle": MaximumLikelihood,
    "gumbel": GumbelGAN,
    "residual": Residual,
}
"""By the names that `Config.recipe` takes."""
