"""The exemplar prior: samples begin from the codes of training molecules."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from gancore.errors import ConfigError
from gancore.types import Batch
from molgan import Config, MolGAN
from molgan.scoring.tables import property_frame

FEW = ["model.prior=exemplars", "pretrain.kl_end=0.2", "pretrain.steps=250", "steps=2", "device=cpu"]


@pytest.fixture(scope="module")
def trained(qm9_smiles, tmp_path_factory):
    rings = property_frame(qm9_smiles[:400], ["rings"])["rings"]
    frame = pd.DataFrame({"smiles": qm9_smiles[:400], "kind": np.where(rings > 1, "fused", "plain")})
    folder = tmp_path_factory.mktemp("exemplars")
    return MolGAN(Config.load("qm9", FEW)).fit(frame, out=folder / "run", condition="kind", quiet=True), folder


def test_samples_without_noise_are_the_training_molecules_near_the_request(trained):
    gan, _ = trained
    assert gan.recipe.sampling_modules == ("encoder",)
    atoms, orders = gan.recipe.space.exemplars
    assert len(atoms) == len(orders) == len(gan.recipe.space.examples.context) == len(gan.data)
    rows = gan.recipe.space.exemplar_rows(
        300, torch.Generator().manual_seed(0), gan.conditions.context(300, {"kind": "fused"})
    )
    classes = gan.recipe.space.examples.context.values[rows]
    assert (classes == torch.tensor([1.0, 0.0])).all(), "every exemplar is of the class"
    assert len(rows.unique()) > 40
    shares = {
        kind: (
            property_frame([t for t in gan.sample(200, condition={"kind": kind}) if t], ["rings"])["rings"] > 1
        ).mean()
        for kind in ("fused", "plain")
    }
    assert shares["fused"] > shares["plain"] + 0.2


def test_codes_stray_from_the_molecules_as_far_as_is_set(trained, monkeypatch):
    recipe, distances = trained[0].recipe, []
    real = recipe.space.exemplars
    batch = Batch(recipe.one_hots(*(part[:40].long() for part in real)), recipe.space.examples.context[:40])
    mean, log_var = recipe.encoder(batch.sample, batch.context)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(0))
    for stray in (0.0, 1.0, 2.0):
        monkeypatch.setattr(recipe, "config", replace(recipe.config, model=replace(recipe.config.model, stray=stray)))
        distances.append(((recipe.near_codes(batch, noise) - mean) / (0.5 * log_var).exp()).detach())
    assert torch.allclose(distances[0], torch.zeros(()))
    assert torch.allclose(distances[1], noise, atol=1e-4)
    assert torch.allclose(distances[2], 2 * noise, atol=1e-4)


def test_it_is_stored_shared_and_resumed(trained, tmp_path):
    gan, folder = trained
    wanted = gan.sample(20, seed=1)
    assert list(MolGAN.load(folder / "run").sample(20, seed=1)) == list(wanted)
    gan.save_pretrained(tmp_path / "model")
    assert list(MolGAN.load(tmp_path / "model").sample(20, seed=1)) == list(wanted)
    assert f"holds {len(gan.data)} of its training molecules" in (tmp_path / "model" / "README.md").read_text()


def test_combinations_that_cannot_be_are_refused():
    for overrides in (["model.architecture=style", "model.mixing=0.5"], ["reward.overlap=true"]):
        with pytest.raises(ConfigError, match=r"model\.prior"):
            Config.load("qm9", ["model.prior=exemplars", *overrides])
