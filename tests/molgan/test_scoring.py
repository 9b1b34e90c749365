import numpy as np
import pytest
from rdkit import Chem

from gancore.types import Reward
from molgan.properties import PROPERTIES
from molgan.scoring import DESIRABILITIES, Scorer, property_frame, ramp, score_frame

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


@pytest.mark.parametrize(("name", "value"), [("qed", 0.5501), ("sa", 1.58), ("logp", 1.3101), ("weight", 180.159)])
def test_properties_of_aspirin(name, value):
    assert PROPERTIES[name].function(Chem.MolFromSmiles(ASPIRIN)) == pytest.approx(value, abs=6e-3)


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_is_a_number_in_its_range_with_a_source(name, qm9_smiles):
    entry = PROPERTIES[name]
    values = property_frame(qm9_smiles[:50], (name,))[name]
    assert values.between(entry.low, entry.high).all()
    assert entry.source


def test_frames_are_the_same_serial_and_in_parallel(qm9_smiles):
    many = property_frame(qm9_smiles[:450], ("logp",))
    few = property_frame(qm9_smiles[:30], ("logp",))
    assert many["logp"][:30].tolist() == few["logp"].tolist()


def test_score_is_the_weighted_mean_of_desirabilities():
    scorer = Scorer({"qed": 1.0, "sa": 3.0})
    assert isinstance(scorer, Reward)
    values = property_frame([ASPIRIN])
    expected = (values["qed"][0] + 3 * (10 - values["sa"][0]) / 9) / 4
    assert scorer([ASPIRIN, "bad smiles", ASPIRIN]) == pytest.approx([expected, np.nan, expected], nan_ok=True)


def test_desirabilities_are_in_the_unit_interval_and_keep_nan():
    for function in DESIRABILITIES.values():
        out = function(np.array([-1e3, 0.0, 5.0, 1e3, np.nan]))
        assert ((out[:4] >= 0) & (out[:4] <= 1)).all()
        assert np.isnan(out[4])
    assert ramp(0.0, 2.0)(np.array([1.0])).tolist() == [0.5]


@pytest.mark.parametrize("weights", [{}, {"qed": 0.0}, {"charm": 1.0}])
def test_scores_that_mean_nothing_are_refused(weights):
    with pytest.raises(ValueError, match=r"at least one property|no desirability"):
        Scorer(weights)


def test_score_frame_keeps_every_row_in_order():
    frame = score_frame(["OCC", None, "C.C", "C"], Scorer({"qed": 1.0}), known={"C"})
    assert frame["smiles"].tolist() == ["CCO", None, None, "C"]
    assert frame["connected"].tolist() == [True, False, False, True]
    assert frame["novel"].tolist()[0] is True
    assert frame["novel"].isna().tolist() == [False, True, True, False]
    assert frame["novel"].tolist()[3] is False
    assert frame["score"].isna().tolist() == [False, True, True, False]
    assert frame["score"][0] == frame["qed"][0]
