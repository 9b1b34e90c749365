"""The medicinal-chemistry filters of MOSES (Polykovskiy et al. 2020): which molecules a chemist would not screen."""

import csv
from functools import lru_cache

from rdkit import Chem

from molgan.chemistry.substructures import Substructures
from molgan.data.package_data import packaged

_ELEMENTS = {"C", "N", "S", "O", "F", "Cl", "Br", "H"}
_LARGEST_RING = 7


@lru_cache
def _alerts() -> Substructures:
    """The medicinal-chemistry filters (MCF) and the PAINS (Baell and Holloway 2010) of MOSES, as it writes them."""
    with open(packaged("moses_filters.csv"), encoding="utf-8") as lines:
        return Substructures([row["smarts"] for row in csv.DictReader(lines)])


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
