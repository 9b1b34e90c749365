"""One molecule is one molecule, however it is spelt; both sides of a comparison are prepared the same way."""

import gzip
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, RDConfig, rdBase

from gancore.errors import ConfigError
from molgan import chemistry
from molgan.chemistry.identity import COMPARED, Policy, identity, prepared
from molgan.data.dataset import MoleculeDataset
from molgan.metrics import evaluate
from molgan.metrics.basic import Known
from molgan.metrics.evaluation import known_smiles
from molgan.scoring.definition import Component, ScoreConfig
from molgan.scoring.description import Described, read
from molgan.scoring.desirability import Desirability
from molgan.scoring.scorer import Scorer, score_frame

CONTRIB = Path(RDConfig.RDContribDir)
# Reactants and products of textbook reactions, mapped as reaction data sets map them.
MAPPED = (
    "[CH3:1][C:2](=[O:3])[OH:4]",
    "[CH3:5][CH2:6][NH2:7]",
    "[CH3:1][C:2](=[O:3])[NH:7][CH2:6][CH3:5]",
    "[Br:1][c:2]1[cH:3][cH:4][n:5][cH:6][cH:7]1",
    "[OH:1][B:2]([OH:3])[c:4]1[cH:5][cH:6][cH:7][cH:8][cH:9]1",
    "[N-:1]=[N+:2]=[N:3][CH2:4][c:5]1[cH:6][cH:7][cH:8][cH:9][cH:10]1",
    "[H:20][C@@:1]([NH2:2])([CH3:3])[C:4](=[O:5])[O-:6]",
    "[nH:1]1[cH:2][cH:3][c:4]([Cl:5])[cH:6]1",
)


@cache
def nci() -> list[str]:
    """RDKit's own 5,000 NCI molecules, those that it reads."""
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    with rdBase.BlockLogs():
        return [text for text in (line.split()[0] for line in lines) if Chem.MolFromSmiles(text) is not None]


def spellings(text: str, seed: int, labels: bool) -> str:
    """The same molecule in another order of atoms, with some hydrogens written, some atoms mapped, some isotopes."""
    rng = random.Random(seed)
    mol = Chem.MolFromSmiles(text)
    some = [atom.GetIdx() for atom in mol.GetAtoms() if rng.random() < 0.3]
    mol = Chem.AddHs(mol, onlyOnAtoms=some) if some else mol
    for atom in mol.GetAtoms():
        if labels and rng.random() < 0.3:
            atom.SetAtomMapNum(rng.randrange(1, 200))
        if labels and rng.random() < 0.2:
            atom.SetIsotope(2 if atom.GetAtomicNum() == 1 else rng.randrange(1, 250))
    return Chem.MolToSmiles(mol, doRandom=True, canonical=False)


@pytest.mark.parametrize(
    ("spelt", "plain"),
    [
        ("[H]/N=C(/N)c1ccccc1", "N=C(N)c1ccccc1"),
        ("[H]/N=C(\\N)c1ccccc1", "N=C(N)c1ccccc1"),
        ("[CH3:1][CH2:2][OH:3]", "CCO"),
        ("[2H]C([2H])([2H])O[3H]", "CO"),
        ("[13CH3][12CH2]O", "CCO"),
        ("C[C@@H](O)[2H]", "CCO"),
        ("[H]n1cccc1", "c1cc[nH]c1"),
        ("[H][N+]([H])([H])C", "C[NH3+]"),
        ("[H]/C(F)=C(/[H])Cl", "FC=CCl"),
        ("F/C=C/Cl", "FC=CCl"),
        ("[H][H]", "[H][H]"),  # nothing to remove them from
        ("[2H][2H]", "[H][H]"),
    ],
)
def test_two_spellings_are_one_molecule(spelt, plain):
    assert chemistry.judge(spelt).smiles == chemistry.flat(spelt) == identity(spelt) == plain
    assert chemistry.strict_smiles(Chem.MolFromSmiles(spelt)) == plain, "and if not read by `parse`"
    one, other = (read(text) for text in (spelt, plain))
    assert (one.strict, one.flat) == (other.strict, other.flat)


def test_stereo_and_isotopes_count_where_moses_counts_them():
    assert read("[13CH3]O").full != read("CO").full
    assert read("F/C=C/Cl").full != read("FC=CCl").full
    assert read("[CH3:7]O").full == read("CO").full, "an atom map is an annotation"


