"""The alert set HAZARD: known hazardous molecules have their alert, common drugs have none."""

import pytest
from rdkit import Chem

from molgan.chemistry.molecule import Molecule
from molgan.scoring.alert_sets import ALERT_SETS, alert_names
from molgan.scoring.hazards import HAZARDS
from molgan.scoring.properties import MAKERS, PROPERTIES

KNOWN = {
    "phosphorus fluoride": "CC(C)OP(=O)(F)OC(C)C",  # DFP, a laboratory inhibitor
    "phosphorus cyanide": "CCOP(=O)(C#N)N(C)C",
    "aminoethyl phosphonothiolate": "CP(=O)(OC)SCCN(C)C",
    "sulfur mustard": "CCSCCCl",
    "vinylarsine chloride": "Cl[As](Cl)C=CCl",
    "nitrogen mustard": "CN(CCCl)CCCl",  # the drug chlormethine
    "fluorinated isobutene": "FC(F)=C(C(F)(F)F)C(F)(F)F",
    "quinuclidinyl benzilate": "O=C(OC1CN2CCC1CC2)C(O)(c1ccccc1)c1ccccc1",
    "phosphorus chloride": "ClP(Cl)(Cl)=O",
    "carbonyl halide": "O=C(Cl)Cl",
    "cyanogen halide": "ClC#N",
    "trihalonitromethane": "ClC(Cl)(Cl)[N+](=O)[O-]",
    "peroxide": "CC(C)(C)OOC(C)(C)C",
    "azide, (C + O) / N below 3": "CCN=[N+]=[N-]",
    "diazo": "C=[N+]=[N-]",
    "diazonium": "c1ccccc1[N+]#N",
    "two aromatic nitro groups": "Cc1c(N(=O)=O)cc([N+](=O)[O-])cc1[N+](=O)[O-]",
    "two nitrate esters": "O=[N+]([O-])OCC(CO[N+](=O)[O-])O[N+](=O)[O-]",
    "two aliphatic nitro groups": "CC([N+](=O)[O-])[N+](=O)[O-]",
    "nitramine": "CN(C)[N+](=O)[O-]",
    "N-halogen or O-halogen": "O=C1CCC(=O)N1Br",
    "N-nitroso": "CN(C)N=O",
    "alkyl azoxy": "CN=[N+](C)[O-]",
    "tetrachlorodibenzodioxin": "Clc1cc2Oc3cc(Cl)c(Cl)cc3Oc2cc1Cl",
    "organomercury": "C[Hg]C",
}
DRUGS = {
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "ibuprofen": "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "metformin": "CN(C)C(=N)N=C(N)N",
    "losartan": "CCCCc1nc(Cl)c(CO)n1Cc1ccc(-c2ccccc2-c2nnn[nH]2)cc1",
    "atorvastatin": "CC(C)c1c(C(=O)Nc2ccccc2)c(-c2ccccc2)c(-c2ccc(F)cc2)n1CCC(O)CC(O)CC(=O)O",
    "omeprazole": "COc1ccc2[nH]c(S(=O)Cc3ncc(C)c(OC)c3C)nc2c1",
    "amoxicillin": "CC1(C)SC2C(NC(=O)C(N)c3ccc(O)cc3)C(=O)N2C1C(=O)O",
    "ciprofloxacin": "O=C(O)c1cn(C2CC2)c2cc(N3CCNCC3)c(F)cc2c1=O",
    "sertraline": "CNC1CCC(c2ccc(Cl)c(Cl)c2)c2ccccc21",
    "ranitidine": "CNC(=C[N+](=O)[O-])NCCSCc1ccc(CN(C)C)o1",
    "nifedipine": "COC(=O)C1=C(C)NC(C)=C(C(=O)OC)C1c1ccccc1[N+](=O)[O-]",
    "metronidazole": "Cc1ncc([N+](=O)[O-])n1CCO",
    "chloramphenicol": "O=C(NC(CO)C(O)c1ccc([N+](=O)[O-])cc1)C(Cl)Cl",
    "fosfomycin": "CC1OC1P(=O)(O)O",
    "tenofovir": "CC(Cn1cnc2c(N)ncnc21)OCP(=O)(O)O",
    "cetirizine": "O=C(O)COCCN1CCN(C(c2ccccc2)c2ccc(Cl)cc2)CC1",
    "diphenhydramine": "CN(C)CCOC(c1ccccc1)c1ccccc1",
    "sulfasalazine": "O=C(O)c1cc(N=Nc2ccc(S(=O)(=O)Nc3ccccn3)cc2)ccc1O",
    "isoniazid": "NNC(=O)c1ccncc1",
    "fluoxetine": "CNCCC(Oc1ccc(C(F)(F)F)cc1)c1ccccc1",
    "ticlopidine": "Clc1ccccc1CN1CCc2sccc2C1",
    "imidacloprid": "O=[N+]([O-])N=C1NCCN1Cc1ccc(Cl)nc1",
}


def hits(smiles):
    mol = Chem.MolFromSmiles(smiles)
    assert mol is not None
    return alert_names(Molecule(mol), ["HAZARD"])


def test_every_pattern_has_a_known_molecule():
    assert KNOWN.keys() == HAZARDS.keys()
    assert all(hazard.source for hazard in HAZARDS.values())


@pytest.mark.parametrize("name", KNOWN)
def test_known_hazards_have_their_alert(name):
    assert hits(KNOWN[name]) == [name]


@pytest.mark.parametrize("name", DRUGS)
def test_common_drugs_have_none(name):
    assert hits(DRUGS[name]) == []


def test_an_azide_counts_where_it_has_little_else():
    assert hits("CCCCCCCCCN=[N+]=[N-]") == []
    assert hits("[N-]=[N+]=NCC(O)C") == ["azide, (C + O) / N below 3"]


def test_one_nitro_group_is_none():
    assert hits("O=[N+]([O-])c1ccccc1") == []
    assert hits("CC[N+](=O)[O-]") == []


def test_it_is_a_set_beside_others_and_a_property():
    molecule = Molecule(Chem.MolFromSmiles("CN(C)N=O"))
    both = alert_names(molecule, ["BRENK", "HAZARD"])
    assert both[-1] == "N-nitroso"
    assert set(alert_names(molecule, ["BRENK"])) == set(both[:-1]) != set()
    assert PROPERTIES["hazards"].function(molecule) == 1
    assert MAKERS["alerts"].make(sets=["HAZARD"])(molecule) == 1
    assert "HAZARD" not in ALERT_SETS, "RDKit's own"
