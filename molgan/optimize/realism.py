"""A critic as a term of a search: how real a molecule looks to the critic of a trained model."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from gancore.errors import ConfigError
from gancore.facade.recipe import refuse_without
from molgan.gan import MolGAN
from molgan.optimize.settings import RealismConfig

_AT_ONCE = 200


class Realism:
    """Log-probabilities of being real. Raises ConfigError for a model without a trained critic of graphs.

    >>> realism = Realism(MolGAN.load("moses"), RealismConfig("moses"))
    >>> drug, odd = realism(["CC(=O)Nc1ccc(O)cc1", "C1=CC2=CC=C1C=C2"])
    >>> bool(drug > odd)
    True
    """

    def __init__(self, model: MolGAN, config: RealismConfig):
        refuse_without(model.recipe, "critic_score", "realism.model")
        if not model.has_trained("critic"):
            raise ConfigError("realism.model: its critic has learned nothing, or is not in its file; name a run.")
        self._model, self._least = model, config.least

    @torch.no_grad()
    def __call__(self, smiles: Sequence[str]) -> Float[np.ndarray, "molecule"]:
        """For each molecule the logarithm of the probability that it is real, at least `least`."""
        found = np.full(len(smiles), self._least)
        for first in range(0, len(smiles), _AT_ONCE):
            sample, rows = self._model.domain.encode(smiles[first : first + _AT_ONCE], self._model.recipe.space)
            if rows:
                sample = tuple(part.to(self._model.device) for part in sample)
                logits = self._model.recipe.critic_score(sample)
                values = torch.nn.functional.logsigmoid(logits.float()).cpu().numpy()
                found[[first + row for row in rows]] = values.clip(self._least)
        return found
