"""Properties of a molecule: a literal table of functions, each with unit, range and source.

Those that ask for something (a molecule to be like, a pattern to hold) are made by the functions of a second table.
What several of them need (SMILES, fingerprint, Crippen's contributions, rings) is worked out once a molecule.
The numbers are RDKit's own; where RDKit's function is slower than need be, ours gives the same.
"""

import contextlib
import io
import math
import re
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from rdkit import Chem, DataStructs
from rdkit.Chem import QED, Crippen, GraphDescriptors, rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams
from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D
from rdkit.Chem.Scaffolds import MurckoScaffold
from rdkit.Contrib.NP_Score import npscorer  # pyright: ignore
from rdkit.Contrib.SA_Score import sascorer  # pyright: ignore

from gancore.errors import ConfigError
from molgan import chemistry
from molgan.chemistry.substructures import Substructures

_HYDROGEN = re.compile(r"\[\d*H")
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2)
_ANY = float("inf")


class Molecule:
    """A sanitised molecule, and what several properties need of it."""

    def __init__(self, mol: Chem.Mol, smiles: str | None = None):
        """smiles: as RDKit writes it, if it is at hand."""
        self.mol = mol
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
}


KEPT = chemistry.Policy("keep")
"""Reference molecules as they are written."""
_FEATURES = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()


def _morgan(radius: int, features: bool = False) -> Callable[[Chem.Mol], object]:
    invariants = {"atomInvariantsGenerator": _FEATURES} if features else {}
    return rdFingerprintGenerator.GetMorganGenerator(radius=radius, **invariants).GetSparseCountFingerprint


FINGERPRINTS = {
    "ecfp4": _morgan(2),
    "ecfp6": _morgan(3),
    "fcfp4": _morgan(2, features=True),
    "fcfp6": _morgan(3, features=True),
    "atom_pairs": rdFingerprintGenerator.GetAtomPairGenerator(maxDistance=10).GetSparseCountFingerprint,
    "pharmacophore": lambda mol: Generate.Gen2DFingerprint(mol, Gobbi_Pharm2D.factory),
}
"""Unfolded counts (Rogers and Hahn 2010; Carhart et al. 1985), and Gobbi's 2D pharmacophores (1998), as bits."""

ALERT_SETS = {
    name: getattr(FilterCatalogParams.FilterCatalogs, name) for name in sorted(FilterCatalogParams.FilterCatalogs.names)
}
"""RDKit's sets of structural alerts: BRENK, NIH, PAINS, ZINC, those of ChEMBL; ALL has them all."""


def similarity(
    molecules: Sequence[str], fingerprint: str = "ecfp4", policy: chemistry.Policy = KEPT
) -> Callable[[Molecule], float]:
    """The largest Tanimoto similarity to any of the given SMILES, prepared by the policy; in [0, 1]."""
    fingerprint = fingerprint or "ecfp4"
    if fingerprint not in FINGERPRINTS:
        raise ConfigError(f"similarity: no fingerprint {fingerprint!r}; there are {', '.join(FINGERPRINTS)}.")
    make = FINGERPRINTS[fingerprint]
    known = [make(_readable(smiles, policy)) for smiles in molecules]
    return lambda molecule: max(DataStructs.BulkTanimotoSimilarity(make(molecule.mol), known))


def substructure(smarts: str) -> Callable[[Molecule], float]:
    """1 for a molecule that holds the pattern, else 0."""
    query = Chem.MolFromSmarts(smarts)
    if query is None:
        raise ConfigError(f"substructure: {smarts!r} is no SMARTS.")
    return lambda molecule: float(molecule.mol.HasSubstructMatch(query))


def scaffold(molecules: Sequence[str], policy: chemistry.Policy = KEPT) -> Callable[[Molecule], float]:
    """1 for a molecule with the Bemis-Murcko scaffold (1996) of one of the given SMILES, else 0.

    policy: how the given molecules are prepared.
    """
    known = {scaffold_of(_readable(smiles, policy)) for smiles in molecules}
    return lambda molecule: float(scaffold_of(molecule.mol) in known)


