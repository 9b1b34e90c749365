"""Recipes: one file a method. It holds the networks, the training step of each, and the settings."""

from typing import Any

from seqgan.recipes.cyclegan import CycleGAN
from seqgan.recipes.gad import GAD
from seqgan.recipes.gumbel import GumbelGAN
from seqgan.recipes.leakgan import LeakGAN
from seqgan.recipes.maskgan import MaskGAN
from seqgan.recipes.mle import MaximumLikelihood
from seqgan.recipes.pix2pix import Pix2Pix
from seqgan.recipes.residual import Residual
from seqgan.recipes.seqgan import PolicyGradientGAN
from seqgan.recipes.stargan import StarGAN

RECIPES: dict[str, Any] = {
    "seqgan": PolicyGradientGAN,
    "mle": MaximumLikelihood,
    "gumbel": GumbelGAN,
    "residual": Residual,
    "gad": GAD,
    "leakgan": LeakGAN,
    "pix2pix": Pix2Pix,
    "cyclegan": CycleGAN,
    "stargan": StarGAN,
    "maskgan": MaskGAN,
}
"""By the names that `Config.recipe` takes."""
