"""What was asked of samples, and what came, against numbers worked out by hand."""

import json

import numpy as np
import pytest

from gancore.errors import ConfigError
from molgan.metrics import evaluate
from molgan.metrics.requested import Requested
from molgan.scoring.tables import property_frame

SAMPLES = ["CCO", "CCCO", "CCCCCC", "xx", "C.C"]


def test_errors_and_shares_by_hand():
    sizes = [3, 4, 6]  # of those that are molecules; the mixture has two atoms
    figures = evaluate(SAMPLES, condition={"heavy_atoms": 4, "logp": 0.4}, tolerance={"heavy_atoms": 1, "logp": 0.5})
    sizes.append(2)
    logp = property_frame(["CCO", "CCCO", "CCCCCC", "C.C"], ["logp"])["logp"].to_numpy()
    assert figures["requested/heavy_atoms/mean"].value == pytest.approx(np.mean(sizes))
    assert figures["requested/heavy_atoms/error"].value == pytest.approx((1 + 0 + 2 + 2) / 4)
    assert figures["requested/heavy_atoms/within"].value == pytest.approx(2 / 4)
    assert figures["requested/logp/error"].value == pytest.approx(np.abs(logp - 0.4).mean())
    near = (np.abs(np.array(sizes) - 4) <= 1) & (np.abs(logp - 0.4) <= 0.5)
    assert figures["requested/within"].value == pytest.approx(near.mean())


def test_a_tolerance_is_a_quarter_of_the_references_deviation_where_none_is_given():
    reference = ["C" * n for n in range(1, 30)]
    requested = Requested.of({"heavy_atoms": "10"}, {})
    width = 0.25 * np.std(range(1, 30), ddof=1)
    figures, notes = requested.figures([[10.0], [12.0], [13.0]], reference)
    assert figures["requested/heavy_atoms/within"].value == pytest.approx(2 / 3)
    assert notes == [f"requested/heavy_atoms/within: at most {width:.3g} from 10."]
    figures, notes = requested.figures([[10.0], [12.0], [13.0]], None)
    assert "requested/heavy_atoms/within" not in figures
    assert "needs a tolerance" in notes[0]


@pytest.mark.parametrize(
    ("condition", "tolerance", "said"),
    [
        ({"lop": 1}, {}, "condition lop: no such property"),
        ({"logp": "high"}, {}, "condition logp=high: is no number"),
        ({"logp": 1}, {"qed": 1}, "tolerance qed: was not asked for"),
        ({"logp": 1}, {"logp": -1}, "tolerance logp=-1: must be at least 0"),
    ],
)
def test_what_cannot_have_been_asked_is_one_sentence(condition, tolerance, said):
    with pytest.raises(ConfigError, match=said):
        evaluate(SAMPLES, condition=condition, tolerance=tolerance)


def test_the_command_line_measures_what_was_asked(tmp_path, capsys):
    from molgan.__main__ import app

    file = tmp_path / "s.smi"
    file.write_text("CCO\nCCCO\n")
    app(["evaluate", str(file), "--condition", "heavy_atoms=3", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["requested/heavy_atoms/error"]["value"] == 0.5
