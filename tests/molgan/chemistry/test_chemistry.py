import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, RDConfig

from molgan import chemistry

BEYOND_QM9 = [
    "CS(=O)(=O)Nc1ccccc1Cl",
    "OP(=O)(O)OCC(Br)CI",
    "C[N+](C)(C)CC([O-])=O",
    "O=[N+]([O-])c1ccc(F)cc1",
    "CB(O)O",
    "C[Si](C)(C)C",
    "F[B-](F)(F)F",
    "c1ccc2[nH]ccc2c1",
    "C1CC1[S+](C)C",
    "CS(C)=O",
    "FS(F)(F)(F)(F)F",
    "[C-]#[N+]C",
    "C" * 64,
]


def graph(smiles, **limits):
    return chemistry.to_graph(chemistry.parse(smiles), **limits)


def round_trip(smiles_list):
    graphs = [graph(smiles) for smiles in smiles_list]
    vocabulary = chemistry.Vocabulary.of(graphs)
    mols = chemistry.decode(*chemistry.encode(graphs, vocabulary), vocabulary)
    return [one.smiles for one in graphs], [chemistry.strict_smiles(mol) for mol in mols]


def test_qm9_survives_the_round_trip(qm9_smiles):
    expected, found = round_trip(qm9_smiles)
    assert found == expected == qm9_smiles


def test_elements_charges_and_sizes_that_qm9_lacks_survive():
    expected, found = round_trip(BEYOND_QM9)
    assert found == expected


def test_drug_like_molecules_survive(shared_data):
    smiles = pd.read_csv(shared_data / "zinc.csv.gz")["SMILES"][:5000]
    graphs = [g for g in (chemistry.graph_or_reason(text.strip()) for text in smiles) if isinstance(g, chemistry.Graph)]
    assert len(graphs) > 500, "many rows of this copy lack their last character and are no SMILES"
    vocabulary = chemistry.Vocabulary.of(graphs)
    decoded = chemistry.decode(*chemistry.encode(graphs, vocabulary), vocabulary)
    assert [chemistry.strict_smiles(mol) for mol in decoded] == [one.smiles for one in graphs]


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("", "empty"),
        ("hello world", "not a SMILES"),
        ("C(C)(C)(C)(C)C", "breaks a valence or aromaticity rule"),
        ("c1cccc1", "breaks a valence or aromaticity rule"),
        ("[Na+].[Cl-]", "more than one fragment"),
        ("[CH2]C", "unpaired electron"),
        ("*C", "wildcard atom"),
        ("[H][H]", "hydrogen as an atom of its own"),
        ("CCCC", "more than 3 heavy atoms"),
        ("N->[Fe]", "bond of kind dative"),
    ],
)
def test_reasons_for_rejection(smiles, reason):
    with pytest.raises(chemistry.Rejected, match=reason):
        graph(smiles, max_atoms=3 if "CCCC" in smiles else None)
    found = chemistry.graph_or_reason(smiles, 3 if "CCCC" in smiles else None)
    assert isinstance(found, str)


def test_stereo_is_dropped_and_atom_order_is_that_of_the_canonical_smiles():
    assert graph("C[C@H](N)O").smiles == graph("C[C@@H](N)O").smiles == "CC(N)O"
    assert graph("OC(N)C").atoms == graph("CC(N)O").atoms
    assert [str(atom) for atom in graph("OC(N)C").atoms] == ["C", "C", "N", "O"]


def test_hydrogen_table_is_what_rdkit_gives():
    assert chemistry.hydrogens(chemistry.AtomType("C")) == (4, 3, 2, 1, 0)
    assert chemistry.hydrogens(chemistry.AtomType("N", 1)) == (4, 3, 2, 1, 0)
    assert chemistry.hydrogens(chemistry.AtomType("O", -1)) == (1, 0)
    assert chemistry.hydrogens(chemistry.AtomType("S")) == (2, 1, 0, 1, 0, 1, 0)
    assert chemistry.hydrogens(chemistry.AtomType("F")) == (1, 0)


def test_an_atom_takes_no_more_bonds_than_the_data_shows_or_its_lowest_valence():
    vocabulary = chemistry.Vocabulary.of([graph("CI"), graph("CSC"), graph("CN=O")])
    assert dict(zip(map(str, vocabulary.atoms), vocabulary.capacities, strict=True)) == {
        "C": 4,
        "I": 1,
        "N": 3,
        "O": 2,
        "S": 2,
    }
    assert chemistry.Vocabulary.of([graph("CS(C)(=O)=O")]).capacities == (4, 2, 6)
    assert chemistry.Vocabulary((chemistry.AtomType("I"),), 2).capacities == (5,), "not told, it is what RDKit accepts"


