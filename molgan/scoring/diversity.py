"""Diversity filters: which molecules share a bucket. A literal table of keys."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from rdkit import DataStructs

from molgan import chemistry
from molgan.scoring.properties import FINGERPRINTS, scaffold_of


@lru_cache(100_000)
def identity(smiles: str) -> str:
    """Canonical SMILES without stereo; the string itself where it cannot be read."""
    return chemistry.judge(smiles).smiles or smiles


@lru_cache(100_000)
def scaffold(smiles: str) -> str:
    """The Bemis-Murcko scaffold (1996); the string itself where it cannot be read."""
    try:
        return scaffold_of(chemistry.parse(smiles))
    except chemistry.Rejected:
        return smiles


class Similarity:
    """The first molecule met before that is near enough by Tanimoto similarity (ECFP4), or else the molecule itself."""

    def __init__(self, nearness: float = 0.6):
        self.nearness = nearness
        self.restore([])

    def __call__(self, smiles: str) -> str:
        """The leader of the molecule's bucket."""
        try:
            fingerprint = FINGERPRINTS["ecfp4"](chemistry.parse(smiles))
        except chemistry.Rejected:
            return smiles
        near = DataStructs.BulkTanimotoSimilarity(fingerprint, self._fingerprints)
        for leader, similarity in zip(self.leaders, near, strict=True):
            if similarity >= self.nearness:
                return leader
        self.leaders.append(smiles)
        self._fingerprints.append(fingerprint)
        return smiles

    def state(self) -> list[str]:
        """The molecules that lead a bucket."""
        return list(self.leaders)

    def restore(self, state: Sequence[Any]) -> None:
        """Put them back."""
        self.leaders = [str(smiles) for smiles in state]
        self._fingerprints = [FINGERPRINTS["ecfp4"](chemistry.parse(smiles)) for smiles in self.leaders]


KEYS: dict[str, Callable[[float], Callable[[str], str]]] = {
    "identity": lambda nearness: identity,
    "scaffold": lambda nearness: scaffold,
    "similarity": Similarity,
}
"""Name -> what makes the key from `reward.diversity.nearness`."""