@given(st.integers(0, 4900), st.integers(0, 2**30), st.booleans())
@settings(max_examples=120, deadline=None)
def test_identity_ignores_order_hydrogens_maps_and_isotopes(place, seed, labels):
    text = nci()[place % len(nci())]
    spelt = spellings(text, seed, labels)
    assert identity(spelt) == identity(text)
    assert chemistry.flat(spelt) == chemistry.flat(text)


def _assert_idempotent(texts):
    for text in texts:
        smiles = chemistry.flat(text)
        assert chemistry.flat(smiles) == smiles, text
        if "." not in smiles and "*" not in smiles:
            assert chemistry.judge(text).smiles == smiles
            assert chemistry.judge(smiles) == (True, smiles)


@pytest.mark.parametrize("policy", [Policy(fragments, standardize) for fragments in ("reject", "largest", "keep")
                                    for standardize in (False, True)], ids=str)  # fmt: skip
def test_a_policy_gives_one_fragment_or_a_reason(policy):
    """Metals, salts, charges; what a policy made is left alone by the same policy."""
    hard = [text for text in nci() if "." in text or "[" in text]
    for text in [
        *hard[:: 14 if policy.standardize else 4],
        "O[Hg]c1ccc(C(=O)O)cc1",
        "[Na]OC(C)=O",
        "CC(=O)O[Cu]OC(C)=O",
    ]:
        smiles = identity(text, policy)
        if smiles is None:
            with pytest.raises(chemistry.Rejected, match=r"more than one fragment|cannot be standardised"):
                policy.apply(chemistry.parse(text))
            assert policy.fragments == "reject" or policy.standardize
            continue
        assert policy.fragments == "keep" or "." not in smiles, text
        assert identity(smiles, policy) == smiles, text


def test_identity_is_idempotent_on_foreign_files():
    """3D structures with their hydrogens, mapped reactions, stereo."""
    three_d = []
    for file in ("PBF/testData/egfr.sdf", "Fastcluster/testdata/cdk2.sdf", "FreeWilson/data/cmet_ligands.sdf"):
        mols = [mol for mol in Chem.SDMolSupplier(str(CONTRIB / file), removeHs=False) if mol is not None]
        three_d += [Chem.MolToSmiles(mol) for mol in mols[:12]]
    assert len(three_d) == 36
    assert any("[H]" in text for text in three_d)
    for text in three_d:
        assert "[H]" not in chemistry.flat(text)
        assert isinstance(chemistry.graph_or_reason(text), chemistry.Graph)
    _assert_idempotent([*three_d, *MAPPED, *nci()[::10]])
    plain = [Chem.MolFromSmiles(text) for text in MAPPED]
    for mol in plain:
        for atom in mol.GetAtoms():
            atom.SetAtomMapNum(0)
    assert [chemistry.flat(text) for text in MAPPED] == [chemistry.flat(Chem.MolToSmiles(mol)) for mol in plain]


def test_identity_is_idempotent_on_zinc_with_stereo(shared_data):
    with gzip.open(shared_data / "zinc.csv.gz", "rt") as lines:
        _assert_idempotent([text for number, text in enumerate(map(str.strip, lines)) if number % 1500 == 1])


# What depends on identity ---------------------------------------------------------------------

SAME = ("[H]/N=C(/N)c1ccccc1", "N=C(N)c1ccccc1", "[NH:3]=[C:1]([NH2:2])c1ccccc1", "[2H]/N=C(/N)c1ccccc1")


def test_every_figure_sees_one_molecule():
    described = Described.of(SAME)
    assert (described.fingerprints == described.fingerprints[0]).all()
    assert (described.wide == described.wide[0]).all()
    np.testing.assert_array_equal(described.properties, described.properties[[0] * len(SAME)])
    assert len(set(described.ring_systems)) == len(set(described.scaffolds)) == len(set(described.fragments)) == 1
    found = evaluate([*SAME, "CCO", "[CH3:1][CH2:2][OH:3]"], train=["C(O)C", SAME[0]])
    assert found["unique"].value == pytest.approx(2 / 6)
    assert found["novel"].value == 0
    assert np.ptp(Scorer("qed")(SAME)) == 0
    assert np.ptp(Scorer("qed").frame(SAME)["score"]) == 0


def test_another_spelling_of_a_scored_molecule_is_no_new_molecule():
    scorer = Scorer("qed", processes=0)
    first = scorer(["CCO", "[H]/N=C(/N)c1ccccc1"])
    assert scorer(["OCC", "N=C(N)c1ccccc1"]).tolist() == first.tolist()
    assert scorer.spent == 2


