"""Recipes: who plays, in which order, and what one turn of each is. One file a topology."""

from seqgan.recipes.gumbel import Relaxed
from seqgan.recipes.mle import Likelihood
from seqgan.recipes.residual import Residual
from seqgan.recipes.seqgan import Reinforced

RECIPES = {"mle": Likelihood, "seqgan": Reinforced, "gumbel": Relaxed, "residual": Residual}

__all__ = ["RECIPES", "Likelihood", "Reinforced", "Relaxed", "Residual"]
