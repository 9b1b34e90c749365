"""Constraints, noise and labels of critics in whole runs: resumed bit for bit, shared, started from, refused."""

import pytest
import torch

import molgan
import seqgan
from gancore.errors import ConfigError
from gancore.runs import checkpoint
from gancore.runs.folder import RunFolder, find
from molgan.gan import MolGAN
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN

SMILES = ["CCO", "CCN", "C1CC1O", "CC(=O)N", "c1ccncc1", "CCCO", "CC(C)O", "CCF"] * 2
SIZES = {
    "one_shot": ["model.noise=4", "model.generator=[8]", "model.critic=[8]", "model.encoder=[8]", "pretrain.steps=2"],
    "molgan": ["model.noise=4", "model.generator=[8]"],
    "gumbel": ["model.width=8", "critic.embedding=4", "critic.filters=0.02", "critic.pretrain=2", "critic.steps=1"],
}
HARD = ["critic.penalty_weight=0", "critic.objective=relativistic_average"]
SETTINGS = {
    "spectral norm, noise, labels, rates": [
        *HARD,
        *("critic.spectral_norm=true", "critic.noise=0.3", "critic.noise_until=0.7", "critic.smooth_real=0.1"),
        *("critic.smooth_fake=0.05", "critic.every=2", "critic.lr=2e-3"),
    ],
    "clipped weights": ["critic.penalty_weight=0", "critic.objective=wasserstein", "critic.max_weight=0.05"],
    "DRAGAN": ["critic.objective=saturating", "critic.penalty=dragan", "critic.penalty_weight=10"],
    "packs, panel, matched features, foreseen turns": [
        *("critic.pack=2", "critic.critics=2", "critic.critics_sharpness=1", "critic.feature_mmd=1"),
        *("critic.feature_matching=1", "critic.unroll=1", "critic.penalty_weight=0"),
    ],
    "minibatch discrimination, strided or attention": [
        *("critic.minibatch_kernels=2", "critic.minibatch_group=2", "critic.spectral_norm=true"),
        "critic.penalty_weight=0",
    ],
    "BEGAN": [
        *("critic.objective=wasserstein", "critic.equilibrium=1", "critic.equilibrium_rate=0.5"),
        "critic.penalty_weight=0",
    ],
}
OWN = {
    ("one_shot", "packs, panel, matched features, foreseen turns"): ["reward.critic=0"],
    ("one_shot", "minibatch discrimination, strided or attention"): [
        *("reward.critic=0", "model.architecture=attention", "model.attention_layers=1", "model.relational_width=8"),
    ],
    ("gumbel", "minibatch discrimination, strided or attention"): ["critic.kind=strided", "critic.width=8"],
    ("one_shot", "BEGAN"): ["grow=[3]"],
    ("gumbel", "BEGAN"): ["critic.kind=autoencoder", "critic.width=8", "grow=[7,9]"],
}
"""What a recipe needs beside these, or has of its own."""
each = pytest.mark.parametrize("recipe", SIZES)


def made(recipe, *settings):
    """The facade with a short configuration, and what it learns from."""
    face, union, name = (SeqGAN, seqgan.Config, "oracle") if recipe == "gumbel" else (MolGAN, molgan.Config, "default")
    short = [f"recipe={recipe}", "device=cpu", "steps=8", "batch=4", "checkpoint.every=1", "log_every=1"]
    short += ["likelihood.epochs=1"] if recipe == "gumbel" else []
    config = union.load(name, [*short, *SIZES[recipe], *settings])
    return face(config), corpus(40) if recipe == "gumbel" else SMILES