def test_explicit_hydrogens_lose_no_rows():
    spelt = [Chem.MolToSmiles(Chem.AddHs(Chem.MolFromSmiles(text))) for text in ("CCO", "C=N", "C1CC1", "NC=O")]
    data = MoleculeDataset.from_smiles([*spelt, "[H]/N=C(/[H])C", "CC=N"])
    assert data.smiles == ["CCO", "C=N", "C1CC1", "NC=O", "CC=N"]
    assert [row.reason for row in data.rejected] == ["duplicate of row 5"]


SALTS = ["CC(=O)[O-].[Na+]", "C[NH3+].[Cl-]", "CCN(CC)CC.Cl", "OC(=O)c1ccccc1.NCCO", "c1ccncc1", "[K+].[O-]c1ccccc1"]


def test_novel_is_of_molecules_prepared_alike():
    trained = [identity(text) for text in SALTS]
    found = evaluate([*trained, "CCCCO"], train=SALTS)
    assert found["novel"].value == pytest.approx(1 / 7)
    assert found.notes[0] == "Molecules are compared by: largest fragment, charges as drawn, no stereo, no isotopes."
    assert "5 are salts or mixtures; they count as their largest fragment" in found.notes[1]
    neutral = [identity(text, Policy("largest", True)) for text in SALTS]
    assert evaluate(neutral, train=SALTS, policy=Policy("largest", True))["novel"].value == 0
    assert evaluate(trained, train=SALTS, policy=Policy("largest", True))["novel"].value == 0, "on both sides"
    assert evaluate(neutral, train=SALTS)["novel"].value == pytest.approx(3 / 6)
    assert evaluate(trained, train=SALTS, policy=Policy("reject"))["novel"].value == pytest.approx(5 / 6)


def test_similarity_to_training_salts_is_to_what_was_trained_on():
    trained = [identity(text) for text in SALTS]
    found = evaluate(trained, train=SALTS, reference=SALTS, groups=("memorisation", "precision"))
    assert found["train similarity"].value == pytest.approx(1)
    assert found["same skeleton"].value == 1
    assert found["precision"].value == found["recall"].value == 1


def test_a_set_is_compared_by_identity_like_a_list():
    spelt = ["OCC", "[H]/N=C(/N)c1ccccc1"]
    for train in (spelt, set(spelt), tuple(spelt)):
        assert evaluate(["CCO", "N=C(N)c1ccccc1"], train=train)["novel"].value == 0
        assert known_smiles(train) == {"CCO", "N=C(N)c1ccccc1"}
    assert len(Known.of(MoleculeDataset.from_smiles(spelt)).strict) == 2


def test_a_reference_of_a_score_is_prepared_like_the_molecules():
    salt = "C[NH+](C)CCOC(=O)c1ccccc1.[Cl-]"
    components = (
        Component("similarity", Desirability("maximize", low=0.0, high=1.0), molecules=(salt,)),
        Component("scaffold", Desirability("maximize", low=0.0, high=1.0), molecules=(salt,)),
    )
    for fragments, standardize in (("largest", True), ("largest", False), ("keep", False)):
        scorer = Scorer(ScoreConfig(components=components, fragments=fragments, standardize=standardize), processes=0)
        assert scorer.values([salt]).tolist() == [[1, 1]]
    with pytest.raises(ConfigError, match='more than one fragment; set fragments = "largest"'):
        Scorer(ScoreConfig(components=components))


def test_scored_rows_are_novel_by_the_policy_of_the_score():
    policy = Policy("largest", True)
    scorer = Scorer(ScoreConfig(fragments="largest", standardize=True), processes=0)
    frame = score_frame(["C[NH3+]", "CN", "CCO"], scorer, known_smiles(["CN.Cl"], policy), policy)
    assert frame["novel"].tolist() == [False, False, True]


def test_a_metal_that_is_disconnected_is_never_scored_as_a_mixture():
    scorer = Scorer(ScoreConfig(fragments="reject", standardize=True), processes=0)
    assert scorer.why(["[Na]OC(C)=O"]) == "1 x more than one fragment"
    assert prepared("[Na]OC(C)=O", Policy("largest", True)) == "CC(=O)O"
    assert prepared("[Na]OC(C)=O", COMPARED) == "[Na]OC(C)=O", "as drawn"
