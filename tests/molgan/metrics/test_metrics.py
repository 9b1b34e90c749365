import pytest

from gancore.errors import DataError
from gancore.statistics.evaluation import Comparison
from molgan.metrics import composition, evaluate

SMILES = ["CCO", "OCC", "CCN", "C.C", "*C", "nope", None, ""]


def test_definitions_by_hand():
    figures = evaluate(SMILES, train=["CCN", "not one"], ks=(2, 100))
    values = {name: round(estimate.value, 4) for name, estimate in figures.items()}
    assert values == {
        "valid": 0.625,  # CCO OCC CCN C.C *C of 8
        "connected": 0.375,
        "unique": 0.6667,
        "unique@2": 0.5,
        "novel": 0.5,
        "product": 0.125,  # one distinct novel molecule in 8 draws
    }
    assert values["product"] == pytest.approx(0.375 * 2 / 3 * 0.5)


def test_without_training_set_there_is_no_novelty():
    assert set(evaluate(["C", "CC"], ks=())) == {"valid", "connected", "unique"}


def test_all_invalid_has_no_uniqueness():
    figures = evaluate(["bad", None], train=["C"])
    assert set(figures) == {"valid", "connected", "product"}
    assert figures["valid"].value == figures["product"].value == 0


def test_empty_list_is_refused():
    with pytest.raises(DataError, match="empty"):
        evaluate([])


def test_intervals_hold_their_value_and_shrink_with_n(qm9_smiles):
    mixed = [text if index % 3 else None for index, text in enumerate(qm9_smiles)]
    small, large = evaluate(mixed[:100], ks=()), evaluate(mixed, ks=())
    assert small["valid"].low <= small["valid"].value <= small["valid"].high
    assert large["valid"].high - large["valid"].low < small["valid"].high - small["valid"].low
    none_twice = large["unique"]
    assert none_twice.value == none_twice.high == 1.0
    assert none_twice.low == pytest.approx(1 - 3.689 / none_twice.n, abs=1e-5), "no duplicate is no proof of none"
    sure = evaluate(["C"] * 50, ks=())["valid"]
    assert (sure.low, sure.high) == pytest.approx((0.929, 1.0), abs=1e-3)


def test_a_duplicate_or_two_is_no_difference():
    texts = ["C" * length for length in range(1, 61)]
    found = Comparison({"none": evaluate(texts, train=["N"]), "two": evaluate([*texts[:58], "C", "CC"], train=["N"])})
    assert found.evaluations["two"]["unique"].value < found.evaluations["none"]["unique"].value
    assert not any(found.beyond(name, "two") for name in ("unique", "product"))


def test_training_molecules_that_cannot_be_read_prove_nothing(tmp_path):
    (tmp_path / "prose.smi").write_text("Dear reader\nhello\n")
    for train in (["prose", None], [], tmp_path / "prose.smi"):
        with pytest.raises(DataError, match="rows is a SMILES that can be read"):
            evaluate(["CCO"], train=train)
    found = evaluate(["CCO", "CCN"], train=["name", "CCO"])
    assert found["novel"].value == 0.5
    assert found.notes[1:] == ["Of the training molecules 1 cannot be read."]


def test_what_is_no_string_is_told():
    with pytest.raises(DataError, match="item 2 is no string but int"):
        evaluate(iter(["C", 2]))
    assert evaluate(iter(["C", None, float("nan")]), ks=())["valid"].value == pytest.approx(1 / 3)


def test_shows_itself_as_table_html_and_json():
    figures = evaluate(["C", "CC"], ks=())
    assert "unique" in str(figures)
    assert "<table" in figures._repr_html_()
    assert figures.to_dict()["valid"]["n"] == 2
    assert evaluate(["C"], ks=()).to_dict()["unique"]["low"] is None, "no NaN in JSON"
    assert figures.to_frame().loc["valid", "value"] == 1.0


def test_training_set_as_data_set_set_path_or_frame(small_data, tmp_path):
    path = tmp_path / "t.smi"
    path.write_text("\n".join(small_data.smiles))
    probe = [small_data.smiles[0], small_data.smiles[1], "CCCCCCCCCCCCC"]
    for train in (small_data, set(small_data.smiles), path, str(path), list(small_data.smiles)):
        assert evaluate(probe, train, ks=())["novel"].value == pytest.approx(1 / 3)


def test_composition():
    assert composition(["c1ccncc1", "CCF", None, "bad("]) == {"C": 3.5, "F": 0.5, "N": 0.5, "aromatic": 0.5}
    assert composition([]) == {}
