"""Private critics in whole runs of both halves: resumed with their secret, told by the run, the card and the model."""

import json
import math
import re
from dataclasses import replace

import pytest
import torch
from safetensors.numpy import load_file

import molgan
import molgan.__main__
import seqgan
from gancore.errors import ConfigError
from gancore.io.notes import Note
from gancore.losses import privacy
from gancore.losses.privacy import PrivacyConfig
from gancore.runs.folder import RunFolder, find
from gancore.types import Batch
from molgan.gan import MolGAN
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN

pytest.importorskip("opacus", reason="extra privacy")

SIZES = {
    "one_shot": ["model.noise=4", "model.generator=[8]", "model.critic=[8]", "model.encoder=[8]", "pretrain.steps=0"],
    "molgan": ["model.noise=4", "model.generator=[8]"],
    "gumbel": [
        *("model.width=8", "critic.embedding=4", "critic.filters=0.02", "critic.pretrain=2", "critic.steps=1"),
        *("likelihood.epochs=0", "relax.likelihood=0"),
    ],
}
PRIVATE = ["critic.privacy.noise=1", "critic.privacy.delta=1e-3", "critic.objective=non_saturating"]
each = pytest.mark.parametrize("recipe", SIZES)


def made(recipe, qm9_smiles, *settings):
    face, union = (SeqGAN, seqgan.Config) if recipe == "gumbel" else (MolGAN, molgan.Config)
    short = [f"recipe={recipe}", "device=cpu", "steps=6", "batch=32", "checkpoint.every=1", "log_every=1"]
    config = union.load("oracle" if recipe == "gumbel" else "default", [*short, *SIZES[recipe], *PRIVATE, *settings])
    return face(config), corpus(80) if recipe == "gumbel" else qm9_smiles[:60]


@each
def test_a_private_run_resumes_with_its_secret(recipe, qm9_smiles, tmp_path, monkeypatch, run_state):
    secrets = iter((11, 11, 99, 12))
    monkeypatch.setattr(privacy.secrets, "randbits", lambda bits: next(secrets))
    gan, rows = made(recipe, qm9_smiles)
    gan.fit(rows, out=tmp_path / "straight", quiet=True)
    save, total = RunFolder.save, RunFolder(tmp_path / "straight").steps()[-1]

    def save_then_die(self, step, *state):
        save(self, step, *state)
        if step == total - 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", save_then_die)
        with pytest.raises(KeyboardInterrupt):
            made(recipe, qm9_smiles)[0].fit(rows, out=tmp_path / "cut", quiet=True)
    made(recipe, qm9_smiles)[0].fit(rows, out=tmp_path / "cut", quiet=True, resume=True)
    assert run_state(tmp_path / "straight") == run_state(tmp_path / "cut")
    assert int(find(tmp_path / "cut").tensors()["privacy/secret"]) == 11
    made(recipe, qm9_smiles)[0].fit(rows, out=tmp_path / "other", quiet=True)
    assert run_state(tmp_path / "straight") != run_state(tmp_path / "other"), "another secret, other noise"


