import pytest
import torch
from torch.nn.functional import conv1d, one_hot, softplus

from gancore.losses.penalties import finite_r1_r2
from seqgan.data.corpus import Corpus
from seqgan.data.grammar import corpus
from seqgan.data.settings import DataConfig
from seqgan.networks.critics import CRITICS, CriticConfig, MaxOverTime
from seqgan.text.alphabet import Alphabet

WORDS = Alphabet(size=9, begin=1, end=2, pad=0, unknown=3)
IDS = torch.tensor([[4, 5, 6, 7, 8, 4, 2], [5, 5, 2, 0, 0, 0, 0]])
SETTINGS = {"embedding": 8, "width": 8, "filters": 0.02, "representations": 4, "dropout": 0.0}


def make(kind, **changes):
    return CRITICS[kind](WORDS, CriticConfig(kind, **SETTINGS | changes), 7)


@pytest.mark.parametrize("kind", CRITICS)
def test_one_logit_a_sequence_or_step_and_a_gradient_on_every_parameter(kind):
    critic = make(kind)
    output = critic((IDS,))
    assert output.logits.shape == ((2, 7) if kind == "recurrent" else (2,))
    assert output.features.shape[0] == 2
    output.logits.square().sum().backward()
    for name, parameter in critic.named_parameters():
        assert parameter.grad is not None, name


@pytest.mark.parametrize("kind", ["textcnn", "multi", "strided"])
def test_ids_and_one_hot_rows_are_judged_the_same(kind):
    critic = make(kind)
    rows = one_hot(IDS, 9).float() * WORDS.mask(IDS)[..., None]
    torch.testing.assert_close(critic((rows,)).logits, critic((IDS,)).logits)
    rows.requires_grad_()
    critic((rows,)).logits.sum().backward()
    assert float(rows.grad.abs().sum()) > 0
    assert finite_r1_r2(lambda sample: critic(sample).logits, (rows.detach(),), (rows.detach(),)).shape == (2,)


@pytest.mark.parametrize(("channels", "grad"), [(1, True), (1, False), (3, True)])
def test_maxima_over_time_are_those_of_convolutions(channels, grad):
    layer = MaxOverTime(channels, {2: 5, 3: 4})
    x = torch.randn(70, 6, channels, requires_grad=True)
    expected = []
    for width, linear in zip((2, 3), layer.filters.values(), strict=True):
        kernel = linear.weight.view(-1, width, channels).transpose(1, 2)
        expected.append(conv1d(x.transpose(1, 2), kernel, linear.bias).amax(2))
    expected = torch.cat(expected, 1)
    if not grad:
        with torch.no_grad():
            torch.testing.assert_close(layer(x), expected)
        return
    found = layer(x)
    torch.testing.assert_close(found, expected)
    slopes = [torch.autograd.grad((y**2).sum(), [x, *layer.parameters()]) for y in (found, expected)]
    for mine, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_the_recurrent_critic_judges_prefixes_by_themselves():
    critic = make("recurrent")
    changed = IDS.clone()
    changed[0, 3:] = 5
    output, other = critic((IDS,)), critic((changed,)).logits
    whole = output.logits
    torch.testing.assert_close(whole[0, :3], other[0, :3])
    assert not torch.allclose(whole[0, 3:], other[0, 3:])
    assert torch.equal(output.mask, WORDS.mask(IDS))
    shorter = critic((IDS[1:, :3],))
    torch.testing.assert_close(shorter.logits, whole[1:, :3])
    torch.testing.assert_close(shorter.features, output.features[1:])


def test_a_strided_critic_tells_sentences_from_shuffled_words():
    """Held-out lines of the grammar against the same words in another order: an area under the curve above 0.9."""
    torch.manual_seed(0)
    data = Corpus.of(corpus(3000), DataConfig())
    ids, end = data.train, data.alphabet.end
    rows = ids[(ids == end).any(1)]
    lengths = (rows == end).int().argmax(1, keepdim=True)
    places = torch.arange(rows.shape[1])
    order = torch.where(places < lengths, torch.rand(rows.shape), 2.0 + places).argsort(1)
    shuffled = rows.gather(1, order)
    settings = CriticConfig("strided", embedding=32, width=64, dropout=0.0)
    critic = CRITICS["strided"](data.alphabet, settings, data.length)
    optimizer = torch.optim.Adam(critic.parameters(), 2e-3)
    held = len(rows) // 5
    for _ in range(250):
        picked = torch.randint(held, len(rows), (64,))
        on_real, on_fake = (critic((part[picked],)).logits for part in (rows, shuffled))
        loss = (softplus(-on_real) + softplus(on_fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        on_real, on_fake = (critic((part[:held],)).logits for part in (rows, shuffled))
    assert (on_real[:, None] > on_fake).float().mean().item() > 0.9


def test_filters_wider_than_the_sequences_are_left_out():
    critic = CRITICS["textcnn"](WORDS, CriticConfig("textcnn", **SETTINGS), 3)
    assert list(critic.filters.filters) == ["1", "2", "3"]
    assert critic((IDS[:, :3],)).logits.shape == (2,)
