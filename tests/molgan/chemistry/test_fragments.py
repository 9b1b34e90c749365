"""Requests for fragments: what they mean, what they refuse, and whether a molecule has them."""

import pytest
from rdkit import Chem

from molgan import chemistry
from molgan.chemistry.fragments import OPEN, Fragments
from molgan.chemistry.graph import AtomType


@pytest.mark.parametrize("site", ["[*]", "*", "[1*]", "[*:1]", "[7*]", "[*:12]"])
def test_all_ways_to_mark_a_site(site):
    read = Fragments.parse(f"{site}c1ccncc1")
    assert len(read.atoms) == 6
    assert sum(read.sites) == sum(read.required) == 1
    assert read.pieces == 1


def test_without_marks_every_atom_is_open():
    assert Fragments.parse("c1ccccc1").sites == (OPEN,) * 6
    mixed = Fragments.parse(["[*]CO", "CN"])
    assert mixed.sites == (1, 0, OPEN, OPEN)
    assert mixed.pieces == 2
    # An atom without a hydrogen has none to give, though sulphur could take two more double bonds.
    assert Fragments.parse("Cc1nccs1").sites == (OPEN, 0, 0, OPEN, OPEN, 0)


def test_several_sites_at_one_atom_and_optional_ones():
    spiro = Fragments.parse("C1(*)(*)CCC1")
    assert spiro.sites == spiro.required == (2, 0, 0, 0)
    assert spiro.least_atoms == 6  # each new atom has one bond to it
    some = Fragments.parse("[1*]c1ccc([2*])cc1", optional=[2])
    assert sum(some.sites) == 2
    assert sum(some.required) == 1


def test_an_atom_of_any_type():
    read = Fragments.parse("C1CC*CC1[*]")
    assert read.atoms[3] is None
    assert read.in_molecule("CC1CCCNC1")
    assert read.in_molecule("CC1CCCOC1")
    assert not read.in_molecule("CC1CCNC1")


def test_atoms_are_of_the_types_that_they_have_in_molecules():
    read = Fragments.parse("[*]C[N+](C)(C)C.[*]c1cc[nH]c1.[*]S(=O)(=O)[O-]")
    assert AtomType("N", 1) in read.atoms
    assert AtomType("O", -1) in read.atoms
    assert AtomType("N") in read.atoms


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("*", "a site is bonded to nothing"),
        ("CC.[*]", "a site is bonded to nothing"),
        ("[*]=CC", "a site has a bond that is not single"),
        ("[*][*]", "there is nothing but sites"),
        ("C1CC(", "not a SMILES"),
        ("[*]C(C)(C)(C)C", "breaks a valence"),
        ("[*][13CH3]", "isotope"),
        ("[*][CH]C", "unpaired electron"),
    ],
)
def test_what_is_no_request_is_refused_in_a_few_words(text, reason):
    with pytest.raises(chemistry.Rejected, match=reason):
        Fragments.parse(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[*]B(O)O", "has B, which the model does not know"),
        ("[*]" + "C" * 12, "needs 13 heavy atoms or more, the model holds 12"),
        ("FC(F)(F)F", "has a piece without a free valence"),
    ],
)
def test_what_a_model_cannot_build_on_is_refused(text, reason):
    kinds = (AtomType("C"), AtomType("F"), AtomType("O"))
    assert Fragments.parse(text).refusal(chemistry.Vocabulary(kinds, 12)) == reason


def test_a_size_that_is_too_small_is_refused():
    kinds = (AtomType("C"), AtomType("F"), AtomType("O"))
    refusal = Fragments.parse("[*]CCC").refusal(chemistry.Vocabulary(kinds, 12), size=(1, 3))
    assert refusal == "needs 4 heavy atoms or more, and 3 are allowed"
    assert Fragments.parse("[*]CCC").refusal(chemistry.Vocabulary(kinds, 12), added=(10, 20))


@pytest.mark.parametrize(
    ("request_", "has", "lacks"),
    [
        ("[*]c1ccccc1", ["Cc1ccccc1", "c1ccc(-c2ccccc2)cc1"], ["c1ccccc1", "Cc1ccccc1C", "CC1CCCCC1"]),
        ("[*]c1ccccc1.[*]C1CC1", ["C1CC1Cc1ccccc1", "C1CC1Oc1ccccc1"], ["Cc1ccccc1"]),
        ("c1ccncc1", ["Cc1ccncc1", "c1ccc2ncccc2c1"], ["C1CCNCC1"]),
        ("[*]C(=O)O", ["CC(=O)O"], ["CC(=O)OC", "CC(O)O"]),
        ("[*]C(=O)[O-]", ["CC(=O)[O-]"], ["CC(=O)O"]),
        ("[*]/C=C/C", ["CC/C=C/C"], ["CC/C=C\\C", "CCC=CC"]),
        ("[*]N1CCC[C@H]1C(=O)O", ["CN1CCC[C@H]1C(=O)O"], ["CN1CCC[C@@H]1C(=O)O", "CN1CCCC1C(=O)O"]),
    ],
)
def test_whether_a_molecule_has_what_was_requested(request_, has, lacks):
    read = Fragments.parse(request_)
    assert [text for text in has if not read.in_molecule(text)] == []
    assert [text for text in lacks if read.in_molecule(text)] == []


@pytest.mark.parametrize(
    ("fragment", "whole"),
    [
        ("[*]N1CCC[C@H]1C(=O)O", "CCN1CCC[C@H]1C(=O)O"),
        ("C[C@H](N)c1ccccc1", "C[C@H](NC)c1ccccc1"),
        ("C[C@@H](F)[*]", "C[C@@H](F)CCC"),
        ("[*][C@](C)(F)Cl", "CC[C@](C)(F)Cl"),
        ("[*][C@@H]1CC[C@H](C)CC1", "O[C@@H]1CC[C@H](C)CC1"),
        ("[*]/C(C)=C\\Cl", "CC/C(C)=C\\Cl"),
        ("[*]C[S@](=O)C", "CCC[S@](=O)C"),
    ],
)
def test_stereochemistry_is_kept_whatever_the_order_of_atoms(fragment, whole):
    read, mol = Fragments.parse(fragment), Chem.MolFromSmiles(whole)
    flat = Chem.MolFromSmiles(Chem.MolToSmiles(mol, isomericSmiles=False))
    matches = flat.GetSubstructMatches(read._query(), uniquify=False)
    written = {read.smiles(flat, at) for at in matches} - {None}
    assert Chem.CanonSmiles(whole) in written
    for seed in range(5):  # the same molecule with its atoms shuffled
        order = list(range(flat.GetNumAtoms()))
        order = order[seed:] + order[:seed]
        turned = Chem.RenumberAtoms(flat, order)
        ways = {read.smiles(turned, [order.index(a) for a in at]) for at in matches} - {None}
        assert ways == written


def test_decoded_molecules_keep_the_order_of_their_atoms():
    graph = chemistry.graph_or_reason("Ic1ccc(CP(C)(=O)O)cc1")
    vocabulary = chemistry.Vocabulary.of([graph])
    [mol] = chemistry.decode(*chemistry.encode([graph], vocabulary), vocabulary)
    assert tuple(atom.GetSymbol() for atom in mol.GetAtoms()) == tuple(atom.symbol for atom in graph.atoms)