def test_pair_order_is_a_prefix_whatever_the_size():
    small, large = np.array(chemistry.pair_ends(4)), np.array(chemistry.pair_ends(9))
    assert (large[:, :6] == small).all()
    i, j = large
    assert (j * (j - 1) // 2 + i == np.arange(36)).all()


def test_what_rdkit_refuses_decodes_to_none():
    vocabulary = chemistry.Vocabulary((chemistry.AtomType("C"), chemistry.AtomType("F")), 3)
    atoms = np.array([[1, 0, -1], [0, 0, -1], [-1, -1, -1], [0, -1, 0]], dtype=np.int8)
    orders = np.array([[2, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0]], dtype=np.int8)
    mols = chemistry.decode(atoms, orders, vocabulary)
    assert mols[0] is None, "a double bond to fluorine"
    assert mols[1] is None, "a bond to padding"
    assert mols[2] is None, "no atom at all"
    assert chemistry.strict_smiles(mols[3]) == "CC", "padding in the middle is no obstacle"


@pytest.mark.parametrize(
    ("text", "valid", "smiles"),
    [
        ("OCC", True, "CCO"),
        ("C.C", True, None),
        ("*C", True, None),
        ("C(", False, None),
        ("", False, None),
        (None, False, None),
    ],
)
def test_judge(text, valid, smiles):
    assert chemistry.judge(text) == (valid, smiles)


def test_vocabulary_refuses_what_it_does_not_cover():
    vocabulary = chemistry.Vocabulary.of([graph("CC")])
    with pytest.raises(KeyError):
        chemistry.encode([graph("CN")], vocabulary)
    with pytest.raises(ValueError, match="3 atoms"):
        chemistry.encode([graph("CCC")], vocabulary)


def test_decoded_molecules_are_sanitised():
    (mol,) = chemistry.decode(
        *chemistry.encode([graph("c1ccncc1")], v := chemistry.Vocabulary.of([graph("c1ccncc1")])), v
    )
    assert sum(atom.GetIsAromatic() for atom in mol.GetAtoms()) == 6
    assert Chem.MolToSmiles(mol) == "c1ccncc1"


def test_the_ugliest_molecules_survive_or_have_a_reason():
    """RDKit's own 5,000 NCI molecules: salts, metals, odd hydrogens."""
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    outcomes = [chemistry.graph_or_reason(line.split()[0], 64, chemistry.Policy("largest")) for line in lines]
    kept = [outcome for outcome in outcomes if isinstance(outcome, chemistry.Graph)]
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} == {
        "breaks a valence or aromaticity rule",
        "unpaired electron",
        "more than 64 heavy atoms",
        "bond of kind dative",
    }
    assert len(kept) > 0.99 * len(lines)
    vocabulary = chemistry.Vocabulary.of(kept)
    assert any(atom.hydrogens != chemistry.IMPLIED for atom in vocabulary.atoms)
    assert chemistry.Vocabulary.revive(json.loads(json.dumps(asdict(vocabulary)))) == vocabulary
    decoded = chemistry.decode(*chemistry.encode(kept, vocabulary), vocabulary)
    assert [chemistry.strict_smiles(mol) for mol in decoded] == [graph.smiles for graph in kept]


PLAIN = [chemistry.AtomType(symbol) for symbol in ("C", "N", "O", "S", "P", "F", "B", "Si")]
ODD = [chemistry.AtomType(*kind) for kind in (("N", 1), ("O", -1), ("C", -1), ("S", 0, 2), ("P", 0, 1), ("Fe", 2, 0))]
ANY = chemistry.Vocabulary((*PLAIN, *ODD), 6)


@given(
    st.lists(st.integers(0, len(ANY.atoms) - 1), min_size=1, max_size=6),
    st.lists(st.sampled_from([0, 0, 0, 1, 1, 2, 3]), min_size=15, max_size=15),
)
def test_whatever_can_be_drawn_survives_the_round_trip(kinds, orders):
    atoms = np.full((1, 6), chemistry.PAD, np.int8)
    atoms[0, : len(kinds)] = kinds
    pairs = np.array([orders], np.int8)
    pairs[0, len(kinds) * (len(kinds) - 1) // 2 :] = 0
    (mol,) = chemistry.decode(atoms, pairs, ANY)
    smiles = chemistry.strict_smiles(mol)
    if smiles is None:
        return
    graph = chemistry.graph_or_reason(smiles)
    if isinstance(graph, str):
        assert graph == "unpaired electron"
        return
    (again,) = chemistry.decode(*chemistry.encode([graph], ANY), ANY) if set(graph.atoms) <= set(ANY.atoms) else (mol,)
    assert chemistry.strict_smiles(again) == graph.smiles == smiles


@pytest.mark.parametrize(
    ("text", "policy", "expected"),
    [
        ("[Na+].CC(=O)[O-]", chemistry.Policy(), "more than one fragment"),
        ("[Na+].CC(=O)[O-]", chemistry.Policy("largest"), "CC(=O)[O-]"),
        ("[Na+].CC(=O)[O-]", chemistry.Policy("largest", standardize=True), "CC(=O)O"),
        ("CC.CO", chemistry.Policy("largest"), "CO"),
        ("C[N+](=O)[O-]", chemistry.Policy(standardize=True), "C[N+](=O)[O-]"),
        ("CN(=O)=O", chemistry.Policy(standardize=True), "C[N+](=O)[O-]"),
        ("C[*]", chemistry.Policy("keep"), "wildcard atom"),
        ("C" * 10_001, chemistry.Policy(), "longer than 10,000 characters"),
        ("C[C@H](N)O", chemistry.Policy(), "CC(N)O"),
    ],
)
def test_policies(text, policy, expected):
    outcome = chemistry.graph_or_reason(text, None, policy)
    assert (outcome if isinstance(outcome, str) else outcome.smiles) == expected


def test_a_label_that_was_not_cleared_is_refused():
    with pytest.raises(chemistry.Rejected, match="isotope label"):
        chemistry.to_graph(Chem.MolFromSmiles("[13CH3]C"))
    assert graph("[13CH3]C").smiles == "CC"


def test_a_graph_without_atoms_is_no_molecule():
    kinds = chemistry.Vocabulary(tuple(map(chemistry.AtomType, ("C", "P"))), 3)  # of P, RDKit reads the SMILES
    assert chemistry.decode(np.full((1, 3), chemistry.PAD), np.zeros((1, 3), dtype=int), kinds) == [None]