@each
@pytest.mark.parametrize("settings", SETTINGS)
def test_a_run_resumes_bit_for_bit(recipe, settings, tmp_path, monkeypatch, run_state):
    """Cut in the game, while noise is still there."""
    chosen = [*SETTINGS[settings], *OWN.get((recipe, settings), [])]
    gan, rows = made(recipe, *chosen)
    gan.fit(rows, out=tmp_path / "straight", quiet=True)
    total = RunFolder(tmp_path / "straight").steps()[-1]
    save = RunFolder.save

    def save_then_die(self, step, *state):
        save(self, step, *state)
        if step == total - 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", save_then_die)
        with pytest.raises(KeyboardInterrupt):
            made(recipe, *chosen)[0].fit(rows, out=tmp_path / "cut", quiet=True)
    torch.rand(3)
    made(recipe, *chosen)[0].fit(rows, out=tmp_path / "cut", quiet=True, resume=True)
    assert run_state(tmp_path / "straight") == run_state(tmp_path / "cut")
    if settings == "BEGAN":
        balance = find(tmp_path / "cut").tensors()["balance/weight"]
        assert 0 <= float(balance) <= 1
        assert recipe == "molgan" or float(balance) > 0, "it has moved, and is in the checkpoint"


@pytest.mark.parametrize("recipe", SIZES)
def test_a_critic_has_a_rate_of_its_own(recipe):
    """At every step; of molecules 0 takes the generator's."""
    for rate in (2e-3, 0.0) if recipe != "gumbel" else (2e-3,):
        gan, rows = made(recipe, "lr=1e-4", f"critic.lr={rate}")
        gan.fit(rows, quiet=True)
        rates = {name: one.param_groups[0]["lr"] for name, one in gan.recipe.optimizers.items()}
        assert rates["critic"] == pytest.approx((rate or 1e-4) / 1e-4 * rates["generator"])
        assert 0 < rates["generator"] <= 1e-4


@each
def test_a_normalised_critic_is_saved_shared_and_started_from(recipe, tmp_path):
    gan, rows = made(recipe, *HARD, "critic.spectral_norm=true")
    gan.fit(rows, out=tmp_path / "run", quiet=True)
    stored = {name for name in find(tmp_path / "run").tensors() if name.startswith("critic/")}
    assert any(name.endswith("parametrizations.weight.0._u") for name in stored)
    loaded = [type(gan).load(tmp_path / "run", "cpu") for _ in range(2)]
    sample, _ = gan.domain.encode(rows[:4], loaded[0].recipe.space)
    if recipe == "gumbel":
        sample = (sample[0].long(),)
    scores = [model.recipe.critic_score(sample) for model in (*loaded, loaded[0])]
    assert torch.isfinite(scores[0]).all()
    assert all(torch.equal(one, scores[0]) for one in scores), "a loaded critic stays as it is"
    loaded[0].save(tmp_path / "again")
    tensors, again = (find(tmp_path / name).folder / "tensors.safetensors" for name in ("run", "again"))
    assert tensors.read_bytes() == again.read_bytes()
    loaded[0].save_pretrained(tmp_path / "model")
    assert list(type(gan).load(tmp_path / "model", "cpu").sample(5)) == list(loaded[0].sample(5))
    still, _ = made(recipe, *HARD, "steps=0", *(["likelihood.epochs=0"] if recipe == "gumbel" else []))
    still.fit(rows, start=tmp_path / "run", quiet=True)
    assert still.config.critic.spectral_norm
    if recipe == "gumbel":
        return  # of a text model the start is its generator alone
    before = checkpoint.pack({"critic": loaded[0].recipe.modules["critic"]}, {})
    after = checkpoint.pack({"critic": still.recipe.modules["critic"]}, {})
    assert before.keys() == after.keys()
    assert all(torch.equal(part, after[name]) for name, part in before.items())


@pytest.mark.parametrize("recipe", ["one_shot", "molgan"])
def test_a_critic_does_not_become_a_normalised_one_or_the_reverse(recipe, tmp_path):
    for before, after in (("false", "true"), ("true", "false")):
        start, rows = made(recipe, *HARD, f"critic.spectral_norm={before}")
        start.fit(rows, quiet=True)
        with pytest.raises(ConfigError, match=rf"start: its critic\.spectral_norm is {before}; leave out the setting"):
            made(recipe, *HARD, f"critic.spectral_norm={after}")[0].fit(rows, start=start, quiet=True)


