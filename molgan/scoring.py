"""Property -> desirability -> aggregate: the score that steers training and ranks a library."""

from collections.abc import Callable, Mapping, Sequence, Set
from functools import lru_cache, partial

import numpy as np
import pandas as pd

from molgan import chem
from molgan.parallel import map_chunks
from molgan.properties import PROPERTIES


def ramp(start: float, end: float) -> Callable[[np.ndarray], np.ndarray]:
    """0 up to `start`, 1 from `end` on, linear between; `start` may be the larger one. NaN stays NaN.

    >>> ramp(10.0, 1.0)(np.array([5.5, 12.0]))
    array([0.5, 0. ])
    """
    return lambda values: np.clip((values - start) / (end - start), 0, 1)


DESIRABILITIES = {
    "qed": ramp(0.0, 1.0),
    "sa": ramp(10.0, 1.0),
    "logp": ramp(-2.12, 6.04),  # the range MolGAN normalised with (De Cao and Kipf 2018)
}
"""Property -> [0, 1], high is good."""


def property_row(smiles: str | None, names: Sequence[str]) -> list[float]:
    """The named properties of one molecule; NaN for all where it is None or cannot be read."""
    try:
        mol = chem.parse(smiles or "")
    except chem.Rejected:
        return [float("nan")] * len(names)
    return [float(PROPERTIES[name].function(mol)) for name in names]


def property_frame(smiles: Sequence[str | None], names: Sequence[str] = tuple(PROPERTIES)) -> pd.DataFrame:
    """One row a SMILES, one column a property (units in `PROPERTIES`); NaN where there is no molecule."""
    rows = map_chunks(partial(property_row, names=tuple(names)), smiles, chunk=100)
    return pd.DataFrame(rows, columns=list(names), dtype=float)


_REMEMBERED = 1_000_000  # scores kept, about 100 MB


def score_graphs(
    vocabulary: chem.Vocabulary, weights: tuple[tuple[str, float], ...], atoms: np.ndarray, orders: np.ndarray
) -> np.ndarray:
    """The score of each graph `atoms (batch, node)`, `orders (batch, pair)`, 0 for one that is no valid molecule.

    A process remembers what it scored, by its weights.
    """
    smiles = [chem.strict_smiles(mol) or "" for mol in chem.decode(atoms, orders, vocabulary)]
    return np.nan_to_num(_remembering(weights)(smiles))


@lru_cache
def _remembering(weights: tuple[tuple[str, float], ...]) -> "Scorer":
    return Scorer(dict(weights))


class Scorer:
    """A `Reward`: the weighted mean of the desirabilities of some properties, in [0, 1]; remembers what it scored.

    weights: property name -> weight above 0; QED alone if not given. Raises ValueError for a name without
    desirability or a bad weight.

    >>> Scorer({"sa": 1.0})(["CCO", "no molecule"]).round(2)
    array([0.89,  nan])
    """

    def __init__(self, weights: Mapping[str, float] | None = None):
        weights = {"qed": 1.0} if weights is None else weights
        unknown = sorted(set(weights) - set(DESIRABILITIES))
        if unknown:
            raise ValueError(f"no desirability for {unknown[0]!r}; there is one for {', '.join(DESIRABILITIES)}.")
        if not weights or min(weights.values()) <= 0:
            raise ValueError("a score needs at least one property, and weights above 0.")
        self.weights = dict(weights)
        self.known: dict[str, float] = {}

    def __call__(self, strings: Sequence[str]) -> np.ndarray:
        """One score a SMILES, float64; NaN where it cannot be read."""
        if len(self.known) > _REMEMBERED:
            self.known.clear()
        new = list(dict.fromkeys(smiles for smiles in strings if smiles not in self.known))
        if new:
            self.known |= zip(new, self.aggregate(property_frame(new, tuple(self.weights))), strict=True)
        return np.array([self.known[smiles] for smiles in strings], dtype=np.float64)

    def aggregate(self, properties: pd.DataFrame) -> np.ndarray:
        """The scores of molecules whose properties are known, one a row."""
        desired = [DESIRABILITIES[name](properties[name].to_numpy(float)) for name in self.weights]
        return np.average(desired, axis=0, weights=list(self.weights.values()))


def score_frame(texts: Sequence[str | None], scorer: Scorer, known: Set[str] | None = None) -> pd.DataFrame:
    """Molecules one by one, in order: smiles, connected, novel, score and the properties.

    `smiles` is canonical without stereo, None where the text is not connected (valid, one fragment, no
    wildcard); everything else in that row is then missing. `novel` needs `known`, canonical SMILES.
    """
    smiles = [judged.smiles for judged in map_chunks(chem.judge, texts)]
    properties = property_frame(smiles)
    novel = [None if text is None or known is None else text not in known for text in smiles]
    frame = pd.DataFrame({"smiles": pd.Series(smiles, dtype=object)})
    frame["connected"] = frame["smiles"].notna()
    frame["novel"] = pd.array(novel, dtype="boolean")
    frame["score"] = scorer.aggregate(properties)
    return pd.concat((frame, properties), axis=1)
