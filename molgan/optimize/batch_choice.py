"""A batch whose molecules differ: chosen from promising candidates by a determinantal point process, or by MaxMin."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Chooser = Callable[[np.ndarray, np.ndarray, int], list[int]]
"""Similarities `(molecule, molecule)` and values `(molecule,)`, the best first, and how many -> their places."""
_SHARPNESS = 0.5  # quality is e to the power of this times the value in standard deviations
_LEAST = 1e-10  # gain under which what is left is spanned by what was chosen


def determinantal(
    similarity: Float[np.ndarray, "molecule molecule"], value: Float[np.ndarray, "molecule"], n: int
) -> list[int]:
    """Greedy maximum a posteriori of a determinantal point process (Chen et al. 2018).

    Its kernel is quality times similarity times quality, so that a molecule like one that is chosen adds little.

    >>> determinantal(np.array([[1, 0.9, 0.1], [0.9, 1, 0.1], [0.1, 0.1, 1]]), np.array([1.0, 0.99, 0.97]), 2)
    [0, 2]
    """
    quality = np.exp(_SHARPNESS * (value - value.max()) / (value.std() or 1.0))
    kernel = quality[:, None] * similarity * quality[None]
    gain = np.diag(kernel).copy()
    rows = np.zeros((min(n, len(value)), len(value)))
    chosen: list[int] = []
    while len(chosen) < len(rows):
        best = int(np.argmax(gain))
        if gain[best] < _LEAST:
            break
        row = (kernel[best] - rows[: len(chosen), best] @ rows[: len(chosen)]) / np.sqrt(gain[best])
        rows[len(chosen)] = row
        gain = np.maximum(gain - row**2, 0)
        chosen.append(best)
        gain[chosen] = -1
    return chosen


def maxmin(
    similarity: Float[np.ndarray, "molecule molecule"], value: Float[np.ndarray, "molecule"], n: int
) -> list[int]:
    """The best one, then each time the one that is farthest from all that were chosen (Kennard and Stone 1969).

    >>> maxmin(np.array([[1, 0.9, 0.1], [0.9, 1, 0.1], [0.1, 0.1, 1]]), np.array([1.0, 0.99, 0.97]), 2)
    [0, 2]
    """
    chosen = [int(np.argmax(value))] if n and len(value) else []
    nearest = similarity[chosen[0]].copy() if chosen else np.zeros(0)
    while len(chosen) < min(n, len(value)):
        nearest[chosen] = np.inf
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, similarity[chosen[-1]])
    return chosen


CHOOSERS: dict[str, Chooser] = {"determinantal": determinantal, "maxmin": maxmin}
"""By the name of the setting `diversity.batch`."""
