"""LeakGAN's leak: steps see what whole sequences see, goals and rewards by hand, who learns from what."""

import pytest
import torch
from torch.nn.functional import cosine_similarity

import seqgan
from gancore.errors import ConfigError
from gancore.runs.folder import RunFolder
from gancore.training.device import seed_everything
from gancore.training.loop import play
from seqgan.data.corpus import Corpus
from seqgan.data.space import TextSpace
from seqgan.gan import SeqGAN
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.critics import CriticConfig, RecurrentCritic
from seqgan.networks.generator import at_rest, token_nll
from seqgan.networks.leaky import LeakyGenerator
from seqgan.recipes.config import LikelihoodConfig
from seqgan.recipes.leakgan import LeakConfig, LeakGAN, LeakGANConfig, LeakGANCriticConfig, LeakGANPolicyConfig
from seqgan.text.alphabet import Alphabet
from tests.seqgan.recipes.two_of_six import shares_of_right_tokens

CPU = torch.device("cpu")
WORDS = Alphabet(size=9, begin=1, end=2, pad=0, unknown=3)
LINES = [f"{who} {what}" for who in ("the cat", "a dog", "one bird") for what in ("sat", "ran fast", "sang", "ate")]
JUDGE = CriticConfig("recurrent", embedding=5, width=6)


def leaky(alphabet=WORDS, kind="lstm", horizon=2):
    """With a scale that is not 0, so that goals count."""
    seed_everything(0)
    model = GeneratorConfig(kind, embedding=8, width=8, heads=2)
    generator = LeakyGenerator(alphabet, model, 7, critic=JUDGE, goal=3, horizon=horizon)
    torch.nn.init.normal_(generator.scale.weight)
    return generator


@pytest.mark.parametrize("kind", ["lstm", "transformer", "memory"])
@pytest.mark.parametrize("alphabet", [WORDS, Alphabet(size=9, begin=1)], ids=["lines", "the first token is a token"])
def test_a_step_sees_what_the_whole_sequence_sees(kind, alphabet):
    generator = leaky(alphabet, kind)
    ids = torch.tensor([[1, 1, 4, 5, 1, 8], [8, 1, 4, 4, 4, 7]])
    with at_rest(generator):
        whole, state = generator.features(ids), generator.start(2)
        tokens = torch.full((2,), alphabet.begin)
        for place in range(ids.shape[1]):
            step, state = generator.step(tokens, state)
            torch.testing.assert_close(step, whole[:, place], atol=1e-5, rtol=1e-5)
            tokens = ids[:, place]


def test_it_begins_as_a_plain_generator_and_then_hears_the_goals():
    generator = leaky()
    ids = torch.tensor([[4, 5, 6, 2]])
    with at_rest(generator):
        heard = generator.features(ids)
        torch.nn.init.zeros_(generator.scale.weight)
        plain = super(LeakyGenerator, generator).features(ids)
        assert torch.equal(generator.features(ids), plain)
    assert not torch.allclose(heard, plain)


def by_hand(generator, ids):
    """Features after 0, 1, ... tokens, read from the recurrent network directly, and the goals before each token."""
    states = generator.reader.recurrent(generator.reader.embedding(ids))[0]
    seen = torch.cat((torch.zeros(len(ids), 1, 6), states), 1)
    goals = generator.manager(seen[:, :-1])
    return seen, goals / goals.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize("horizon", [1, 2, 9])
def test_the_manager_is_paid_for_goals_that_point_where_worthy_prefixes_go(horizon):
    generator = leaky(horizon=horizon)
    ids = torch.tensor([[4, 5, 6, 7, 2], [8, 5, 2, 0, 0]])
    worth = torch.rand(2, 5)
    with torch.no_grad():
        seen, goals = by_hand(generator, ids)
        total = [0.0, 0.0]
        for row, tokens in enumerate((5, 3)):
            for place in range(tokens):
                end = min(place + horizon, tokens)
                followed = cosine_similarity(seen[row, end] - seen[row, place], goals[row, place], 0)
                total[row] -= float(worth[row, end - 1] * followed)
        losses = generator.manager_loss(ids, worth)
    torch.testing.assert_close(losses, torch.tensor(total) / 4, msg="the mean over 8 tokens of 2 sequences")


@pytest.mark.parametrize("horizon", [1, 3])
def test_the_worker_is_paid_for_following_the_last_goals(horizon):
    generator = leaky(horizon=horizon)
    ids = torch.tensor([[4, 5, 6, 7, 2], [8, 5, 2, 0, 0]])
    with torch.no_grad():
        seen, goals = by_hand(generator, ids)
        expected = torch.zeros(2, 5)
        for row, tokens in enumerate((5, 3)):
            for token in range(tokens):
                backs = range(1, min(horizon, token + 1) + 1)
                moves = [
                    cosine_similarity(
                        seen[row, token + 1] - seen[row, token + 1 - back], goals[row, token + 1 - back], 0
                    )
                    for back in backs
                ]
                expected[row, token] = torch.stack(moves).mean()
        torch.testing.assert_close(generator.intrinsic(ids), expected)


def moved_by(generator, loss):
    generator.zero_grad()
    loss.backward()
    return {
        name.partition(".")[0]
        for name, part in generator.named_parameters()
        if part.grad is not None and float(part.grad.abs().sum()) > 0
    }


def test_manager_and_worker_learn_apart_and_the_reader_not_at_all():
    generator, ids = leaky(), torch.tensor([[4, 5, 6, 7, 2], [8, 5, 2, 0, 0]])
    assert moved_by(generator, token_nll(generator, ids).mean()) == {"embedding", "trunk", "head", "goal", "scale"}
    assert moved_by(generator, generator.manager_loss(ids).mean()) == {"manager"}


