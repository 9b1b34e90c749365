"""Layers of critics: similarities within a group, self-attention, an autoencoder whose error is the verdict."""

import pytest
import torch
from torch.nn.functional import one_hot

from gancore.layers.autoencoder import AutoencodingCritic
from gancore.layers.minibatch_discrimination import MinibatchCritic, MinibatchDiscrimination
from gancore.layers.self_attention import SelfAttention
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.equilibrium import Equilibrium
from gancore.losses.penalties import r1
from gancore.types import Batch, Context, CriticOutput


def test_similarities_are_those_of_the_definition_and_within_a_group():
    layer, x = MinibatchDiscrimination(3, kernels=2, width=4, group=3), torch.randn(6, 3)
    found = layer(x)
    each = layer.compared(x).view(6, 2, 4)
    for group in (range(3), range(3, 6)):
        for i in group:
            near = sum((-(each[i] - each[j]).abs().sum(-1)).exp() for j in group if j != i) / 2
            torch.testing.assert_close(found[i], near)
    assert torch.equal(layer(x[:1]), torch.zeros(1, 2))


def test_real_and_generated_samples_are_not_compared_with_one_another():
    class Plain(torch.nn.Module):
        def forward(self, sample, context=None):
            return CriticOutput(sample[0].sum(1), sample[0])

    adversary = Adversary(MinibatchCritic(Plain(), 2, 3, group=4), OBJECTIVES["hinge"], {})
    real, fakes = torch.randn(4, 2), torch.randn(2, 4, 2)
    first, second = (adversary.judge((real,), (fake,))[0].logits for fake in fakes)
    torch.testing.assert_close(first, second)


def test_attention_begins_closed_then_reads_present_places_alone():
    layer, x = SelfAttention(8), torch.randn(2, 5, 8)
    assert torch.equal(layer(x), x)
    with torch.no_grad():
        layer.gate.fill_(1.0)
    present = torch.tensor([[True, True, False, False, False], [True] * 5])
    changed = x.clone()
    changed[0, 2:] += 1
    torch.testing.assert_close(layer(x, present)[0, :2], layer(changed, present)[0, :2])
    assert not torch.allclose(layer(x)[0, :2], layer(changed)[0, :2])
    order = torch.randperm(5)
    torch.testing.assert_close(layer(x[:, order]), layer(x)[:, order])
    scores = layer.query(x) @ layer.key(x).transpose(1, 2)
    torch.testing.assert_close(layer(x), x + layer.out(scores.softmax(-1) @ layer.value(x)))


def test_the_error_is_a_distance_of_distributions_that_padding_leaves_alone():
    critic = AutoencodingCritic([(4, 3), (2, 5)], (8,), 4, context_features=1)
    nodes, bonds = one_hot(torch.tensor([[0, 1, 2, 0]]), 3).float(), one_hot(torch.tensor([[4, 1]]), 5).float()
    nodes[0, 3] = 0
    context = Context(torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bool))
    output = critic((nodes, bonds), context)
    assert output.features.shape == (1, 4)
    assert -1 < output.logits.item() < 0
    assert output.logits.item() != critic((nodes, bonds)).logits.item(), "the decoder reads the context"
    slope = r1(lambda sample: critic(sample).logits, (nodes, bonds), (nodes, bonds))
    assert torch.isfinite(slope).all()
    assert not slope.isnan().any()
    for layer in critic.decoder:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    for layer in critic.read:
        torch.nn.init.zeros_(layer.bias)
    expected = (3 * (1 - 1 / 3) + 2 * (1 - 1 / 5)) / 5  # a uniform reconstruction
    assert critic((nodes, bonds)).logits.item() == pytest.approx(-expected)


def test_the_ratio_of_the_errors_comes_to_the_one_that_is_asked():
    """A table of logits against an autoencoder of pairs of tokens, which are often neighbours (BEGAN's balance)."""
    torch.manual_seed(0)
    critic, balance = AutoencodingCritic([(2, 8)], (16,), 3, embedding=8), Equilibrium(0.8, 0.01)
    adversary = Adversary(critic, OBJECTIVES["wasserstein"], {}, balance=balance)
    table = torch.randn(8, 2, 8).requires_grad_()
    players = torch.optim.Adam(critic.parameters(), 3e-3, (0.5, 0.99)), torch.optim.Adam([table], 1e-2, (0.5, 0.99))
    ratios, weights = [], []
    for _ in range(600):
        first, other = torch.randint(8, (2, 32))
        second = torch.where(torch.rand(32) < 0.7, (first + 1) % 8, other)
        real = Batch((one_hot(torch.stack((first, second), 1), 8).float(),))
        drawn = table[torch.randint(8, (32,))].softmax(-1)
        losses = adversary.critic_losses(real, Batch((drawn.detach(),)))
        ratios.append(float(losses["_ratio"]))
        weights.append(float(balance.weight))
        for player in players:
            turn = losses if player is players[0] else adversary.generator_losses(real, Batch((drawn,)))
            player.zero_grad()
            turn["adversarial"].mean().backward()
            player.step()
    assert sum(ratios[300:]) / 300 == pytest.approx(0.8, abs=0.15)
    assert 0 < sum(weights[300:]) / 300 < 0.5
