import pytest
import torch

from gancore.losses.elbo import gaussian_kl, reconstruction
from gancore.losses.policy_gradient import categorical_kl, leave_one_out, policy_gradient


def test_leave_one_out_reinforce_is_unbiased_against_enumeration():
    values = torch.tensor([1.0, 0.0, 4.0])
    logits = torch.tensor([0.3, 0.1, -0.2], requires_grad=True)
    (exact,) = torch.autograd.grad((logits.softmax(-1) * values).sum(), logits)
    groups, draws = 20_000, 3
    choice = torch.distributions.Categorical(logits=logits.detach()).sample((groups, draws))
    log_prob = logits.log_softmax(-1)[choice]
    loss = policy_gradient(log_prob, leave_one_out(values[choice])).mean()
    (gradient,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(-gradient, exact, atol=0.02, rtol=0)


def test_leave_one_out_refuses_single_draws():
    with pytest.raises(ValueError, match="at least two"):
        leave_one_out(torch.ones(4, 1))


def test_advantage_is_held_constant():
    advantage = torch.ones(2, requires_grad=True)
    log_prob = torch.zeros(2, requires_grad=True)
    policy_gradient(log_prob, advantage).sum().backward()
    assert advantage.grad is None
    torch.testing.assert_close(log_prob.grad, -torch.ones(2))


def test_categorical_kl_against_torch_and_one_way():
    p, q = torch.randn(5, 4, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    expected = torch.distributions.kl_divergence(*(torch.distributions.Categorical(logits=x) for x in (p, q)))
    torch.testing.assert_close(categorical_kl(p, q), expected)
    categorical_kl(p, q).sum().backward()
    assert q.grad is None
    assert p.grad is not None


def test_gaussian_kl_against_torch():
    mean, log_var = torch.randn(3, 5), torch.randn(3, 5)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, (log_var / 2).exp()), normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(gaussian_kl(mean, log_var), expected)


def test_reconstruction_is_cross_entropy_without_padding():
    logits = torch.randn(2, 3, 4)
    target = torch.eye(4)[:3].repeat(2, 1, 1)
    target[1, 2] = 0
    expected = -logits.log_softmax(-1).diagonal(dim1=1, dim2=2)
    expected[1, 2] = 0
    torch.testing.assert_close(reconstruction((logits,), (target,)), expected.sum(1))
