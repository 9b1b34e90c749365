"""Molecular identity: one parser, one normal form and one policy for every comparison. RDKit only.

Two spellings are one molecule when they differ in atom maps, isotopes, stereochemistry, or in which hydrogens are
written as atoms. `parse` gives the normal form with stereo; `strict_smiles` and `flat` spell it without.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.MolStandardize import rdMolStandardize

MOST_CHARACTERS = 10_000
"""Characters of the longest string that is read as a molecule."""
# An isotope, a hydrogen in brackets (or He, Hf, ...), an atom map (or a written aromatic bond): most have none of them.
_LABELS = re.compile(r"\[\d|\[H|:\d")


def _removable() -> Chem.RemoveHsParameters:
    """Every hydrogen that a SMILES need not write; bare hydrogen, hydrides and bridges stay."""
    chosen = Chem.RemoveHsParameters()
    for name in ("DefiningBondStereo", "Isotopes", "Mapped", "DummyNeighbors", "Nonimplicit", "WithWedgedBond"):
        setattr(chosen, f"remove{name}", True)
    chosen.removeNontetrahedralNeighbors = chosen.removeInSGroups = True
    chosen.showWarnings = False
    return chosen


_REMOVABLE = _removable()


class Rejected(ValueError):
    """A molecule that cannot be used; the message is the reason, a few words."""


def parse(smiles: str) -> Chem.Mol:
    """The molecule of a SMILES, sanitised, in normal form: no atom maps, no isotopes, no removable hydrogens.

    Stereochemistry is kept, but for that of a double bond to a removed hydrogen. Raises Rejected with the reason.

    >>> Chem.MolToSmiles(parse("[H]/N=C(/[CH3:1])[2H]"))
    'CC=N'
    """
    mol = parse_as_written(smiles)
    return normal_form(mol) if has_labels(smiles) else mol


def has_labels(smiles: str) -> bool:
    """Whether a SMILES may have isotopes, atom maps or hydrogens as atoms, so that `normal_form` may change it."""
    return _LABELS.search(smiles) is not None


def parse_as_written(smiles: str) -> Chem.Mol:
    """The sanitised molecule of a SMILES with its labels and hydrogens; raises Rejected with the reason."""
    if not smiles.strip():
        raise Rejected("empty")
    if len(smiles) > MOST_CHARACTERS:
        raise Rejected(f"longer than {MOST_CHARACTERS:,} characters")
    if not smiles.isascii() and any("\ud800" <= sign <= "\udfff" for sign in smiles):
        raise Rejected("half a surrogate pair, which is no text")
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is not None and mol.GetNumAtoms():
            return mol
        readable = Chem.MolFromSmiles(smiles, sanitize=False) is not None
    raise Rejected("breaks a valence or aromaticity rule" if readable else "not a SMILES")


def normal_form(mol: Chem.Mol) -> Chem.Mol:
    """A copy without atom maps, isotopes and removable hydrogens."""
    mol = Chem.Mol(mol)
    for place in range(mol.GetNumAtoms()):
        atom = mol.GetAtomWithIdx(place)
        atom.SetAtomMapNum(0)
        atom.SetIsotope(0)
    with rdBase.BlockLogs():
        mol = Chem.RemoveHs(mol, _REMOVABLE)
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)  # an isotope may have been all that made a centre
    return mol


def holds_wildcard(mol: Chem.Mol) -> bool:
    """Whether some atom is of no element."""
    return any(not mol.GetAtomWithIdx(place).GetAtomicNum() for place in range(mol.GetNumAtoms()))


@dataclass(frozen=True)
class Policy:
    """How a molecule is prepared before it is used or compared. Stereochemistry stays; identity and graphs drop it.

    fragments: of salts and mixtures; "reject" them, take the "largest" (by heavy atoms, then weight), or "keep" all.
    standardize: whether metals are disconnected, functional groups normalised and charges neutralised, by
    `rdMolStandardize`. That comes first: a disconnected metal is a fragment.

    >>> Policy("largest", standardize=True).smiles("CC(=O)[O-].[Na+]")
    'CC(=O)O'
    """

    fragments: str = "reject"
    standardize: bool = False

    def apply(self, mol: Chem.Mol) -> Chem.Mol:
        """The molecule to use. Raises Rejected, a ValueError, with the reason.

        >>> Policy("largest").apply(parse("CCO.[Na]")).GetNumAtoms()
        3
        """
        if holds_wildcard(mol):
            raise Rejected("wildcard atom")
        if self.standardize:
            mol = _standardised(mol, rdMolStandardize.Cleanup)
        if len(Chem.GetMolFrags(mol)) > 1:
            if self.fragments == "reject":
                raise Rejected("more than one fragment")
            if self.fragments == "largest":
                mol = max(Chem.GetMolFrags(mol, asMols=True), key=_size)
        return _standardised(mol, rdMolStandardize.Uncharger().uncharge) if self.standardize else mol

    def smiles(self, text: str) -> str:
        """The prepared molecule of a SMILES, canonical with stereo. Raises Rejected as `apply` and `parse` do.

        >>> Policy("largest").smiles("C[C@H](N)O.Cl")
        'C[C@H](N)O'
        """
        return Chem.MolToSmiles(self.apply(parse(text)))

    def __str__(self) -> str:
        """In words.

        >>> print(Policy("largest"))
        largest fragment, charges as drawn, no stereo, no isotopes
        """
        parts = {"reject": "one fragment", "largest": "largest fragment", "keep": "all fragments"}[self.fragments]
        charges = "standardized" if self.standardize else "charges as drawn"
        return f"{parts}, {charges}, no stereo, no isotopes"


COMPARED = Policy("largest")
"""How training and reference molecules are prepared for a comparison unless a run or the user says otherwise."""


def _size(mol: Chem.Mol) -> tuple[int, float, str]:
    return mol.GetNumHeavyAtoms(), rdMolDescriptors.CalcExactMolWt(mol), Chem.MolToSmiles(mol)


def _standardised(mol: Chem.Mol, step: Callable[[Chem.Mol], Chem.Mol]) -> Chem.Mol:
    with rdBase.BlockLogs():
        try:
            mol = step(mol)
            Chem.SanitizeMol(mol)  # aromaticity is not perceived anew by every step
            return mol
        except (Chem.MolSanitizeException, RuntimeError):
            raise Rejected("cannot be standardised") from None


def strict_smiles(mol: Chem.Mol | None) -> str | None:
    """Canonical SMILES without stereo if the molecule is valid in the strict sense, else None.

    Strict: it sanitises, has at least one atom, no wildcard, and is one fragment. mol: as `parse` gives it.
    """
    if mol is None or not mol.GetNumAtoms() or len(Chem.GetMolFrags(mol)) > 1 or holds_wildcard(mol):
        return None
    return spelled(mol)


def spelled(mol: Chem.Mol) -> str:
    """Canonical SMILES without stereo of any sanitised molecule, also of one that is not in normal form."""
    smiles = Chem.MolToSmiles(mol, isomericSmiles=False)
    return Chem.MolToSmiles(normal_form(mol), isomericSmiles=False) if has_labels(smiles) else smiles


def identity(text: str | None, policy: Policy = COMPARED) -> str | None:
    """Canonical SMILES, without stereo, of the molecule that a policy makes of a string; None where there is none.

    With the fragments kept, that is a mixture's own SMILES.

    >>> identity("[Na+].[O-]C(=O)[C@H](N)[13CH3]"), identity("no molecule")
    ('CC(N)C(=O)[O-]', None)
    """
    try:
        return prepared_identity(parse(text or ""), policy)
    except Rejected:
        return None


def prepared_identity(mol: Chem.Mol, policy: Policy) -> str | None:
    """The same of a molecule that `parse` gave."""
    try:
        return spelled(policy.apply(mol))
    except Rejected:
        return None


def prepared(text: str, policy: Policy = COMPARED) -> str | None:
    """A SMILES as it enters a comparison: itself where the policy cannot change it, else the prepared molecule with

    stereo; None where the policy rejects it.

    >>> prepared("OC"), prepared("OC(=O)C.[Na]")
    ('OC', 'CC(=O)O')
    """
    if not policy.standardize and "." not in text:
        return text
    try:
        return policy.smiles(text)
    except Rejected:
        return None


def flat(smiles: str) -> str:
    """Canonical SMILES without stereo, isotopes and atom maps, of any number of fragments; raises Rejected."""
    return spelled(parse(smiles))


class Judged(NamedTuple):
    """One string: whether RDKit reads it, and its `strict_smiles`."""

    valid: bool
    smiles: str | None


def judge(text: str | None) -> Judged:
    """Judge one string; None and the empty string are invalid."""
    try:
        mol = parse(text or "")
    except Rejected:
        return Judged(False, None)
    return Judged(True, strict_smiles(mol))
