"""The turns: who moves, what a reward does to the likelihood, and that every combination plays."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gancore.errors import ConfigError
from gancore.losses.policy_gradient import policy_gradient
from gancore.rewards.shaping import RewardShaping
from gancore.training.device import seed_everything
from gancore.training.loop import play
from gancore.types import Batch
from seqgan.data.corpus import Corpus
from seqgan.data.space import TextSpace
from seqgan.metrics.oracle import lstm_oracle
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.critics import CriticConfig
from seqgan.networks.generator import Generator, at_rest, nll, without_dropout
from seqgan.recipes import RECIPES
from seqgan.recipes.config import Config, LikelihoodConfig
from seqgan.recipes.external_reward import RewardConfig
from seqgan.recipes.gumbel import GumbelCriticConfig, RelaxConfig
from seqgan.recipes.mle import Best
from seqgan.recipes.reinforce import Baseline, Negatives, PolicyConfig
from seqgan.recipes.residual import Odds
from seqgan.recipes.seqgan_config import SeqGANCriticConfig
from seqgan.text.alphabet import Alphabet
from tests.seqgan.recipes.two_of_six import shares_of_right_tokens

CPU = torch.device("cpu")
LINES = ["the cat sat", "the dog ran", "a cat ran", "a dog sat", "the cat ran fast", "dogs run"] * 3


def tiny(recipe="seqgan", critic="textcnn", valued="rollout", **changes):
    shared = {
        "model": GeneratorConfig(embedding=8, width=8, dropout=0.3),
        "likelihood": LikelihoodConfig(epochs=2, batch=4),
        "device": "cpu",
    }
    if recipe != "mle":
        shared |= {"steps": 2, "batch": 4}
    if recipe in ("seqgan", "gumbel"):
        kind = SeqGANCriticConfig if recipe == "seqgan" else GumbelCriticConfig
        pool = {"pool": 8} if recipe == "seqgan" else {}
        sizes = {"embedding": 8, "width": 8, "filters": 0.02, "representations": 4}
        shared["critic"] = kind(critic, **sizes, pretrain=1, steps=2, **pool)
    if recipe == "seqgan":
        shared["policy"] = PolicyConfig(valued, rollouts=2, likelihood=0.1, kl=0.1)
    return Config(recipe=recipe, **shared | changes)


def networks_of(config, corpus, length=None):
    return RECIPES[config.recipe](config, TextSpace(corpus.alphabet, length or corpus.length, corpus.vocabulary), CPU)


def train(config, corpus):
    seed_everything(config.seed)
    networks = networks_of(config, corpus)
    for phase in networks.phases(corpus):
        if len(phase.steps):
            phase.enter()
            play(phase.players, phase.batches, phase.steps, phase.callbacks)
    return networks


@pytest.mark.parametrize(
    ("recipe", "critic", "reward"),
    [
        ("mle", "textcnn", "rollout"),
        ("seqgan", "textcnn", "rollout"),
        ("seqgan", "multi", "rollout"),
        ("seqgan", "ngrams", "rollout"),
        ("seqgan", "recurrent", "dense"),
        ("seqgan", "textcnn", "constant"),
        ("gumbel", "textcnn", "rollout"),
        ("gumbel", "multi", "rollout"),
        ("residual", "textcnn", "rollout"),
    ],
)
@pytest.mark.parametrize("kind", ["lstm", "transformer", "memory"])
def test_every_recipe_plays_with_every_network(recipe, critic, reward, kind):
    """A few steps of likelihood, and of the game where there is one, make the corpus likelier than an even draw."""
    model = GeneratorConfig(kind, embedding=8, width=8, heads=2, dropout=0.1)
    corpus = Corpus.of(LINES, tiny().data)
    learning = LikelihoodConfig(epochs=6, batch=4, lr=0.03)
    networks = train(tiny(recipe, critic, reward, model=model, likelihood=learning), corpus)
    even = math.log(corpus.alphabet.size - len(corpus.alphabet.closed))
    assert nll(networks.averaged.average, corpus.train) < even - 0.5


@pytest.mark.parametrize(
    ("recipe", "critic", "reward"),
    [("seqgan", "textcnn", "rollout"), ("seqgan", "recurrent", "dense"), ("gumbel", "textcnn", "rollout")],
)
def test_a_turn_moves_its_own_player_only(recipe, critic, reward):
    corpus = Corpus.of(LINES, tiny().data)
    networks = networks_of(tiny(recipe, critic, reward), corpus)
    for phase in networks.phases(corpus)[1:]:
        for player in phase.players:
            state = {name: module.state_dict() for name, module in networks.modules.items()}
            before = {name: {key: part.clone() for key, part in parts.items()} for name, parts in state.items()}
            play([replace(player, repeat=1)], phase.batches, range(1))
            moved = {
                name
                for name, parts in before.items()
                if name not in ("negatives", "baseline")
                and any(not torch.equal(part, networks.modules[name].state_dict()[key]) for key, part in parts.items())
            }
            assert moved == {player.name}


def test_the_policy_gradient_is_that_of_the_expected_reward():
    """REINFORCE on all sequences, weighted by their probability, against the derivative of the exact expectation."""
    generator = Generator(Alphabet(size=3, begin=0), GeneratorConfig(embedding=3, width=4), length=2)
    every = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    reward = torch.randn(9)
    log_prob = generator.log_prob(every)
    expected = (log_prob.sum(1).exp() * reward).sum()
    exact = torch.autograd.grad(expected, list(generator.parameters()))
    log_prob = generator.log_prob(every)
    weights = log_prob.sum(1).exp().detach()
    loss = (policy_gradient(log_prob, reward[:, None].expand(-1, 2)).sum(1) * weights).sum()
    found = torch.autograd.grad(loss, list(generator.parameters()))
    for mine, theirs in zip(found, exact, strict=True):
        torch.testing.assert_close(-mine, theirs, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("recipe", ["seqgan", "gumbel"])
def test_the_game_alone_brings_the_tokens_nearer_to_the_data(recipe):
    """No likelihood: of six tokens the data has two, of which a critic alone tells the generator."""
    alphabet, length = Alphabet(size=6, begin=0), 3
    data = torch.randint(0, 2, (512, length), generator=torch.Generator().manual_seed(0)) + 2
    dense = recipe == "seqgan"
    sizes = {"embedding": 8, "width": 16, "filters": 0.05, "dropout": 0.0, "lr": 0.01, "pretrain": 20, "steps": 2}
    own = {"critic": GumbelCriticConfig("textcnn", **sizes)}
    if dense:
        own = {"critic": SeqGANCriticConfig("recurrent", **sizes, pool=128, reuse=1), "policy": PolicyConfig("dense")}
    config = replace(
        tiny(recipe),
        steps=60,
        batch=64,
        lr=0.02,
        model=GeneratorConfig(embedding=8, width=8, dropout=0.0, embedding_dropout=0.0),
        likelihood=LikelihoodConfig(epochs=0),
        **own,
    )
    seed_everything(0)
    networks = RECIPES[recipe](config, TextSpace(alphabet, length), CPU)

    before, after = shares_of_right_tokens(networks, data)
    assert before < 0.5
    assert after > 0.8


def test_an_external_reward_is_learnt():
    """A reward for sequences without token 3: their share must grow."""
    oracle = lstm_oracle(0, vocabulary=8, width=4)
    config = tiny(
        steps=60,
        batch=64,
        lr=0.03,
        likelihood=LikelihoodConfig(epochs=0),
        policy=PolicyConfig("constant", kl=0.0),
        reward=RewardConfig(1.0),
    )
    networks = RECIPES["seqgan"](config, TextSpace(oracle.alphabet, 6), CPU)
    networks.vocabulary = SimpleNamespace(decode=lambda ids: " ".join(map(str, ids)))
    networks.shaping = RewardShaping(lambda texts: np.array([1.0 - text.split().count("3") / 6 for text in texts]))
    before = float((networks.draw(2000) == 3).float().mean())
    (game,) = [
        phase for phase in networks.phases(Corpus(oracle.alphabet, *[torch.zeros(8, 6).long()] * 3)) if phase.steps
    ]
    game.enter()
    play(game.players, game.batches, game.steps, game.callbacks)
    after = float((networks.draw(2000) == 3).float().mean())
    assert after < before / 4


def test_a_score_that_is_missing_counts_nothing():
    networks = RECIPES["seqgan"](tiny(policy=PolicyConfig("constant")), TextSpace(Alphabet(5, 0), 3), CPU)
    networks.config = replace(networks.config, reward=RewardConfig(0.5))
    networks.vocabulary = SimpleNamespace(decode=lambda ids: "")
    networks.shaping = RewardShaping(lambda texts: np.array([np.nan, 1.0]))
    values, figures = networks.values(torch.zeros(2, 3).long())
    assert values.tolist() == [[0.25] * 3, [0.75] * 3]
    assert float(figures["_score"]) == 0.5


@pytest.mark.parametrize("kind", ["none", "moving", "leave_one_out"])
def test_baselines(kind):
    values = torch.tensor([[1.0, 2.0, 0.0], [3.0, 6.0, 5.0]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    baseline = Baseline(kind, 3)
    first, second = baseline.advantage(values, mask), baseline.advantage(values + 1, mask)
    expected = {
        "none": [[1, 2, 0], [3, 6, 5]],
        "moving": [[-1, -2, 0], [1, 2, 0]],
        "leave_one_out": [[-2, -4, 0], [2, 4, 0]],
    }[kind]
    assert first.tolist() == expected
    if kind == "moving":
        assert second.tolist() == [[0, -1, 0], [2, 3, 1]]


def test_negatives_are_served_evenly_and_drawn_anew():
    pool, made = Negatives(size=6, length=1, reuse=2, seed=0), []

    def draw(n):
        made.append(n)
        return torch.arange(n)[:, None] + 10 * len(made)

    served = torch.cat([pool.take(3, draw) for _ in range(6)]).flatten().tolist()
    assert made == [6, 6]
    assert sorted(served[:6]) == sorted(served[6:12]) == list(range(10, 16))
    assert sorted(served[12:]) == list(range(20, 26))
    assert len(pool.take(100, draw)) == 6


def test_early_stop_keeps_the_best():
    best = Best()
    assert [best.improves(loss) for loss in (3.0, 2.0, 2.5, 2.2, 1.0)] == [True, True, False, False, True]
    corpus = Corpus.of(LINES, tiny().data)
    config = tiny("mle", likelihood=LikelihoodConfig(epochs=200, batch=4, lr=0.05, patience=2))
    networks = train(config, corpus)
    assert nll(networks.averaged.average, corpus.valid) == pytest.approx(float(networks.best.loss))
    assert int(networks.best.waited) == 2


def test_relaxed_rows_are_a_simplex_until_the_end_and_then_nothing():
    corpus = Corpus.of(LINES, tiny().data)
    networks = networks_of(tiny("gumbel", relax=RelaxConfig("straight_through")), corpus, 30)
    (rows,) = networks.relax(64, step=0)
    sums, hard = rows.detach().sum(2), rows.argmax(2)
    for row_sums, tokens in zip(sums, hard, strict=True):
        end = (tokens == corpus.alphabet.end).nonzero()
        length = int(end[0]) + 1 if len(end) and float(row_sums[end[0]]) else 30
        torch.testing.assert_close(row_sums[:length], torch.ones(length))
        assert float(row_sums[length:].abs().sum()) == 0
    rows[:, 0].square().sum().backward()
    assert float(networks.generator.head.weight.grad.abs().sum()) > 0


DENSE = """recipe = "seqgan"
[critic]
kind = "recurrent"
[policy]
reward = "dense"
"""
CNN = ("critic.kind=textcnn", "policy.reward=rollout")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["recipe=gumbel", "critic.kind=recurrent"], "critic.kind = 'recurrent'"),
        (["recipe=gumbel", "reward.weight=0.5"], "unknown key reward.weight; recipe seqgan or leakgan has it"),
        (["policy.reward=rollout"], "go together"),
        (["critic.penalty_weight=1"], "unknown key critic.penalty_weight; recipe gumbel has it"),
        (["recipe=mle", "critic.rejections=1"], "unknown key critic.rejections; recipe seqgan or gad or leakgan has"),
        ([*CNN, "critic.rejections=1", "critic.objective=hinge"], "no ratio of densities"),
        (["critic.kind=textcnn", "critic.rejections=1", "policy.reward=constant"], "trains no critic"),
        (["critic.rejections=1"], "nothing of their lengths"),
        (["critic.objective=wasserstein"], "critic.objective = 'wasserstein'"),
        (["recipe=gumbel", "critic.kind=textcnn", "critic.objective=wasserstein"], "needs a slope penalty"),
        (["critic.objective=relativistic_pairing"], "leaves open to a constant"),
        (["recipe=residual", "likelihood.epochs=0"], "set likelihood.epochs above 0"),
        (["recipe=residual", "data.valid=0"], "set data.valid above 0"),
    ],
)
def test_combinations_that_cannot_learn_are_refused(changes, message, tmp_path):
    (tmp_path / "dense.toml").write_text(DENSE if not any(one.startswith("recipe") for one in changes) else "")
    with pytest.raises(ConfigError, match=message):
        Config.load(tmp_path / "dense.toml", changes)


def test_sizes_that_do_not_fit_are_refused():
    for model in ({"kind": "transformer", "width": 10, "heads": 4}, {"kind": "memory", "width": 10, "slots": 3}):
        with pytest.raises(ConfigError, match="not a multiple"):
            GeneratorConfig(**model)
    with pytest.raises(ConfigError, match="not a multiple of representations"):
        CriticConfig("multi", embedding=10, representations=4)


def test_rewards_are_taken_without_dropout():
    corpus = Corpus.of(LINES, tiny().data)
    config = tiny(critic="recurrent", valued="dense")
    networks = networks_of(config, corpus)
    ids = corpus.train[:4]
    with at_rest(networks.critic):
        assert torch.equal(networks.values(ids)[0], networks.values(ids)[0])
    losses = networks.generator_turn(Batch((ids,)), 0)
    assert set(losses) == {"policy", "_reward", "likelihood", "anchor"}
    assert losses["anchor"].item() == pytest.approx(0, abs=1e-6), "the anchor is the start"


@pytest.mark.parametrize(("critic", "valued"), [("textcnn", "rollout"), ("recurrent", "dense")])
def test_a_critic_in_bfloat16_says_nearly_the_same(critic, valued):
    corpus = Corpus.of(LINES, tiny().data)
    networks = networks_of(tiny(critic=critic, valued=valued), corpus)
    with at_rest(networks.critic):
        exact = networks.critic_logits(corpus.train)
        networks.config = replace(networks.config, critic=replace(networks.config.critic, bf16=True))
        rounded = networks.critic_logits(corpus.train)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, atol=0.1, rtol=0.1)


def test_odds_reweight_one_gaussian_into_another():
    """For N(0, 1) against N(1, 1) the odds are exp(x - 1/2): weighted draws of the one have the mean of the other."""
    random = torch.Generator().manual_seed(0)
    fake, real = torch.randn(20_000, 1, generator=random), 1 + torch.randn(20_000, 1, generator=random)
    odds = Odds(1)
    odds.fit(real, fake)
    weights = odds.weights(fake)
    assert float(weights.mean()) == pytest.approx(1, abs=1e-3)
    assert float((weights * fake[:, 0]).mean()) == pytest.approx(1, abs=0.1)
    torch.testing.assert_close(odds.weights(torch.tensor([[2.0]])), torch.tensor([1.5]).exp(), rtol=0.1, atol=0.0)


def test_the_distilled_generator_learns_the_reweighted_mixture():
    """The expected gradient of a turn is that of the weighted cross-entropy, by enumeration of all sequences."""
    alphabet = Alphabet(3, 0)
    config = tiny("residual", batch=4000)
    networks = RECIPES["residual"](config, TextSpace(alphabet, 2), CPU)
    for member in (*networks.teacher.members, networks.generator):
        torch.nn.init.normal_(member.head.weight)
    networks.critic.slope.copy_(torch.tensor([0.4, 0.0, -0.4, 0.0, 0.0]))
    every = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    with at_rest(*networks.modules.values()):
        probability = networks.teacher.log_prob(every).sum(1).exp()
        target = probability * networks.weights(every)
    with without_dropout(networks.generator):
        exact = -(networks.generator.log_prob(every).sum(1) * target).sum() / 2
    wanted = torch.autograd.grad(exact, networks.generator.head.bias)[0]
    found = []
    for _ in range(20):
        loss = networks.turn(Batch((every,)), 0)["distilled"]
        found.append(torch.autograd.grad(loss, networks.generator.head.bias)[0])
    error = torch.stack(found).std(0) / 20**0.5
    assert float(((torch.stack(found).mean(0) - wanted).abs() / error).max()) < 4.5


def test_reversed_sequences_keep_their_end():
    networks = RECIPES["residual"](tiny("residual"), TextSpace(Alphabet(9, 1, 2, 0, 3), 5), CPU)
    ids = torch.tensor([[4, 5, 6, 2, 0], [7, 2, 0, 0, 0], [4, 5, 6, 7, 8]])
    expected = [[6, 5, 4, 2, 0], [7, 2, 0, 0, 0], [8, 7, 6, 5, 4]]
    assert networks.reverse(ids).tolist() == expected
    assert torch.equal(networks.reverse(networks.reverse(ids)), ids)
