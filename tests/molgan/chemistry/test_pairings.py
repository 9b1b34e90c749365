"""Fragments that bonds alone join, against RDKit's own joining and against all subsets of bonds."""

from itertools import combinations

import numpy as np
import pytest
from rdkit import Chem

from molgan import Fragments, chemistry
from molgan.chemistry.pairings import alone, pairings

KINDS = (*map(chemistry.AtomType, "CNOFS"), chemistry.AtomType("Cl"))
VOCABULARY = chemistry.Vocabulary(KINDS, 24)


def molecules(fragments):
    """Canonical SMILES of what bonds alone make."""
    read = Fragments.parse(fragments)
    found = []
    for pairing in alone(read, VOCABULARY):
        atoms = np.full((1, 24), chemistry.PAD)
        atoms[0, : len(read.atoms)] = [KINDS.index(atom) for atom in read.atoms]
        orders = np.zeros((1, VOCABULARY.pairs), dtype=int)
        for i, j, order in (*read.bonds, *((i, j, 1) for i, j in pairing)):
            orders[0, j * (j - 1) // 2 + i] = order
        found.append(read.smiles(chemistry.decode(atoms, orders, VOCABULARY)[0], range(len(read.atoms))))
    return found


@pytest.mark.parametrize(
    ("fragments", "joined"),
    [
        ("[*]c1ccncc1.[*]C1CC1", ["c1cc(C2CC2)ccn1"]),
        ("[1*]c1ccnc([2*])c1.[*]O.[*]C", ["Cc1ccnc(O)c1", "Cc1cc(O)ccn1"]),  # which of them at which site
        ("[1*]c1ccc([2*])cc1.[*]O.[*]C", ["Cc1ccc(O)cc1"]),  # both are one
        ("C1(*)(*)CCC1.[*]O.[*]F", ["OC1(F)CCC1"]),  # two at one atom
        ("[*]CCCCC[*]", ["C1CCCC1"]),
        ("[*]CCCCC[*].[*]F.[*]F", ["FCCCCCF"]),  # a ring of its own would leave the others apart
        ("[*]CC[*].[*]NCO[*]", ["C1COCN1"]),
        ("CO", ["CO"]),  # nothing is left to do
        ("[*]CC[*]", []),  # three-membered rings and bonds between neighbors are not made
        ("[*]c1ccccc1", []),
        ("[*]CC.[*]CC.[*]CC", []),  # an odd number of sites
        ("[*]CC.[*]CC.[*]O.[*]O", []),  # pairs, but in two pieces
        ("CF.CO", ["OCCF", "COCF"]),  # at any atom with a hydrogen
    ],
)
def test_what_bonds_alone_make(fragments, joined):
    assert sorted(molecules(fragments)) == sorted(map(Chem.CanonSmiles, joined))


def test_what_may_stay_empty_need_not_be_joined():
    read = Fragments.parse("[1*]C1CC1[2*].[3*]CO", optional=[2])
    assert len(alone(read, VOCABULARY)) == 1
    assert len(alone(Fragments.parse("[1*]C1CCCN1[2*].[3*]CO", optional=[1, 2]), VOCABULARY)) == 2
    assert alone(Fragments.parse("[1*]C1CC1.[2*]CO", linked=True), VOCABULARY) == ()


@pytest.mark.parametrize(
    "fragments",
    [
        "[*:1][C@H](C)F.[*:1]/C=C/C",
        "[*:1]/C(C)=C\\F.[*:1][C@](F)(Cl)C",
        "[*:1]/C(C)=C(\\[*:2])F.[*:1]C1CC1.[*:2]O",
        "[*:1]N1CCC[C@H]1C(=O)O.[*:1][C@@H](C)c1ccccc1",
        "F[C@](Cl)([*:1])[C@H](C)[*:2].[*:1]O.[*:2]CC",
    ],
)
def test_stereochemistry_is_that_of_rdkits_joining(fragments):
    expected = Chem.CanonSmiles(Chem.MolToSmiles(Chem.molzip(Chem.MolFromSmiles(fragments))))
    made = molecules(fragments)
    assert expected in made
    assert all(Fragments.parse(fragments).in_molecule(text) for text in made)


def steps(bonds, count):
    """How many bonds lead from one atom to another; 99 where none do."""
    found = np.full((count, count), 99)
    np.fill_diagonal(found, 0)
    for i, j in bonds:
        found[i, j] = found[j, i] = 1
    for middle in range(count):
        found = np.minimum(found, found[:, middle, None] + found[middle])
    return found


@pytest.mark.parametrize("seed", range(12))
def test_all_sets_of_bonds_that_there_are(seed):
    random = np.random.default_rng(seed)
    held, count = [], 0
    for size in random.integers(1, 4, 3).tolist():
        held += [(count + at, count + at + 1) for at in range(size - 1)]
        count += size
    free = random.integers(0, 3, count)
    required = np.minimum(free, random.integers(0, 2, count))
    every, expected = [pair for pair in combinations(range(count), 2) if pair not in held], set()
    for chosen in (some for number in range(5) for some in combinations(every, number)):
        used = np.bincount(np.array(chosen, dtype=int).ravel(), minlength=count)
        if (used > free).any() or (used < required).any() or steps([*held, *chosen], count).max() >= 99:
            continue
        without = [steps([*held, *(other for other in chosen if other != pair)], count)[pair] for pair in chosen]
        if min(without, default=99) >= 4:  # a ring of five atoms or more, or none
            expected.add(chosen)
    bonds, sites = [(i, j, 1) for i, j in held], (free.tolist(), required.tolist())
    found = [pairing for pairing in pairings(bonds, *sites) if len(pairing) < 5]
    assert len(found) == len(set(found))
    assert set(found) <= expected
    assert {one for one in expected if not any(set(one) > set(fewer) for fewer in expected)} <= set(found)


def test_a_long_search_ends():
    assert list(pairings([], [1] * 15, [1] * 15)) == []
    star = "C" + "(*)" * 4
    assert alone(Fragments.parse(".".join([star] * 3)), VOCABULARY) == ()
    many = Fragments.parse("[*]c1cccnc1.C1CCNC1CO.CCOC")
    assert 1 < len(alone(many, VOCABULARY, 30)) <= 30
