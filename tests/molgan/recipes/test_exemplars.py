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


def test_sharpened_samples_have_no_noise_but_that_of_their_codes(trained, monkeypatch):
    """With one exemplar and codes that do not stray, all of them are one graph; as drawn they are many."""
    recipe, different = trained[0].recipe, {}
    monkeypatch.setattr(type(recipe.space), "exemplar_rows", lambda space, n, *_: torch.zeros(n, dtype=torch.long))
    for sharpness in (1.0, 1e4):
        model = replace(recipe.config.model, stray=0.0, sharpness=sharpness)
        monkeypatch.setattr(recipe, "config", replace(recipe.config, model=model))
        atoms, orders = recipe.sample(50, torch.Generator().manual_seed(0), raw=True)
        different[sharpness] = len(torch.cat((atoms, orders), 1).unique(dim=0))
    assert different[1e4] == 1 < different[1.0]


def test_every_training_molecule_may_be_an_exemplar(qm9_smiles, monkeypatch, tmp_path):
    monkeypatch.setattr("gancore.facade.examples._MOST", 50)
    few = [*FEW, "pretrain.steps=2"]
    some = MolGAN(Config.load("qm9", few)).fit(qm9_smiles[:200], quiet=True)
    assert len(some.recipe.space.exemplars[0]) == 50
    every = MolGAN(Config.load("qm9", [*few, "model.all_exemplars=true"])).fit(qm9_smiles[:200], quiet=True)
    held = torch.cat(every.recipe.space.exemplars, 1)
    assert (held == torch.cat((every.data.atoms, every.data.orders), 1)).all()
    drawn = every.recipe.space.exemplar_rows(2000, torch.Generator().manual_seed(0))
    assert len(drawn.unique()) > 0.9 * len(every.data)


def test_a_game_compares_with_draws_from_other_molecules(qm9_smiles):
    """Nothing is requested: the codes and sizes beside a batch are of any exemplars. Else they are of its own."""
    gan = MolGAN(Config.load("qm9", [*FEW, "pretrain.steps=2", "model.stray=0"])).fit(qm9_smiles[:200], quiet=True)
    recipe = gan.recipe
    real = recipe.exemplars(torch.zeros(100, dtype=torch.long))
    codes, present = recipe.inputs_for(real)
    assert len(codes.unique(dim=0)) > 30
    found = recipe.encoder(recipe.exemplars(torch.arange(len(gan.data))).sample)[0]
    assert (torch.cdist(codes, found).min(1).values < 1e-3).all()
    assert len(present.sum(1).unique()) > 1


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
    with pytest.raises(ConfigError, match=r"model\.all_exemplars is of model\.prior=exemplars"):
        Config.load("qm9", ["model.all_exemplars=true"])


def test_all_exemplars_have_no_conditions(qm9_smiles):
    with pytest.raises(ConfigError, match=r"model\.all_exemplars keeps no conditions"):
        MolGAN(Config.load("qm9", [*FEW, "model.all_exemplars=true"])).fit(
            qm9_smiles[:50], condition="logp", quiet=True
        )
