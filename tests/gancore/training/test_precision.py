"""Training in bfloat16: the networks compute in it; weights, penalties and draws do not."""

from dataclasses import replace

import pytest
import torch

from gancore.errors import ConfigError
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.penalties import PENALTIES
from gancore.training import run
from gancore.training.device import computes_bfloat16
from gancore.types import CriticOutput
from molgan.gan import MolGAN
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN
from seqgan.recipes.config import Config

CPU = torch.device("cpu")
native = pytest.mark.skipif(not computes_bfloat16(CPU), reason="this processor has no instructions for bfloat16")


def test_a_processor_without_it_is_one_sentence(small_config, small_data, monkeypatch):
    monkeypatch.setattr(run, "computes_bfloat16", lambda device: False)
    with pytest.raises(ConfigError, match="this cpu has no instructions for it; leave it out"):
        MolGAN(replace(small_config, precision="bfloat16")).fit(small_data, quiet=True)


class Noting(torch.nn.Module):
    """A critic that notes what it computed in."""

    def __init__(self):
        super().__init__()
        self.layer, self.seen = torch.nn.Linear(3, 1), []

    def forward(self, sample):
        logits = self.layer(sample[0]).squeeze(1)
        self.seen.append(logits.dtype)
        return CriticOutput(logits)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalties_are_in_full_precision(penalty):
    critic = Noting()
    adversary = Adversary(critic, OBJECTIVES["hinge"], {"penalty": (PENALTIES[penalty], 1.0)})
    sample = (torch.eye(3),)
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        losses = adversary.critic_losses(sample, sample)
    assert critic.seen[0] == torch.bfloat16
    assert set(critic.seen[1:]) == {torch.float32}
    assert losses["penalty"].dtype == losses["adversarial"].dtype == torch.float32


@native
def test_molecules_in_bfloat16(small_config, small_data):
    plain = MolGAN(small_config).fit(small_data, quiet=True)
    short = MolGAN(replace(small_config, precision="bfloat16")).fit(small_data, quiet=True)
    compared(plain, short, "autoencoder/reconstruction")


@native
@pytest.mark.parametrize("kind", ["lstm", "transformer", "memory"])
@pytest.mark.parametrize("recipe", ["seqgan", "gumbel", "residual", "gad"])
def test_texts_in_bfloat16(recipe, kind):
    own = {
        "seqgan": ["critic.pool=16", "critic.filters=0.05", "critic.steps=1", "critic.pretrain=2"],
        "gumbel": ["critic.kind=textcnn", "critic.filters=0.05", "critic.steps=1", "critic.pretrain=2"],
        "residual": [],
        "gad": ["critic.pool=16", "critic.pretrain=2", "critic.kind=language_and_ngrams"],
    }[recipe]
    small = ["model.embedding=16", "model.width=16", "likelihood.epochs=2", "likelihood.batch=16"]
    game = ["steps=3", "batch=8", "monitor_every=2"]
    config = Config.load("small", [f"recipe={recipe}", f"model.kind={kind}", "device=cpu", *small, *game, *own])
    plain, short = (
        SeqGAN(replace(config, precision=precision)).fit(corpus(60), quiet=True)
        for precision in ("float32", "bfloat16")
    )
    compared(plain, short, "likelihood/nll")
    assert len(set(short.sample(30))) > 5


def compared(plain, short, figure):
    """Float32 weights, not those of the other precision, and the same figure within the noise of rounding."""
    for module in short.recipe.modules.values():
        for name, tensor in module.state_dict().items():
            assert tensor.dtype != torch.bfloat16, name
            assert not tensor.is_floating_point() or tensor.isfinite().all() or name in ("loss", "average"), name
    weights = [next(gan.recipe.generator.parameters()) for gan in (plain, short)]
    assert not torch.equal(*weights)
    assert short._training.latest[figure] == pytest.approx(plain._training.latest[figure], rel=0.02)
