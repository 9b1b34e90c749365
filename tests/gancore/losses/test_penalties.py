import pytest
import torch

from gancore.losses import penalties
from gancore.losses.penalties import PENALTIES

BATCH = 5


def linear_critic(*weights):
    return lambda sample: sum((part * w).flatten(1).sum(1) for part, w in zip(sample, weights, strict=True))


@pytest.fixture
def pair():
    """Two tensors a sample, one-hot rows, the last row of the first tensor padding."""
    nodes = torch.eye(3).repeat(BATCH, 1, 1)
    nodes[:, 2] = 0
    bonds = torch.eye(4)[:2].repeat(BATCH, 1, 1)
    return nodes, bonds


def test_slope_of_a_linear_critic_is_the_norm_of_all_its_weights_together(pair):
    weights = torch.randn(3, 3), torch.randn(2, 4)
    slope = penalties.squared_slope(linear_critic(*weights), pair, tangent=False)
    expected = sum(w.square().sum() for w in weights)
    torch.testing.assert_close(slope, expected.expand(BATCH))


def test_tangent_slope_ignores_padding_and_directions_that_leave_the_simplex(pair):
    nodes, bonds = torch.randn(3, 3), torch.randn(2, 4)
    constant = linear_critic(torch.ones(3, 3) * 7, torch.ones(2, 4) * 7)
    torch.testing.assert_close(penalties.squared_slope(constant, pair), torch.zeros(BATCH))
    centred = (nodes - nodes.mean(-1, keepdim=True))[:2].square().sum() + (
        bonds - bonds.mean(-1, keepdim=True)
    ).square().sum()
    torch.testing.assert_close(penalties.squared_slope(linear_critic(nodes, bonds), pair), centred.expand(BATCH))


def test_one_norm_a_sample_not_one_a_batch():
    """With unit slope at every sample the WGAN penalty is 0; one norm over the batch would give (sqrt(B) - 1)^2."""
    weight = torch.zeros(1, 4)
    weight[0, 0] = 1
    sample = (torch.eye(4)[:1].repeat(49, 1, 1),)
    result = penalties.wgan_gp(linear_critic(weight), sample, sample, tangent=False)
    torch.testing.assert_close(result, torch.zeros(49), atol=1e-6, rtol=0)


def test_finite_difference_agrees_in_expectation_with_the_exact_slope(pair):
    weights = torch.randn(3, 3), torch.randn(2, 4)
    critic = linear_critic(*weights)
    exact = penalties.r1_r2(critic, pair, pair)[0]
    draws = torch.stack([penalties.finite_r1_r2(critic, pair, pair) for _ in range(3000)]).flatten()
    error = (draws.mean() - exact).abs() / (draws.std() / len(draws) ** 0.5)
    assert error < 4


@pytest.mark.parametrize("name", PENALTIES)
def test_contract_per_sample_not_negative_and_moves_only_the_critic(name, pair):
    critic = torch.nn.Sequential(torch.nn.Linear(3 * 3 + 2 * 4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    maker = torch.nn.Parameter(torch.rand(BATCH, 2, 4))
    fake = (pair[0], maker.softmax(-1))
    judge = lambda sample: critic(torch.cat([part.flatten(1) for part in sample], 1)).squeeze(1)  # noqa: E731
    value = PENALTIES[name](judge, pair, fake)
    assert value.shape == (BATCH,)
    assert (value >= 0).all()
    value.sum().backward()
    assert critic[0].weight.grad.abs().sum() > 0
    assert maker.grad is None
