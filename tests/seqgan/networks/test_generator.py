from importlib.util import find_spec

import pytest
import torch
from torch.autograd import gradcheck

from seqgan.networks.architectures import ARCHITECTURES, GeneratorConfig
from seqgan.networks.decoding import sample
from seqgan.networks.generator import Generator, Mixture, at_rest, nll, token_nll, without_dropout
from seqgan.networks.likelihood import token_log_prob
from seqgan.text.alphabet import Alphabet

KINDS = [kind for kind in ARCHITECTURES if kind != "gpt2" or find_spec("transformers")]

WORDS = Alphabet(size=9, begin=1, end=2, pad=0, unknown=3)


@pytest.fixture(params=KINDS)
def generator(request):
    config = GeneratorConfig(request.param, embedding=6, width=8, layers=2, heads=2, slots=2, dropout=0.5)
    return Generator(WORDS, config, length=7)


def test_steps_give_what_the_whole_gives(generator):
    ids = torch.tensor([[4, 5, 6, 7, 8, 4, 2], [5, 5, 2, 0, 0, 0, 0]])
    with at_rest(generator):
        whole = generator.logits(ids)
        state, tokens = generator.start(2), torch.full((2,), WORDS.begin)
        for step in range(7):
            features, state = generator.step(tokens, state)
            torch.testing.assert_close(generator.read(features), whole[:, step])
            tokens = ids[:, step]
            state = tuple(part[torch.tensor([0, 1])] for part in state)


def test_the_future_does_not_matter(generator):
    ids = torch.tensor([[4, 5, 6, 7, 8, 4, 2]])
    changed = ids.clone()
    changed[0, 4:] = 3
    with at_rest(generator):
        torch.testing.assert_close(generator.logits(ids)[:, :5], generator.logits(changed)[:, :5])


def test_log_prob_is_that_of_the_logits_and_zero_at_padding(generator):
    ids = torch.tensor([[4, 5, 6, 2, 0, 0, 0], [7, 8, 4, 4, 4, 4, 2]])
    with at_rest(generator):
        plain = generator.logits(ids).log_softmax(-1).gather(2, ids[..., None]).squeeze(2)
        found = generator.log_prob(ids)
        torch.testing.assert_close(found, plain * WORDS.mask(ids))
        warmer = (generator.logits(ids) / 0.7).log_softmax(-1).gather(2, ids[..., None]).squeeze(2)
        torch.testing.assert_close(generator.log_prob(ids, 0.7), warmer * WORDS.mask(ids))
    assert float(found[0, 4:].abs().sum()) == 0


def test_closed_tokens_have_no_probability(generator):
    with at_rest(generator):
        probability = generator.logits(torch.tensor([[4, 2, 0, 0, 0, 0, 0]])).softmax(-1)
    assert float(probability[..., [WORDS.pad, WORDS.begin]].sum()) == 0


def test_probabilities_of_all_sequences_sum_to_one(generator):
    """All sequences of up to two tokens, and the prefixes of those that go on."""
    alphabet = [2, 3, 4, 5, 6, 7, 8]
    sequences = [[2, 0]] + [[first, second] for first in alphabet[1:] for second in alphabet]
    with at_rest(generator):
        total = generator.log_prob(torch.tensor(sequences)).sum(1).exp().sum()
    assert float(total) == pytest.approx(1, abs=1e-5)


def test_every_parameter_learns(generator):
    token_nll(generator, torch.tensor([[4, 5, 6, 7, 8, 4, 2]])).mean().backward()
    for name, parameter in generator.named_parameters():
        if not parameter.requires_grad:  # of GPT-2: an embedding that is not used, and the head's bias
            continue
        assert parameter.grad is not None, name
        if "key" not in name:  # a memory of one slot and few inputs may attend evenly
            assert float(parameter.grad.abs().sum()) > 0, name


def test_dropout_is_off_while_resting_and_back_afterwards(generator):
    ids = torch.tensor([[4, 5, 6, 7, 8, 4, 2]])
    with without_dropout(generator):
        assert torch.equal(generator.log_prob(ids), generator.log_prob(ids))
        assert generator.training
    assert not torch.equal(generator.log_prob(ids), generator.log_prob(ids))
    assert nll(generator, ids) == nll(generator, ids)


def test_fused_log_prob_has_the_right_derivatives():
    random = torch.Generator().manual_seed(0)
    features, weight, bias = (
        torch.randn(*shape, dtype=torch.double, generator=random, requires_grad=True)
        for shape in ((5, 3), (4, 3), (4,))
    )
    targets = torch.tensor([0, 3, 1, 1, 2])
    assert gradcheck(lambda *parts: token_log_prob(*parts, targets), (features, weight, bias))


def test_fused_log_prob_over_many_rows():
    """More rows than one block of them."""
    features, weight, bias = torch.randn(300, 3), torch.randn(7, 3), torch.randn(7)
    targets = torch.randint(0, 7, (300,))
    plain = (features @ weight.T + bias).log_softmax(-1).gather(1, targets[:, None]).squeeze(1)
    torch.testing.assert_close(token_log_prob(features, weight, bias, targets), plain)


def test_samples_follow_the_likelihood():
    """The mean log-probability of draws is minus the entropy, which short sequences let us enumerate."""
    generator = Generator(Alphabet(size=5, begin=0), GeneratorConfig(embedding=4, width=6), length=2)
    torch.nn.init.normal_(generator.head.weight, std=3.0)
    every = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    with at_rest(generator):
        exact = generator.log_prob(every).sum(1)
        drawn = sample(generator, 40_000, 2, torch.Generator().manual_seed(0))
        counts = torch.bincount(drawn[:, 0] * 5 + drawn[:, 1], minlength=25)
    assert float((counts / 40_000 - exact.exp()).abs().max()) < 0.01


def test_a_mixture_is_the_mean_of_its_members():
    members = [Generator(WORDS, GeneratorConfig(embedding=6, width=8), length=7) for _ in range(3)]
    for member in members:
        torch.nn.init.normal_(member.head.weight)
    mixture, ids = Mixture(members), torch.tensor([[4, 5, 6, 7, 8, 4, 2], [5, 5, 2, 0, 0, 0, 0]])
    with at_rest(mixture):
        expected = torch.stack([member.log_prob(ids).exp() for member in members]).mean(0).log()
        torch.testing.assert_close(mixture.log_prob(ids), expected)
        assert nll(mixture, ids) == pytest.approx(-float(expected.sum()) / 10)
        state, tokens = mixture.start(2), torch.full((2,), WORDS.begin)
        for step in range(3):
            features, state = mixture.step(tokens, state)
            tokens = ids[:, step]
            found = mixture.read(features).gather(1, tokens[:, None]).squeeze(1)
            torch.testing.assert_close(found, expected[:, step])
        assert len(sample(mixture, 5, 7)) == 5
