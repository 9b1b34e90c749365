"""Small games with known answers: what is asked is obtained, what weighs more is drawn more, codes become Gaussian."""

import json
import math

import pytest
import torch
from torch import nn

from gancore.layers.conditioning import FiLM, Projection
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary, Head
from gancore.losses.auxiliary import classification
from gancore.losses.penalties import PENALTIES
from gancore.sampling.estimators import ESTIMATORS
from gancore.training.batching import Shuffled, Streams, fetch_batch
from gancore.training.loop import Player, play
from gancore.types import Batch, Context, CriticOutput

CPU = torch.device("cpu")
CLASSES, TOKENS = 3, 6


class Table(nn.Module):
    """A generator that is a table: logits of tokens by class."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(CLASSES, TOKENS))

    def draw(self, context):
        return (ESTIMATORS["straight_through"](self.logits[context.values.argmax(1)], 1.0).hard,)


class TokenCritic(nn.Module):
    """Judges tokens; projection: by class as well; classes: its head names the class."""

    def __init__(self, projection=False, classes=False):
        super().__init__()
        self.body, self.out = nn.Sequential(nn.Linear(TOKENS, 32), nn.LeakyReLU(0.2)), nn.Linear(32, 1)
        self.projection = Projection(32, CLASSES) if projection else None
        self.classes = nn.Linear(32, CLASSES) if classes else None

    def forward(self, sample, context=None):
        features = self.body(sample[0])
        logits = self.out(features).squeeze(1)
        if self.projection is not None:
            logits = logits + self.projection(features, context)
        return CriticOutput(logits, features, {"class": self.classes(features)} if self.classes is not None else {})


def adam(module, rate):
    return torch.optim.Adam(module.parameters(), rate, (0.0, 0.9))


def play_game(generator, draw, adversary, stream, steps, rates=(2e-2, 5e-2)):
    """Critic and generator in turns; draw: of a real batch the fake one."""

    def critic_turn(real, step):
        with torch.no_grad():
            fake = draw(real)
        return adversary.critic_losses(real, fake, step)

    critic = Player("critic", adversary.critic, adam(adversary.critic, rates[0]), critic_turn)
    maker = lambda real, step: adversary.generator_losses(real, draw(real))  # noqa: E731
    play([critic, Player("generator", generator, adam(generator, rates[1]), maker)], stream, range(steps), seed=0)


def tokens_by_class(probability, n=6000):
    """A stream of tokens whose distribution given the class is a row of `probability`, with the class as context."""
    classes = torch.arange(n) % CLASSES
    tokens = torch.multinomial(probability[classes], 1).squeeze(1)
    context = Context(torch.eye(CLASSES)[classes], torch.ones(n, CLASSES, dtype=torch.bool))
    fetch = fetch_batch(lambda rows: (torch.eye(TOKENS)[tokens[rows]],), n, CPU, context)
    return Shuffled(n, 128, 0, fetch)


PENALTY = {"penalty": (PENALTIES["r1_r2"], 0.05)}


@pytest.mark.parametrize("weight", [1.0, 0.0])
def test_a_class_asked_of_an_ac_gan_is_obtained(weight):
    """Class c has the tokens 2c and 2c + 1. Without the head's loss nothing tells the generator of classes."""
    wanted = torch.eye(CLASSES).repeat_interleave(2, 1) / 2
    heads = {"class": Head(classification(range(CLASSES)), generator=weight)}
    adversary = Adversary(TokenCritic(classes=True), OBJECTIVES["relativistic_pairing"], PENALTY, heads=heads)
    table = Table()
    play_game(
        table, lambda real: Batch(table.draw(real.context), real.context), adversary, tokens_by_class(wanted), 100
    )
    obtained = (table.logits.softmax(1) * (wanted > 0)).sum(1).detach()
    assert (obtained > 0.9).all() if weight else (obtained < 0.7).all()


