"""Descriptors that RDKit has no fast function for: drug-likeness, synthetic accessibility, rules of thumb.

The numbers are RDKit's own. Where its function is slower than need be, ours gives the same number.
"""

import contextlib
import io
import math
from functools import lru_cache

from rdkit import Chem
from rdkit.Chem import QED, Crippen, rdMolDescriptors
from rdkit.Contrib.NP_Score import npscorer  # pyright: ignore
from rdkit.Contrib.SA_Score import sascorer  # pyright: ignore

from molgan.chemistry.molecule import Molecule
from molgan.chemistry.substructures import Substructures

_ALERTS = Substructures(QED.StructuralAlertSmarts)
_ACCEPTORS = Substructures(QED.AcceptorSmarts)


def qed(molecule: Molecule) -> float:
    """Quantitative estimate of drug-likeness, weighted as `rdkit.Chem.QED.qed` does."""
    mol, smiles = molecule.plain, molecule.smiles
    described = QED.QEDproperties(
        MW=rdMolDescriptors._CalcMolWt(mol),  # pyright: ignore
        ALOGP=Crippen.MolLogP(mol),  # pyright: ignore
        HBA=sum(len(mol.GetSubstructMatches(_ACCEPTORS.queries[place])) for place in _ACCEPTORS.possible(smiles)),
        HBD=rdMolDescriptors.CalcNumHBD(mol),
        PSA=rdMolDescriptors.CalcTPSA(mol),
        ROTB=rdMolDescriptors.CalcNumRotatableBonds(mol, rdMolDescriptors.NumRotatableBondsOptions.Strict),
        AROM=_rings_without_aliphatic(mol),
        ALERTS=len(_ALERTS.found(mol, smiles)),
    )
    return QED.qed(mol, qedProperties=described)


def _rings_without_aliphatic(mol: Chem.Mol) -> int:
    """Rings that are left when the ring atoms that are aliphatic and have an aliphatic neighbour are taken away."""
    gone = {place for (place,) in mol.GetSubstructMatches(QED.AliphaticRings, maxMatches=mol.GetNumAtoms())}
    joined = list(range(mol.GetNumAtoms()))
    rings = 0
    for bond in mol.GetBonds():
        if not bond.IsInRing():
            continue
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if gone.isdisjoint(ends):
            one, other = (_root(joined, end) for end in ends)
            rings += one == other
            joined[one] = other
    return rings


def _root(joined: list[int], place: int) -> int:
    while joined[place] != place:
        place = joined[place]
    return place


@lru_cache
def _synthetic_scores() -> dict[int, float]:
    sascorer.readFragmentScores()
    return sascorer._fscores  # pyright: ignore


@lru_cache
def _natural_scores() -> dict[int, float]:
    with contextlib.redirect_stderr(io.StringIO()):  # it tells that it reads
        return npscorer.readNPModel()


def synthetic_accessibility(molecule: Molecule) -> float:
    """How commonplace the atom environments are, less what makes a molecule hard to make; 1 is easy, 10 is hard."""
    known, environments, mol = _synthetic_scores(), molecule.environments, molecule.mol
    number, atoms = sum(environments.values()), mol.GetNumAtoms()
    commonplace = 0.0
    for environment, count in environments.items():
        commonplace += known.get(environment, -4) * count
    commonplace /= number
    macrocycle = any(len(ring) > 8 for ring in mol.GetRingInfo().AtomRings())
    counts = (
        rdMolDescriptors.CalcNumAtomStereoCenters(mol),
        rdMolDescriptors.CalcNumSpiroAtoms(mol),
        rdMolDescriptors.CalcNumBridgeheadAtoms(mol),
        macrocycle,
    )
    hard = atoms**1.005 - atoms + sum(math.log10(count + 1) for count in counts)
    symmetric = math.log(atoms / len(environments)) * 0.5 if atoms > len(environments) else 0.0
    score = 11.0 - (commonplace - hard + symmetric + 5.0) / 6.5 * 9.0
    if score > 8.0:
        score = 8.0 + math.log(score - 8.0)
    return min(10.0, max(1.0, score))


def natural_product_likeness(molecule: Molecule) -> float:
    """Mean contribution an atom of the atom environments, log-odds in natural products against synthetic molecules."""
    known = _natural_scores()
    score = sum(known.get(environment, 0.0) for environment in molecule.environments) / molecule.mol.GetNumAtoms()
    if abs(score) > 4.0:
        return math.copysign(4.0 + math.log10(abs(score) - 3.0), score)
    return score


def lipinski_violations(molecule: Molecule) -> float:
    """How many of the rule of five's four limits are passed: weight 500, logP 5, 5 donors, 10 acceptors."""
    mol = molecule.mol
    donors, acceptors = rdMolDescriptors.CalcNumLipinskiHBD(mol), rdMolDescriptors.CalcNumLipinskiHBA(mol)
    weight, logp = rdMolDescriptors._CalcMolWt(mol), Crippen.MolLogP(mol)  # pyright: ignore
    return float((weight > 500) + (logp > 5) + (donors > 5) + (acceptors > 10))


def veber_violations(molecule: Molecule) -> float:
    """How many of Veber's two limits are passed: 10 rotatable bonds, polar surface 140."""
    mol = molecule.mol
    return float((rdMolDescriptors.CalcNumRotatableBonds(mol) > 10) + (rdMolDescriptors.CalcTPSA(mol) > 140))
