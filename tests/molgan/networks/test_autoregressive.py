"""Graphs grown atom by atom: every draw is a molecule, every molecule can be drawn, and likelihoods are exact."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from gancore.training.loop import frozen, of_others, play
from gancore.training.settings import ReplayConfig
from gancore.types import CriticOutput
from molgan import chemistry
from molgan.data import graphs
from molgan.data.space import GraphSpace
from molgan.gan import MolGAN
from molgan.networks.autoregressive import AutoregressiveGenerator
from molgan.networks.decision_trace import decision_trace
from molgan.recipes import autoregressive
from molgan.recipes.autoregressive_config import AutoregressiveCriticConfig, AutoregressiveModelConfig
from molgan.recipes.config import Config, PolicyRewardConfig, PretrainConfig
from molgan.recipes.domain import build

SMALL = Config(
    recipe="autoregressive",
    steps=4,
    batch=16,
    device="cpu",
    bound=1.0,
    monitor_every=2,
    log_every=1,
    pretrain=PretrainConfig(steps=4, batch=16),
    model=AutoregressiveModelConfig(recurrent=16, pair=8, dropout=0.0),
)
CARBON_OXYGEN = torch.tensor([4, 2])


@pytest.fixture
def generator(small_data):
    torch.manual_seed(0)
    return AutoregressiveGenerator(torch.from_numpy(small_data.vocabulary.capacity), 9, 16, 8, 1, 0.0)


def test_every_draw_of_an_untrained_network_is_a_molecule(generator, small_data):
    sizes = torch.arange(900) % 9 + 1
    present = torch.arange(9) < sizes[:, None]
    atoms, orders = generator.sample(present)
    assert torch.equal((atoms >= 0).sum(1), sizes)
    mols = chemistry.decode(atoms.numpy(), orders.numpy(), small_data.vocabulary)
    assert all(chemistry.strict_smiles(mol) is not None for mol in mols)


def test_atoms_that_take_no_bonds_stand_alone():
    torch.manual_seed(0)
    generator = AutoregressiveGenerator(torch.tensor([4, 0, 3, 0, 2]), 6, 16, 8, 1, 0.0)
    sizes = torch.arange(600) % 6 + 1
    atoms, _ = generator.sample(torch.arange(6) < sizes[:, None])
    lone = ((atoms == 1) | (atoms == 3)).any(1)
    assert lone[sizes == 1].any()
    assert not lone[sizes > 1].any()


def test_every_molecule_can_be_drawn(generator, small_data):
    assert generator.log_prob(small_data.atoms, small_data.orders).min() > -200  # what is closed is at -1e9


@pytest.mark.parametrize("size", [1, 2, 3])
def test_probabilities_of_all_graphs_sum_to_one_and_are_those_of_draws(size):
    torch.manual_seed(1)
    generator = AutoregressiveGenerator(CARBON_OXYGEN, 3, 8, 8, 1, 0.0)
    pairs = size * (size - 1) // 2
    kinds = torch.cartesian_prod(*[torch.arange(2)] * size).view(-1, size)
    bonds = torch.cartesian_prod(*[torch.arange(4)] * pairs).view(-1, pairs) if pairs else torch.zeros(1, 0).long()
    atoms = torch.full((len(kinds) * len(bonds), 3), chemistry.PAD)
    orders = torch.zeros(len(atoms), 3, dtype=torch.long)
    atoms[:, :size] = kinds.repeat_interleave(len(bonds), 0)
    orders[:, :pairs] = bonds.repeat(len(kinds), 1)
    exact = generator.log_prob(atoms, orders).exp().detach()
    assert exact.sum() == pytest.approx(1, abs=1e-5)
    drawn = generator.sample((torch.arange(3) < size).expand(40_000, 3))
    counted = Counter(map(tuple, torch.cat(drawn, 1).tolist()))
    for graph, probability in zip(torch.cat((atoms, orders), 1).tolist(), exact.tolist(), strict=True):
        spread = (probability * (1 - probability) / 40_000) ** 0.5
        assert abs(counted[tuple(graph)] / 40_000 - probability) <= 5 * spread + 1e-9


def test_decisions_do_not_see_what_comes_later(generator, small_data):
    atoms, orders = small_data.atoms[-8:].clone(), small_data.orders[-8:].clone()
    nodes, options = generator(decision_trace(atoms, orders, generator.capacity))
    changed = orders.clone()
    changed[:, 28:] = 0  # the last atom is bonded to the one before it alone
    changed[:, 35] = 1
    other_nodes, other_options = generator(decision_trace(atoms, changed, generator.capacity))
    torch.testing.assert_close(nodes, other_nodes)
    steps = min(options.shape[2], other_options.shape[2])
    torch.testing.assert_close(options[:, :8, :steps], other_options[:, :8, :steps])
    torch.testing.assert_close(options[:, 8, 0], other_options[:, 8, 0])


def test_the_trace_of_a_known_molecule_by_hand():
    """C-O-C: the oxygen must bond, and the last carbon may point to the first one alone once it has the oxygen."""
    atoms, orders = torch.tensor([[0, 1, 0]]), torch.tensor([[1, 0, 1]])
    trace = decision_trace(atoms, orders, CARBON_OXYGEN)
    assert trace.partners.tolist() == [[[-1, -1], [0, -1], [1, -1]]]
    assert trace.orders.tolist() == [[[0, 0], [1, 0], [1, 0]]]
    assert trace.free[0, 1].tolist()[:1] == [4]
    assert trace.free[0, 2].tolist()[:2] == [3, 1]
    assert trace.left[0, 1:].tolist() == [[2, 1], [4, 3]]
    assert trace.stops.tolist() == [[[True, True], [False, True], [False, True]]]
    assert trace.bonds[0, 1, 0, 0].tolist() == [True, True, False]  # the oxygen's two are all that it has
    assert trace.bonds[0, 2, 0].tolist() == [[True, True, True], [True, False, False], [False] * 3]
    assert trace.bonds[0, 2, 1].tolist() == [[True, True, True], [False] * 3, [False] * 3]


def test_each_turn_moves_its_own_player_alone(small_data):
    gan, (pretrain, game) = build(SMALL, small_data, torch.device("cpu"))
    for phase in (pretrain, game):
        for player in phase.players:
            with frozen(of_others(player, phase.players)):
                losses = player.losses(next(phase.batches), 5)
                sum(value.mean() for name, value in losses.items() if not name.startswith("_")).backward()
            for name, module in gan.modules.items():
                moved = [p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters()]
                assert any(moved) == (module is player.module), (player.name, name)
                module.zero_grad(set_to_none=True)


def test_what_the_critic_doubts_is_drawn_again(small_data):
    """Draws follow the generator's probabilities times exp(logit), where that ratio is below the ceiling."""
    vocabulary = replace(small_data.vocabulary, max_atoms=1)
    config = replace(SMALL, critic=AutoregressiveCriticConfig(rejections=40))
    gan = autoregressive.AutoregressiveGAN(config, GraphSpace(vocabulary, torch.tensor([0, 1])), torch.device("cpu"))
    kinds = torch.arange(len(vocabulary.atoms))[:, None]
    plain = gan.averaged.average.log_prob(kinds, torch.zeros(len(kinds), 0, dtype=torch.long)).exp().detach()
    logits = torch.linspace(-1.0, 0.4, len(kinds))
    gan.adversary.critic = lambda sample, context=None: CriticOutput(3 + logits[sample[0][:, 0].argmax(-1)])
    wanted = plain * logits.exp() / (plain * logits.exp()).sum()
    assert (wanted / plain).max() < 2
    for raw, expected in ((False, wanted), (True, plain)):
        atoms, _ = gan.sample(40_000, torch.Generator().manual_seed(0), raw=raw)
        counted = atoms.flatten().bincount(minlength=len(kinds)) / len(atoms)
        spread = (expected * (1 - expected) / len(atoms)).sqrt()
        assert ((counted - expected).abs() < 5 * spread + 0.005).all(), raw  # the ratio's mean is an estimate


