"""MolGAN as published: the third player, what each turn moves, and what comes of sampling."""

from dataclasses import replace

import pytest
import torch

from gancore.errors import ConfigError
from gancore.training.loop import frozen, of_others
from molgan.data import graphs
from molgan.gan import MolGAN
from molgan.recipes.config import Config, CriticConfig
from molgan.recipes.domain import build
from molgan.recipes.molgan import MolGANModelConfig, MolGANRewardConfig

SMALL = Config(
    recipe="molgan",
    estimator="softmax",
    steps=4,
    batch=16,
    device="cpu",
    monitor_every=2,
    log_every=1,
    model=MolGANModelConfig(noise=8, generator=(16,)),
    critic=CriticConfig("wasserstein", "wgan_gp", 10.0, 1, steps=2),
    reward=MolGANRewardConfig(weight=0.5, start=0.5),
)


@pytest.fixture
def built(small_data):
    return build(SMALL, small_data, torch.device("cpu"))


def test_each_turn_moves_its_own_player_alone(built):
    gan, (phase,) = built
    assert [(player.name, player.repeat) for player in phase.players] == [("critic", 2), ("value", 1), ("generator", 1)]
    for player in phase.players:
        with frozen(of_others(player, phase.players)):
            losses = player.losses(next(phase.batches), 3)
            sum(value.mean() for name, value in losses.items() if not name.startswith("_")).backward()
        for name, module in gan.modules.items():
            moved = [p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters()]
            assert any(moved) == (name == player.name), (player.name, name)
            module.zero_grad(set_to_none=True)


def test_the_reward_comes_after_its_start_and_takes_its_share(built):
    gan, (phase,) = built
    real = next(phase.batches)
    assert set(gan.generator_turn(real, 0)) == {"adversarial"}
    assert set(gan.generator_turn(real, 2)) == {"adversarial", "reward"}


@pytest.mark.parametrize("estimator", ["softmax", "gumbel_softmax", "straight_through"])
def test_what_the_critic_sees_of_a_draw(built, small_data, estimator):
    gan, (phase,) = built
    gan.config = replace(SMALL, estimator=estimator)
    present = graphs.node_mask(next(phase.batches).sample[0])
    hard, relaxed = gan.draw(present)
    for one, other in zip(hard, relaxed, strict=True):
        assert not one.requires_grad
        assert other.requires_grad
        torch.testing.assert_close(one.sum(-1), other.sum(-1))
        assert set(one.unique().tolist()) <= {0.0, 1.0}
        assert torch.equal(one, other.detach()) == (estimator == "straight_through")


def test_value_network_learns_the_score(built):
    _gan, (phase,) = built
    value = phase.players[1]
    losses = []
    for step in range(60):
        found = value.losses(next(phase.batches), step)
        losses.append(found["value"].mean().item())
        value.step(found)
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_it_fits_samples_saves_and_loads(tmp_path, qm9_smiles):
    gan = MolGAN(SMALL).fit(qm9_smiles, out=tmp_path / "run", quiet=True)
    drawn = gan.sample(60, seed=1)
    assert MolGAN.load(tmp_path / "run").sample(60, seed=1) == drawn
    assert sum(text is not None for text in drawn) >= 59  # repaired
    assert "value" in (tmp_path / "run" / "metrics.jsonl").read_text()


def test_settings_that_this_recipe_does_not_know():
    with pytest.raises(ConfigError, match=r"unknown key pretrain\.steps; recipe one_shot or autoregressive has it"):
        Config.load("molgan", ["pretrain.steps=3"])
    with pytest.raises(ConfigError, match=r"reward\.weight = 2: input should be less than or equal to 1"):
        Config.load("molgan", ["reward.weight=2"])
    with pytest.raises(ConfigError, match="unknown key estimator; recipe molgan has it, recipe one_shot has not"):
        Config.load("qm9", ["estimator=softmax"])
    assert Config.load("molgan").recipe == "molgan"
