"""The molecules that an optimisation starts from: a list, or samples of a model."""

import hashlib
from collections.abc import Container, Iterator, Sequence
from random import Random

from rdkit import Chem

from gancore.errors import DataError
from gancore.training.device import derive_seed
from gancore.types import Sampler
from molgan import chemistry
from molgan.chemistry.identity import Rejected

_SAMPLED = 100  # molecules that are taken from a model at a time
_MOST = 1_000_000  # that are taken in all


class Stock:
    """The molecules of the start. taken: how many were looked at.

    A list of more than `first` molecules is shuffled by the seed, so that the first are like the others.
    """

    def __init__(self, start: Sequence[str] | Sampler, seed: int, first: int):
        self._start, self._seed, self.taken = start, seed, 0
        self._texts: list[str | None] = []
        if isinstance(start, Sampler):
            self.digest = f"a {type(start).__name__}"
        else:
            self._texts = list(start)
            self.digest = hashlib.sha256("\n".join(map(str, self._texts)).encode()).hexdigest()[:16]
            if not any(True for _ in self._molecules()):
                raise DataError("start: none of its texts is a molecule.")
            self.taken = 0
            if len(self._texts) > first:
                Random(derive_seed(seed, "start")).shuffle(self._texts)

    def take(self, n: int, known: Container[str]) -> list[str]:
        """The next `n` molecules that are not known; fewer where there are no more."""
        chosen: dict[str, None] = {}
        for smiles in self._molecules():
            if len(chosen) == n:
                self.taken -= 1
                break
            if smiles not in known:
                chosen[smiles] = None
        return list(chosen)

    def _molecules(self) -> Iterator[str]:
        while self.taken < len(self._texts) or self._drew_more():
            text = self._texts[self.taken]
            self.taken += 1
            try:
                smiles = canonical(text or "")
            except Rejected:
                continue
            if "." not in smiles:
                yield smiles

    def _drew_more(self) -> bool:
        """Whether the model gave more texts."""
        if not isinstance(self._start, Sampler) or self.taken >= _MOST:
            return False
        while len(self._texts) <= self.taken:
            seed = derive_seed(self._seed, "start", len(self._texts) // _SAMPLED)
            self._texts += self._start.sample(_SAMPLED, seed=seed)
        return True


def canonical(text: str) -> str:
    """Canonical SMILES of a molecule, with its stereochemistry, without labels. Raises Rejected with the reason.

    >>> canonical("OCC")
    'CCO'
    """
    return Chem.MolToSmiles(chemistry.parse(text))
