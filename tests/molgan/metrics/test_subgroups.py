"""Recall by subgroup: a subgroup that a sample lacks loses its recall, and no other does."""

import itertools

import pandas as pd
import pytest

from gancore.errors import ConfigError, DataError
from molgan.metrics import evaluate
from molgan.metrics.subgroups import Members
from molgan.scoring.subgroups import member


def chains(ends, lengths=range(3, 8)):
    return ["C" * n + end + "C" * m for n, end, m in itertools.product(lengths, ends, lengths)]


ETHERS, AMINES = chains("O"), chains("N")
RINGS = [f"{'C' * n}c1ccc({'C' * m})cc1" for n, m in itertools.product(range(1, 6), range(1, 6))]
REFERENCE = ETHERS + AMINES + RINGS


def recalls(figures):
    return {name.split("/", 1)[1].removesuffix("/recall"): one for name, one in figures.items() if "/recall" in name}


def test_a_dropped_subgroup_loses_its_recall_and_no_other():
    whole = recalls(evaluate(REFERENCE, reference=REFERENCE, groups=["subgroups"]))
    assert {one.value for one in whole.values()} == {1.0}
    figures = evaluate(ETHERS + AMINES, reference=REFERENCE, groups=["subgroups"])
    found = recalls(figures)
    for name in ("rings/one ring", "rings/aromatic"):
        assert found[name].value < 0.2
        assert found[name].high < whole[name].low
        assert found[name].n == len(RINGS)
    for name in ("rings/acyclic", "elements/O", "elements/N"):
        assert found[name].value == 1.0
    assert figures["subgroups/rings/acyclic/share"].value == 1.0
    assert figures["subgroups/rings/acyclic/share/reference"].value == pytest.approx(50 / 75)
    assert figures["subgroups/rings/aromatic/share"].value == 0.0
    (said,) = [note for note in figures.notes if note.startswith("The smallest recall")]
    assert "of rings/aromatic: 0.333 of the reference, 0.000 of the samples." in said


def test_dropping_a_class_lowers_recall_and_not_precision():
    whole = evaluate(REFERENCE, reference=REFERENCE, groups=["precision"])
    less = evaluate(ETHERS + AMINES, reference=REFERENCE, groups=["precision"])
    assert less["recall"].high < whole["recall"].low
    assert less["precision"].value == whole["precision"].value == 1.0


def test_a_column_of_the_reference_is_a_kind_of_subgroup(tmp_path):
    labels = ["ether"] * 25 + ["amine"] * 25 + [""] * 25
    pd.DataFrame({"Lab": labels, "smiles": REFERENCE}).to_csv(tmp_path / "ref.csv", index=False)
    figures = evaluate(AMINES + RINGS, reference=tmp_path / "ref.csv", groups=["subgroups"], subgroup="lab")
    found = recalls(figures)
    assert found["lab/amine"].value == 1.0
    assert found["lab/ether"].value < found["lab/amine"].value
    assert figures["subgroups/lab/ether/share/reference"].value == pytest.approx(1 / 3)
    assert "subgroups/lab/ether/share" not in figures, "samples have no labels"
    with pytest.raises(DataError, match="has no column 'colour' for subgroups; its columns are Lab"):
        evaluate(AMINES, reference=tmp_path / "ref.csv", groups=[], subgroup="colour")
    with pytest.raises(ConfigError, match="column of the reference"):
        evaluate(AMINES, subgroup="lab")
    frame = pd.DataFrame({"smiles": REFERENCE, "id": range(75)})
    with pytest.raises(DataError, match="75 different labels"):
        Members.read(frame, "id")


def test_few_molecules_have_no_figures():
    figures = evaluate([*ETHERS, "CCBr"], reference=[*ETHERS, "CCCBr"], groups=["subgroups"])
    assert not [name for name in figures if name.startswith("subgroups/elements/Br")]
    assert any("1 with fewer than 10" in note or "with fewer than 10 molecules" in note for note in figures.notes)
    assert any("too few" in note for note in evaluate(["CC", "CCC"], reference=ETHERS, groups=["subgroups"]).notes)


@pytest.mark.parametrize(
    ("smiles", "rings", "elements"),
    [
        ("CCO", ("acyclic",), ("O",)),
        ("CC", ("acyclic",), ("C alone",)),
        ("C1CC1CN", ("one ring",), ("N",)),
        ("c1ccccc1", ("one ring", "aromatic"), ("C alone",)),
        ("C1CC1CC1CC1", ("separate rings",), ("C alone",)),
        ("c1ccc2occc2c1", ("joined rings", "aromatic"), ("O",)),
        ("C1CC12CC2", ("joined rings",), ("C alone",)),
        ("OCC(F)S", ("acyclic",), ("F", "O", "S")),
    ],
)
def test_the_subgroups_of_a_molecule(smiles, rings, elements):
    found = member(smiles)
    assert found is not None
    assert found.groups == {"rings": rings, "elements": elements}
    assert member("not a molecule") is None


def test_bins_of_size_hold_every_size_once():
    reference = Members.read(REFERENCE)
    figures, _ = reference.figures(reference.members)
    shares = [
        one.value for name, one in figures.items() if name.startswith("subgroups/size") and name.endswith("/share")
    ]
    assert sum(shares) == pytest.approx(1.0)
    assert len(shares) == 4