@pytest.mark.parametrize("projection", [True, False])
def test_a_projection_critic_teaches_the_conditional_distribution(projection):
    wanted = torch.tensor([[6, 3, 1, 0, 0, 0], [0, 1, 3, 3, 3, 0], [1, 0, 0, 0, 3, 6]]) / 10
    adversary = Adversary(TokenCritic(projection=projection), OBJECTIVES["relativistic_pairing"], PENALTY)
    table = Table()
    far = (table.logits.softmax(1) - wanted).abs().sum(1).div(2).mean()
    play_game(
        table, lambda real: Batch(table.draw(real.context), real.context), adversary, tokens_by_class(wanted), 200
    )
    near = (table.logits.softmax(1) - wanted).abs().sum(1).div(2).mean()
    assert far > 0.4
    assert near < 0.12 if projection else near > 0.3


def test_weighted_rows_are_learnt_by_a_game():
    """Tokens that are all as frequent, drawn by their weights."""
    weights = torch.tensor([5.0, 2.0, 1.0, 1.0, 0.0, 1.0])
    tokens = torch.arange(6000) % TOKENS
    fetch = fetch_batch(lambda rows: (torch.eye(TOKENS)[tokens[rows]],), 6000, CPU, weight=weights[tokens])
    adversary, table = Adversary(TokenCritic(), OBJECTIVES["non_saturating"], PENALTY), Table()
    anything = Context(torch.eye(CLASSES)[:1].expand(128, -1), torch.ones(128, CLASSES, dtype=torch.bool))
    play_game(table, lambda real: Batch(table.draw(anything)), adversary, Shuffled(6000, 128, 0, fetch), 200)
    found = table.logits[0].softmax(0)
    assert (found - weights / 10).abs().sum() / 2 < 0.12
    assert (found - 1 / 6).abs().sum() / 2 > 0.2


def test_weighted_rows_are_learnt_by_likelihood():
    weights = torch.tensor([5.0, 2.0, 1.0, 1.0, 0.5, 0.5])
    fetch = fetch_batch(lambda rows: (torch.eye(TOKENS)[rows],), TOKENS, CPU, weight=weights)
    table = Table()

    def turn(real, step):
        return {"nll": -(real.sample[0] * table.logits[0].log_softmax(0)).sum(1)}

    player = Player("likelihood", table, torch.optim.SGD(table.parameters(), 1.0), turn)
    play([player], Shuffled(TOKENS, TOKENS, 0, fetch), range(300))
    torch.testing.assert_close(table.logits[0].softmax(0), weights / 10, atol=0.005, rtol=0.0)


class Judge(nn.Module):
    """A critic of latents."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2))
        self.out = nn.Linear(64, 1)

    def forward(self, sample, context=None):
        features = self.net(sample[0])
        return CriticOutput(self.out(features).squeeze(1), features)


def distance_to_normal(values):
    """Kolmogorov and Smirnov's distance to N(0, 1)."""
    ordered = values.flatten().sort().values
    expected = 0.5 * (1 + torch.erf(ordered / math.sqrt(2)))
    return float((expected - torch.linspace(0, 1, len(ordered))).abs().max())


def test_an_adversarial_autoencoder_makes_its_codes_gaussian():
    """Makhzani et al. 2015: of uniform numbers the codes become N(0, 1), and still tell the number."""
    data = torch.rand(4000, 1) * 4 - 2
    encoder, decoder = (nn.Sequential(nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)) for _ in range(2))
    adversary = Adversary(Judge(), OBJECTIVES["relativistic_pairing"], {"penalty": (PENALTIES["r1_r2"], 0.1)})
    makers = nn.ModuleList((encoder, decoder))

    def prior(n):
        return Batch((torch.randn(n, 1),), geometry="euclidean")

    def critic_turn(real, step):
        return adversary.critic_losses(prior(len(real)), Batch((encoder(real.sample[0]),), geometry="euclidean"), step)

    def makers_turn(real, step):
        code = encoder(real.sample[0])
        losses = adversary.generator_losses(prior(len(real)), Batch((code,), geometry="euclidean"))
        return losses | {"reconstruction": (decoder(code) - real.sample[0]).square().sum(1)}

    before = distance_to_normal(encoder(data).detach())
    stream = Shuffled(4000, 128, 0, fetch_batch(lambda rows: (data[rows],), 4000, CPU))
    critic = Player("critic", adversary.critic, adam(adversary.critic, 1e-2), critic_turn)
    play([critic, Player("makers", makers, adam(makers, 1e-2), makers_turn)], stream, range(200), seed=0)
    codes = encoder(data).detach()
    assert before > 0.3
    assert distance_to_normal(codes) < 0.1
    assert (decoder(codes) - data).square().mean() < 0.1