def test_a_critic_of_two_kinds_of_layers_is_not_normalised():
    with pytest.raises(ConfigError, match=r"critic\.spectral_norm cannot bound model\.relational_layers"):
        made("one_shot", "critic.spectral_norm=true", "model.relational_layers=1")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("pack", "2", "1"), ("minibatch_kernels", "0", "3"), ("critics", "2", "1"), ("equilibrium", "0.5", "0")],
)
def test_a_critic_of_another_form_is_not_started_from(name, before, after):
    both = ["critic.penalty_weight=0", "critic.spectral_norm=true", "critic.objective=wasserstein"]
    both += ["critic.minibatch_group=2", "steps=1"]
    start, rows = made("molgan", *both, f"critic.{name}={before}")
    start.fit(rows, quiet=True)
    with pytest.raises(ConfigError, match=rf"start: its critic\.{name} is {before}"):
        made("molgan", *both, f"critic.{name}={after}")[0].fit(rows, start=start, quiet=True)


@pytest.mark.parametrize(
    ("recipe", "settings", "message"),
    [
        ("one_shot", ["critic.pack=2"], "has no verdict on a single one to pay for"),
        ("one_shot", ["critic.pack=3", "reward.critic=0"], "a batch of 4 is no multiple of 3"),
        ("one_shot", [*SETTINGS["BEGAN"], "model.attention_layers=1"], "has no further layers and no heads"),
        ("molgan", ["critic.minibatch_kernels=2", "critic.minibatch_group=8"], "a batch of 4 is no multiple of 8"),
        ("gumbel", SETTINGS["BEGAN"], "critic.kind=autoencoder and critic.equilibrium go together"),
        ("gumbel", ["critic.kind=autoencoder"], "critic.kind=autoencoder and critic.equilibrium go together"),
    ],
)
def test_recipes_refuse_what_their_critics_cannot(recipe, settings, message):
    with pytest.raises(ConfigError, match=message):
        made(recipe, *settings)


@pytest.mark.parametrize(
    ("half", "settings", "message"),
    [
        ("molgan", ["recipe=autoregressive", "critic.objective=saturating"], "input should be 'non_saturating', "),
        ("molgan", ["recipe=autoregressive", "critic.smooth_real=0.1"], "has no labels of samples"),
        (
            "molgan",
            [
                "recipe=autoregressive",
                "critic.objective=non_saturating",
                "critic.smooth_real=0.1",
                "critic.rejections=1",
            ],
            "with smoothed labels",
        ),
        (
            "molgan",
            ["recipe=autoregressive", "critic.max_weight=0.1"],
            "unknown key critic.max_weight; recipe one_shot",
        ),
        ("seqgan", ["critic.objective=relativistic_average"], "leaves open to a constant"),
        ("seqgan", ["critic.objective=saturating"], "input should be 'non_saturating', "),
        ("seqgan", ["recipe=cyclegan", "critic.kind=textcnn", "critic.objective=wasserstein"], "critic.objective ="),
        ("seqgan", ["critic.noise=0.1"], "unknown key critic.noise; recipe gumbel has it"),
    ],
)
def test_recipes_without_a_gradient_into_samples_take_objectives_and_labels_alone(half, settings, message):
    union, name = (molgan.Config, "default") if half == "molgan" else (seqgan.Config, "small")
    with pytest.raises(ConfigError, match=message):
        union.load(name, settings)


@pytest.mark.parametrize("objective", ["least_squares", "relativistic_average"])
@pytest.mark.parametrize("recipe", ["pix2pix", "cyclegan", "stargan"])
def test_translators_take_the_new_objectives(recipe, objective):
    from seqgan.data.dialects import pairs, unpaired

    short = ["steps=2", "batch=8", "likelihood.epochs=1", "model.width=8", "critic.pretrain=1", "device=cpu"]
    short += ["critic.smooth_real=0.1", f"critic.objective={objective}"]
    rows = pairs(40) if recipe == "pix2pix" else unpaired(40)
    gan = SeqGAN(seqgan.Config.load(recipe, short)).fit(rows, quiet=True)
    assert gan._training.latest["critic/gradient"] > 0 < gan._training.latest["generator/gradient"]
