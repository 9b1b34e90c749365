"""MaliGAN, RankGAN and ScratchGAN as rewards of recipe seqgan: formulas, gradients, what goes together, resume."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cosine_similarity

import seqgan
from gancore.errors import ConfigError, DataError
from gancore.losses.policy_gradient import discounted_returns, importance_weights
from gancore.losses.ranking import rank_scores
from gancore.runs.folder import RunFolder
from gancore.training.device import seed_everything
from gancore.training.loop import play
from gancore.types import Batch, CriticOutput
from seqgan.data.corpus import Corpus
from seqgan.data.space import TextSpace
from seqgan.gan import SeqGAN
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.generator import at_rest
from seqgan.networks.ranker import Ranker
from seqgan.recipes.config import LikelihoodConfig
from seqgan.recipes.reinforce import Baseline, PolicyConfig, beginnings
from seqgan.recipes.seqgan import PolicyGradientGAN
from seqgan.recipes.seqgan_config import SeqGANConfig, SeqGANCriticConfig
from seqgan.text.alphabet import Alphabet
from tests.seqgan.recipes.two_of_six import shares_of_right_tokens

CPU = torch.device("cpu")
WORDS = Alphabet(size=9, begin=1, end=2, pad=0, unknown=3)
REAL = torch.tensor([[4, 5, 6, 7, 2, 0, 0], [8, 8, 5, 2, 0, 0, 0]])
LINES = [f"{who} {what}" for who in ("the cat", "a dog", "one bird") for what in ("sat", "ran fast", "sang", "ate")]


def recipe(reward, alphabet=WORDS, length=7, critic=None, policy=None, **changes):
    kind = "recurrent" if reward in ("dense", "returns") else "textcnn"
    sizes = {"kind": kind, "embedding": 8, "width": 8, "filters": 0.02, "pool": 16, "references": 2, "pretrain": 2}
    config = SeqGANConfig(
        model=GeneratorConfig(embedding=8, width=8),
        device="cpu",
        critic=SeqGANCriticConfig(**sizes | (critic or {})),
        policy=PolicyConfig(reward, **{"rollouts": 2} | (policy or {})),
        **{"batch": 8} | changes,
    )
    seed_everything(0)
    return PolicyGradientGAN(config, TextSpace(alphabet, length), CPU)


def real(n=8):
    return Batch((REAL.repeat(n // 2, 1),))


# MaliGAN -----------------------------------------------------------------------------------------


def test_weights_are_odds_over_their_mean():
    verdict = torch.tensor([[0.5, 0.75, 0.9, 0.2], [0.1, 0.1, 0.1, 0.1]])
    odds = verdict / (1 - verdict)
    weights = importance_weights(verdict.logit())
    torch.testing.assert_close(weights, odds / odds.mean(1, keepdim=True))
    torch.testing.assert_close(importance_weights(verdict.logit() + 100), weights, rtol=1e-3, atol=1e-4)
    assert importance_weights(torch.tensor([0.0, 1e4])).tolist() == [0, 2]


def test_weighted_draws_have_the_mean_of_the_data():
    """Of one die that is drawn from and another that is the data, with the log-odds of the best critic."""
    data, drawn = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.3, 0.5])
    faces = torch.multinomial(drawn, 40_000, replacement=True, generator=torch.Generator().manual_seed(0))
    weights = importance_weights((data / drawn).log()[faces])
    shares = torch.stack([(weights * (faces == face)).mean() for face in range(3)])
    torch.testing.assert_close(shares, data, atol=0.01, rtol=0)


def test_every_token_has_the_weight_of_its_sequence():
    networks = recipe("odds")
    (ids,) = real(8).sample
    with at_rest(networks.critic):
        logits = networks.critic_logits(ids)
        values, figures = networks.values(ids)
    mask, odds = WORDS.mask(ids), logits.exp()
    torch.testing.assert_close(values, (odds / odds.mean())[:, None] * mask)
    assert float(figures["_reward"]) == pytest.approx(float(logits.sigmoid().mean()))


def test_draws_that_begin_as_lines_learn_the_beginning_by_likelihood_and_are_weighed_in_their_group():
    networks = recipe("odds", policy={"prefix": 0.8, "group": 4, "baseline": "none"}, steps=10)
    ids, given = networks.draw_after(real(), 0)
    assert given.sum(1).tolist() == [3] * 4 + [2] * 4, "0.8 of 4 and of 3 tokens, rounded down"
    for row in range(8):
        assert torch.equal(ids[row][given[row]], REAL[row // 4][given[row]])
    assert networks.draw_after(real(), 5)[1].sum(1).tolist() == [1] * 8, "0.4 of them halfway"
    with at_rest(networks.critic):
        values, _ = networks.values(ids)
        odds = networks.critic_logits(ids).exp().view(2, 4)
    weights = (odds / odds.mean(1, keepdim=True)).flatten()
    advantage = networks.advantage(ids, values, given)
    expected = torch.where(given, 1.0, weights[:, None] * WORDS.mask(ids))
    torch.testing.assert_close(advantage, expected)


def test_beginnings_leave_a_token_to_draw():
    assert beginnings(WORDS, REAL, 0.99).tolist() == [[4, 5, 6, -1, -1, -1, -1], [8, 8, -1, -1, -1, -1, -1]]
    shares = beginnings(WORDS, REAL, torch.tensor([0.0, 0.5]))
    assert (shares >= 0).sum(1).tolist() == [0, 1]


# RankGAN -----------------------------------------------------------------------------------------


def test_rank_scores_are_the_softmax_of_cosines_over_the_reference():
    random = torch.Generator().manual_seed(0)
    own, reference, comparison = (torch.randn(n, 5, generator=random) for n in (3, 4, 6))
    scores = rank_scores(own, reference, comparison, sharpness=2.5)
    for row in range(3):
        shares = []
        for u in reference:
            others = torch.stack([cosine_similarity(one, u, 0) for one in (own[row], *comparison)])
            shares.append((2.5 * others).softmax(0)[0])
        assert float(scores[row]) == pytest.approx(float(torch.stack(shares).mean()), rel=1e-5)
    assert rank_scores(reference[:1], reference[:1], -reference[:1], 10.0).item() == pytest.approx(1, abs=1e-6)


class Known(torch.nn.Module):
    """Features of a sequence by its first token."""

    def __init__(self, table):
        super().__init__()
        self.table = torch.nn.Parameter(torch.tensor(table))

    def forward(self, inputs):
        return CriticOutput(torch.zeros(len(inputs[0])), self.table[inputs[0][:, 0]])


def test_the_ranker_pays_for_generated_ones_that_rank_high_and_real_ones_that_rank_low():
    critic = Known([[1.0, 0.0], [0.0, 1.0]])
    ranker = Ranker(critic, length=1, lines=1, sharpness=1.0)
    real_ids, fake_ids = torch.tensor([[0], [0], [0]]), torch.tensor([[1], [1], [1]])
    with torch.no_grad():
        losses = ranker.critic_losses((real_ids,), (fake_ids,))
        scores = ranker.logits((torch.tensor([[0], [1]]),)).exp()
        low = ranker.critic_losses((fake_ids,), (fake_ids,))["adversarial"]
    among_fakes, among_real = math.e / (math.e + 3), 1 / (1 + 2 * math.e)
    assert float(losses["adversarial"]) == pytest.approx(math.log(among_real) - math.log(among_fakes))
    assert float(losses["_accuracy"]) == 1
    torch.testing.assert_close(scores, torch.tensor([1 / 2, 1 / (1 + math.e)]))
    assert ranker.shown.tolist() == [[1], [1]], "of the last real batch"
    assert float(low) == pytest.approx(math.log(1 / 3) - math.log(1 / 4)), "the sets have 2 and 3 others"


def test_few_lines_are_ranked_by_half_of_them():
    ranker = Ranker(Known([[1.0, 0.0], [0.0, 1.0]]), length=1, lines=9, sharpness=1.0)
    with torch.no_grad():
        losses = ranker.critic_losses((torch.tensor([[0], [0], [0]]),), (torch.tensor([[1]]),))
    low, high = 1 / (1 + 2 * math.e), math.e / (math.e + 1)
    assert float(losses["adversarial"]) == pytest.approx(math.log(low) - math.log(high))
    with pytest.raises(DataError, match="two lines at least"):
        ranker.critic_losses((torch.tensor([[0]]),), (torch.tensor([[1]]),))


def test_the_reward_of_a_rank_is_the_score():
    networks = recipe("rank")
    networks.critic_turn(real(), 0)
    (ids,) = real(4).sample
    with at_rest(networks.critic, networks.rollout_policy):
        values, _ = networks.values(ids)
        scores = networks.adversary.logits((ids,)).exp()
    last = WORDS.mask(ids).sum(1) - 1
    torch.testing.assert_close(values[torch.arange(4), last], scores)
    assert ((values > 0) & (values < 1))[WORDS.mask(ids)].all()


# ScratchGAN --------------------------------------------------------------------------------------


def test_returns_are_discounted_sums():
    reward = torch.tensor([[1.0, -1.0, 2.0, 8.0], [3.0, 5.0, 7.0, 9.0]])
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    assert discounted_returns(reward, mask, 0.5).tolist() == [[1.0, 0.0, 2.0, 0.0], [3.0, 0.0, 0.0, 0.0]]
    assert discounted_returns(reward, mask, 0.0).tolist() == (reward * mask).tolist()
    assert discounted_returns(reward, mask, 1.0)[0].tolist() == [2.0, 1.0, 2.0, 0.0]


def test_the_values_are_returns_of_2d_less_1():
    networks = recipe("returns", policy={"discount": 0.3})
    (ids,) = real(2).sample
    with at_rest(networks.critic):
        verdict = networks.critic_logits(ids).sigmoid()
        values, _ = networks.values(ids)
    reward = (2 * verdict - 1) * WORDS.mask(ids)
    expected = torch.stack([sum(0.3 ** (s - t) * reward[:, s] for s in range(t, 7)) for t in range(7)], 1)
    torch.testing.assert_close(values, expected * WORDS.mask(ids))


def test_the_running_baseline_is_one_number_of_earlier_batches():
    values = torch.tensor([[1.0, 2.0, 0.0], [3.0, 6.0, 5.0]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    baseline = Baseline("running", 3)
    mean = 17 / 5
    torch.testing.assert_close(baseline.advantage(values, mask), (values - mean) * mask)
    torch.testing.assert_close(baseline.advantage(values + 1, mask), (values + 1 - mean) * mask)
    third = baseline.advantage(values, mask)
    torch.testing.assert_close(third, (values - (0.9 * mean + 0.1 * (mean + 1))) * mask)


@pytest.mark.parametrize("reward", ["odds", "rank", "returns"])
def test_the_game_alone_brings_the_tokens_nearer_to_the_data(reward):
    """No likelihood: of six tokens the data has two, of which a critic alone tells the generator."""
    alphabet, length = Alphabet(size=6, begin=0), 3
    data = torch.randint(0, 2, (512, length), generator=torch.Generator().manual_seed(0)) + 2
    networks = recipe(
        reward,
        alphabet,
        length,
        {"lr": 0.01, "pretrain": 20, "steps": 2, "dropout": 0.0, "width": 16, "pool": 128, "reuse": 1, "filters": 0.05},
        {"baseline": "running"} if reward == "returns" else {"rollouts": 4},
        steps=60,
        batch=64,
        lr=0.02,
        likelihood=LikelihoodConfig(epochs=0),
    )

    before, after = shares_of_right_tokens(networks, data)
    assert before < 0.5
    assert after > 0.8


# What goes together ------------------------------------------------------------------------------

FEW = [
    *("device=cpu", "steps=4", "batch=8", "likelihood.epochs=1", "checkpoint.every=1", "log_every=1", "model.width=8"),
    *("model.embedding=8", "critic.pretrain=2", "critic.steps=1", "critic.pool=16", "critic.embedding=8"),
    *("critic.width=8", "critic.filters=0.02", "critic.references=3", "policy.rollouts=2", "critic.representations=4"),
]
REWARDS = {
    "odds": ["policy.reward=odds"],
    "odds after lines": ["policy.reward=odds", "policy.prefix=0.5", "policy.group=4"],
    "rank": ["policy.reward=rank"],
    "returns": ["policy.reward=returns", "policy.discount=0.5"],
}
KINDS = ("textcnn", "recurrent", "multi", "strided", "ngrams")
OBJECTIVES = ("non_saturating", "least_squares", "hinge", "relativistic_pairing", "relativistic_average")
BASELINES = ("none", "moving", "running", "leave_one_out")


def load(*settings):
    return seqgan.Config.load("small", [*FEW, *settings])


def combinations():
    for name, reward in REWARDS.items():
        for kind in KINDS:
            for objective in OBJECTIVES:
                yield (name, kind, objective), [*reward, f"critic.kind={kind}", f"critic.objective={objective}"]


def allowed():
    found = []
    for names, settings in combinations():
        try:
            load(*settings)
        except ConfigError:
            continue
        found.append((names, settings))
    return found


def test_what_is_refused_is_what_cannot_be_and_nothing_else():
    fits = {
        "odds": ("non_saturating", "relativistic_pairing"),
        "odds after lines": ("non_saturating", "relativistic_pairing"),
        "rank": ("non_saturating",),
        "returns": ("non_saturating", "least_squares", "hinge"),
    }
    expected = {
        (name, kind, objective)
        for name, kind, objective in (names for names, _ in combinations())
        if objective in fits[name] and (kind == "recurrent") == (name == "returns")
    }
    assert {names for names, _ in allowed()} == expected


def refuse_infinite(step, logs):
    assert all(math.isfinite(value) for value in logs.values()), logs


def test_every_allowed_combination_plays():
    """With each baseline in turn: the generator moves, and all figures are finite."""
    corpus = Corpus.of(LINES, load(*REWARDS["odds"], "critic.kind=textcnn").data)
    for number, (names, settings) in enumerate(allowed()):
        config = load(*settings, f"policy.baseline={BASELINES[number % 4]}", "steps=2", "policy.likelihood=0")
        seed_everything(0)
        networks = PolicyGradientGAN(config, TextSpace(corpus.alphabet, corpus.length, corpus.vocabulary), CPU)
        for phase in networks.phases(corpus):
            phase.enter()
            before = {name: part.clone() for name, part in networks.generator.state_dict().items()}
            play(phase.players, phase.batches, phase.steps, [*phase.callbacks, refuse_infinite])
        after = networks.generator.state_dict()
        assert any(not torch.equal(part, after[name]) for name, part in before.items()), names
        assert torch.isfinite(networks.critic_score((corpus.train[:3],))).all(), names


CNN = "critic.kind=textcnn"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["policy.reward=odds", CNN, "critic.smooth_real=0.1"], r"policy\.reward=odds: with smoothed labels"),
        (["policy.reward=odds", CNN, "critic.objective=hinge"], "odds: a critic of objective hinge gives no ratio"),
        (["policy.reward=odds", CNN, "reward.weight=0.5"], r"mixes rewards in \[0, 1\]"),
        (["policy.reward=returns", "reward.weight=0.5"], r"mixes rewards in \[0, 1\]"),
        (["policy.reward=odds", "critic.kind=recurrent"], "go together: set both or neither"),
        (["policy.reward=returns", CNN], "go together: set both or neither"),
        (["policy.reward=dense", "policy.prefix=0.5", "policy.group=4"], r"that policy\.reward=odds weighs, not dense"),
        (["policy.reward=odds", CNN, "policy.prefix=0.5"], r"policy\.prefix and policy\.group go together"),
        (["policy.reward=odds", CNN, "policy.group=4"], r"policy\.prefix and policy\.group go together"),
        (["policy.reward=odds", CNN, "policy.prefix=0.5", "policy.group=1"], "have nothing to compare with"),
        (["policy.reward=odds", CNN, "policy.prefix=0.5", "policy.group=3"], "batch 8 is not a multiple"),
        (["policy.reward=rank", CNN, "critic.smooth_fake=0.1"], "has a loss of its own"),
        (["policy.reward=rank", CNN, "critic.references=5"], "may be half of a batch of 8 at most"),
        (["policy.reward=rank", CNN, "critic.rejections=1"], "a rank gives no ratio of densities"),
        (["policy.reward=rank", CNN, "critic.pretrain=0"], r"set critic\.pretrain above 0"),
        (["policy.reward=rank", CNN, "critic.sharpness=50"], r"critic\.sharpness = 50"),
        (["policy.discount=1.5"], r"policy\.discount = 1\.5"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        load(*settings)


def lengths(texts):
    return [float(len(text)) for text in texts]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (REWARDS["rank"], "ranks lines whatever their conditions"),
        (REWARDS["odds after lines"], "begins draws with lines whatever their conditions"),
    ],
)
def test_conditions_are_refused_where_they_would_not_count(settings, message):
    with pytest.raises(ConfigError, match=message):
        SeqGAN(load(*settings, CNN)).fit(LINES * 2, condition={"length": lengths}, quiet=True)


@pytest.mark.parametrize("name", REWARDS)
def test_a_run_resumes_bit_for_bit_and_loads(name, tmp_path, monkeypatch, run_state):
    settings = [*REWARDS[name], "critic.kind=recurrent" if name == "returns" else CNN, "policy.baseline=running"]
    gan = SeqGAN(load(*settings)).fit(LINES * 2, out=tmp_path / "straight", quiet=True)
    save, total = RunFolder.save, RunFolder(tmp_path / "straight").steps()[-1]

    def save_then_die(self, step, *state):
        save(self, step, *state)
        if step == total - 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", save_then_die)
        with pytest.raises(KeyboardInterrupt):
            SeqGAN(load(*settings)).fit(LINES * 2, out=tmp_path / "cut", quiet=True)
    torch.rand(3)
    SeqGAN(load(*settings)).fit(LINES * 2, out=tmp_path / "cut", quiet=True, resume=True)
    assert run_state(tmp_path / "straight") == run_state(tmp_path / "cut")
    loaded = SeqGAN.load(tmp_path / "straight", "cpu")
    sample_ids, _ = gan.domain.encode(LINES[:3], gan.recipe.space)
    torch.testing.assert_close(loaded.recipe.critic_score(sample_ids), gan.recipe.critic_score(sample_ids))
    assert list(loaded.sample(8, seed=1)) == list(gan.sample(8, seed=1))


def test_a_model_can_be_trained_without_likelihood(tmp_path):
    config = load("likelihood.epochs=0", "critic.pretrain=0", *REWARDS["returns"], "policy.likelihood=0")
    gan = SeqGAN(replace(config, batch=16)).fit(LINES * 2, out=tmp_path / "run", quiet=True)
    assert len(list(gan.sample(4, seed=0))) == 4
    assert "generator/policy" in gan._training.latest
