"""Descriptions of single molecules for the metrics. No torch, so that worker processes start fast."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.Scaffolds import MurckoScaffold

from molgan import chemistry
from molgan.chemistry.identity import COMPARED, prepared_identity
from molgan.chemistry.molecule import Molecule
from molgan.chemistry.parallel import map_chunks
from molgan.chemistry.parsed_text import ParsedText, Text
from molgan.scoring.filters import passes_filters
from molgan.scoring.properties import alert_names, property_value

BITS, WIDE_BITS = 1024, 4096
"""Bits of the Morgan fingerprints (radius 2) of MOSES and of GuacaMol."""
MEASURED = (
    *("logp", "sa", "qed", "weight"),  # those of MOSES; then those of GuacaMol
    *("bertz", "tpsa", "hba", "hbd", "rotatable_bonds", "aliphatic_rings", "aromatic_rings"),
)
"""Properties, columns of `Described.properties`."""
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)
_WIDE = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=WIDE_BITS)


NO_BITS = bytes(BITS // 8)
"""The fingerprint of what is no molecule."""
NOTHING = 0
"""The digest of what there is none of."""


class Read(NamedTuple):
    """One string: whether RDKit reads it; digests of SMILES, 0 where there is none.

    full: canonical, with stereo and isotopes. strict: `chemistry.strict_smiles`. flat: without stereo, of any number of
    fragments.
    """

    valid: bool
    full: int
    strict: int
    flat: int


NOT_READ = Read(False, NOTHING, NOTHING, NOTHING)
"""A string that RDKit does not read."""


def read(text: Text, policy: chemistry.Policy = COMPARED, drawn: bool = True) -> Read:
    """Read one string; None and the empty string are invalid.

    policy: how a molecule is prepared before its strict SMILES is written. drawn: a mixture or a wildcard has no strict
    SMILES, as in a list that is judged; otherwise the policy decides, as in a training set.
    """
    parsed = ParsedText.of(text)
    try:
        full, strict = parsed.smiles_as_written, parsed.strict_smiles
    except chemistry.Rejected:
        return NOT_READ
    flat = strict if strict is not None else Chem.MolToSmiles(parsed.mol, isomericSmiles=False)
    if policy.standardize if strict is not None else not drawn:
        strict = prepared_identity(parsed.mol, policy)
    return Read(True, digest(full), digest(strict), digest(flat))


def digest(text: str | None) -> int:
    """64 bits of a string, never 0; 0 for None. Two of a million strings are taken for one in 1 of 10 million runs."""
    if text is None:
        return NOTHING
    return (
        int.from_bytes(
            hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "little", signed=True
        )
        or 1
    )


class Description(NamedTuple):
    """One molecule. Scaffolds are Bemis-Murcko's (1996); packed fingerprints are bytes of eight bits."""

    smiles: str
    fingerprint: np.ndarray
    wide: np.ndarray
    properties: tuple[float, ...]
    fragments: tuple[str, ...]
    scaffold: str
    scaffold_rings: int
    ring_systems: tuple[str, ...]
    passes: bool
    alerts: tuple[tuple[str, ...], ...]


def describe(text: Text, alert_sets: Sequence[str] = ()) -> Description | None:
    """Describe one molecule, None where RDKit does not read it; with the names of the alerts of some sets."""
    try:
        molecule = ParsedText.of(text).molecule
    except chemistry.Rejected:
        return None
    mol = molecule.mol
    scaffold = MurckoScaffold.GetScaffoldForMol(mol)
    return Description(
        molecule.smiles,
        fingerprint(mol),
        _wide(mol),
        _measure(molecule),
        tuple(Chem.MolToSmiles(Chem.FragmentOnBRICSBonds(mol)).split(".")),
        Chem.MolToSmiles(scaffold),
        scaffold.GetRingInfo().NumRings(),
        ring_systems(mol),
        passes_filters(mol, molecule.smiles),
        tuple(tuple(alert_names(molecule, [name])) for name in alert_sets),
    )


def fingerprint(mol: Chem.Mol) -> np.ndarray:
    """The packed fingerprint of one molecule, `(128,)` uint8."""
    return np.packbits(_MORGAN.GetFingerprintAsNumPy(mol))


class FlatDescription(NamedTuple):
    """One molecule without stereo, as GuacaMol compares it: canonical SMILES, packed fingerprint and `MEASURED`."""

    smiles: str
    wide: np.ndarray
    properties: tuple[float, ...]


def describe_flat(text: Text) -> FlatDescription | None:
    """Describe a molecule without stereo, of any number of fragments; None where RDKit does not read it."""
    try:
        molecule = ParsedText.of(text).flat.molecule
    except chemistry.Rejected:
        return None
    return FlatDescription(molecule.smiles, _wide(molecule.mol), _measure(molecule))


