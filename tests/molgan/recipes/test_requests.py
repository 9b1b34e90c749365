"""Policy gradient on how near samples come to what is requested of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from gancore.errors import ConfigError
from gancore.types import Batch, Context
from molgan import Config, MolGAN
from molgan.scoring.tables import property_frame

FEW = [
    "steps=0",
    "critic.pretrain=0",
    "pretrain.steps=100",
    "pretrain.batch=64",
    "model.recurrent=64",
    "model.fingerprint=256",
]
TUNE = ["pretrain.steps=0", "critic.pretrain=0", "bound=0.1", "batch=64", "average=0.9", "reward.critic=0"]


@pytest.fixture(scope="module")
def conditional(qm9_smiles):
    config = Config.load("conditional", FEW)
    return MolGAN(config).fit(qm9_smiles[:1000], quiet=True, condition=["logp"])


def mean_error(gan, values=(-1.0, 0.0, 1.0)):
    errors = []
    for value in values:
        drawn = [text for text in gan.sample(200, seed=3, condition={"logp": value}, raw=True) if text]
        errors.append((property_frame(drawn, ["logp"])["logp"] - value).abs().mean())
    return float(np.mean(errors))


def test_samples_come_nearer_to_the_request_in_seconds(conditional, qm9_smiles):
    before = mean_error(conditional)
    config = Config.load("conditional", [*TUNE, "steps=60", "reward.request=1", "reward.draws=4", "lr=2e-3"])
    tuned = MolGAN(config).fit(qm9_smiles[:1000], quiet=True, start=conditional, condition=["logp"])
    assert mean_error(tuned) < 0.85 * before


def test_a_request_that_cannot_be_computed_is_refused(conditional):
    frame = pd.DataFrame({"smiles": ["CCO", "CCN", "CCC", "CCCC"], "label": [1.0, 2.0, 3.0, 4.0]})
    config = Config.load("conditional", ["steps=1", "pretrain.steps=0", "reward.request=1"])
    with pytest.raises(ConfigError, match="needs a condition that can be computed from a molecule"):
        MolGAN(config).fit(frame, quiet=True, condition=["label"])
    with pytest.raises(ConfigError, match="needs a condition that can be computed from a molecule"):
        MolGAN(config).fit(frame, quiet=True)


def test_each_draw_is_compared_with_those_of_its_request(conditional):
    recipe = conditional.recipe
    recipe.config = replace(recipe.config, reward=replace(recipe.config.reward, draws=2, request=1.0))
    real = Batch((torch.zeros(5, 9, 4),), Context(torch.arange(5.0)[:, None], torch.ones(5, 1, dtype=torch.bool)))
    rows = recipe.for_draws(real)
    assert torch.equal(rows.context.values[:, 0], torch.tensor([0.0, 0.0, 1.0, 1.0]))
    assert recipe.advantage(torch.tensor([1.0, 0.0, 5.0, 5.0])).tolist() == [1.0, -1.0, 0.0, 0.0]
    scores = recipe.request_scores(["C", ""], Context(torch.zeros(2, 1), torch.ones(2, 1, dtype=torch.bool)))
    assert scores[1] == 0
    assert scores[0] > 0


def test_the_critic_hears_requests_as_the_start_s_does(conditional, qm9_smiles):
    config = Config.load("requests", ["steps=1", "batch=8"])
    tuned = MolGAN(config).fit(qm9_smiles[:100], quiet=True, start=conditional, condition=["logp"])
    assert tuned.config.critic.conditioning == "concatenation"
    other = Config.load("requests", ["steps=1", "batch=8", "critic.conditioning=projection"])
    with pytest.raises(
        ConfigError, match=r"its critic.conditioning is concatenation; leave out the setting projection"
    ):
        MolGAN(other).fit(qm9_smiles[:100], quiet=True, start=conditional, condition=["logp"])
