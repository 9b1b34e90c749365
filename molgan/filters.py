"""The medicinal-chemistry filters of MOSES (Polykovskiy et al. 2020): which molecules a chemist would not screen."""

import csv
from functools import lru_cache
from pathlib import Path

from rdkit import Chem, RDConfig

from molgan.packaged import packaged
from molgan.substructures import Substructures

_ELEMENTS = {"C", "N", "S", "O", "F", "Cl", "Br", "H"}
_LARGEST_RING = 7


@lru_cache
def _alerts() -> Substructures:
    """The medicinal-chemistry filters (MCF) of MOSES and the PAINS of Baell and Holloway 2010, as RDKit brings them."""
    with open(packaged("mcf.csv"), encoding="utf-8") as lines:
        smarts = [row["smarts"] for row in csv.DictReader(lines)]
    with open(Path(RDConfig.RDDataDir) / "Pains" / "wehi_pains.csv", encoding="utf-8") as lines:
        smarts += [row[0] for row in csv.reader(lines)]
    return Substructures(smarts)


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
