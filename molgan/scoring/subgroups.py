"""The subgroups that a molecule is in: rings, elements; and what its recall is worked out of."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from rdkit import Chem

from molgan import chemistry
from molgan.chemistry.identity import COMPARED, Policy
from molgan.chemistry.parsed_text import ParsedText
from molgan.scoring.description import fingerprint


class Member(NamedTuple):
    """One molecule: its packed fingerprint, heavy atoms, and the subgroups that it is in, by kind."""

    fingerprint: np.ndarray
    size: int
    groups: Mapping[str, tuple[str, ...]]


def member(text: Any, policy: Policy = COMPARED) -> Member | None:
    """A molecule under a policy; None for what RDKit does not read, or the policy rejects."""
    parsed = ParsedText.of(text)
    try:
        mol = parsed.under(policy).mol if policy.standardize or "." in parsed.molecule.smiles else parsed.mol
    except chemistry.Rejected:
        return None
    return Member(fingerprint(mol), mol.GetNumHeavyAtoms(), {"rings": _rings(mol), "elements": _elements(mol)})


def _rings(mol: Chem.Mol) -> tuple[str, ...]:
    """acyclic, one ring, separate rings or joined rings (fused, bridged or spiro); aromatic beside that."""
    rings = [set(ring) for ring in mol.GetRingInfo().AtomRings()]
    if not rings:
        return ("acyclic",)
    joined = any(one & other for place, one in enumerate(rings) for other in rings[:place])
    kind = "one ring" if len(rings) == 1 else "joined rings" if joined else "separate rings"
    return (kind, "aromatic") if any(atom.GetIsAromatic() for atom in mol.GetAtoms()) else (kind,)


def _elements(mol: Chem.Mol) -> tuple[str, ...]:
    """The elements beside carbon and hydrogen; "C alone" where there are none."""
    found = {atom.GetSymbol() for atom in mol.GetAtoms()} - {"C", "H"}
    return tuple(sorted(found)) or ("C alone",)
