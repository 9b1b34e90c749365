import pytest
import torch

from gancore.sampling.estimators import ESTIMATORS, gumbel_like


@pytest.mark.parametrize("name", ESTIMATORS)
def test_contract_hard_is_one_hot_relaxed_in_the_simplex_log_prob_its_own(name):
    logits = torch.randn(6, 4, 3, requires_grad=True)
    draw = ESTIMATORS[name](logits, 0.7)
    hard, relaxed = draw.hard.detach(), draw.relaxed.detach()
    assert set(hard.round(decimals=5).unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(hard.sum(-1), torch.ones(6, 4))
    torch.testing.assert_close(relaxed.sum(-1), torch.ones(6, 4))
    expected = logits.log_softmax(-1).gather(-1, hard.argmax(-1, keepdim=True)).squeeze(-1)
    torch.testing.assert_close(draw.log_prob, expected)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("temperature", [0.3, 3.0])
def test_hard_draws_follow_the_softmax_at_any_temperature(name, temperature):
    logits = torch.tensor([1.0, 0.0, -1.0])
    n = 20_000
    counts = ESTIMATORS[name](logits.expand(n, 3), temperature).hard.sum(0)
    expected = logits.softmax(-1) * n
    chi_square = ((counts - expected).square() / expected).sum()
    assert chi_square < 13.8, "chi-square with 2 degrees of freedom, p = 0.001"


@pytest.mark.parametrize("name", ESTIMATORS)
def test_score_function_gradient_equals_enumeration(name):
    """E[f(x) grad log p(x)] over many draws against the gradient of sum p f."""
    values = torch.tensor([3.0, -1.0, 0.5])
    logits = torch.tensor([0.2, 0.5, -0.4], requires_grad=True)
    (exact,) = torch.autograd.grad((logits.softmax(-1) * values).sum(), logits)
    n = 40_000
    draw = ESTIMATORS[name](logits.expand(n, 3), 1.0)
    reward = (draw.hard * values).sum(-1).detach()
    (estimate,) = torch.autograd.grad((reward * draw.log_prob).mean(), logits)
    torch.testing.assert_close(estimate, exact, atol=0.03, rtol=0)


def test_pathwise_gradient_flows_where_it_should():
    logits = torch.randn(5, 4, requires_grad=True)
    weight = torch.randn(4)
    for name, fields in {
        "gumbel_softmax": (False, True),
        "straight_through": (True, True),
        "categorical": (False, False),
    }.items():
        draw = ESTIMATORS[name](logits, 1.0)
        for field, flows in zip((draw.hard, draw.relaxed), fields, strict=True):
            assert field.requires_grad == flows, name
            if flows:
                (gradient,) = torch.autograd.grad((field * weight).sum(), logits, retain_graph=True)
                assert gradient.abs().sum() > 0


def test_gumbel_noise_has_its_mean_and_obeys_its_generator():
    noise = gumbel_like(torch.zeros(200_000))
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.01)
    assert torch.isfinite(noise).all()
    first, second = (gumbel_like(torch.zeros(4), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
