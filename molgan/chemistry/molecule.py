"""A molecule, and what several questions about it share."""

import re
from functools import cached_property

from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

_HYDROGEN = re.compile(r"\[\d*H")
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2)


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
    def environments(self) -> dict[int, int]:
        """Atom environments up to radius 2 (Rogers and Hahn 2010) and how often each occurs."""
        return _MORGAN.GetSparseCountFingerprint(self.mol).GetNonzeroElements()
