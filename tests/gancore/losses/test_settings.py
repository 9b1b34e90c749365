"""Settings of adversaries: what they build, and which do not go together."""

from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from gancore.errors import ConfigError
from gancore.io.config import from_dict
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.penalties import PENALTIES
from gancore.losses.settings import ObjectiveConfig, RelaxedCriticConfig
from gancore.training.loop import Player, play


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "wasserstein", "penalty_weight": 0.0}, "needs a slope penalty, clipped weights or a spectral"),
        ({"objective": "wasserstein", "smooth_real": 0.1}, "objective wasserstein has no labels of samples"),
        ({"objective": "hinge", "smooth_fake": 0.1}, "objective hinge has no labels of samples"),
        ({"objective": "relativistic_pairing", "smooth_real": 0.1}, "has no labels of samples"),
        ({"max_weight": 0.01}, "set one of them to 0"),
        ({"max_weight": 0.01, "penalty_weight": 0.0, "spectral_norm": True}, "set max_weight to 0"),
        ({"every": 2, "steps": 3}, "set one of them to 1"),
        ({"smooth_real": 0.5}, "smooth_real = 0.5: input should be less than 0.5"),
        ({"noise_until": 0.0}, "noise_until = 0"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(settings, message):
    with pytest.raises(ConfigError, match=message) as error:
        from_dict(RelaxedCriticConfig, settings)
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text


@pytest.mark.parametrize("bound", [{"penalty_weight": 1.0}, {"max_weight": 0.1}, {"spectral_norm": True}])
def test_a_wasserstein_critic_takes_any_bound(bound):
    config = RelaxedCriticConfig("wasserstein", **{"penalty_weight": 0.0} | bound)
    assert config.adversary(nn.Linear(2, 1)).objective is OBJECTIVES["wasserstein"]


def test_what_came_later_is_given_by_name():
    """So that a script that gives the older settings by place means what it meant."""
    assert RelaxedCriticConfig("hinge", "r1", 0.5, 2, 3) == RelaxedCriticConfig(
        objective="hinge", penalty="r1", penalty_weight=0.5, penalty_every=2, steps=3
    )
    late = {one.name for one in fields(RelaxedCriticConfig) if one.kw_only}
    assert late == {
        *("smooth_real", "smooth_fake", "spectral_norm", "max_weight", "noise", "noise_until", "every"),
        *("pack", "minibatch_kernels", "minibatch_group", "critics", "critics_sharpness", "adversarial"),
        *("feature_matching", "feature_mmd", "unroll", "unroll_rate", "equilibrium", "equilibrium_rate", "privacy"),
    }


def test_the_adversary_is_what_the_settings_say():
    critic = nn.Linear(2, 1)
    made = RelaxedCriticConfig("least_squares", "r1", 0.5, 2, smooth_real=0.25).adversary(critic)
    assert made.penalties == {"penalty": (PENALTIES["r1"], 0.5)}
    assert (made.penalty_every, made.every) == (2, 1)
    assert made.objective.critic(torch.tensor([0.75]), torch.zeros(1)).item() == 0.0
    assert list(critic.state_dict()) == ["weight", "bias"]
    assert not RelaxedCriticConfig(penalty_weight=0.0).adversary(critic).penalties


def test_noise_falls_to_nothing_by_the_share_of_the_game():
    level = RelaxedCriticConfig(noise=0.4, noise_until=0.5).noise_of(100, start=10)
    assert [level(step) for step in (0, 10, 35, 60, 110)] == pytest.approx([0.4, 0.4, 0.2, 0.0, 0.0])
    assert RelaxedCriticConfig().noise_of(100)(0) == 0.0


@pytest.mark.parametrize(
    ("objective", "smooth", "refused"),
    [
        ("non_saturating", 0.0, ""),
        ("relativistic_pairing", 0.0, ""),
        ("non_saturating", 0.1, "with smoothed labels"),
        ("hinge", 0.0, "objective hinge gives no ratio"),
        ("least_squares", 0.0, "objective least_squares gives no ratio"),
        ("relativistic_average", 0.0, "objective relativistic_average gives no ratio"),
    ],
)
def test_rejection_takes_a_critic_of_ratios(objective, smooth, refused):
    config = ObjectiveConfig(objective, smooth_real=smooth)
    if refused:
        with pytest.raises(ConfigError, match=refused):
            config.require_ratio()
    else:
        config.require_ratio()


# What the players make of them --------------------------------------------------------------------


def test_weights_are_clipped_after_each_turn_and_no_other_player_s():
    nets = {name: nn.Linear(3, 2) for name in ("critic", "generator")}
    for net in nets.values():
        nn.init.constant_(net.weight, 1.0)
    turns = RelaxedCriticConfig(penalty_weight=0.0, max_weight=0.01).turns
    assert turns == {"repeat": 1, "every": 1, "max_weight": 0.01}
    players = [
        Player(
            *(name, net, torch.optim.SGD(net.parameters(), 0.1)),
            lambda batch, step, net=net: {"loss": net(batch).mean()},
            **(turns if name == "critic" else {}),
        )
        for name, net in nets.items()
    ]
    play(players, iter(lambda: torch.ones(4, 3), None), range(2))
    assert all(part.abs().max() <= 0.01 for part in nets["critic"].parameters())
    assert nets["critic"].weight.abs().max().item() == pytest.approx(0.01)
    assert nets["generator"].weight.abs().min() > 0.5


def test_a_critic_can_play_less_or_more_than_the_generator():
    played = []
    for settings in ({"every": 3}, {"steps": 2}):
        net = nn.Linear(1, 1)
        count = {"critic": 0, "generator": 0}

        def losses(name, count=count, net=net):
            def turn(batch, step):
                count[name] += 1
                return {"loss": net(batch).mean()}

            return turn

        turns = replace(RelaxedCriticConfig(), **settings).turns
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        players = [Player("critic", net, optimizer, losses("critic"), **turns)]
        players += [Player("generator", net, optimizer, losses("generator"))]
        play(players, iter(lambda: torch.ones(1, 1), None), range(6))
        played.append(tuple(count.values()))
    assert played == [(2, 6), (12, 6)]
