"""The translator: steps give what all at once gives, padding changes nothing, a beam finds what enumeration finds."""

import math
from itertools import product

import pytest
import torch

from gancore.types import Context
from seqgan.networks.beam import beam_search
from seqgan.networks.decoding import Decoding, sample
from seqgan.networks.generator import Guided, at_rest
from seqgan.networks.translator import (
    PairCritic,
    Translating,
    Translator,
    TranslatorConfig,
    mean_nll,
    pair_nll,
    reversed_rows,
)
from seqgan.text.alphabet import Alphabet

PAD, BEGIN, END = 0, 1, 2
ALPHABET = Alphabet(size=6, begin=BEGIN, end=END, pad=PAD)
SMALL = TranslatorConfig(embedding=6, width=8, heads=2, dropout=0.0)
SOURCES = torch.tensor([[3, 4, 5, END], [5, END, PAD, PAD], [4, 4, END, PAD]])
TARGETS = torch.tensor([[5, 4, 3, END, PAD], [3, END, PAD, PAD, PAD], [4, 5, 5, 4, END]])


@pytest.fixture
def translator():
    made = Translator(ALPHABET, SMALL, 5)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return made


def stepped(translator, targets, sources, context=None):
    """The log-probability of every token, one step after the other."""
    stepper = Translating(translator, sources)
    state, tokens, found = stepper.start(len(sources), context), torch.full((len(sources),), BEGIN), []
    for step in range(targets.shape[1]):
        features, state = stepper.step(tokens, state)
        tokens = targets[:, step]
        found.append(stepper.read(features).log_softmax(-1).gather(1, tokens[:, None]).squeeze(1))
    return torch.stack(found, 1) * ALPHABET.mask(targets)


def test_steps_give_what_all_at_once_gives(translator):
    torch.testing.assert_close(translator.log_prob(TARGETS, SOURCES), stepped(translator, TARGETS, SOURCES))


def test_with_a_context_too():
    translator = Translator(ALPHABET, SMALL, 5, context_features=2)
    context = Context(torch.randn(3, 2), torch.tensor([[True, True], [True, False], [False, False]]))
    found = translator.log_prob(TARGETS, SOURCES, context)
    torch.testing.assert_close(found, stepped(translator, TARGETS, SOURCES, context))
    free = translator.log_prob(TARGETS, SOURCES)
    torch.testing.assert_close(found[2], free[2])
    assert not torch.allclose(found[0], free[0])


def test_padding_changes_nothing(translator):
    wide = torch.nn.functional.pad(SOURCES, (0, 3), value=PAD)
    torch.testing.assert_close(translator.log_prob(TARGETS, wide), translator.log_prob(TARGETS, SOURCES))
    alone = translator.log_prob(TARGETS[1:2], SOURCES[1:2, :2])
    torch.testing.assert_close(alone, translator.log_prob(TARGETS, SOURCES)[1:2])
    critic = PairCritic(ALPHABET, SMALL)
    both = critic((TARGETS, SOURCES)).logits
    torch.testing.assert_close(critic((TARGETS[1:2, :2], SOURCES[1:2, :2])).logits, both[1:2])


def test_a_row_is_turned_round_within_its_length():
    mask = torch.tensor([[True, True, True], [True, True, False]])
    turned = reversed_rows(torch.tensor([[1, 2, 3], [4, 5, 6]]), mask)
    assert turned.tolist() == [[3, 2, 1], [5, 4, 6]]
    values = torch.randn(2, 3, 4)
    assert torch.equal(reversed_rows(reversed_rows(values, mask), mask), values)


def test_the_source_matters_to_every_token(translator):
    embedded = translator.embedding(SOURCES[:1]).detach().requires_grad_()
    memory = translator.body.encode(embedded, ALPHABET.mask(SOURCES[:1]))
    last = translator.body.decode(translator.embedding(TARGETS[:1]), memory)[0, -1].sum()
    (slope,) = torch.autograd.grad(last, embedded)
    assert bool((slope.abs().sum(2) > 0).all())


def every_sequence(length):
    """All sequences of at most `length` tokens with their end, and those that are cut off, padded."""
    words = range(3, 6)
    for n in range(length):
        for ids in product(words, repeat=n):
            yield [*ids, END] + [PAD] * (length - n - 1)
    yield from (list(ids) for ids in product(words, repeat=length))


def test_a_wide_beam_finds_the_likeliest_of_all(translator):
    every = torch.tensor(list(every_sequence(3)))
    with at_rest(translator):
        known = translator.log_prob(every, SOURCES[:1].expand(len(every), -1)).sum(1)
    assert math.isclose(float(known.exp().sum()), 1.0, rel_tol=1e-5)
    ids, scores = beam_search(Translating(translator, SOURCES), 3, 64, 3)
    best = known.argsort(descending=True)[:10]
    torch.testing.assert_close(scores[0, :10], known[best])
    assert ids[0, :10].tolist() == every[best].tolist()
    assert int((scores[0] > -torch.inf).sum()) == len(every)


def test_a_beam_of_one_is_greedy(translator):
    ids, scores = beam_search(Translating(translator, SOURCES), 3, 1, 5)
    cold = sample(Translating(translator, SOURCES), 3, 5, decoding=Decoding(1e-3))
    assert torch.equal(ids[:, 0], cold)
    torch.testing.assert_close(scores[:, 0], translator.log_prob(ids[:, 0], SOURCES).sum(1))


def test_draws_are_as_likely_as_the_model_says(translator):
    n = 4000
    rows = SOURCES[:1].expand(n, -1)
    ids = sample(Translating(translator, rows), n, 5, torch.Generator().manual_seed(0))
    first = torch.bincount(ids[:, 0], minlength=6) / n
    stepper = Translating(translator, SOURCES[:1])
    features, _ = stepper.step(torch.tensor([BEGIN]), stepper.start(1))
    torch.testing.assert_close(first, stepper.read(features).softmax(1)[0], atol=0.03, rtol=0)


def test_a_stepper_has_its_own_sources(translator):
    with pytest.raises(ValueError, match="there are 3 sources for 2 sequences"):
        Translating(translator, SOURCES).start(2)


def test_guidance_of_one_changes_nothing():
    translator = Translator(ALPHABET, SMALL, 5, context_features=1)
    context = Context(torch.ones(3, 1), torch.ones(3, 1, dtype=torch.bool))
    plain = beam_search(Translating(translator, SOURCES), 3, 2, 5, context)
    guided = beam_search(Guided(Translating(translator, SOURCES), 1.0), 3, 2, 5, context)
    assert torch.equal(plain[0], guided[0])


def test_likelihoods_are_means_over_tokens(translator):
    tokens = ALPHABET.mask(TARGETS).sum()
    expected = -translator.log_prob(TARGETS, SOURCES).sum() / tokens
    torch.testing.assert_close(pair_nll(translator, TARGETS, SOURCES).mean(), expected)
    assert mean_nll(translator, TARGETS, SOURCES) == pytest.approx(float(expected.detach()), rel=1e-6)


def test_a_critic_of_pairs_sees_the_source_and_begins_as_a_translator(translator):
    critic = PairCritic(ALPHABET, SMALL)
    critic.begin_as(translator)
    logits = critic((TARGETS, SOURCES)).logits
    assert logits.shape == (3,)
    assert not torch.allclose(logits, critic((TARGETS, SOURCES.flip(0))).logits)
    assert torch.equal(critic.body.first.weight_ih_l0, translator.body.first.weight_ih_l0)
