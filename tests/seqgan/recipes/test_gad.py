"""Recipe gad: critic and generator begin as the likelihood model, groups, clipped ratios, exact resume."""

import math
from dataclasses import replace

import pytest
import torch

import seqgan
from gancore.errors import ConfigError
from gancore.losses.policy_gradient import clipped_policy_gradient, policy_gradient
from gancore.runs.folder import RunFolder
from gancore.training.device import seed_everything
from gancore.training.loop import play
from gancore.types import Batch
from seqgan.data.corpus import Corpus
from seqgan.data.space import TextSpace
from seqgan.gan import SeqGAN
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.decoding import sample
from seqgan.networks.generator import at_rest
from seqgan.recipes.config import LikelihoodConfig
from seqgan.recipes.gad import GAD, Draws, GADConfig, GADCriticConfig, GADPolicyConfig, group_advantages
from seqgan.text.alphabet import Alphabet

CPU = torch.device("cpu")
WORDS = Alphabet(size=9, begin=1, end=2, pad=0, unknown=3)
LINES = [f"{who} {what}" for who in ("the cat", "a dog", "one bird") for what in ("sat", "ran fast", "sang", "ate")]
KINDS = ["language", "ngrams", "language_and_ngrams", "textcnn"]


def recipe(kind="language", alphabet=WORDS, length=7, critic=None, policy=None, **changes):
    judge = {"kind": kind, "embedding": 8, "filters": 0.02, "buckets": 64, "pool": 16} | (critic or {})
    config = GADConfig(
        model=GeneratorConfig(embedding=8, width=8, dropout=0.3, embedding_dropout=0.1),
        batch=8,
        device="cpu",
        critic=GADCriticConfig(**judge),
        policy=GADPolicyConfig(**policy or {}),
        **changes,
    )
    seed_everything(0)
    return GAD(config, TextSpace(alphabet, length), CPU)


