"""Known molecules: which of a batch are among them, and which of them is nearest to one."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import numpy as np
from rdkit import Chem

from gancore.errors import DataError
from molgan import chemistry
from molgan.chemistry.identity import identity
from molgan.chemistry.parallel import map_chunks
from molgan.data.inputs import read_rows
from molgan.library.bit_matrix import write_array
from molgan.library.known import Known
from molgan.scoring.description import BITS, NO_BITS, fingerprint, fingerprint_bytes

CANONICAL = ("moses", "qm9")
"""Data sets whose molecules are written canonically without stereo."""
_AT_ONCE = 100_000
_PACKED, _TEXTS = "fingerprints.npy", "texts"


class KnownMolecules:
    """Known molecules on disk: canonical SMILES without stereo, of the largest fragment. Processes share them."""

    def __init__(self, folder: Path):
        self._folder, self._texts = folder, Known(folder / _TEXTS)

    @classmethod
    def build(cls, sources: Sequence[str | Path], folder: Path, near: bool = False) -> int:
        """Read files, or data sets by name, and write what `open` reads; gives how many molecules there are.

        near: whether `nearest` is to be asked. Raises DataError where no row is a molecule.
        """
        texts = (text for source in sources for batch in _batches(source) for text in batch)
        first = next(texts, None)
        if first is None:
            raise DataError(f"known {', '.join(map(str, sources))}: no row is a SMILES that can be read.")
        made = Known.build(chain([first], texts), folder / _TEXTS, policy=None)
        if near:
            rows = map_chunks(fingerprint_bytes, made.texts(), failed=lambda reason: NO_BITS)
            packed = np.frombuffer(b"".join(rows), np.uint64).reshape(-1, BITS // 64)
            write_array(folder / _PACKED, [packed], packed.shape, np.uint64)
        return len(made)

    @classmethod
    def open(cls, folder: Path) -> "KnownMolecules":
        """What `build` wrote. Raises DataError where it is not there."""
        return cls(folder)

    def contains(self, smiles: Sequence[str]) -> np.ndarray:
        """Which canonical SMILES without stereo are known: bool, one a molecule."""
        return self._texts.contains(smiles)

    def nearest(self, mol: Chem.Mol) -> tuple[str, float]:
        """The most similar known molecule, the first of equals, and its Tanimoto similarity, 0 to 1."""
        packed, counts = self._packed
        own = fingerprint(mol).view(np.uint64)
        common = np.bitwise_count(packed & own).sum(axis=1, dtype=np.int32)
        similar = common / np.maximum(counts + int(np.bitwise_count(own).sum()) - common, 1)
        best = int(similar.argmax())
        return self._lines[best], float(similar[best])

    @cached_property
    def _packed(self) -> tuple[np.ndarray, np.ndarray]:
        packed = np.load(self._folder / _PACKED, mmap_mode="r")
        return packed, np.bitwise_count(packed).sum(axis=1, dtype=np.int32)

    @cached_property
    def _lines(self) -> list[str]:
        return self._texts.texts()


def _batches(source: str | Path) -> Iterator[list[str]]:
    from molgan.data.downloads import DATA  # torch, which workers do without

    name = DATA.named(source)
    canonical = name in CANONICAL
    rows = read_rows(DATA.file(name) if name else Path(source), prefer=True)
    while batch := [text for _, text in islice(rows, _AT_ONCE)]:
        if canonical:  # unless RDKit of another version spelt it
            canonical = all(chemistry.judge(text).smiles == text for text in batch[:20])
        found = batch if canonical else map_chunks(identity, batch, failed=lambda reason: None)
        yield [text for text in found if text]
