"""The critic that a one-shot generator's samples have to pass."""

import numpy as np
import pytest
import torch

from gancore.errors import ConfigError
from molgan import Config, MolGAN
from molgan.networks.fingerprint_critic import environments

SETTINGS = [
    *("model.prior=exemplars", "pretrain.kl_end=0.1", "pretrain.steps=400", "steps=4", "batch=32", "device=cpu"),
    *(
        "model.generator=[64]",
        "model.encoder=[64]",
        "model.critic=[16]",
        "model.noise=16",
        "rejection.fingerprint=1024",
    ),
    *("rejection.steps=40", "rejection.batch=64", "rejection.lr=0.003", "checkpoint.every=84", "log_every=1"),
]


@pytest.fixture(scope="module")
def trained(qm9_smiles, tmp_path_factory):
    folder = tmp_path_factory.mktemp("screening")
    return MolGAN(Config.load("default", SETTINGS)).fit(qm9_smiles[:400], out=folder / "run", quiet=True), folder


def unheard_of(gan, **asked):
    """How many atoms of samples no training molecule has (type, neighbours, valences, rings), per sample."""
    data, capacity = gan.data, gan.recipe.capacity
    known = environments(data.atoms, data.orders, capacity)[:, 0].unique()
    chunks = zip(*gan.draw_arrays(400, seed=3, **asked), strict=True)
    atoms, orders = (torch.from_numpy(np.concatenate(parts)) for parts in chunks)
    found = environments(atoms, orders, capacity)[:, 0]
    return float((~torch.isin(found, known) & (atoms >= 0)).sum(1).float().mean())


def test_samples_have_fewer_atoms_that_the_data_lack(trained):
    gan, _ = trained
    drawn = unheard_of(gan, raw=True)
    screened, strictly = unheard_of(gan), unheard_of(gan, ceiling=8)
    assert max(screened, strictly) < 0.85 * drawn


def test_the_first_samples_do_not_depend_on_how_many_there_are(trained):
    gan, _ = trained
    assert list(gan.sample(300, seed=5)) == list(gan.sample(300, seed=5))
    assert list(gan.sample(300, seed=5)) != list(gan.sample(300, seed=5, ceiling=1))


def test_it_is_stored_and_shared(trained, tmp_path):
    gan, folder = trained
    wanted = list(gan.sample(60, seed=1))
    assert list(MolGAN.load(folder / "run").sample(60, seed=1)) == wanted
    gan.save_pretrained(tmp_path / "model")
    assert list(MolGAN.load(tmp_path / "model").sample(60, seed=1)) == wanted


def test_its_phase_is_resumed_bit_for_bit(trained, tmp_path, dying_after, qm9_smiles, run_state):
    _, folder = trained
    with dying_after(420):
        MolGAN(Config.load("default", SETTINGS)).fit(qm9_smiles[:400], out=tmp_path / "cut", quiet=True)
    torch.rand(3)
    MolGAN(Config.load("default", SETTINGS)).fit(qm9_smiles[:400], out=tmp_path / "cut", resume=True, quiet=True)
    assert run_state(folder / "run") == run_state(tmp_path / "cut")


def test_it_hears_what_is_requested(qm9_smiles):
    few = ["model.prior=normal", "pretrain.steps=20", "steps=2", "rejection.steps=5", "model.codes=3"]
    gan = MolGAN(Config.load("default", [*SETTINGS, *few])).fit(qm9_smiles[:100], condition="logp", quiet=True)
    assert gan.recipe.screening.critic.conditioned.context_features > 0
    assert len(gan.sample(20, condition={"logp": [0.5] * 10 + [1.5] * 10}, guidance=1.5, code=1)) == 20


def test_a_generator_trained_on_a_score_is_not_screened(qm9_smiles):
    config = Config.load("default", [*SETTINGS, "reward.weight=1"])
    assert not config.rejects
    with pytest.raises(ConfigError, match="no critic that rejects samples"):
        MolGAN(Config.load("default", [*SETTINGS, "rejection.steps=0", "pretrain.steps=2"])).fit(
            qm9_smiles[:50], quiet=True
        ).sample(3, ceiling=2.0)
    with pytest.raises(ConfigError, match="grow leaves out large molecules"):
        Config.load("default", [*SETTINGS, "grow=[5]"])
