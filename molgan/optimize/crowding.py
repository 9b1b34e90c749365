"""Diversity filters: once enough good molecules are similar, no more of them are scored.

The filters are those of rewards (Blaschke et al. 2020). Here they work before a molecule is scored, so that more of the
same costs no call.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool

from molgan.optimize.settings import DiversityConfig
from molgan.optimize.surrogate import Features, similarities
from molgan.scoring.diversity import scaffold


class Crowding:
    """Which molecules are more of the same. good: those that scored enough. features_of: the features of a molecule.

    >>> config = DiversityConfig("scaffold", bucket=1, least=0.5)
    >>> crowding = Crowding(config, ["c1ccccc1O"], lambda smiles: np.zeros(1, np.int64))
    >>> crowding(["c1ccccc1N", "C1CC1N"]).tolist()
    [True, False]
    """

    def __init__(self, config: DiversityConfig, good: Sequence[str], features_of: Callable[[str], Features]):
        self.config, self._features_of = config, features_of
        self._scaffolds = Counter(map(scaffold, good)) if config.by == "scaffold" else Counter()
        self._good = [features_of(smiles) for smiles in good] if config.by == "similarity" else []

    def __call__(self, smiles: Sequence[str]) -> Bool[np.ndarray, "molecule"]:
        """For each molecule whether the bucket that it falls into is full."""
        if self.config.by == "scaffold":
            return np.array([self._scaffolds[scaffold(text)] >= self.config.bucket for text in smiles], dtype=bool)
        if not self._good or not smiles:
            return np.zeros(len(smiles), dtype=bool)
        near = similarities([self._features_of(text) for text in smiles], self._good) >= self.config.nearness
        return near.sum(1) >= self.config.bucket
