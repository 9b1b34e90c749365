import math

import pytest
import torch

from gancore.errors import ConfigError
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.decoding import Decoding, draw_tokens, sample
from seqgan.networks.generator import Generator, at_rest
from seqgan.text.alphabet import Alphabet

WORDS = Alphabet(size=9, begin=1, end=2, pad=0, unknown=3)


@pytest.mark.parametrize("tokens", [2, 7, 64, 256, 257, 320, 1000, 5000])
def test_draws_have_the_distribution_of_the_logits(tokens):
    """Chi-square over the tokens expected at least ten times, the others in one bin."""
    random = torch.Generator().manual_seed(tokens)
    logits = 2 * torch.randn(tokens, generator=random)
    n = 200_000
    drawn = torch.cat([draw_tokens(logits.expand(2000, -1), random) for _ in range(n // 2000)])
    expected = logits.double().softmax(0) * n
    counts = torch.bincount(drawn, minlength=tokens).double()
    common = expected >= 10
    observed = torch.cat((counts[common], counts[~common].sum()[None]))
    wanted = torch.cat((expected[common], expected[~common].sum()[None]))
    kept = wanted > 0
    statistic = ((observed - wanted)[kept].square() / wanted[kept]).sum()
    freedom = kept.sum() - 1
    assert torch.special.gammaincc(freedom / 2, statistic / 2) > 1e-3


@pytest.mark.parametrize("tokens", [10, 700])
def test_tokens_without_probability_are_never_drawn(tokens):
    logits = torch.full((5000, tokens), -math.inf)
    allowed = torch.tensor([0, tokens // 2, tokens - 3])
    logits[:, allowed] = torch.tensor([1e-3, -30.0, 30.0])
    assert set(draw_tokens(logits).tolist()) <= set(allowed.tolist())
    logits[:, tokens - 3] = -math.inf
    logits[:, tokens // 2] = 0.0
    assert set(draw_tokens(logits).tolist()) == {0, tokens // 2}


def test_rows_are_drawn_on_their_own():
    logits = torch.full((3, 300), -20.0)
    logits[torch.arange(3), torch.tensor([5, 299, 130])] = 20.0
    assert draw_tokens(logits).tolist() == [5, 299, 130]


def test_filters_keep_the_likeliest():
    logits = torch.log(torch.tensor([[0.0, 0.0, 0.05, 0.05, 0.4, 0.3, 0.15, 0.05, 0.0]]) + 1e-9)

    def kept(**settings):
        return Decoding(**settings).apply(logits, 0, WORDS).isfinite()[0].nonzero().squeeze(1).tolist()

    assert kept(top_k=2) == [4, 5]
    assert kept(nucleus=0.6) == [4, 5]
    assert kept(nucleus=0.1) == [4]
    assert kept(min_length=1) == [0, 1, 3, 4, 5, 6, 7, 8]
    assert kept(unknown=False) == [0, 1, 2, 4, 5, 6, 7, 8]
    assert Decoding().apply(logits, 0, WORDS) is logits
    torch.testing.assert_close(Decoding(temperature=0.5).apply(logits, 0, WORDS), logits * 2)


@pytest.mark.parametrize(
    "settings", [{"temperature": 0.0}, {"temperature": float("inf")}, {"nucleus": 0.0}, {"nucleus": 1.5}, {"top_k": -1}]
)
def test_settings_out_of_range(settings):
    with pytest.raises(ConfigError):
        Decoding(**settings)


def test_samples_begin_with_the_prefix_and_keep_their_lengths():
    generator = Generator(WORDS, GeneratorConfig(embedding=4, width=8), length=12)
    with at_rest(generator):
        ids = sample(generator, 300, 12, decoding=Decoding(min_length=4), prefix=[5, 6])
        short = sample(generator, 300, 3)
    assert (ids[:, :2] == torch.tensor([5, 6])).all()
    lengths = WORDS.mask(ids).sum(1)
    ended = ids.gather(1, lengths[:, None] - 1).squeeze(1) == WORDS.end
    assert lengths.min() >= 5
    assert (ended | (lengths == 12)).all()
    assert ended.any()
    assert not (ids == WORDS.begin).any()
    assert short.shape == (300, 3)
    after = (ids == WORDS.end).cumsum(1) - (ids == WORDS.end).long()
    assert (ids[after > 0] == WORDS.pad).all()
