"""Heads of critics: what each way to hear a condition adds to a critic, and what the heads cost."""

import math

import pytest
import torch

from gancore.layers.conditioning import ConditionedOutput
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.auxiliary import all_of, code_information, condition_heads
from gancore.types import Batch, Context, CriticOutput

KNOWN = Context(torch.tensor([[0.5, 0.0, 1.0], [-1.0, 1.0, 0.0]]), torch.ones(2, 3, dtype=torch.bool))


class Critic(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.conditioned = ConditionedOutput(4, 3, kind)

    def forward(self, sample, context=None):
        return self.conditioned(sample[0].sum(1), sample[0], context)


@pytest.mark.parametrize("kind", ["projection", "concatenation", "auxiliary", "twin"])
def test_a_context_reaches_the_logit_or_a_head(kind):
    torch.manual_seed(0)
    critic, sample = Critic(kind), (torch.randn(2, 4),)
    plain, asked = critic(sample), critic(sample, KNOWN)
    heads = {"projection": [], "concatenation": [], "auxiliary": ["condition"], "twin": ["condition", "twin"]}[kind]
    assert list(asked.heads) == heads
    assert torch.equal(plain.logits, asked.logits) == bool(heads)
    assert all(head.shape == (2, 3) for head in asked.heads.values())
    torch.testing.assert_close(critic(sample, KNOWN.hidden).logits, plain.logits)


def test_without_context_features_there_are_no_weights_and_no_context():
    silent = ConditionedOutput(4, 0)
    assert not list(silent.parameters())
    assert silent(torch.zeros(2), torch.zeros(2, 4)).logits.tolist() == [0, 0]
    with pytest.raises(ValueError, match="the network was made for 0"):
        silent(torch.zeros(2), torch.zeros(2, 4), KNOWN)


def test_numbers_cost_their_square_and_classes_their_surprise():
    batch = Batch((torch.zeros(2, 4),), KNOWN)
    output = torch.tensor([[1.5, 0.0, 0.0], [-1.0, 0.0, math.log(3.0)]])
    assert all_of((1, 2))(output, batch).tolist() == pytest.approx([1 + math.log(2), math.log(4)])
    some = Batch((torch.zeros(2, 4),), Context(KNOWN.values, torch.tensor([[False] * 3, [True, False, False]])))
    assert all_of((1, 2))(output, some).tolist() == [0, 0]


def test_the_twin_learns_of_fakes_and_is_paid_back():
    torch.manual_seed(0)
    heads = condition_heads("twin", (1, 2), 0.5)
    adversary = Adversary(Critic("twin"), OBJECTIVES["hinge"], {}, heads=heads)
    real, fake = (Batch((torch.randn(2, 4),), KNOWN) for _ in range(2))
    output = [adversary.output(batch.sample, batch.context).heads for batch in (real, fake)]
    cost, (on_real, on_fake) = all_of((1, 2)), output
    critic, generator = adversary.critic_losses(real, fake), adversary.generator_losses(real, fake)
    torch.testing.assert_close(critic["condition"], 0.5 * cost(on_real["condition"], real))
    torch.testing.assert_close(critic["twin"], 0.5 * cost(on_fake["twin"], fake))
    torch.testing.assert_close(generator["condition"], 0.5 * cost(on_fake["condition"], fake))
    torch.testing.assert_close(generator["twin"], -0.5 * cost(on_fake["twin"], fake))
    together = generator["condition"] + generator["twin"]
    torch.testing.assert_close(adversary.head_costs(adversary.output(fake.sample, fake.context), fake), together)
    assert condition_heads("projection", (1, 2), 1.0) == condition_heads("auxiliary", (), 1.0) == {}


def test_a_code_that_is_found_costs_nothing_and_its_information_is_its_entropy():
    code = Context(torch.eye(4), torch.ones(4, 4, dtype=torch.bool))
    batch = Batch((torch.zeros(4, 2),), code=code)
    assert code_information([4])(torch.eye(4) * 50, batch).tolist() == pytest.approx([0] * 4, abs=1e-6)
    assert code_information([4])(torch.zeros(4, 4), batch).tolist() == pytest.approx([math.log(4)] * 4)
    with pytest.raises(ValueError, match="this batch has none"):
        code_information([4])(torch.zeros(4, 4), Batch((torch.zeros(4, 2),)))


def test_heads_of_step_logits_keep_their_features():
    layer = ConditionedOutput(4, 3, "concatenation")
    out = layer(torch.zeros(2, 5), torch.randn(2, 5, 4), KNOWN)
    assert isinstance(out, CriticOutput)
    assert out.logits.shape == (2, 5)