def scaffold_of(mol: Chem.Mol) -> str:
    """Canonical SMILES of the Bemis-Murcko scaffold, without stereo; empty for a molecule without rings."""
    return Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(mol), isomericSmiles=False)


def alerts(sets: Sequence[str]) -> Callable[[Molecule], float]:
    """How many structural alerts of the named sets a molecule has."""
    catalog = _catalog(tuple(sets))
    return lambda molecule: float(len(catalog.GetMatches(molecule.mol)))


def alert_names(mol: Chem.Mol, sets: Sequence[str]) -> list[str]:
    """The names of the structural alerts a molecule has, in the sets' own order.

    Raises ConfigError for a set that there is not.
    """
    return [entry.GetDescription() for entry in _catalog(tuple(sets)).GetMatches(mol)]


@lru_cache
def _catalog(sets: tuple[str, ...]) -> FilterCatalog:
    params = FilterCatalogParams()
    for name in sets:
        if name not in ALERT_SETS:
            raise ConfigError(f"alerts: no set {name!r}; there are {', '.join(ALERT_SETS)}.")
        params.AddCatalog(ALERT_SETS[name])
    return FilterCatalog(params)


def isomer(formula: str) -> Callable[[Molecule], float]:
    """How near a molecule comes to a formula, in [0, 1]: the geometric mean of bells over the count of each element

    (standard deviation 1) and over all atoms (2), hydrogens among them (Brown et al. 2019, GuacaMol).
    """
    parts = re.findall(r"([A-Z][a-z]?)(\d*)", formula)
    if not parts or "".join(symbol + count for symbol, count in parts) != formula:
        raise ConfigError(f"isomer: {formula!r} is no molecular formula; write it as C7H8N2O2.")
    wanted = {symbol: int(count or 1) for symbol, count in parts}

    def nearness(molecule: Molecule) -> float:
        symbols = [atom.GetSymbol() for atom in Chem.AddHs(molecule.mol).GetAtoms()]
        exponent = sum((symbols.count(symbol) - count) ** 2 for symbol, count in wanted.items())
        exponent += ((len(symbols) - sum(wanted.values())) / 2) ** 2
        return math.exp(-0.5 * exponent / (len(wanted) + 1))

    return nearness


def element(symbol: str) -> Callable[[Molecule], float]:
    """How many atoms of an element a molecule has; hydrogens are counted whether drawn or implied."""
    try:
        number = Chem.GetPeriodicTable().GetAtomicNumber(symbol)
    except RuntimeError:
        raise ConfigError(f"element: {symbol!r} is no element's symbol.") from None
    with_hydrogens = Chem.AddHs if number == 1 else lambda mol: mol
    return lambda molecule: float(
        sum(atom.GetAtomicNum() == number for atom in with_hydrogens(molecule.mol).GetAtoms())
    )


def _readable(smiles: str, policy: chemistry.Policy) -> Chem.Mol:
    """A molecule to compare with, prepared as the molecules that are scored are."""
    try:
        return policy.apply(chemistry.parse(smiles))
    except chemistry.Rejected as reason:
        advice = '; set fragments = "largest" or "keep"' if "fragment" in str(reason) else ""
        raise ConfigError(f"score: {smiles!r} cannot be compared with: {reason}{advice}.") from None


class Maker(NamedTuple):
    """What makes a property, the settings it needs, and those it may have.

    prepares: whether it reads molecules, which takes a `policy`.
    """

    make: Callable[..., Callable[[Molecule], float]]
    takes: tuple[str, ...]
    may_take: tuple[str, ...] = ()
    prepares: bool = False


MAKERS = {
    "similarity": Maker(similarity, ("molecules",), ("fingerprint",), prepares=True),
    "substructure": Maker(substructure, ("smarts",)),
    "scaffold": Maker(scaffold, ("molecules",), prepares=True),
    "alerts": Maker(alerts, ("sets",)),
    "isomer": Maker(isomer, ("formula",)),
    "element": Maker(element, ("symbol",)),
}
"""Properties that ask for something, by name."""
