"""How unlike its training data a trained model finds strings: by likelihood, reconstruction, or critic."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from gancore.errors import ConfigError, DataError
from gancore.facade.model import Model
from gancore.facade.recipe import Capability
from gancore.io.progress import over

BY: dict[str, Capability] = {"likelihood": "log_prob", "reconstruction": "encode", "critic": "critic_score"}
"""What a score can be, the best first, and the capability of a recipe that it needs."""
UNITS = {"likelihood": "nats", "reconstruction": "nats", "critic": "logit"}
"""In what a score is measured; nats are those of an atom or a token."""
_AT_ONCE = 250


class AnomalyScorer:
    """Scores of strings, higher for what is less like the training data; NaN for what the model cannot read.

    likelihood: negative log-likelihood in nats an atom or token, of the averaged generator. reconstruction: nats an
    atom that the decoder needs for the graph from the mean of its code, the residual of f-AnoGAN (Schlegl et al. 2019)
    with the encoder that the model was trained with; there is no search for a code as in AnoGAN (Schlegl et al. 2017).
    critic: the critic's logit, its sign reversed. A conditional model is asked without conditions.

    by: one of `BY`; "" for the first of them that the model offers. Raises ConfigError for one that it does not offer,
    and for a model that translates; RunError where there are no weights yet.

    >>> from gancore.facade.models import load_model
    >>> score = AnomalyScorer(load_model("qm9"))
    >>> usual, odd, other = score(["CCO", "C1=C2C=C12", "[U]"])
    >>> score.by, bool(usual < odd), float(other)
    ('likelihood', True, nan)
    """

    def __init__(self, model: Model, by: str = ""):
        model.has_trained("generator")  # raises where there are no weights
        recipe = model.recipe
        if by and by not in BY:
            raise ConfigError(f"by: no score {by!r}; there are {', '.join(BY)}.")
        if "translate" in recipe.capabilities:
            raise ConfigError("anomalies: this model translates, and scores no string alone; take one that does not.")
        offered = [name for name in BY if _offers(model, name)]
        if not offered or (by and by not in offered):
            there = f"it offers {', '.join(offered)}" if offered else "it offers no other score"
            raise ConfigError(f"anomalies: this model has no trained {_NEEDED[by or 'likelihood']}; {there}.")
        self.model, self.by = model, by or offered[0]
        self._score: Callable[[Any, Tensor], Tensor] = getattr(self, f"_{self.by}")

    @torch.no_grad()
    def __call__(self, strings: Sequence[str | None]) -> Float[np.ndarray, "string"]:
        """A score for each string."""
        found, space = np.full(len(strings), np.nan), self.model.recipe.space
        parts = range(0, len(strings), _AT_ONCE)
        for first in over(parts, "scoring anomalies", len(parts)):
            sample, rows = self.model.domain.encode(strings[first : first + _AT_ONCE], space)
            if rows:
                sizes = self.model.domain.sizes(sample, space).to(self.model.device)
                scores = self._score(tuple(part.to(self.model.device) for part in sample), sizes)
                found[[first + row for row in rows]] = scores.double().cpu().numpy()
        return found

    def reasons(self, strings: Sequence[str | None], scores: np.ndarray) -> list[str]:
        """Why each string has no score; "" where it has one."""
        space, refusal = self.model.recipe.space, self.model.domain.refusal
        return [
            "" if score == score else refusal(text, space) or "the model gives no number"
            for text, score in zip(strings, scores.tolist(), strict=True)
        ]

    def _likelihood(self, sample: Any, sizes: Tensor) -> Tensor:
        return -self.model.recipe.log_prob(sample) / sizes

    def _reconstruction(self, sample: Any, sizes: Tensor) -> Tensor:
        return self.model.recipe.reconstruction_error(sample) / sizes

    def _critic(self, sample: Any, sizes: Tensor) -> Tensor:
        return -self.model.recipe.critic_score(sample).float()


_NEEDED = {"likelihood": "likelihood", "reconstruction": "encoder", "critic": "critic"}
_MODULE = {"reconstruction": "encoder", "critic": "critic"}


def _offers(model: Model, by: str) -> bool:
    """Whether a model's recipe can score so, and its weights have been trained and are there."""
    recipe = model.recipe
    if BY[by] not in recipe.capabilities or (by == "reconstruction" and not hasattr(recipe, "reconstruction_error")):
        return False
    return by not in _MODULE or model.has_trained(_MODULE[by])


def percentiles(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The percentile of each score among those of a reference, in [0, 100]; equal ones count half. NaN stays NaN.

    Raises DataError for a reference without scores.

    >>> percentiles(np.array([0.0, 2.0, 9.0]), np.array([1.0, 2.0, 3.0, np.nan])).tolist()
    [0.0, 50.0, 100.0]
    """
    known = np.sort(reference[~np.isnan(reference)])
    if not len(known):
        raise DataError("reference: none of its rows can be read by the model, so there are no percentiles.")
    below, upto = (np.searchsorted(known, scores, side) for side in ("left", "right"))
    return np.where(np.isnan(scores), np.nan, 50.0 * (below + upto) / len(known))


def anomaly_frame(
    scorer: AnomalyScorer, strings: Sequence[str | None], reference: Sequence[str | None]
) -> pd.DataFrame:
    """A row for each string: score, percentile among the reference's scores, and why there is none."""
    scores = scorer(strings)
    found = {"anomaly": scores, "percentile": percentiles(scores, scorer(reference))}
    return pd.DataFrame({**found, "reason": scorer.reasons(strings, scores)})
