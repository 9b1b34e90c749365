"""A molecule, with values that several properties share."""

import re
from functools import cached_property

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

_HYDROGEN = re.compile(r"\[\d*H")
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2)


def pattern_bits(mol: Chem.Mol) -> np.ndarray:
    """RDKit's pattern fingerprint of a molecule or query, packed into 64-bit integers."""
    bits = DataStructs.BitVectToBinaryText(Chem.PatternFingerprint(mol))
    return np.frombuffer(bits, np.uint8).view(np.uint64)


class Molecule:
    """A sanitised molecule, and what several properties need of it."""

    def __init__(self, mol: Chem.Mol, smiles: str | None = None):
        """smiles: as RDKit writes it, if it is at hand."""
        self.mol = mol
        self.values: dict[str, float] = {}  # properties by name, once they are known
        if smiles is not None:
            self.smiles = smiles

    @cached_property
    def smiles(self) -> str:
        """Canonical SMILES, with stereo."""
        return Chem.MolToSmiles(self.mol)

    @cached_property
    def plain(self) -> Chem.Mol:
        """The molecule without hydrogens as atoms of their own."""
        return Chem.RemoveHs(self.mol) if _HYDROGEN.search(self.smiles) else self.mol

    @cached_property
    def pattern(self) -> np.ndarray:
        """RDKit's pattern fingerprint, packed: a substructure has no bit that the molecule lacks."""
        return pattern_bits(self.mol)

    @cached_property
    def environments(self) -> dict[int, int]:
        """Atom environments up to radius 2 (Rogers and Hahn 2010) and how often each occurs."""
        return _MORGAN.GetSparseCountFingerprint(self.mol).GetNonzeroElements()