def test_the_critic_alone_judges_what_is_sampled_from(small_data):
    config = replace(SMALL, critic=AutoregressiveCriticConfig(pretrain=2))
    gan, (likelihood, critic, game) = build(config, small_data, torch.device("cpu"))
    assert [phase.steps for phase in (likelihood, critic, game)] == [range(4), range(4, 6), range(6, 10)]
    gan.generator.load_state_dict({name: tensor + 1 for name, tensor in gan.generator.state_dict().items()})
    critic.enter()
    for name, tensor in gan.averaged.average.state_dict().items():
        assert torch.equal(gan.generator.state_dict()[name], tensor), name
    assert [player.module for player in critic.players] == [gan.adversary.critic]


def test_a_reward_is_learnt(small_data):
    """Molecules hold more carbon when that is what they are paid for."""
    score = {"components": [{"property": "element", "symbol": "C", "desirability": _up(9)}]}
    reward = PolicyRewardConfig(
        critic=0.0, weight=5.0, score=_score(score), replay=ReplayConfig(size=20, batch=4, weight=0.1)
    )
    config = replace(SMALL, lr=5e-3, bound=0.0, batch=64, reward=reward, pretrain=PretrainConfig(steps=0))
    _, (game,) = build(config, small_data, torch.device("cpu"))
    (player,) = [player for player in game.players if player.name == "generator"]
    means = []
    for step in range(60):
        losses = player.losses(next(game.batches), step)
        means.append(losses["_score"].item())
        player.step(losses)
    assert sum(means[-10:]) > 1.3 * sum(means[:10])


def _up(high):
    return {"shape": "maximize", "low": 0, "high": high}


def _score(table):
    from gancore.io import config as toml
    from molgan.scoring.definition import ScoreConfig

    return toml.from_dict(ScoreConfig, table)


def test_it_fits_samples_saves_and_loads(tmp_path, qm9_smiles):
    dropped = replace(SMALL, model=replace(SMALL.model, dropout=0.2), critic=AutoregressiveCriticConfig(steps=2))
    gan = MolGAN(dropped).fit(qm9_smiles, out=tmp_path / "run", quiet=True)
    drawn = gan.sample(50, seed=1)
    assert None not in drawn
    assert MolGAN.load(tmp_path / "run").sample(50, seed=1) == drawn
    assert gan.sample(50, seed=1, raw=True) == drawn


def test_sharper_draws_have_a_higher_likelihood(generator):
    present = torch.ones(400, 9, dtype=torch.bool)
    plain, sharp = (generator.log_prob(*generator.sample(present, temperature)).mean() for temperature in (1.0, 0.5))
    assert sharp > plain
    assert graphs.valid(*generator.sample(present, 0.5), generator.capacity).all()


def test_a_turn_without_anything_to_learn_moves_nothing(small_data):
    config = replace(SMALL, bound=0.0, steps=2, reward=replace(SMALL.reward, every=5))
    gan, (_, game) = build(config, small_data, torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in gan.generator.state_dict().items()}
    logged = []
    play(game.players, game.batches, range(5, 6), [lambda step, logs: logged.append(logs)])
    assert all(torch.equal(tensor, before[name]) for name, tensor in gan.generator.state_dict().items())
    assert logged[0]["generator/gradient"] == 0
