"""Motifs by hand, absent ones by counting, scaffold mass and total variation by their definitions."""

import pytest
from rdkit import Chem

import molgan
from gancore.errors import DataError
from molgan import chemistry
from molgan.chemistry.motif_names import MOTIF_NAMES
from molgan.chemistry.motifs import motifs, profile
from molgan.metrics import motifs as counting
from molgan.metrics.motifs import Commonness, motif_figures, profiles, scaffold_figures

ALCOHOLS = ["C" * length + "O" for length in range(2, 12)]


def common(smiles):
    return Commonness.of_profiles("these", profiles(smiles))


def test_motifs_are_paths_of_one_to_three_atoms():
    assert motifs(chemistry.parse("CCO")) == {"C", "OH", "C-C", "C-OH", "C-C-OH"}
    assert motifs(chemistry.parse("C=C=O")) == {"C", "O", "C=C", "C=O", "C=C=O"}
    assert motifs(chemistry.parse("c1ccn[nH]1")) >= {"n:nH", "c:n:nH", "c:nH:n"}
    assert motifs(chemistry.parse("C[N+](C)(C)C")) == {"C", "N(+1)", "C-N(+1)", "C-N(+1)-C"}
    assert motifs(chemistry.parse("O")) == {"OH2"}


def test_motifs_do_not_depend_on_how_a_molecule_is_written():
    for text in ("OC1=CC2CC2N1", "CC(=O)Nc1ccc(O)cc1", "C1CC2CCC1C2"):
        mol = chemistry.parse(text)
        for seed in range(5):
            again = Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed + 1)[0]
            assert profile(again) == profile(text)


@pytest.mark.parametrize(
    ("name", "has", "lacks"),
    [
        ("N-N single bond", "CNNC", "c1cn[nH]c1"),
        ("O-O single bond", "COOC", "COCO"),
        ("hemiaminal", "CC(O)NC", "OC(=O)NC"),
        ("gem-diol", "CC(O)O", "OCCO"),
        ("enol", "OC=CC", "Oc1ccccc1"),
        ("cumulated double bonds", "CC=C=C", "C=CC=C"),
        ("ring alkyne", "C1#CCCCC1", "C#CC1CC1"),
    ],
)
def test_listed_motifs(name, has, lacks):
    assert name in profile(has).listed
    assert name not in profile(lacks).listed


def test_every_listed_motif_is_tried_above():
    assert set(MOTIF_NAMES) == {mark[0] for mark in test_listed_motifs.pytestmark[0].args[1]}


def test_absent_motifs_by_hand():
    figures, table = motif_figures(profiles(["CCO", "CCS", "CCF", "COO"]), common([*ALCOHOLS, "CCF"]))
    assert figures["motifs/absent"].value == 0.5  # the sulfur and the peroxide
    assert figures["motifs/absent"].n == 4
    assert table == {"SH": 1, "C-SH": 1, "C-C-SH": 1, "O": 1, "O-OH": 1, "C-O": 1, "C-O-OH": 1}
    assert figures["motifs/absent/reference"].value == pytest.approx(1 / 11)  # the one fluoride among them
    assert figures["motifs/listed"].value == 0.25
    assert figures["motifs/listed/reference"].value == 0


def test_a_list_against_itself_lacks_nothing_and_its_own_share_is_of_each_without_itself(qm9_smiles):
    rows = profiles(qm9_smiles[:60])
    reference = Commonness.of_profiles("all", rows)
    assert motif_figures(rows, reference)[0]["motifs/absent"].value == 0
    others = [Commonness.of_profiles("others", rows[:place] + rows[place + 1 :]) for place in range(60)]
    assert reference.odd == sum(bool(one.absent(row)) for one, row in zip(others, rows, strict=True)) > 0


def test_rare_is_absent_in_a_large_reference():
    many = Commonness(30_000, {"C": 30_000, "C-NH": 2, "NH": 3}, {}, 0, 0)
    row = profile("CNC")._replace(motifs=("C", "C-NH", "NH"))
    assert many.absent(row) == ["C-NH"]


def test_scaffold_mass_and_total_variation_by_hand(monkeypatch):
    monkeypatch.setattr(counting, "COMMONEST", 2)
    reference = common(["Cc1ccccc1", "CCc1ccccc1", "CC1CC1", "CC1CC1", "CC1CCC1", "C1CCCCC1", "CCO", "CCN", "CCC", "C"])
    assert reference.commonest() == ["C1CC1", "c1ccccc1"]
    found = scaffold_figures(profiles(["Oc1ccccc1", "Oc1ccccc1", "CC1CC1", "CCO"]), reference)
    assert found["scaffolds/mass"].value == 0.75
    assert found["scaffolds/mass/reference"].value == 0.4
    # ours .25, .5 and .25 elsewhere; the reference .2, .2 and .6
    assert found["scaffolds/total variation"].value == pytest.approx((0.05 + 0.3 + 0.35) / 2)


def test_total_variation_is_nothing_against_itself_and_one_against_a_stranger():
    rings = ["Cc1ccccc1", "CC1CC1"] * 20
    assert scaffold_figures(profiles(rings), common(rings))["scaffolds/total variation"].value == 0
    apart = scaffold_figures(profiles(["CCO"] * 20), common(rings))
    assert apart["scaffolds/total variation"].value == pytest.approx(1)
    assert apart["scaffolds/mass"].value == 0 < apart["scaffolds/mass"].high


def test_evaluate_has_them_and_the_reference_is_kept(qm9_smiles, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    smiles = ["NNC", "CC(O)NC", *qm9_smiles[:38], "no molecule"]
    first, again = (molgan.evaluate(smiles, reference=list(qm9_smiles[:120]), groups=("motifs",)) for _ in range(2))
    assert first.to_json() == again.to_json()
    assert first["motifs/listed"].value == pytest.approx(0.05)
    assert first["motifs/absent"].n == 40
    assert first["motifs/absent"].low <= 0.05 <= first["motifs/absent"].high
    assert first.tables["motifs/listed"] == {"N-N single bond": 1, "hemiaminal": 1}
    assert first["scaffolds/mass"].value > 0.2


def test_a_reference_without_molecules():
    with pytest.raises(DataError, match="reads none"):
        common(["no molecule"])
