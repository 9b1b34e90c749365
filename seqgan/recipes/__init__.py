"""Recipes: one file a method. It holds the networks, the training step of each, and the settings."""

from typing import Any

from seqgan.recipes.gumbel import GumbelGAN
from seqgan.recipes.mle import MaximumLikelihood
from seqgan.recipes.pix2pix import Pix2Pix
from seqgan.recipes.residual import Residual
from seqgan.recipes.seqgan import PolicyGradientGAN

RECIPES: dict[str, Any] = {
    "seqgan": PolicyGradientGAN,
    "mle": MaximumLikelihood,
    "gumbel": GumbelGAN,
    "residual": Residual,
    "pix2pix": Pix2Pix,
}
"""By the names that `Config.recipe` takes."""
