"""Properties that take settings: similarity to a molecule, a substructure, a scaffold, alerts, a formula, an element.

Each function takes the settings and returns a function of a `Molecule`. `MAKERS` lists them by name. The properties
that need a fetched file are there too: where it is missing, a score that has one is refused when it is made.
"""

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D
from rdkit.Chem.Scaffolds import MurckoScaffold

from gancore.errors import ConfigError
from molgan import chemistry
from molgan.chemistry.molecule import Molecule
from molgan.data.pmo_classifiers import CLASSIFIERS
from molgan.scoring.alert_sets import alerts_of
from molgan.scoring.classifiers import classifier

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
    named = alerts_of(tuple(sets))
    return lambda molecule: float(len(named.names(molecule)))


def isomer(formula: str) -> Callable[[Molecule], float]:
    """How near a molecule comes to a formula, in [0, 1]: the geometric mean of bells over the count of each element

    (standard deviation 1) and over all atoms (2), hydrogens among them (Brown et al. 2019, GuacaMol).
    """
    parts = re.findall(r"([A-Z][a-z]?)(\d*)", formula)
    if not parts or "".join(symbol + count for symbol, count in parts) != formula:
        raise ConfigError(f"isomer: {formula!r} is no molecular formula; write it as C7H8N2O2.")
    counts = {symbol: int(count or 1) for symbol, count in parts}

    def nearness(molecule: Molecule) -> float:
        symbols = [atom.GetSymbol() for atom in Chem.AddHs(molecule.mol).GetAtoms()]
        exponent = sum((symbols.count(symbol) - count) ** 2 for symbol, count in counts.items())
        exponent += ((len(symbols) - sum(counts.values())) / 2) ** 2
        return math.exp(-0.5 * exponent / (len(counts) + 1))

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

    prepares: whether it reads molecules, which takes a `policy`. source: what it is, where its settings do not say so.
    """

    make: Callable[..., Callable[[Molecule], float]]
    takes: tuple[str, ...]
    may_take: tuple[str, ...] = ()
    prepares: bool = False
    source: str = ""


MAKERS = {
    "similarity": Maker(similarity, ("molecules",), ("fingerprint",), prepares=True),
    "substructure": Maker(substructure, ("smarts",)),
    "scaffold": Maker(scaffold, ("molecules",), prepares=True),
    "alerts": Maker(alerts, ("sets",)),
    "isomer": Maker(isomer, ("formula",)),
    "element": Maker(element, ("symbol",)),
    **{name: Maker(partial(classifier, name), (), source=source) for name, source in CLASSIFIERS.items()},
}
"""Properties that ask for something, settings or a file, by name."""
