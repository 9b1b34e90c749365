"""Stereoisomers, the likeliest first."""

from collections import Counter
from itertools import product
from random import Random

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import EnumerateStereoisomers

import molgan
from gancore.errors import ConfigError
from molgan.chemistry import Rejected
from molgan.chemistry.isomers import WEIGHTS, Odds, assigned, isomers, ranked, weights
from molgan.chemistry.stereo_features import Site, features_of, sites_of

GIVEN = [
    "C[C@H](N)C(=O)N1CCC[C@@H]1C(=O)O",
    "C[C@H]1CC[C@@H](O)CC1",  # centres beside each other alone
    "C/C(Cl)=C(/F)[C@@H](C)[S@](C)=O",
    "O=C1[C@@H]2CCC[C@H]2C(=O)N1/N=C/c1ccccc1",
    "CN1[C@H]2CC[C@@H]1[C@@H](C(=O)OC)[C@@H](OC(=O)c1ccccc1)C2",
    "C[S@](=O)c1ccccc1",
    "C[C@]12CC[C@H]3[C@@H](CCC4=CC(=O)CC[C@@]43C)[C@@H]1CC[C@@H]2O",
]
OPEN = ["CC(N)C(=O)O", "CC1CCC(O)CC1", "O=C1C2CCCC2C(=O)N1C=CC", "CC(F)C(O)C(Cl)C", "C1CC2CCC1C2", "CC=NO", "c1ccccc1"]


def signed(mol):
    """Features with the signs of the configurations: how often each is there, of centres, double bonds and pairs."""
    found, counts = features_of(mol), {"centre": Counter(), "double bond": Counter(), "pair": Counter()}
    for site, features in zip(found.sites, found.single, strict=True):
        counts["centre" if site.is_centre else "double bond"].update((n, sign * site.sign) for n, sign in features)
    for (i, j), features in found.pairs.items():
        both = found.sites[i].sign * found.sites[j].sign
        counts["pair"].update((number, sign * both) for number, sign in features)
    return counts


@pytest.mark.parametrize("smiles", GIVEN)
def test_features_do_not_depend_on_the_order_of_atoms(smiles):
    mol = Chem.MolFromSmiles(smiles)
    assert sum(map(len, signed(mol).values())) > 0
    for seed in range(5):
        order = list(range(mol.GetNumAtoms()))
        Random(seed).shuffle(order)
        assert signed(Chem.RenumberAtoms(mol, order)) == signed(mol)


@pytest.mark.parametrize("smiles", GIVEN)
def test_in_the_mirror_centres_turn_and_relations_stay(smiles):
    mol = Chem.MolFromSmiles(smiles)
    sites = sites_of(mol)
    mirrored = assigned(mol, sites, [-site.sign if site.is_centre else site.sign for site in sites])
    found, there = signed(mol), signed(Chem.MolFromSmiles(mirrored))
    assert there["centre"] == Counter({(number, -sign): n for (number, sign), n in found["centre"].items()})
    assert there["pair"] == found["pair"]
    assert there["double bond"] == found["double bond"]


@pytest.mark.parametrize("smiles", GIVEN)
def test_configurations_are_written_as_they_were_read(smiles):
    mol = Chem.MolFromSmiles(smiles)
    sites = sites_of(mol)
    assert assigned(mol, sites, [site.sign for site in sites]) == Chem.CanonSmiles(smiles)
    bare = assigned(mol, sites, [0] * len(sites))
    assert bare == Chem.MolToSmiles(mol, isomericSmiles=False)
    assert Chem.CanonSmiles(smiles) in isomers(bare, 10_000)


@pytest.mark.parametrize("smiles", OPEN + GIVEN)
def test_all_isomers_are_those_that_rdkit_enumerates(smiles):
    chosen = EnumerateStereoisomers.StereoEnumerationOptions(onlyUnassigned=True, unique=True)
    expected = EnumerateStereoisomers.EnumerateStereoisomers(Chem.MolFromSmiles(smiles), options=chosen)
    assert set(isomers(smiles, 10_000)) == {Chem.CanonSmiles(Chem.MolToSmiles(one)) for one in expected}


@pytest.mark.parametrize("smiles", ["C#CC#CC(=N)OCC", "CC=N", "N=C1CC(O)C1", "CC(F)C(=N)CC=CC", "[H]/N=C(/C)CC"])
def test_hydrogens_of_imines_are_on_no_side(smiles):
    """RDKit cannot mark the side of a hydrogen that is not an atom; one that is written keeps its side."""
    options = EnumerateStereoisomers.StereoEnumerationOptions(unique=True)
    expected = EnumerateStereoisomers.EnumerateStereoisomers(Chem.MolFromSmiles(smiles), options=options)
    assert set(isomers(smiles, 100)) == {Chem.CanonSmiles(Chem.MolToSmiles(one)) for one in expected}


@pytest.mark.parametrize(
    ("smiles", "likeliest"),
    [
        ("C=CCC=CC(=O)NC", "C=CC/C=C/C(=O)NC"),  # E
        ("O=C(NN=Cc1ccccc1)c1ccccc1", "O=C(N/N=C/c1ccccc1)c1ccccc1"),
        ("C1CC2CCC1C2", "C1C[C@H]2CC[C@@H]1C2"),  # the other one cannot be
    ],
)
def test_the_likeliest_comes_first(smiles, likeliest):
    found = isomers(smiles, 4)
    assert isomers(smiles, 1) == found[:1]
    assert found[0] == Chem.CanonSmiles(likeliest)


def test_what_is_given_stays():
    given, found = molgan.Fragments.parse("C[C@H](F)[*]"), isomers("C[C@H](F)C(O)C(Cl)C=CC", 9)
    assert len(found) == 8
    assert all(given.in_molecule(text) for text in found)
    assert isomers("C[C@H](F)O", 5) == [Chem.CanonSmiles("C[C@H](F)O")]
    assert isomers("OCC", 1) == ["CCO"]
    assert isomers("OC(C)CC(N)C", 2) == isomers("CC(N)CC(C)O", 2), "however it is written"


def test_ranks_are_those_of_all_configurations():
    random = np.random.default_rng(0)
    single, pairs = random.normal(size=6), np.triu(random.normal(size=(6, 6)), 1)
    odds = Odds(single, pairs + pairs.T)
    sites = [Site((at,), ((1, 2, 3, 4),), sign) for at, sign in enumerate((0, 0, 1, 0, 0, -1))]
    every = np.array([signs for signs in product((1, -1), repeat=6) if signs[2] == 1 and signs[5] == -1])
    totals = every @ single + np.einsum("ni,ij,nj->n", every, pairs, every)
    assert ranked(sites, odds).tolist() == every[np.argsort(-totals)].tolist()


def test_many_centres_take_no_time():
    found = isomers("C" + "C(O)" * 14 + "F", 3)
    assert len(found) == 3
    assert all(site.sign for site in sites_of(Chem.MolFromSmiles(found[0])))


def test_weights_are_small():
    assert WEIGHTS.stat().st_size < 300_000
    assert weights().dtype == np.float16


def test_bad_input_is_refused():
    with pytest.raises(Rejected, match="not a SMILES"):
        molgan.isomers("C1CC(", 2)
    with pytest.raises(ConfigError, match="ask for one or more"):
        molgan.isomers("CC", 0)