def pairs_and_singles():
    """A linear map, shown by few pairs; of many inputs alone only the mean output, 0, is known."""
    inputs = torch.randn(64, 2, generator=torch.Generator().manual_seed(5))
    outputs = inputs @ torch.tensor([[2.0], [-1.0]])
    pairs = fetch_batch(lambda rows: (inputs[rows], outputs[rows]), 64, CPU)
    singles = fetch_batch(lambda rows: (inputs[rows],), 64, CPU)
    return Streams(paired=Shuffled(64, 8, 0, pairs), unpaired=Shuffled(64, 24, 1, singles))


def two_stream_player(seen):
    net = nn.Linear(2, 1)

    def turn(batches, step):
        x, y = batches["paired"].sample
        seen.append((x, batches["unpaired"].sample[0]))
        centred = net(batches["unpaired"].sample[0]).mean().square()
        return {"fit": (net(x) - y).square().sum(1), "centred": 0.01 * centred}

    return Player("fit", net, torch.optim.SGD(net.parameters(), 0.1), turn)


def test_a_phase_of_two_streams_learns_and_resumes_exactly():
    torch.manual_seed(0)
    whole = two_stream_player(seen := [])
    play([whole], pairs_and_singles(), range(40), seed=0)
    torch.testing.assert_close(whole.module.weight.data, torch.tensor([[2.0, -1.0]]), atol=0.05, rtol=0.0)
    assert {len(x) for x, _ in seen} == {8}
    assert {len(x) for _, x in seen} == {24}

    torch.manual_seed(0)
    first, streams = two_stream_player([]), pairs_and_singles()
    play([first], streams, range(17), seed=0)
    saved = json.loads(json.dumps(streams.position))
    assert saved == {"paired": 17 * 8, "unpaired": 17 * 24}
    again = two_stream_player(later := [])
    again.module.load_state_dict(first.module.state_dict())
    streams = pairs_and_singles()
    streams.position = saved
    play([again], streams, range(17, 40), seed=0)
    assert torch.equal(again.module.weight, whole.module.weight)
    for mine, theirs in zip(later, seen[17:], strict=True):
        assert all(map(torch.equal, mine, theirs))


def test_a_checkpoint_of_a_single_stream_is_that_of_the_first_of_several():
    streams = pairs_and_singles()
    streams.position = 40
    assert streams.position == {"paired": 40, "unpaired": 0}
    streams.position = {"unpaired": 3}
    assert streams.position == {"paired": 0, "unpaired": 3}


def test_film_learns_a_shift_and_a_scale_that_are_asked():
    """y = x (1 + a) + b with a and b asked; where they are unknown y = x."""
    layer = FiLM(1, 2)
    optimizer = torch.optim.Adam(layer.parameters(), 0.05)
    for _ in range(300):
        asked = Context(torch.randn(64, 2), torch.ones(64, 2, dtype=torch.bool))
        x = torch.randn(64, 1)
        loss = (layer(x, asked) - x * (1 + asked.values[:, :1]) - asked.values[:, 1:]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, values = torch.randn(64, 1), torch.randn(64, 2)
    known = torch.ones(64, 2, dtype=torch.bool)
    torch.testing.assert_close(
        layer(x, Context(values, known)), x * (1 + values[:, :1]) + values[:, 1:], atol=0.05, rtol=0.0
    )
    assert torch.equal(layer(x, Context(values, ~known)), x)
    assert torch.equal(layer(x, None), x)
