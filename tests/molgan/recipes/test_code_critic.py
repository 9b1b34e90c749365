"""The adversarial autoencoder: a critic makes codes normal, in place of a KL divergence."""

import pytest
import torch

from gancore.runs.folder import find
from molgan import Config, MolGAN
from molgan.data import graphs

SETTINGS = [
    *("model.noise=4", "model.generator=[64]", "model.encoder=[64]", "model.critic=[16]", "steps=0", "device=cpu"),
    *("pretrain.steps=400", "pretrain.batch=128", "pretrain.lr=0.002", "log_every=50"),
]
MATCHED = [*SETTINGS, "pretrain.match=critic", "pretrain.match_weight=2"]


def codes(gan):
    data, kinds = gan.data, len(gan.vocabulary.atoms)
    real = graphs.one_hots(data.atoms, data.orders, kinds)
    with torch.no_grad():
        mean, log_var = gan.recipe.encoder(real)
        return mean + (0.5 * log_var).exp() * torch.randn(mean.shape, generator=torch.Generator().manual_seed(0))


def far_from_normal(found):
    """Of the mean and of the covariance."""
    return float(found.mean(0).square().sum() + (found.T.cov() - torch.eye(found.shape[1])).square().sum())


@pytest.fixture(scope="module")
def matched(qm9_smiles, tmp_path_factory):
    folder = tmp_path_factory.mktemp("matched")
    return MolGAN(Config.load("default", MATCHED)).fit(qm9_smiles[:300], out=folder / "run", quiet=True), folder


def test_codes_become_normal_and_molecules_stay_known(matched, qm9_smiles):
    gan, _ = matched
    free = [*SETTINGS, "pretrain.kl_start=0", "pretrain.kl_end=0"]
    plain = MolGAN(Config.load("default", free)).fit(qm9_smiles[:300], quiet=True)
    assert far_from_normal(codes(gan)) < 0.3 * far_from_normal(codes(plain))
    short = MolGAN(Config.load("default", [*MATCHED, "pretrain.steps=5"])).fit(qm9_smiles[:300], quiet=True)
    error, before = (
        one.recipe.reconstruction_error(graphs.one_hots(one.data.atoms, one.data.orders, len(one.vocabulary.atoms)))
        for one in (gan, short)
    )
    assert error.mean() < 0.6 * before.mean()


def test_the_critic_is_in_the_checkpoint_and_resumed(matched, tmp_path, dying_after, qm9_smiles):
    _, folder = matched
    assert any(name.startswith("code_critic/") for name in find(folder / "run").tensors())
    config = Config.load("default", [*MATCHED, "checkpoint.every=200"])
    with dying_after(200):
        MolGAN(config).fit(qm9_smiles[:300], out=tmp_path / "cut", quiet=True)
    torch.rand(3)
    MolGAN(config).fit(qm9_smiles[:300], out=tmp_path / "cut", resume=True, quiet=True)
    straight, resumed = (find(at).tensors() for at in (folder / "run", tmp_path / "cut"))
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(part, resumed[name]) for name, part in straight.items())
