"""A bonus for what was not seen yet: random network distillation (Burda et al. 2019) on fingerprints.

A fixed random network maps a molecule to numbers, and a second one learns to predict these on the molecules that were
scored. Its error on another molecule is large where it is unlike all of them. The second network is linear, so that it
is fitted at once and the bonus is a function of the search alone.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from molgan.optimize.surrogate import Features

_INPUTS, _OUTPUTS, _HIDDEN = 512, 16, 64
_RIDGE = 1e-2
_NETWORK = np.random.default_rng(0)
_FIRST = _NETWORK.standard_normal((_INPUTS, _HIDDEN)) / 3
_SECOND = _NETWORK.standard_normal((_HIDDEN, _OUTPUTS)) / np.sqrt(_HIDDEN)


class Novelty:
    """The bonus of molecules, given those that were scored. Raises ValueError where there are none.

    >>> from rdkit import Chem
    >>> from molgan.optimize.surrogate import features_of
    >>> seen, new = ([features_of(Chem.MolFromSmiles(text))] for text in ("CCO", "c1ccncc1"))
    >>> novelty = Novelty(seen)
    >>> bool(novelty(new)[0] > 10 * novelty(seen)[0])
    True
    """

    def __init__(self, features: Sequence[Features]):
        if not features:
            raise ValueError("there is no molecule that was seen.")
        inputs = _folded(features)
        target = _target(inputs)
        self._weights = np.linalg.solve(inputs.T @ inputs + _RIDGE * np.eye(_INPUTS), inputs.T @ target)
        self._scale = float(np.sqrt(np.square(target).sum(1).mean())) or 1.0

    def __call__(self, features: Sequence[Features]) -> Float[np.ndarray, "molecule"]:
        """The error of the second network, 0 for what is predicted exactly, about 1 for what is like nothing seen."""
        inputs = _folded(features)
        return np.linalg.norm(_target(inputs) - inputs @ self._weights, axis=1) / self._scale


def _folded(features: Sequence[Features]) -> np.ndarray:
    """Features as counts in so many places, and a constant."""
    inputs = np.zeros((len(features), _INPUTS))
    for row, one in enumerate(features):
        np.add.at(inputs[row], one % (_INPUTS - 1), 1.0)
    inputs[:, -1] = 1.0
    return inputs


def _target(inputs: np.ndarray) -> np.ndarray:
    """What the fixed network makes of molecules."""
    return np.tanh(inputs @ _FIRST) @ _SECOND
