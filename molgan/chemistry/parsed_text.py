"""A SMILES string and the molecules parsed from it, each parsed at most once."""

import json
from functools import cached_property
from typing import TypeAlias

from rdkit import Chem

from molgan.chemistry import identity
from molgan.chemistry.identity import Policy, Rejected
from molgan.chemistry.molecule import Molecule


class ParsedText:
    """A text that spells a molecule. It is parsed on first use and never again, in another process either.

    Pickles with the molecules that were made of it. Two objects are unrelated, whatever their text.

    >>> parsed = ParsedText("C(O)[C@H](N)F")
    >>> parsed.molecule.smiles, parsed.strict_smiles
    ('N[C@H](F)CO', 'NC(F)CO')
    """

    def __init__(self, text: str | None):
        self.text = text or ""

    @classmethod
    def of(cls, text: "Text") -> "ParsedText":
        """The text itself if it is one already."""
        return text if isinstance(text, ParsedText) else cls(text)

    @classmethod
    def of_mol(cls, smiles: str, mol: Chem.Mol) -> "ParsedText":
        """A SMILES whose sanitised molecule, in normal form, is at hand."""
        parsed = cls(smiles)
        parsed.molecule = Molecule(mol)
        return parsed

    @cached_property
    def _outcome(self) -> Chem.Mol | str:
        """The molecule with its labels, or the reason why there is none."""
        try:
            return identity.parse_as_written(self.text)
        except Rejected as reason:
            return str(reason)

    @cached_property
    def molecule(self) -> Molecule:
        """The molecule in normal form (`identity.parse`). Raises Rejected with the reason."""
        outcome = self._outcome
        if isinstance(outcome, str):
            raise Rejected(outcome)
        return Molecule(identity.normal_form(outcome) if identity.has_labels(self.text) else outcome)

    @property
    def mol(self) -> Chem.Mol:
        """The molecule as RDKit's object. Raises Rejected with the reason."""
        return self.molecule.mol

    @cached_property
    def smiles_as_written(self) -> str:
        """Canonical SMILES with stereo and isotopes, as MOSES compares them. Raises Rejected."""
        molecule, written = self.molecule, self._outcome
        if not identity.has_labels(self.text) or isinstance(written, str):
            return molecule.smiles
        written = Chem.Mol(written)
        for place in range(written.GetNumAtoms()):
            written.GetAtomWithIdx(place).SetAtomMapNum(0)
        return Chem.MolToSmiles(written)

    @cached_property
    def strict_smiles(self) -> str | None:
        """Canonical SMILES without stereo of a strictly valid molecule (`identity.strict_smiles`), else None."""
        try:
            return identity.strict_smiles(self.mol)
        except Rejected:
            return None

    @cached_property
    def flat_smiles(self) -> str:
        """Canonical SMILES without stereo, of any number of fragments. Raises Rejected."""
        return self.strict_smiles or identity.spelled(self.mol)

    @cached_property
    def flat(self) -> "ParsedText":
        """The molecule of `flat_smiles` without parsing it: no stereo, atoms in its order. Raises Rejected."""
        smiles = self.flat_smiles
        if smiles == self.text:
            return self
        mol = identity.normal_form(self.mol) if identity.has_labels(smiles) else Chem.Mol(self.mol)
        Chem.RemoveStereochemistry(mol)
        Chem.MolToSmiles(mol, isomericSmiles=False)
        mol = Chem.RenumberAtoms(mol, json.loads(mol.GetProp("_smilesAtomOutputOrder")))
        Chem.GetSymmSSSR(mol)  # all rings of a cage, as parsing finds them
        return ParsedText.of_mol(smiles, mol)

    def under(self, policy: Policy) -> Molecule:
        """The molecule that a policy makes of it; the same object where it changes nothing. Raises Rejected."""
        mol = policy.apply(self.mol)
        return self.molecule if mol is self.mol else Molecule(mol)

    def __len__(self) -> int:
        return len(self.text)


Text: TypeAlias = str | ParsedText | None
"""A text, parsed or not; None where a record has none."""