class Compared(NamedTuple):
    """A molecule as a policy prepares it for a comparison: its packed fingerprint, and the digest of `skeleton`."""

    fingerprint: np.ndarray
    skeleton: int


def compared(text: Text, policy: chemistry.Policy = COMPARED) -> Compared | None:
    """A molecule under a policy, which decides about mixtures and charges; None where it rejects it.

    A wildcard is kept, as `identity.prepared` keeps it, where the policy has nothing to change.
    """
    parsed = ParsedText.of(text)
    try:
        changed = policy.standardize or "." in parsed.molecule.smiles
        mol = parsed.under(policy).mol if changed else parsed.mol
    except chemistry.Rejected:
        return None
    return Compared(fingerprint(mol), _skeleton(mol))


def fingerprint_bytes(text: Text) -> bytes:
    """The packed fingerprint of a SMILES, `NO_BITS` for what RDKit does not read."""
    try:
        return fingerprint(ParsedText.of(text).mol).tobytes()
    except chemistry.Rejected:
        return NO_BITS


def skeleton(text: Text) -> int:
    """Digest of the first InChIKey block (atoms, bonds, mobile hydrogens) of a SMILES; `NOTHING` where it has none."""
    try:
        return _skeleton(ParsedText.of(text).mol)
    except chemistry.Rejected:
        return NOTHING


def _skeleton(mol: Chem.Mol) -> int:
    return digest(Chem.MolToInchiKey(mol).partition("-")[0] or None)


def _wide(mol: Chem.Mol) -> np.ndarray:
    return np.packbits(_WIDE.GetFingerprintAsNumPy(mol))


def _measure(molecule: Molecule) -> tuple[float, ...]:
    return tuple(
        float(rdMolDescriptors.CalcNumAliphaticRings(molecule.mol))
        if name == "aliphatic_rings"
        else property_value(molecule, name)
        for name in MEASURED
    )


def ring_systems(mol: Chem.Mol) -> tuple[str, ...]:
    """Canonical SMILES of the sets of rings that share atoms, each with its bonds, without what hangs on them."""
    systems: list[set[int]] = []
    for ring in map(set, mol.GetRingInfo().AtomRings()):
        separate = [system for system in systems if system.isdisjoint(ring)]
        systems = [*separate, ring.union(*(system for system in systems if not system.isdisjoint(ring)))]
    return tuple(sorted(Chem.MolFragmentToSmiles(mol, list(system), isomericSmiles=False) for system in systems))


@dataclass
class Described:
    """Many molecules, row by row.

    fingerprints `(molecule, 128)` and wide `(molecule, 512)` uint8, packed; properties `(molecule, MEASURED)`;
    scaffolds: SMILES and its number of rings; alerts: for each set the names that each molecule has.
    """

    smiles: list[str]
    fingerprints: np.ndarray
    wide: np.ndarray
    properties: np.ndarray
    fragments: list[tuple[str, ...]]
    scaffolds: list[tuple[str, int]]
    ring_systems: list[tuple[str, ...]]
    passes: np.ndarray
    alerts: dict[str, list[tuple[str, ...]]]

    @classmethod
    def of(cls, texts: Sequence[str], alert_sets: Sequence[str] = ()) -> "Described":
        """Describe what RDKit reads of the texts, in order, in parallel; what takes it too long is left out."""
        work = partial(describe, alert_sets=tuple(alert_sets))
        rows = map_chunks(work, texts, chunk=100, failed=lambda reason: None)
        return cls.of_rows([row for row in rows if row is not None], alert_sets)

    @classmethod
    def of_rows(cls, rows: Sequence[Description], alert_sets: Sequence[str] = ()) -> "Described":
        """Molecules that are described already, with those alert sets."""
        return cls(
            [one.smiles for one in rows],
            np.array([one.fingerprint for one in rows], np.uint8).reshape(-1, BITS // 8),
            np.array([one.wide for one in rows], np.uint8).reshape(-1, WIDE_BITS // 8),
            np.array([one.properties for one in rows], float).reshape(-1, len(MEASURED)),
            [one.fragments for one in rows],
            [(one.scaffold, one.scaffold_rings) for one in rows],
            [one.ring_systems for one in rows],
            np.array([one.passes for one in rows], bool),
            {name: [one.alerts[place] for one in rows] for place, name in enumerate(alert_sets)},
        )

    def __len__(self) -> int:
        return len(self.smiles)

    def column(self, name: str) -> np.ndarray:
        """One property of all molecules."""
        return self.properties[:, MEASURED.index(name)]

    def moses_scaffolds(self) -> list[tuple[str, ...]]:
        """The scaffolds that MOSES counts: those of two or more rings."""
        return [(scaffold,) if scaffold and rings > 1 else () for scaffold, rings in self.scaffolds]
