"""Samples that are drawn again until they are near their request."""

import numpy as np
import pandas as pd
import pytest

from gancore.errors import ConfigError
from gancore.io.notes import Note
from molgan import Config, MolGAN
from molgan.metrics.requested import Within
from molgan.scoring.tables import property_frame

FEW = ["pretrain.steps=60", "critic.pretrain=0", "critic.rejections=0", "model.recurrent=48", "device=cpu"]


@pytest.fixture(scope="module")
def conditional(qm9_smiles):
    rows = pd.DataFrame({"smiles": qm9_smiles[:400], "tpsa": np.arange(400.0)})
    with pytest.warns(Note, match="condition tpsa: taken from the column"):
        return MolGAN(Config.load("conditional", FEW)).fit(rows, quiet=True, condition=["logp", "tpsa"])


def error(smiles, value):
    return (property_frame([text for text in smiles if text], ["logp"])["logp"] - value).abs()


def test_all_samples_are_within_the_tolerance_or_a_note_counts_them(conditional):
    plain = conditional.sample(100, seed=1, condition={"logp": 0.5})
    near = conditional.sample(100, seed=1, condition={"logp": 0.5}, tolerance={"logp": 0.7})
    assert (error(plain, 0.5) > 0.7).sum() > 10
    assert (error(near, 0.5) <= 0.7).all()
    kept = [one == other for one, other in zip(plain, near, strict=True)]
    assert kept == (error(plain, 0.5) <= 0.7).tolist(), "what is near enough stays"
    with pytest.warns(Note, match=r"\d+ of 20 samples are not what was requested after 10 further tries"):
        conditional.sample(20, condition={"logp": 0.5}, tolerance={"logp": 0.0001})


def test_the_first_samples_do_not_depend_on_their_number(conditional):
    asked = {"condition": {"logp": 0.0}, "tolerance": {"logp": 0.8}, "seed": 2}
    assert conditional.sample(5, **asked) == conditional.sample(30, **asked)[:5]


def test_each_sample_may_have_a_request_of_its_own():
    within = Within(None, {"logp": [0.0, 5.0]}, {"logp": "1"}, 2)
    assert within.accepts(["CCO", "CCO", None], np.array([0, 1, 1])).tolist() == [True, False, False]
    assert within.accepts(["CCO"], np.array([7])).tolist() == [False], "rows beyond the last have its request"


@pytest.mark.parametrize(
    ("condition", "tolerance", "message"),
    [
        ({"logp": 1.0}, {"qed": 0.1}, "tolerance qed: is not requested"),
        ({"tpsa": 1.0}, {"tpsa": 0.1}, "tolerance tpsa: cannot be computed of a new molecule"),
        ({"logp": 1.0}, {"logp": "x"}, "tolerance logp=x: is no number"),
        ({"logp": 1.0}, {"logp": -1}, "tolerance logp=-1: must be at least 0"),
        ({}, {"logp": 1}, "tolerance logp: is not requested"),
    ],
)
def test_what_cannot_be_checked_is_refused(conditional, condition, tolerance, message):
    with pytest.raises(ConfigError, match=message):
        conditional.sample(2, condition=condition, tolerance=tolerance)
