"""Turns of conditional networks: what is asked of a real sequence is asked of the fake beside it."""

import copy

import pytest
import torch
from torch import nn

from gancore.training.device import seed_everything
from gancore.training.loop import Player, play
from gancore.types import Context
from seqgan.data.corpus import batches
from seqgan.data.space import TextSpace
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.critics import CRITICS
from seqgan.networks.decoding import sample
from seqgan.networks.generator import Generator, at_rest, nll
from seqgan.recipes import RECIPES
from seqgan.recipes.config import Config, LikelihoodConfig
from seqgan.recipes.gumbel import GumbelCriticConfig
from seqgan.recipes.reinforce import PolicyConfig
from seqgan.recipes.seqgan_config import SeqGANCriticConfig
from seqgan.text.alphabet import Alphabet

CPU, LENGTH = torch.device("cpu"), 3
PLAIN = Alphabet(size=6, begin=0)


def conditional(recipe, critic, valued):
    """A recipe whose networks hear one bit."""
    sizes = {"embedding": 8, "width": 16, "filters": 0.05, "dropout": 0.0, "lr": 0.01}
    if recipe == "gumbel":
        own = {"critic": GumbelCriticConfig(critic, **sizes)}
    else:
        own = {
            "critic": SeqGANCriticConfig(critic, **sizes, pool=128),
            "policy": PolicyConfig(valued, rollouts=2, likelihood=0.01, kl=0.001),
        }
    config = Config(
        recipe=recipe,
        steps=60,
        batch=64,
        lr=0.02,
        model=GeneratorConfig(embedding=8, width=8, dropout=0.0, embedding_dropout=0.0),
        likelihood=LikelihoodConfig(epochs=0),
        device="cpu",
        **own,
    )
    seed_everything(0)
    networks = RECIPES[recipe](config, TextSpace(PLAIN, LENGTH), CPU)
    networks.generator = Generator(PLAIN, config.model, LENGTH, 1)
    networks.pretraining.generator = networks.generator
    networks.adversary.critic = CRITICS[critic](PLAIN, config.critic, LENGTH, 1)
    if recipe == "seqgan":
        networks.critic = networks.adversary.critic
        networks.anchor = copy.deepcopy(networks.generator)
        networks.rollout_policy.average = networks.generator
    return networks


def halves(n=512):
    """Tokens 2 and 3 where -1 is asked, 4 and 5 where 1 is."""
    bit = torch.arange(n) % 2
    ids = torch.randint(0, 2, (n, LENGTH)) + 2 + 2 * bit[:, None]
    return ids, Context(bit.float()[:, None] * 2 - 1, torch.ones(n, 1, dtype=torch.bool))


def obtained(generator):
    """The share of tokens that are of the half that was asked."""
    shares = []
    for value, low in ((-1.0, 2), (1.0, 4)):
        asked = Context(torch.full((1000, 1), value), torch.ones(1000, 1, dtype=torch.bool))
        with at_rest(generator):
            drawn = sample(generator, 1000, LENGTH, context=asked)
        shares.append(float(((drawn == low) | (drawn == low + 1)).float().mean()))
    return min(shares)


@pytest.mark.parametrize(
    ("recipe", "critic", "valued"),
    [("seqgan", "recurrent", "dense"), ("seqgan", "textcnn", "rollout"), ("gumbel", "textcnn", "rollout")],
)
def test_what_is_asked_of_a_game_is_obtained(recipe, critic, valued):
    networks = conditional(recipe, critic, valued)
    ids, context = halves()
    before = obtained(networks.generator)
    made: list[tuple[str, nn.Module, object]] = [
        ("critic", networks.adversary.critic, networks.critic_turn),
        ("generator", networks.generator, networks.generator_turn),
    ]
    players = [
        Player(name, module, torch.optim.Adam(module.parameters(), 0.02, (0.0, 0.9)), turn, max_norm=5.0)
        for name, module, turn in made
    ]
    play(players, batches(ids, 64, 0, CPU, context), range(60), seed=0)
    assert before < 0.5
    assert obtained(networks.generator) > 0.75


def test_likelihood_learns_what_is_asked_by_weighted_rows():
    """Of rows that contradict what is asked the weight is 0: they are not learnt."""
    networks = RECIPES["mle"](Config(recipe="mle", device="cpu"), TextSpace(PLAIN, LENGTH), CPU)
    networks.generator = Generator(PLAIN, GeneratorConfig(embedding=8, width=16, dropout=0.0), LENGTH, 1)
    ids, context = halves()
    lies = torch.arange(512) % 4 > 1
    told = Context(torch.where(lies[:, None], -context.values, context.values), context.known)
    optimizer = torch.optim.Adam(networks.generator.parameters(), 0.03)
    player = Player("likelihood", networks.generator, optimizer, networks.turn)
    play([player], batches(ids, 64, 0, CPU, told, (~lies).float()), range(100), seed=0)
    assert obtained(networks.generator) > 0.97
    assert nll(networks.generator, ids, context=context) < 0.8 < nll(networks.generator, ids)  # log 2; log 4
