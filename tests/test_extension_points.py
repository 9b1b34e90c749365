"""The examples of CONTRIBUTING run as written: an objective, a property and a recipe each take one place."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import molgan
from gancore.errors import ConfigError
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.types import CriticOutput
from molgan.gan import MolGAN
from molgan.recipes import RECIPES
from molgan.scoring.properties import PROPERTIES
from molgan.scoring.scorer import Scorer

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
SMILES = ["CCO", "CCN", "C1CC1O", "CC(=O)N", "c1ccncc1", "CCCO"] * 3


@pytest.fixture
def run(monkeypatch):
    """Run the block that holds a word; the tables are as before afterwards."""
    for table in (OBJECTIVES, PROPERTIES, RECIPES):
        for name in set(table):
            monkeypatch.setitem(table, name, table[name])

    def call(word):
        (block,) = [block for block in BLOCKS if word in block]
        before = [set(table) for table in (OBJECTIVES, PROPERTIES, RECIPES)]
        space: dict = {"__name__": "example"}
        exec(block, space)
        for table, known in zip((OBJECTIVES, PROPERTIES, RECIPES), before, strict=True):
            for name in set(table) - known:
                row = table.pop(name)
                monkeypatch.setitem(table, name, row)
        return space

    return call


def test_every_block_is_run_here():
    assert len(BLOCKS) == 3


def test_an_objective_is_two_functions_and_a_row(run):
    """The game of Mao et al. 2017: its equilibrium has logits of 1/2, and both players' slopes point there."""
    run("least_squares")

    class Critic(torch.nn.Module):
        def forward(self, sample, context=None):
            return CriticOutput(sample[0].sum(1))

    adversary = Adversary(Critic(), OBJECTIVES["least_squares"], {})
    real, fake = (torch.full((4, 1), value, requires_grad=True) for value in (0.25, 0.75))
    losses = adversary.critic_losses((real,), (fake,))
    assert losses["adversarial"].tolist() == pytest.approx([0.75**2 + 0.75**2] * 4)
    loss = adversary.generator_losses((real,), (fake,))["adversarial"]
    assert loss.tolist() == pytest.approx([0.25**2] * 4)
    (slope,) = torch.autograd.grad(loss.sum(), fake)
    assert slope.flatten().tolist() == pytest.approx([-0.5] * 4)


def test_a_property_is_a_function_and_a_row(run, tmp_path):
    run("heteroatoms")
    score = tmp_path / "mine.toml"
    score.write_text(
        '[score]\n[[score.components]]\nproperty = "heteroatoms"\n'
        'desirability = { shape = "maximize", low = 0, high = 2 }\n'
    )
    found = Scorer(score, processes=0)(["CC", "CCO", "NCCO"])
    assert np.allclose(found, [0.0, 0.5, 1.0])


def test_a_recipe_is_a_file_and_a_row(run, tmp_path):
    run("SmallFirst")
    overrides = ["recipe=small_first", "ramp=3", "pretrain.steps=6", "steps=0", "model.recurrent=8", "model.pair=4"]
    config = molgan.Config.load("qm9-growing", [*overrides, "critic.pretrain=1", "device=cpu", "data.hold_out=0"])
    gan = MolGAN(config).fit(SMILES, out=tmp_path / "run", quiet=True)
    assert MolGAN.load(tmp_path / "run").sample(5) == gan.sample(5)
    with pytest.raises(ConfigError, match="unknown key ramp; recipe small_first has it"):
        molgan.Config.load("qm9", ["ramp=3"])
