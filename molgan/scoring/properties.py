"""Properties of a molecule: a literal table of functions, each with its unit, range and source.

A property that takes settings (a molecule to be similar to, a pattern) is a row of a second table, `MAKERS`.
"""

from collections.abc import Callable
from typing import NamedTuple

from rdkit import Chem
from rdkit.Chem import Crippen, GraphDescriptors, rdMolDescriptors

from molgan.chemistry.molecule import Molecule
from molgan.scoring.alert_sets import ALERT_SETS, HAZARD, alert_names
from molgan.scoring.descriptors import (
    lipinski_violations,
    natural_product_likeness,
    qed,
    synthetic_accessibility,
    veber_violations,
)
from molgan.scoring.property_makers import FINGERPRINTS, MAKERS, Maker, scaffold_of

__all__ = [
    "ALERT_SETS",
    "FINGERPRINTS",
    "MAKERS",
    "PROPERTIES",
    "Maker",
    "Molecule",
    "Property",
    "alert_names",
    "of_mol",
    "property_value",
    "scaffold_of",
]

_ANY = float("inf")


class Property(NamedTuple):
    """A function of a molecule, and what its number means."""

    function: Callable[[Molecule], float]
    unit: str
    low: float
    high: float
    source: str


def of_mol(function: Callable[[Chem.Mol], float]) -> Callable[[Molecule], float]:
    """A property from a function of RDKit's molecule."""
    return lambda molecule: float(function(molecule.mol))


PROPERTIES = {
    "qed": Property(qed, "", 0, 1, "drug-likeness, Bickerton et al. 2012"),
    "sa": Property(synthetic_accessibility, "", 1, 10, "synthetic accessibility, Ertl and Schuffenhauer 2009"),
    "np": Property(natural_product_likeness, "", -_ANY, _ANY, "natural-product-likeness, Ertl et al. 2008"),
    "logp": Property(
        of_mol(Crippen.MolLogP),  # pyright: ignore
        "log10",
        -_ANY,
        _ANY,
        "octanol-water partition, Wildman and Crippen 1999",
    ),
    "weight": Property(of_mol(rdMolDescriptors._CalcMolWt), "g/mol", 0, _ANY, "average molecular weight"),  # pyright: ignore
    "tpsa": Property(of_mol(rdMolDescriptors.CalcTPSA), "square angstrom", 0, _ANY, "polar surface, Ertl et al. 2000"),
    "hbd": Property(of_mol(rdMolDescriptors.CalcNumHBD), "", 0, _ANY, "hydrogen-bond donors, RDKit's definition"),
    "hba": Property(of_mol(rdMolDescriptors.CalcNumHBA), "", 0, _ANY, "hydrogen-bond acceptors, RDKit's definition"),
    "rotatable_bonds": Property(
        of_mol(rdMolDescriptors.CalcNumRotatableBonds), "", 0, _ANY, "strict: no amide, no terminal bonds; RDKit"
    ),
    "rings": Property(of_mol(rdMolDescriptors.CalcNumRings), "", 0, _ANY, "smallest set of smallest rings, RDKit"),
    "aromatic_rings": Property(of_mol(rdMolDescriptors.CalcNumAromaticRings), "", 0, _ANY, "RDKit's aromaticity"),
    "fsp3": Property(
        of_mol(rdMolDescriptors.CalcFractionCSP3), "", 0, 1, "share of sp3 among carbons, Lovering et al. 2009"
    ),
    "heavy_atoms": Property(of_mol(Chem.Mol.GetNumHeavyAtoms), "", 0, _ANY, "atoms other than hydrogen"),
    "charge": Property(of_mol(Chem.GetFormalCharge), "elementary charge", -_ANY, _ANY, "sum of formal charges"),
    "lipinski": Property(lipinski_violations, "", 0, 4, "violations of the rule of five, Lipinski et al. 1997"),
    "veber": Property(veber_violations, "", 0, 2, "violations of the two limits of Veber et al. 2002"),
    "bertz": Property(of_mol(GraphDescriptors.BertzCT), "", 0, _ANY, "topological complexity, Bertz 1981"),
    "stereocentres": Property(
        of_mol(rdMolDescriptors.CalcNumAtomStereoCenters), "", 0, _ANY, "tetrahedral, specified or not; RDKit"
    ),
    "hazards": Property(
        lambda molecule: float(len(alert_names(molecule, [HAZARD]))),
        *("", 0, _ANY, "structural alerts of the set HAZARD, `molgan/scoring/hazards.py`"),
    ),
}


def property_value(molecule: Molecule, name: str) -> float:
    """A property in `PROPERTIES` by name, computed once for each molecule."""
    if name not in molecule.values:
        molecule.values[name] = float(PROPERTIES[name].function(molecule))
    return molecule.values[name]
