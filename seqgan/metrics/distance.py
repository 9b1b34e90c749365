"""Fréchet distance between sets of embedded texts."""

from collections.abc import Callable, Sequence

import numpy as np

from gancore.errors import DataError
from gancore.statistics.frechet import frechet, moments


def frechet_distance(
    real: Sequence[str], generated: Sequence[str], embed: Callable[[Sequence[str]], np.ndarray]
) -> float:
    """Squared Fréchet distance between Gaussians fitted to the embeddings of both sets (Heusel et al. 2017).

    embed: strings -> `(string, feature)`, for instance a sentence encoder. At least 0; biased upwards for few
    strings, so compare only sets of one size. Raises DataError for fewer than two strings or an embedding that is
    not finite.

    >>> frechet_distance(["a", "bb"], ["a", "bb"], lambda texts: np.array([[len(text)] for text in texts]))
    0.0
    """
    if min(len(real), len(generated)) < 2:
        raise DataError("the Fréchet distance needs at least two strings in each set.")
    fitted = []
    for texts in (real, generated):
        vectors = np.asarray(embed(texts), dtype=np.float64)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise DataError("the embedding must give one row of finite numbers a string.")
        fitted.append(moments(vectors))
    return frechet(*fitted)
