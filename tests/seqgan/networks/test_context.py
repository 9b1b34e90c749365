"""Sequence networks that are asked: one step after the other or at once, in rollouts, and in what critics say."""

from importlib.util import find_spec

import pytest
import torch

from gancore.types import Context
from seqgan.networks.architectures import ARCHITECTURES, GeneratorConfig
from seqgan.networks.critics import CRITICS, CriticConfig
from seqgan.networks.decoding import sample
from seqgan.networks.generator import Generator, Mixture, at_rest
from seqgan.networks.rollout import monte_carlo
from seqgan.text.alphabet import Alphabet

KINDS = [kind for kind in ARCHITECTURES if kind != "gpt2" or find_spec("transformers")]

WORDS = Alphabet(size=7, begin=1, end=2, pad=0, unknown=3)
IDS = torch.tensor([[4, 5, 6, 4, 2], [5, 2, 0, 0, 0], [6, 6, 6, 6, 6]])


def make(kind="lstm", features=2):
    generator = Generator(WORDS, GeneratorConfig(kind, embedding=4, width=8, heads=2), 5, features)
    torch.nn.init.normal_(generator.head.weight)
    if generator.context is not None:
        torch.nn.init.normal_(generator.context.embedded.weights.weight)
    return generator


def asking(n, features=2):
    context = Context(torch.randn(n, features), torch.ones(n, features, dtype=torch.bool))
    context.known[0] = False
    return context


@pytest.mark.parametrize("kind", KINDS)
def test_step_by_step_is_all_at_once(kind):
    context = asking(3)
    for generator in (make(kind), Mixture([make(kind), make(kind)])):
        with at_rest(generator):
            state, tokens, steps = generator.start(3, context), torch.full((3,), WORDS.begin), []
            for step in range(5):
                features, state = generator.step(tokens, state)
                steps.append(features)
                tokens = IDS[:, step]
            torch.testing.assert_close(torch.stack(steps, 1), generator.features(IDS, context), atol=1e-5, rtol=1e-4)
            plain, asked = generator.log_prob(IDS), generator.log_prob(IDS, context=context)
        torch.testing.assert_close(plain[0], asked[0])
        assert (plain[1:] - asked[1:]).abs().sum() > 1e-3


def test_without_context_a_generator_has_no_more_parameters_and_refuses_one():
    torch.manual_seed(0)
    plain = Generator(WORDS, GeneratorConfig(embedding=4, width=8), 5)
    torch.manual_seed(0)
    asked = Generator(WORDS, GeneratorConfig(embedding=4, width=8), 5, 2)
    assert {name.split(".")[0] for name in set(asked.state_dict()) - set(plain.state_dict())} == {"context"}
    assert all(torch.equal(part, asked.state_dict()[name]) for name, part in plain.state_dict().items())
    with pytest.raises(ValueError, match="made for 0"):
        plain.start(3, asking(3))
    with pytest.raises(ValueError, match="made for 0"):
        plain.log_prob(IDS, context=asking(3))


def test_draws_follow_the_likelihood_of_what_is_asked():
    """The first token's share is its probability given the context, though rows that end are left out on the way."""
    generator, n = make(), 20_000
    context = asking(2)
    rows = torch.arange(2).repeat_interleave(n)
    with at_rest(generator):
        ids = sample(generator, 2 * n, 5, torch.Generator().manual_seed(0), context=context[rows])
        for row in range(2):
            drawn = ids[rows == row]
            pair = context[torch.full((49,), row)]
            two = torch.cartesian_prod(torch.arange(7), torch.arange(7))
            expected = generator.logits(two, pair).log_softmax(-1).gather(2, two[..., None]).sum((1, 2)).exp()
            found = (drawn[:, 0] * 7 + drawn[:, 1]).bincount(minlength=49) / n
            going = two[:, 0] != WORDS.end
            error = (found - expected)[going].abs() / (expected[going] * (1 - expected[going]) / n).sqrt().clamp_min(
                1e-3
            )
            assert error.max() < 4.5


def test_rollouts_complete_and_judge_under_the_context_of_their_row():
    """The reward names what was asked, and no value mixes with another row's."""
    context = Context(torch.tensor([[1.0], [2.0], [3.0]]), torch.ones(3, 1, dtype=torch.bool))
    generator = make(features=1)
    seen = []

    def judge(ids, asked):
        seen.append(len(ids))
        return asked.values[:, 0]

    with at_rest(generator):
        values = monte_carlo(generator, IDS, judge, 3, torch.Generator().manual_seed(0), 4, context)
    assert len(seen) > 2
    torch.testing.assert_close(values, context.values * WORDS.mask(IDS))


@pytest.mark.parametrize("kind", CRITICS)
def test_critics_project_what_is_asked(kind):
    settings = CriticConfig(kind, embedding=8, width=8, filters=0.02, representations=4, dropout=0.0)
    torch.manual_seed(0)
    plain = CRITICS[kind](WORDS, settings, 5)
    torch.manual_seed(0)
    critic = CRITICS[kind](WORDS, settings, 5, 2)
    context = asking(3)
    nothing, something = critic((IDS,)).logits, critic((IDS,), context).logits
    torch.testing.assert_close(nothing, plain((IDS,)).logits)
    torch.testing.assert_close(something[0], nothing[0])
    assert ((something[1:] - nothing[1:]).abs() > 1e-7).all()
    with pytest.raises(ValueError, match="made for 0"):
        plain((IDS,), context)
