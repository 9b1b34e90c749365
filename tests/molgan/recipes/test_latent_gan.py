"""The latent GAN: a game over the codes of an autoencoder that stays as it is, and graphs of its codes in one pass."""

import pytest
import torch

from gancore.errors import ConfigError
from gancore.runs.folder import find
from molgan import Config, MolGAN
from molgan.data import graphs

SETTINGS = [
    *("model.noise=4", "model.generator=[64]", "model.encoder=[64]", "model.critic=[16]", "steps=0", "device=cpu"),
    *("pretrain.steps=250", "pretrain.batch=128", "pretrain.lr=0.002", "pretrain.kl_start=0", "pretrain.kl_end=0.02"),
    *("model.prior=gan", "latent.steps=500", "latent.batch=64", "latent.lr=5e-4", "latent.critic.steps=8"),
    *("model.latent_generator=[64,64]", "model.latent_critic=[64,64]", "latent.average=0.99", "checkpoint.every=350"),
]
SHORT = [*SETTINGS, "pretrain.steps=2", "latent.steps=2"]


@pytest.fixture(scope="module")
def trained(qm9_smiles, tmp_path_factory):
    folder = tmp_path_factory.mktemp("latent")
    return MolGAN(Config.load("default", SETTINGS)).fit(qm9_smiles[:300], out=folder / "run", quiet=True), folder


def energy_distance(one, other):
    """Of Székely and Rizzo (2013): 0 for equal distributions."""
    return float(2 * torch.cdist(one, other).mean() - torch.cdist(one, one).mean() - torch.cdist(other, other).mean())


def test_its_codes_are_like_those_of_molecules_and_noise_is_not(trained):
    gan, _ = trained
    recipe, data = gan.recipe, gan.data
    real = graphs.one_hots(data.atoms, data.orders, len(gan.vocabulary.atoms))
    with torch.no_grad():
        mean, log_var = recipe.encoder(real)
        codes = mean + (0.5 * log_var).exp() * torch.randn(mean.shape)
        noise, half = torch.randn(codes.shape), torch.randn(codes.shape)
        made = recipe.latent_gan.codes(noise, graphs.node_mask(real[0]))
    assert made.shape == codes.shape
    assert energy_distance(made, codes) < 0.25 * energy_distance(half, codes)


def test_a_code_is_made_for_its_size(trained):
    """The places that hold an atom are an input: the same noise gives another code for another size."""
    recipe = trained[0].recipe
    noise, places = torch.zeros(2, 4), torch.zeros(2, recipe.vocabulary.max_atoms, dtype=torch.bool)
    places[0, :3], places[1, :8] = True, True
    few, many = recipe.latent_gan.codes(noise, places)
    assert not torch.allclose(few, many)


def test_a_run_resumes_bit_for_bit_and_a_shared_model_samples_the_same(trained, tmp_path, dying_after, qm9_smiles):
    gan, folder = trained
    config = Config.load("default", SETTINGS)
    with dying_after(350):
        MolGAN(config).fit(qm9_smiles[:300], out=tmp_path / "cut", quiet=True)
    torch.rand(3)
    early = find(tmp_path / "cut").tensors()
    MolGAN(config).fit(qm9_smiles[:300], out=tmp_path / "cut", resume=True, quiet=True)
    straight, resumed = (find(at).tensors() for at in (folder / "run", tmp_path / "cut"))
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(part, resumed[name]) for name, part in straight.items())
    for name in ("generator", "encoder"):
        parts = [part for part in straight if part.startswith(f"{name}/")]
        assert parts
        assert all(torch.equal(straight[part], early[part]) for part in parts), "the autoencoder stays as it is"
    assert any(not torch.equal(straight[part], early[part]) for part in straight if part.startswith("latent_critic/"))
    gan.save_pretrained(tmp_path / "model")
    assert list(MolGAN.load(tmp_path / "model", "cpu").sample(8, seed=1)) == list(gan.sample(8, seed=1))


def test_it_is_asked_for_values(qm9_smiles):
    gan = MolGAN(Config.load("default", SHORT)).fit(qm9_smiles[:60], condition="logp", quiet=True)
    context = gan.conditions.context(2, {"logp": [0.0, 2.0]})
    codes = gan.recipe.latent_gan.codes(torch.zeros(2, 4), torch.ones(2, gan.vocabulary.max_atoms) > 0, context)
    assert not torch.allclose(*codes)
    assert len(gan.sample(3, condition={"logp": 1.0})) == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["steps=5"], "set steps and model.codes to 0"),
        (["pretrain.steps=0"], "pretrain.steps above 0"),
        (["model.codes=3"], "model.codes to 0"),
        (["latent.critic.privacy.noise=1"], "privacy.noise to 0"),
        (["latent.critic.pack=3"], "a batch of 64 is no multiple of 3"),
        (["critic.privacy.noise=1", "critic.objective=hinge"], "critic.privacy and model.prior"),
    ],
)
def test_what_does_not_go_together_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        Config.load("default", [*SHORT, *settings])


def test_a_critic_of_codes_of_another_form_is_not_started_from(qm9_smiles):
    start = MolGAN(Config.load("default", [*SHORT, "latent.critic.pack=2"])).fit(qm9_smiles[:60], quiet=True)
    with pytest.raises(ConfigError, match=r"start: its latent\.critic\.pack is 2; leave out the setting"):
        MolGAN(Config.load("default", SHORT)).fit(qm9_smiles[:60], start=start, quiet=True)
