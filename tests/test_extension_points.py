"""The examples of CONTRIBUTING run as written: each takes one file and one row of a table."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import molgan
from gancore.errors import ConfigError, DataError
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.sampling.estimators import straight_through
from gancore.types import Batch, Context, CriticOutput
from molgan.data.downloads import DATA
from molgan.gan import MolGAN
from molgan.networks.architectures import ARCHITECTURES
from molgan.recipes import RECIPES
from molgan.scoring.properties import PROPERTIES
from molgan.scoring.property_makers import MAKERS
from molgan.scoring.scorer import Scorer

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
TABLES = (OBJECTIVES, PROPERTIES, MAKERS, RECIPES, ARCHITECTURES, DATA.sources)
SMILES = ["CCO", "CCN", "C1CC1O", "CC(=O)N", "c1ccncc1", "CCCO"] * 3


@pytest.fixture
def run(monkeypatch):
    """Run the block that holds a word; the tables are as before afterwards."""
    for table in TABLES:
        for name in set(table):
            monkeypatch.setitem(table, name, table[name])

    def call(word):
        (block,) = [block for block in BLOCKS if word in block]
        before = [set(table) for table in TABLES]
        space: dict = {"__name__": "example"}
        exec(block, space)
        for table, known in zip(TABLES, before, strict=True):
            for name in set(table) - known:
                row = table.pop(name)
                monkeypatch.setitem(table, name, row)
        return space

    return call


def test_every_block_is_run_here():
    assert len(BLOCKS) == 7


def test_an_objective_is_two_functions_and_a_row(run):
    """The game of Nowozin et al. 2016: its best critic is 1 + log(p / q), which pays -KL(p, q) and at p = q is 1."""
    run("kullback_leibler")

    class Critic(torch.nn.Module):
        def forward(self, sample, context=None):
            return CriticOutput(sample[0].sum(1))

    adversary = Adversary(Critic(), OBJECTIVES["kullback_leibler"], {})
    p, q = torch.tensor([0.7, 0.3]), torch.tensor([0.4, 0.6])
    best = (1 + (p / q).log())[:, None].requires_grad_()
    real, fake = best[[0, 0, 1, 1]], best[[0, 1, 0, 1]]  # every pair, by how likely it is
    paid = (adversary.critic_losses((real,), (fake,))["adversarial"] * torch.outer(p, q).flatten()).sum()
    assert paid.item() == pytest.approx(-(p * (p / q).log()).sum().item(), abs=1e-6)
    (slope,) = torch.autograd.grad(adversary.generator_losses((best,), (best,))["adversarial"].sum(), best)
    assert slope.flatten().tolist() == pytest.approx((-p / q).tolist())


def test_an_objective_of_ones_own_is_a_setting(run):
    with pytest.raises(ConfigError, match=r"critic.objective = 'kullback_leibler': input should be 'non_sat"):
        molgan.Config.load("default", ["critic.objective=kullback_leibler"])
    run("kullback_leibler")
    few = ["critic.objective=kullback_leibler", "steps=2", "pretrain.steps=1", "device=cpu", "model.generator=[8]"]
    gan = MolGAN(molgan.Config.load("default", few)).fit(SMILES, quiet=True)
    assert len(gan.sample(3)) == 3


def test_a_critic_head_is_an_output_and_a_row(run):
    """Tokens of two kinds: the asked share of the second is obtained from the head alone, there being no other game."""
    space = run("SizedCritic")
    torch.manual_seed(0)
    steps, n = 6, 128
    critic = space["SizedCritic"](2, steps)
    generator = torch.nn.Linear(2, steps)
    adversary = Adversary(critic, OBJECTIVES["non_saturating"], {}, heads=space["HEADS"])
    optimizers = [torch.optim.Adam(net.parameters(), 0.02) for net in (critic, generator)]

    def drawn(context):
        return straight_through(torch.stack((torch.zeros(len(context), steps), generator(context.inputs)), 2), 1.0)

    for _ in range(150):
        ids = torch.rand(n, steps) < torch.rand(n, 1)
        context = Context((ids.float().mean(1, keepdim=True) - 0.5) / 0.25, torch.ones(n, 1, dtype=torch.bool))
        real = Batch((torch.nn.functional.one_hot(ids.long(), 2).float(),), context)
        losses = adversary.critic_losses(real, Batch((drawn(context).hard.detach(),), context))
        optimizers[0].zero_grad()
        losses["size"].mean().backward()
        optimizers[0].step()
        losses = adversary.generator_losses(real, Batch((drawn(context).relaxed,), context))
        optimizers[1].zero_grad()
        losses["size"].mean().backward()
        optimizers[1].step()
    shares = []
    for value in (-1.0, 1.0):
        context = Context(torch.full((500, 1), value), torch.ones(500, 1, dtype=torch.bool))
        shares.append(drawn(context).hard[..., 1].mean().item())
    assert shares[1] > shares[0] + 0.3


def test_an_architecture_is_a_function_and_a_row(run, tmp_path):
    run("class Shallow")
    few = ["model.architecture=shallow", "steps=2", "pretrain.steps=2", "device=cpu", "model.generator=[8]"]
    gan = MolGAN(molgan.Config.load("default", few)).fit(SMILES, out=tmp_path / "run", quiet=True, condition="logp")
    assert MolGAN.load(tmp_path / "run").sample(4, condition={"logp": 0.0}) == gan.sample(4, condition={"logp": 0.0})


def test_a_property_is_a_function_and_a_row(run, tmp_path):
    run("heteroatoms")
    score = tmp_path / "mine.toml"
    score.write_text(
        '[score]\n[[score.components]]\nproperty = "heteroatoms"\n'
        'desirability = { shape = "maximize", low = 0, high = 2 }\n'
    )
    found = Scorer(score, processes=0)(["CC", "CCO", "NCCO"])
    assert np.allclose(found, [0.0, 0.5, 1.0])


def test_a_property_with_an_argument_is_a_function_and_a_row(run, tmp_path):
    run("occurrences")
    score = tmp_path / "mine.toml"
    score.write_text(
        '[score]\n[[score.components]]\nproperty = "occurrences"\nsmarts = "[OX2H]"\n'
        'desirability = { shape = "maximize", low = 0, high = 2 }\n'
    )
    assert np.allclose(Scorer(score, processes=0)(["CC", "CCO", "OCCO"]), [0.0, 0.5, 1.0])


def test_a_data_set_is_a_function_and_a_row(run, tmp_path, monkeypatch):
    run("alcohols")
    monkeypatch.setenv("DISCRETEGAN_DATA", str(tmp_path / "cache"))
    archive = tmp_path / "archive"
    archive.write_text("CO\nCCO\nCCCO\nCC(C)O\nCCCCO\n")
    with pytest.raises(DataError, match=r"is not the archive of https://example\.org"):
        DATA.fetch("alcohols", archive)
    own = DATA.sources["alcohols"]._replace(sha256=hashlib.sha256(archive.read_bytes()).hexdigest())
    monkeypatch.setitem(DATA.sources, "alcohols", own)
    DATA.fetch("alcohols", archive)
    few = ["pretrain.steps=1", "steps=0", "critic.pretrain=0", "device=cpu", "data.hold_out=0"]
    gan = MolGAN(molgan.Config.load("qm9-growing", few)).fit("alcohols", quiet=True)
    assert gan.provenance["data"]["molecules"] == 5


def test_a_recipe_is_a_file_and_a_row(run, tmp_path):
    run("SmallFirst")
    overrides = ["recipe=small_first", "ramp=3", "pretrain.steps=6", "steps=0", "model.recurrent=8", "model.pair=4"]
    config = molgan.Config.load("qm9-growing", [*overrides, "critic.pretrain=1", "device=cpu", "data.hold_out=0"])
    gan = MolGAN(config).fit(SMILES, out=tmp_path / "run", quiet=True)
    assert MolGAN.load(tmp_path / "run").sample(5) == gan.sample(5)
    with pytest.raises(ConfigError, match="unknown key ramp; recipe small_first has it"):
        molgan.Config.load("qm9", ["ramp=3"])