def real(n=8):
    return Batch((torch.tensor([[4, 5, 6, 7, 2, 0, 0], [8, 8, 5, 2, 0, 0, 0]]).repeat(n // 2, 1),))


def test_advantages_are_those_of_the_group():
    reward = torch.tensor([[0.0, 1.0, 5.0], [7.0, 7.0, 7.0]])
    plain = group_advantages(reward, scaled=False)
    torch.testing.assert_close(plain, torch.tensor([[-3.0, -1.5, 4.5], [0.0, 0.0, 0.0]]))
    scaled = group_advantages(100 * reward, scaled=True)
    torch.testing.assert_close(scaled[0], plain[0] / reward[0].std(), rtol=1e-4, atol=0)
    assert scaled[1].tolist() == [0, 0, 0]


def test_clipped_gradients_stop_beyond_the_clip_in_the_direction_of_the_advantage_alone():
    drawn = torch.zeros(6)
    log_prob = torch.tensor([0.5, 1.0, 1.5, 0.5, 1.0, 1.5]).log().requires_grad_()
    advantage = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    clipped_policy_gradient(log_prob, drawn, advantage, 0.2).sum().backward()
    torch.testing.assert_close(log_prob.grad, torch.tensor([-0.5, -1.0, 0.0, 0.0, 1.0, 1.5]))
    same = torch.tensor([-1.0, -2.0], requires_grad=True)
    slopes = [
        torch.autograd.grad(loss.sum(), same)[0]
        for loss in (
            clipped_policy_gradient(same, same, advantage[2:4], 0.2),
            policy_gradient(same, advantage[2:4]),
        )
    ]
    assert torch.equal(*slopes)


@pytest.mark.parametrize("kind", ["language", "language_and_ngrams"])
def test_the_critic_begins_as_the_likelihood_model_once(kind):
    networks = recipe(kind)
    networks.take_over()
    language = networks.critic if kind == "language" else networks.critic.language
    for name, weight in networks.generator.state_dict().items():
        assert torch.equal(language.language.state_dict()[name], weight)
        assert torch.equal(networks.anchor.state_dict()[name], weight)
    assert language((real().sample[0],)).logits.tolist() == [0] * 8, "its output begins at 0"
    with torch.no_grad():
        language.language.head.bias += 1
    networks.take_over()
    assert not torch.equal(language.language.head.bias, networks.generator.head.bias)


def test_the_critic_reads_the_log_probability_of_the_generator():
    networks = recipe()
    networks.take_over()
    (ids,) = real(2).sample
    with at_rest(networks.critic, networks.generator):
        total = networks.generator.log_prob(ids).sum(1)
        features = networks.critic.read(ids)
    torch.testing.assert_close(features[:, -1], total / 7)
    torch.testing.assert_close(features[:, -2], total / torch.tensor([5.0, 4.0]))
    with at_rest(networks.critic):
        padded = networks.critic.read(torch.nn.functional.pad(ids, (0, 3)))
    torch.testing.assert_close(padded, features)


@pytest.mark.parametrize("kind", KINDS)
def test_each_player_moves_itself_alone(kind):
    networks = recipe(kind, likelihood=LikelihoodConfig(epochs=0))
    corpus = Corpus(WORDS, *[real().sample[0]] * 3)
    if kind.startswith("language"):  # as its output begins at 0, the first step moves that alone
        torch.nn.init.normal_((networks.critic if kind == "language" else networks.critic.language).out.weight)
    phase = networks.phases(corpus)[-1]
    phase.enter()
    for player in phase.players:
        before = {
            name: {k: v.clone() for k, v in module.state_dict().items()} for name, module in networks.modules.items()
        }
        play([player], phase.batches, range(1))
        moved = {
            name
            for name, parts in before.items()
            if any(not torch.equal(part, networks.modules[name].state_dict()[key]) for key, part in parts.items())
        }
        assert moved - {"negatives", "draws"} == {player.name}


def test_draws_are_reused_and_their_ratio_is_1_at_first():
    networks = recipe(policy={"reuse": 2, "kl": 0.0, "likelihood": 0.0}, lr=0.2)
    networks.take_over()
    torch.nn.init.normal_(networks.critic.out.weight)
    first = networks.generator_turn(real(), 0)
    assert set(first) == {"policy", "_reward", "_clipped"}
    assert float(first["_clipped"]) == 0
    ids = networks.draws.ids.clone()
    optimizer = networks.optimizers["generator"]
    first["policy"].backward()
    optimizer.step()
    second = networks.generator_turn(real(), 1)
    assert torch.equal(networks.draws.ids, ids)
    assert float(second["_clipped"]) > 0
    assert second["policy"].item() < first["policy"].item()
    networks.generator_turn(real(), 2)
    assert not torch.equal(networks.draws.ids, ids)


def test_draws_that_were_served_are_made_anew():
    draws, made = Draws(2, 1, 3), []

    def make():
        made.append(len(made))
        return torch.full((2, 1), len(made)), torch.zeros(2, 1), torch.zeros(2, 1)

    assert [int(draws.take(make)[0][0]) for _ in range(7)] == [1, 1, 1, 2, 2, 2, 3]


def test_groups_share_a_beginning_which_earns_nothing():
    networks = recipe(policy={"prompt": 0.99, "group": 4})
    networks.take_over()
    torch.nn.init.normal_(networks.critic.out.weight)
    longest = 0
    for seed in range(8):
        torch.manual_seed(seed)
        ids, _, advantage = networks.new_draws(real().sample[0], {})
        for group, earned in zip(ids.split(4), advantage.split(4), strict=True):
            given = (earned == 0).all(0).long().cumprod(0).sum()
            assert (group[:, :given] == group[0, :given]).all()
            lines = {tuple(line[:given].tolist()) for line in real().sample[0]}
            assert tuple(group[0, :given].tolist()) in lines
            longest = max(longest, int(given))
    assert longest == 3, "of four words; one at least is left to be drawn"
    prompts = networks.prompts(real(400).sample[0])
    assert not ((prompts == 2) | (prompts == 0)).any()


def test_the_game_alone_brings_the_tokens_nearer_to_the_data():
    """No likelihood: of six tokens the data has two, of which a critic alone tells the generator."""
    alphabet, length = Alphabet(size=6, begin=0), 3
    data = torch.randint(0, 2, (512, length), generator=torch.Generator().manual_seed(0)) + 2
    networks = recipe(
        "ngrams",
        alphabet,
        length,
        {"lr": 0.01, "pretrain": 20, "steps": 2, "dropout": 0.0, "pool": 128, "reuse": 1},
        {"kl": 0.0, "likelihood": 0.0},
        steps=60,
        lr=0.02,
        likelihood=LikelihoodConfig(epochs=0),
    )
    networks.config = replace(networks.config, batch=64)
    networks.draws = Draws(64, length, 2)
    networks.pretraining.config = networks.config

    def share():
        with at_rest(networks.generator):
            drawn = sample(networks.generator, 2000, length)
        return float(((drawn == 2) | (drawn == 3)).float().mean())

    before = share()
    for phase in networks.phases(Corpus(alphabet, *[data] * 3)):
        if len(phase.steps):
            phase.enter()
            play(phase.players, phase.batches, phase.steps)
    assert before < 0.5
    assert share() > 0.8


def short(*settings):
    few = ["device=cpu", "steps=5", "batch=8", "likelihood.epochs=1", "checkpoint.every=1", "log_every=1"]
    few += ["model.width=8", "model.embedding=8", "critic.pretrain=2", "critic.pool=16", "critic.buckets=64"]
    return seqgan.Config.load("gad", [*few, "monitor_every=2", *settings])


@pytest.mark.parametrize("settings", [[], ["critic.kind=language_and_ngrams", "policy.prompt=0.5", "policy.reuse=3"]])
def test_a_run_resumes_bit_for_bit_and_loads(settings, tmp_path, monkeypatch, run_state):
    gan = SeqGAN(short(*settings)).fit(LINES * 3, out=tmp_path / "straight", quiet=True)
    save, total = RunFolder.save, RunFolder(tmp_path / "straight").steps()[-1]

    def save_then_die(self, step, *state):
        save(self, step, *state)
        if step == total - 2:  # between two steps on the same draws
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", save_then_die)
        with pytest.raises(KeyboardInterrupt):
            SeqGAN(short(*settings)).fit(LINES * 3, out=tmp_path / "cut", quiet=True)
    torch.rand(3)
    SeqGAN(short(*settings)).fit(LINES * 3, out=tmp_path / "cut", quiet=True, resume=True)
    assert run_state(tmp_path / "straight") == run_state(tmp_path / "cut")
    loaded = SeqGAN.load(tmp_path / "straight", "cpu")
    assert list(loaded.sample(8, seed=1)) == list(gan.sample(8, seed=1))
    loaded.save_pretrained(tmp_path / "model")
    shared = SeqGAN.load(tmp_path / "model", "cpu")
    assert list(shared.sample(8, seed=1)) == list(gan.sample(8, seed=1))


def test_smiles_are_learnt_and_judged():
    smiles = ["CCO", "CCN", "C1CC1O", "CC(=O)N", "c1ccncc1", "CCCO", "CC(C)O", "CCF"] * 4
    gan = SeqGAN(short("data.tokens=smiles", "critic.kind=ngrams")).fit(smiles, quiet=True)
    assert 0 <= gan._training.latest["critic/auc"] <= 1
    assert len(gan.sample(5, seed=0)) == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["batch=12", "policy.group=8"], r"batch 12 is not a multiple of policy\.group 8"),
        (["critic.objective=hinge"], "gives no ratio of densities"),
        (["critic.kind=recurrent"], "critic.kind = 'recurrent'"),
        (["policy.group=1"], "policy.group = 1"),
        (["critic.objective=wasserstein"], "critic.objective = 'wasserstein'"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        seqgan.Config.load("gad", changes)


def test_the_even_critic_costs_log_2():
    networks = recipe()
    networks.take_over()
    losses = networks.critic_turn(real(), 0)
    torch.testing.assert_close(losses["adversarial"], torch.full((8,), math.log(2)))
