"""The alert set `HAZARD`: patterns of well-known hazardous molecules, written for this project from public documents.

They help to see what a list of molecules holds. They are neither complete nor a safeguard: a molecule without a hit can
be hazardous, and some drugs have a hit (artemisinin is a peroxide, chlorambucil a nitrogen mustard).
"""

from typing import NamedTuple

from rdkit import Chem
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogEntry, SmartsMatcher

_CWC = "Chemical Weapons Convention, Annex on Chemicals"
_UN = "UN Manual of Tests and Criteria, Appendix 6 (groups of explosive properties)"
_M7 = "ICH M7(R2) 2023, cohort of concern"


class Hazard(NamedTuple):
    """A pattern, the public document that names its class, and in how many places a molecule must have it."""

    smarts: str
    source: str
    least: int = 1


HAZARDS = {
    "phosphorus fluoride": Hazard("[PX4](=[O,S])F", f"{_CWC}, schedules 1.A.1 and 1.A.13"),
    "phosphorus cyanide": Hazard("[PX4](=[O,S])C#N", f"{_CWC}, schedule 1.A.2"),
    "aminoethyl phosphonothiolate": Hazard("[PX4](=[O,S])([#6])SCC[NX3]", f"{_CWC}, schedule 1.A.3"),
    "sulfur mustard": Hazard("[#6][SX2][CH2][CH2][Cl,Br,I]", f"{_CWC}, schedule 1.A.4"),
    "vinylarsine chloride": Hazard("[AsX3](Cl)[CX3]=[CX3]Cl", f"{_CWC}, schedule 1.A.5"),
    "nitrogen mustard": Hazard("[NX3]([CH2][CH2][Cl,Br,I])[CH2][CH2][Cl,Br,I]", f"{_CWC}, schedule 1.A.6"),
    "fluorinated isobutene": Hazard("FC(F)=C(C(F)(F)F)C(F)(F)F", f"{_CWC}, schedule 2.A.2"),
    "quinuclidinyl benzilate": Hazard("OC(c)(c)C(=O)OC1C[NX3]2CCC1CC2", f"{_CWC}, schedule 2.A.3"),
    "phosphorus chloride": Hazard("[$([PX4](=[O,S])),$([PX3])]Cl", f"{_CWC}, schedules 2.B.4, 3.B.5 and 3.B.6"),
    "carbonyl halide": Hazard("[F,Cl,Br][CX3](=[O,S])[F,Cl,Br]", f"{_CWC}, schedule 3.A.1"),
    "cyanogen halide": Hazard("[F,Cl,Br,I]C#N", f"{_CWC}, schedule 3.A.2"),
    "trihalonitromethane": Hazard("[F,Cl,Br]C([F,Cl,Br])([F,Cl,Br])[N+](=O)[O-]", f"{_CWC}, schedule 3.A.4"),
    "peroxide": Hazard("[OX2][OX2]", _UN),
    "azide, (C + O) / N below 3": Hazard("[NX2]=[N+]=[N-]", "Bräse et al. 2005, 10.1002/anie.200400657"),
    "diazo": Hazard("[#6]=[N+]=[N-]", _UN),
    "diazonium": Hazard("[#6][N+]#[NX1]", _UN),
    "two aromatic nitro groups": Hazard("c[N+](=O)[O-]", _UN, 2),
    "two nitrate esters": Hazard("[#6][OX2][N+](=O)[O-]", _UN, 2),
    "two aliphatic nitro groups": Hazard("[CX4][N+](=O)[O-]", _UN, 2),
    "nitramine": Hazard("[#6][NX3][N+](=O)[O-]", _UN),
    "N-halogen or O-halogen": Hazard("[#7,#8]~[Cl,Br,I]", _UN),
    "N-nitroso": Hazard("[NX3][NX2]=O", _M7),
    "alkyl azoxy": Hazard("[CX4][NX2]=[N+]([#6])[O-]", _M7),
    "tetrachlorodibenzodioxin": Hazard("Clc1cc2Oc3cc(Cl)c(Cl)cc3Oc2cc1Cl", "Stockholm Convention, Annex C"),
    "organomercury": Hazard("[#6]~[Hg]", "Minamata Convention on Mercury"),
}
"""By name; what is exempt is in `is_exempt`."""
_AZIDE = "azide, (C + O) / N below 3"


def catalog() -> FilterCatalog:
    """The set as one of RDKit's catalogs."""
    made = FilterCatalog()
    for name, hazard in HAZARDS.items():
        made.AddEntry(FilterCatalogEntry(name, SmartsMatcher(name, hazard.smarts, hazard.least)))
    return made


def is_exempt(name: str, mol: Chem.Mol) -> bool:
    """Whether a molecule that has a pattern is not counted: an azide with three carbons and oxygens or more a nitrogen.

    >>> [is_exempt("azide, (C + O) / N below 3", Chem.MolFromSmiles("C" * n + "N=[N+]=[N-]")) for n in (8, 9)]
    [False, True]
    """
    if name != _AZIDE:
        return False
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    return numbers.count(6) + numbers.count(8) >= 3 * numbers.count(7)
