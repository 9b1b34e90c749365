"""Spellings that end at an atom: what is written next is bonded to it, and the atoms are found again."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molgan.chemistry.prompts import places, spell

ODD = [
    *("C[NH2+]CC(=O)[O-]", "c1cc[nH]c1", "c1ccc2c(c1)-c1ccccc1-2", "C1CC2(C1)CCN(C)CC2", "O=S1(=O)NC(C)Nc2ccccc21"),
    *("C[n+]1ccccc1", "[NH4+]", "C", "C1CC2CCC1C2", "CC#CC1=CC=CC=CC=C1", "C[S@@](=O)CC", "F/C=C/C"),
    *("CP(C)(=O)O", "C[Si](C)(C)CC", "c1cc[se]c1", "C[PH](C)(C)C", "C12C3C4C1C5C2C3C45"),
]


def methylated(mol, at):
    """A molecule with a new carbon at an atom; None where RDKit refuses it."""
    new = Chem.RWMol(mol)
    new.AddBond(at, new.AddAtom(Chem.Atom("C")), Chem.BondType.SINGLE)
    atom = new.GetAtomWithIdx(at)
    atom.SetNumExplicitHs(max(0, atom.GetNumExplicitHs() - 1))
    try:
        Chem.SanitizeMol(new)
    except Chem.MolSanitizeException:
        return None
    return Chem.CanonSmiles(Chem.MolToSmiles(new))


def check(smiles, seed):
    mol = Chem.MolFromSmiles(smiles)
    Chem.RemoveStereochemistry(mol)
    for atom in mol.GetAtoms():
        wanted = methylated(mol, atom.GetIdx()) if atom.GetTotalNumHs() else None
        if wanted is None:
            continue
        prompt, order = spell(mol, atom.GetIdx(), Random(seed))
        longer = Chem.MolFromSmiles(prompt + "C")
        assert Chem.MolToSmiles(longer) == wanted, (smiles, prompt)
        assert sorted(order) == list(range(mol.GetNumAtoms()))
        at = places(order)
        (new,) = longer.GetAtomWithIdx(longer.GetNumAtoms() - 1).GetNeighbors()
        assert new.GetIdx() == at[atom.GetIdx()]
        assert [longer.GetAtomWithIdx(place).GetAtomicNum() for place in at] == [
            a.GetAtomicNum() for a in mol.GetAtoms()
        ]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_prompt_is_the_molecule_with_its_site_last(qm9_smiles, data):
    check(data.draw(st.sampled_from(qm9_smiles)), data.draw(st.integers(0, 2**31)))


@pytest.mark.parametrize("smiles", ODD)
def test_odd_molecules(smiles):
    for seed in range(5):
        check(smiles, seed)


def test_an_atom_in_a_ring_ends_the_string_and_closes_it():
    mol = Chem.MolFromSmiles("Cc1ccc(CC2CC2)cc1")
    for seed in range(20):
        assert spell(mol, 2, Random(seed))[0].endswith("c1"), "no branch of a ring in parentheses behind the site"
