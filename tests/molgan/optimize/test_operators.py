"""Crossover and mutation: what they give are valid molecules, of the parts of their parents, and diverse."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molgan.data.dataset import embedded, read_rows
from molgan.optimize.crossover import crossover
from molgan.optimize.mutation import EDITS, mutate
from molgan.optimize.parents import parent

DRUGS = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1C(=O)N(C)c2ncn(C)c2C1=O",
    "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
    "COc1ccc2[nH]c(S(=O)Cc3ncc(C)c(OC)c3C)nc2c1",
    "OC(Cn1cncn1)(Cn1cncn1)c1ccc(F)cc1F",
    "C[N+](C)(C)CC(=O)[O-]",
    "O=[N+]([O-])c1ccc(N2CCC3(CC2)OCCO3)cc1",
    "C1CC2CCC1C2",
]
PARENTS = [found for smiles in DRUGS if (found := parent(smiles)) is not None]
SMALL = [text for _, text in read_rows(embedded()) if text][::400]


UNSTABLE = Chem.MolFromSmarts("[N,O,S,n]-[F,Cl,Br,I]"), Chem.MolFromSmarts("[OX2]-[OX2]")


def refuse_odd(mol, *parents):
    """What no child may be: another molecule when its text is read, in pieces, odd rings, another charge, unstable."""
    smiles = Chem.MolToSmiles(mol)
    again = Chem.MolFromSmiles(smiles)
    assert again is not None, smiles
    assert "." not in smiles
    assert all(3 <= len(ring) <= 7 for ring in again.GetRingInfo().AtomRings()), smiles
    assert Chem.GetFormalCharge(again) in {Chem.GetFormalCharge(one.mol) for one in parents}, smiles
    assert not any(map(again.HasSubstructMatch, UNSTABLE)), smiles
    assert not any(atom.GetNumRadicalElectrons() for atom in again.GetAtoms()), smiles


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(PARENTS), st.sampled_from(PARENTS), st.integers(0, 10**6))
def test_a_crossed_molecule_is_valid_and_has_the_elements_of_its_parents(first, second, seed):
    child = crossover(first, second, Random(seed), most_atoms=40)
    if child is not None:
        refuse_odd(child, first, second)
        assert child.GetNumAtoms() <= 40
        elements = {atom.GetSymbol() for one in (first.mol, second.mol) for atom in one.GetAtoms()}
        assert {atom.GetSymbol() for atom in child.GetAtoms()} <= elements


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(PARENTS) | st.sampled_from(SMALL).map(parent), st.sampled_from(list(EDITS)), st.integers(0, 10**6)
)
def test_a_mutated_molecule_is_valid(origin, edit, seed):
    child = mutate(origin, Random(seed), most_atoms=30, edits=[edit])
    if child is not None:
        refuse_odd(child, origin)
        assert child.GetNumAtoms() <= 30


@pytest.mark.parametrize(
    ("edit", "smiles", "atoms", "bonds"),
    [
        ("append atom", "CCO", 1, 1),
        ("insert atom", "CCO", 1, 1),
        ("delete atom", "CCO", -1, -1),
        ("change element", "CCO", 0, 0),
        ("close ring", "CCCCCC", 0, 1),
        ("open ring", "C1CCCCC1", 0, -1),
        ("change bond order", "CCCC", 0, 0),
        ("swap atoms", "CCO", 0, 0),
        ("move part", "CCCCO", 0, 0),
    ],
)
def test_an_edit_changes_what_its_name_says(edit, smiles, atoms, bonds):
    origin = parent(smiles)
    for seed in range(20):
        child = mutate(origin, Random(seed), edits=[edit])
        if child is not None:
            assert child.GetNumAtoms() - origin.mol.GetNumAtoms() == atoms
            assert child.GetNumBonds() - origin.mol.GetNumBonds() == bonds


def test_every_edit_finds_a_place_in_a_drug():
    for edit in EDITS:
        assert any(mutate(PARENTS[3], Random(seed), edits=[edit]) is not None for seed in range(10)), edit


def test_children_are_diverse():
    crossed = [crossover(PARENTS[seed % 5], PARENTS[3 - seed % 3], Random(seed)) for seed in range(200)]
    mutated = [mutate(PARENTS[3], Random(seed)) for seed in range(200)]
    for children, least in ((crossed, 0.6), (mutated, 0.5)):
        made = [Chem.MolToSmiles(child) for child in children if child is not None]
        assert len(made) > 190
        assert len(set(made)) > least * len(made)


def test_a_ring_closes_across_two_parents():
    first, second = parent("C1CCCCC1"), parent("c1ccncc1")
    made = {Chem.MolToSmiles(child) for seed in range(60) if (child := crossover(first, second, Random(seed)))}
    assert any(Chem.MolFromSmiles(smiles).GetRingInfo().NumRings() == 1 and "N" in smiles.upper() for smiles in made)


def test_the_same_seed_gives_the_same_child():
    twice = [Chem.MolToSmiles(mutate(parent(DRUGS[0]), Random(5))) for _ in range(2)]
    assert twice[0] == twice[1]
