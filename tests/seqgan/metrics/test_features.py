"""Named models as judges, and figures on features."""

import json
import math

import numpy as np
import pytest
import torch

from gancore.errors import ConfigError, DataError, RunError
from gancore.statistics.frechet import frechet, moments
from seqgan.__main__ import main
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN
from seqgan.metrics.evaluation import evaluate
from seqgan.metrics.features import feature_figures, given_features, model_figures
from seqgan.metrics.mauve import mauve
from seqgan.metrics.named_model import NamedModel, read_features
from seqgan.recipes.config import Config

LINES = list(dict.fromkeys(corpus(500)))


@pytest.fixture(scope="module")
def gan():
    settings = ["recipe=mle", "likelihood.epochs=8", "model.width=32", "data.valid=0.05", "data.test=0"]
    return SeqGAN(Config.load("small", settings)).fit(LINES, quiet=True)


def test_perplexity_is_that_of_the_tokens_one_by_one(gan):
    """Step by step as in drawing, in place of the whole sequence at once."""
    model, text = NamedModel.of(gan), LINES[3]
    ids = model.vocabulary.encode(text)
    generator, logs = model.generator.eval(), []
    with torch.no_grad():
        features, state = generator.step(torch.tensor([generator.alphabet.begin]), generator.start(1))
        for token in [*ids, generator.alphabet.end]:
            logs.append(float(generator.read(features).log_softmax(-1)[0, token]))
            features, state = generator.step(torch.tensor([token]), state)
    found = model.nll(model.read([text]))
    assert found.tokens.tolist() == [len(ids) + 1]
    assert found.perplexity == pytest.approx(math.exp(-np.mean(logs)), rel=1e-5)


def test_features_do_not_depend_on_what_stands_beside(gan):
    model = NamedModel.of(gan)
    together = model.features(model.read(LINES[:300]))
    assert together.shape == (300, 32)
    np.testing.assert_allclose(model.features(model.read(LINES[7:8]))[0], together[7], atol=1e-5)


def test_a_draw_that_was_cut_off_has_no_end(gan):
    model = NamedModel.of(gan)
    most = model.generator.length
    text = " ".join(["the"] * most)
    assert model.nll(model.read([text, "the"])).tokens.tolist() == [most, 2]
    assert not len(model.read([f"{text} the"]))


def test_what_cannot_be_read_is_left_out_and_told(gan):
    texts = [*LINES[:40], "zebra zebra", "the " * 200]
    found = model_figures(NamedModel.of(gan), texts, LINES[40:80], features=False)
    assert found["generative-perplexity"].n == 40
    assert any(one.startswith("the model given cannot read 2 of the 42 texts") for one in found.notes)
    with pytest.raises(DataError, match="can read 0 of the 4 texts, and needs two"):
        model_figures(NamedModel.of(gan), ["zebra"] * 4, LINES, features=False)


def test_a_judge_adds_its_figures(gan, tmp_path):
    texts = gan.sample(60, seed=1)
    figures = evaluate(texts, LINES[:60], judge=gan)
    named = ["generative-perplexity", "reference-generative-perplexity", "mauve", "frechet-distance"]
    assert set(named) <= set(figures)
    for name in named:
        assert figures[name].low <= figures[name].value <= figures[name].high, name
    assert any("hidden states of the model given" in one for one in figures.notes)
    gan.save(tmp_path / "run")
    again = evaluate(texts, LINES[:60], judge=tmp_path / "run")
    assert again["mauve"] == figures["mauve"]
    assert any(f"that of {tmp_path / 'run'}" in one for one in again.notes)
    assert figures["generative-perplexity"].n > 50
    noise = evaluate([" ".join(reversed(text.split())) for text in texts], LINES[:60], judge=gan)
    assert noise["generative-perplexity"].low > figures["generative-perplexity"].high


def test_what_is_no_judge():
    with pytest.raises(ConfigError, match="judge: qm9 has no likelihood of texts"):
        NamedModel.of("qm9")
    with pytest.raises(ConfigError, match="has no weights"):
        NamedModel.of(SeqGAN())
    with pytest.raises(RunError, match="no such folder"):
        NamedModel.of("nowhere")


def test_given_features_are_judged_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(60, 3)), rng.normal(1, 2, size=(60, 3))
    for name, rows in (("ours", ours), ("theirs", theirs)):
        np.save(tmp_path / f"{name}.npy", rows)
    figures = evaluate(LINES[:60], LINES[60:120], features=[tmp_path / "ours.npy", tmp_path / "theirs.npy"])
    assert figures["frechet-distance"].value == pytest.approx(frechet(moments(ours), moments(theirs)))
    assert figures["mauve"] == mauve(theirs, ours)
    assert given_features([ours, theirs], 60, 60)["mauve"] == figures["mauve"]
    assert figures.notes[-1].startswith("mauve and frechet-distance are of the features given, 60 of each side")


def test_few_texts_for_many_features_are_told():
    rows = np.random.default_rng(0).normal(size=(10, 12))
    assert any("too few for the covariance of 12 features" in one for one in feature_figures(rows, rows, "x").notes)


def test_features_that_cannot_be_used(tmp_path):
    (tmp_path / "text.npy").write_text("1 2 3")
    for source, told in (
        (tmp_path / "none.npy", "no such file"),
        (tmp_path / "text.npy", "is no .npy file of numbers"),
        (["a", "b"], "give a table of numbers"),
        ([1.0, 2.0], "this one is 2"),
        ([[1.0, math.inf], [0, 0]], "features must be finite"),
    ):
        with pytest.raises(DataError, match=told):
            read_features(source, "features")
    rows = np.ones((5, 2))
    with pytest.raises(DataError, match="of the reference: 5 rows for 6 lines"):
        given_features([rows, rows], 5, 6)
    with pytest.raises(DataError, match="two tables"):
        given_features([rows], 5, 5)
    with pytest.raises(DataError, match="2 columns of the texts and 3 of the reference"):
        given_features([rows, np.ones((5, 3))], 5, 5)


def test_the_command(gan, tmp_path, command_line):
    run = command_line("seqgan", main)
    gan.save(tmp_path / "run")
    cats = [line for line in corpus(2000) if "cat" in line.split()]
    others = [line for line in LINES if "cat" not in line.split()]
    for name, lines in (("new", gan.sample(40, seed=2)), ("cats", cats), ("others", others)):
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    files = tmp_path / "new.txt", "--reference", tmp_path / "others.txt"
    code, out, err = run("evaluate", *files, "--train", tmp_path / "cats.txt", "--judge", tmp_path / "run", "--json")
    assert code == 0
    assert err.startswith("seqgan: Training lines and reference lines are easy to tell apart")
    held = json.loads(out)
    assert held["notes"][0] == err.removeprefix("seqgan: ").strip()
    assert {"mauve", "generative-perplexity", "entropy"} <= set(held)
    np.save(tmp_path / "few.npy", np.ones((3, 2)))
    for options, expected, told in (
        (("--features", "x.npy"), 2, "--features and --reference-features: give both"),
        (("--features", tmp_path / "few.npy", "--reference-features", tmp_path / "few.npy"), 1, "3 rows for 40 lines"),
        (("--judge", "nowhere"), 1, "nowhere: no run here"),
    ):
        code, _, err = run("evaluate", *files, *options)
        assert code == expected
        assert told in err
        assert err.count("\n") == 1
