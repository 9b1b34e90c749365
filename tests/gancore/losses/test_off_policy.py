"""Off-policy losses: where they are 0, their gradients, and what they make of a distribution that is enumerated."""

import pytest
import torch

from gancore.losses.off_policy import augmented_likelihood, kl_to_prior, trajectory_balance
from gancore.losses.policy_gradient import policy_gradient

PRIOR = torch.tensor([0.5, 0.3, 0.1, 0.1]).log()
REWARD = torch.tensor([0.0, 0.2, 1.0, 0.5])


def test_gradients_do_not_flow_into_prior_and_reward():
    log_prob, prior, reward, partition = (torch.tensor([-1.0, -2.0], requires_grad=True) for _ in range(4))
    losses = augmented_likelihood(log_prob, prior, reward, 3.0) + trajectory_balance(log_prob, reward, partition.sum())
    (losses + kl_to_prior(log_prob, prior)).sum().backward()
    assert prior.grad is None
    assert reward.grad is None
    assert log_prob.grad is not None
    assert partition.grad is not None


def test_trajectory_balance_learns_prior_times_exponential_of_the_score():
    logits, partition = torch.zeros(4, requires_grad=True), torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([logits, partition], 0.05)
    for _ in range(600):
        loss = trajectory_balance(logits.log_softmax(0), PRIOR + 3 * REWARD, partition).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    expected = (PRIOR + 3 * REWARD).softmax(0)
    assert torch.allclose(logits.softmax(0), expected, atol=1e-3)
    assert partition.item() == pytest.approx((PRIOR + 3 * REWARD).logsumexp(0).item(), abs=1e-2)


def test_augmented_likelihood_is_least_where_each_distance_is_nought():
    log_prob = (PRIOR + 2 * REWARD).requires_grad_(True)
    augmented_likelihood(log_prob, PRIOR, REWARD, 2.0).sum().backward()
    assert log_prob.grad is not None
    assert log_prob.grad.abs().max() == 0


def test_the_gradient_of_the_estimator_is_that_of_the_divergence():
    logits = torch.tensor([0.3, -0.4, 1.0, 0.0], requires_grad=True)
    log_p = logits.log_softmax(0)
    (exact,) = torch.autograd.grad((log_p.exp() * (log_p - PRIOR)).sum(), logits, retain_graph=True)
    (estimated,) = torch.autograd.grad((log_p.exp().detach() * kl_to_prior(log_p, PRIOR)).sum(), logits)
    assert torch.allclose(exact, estimated, atol=1e-6)


def test_the_policy_gradient_is_that_of_the_expected_reward():
    logits = torch.tensor([0.3, -0.4, 1.0, 0.0], requires_grad=True)
    log_p = logits.log_softmax(0)
    (exact,) = torch.autograd.grad((log_p.exp() * REWARD).sum(), logits, retain_graph=True)
    (estimated,) = torch.autograd.grad((log_p.exp().detach() * policy_gradient(log_p, REWARD)).sum(), logits)
    assert torch.allclose(exact, -estimated, atol=1e-6)
