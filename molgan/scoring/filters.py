"""Medicinal chemistry filters: those of MOSES (Polykovskiy et al. 2020), the ranges of REOS."""

import csv
from functools import lru_cache

from rdkit import Chem

from molgan.chemistry.molecule import Molecule
from molgan.chemistry.substructures import Substructures
from molgan.data.package_data import packaged
from molgan.scoring.properties import property_value

_ELEMENTS = {"C", "N", "S", "O", "F", "Cl", "Br", "H"}
_LARGEST_RING = 7


@lru_cache
def _alerts() -> Substructures:
    """The medicinal-chemistry filters (MCF) and the PAINS (Baell and Holloway 2010) of MOSES, as it writes them."""
    with open(packaged("moses_filters.csv"), encoding="utf-8") as lines:
        return Substructures([row["smarts"] for row in csv.DictReader(lines)])


REOS = {
    "weight": (200, 500),
    "logp": (-5, 5),
    "hbd": (0, 5),
    "hba": (0, 10),
    "rotatable_bonds": (0, 8),
    "heavy_atoms": (15, 50),
    "charge": (-2, 2),
}
"""The ranges of rapid elimination of swill by property (Walters and Murcko 2002)."""


def passes_reos(mol: Chem.Mol) -> bool:
    """Whether each property is within its range of `REOS`.

    >>> passes_reos(Chem.MolFromSmiles("Cc1ccc(cc1)S(=O)(=O)N1CCOCC1")), passes_reos(Chem.MolFromSmiles("CCO"))
    (True, False)
    """
    molecule = Molecule(mol)
    return all(least <= property_value(molecule, name) <= most for name, (least, most) in REOS.items())


def passes_filters(mol: Chem.Mol, smiles: str) -> bool:
    """No ring of eight or more, no charged atom, only C N S O F Cl Br H, no alert of MCF or PAINS.

    smiles: the molecule's own, as RDKit writes it.
    """
    if any(len(ring) > _LARGEST_RING for ring in mol.GetRingInfo().AtomRings()):
        return False
    if any(atom.GetFormalCharge() or atom.GetSymbol() not in _ELEMENTS for atom in mol.GetAtoms()):
        return False
    alerts, drawn = _alerts(), Chem.AddHs(mol)
    return not any(drawn.HasSubstructMatch(alerts.queries[place]) for place in alerts.possible(smiles))