def test_the_reader_sees_as_the_critic_does():
    generator, critic = leaky(), RecurrentCritic(WORDS, JUDGE, 7)
    generator.reader.take(critic)
    ids = torch.tensor([[4, 5, 6, 7, 2]])
    with torch.no_grad():
        assert torch.equal(generator.reader(ids)[:, -1], critic((ids,)).features)


def recipe(alphabet=WORDS, length=7, critic=None, leak=None, policy=None, **changes):
    sizes = {"embedding": 8, "width": 8, "pool": 16, "pretrain": 0, "steps": 1}
    config = LeakGANConfig(
        model=GeneratorConfig(embedding=8, width=8),
        device="cpu",
        critic=LeakGANCriticConfig(**sizes | (critic or {})),
        leak=LeakConfig(**leak or {}),
        policy=LeakGANPolicyConfig(**policy or {}),
        **{"batch": 8} | changes,
    )
    seed_everything(0)
    return LeakGAN(config, TextSpace(alphabet, length), CPU)


def test_the_worker_is_paid_in_shares():
    ids = torch.tensor([[4, 5, 6, 7, 2, 0, 0]])
    values = torch.rand(1, 7)
    networks = recipe(leak={"intrinsic": 0.25}, policy={"baseline": "none"})
    with torch.no_grad():
        expected = (0.25 * networks.generator.intrinsic(ids) + 0.75 * values) * WORDS.mask(ids)
    torch.testing.assert_close(networks.advantage(ids, values), expected)


def test_the_critic_learns_beside_the_likelihood_and_leaks_at_once():
    corpus = Corpus(WORDS, *[torch.tensor([[4, 5, 6, 7, 2, 0, 0], [8, 8, 5, 2, 0, 0, 0]]).repeat(8, 1)] * 3)
    networks = recipe(steps=2, likelihood=LikelihoodConfig(epochs=1, batch=8))
    before = networks.critic.out.weight.clone()
    for phase in networks.phases(corpus):
        phase.enter()
        play(phase.players, phase.batches, phase.steps, phase.callbacks)
        if phase.name == "likelihood":
            assert not torch.equal(networks.critic.out.weight, before)
        mine, theirs = networks.generator.reader.state_dict(), networks.critic.state_dict()
        if phase.name != "critic":
            assert all(torch.equal(part, theirs[name]) for name, part in mine.items())
    assert networks.generator.scale.weight.count_nonzero() > 0, "the goals are heard"


def test_the_game_alone_brings_the_tokens_nearer_to_the_data():
    """No likelihood: of six tokens the data has two, of which a critic alone tells manager and worker."""
    alphabet, length = Alphabet(size=6, begin=0), 3
    data = torch.randint(0, 2, (512, length), generator=torch.Generator().manual_seed(0)) + 2
    judge = {"lr": 0.01, "pretrain": 20, "steps": 2, "dropout": 0.0, "width": 16, "pool": 128, "reuse": 1}
    changes = {"steps": 60, "batch": 64, "lr": 0.02, "likelihood": LikelihoodConfig(epochs=0)}
    networks = recipe(alphabet, length, judge, {"intrinsic": 0.5, "horizon": 2}, **changes)

    before, after = shares_of_right_tokens(networks, data)
    assert before < 0.5
    assert after > 0.8


FEW = [
    *("device=cpu", "steps=4", "batch=8", "likelihood.epochs=1", "checkpoint.every=1", "log_every=1", "model.width=8"),
    *("model.embedding=8", "critic.pretrain=0", "critic.steps=1", "critic.pool=16", "critic.embedding=8"),
    *("critic.width=8", "leak.goal=4"),
]


def load(*settings):
    return seqgan.Config.load("leakgan", [*FEW, *settings])


@pytest.mark.parametrize("settings", [[], ["policy.reward=returns", "policy.baseline=running", "leak.intrinsic=0.5"]])
def test_a_run_resumes_bit_for_bit_and_loads(settings, tmp_path, monkeypatch, run_state):
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
    gan.save_pretrained(tmp_path / "model")
    for place in ("straight", "model"):
        assert list(SeqGAN.load(tmp_path / place, "cpu").sample(8, seed=1)) == list(gan.sample(8, seed=1))


def test_conditions_are_heard_by_the_worker():
    def sizes(texts):
        return [float(len(text)) for text in texts]

    gan = SeqGAN(load("steps=2")).fit(LINES * 2, condition={"size": sizes}, quiet=True)
    assert len(list(gan.sample(4, seed=0, condition={"size": 12}))) == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["critic.kind=textcnn"], r"critic\.kind = 'textcnn'"),
        (["policy.reward=constant"], r"policy\.reward = 'constant'"),
        (["critic.held_out=0.2"], "learns beside the likelihood"),
        (["leak.intrinsic=2"], r"leak\.intrinsic = 2"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        load(*settings)


def test_it_begins_with_one_of_its_own_kind_alone():
    few = ["recipe=mle", "device=cpu", "likelihood.epochs=1", "model.width=8", "model.embedding=8"]
    plain = SeqGAN(seqgan.Config.load("small", few)).fit(LINES * 2, quiet=True)
    own = SeqGAN(load("steps=0")).fit(LINES * 2, quiet=True)
    message = "start: a generator of recipe mle has other parts than one of recipe leakgan"
    with pytest.raises(ConfigError, match=message):
        SeqGAN(load()).fit(LINES * 2, start=plain, quiet=True)
    again = SeqGAN(load("likelihood.epochs=0", "steps=0")).fit(LINES * 2, start=own, quiet=True)
    assert list(again.sample(4, seed=0)) == list(own.sample(4, seed=0))
