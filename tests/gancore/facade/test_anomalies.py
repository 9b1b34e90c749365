"""Anomalies: known scores by hand, no row lost, nothing scored by what has learned nothing."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

import molgan
import seqgan
from gancore.errors import ConfigError, DataError, RunError
from gancore.facade.anomalies import AnomalyScorer, percentiles
from gancore.facade.anomaly_table import AnomalyTable
from molgan import MolGAN
from molgan.__main__ import main
from molgan.optimize.realism import Realism
from molgan.optimize.settings import RealismConfig
from seqgan import SeqGAN
from seqgan.data.grammar import corpus

LINES = corpus(120)
SMILES = ["CCO", "CCN", "C1CC1O", "CC(=O)N", "CCCO"] * 2


@pytest.fixture(scope="module")
def text():
    few = ["likelihood.epochs=15", "steps=1", "critic.pretrain=2", "policy.rollouts=1", "data.tokens=word"]
    return SeqGAN(seqgan.Config.load("small", few)).fit(LINES, quiet=True)


@pytest.fixture(scope="module")
def one_shot():
    few = ["pretrain.steps=60", "steps=1", "model.generator=[64]", "model.encoder=[64]", "model.critic=[8]"]
    return MolGAN(molgan.Config.load("default", [*few, "device=cpu"])).fit(SMILES, quiet=True)


def test_the_likelihood_is_that_of_the_tokens(text):
    line = LINES[0]
    score = AnomalyScorer(text)
    sample, _ = text.domain.encode([line], text.recipe.space)
    tokens = len(line.split()) + 1  # and the end
    assert score.by == "likelihood"
    assert score([line])[0] == pytest.approx(-float(text.recipe.log_prob(sample)) / tokens, rel=1e-5)
    assert AnomalyScorer(text, "critic")([line])[0] == pytest.approx(-float(text.recipe.critic_score(sample)), rel=1e-5)


def test_shuffled_sentences_are_anomalous(text):
    usual = corpus(60, seed=5)
    odd = [" ".join(sorted(line.split())) for line in usual]
    scores = AnomalyScorer(text)
    assert (scores(odd)[:, None] > scores(usual)).mean() > 0.75


def test_the_reconstruction_is_that_of_the_mean_of_the_code(one_shot):
    scores = AnomalyScorer(one_shot)
    assert scores.by == "reconstruction"
    found = scores(SMILES[:5])
    recipe = one_shot.recipe
    (atoms, bonds), _ = one_shot.domain.encode(["CCO"], recipe.space)
    with torch.no_grad():
        code, _ = recipe.encoder((atoms, bonds), None)
        nodes, pairs = recipe.averaged.average(code, atoms.sum(-1) > 0, None)
    by_hand = -(atoms * nodes.log_softmax(-1)).sum() - (bonds * pairs.log_softmax(-1)).sum()
    assert found[0] == pytest.approx(float(by_hand) / 3, rel=1e-4)
    assert np.array_equal(scores(SMILES[:5]), found), "nothing is drawn"
    assert scores(["OCOC", "NCCN", "CN(C)O"]).mean() > found.mean() + 0.3


def test_what_has_learned_nothing_does_not_score(one_shot, tmp_path):
    untrained = MolGAN(molgan.Config.load("default", ["steps=0", "pretrain.steps=1"])).fit(SMILES, quiet=True)
    with pytest.raises(ConfigError, match="has no trained critic; it offers reconstruction"):
        AnomalyScorer(untrained, "critic")
    assert AnomalyScorer(one_shot, "critic").by == "critic"
    one_shot.save(tmp_path / "run")
    again = MolGAN.load(tmp_path / "run")
    assert AnomalyScorer(again)(SMILES[:3]) == pytest.approx(AnomalyScorer(one_shot)(SMILES[:3]), rel=1e-5)
    assert AnomalyScorer(again, "critic").by == "critic"
    one_shot.save_pretrained(tmp_path / "shared")
    with pytest.raises(ConfigError, match="it offers no other score"):
        AnomalyScorer(MolGAN.load(tmp_path / "shared"))
    with pytest.raises(ConfigError, match="its critic has learned nothing, or is not in its file"):
        Realism(MolGAN.load(tmp_path / "shared"), RealismConfig("shared"))
    with pytest.raises(ConfigError, match="no score 'luck'; there are likelihood, reconstruction, critic"):
        AnomalyScorer(one_shot, "luck")
    with pytest.raises(RunError, match="has no weights yet"):
        AnomalyScorer(MolGAN())


def test_a_model_that_translates_is_refused():
    few = ["likelihood.epochs=1", "steps=1", "critic.pretrain=1", "model.width=8"]
    pairs = SeqGAN(seqgan.Config.load("pix2pix", few)).fit([("a b", "b a"), ("b a", "a b")], quiet=True)
    with pytest.raises(ConfigError, match="this model translates"):
        AnomalyScorer(pairs)


def test_a_conditional_model_is_asked_without_conditions():
    rows = pd.DataFrame({"text": ["the cat sat", "a dog ran"] * 4, "label": ["cat", "dog"] * 4})
    model = SeqGAN(seqgan.Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
    scores = AnomalyScorer(model.fit(rows, condition="label", quiet=True))(["the cat sat", "a cat"])
    assert np.isfinite(scores).all()


def test_percentiles_by_hand():
    found = percentiles(np.array([0.5, 2.0, np.nan, 7.0]), np.array([1.0, 2.0, 2.0, 3.0]))
    assert found[[0, 1, 3]].tolist() == [0.0, 50.0, 100.0]
    assert np.isnan(found[2])
    with pytest.raises(DataError, match="no percentiles"):
        percentiles(np.zeros(2), np.array([np.nan]))


def test_every_row_and_column_is_kept(tmp_path, command_line):
    (tmp_path / "in.csv").write_text("id,smiles,anomaly\n7,CCO,x\n8,C1=C2C=C12,y\n9,[U],z\n10,not,\n11,,w\n")
    (tmp_path / "usual.smi").write_text("CCN\nCCC\nCC=O\nxx\n")
    run = command_line("molgan", main)
    words = "anomalies", "in.csv", "--model", "qm9", "--reference", "usual.smi"
    code, out, err = run(*words, "--out", "out.csv")
    assert (code, err) == (0, "")
    assert "2 of 5 rows scored by likelihood (nats); percentiles are among the rows of usual.smi." in out
    assert "1 x atom type U, which the model does not have" in out
    table = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert list(table) == ["row", "input", "name", "id", "input.anomaly", "anomaly", "percentile", "reason"]
    assert table["id"].tolist() == [7, 8, 9, 10, 11]
    assert table["input.anomaly"].tolist() == ["x", "y", "z", "", "w"]
    assert [bool(reason) for reason in table["reason"]] == [False, False, True, True, True]
    assert table["percentile"][1] == "100.0"
    assert run(*words, "--out", "out.parquet", "--sort")[0] == 0
    ordered = pd.read_parquet(tmp_path / "out.parquet")
    assert ordered["id"].tolist() == [8, 7, 9, 10, 11]
    code, out, _ = run(*words, "--json", "--top", "1")
    told = json.loads(out)
    assert (told["rows"], told["scored"], told["unit"]) == (5, 2, "nats")
    assert [row["input"] for row in told["top"]] == ["C1=C2C=C12"]
    assert sum(told["unread"].values()) == 3
    for options, said in (
        (("--by", "reconstruction"), "has no trained encoder; it offers likelihood, critic."),
        (("--sort",), "--sort orders the table: name its file with --out."),
        (("--out", "out.txt"), "out.txt: the table can be written as .csv or .parquet."),
    ):
        code, out, err = run(*words, *options)
        assert (code, out) == (2, "")
        assert err.strip().endswith(said)
    (tmp_path / "other.smi").write_text("[U]\n[Pu]\n")
    code, _, err = run("anomalies", "other.smi", "--model", "qm9", "--reference", "usual.smi")
    assert (code, err.count("\n")) == (1, 1)
    assert "the model reads none of the 2 rows; the first is atom type U" in err


def test_frames_keep_their_columns_and_lists_are_read(text):
    frame = pd.DataFrame({"text": [*LINES[:3], ""], "source": ["a", "b", "c", "d"]})
    found = seqgan.anomalies(frame, text, reference=LINES)
    assert found["source"].tolist() == ["a", "b", "c", "d"]
    assert found["reason"].tolist() == ["", "", "", "empty"]
    listed = seqgan.anomalies(LINES[:3], text, reference=LINES)
    assert listed["anomaly"].tolist() == pytest.approx(found["anomaly"].tolist()[:3])
    with pytest.raises(DataError, match="holds no rows"):
        seqgan.anomalies([], text, reference=LINES)
    with pytest.raises(ConfigError, match="at least 1"):
        seqgan.anomalies(LINES[:3], text, samples=0)


def test_equal_scores_keep_the_order_of_the_file():
    frame = pd.DataFrame({"anomaly": [1.0, np.nan, 2.0, 1.0], "percentile": 0.0, "reason": ["", "empty", "", ""]})
    rows = [(number, text, "", {}) for number, text in enumerate("abcd", 1)]
    assert AnomalyTable(rows, frame, "critic", "").order.tolist() == [2, 0, 3, 1]