@each
def test_epsilon_is_told_by_the_log_the_run_and_the_card(recipe, qm9_smiles, tmp_path, capsys):
    gan, rows = made(recipe, qm9_smiles)
    gan.fit(rows, out=tmp_path / "run")
    (said,) = re.findall(r"Differential privacy of the critic: epsilon (\S+) at delta 0.001", capsys.readouterr().err)
    own = gan.recipe.modules["privacy"]
    turns = 6 + (2 if recipe == "gumbel" else 0)
    assert int(own.turns) == turns
    cost = privacy.spent(1.0, 32 / int(own.rows), turns, 1e-3)
    assert float(said) == pytest.approx(cost, rel=0.01)
    logged = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    costs = [line["critic/epsilon"] for line in logged if "critic/epsilon" in line]
    assert costs == sorted(costs)
    assert costs[-1] <= cost + 1e-6
    assert math.isfinite(costs[0])
    loaded = type(gan).load(tmp_path / "run", "cpu")
    loaded.save_pretrained(tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    assert f"## Privacy\n\nDifferential privacy of the critic: epsilon {said} at delta 0.001" in card
    assert "through this critic alone" in card
    stored = load_file(tmp_path / "model" / "model.safetensors")
    assert not [name for name in stored if name.startswith("privacy")], "the secret stays at home"
    type(gan).load(tmp_path / "model", "cpu").save_pretrained(tmp_path / "again")
    assert f"epsilon {said} at delta" in (tmp_path / "again" / "README.md").read_text()


@pytest.mark.parametrize(
    ("recipe", "settings", "ways"),
    [
        ("one_shot", ["pretrain.steps=1", "bound=0.03"], "pretrain.steps and bound"),
        ("gumbel", ["likelihood.epochs=1"], "likelihood.epochs"),
    ],
)
def test_a_generator_that_sees_the_data_itself_is_not_called_private(recipe, settings, ways, qm9_smiles, tmp_path):
    gan, rows = made(recipe, qm9_smiles, *settings, "steps=1")
    with pytest.warns(Note, match=f"only the critic is private; by {ways} the generator learns"):
        gan.fit(rows, quiet=True)
    gan.save_pretrained(tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    assert f"The generator is not private: it learned from the data by {ways} as well." in card


@pytest.mark.parametrize(
    ("recipe", "setting", "name"),
    [
        ("one_shot", "rejection.steps=5", "rejection.steps"),
        ("one_shot", "model.prior=exemplars", "model.prior"),
        ("one_shot", "grow=[5]", "grow"),
        ("molgan", "reward.weight=0.5", "reward.weight"),
        ("gumbel", "grow=[5]", "grow"),
    ],
)
def test_what_shows_the_rows_to_others_is_refused(recipe, setting, name, qm9_smiles):
    with pytest.raises(ConfigError, match=re.escape(f"critic.privacy and {name}: the latter shows the training rows")):
        made(recipe, qm9_smiles, setting)


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        ("one_shot", ["model.relational_layers=1", "model.attention_layers=1", "model.relational_width=8"]),
        ("gumbel", ["critic.kind=multi", "critic.representations=2"]),
        ("gumbel", ["critic.kind=strided", "critic.width=8"]),
        ("gumbel", ["critic.kind=textcnn"]),
    ],
)
def test_the_pairs_of_every_critic_add_up_to_the_plain_gradient(recipe, settings, qm9_smiles, monkeypatch):
    no_dropout = ["critic.dropout=0"] if recipe == "gumbel" else []
    gan, rows = made(recipe, qm9_smiles, "steps=1", "critic.penalty_weight=0", *no_dropout, *settings)
    gan.fit(rows, quiet=True)
    made_private = gan.recipe.adversary
    made_private.privacy.config = PrivacyConfig(0.0, clip=1e9)
    monkeypatch.setattr(privacy, "spent", lambda *turn: math.inf)
    sample, _ = gan.domain.encode(rows[:32], gan.recipe.space)
    sample = gan.recipe.one_hots(sample[0].long()) if recipe == "gumbel" else sample
    real, fake = Batch(sample), Batch(tuple(part.flip(0) for part in sample))
    slopes = []
    for adversary in (made_private, replace(made_private, privacy=None)):
        losses = adversary.critic_losses(real, fake)
        parts = [part.mean() for name, part in losses.items() if not name.startswith("_")]
        slopes.append(torch.autograd.grad(torch.stack(parts).sum(), list(adversary.critic.parameters())))
    assert any(part.abs().max() > 0 for part in slopes[1])
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_run_that_is_not_private_says_nothing_of_it(qm9_smiles, tmp_path, capsys):
    gan, rows = made("molgan", qm9_smiles, "critic.privacy.noise=0", "steps=1")
    gan.fit(rows)
    gan.save_pretrained(tmp_path / "model")
    assert "rivacy" not in capsys.readouterr().err + (tmp_path / "model" / "README.md").read_text().split("```toml")[0]
    assert "privacy" not in gan.recipe.modules
