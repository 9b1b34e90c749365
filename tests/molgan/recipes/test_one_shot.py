"""The one-shot game: without reconstruction or reward, a critic brings draws nearer to data, and to what is asked."""

import pytest
import torch

from gancore.training.device import seed_everything
from gancore.training.loop import Player, play
from gancore.types import Context
from molgan.data import graphs
from molgan.data.dataset import batches
from molgan.networks.one_shot import Generator, GraphCritic
from molgan.recipes.config import Config
from molgan.recipes.domain import build
from molgan.recipes.one_shot_config import (
    AutoencoderConfig,
    OneShotCriticConfig,
    OneShotModelConfig,
    OneShotRewardConfig,
)

CPU = torch.device("cpu")
CONFIG = Config(
    steps=120,
    batch=64,
    lr=5e-3,
    device="cpu",
    model=OneShotModelConfig(noise=8, generator=(32,), critic=(64,), encoder=(16,)),
    critic=OneShotCriticConfig(penalty_weight=0.1, penalty_every=1),
    pretrain=AutoencoderConfig(steps=0),
    reward=OneShotRewardConfig(critic=0.0, validity=0.0),
)


def distance(data, atoms, orders):
    """Total variation between data and draws: of atom types, and of bond orders between atoms that are there."""
    found = []
    for one, other, kinds in ((data.atoms, atoms, len(data.vocabulary.atoms)), (data.orders, orders, 4)):
        shares = []
        for part, of in ((one, data.atoms), (other, atoms)):
            there = of >= 0 if part is of else graphs.pair_mask(of >= 0)
            shares.append(part.long()[there].bincount(minlength=kinds) / there.sum())
        found.append(float((shares[0] - shares[1]).abs().sum() / 2))
    return sum(found)


def test_the_game_alone_brings_atoms_and_bonds_nearer_to_the_data(small_data):
    seed_everything(0)
    gan, (game,) = build(CONFIG, small_data, CPU)
    rows = torch.randint(0, len(small_data), (1000,))
    present = small_data.atoms[rows] >= 0

    def drawn():
        with torch.no_grad():
            found = gan.draw(gan.noise(len(rows)), present)
        return distance(small_data, found.atoms, found.orders)

    before = drawn()
    play(game.players, game.batches, game.steps, seed=0)
    assert before > 0.5
    assert drawn() < before / 3


def test_what_is_asked_is_obtained(small_data):
    """Conditional on one bit, whether there is nitrogen or oxygen, which the critic projects."""
    carbon = [str(atom) for atom in small_data.vocabulary.atoms].index("C")
    rows = torch.arange(len(small_data))
    other = ((small_data.atoms >= 0) & (small_data.atoms != carbon)).sum(1) > 2
    context = Context(other.float()[:, None] * 2 - 1, torch.ones(len(rows), 1, dtype=torch.bool))
    seed_everything(0)
    gan, _ = build(CONFIG, small_data, CPU)
    vocabulary, kinds = small_data.vocabulary, len(small_data.vocabulary.atoms)
    gan.generator = Generator(8, vocabulary.max_atoms, kinds, (32,), context_features=1)
    gan.adversary.critic = GraphCritic(vocabulary, (64,), context_features=1)
    stream = batches(small_data, 64, 0, CPU, context)
    players = [
        Player(name, module, torch.optim.Adam(module.parameters(), 5e-3, (0.0, 0.9)), turn)
        for name, module, turn in (
            ("critic", gan.adversary.critic, gan.critic_turn),
            ("generator", gan.generator, gan.generator_turn),
        )
    ]
    play(players, stream, range(150), seed=0)
    present = small_data.atoms[torch.randint(0, len(small_data), (1000,))] >= 0
    shares = []
    for value in (-1.0, 1.0):
        asked = Context(torch.full((1000, 1), value), torch.ones(1000, 1, dtype=torch.bool))
        with torch.no_grad():
            atoms = gan.draw(gan.noise(1000), present, asked).atoms
        shares.append(float((((atoms >= 0) & (atoms != carbon)).sum(1) > 2).float().mean()))
    assert shares[1] > shares[0] + 0.4
    with pytest.raises(ValueError, match="the network was made for 1"):
        gan.draw(gan.noise(2), present[:2], Context.unknown(2, 3))
