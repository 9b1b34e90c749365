import pytest
import torch

from gancore.losses import penalties
from gancore.losses.penalties import PENALTIES
from gancore.types import Batch, Context

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
    slope = penalties.squared_slope(linear_critic(*weights), Batch(pair, geometry="euclidean"))
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
    sample = Batch((torch.eye(4)[:1].repeat(49, 1, 1),), geometry="euclidean")
    result = penalties.wgan_gp(linear_critic(weight), sample, sample)
    torch.testing.assert_close(result, torch.zeros(49), atol=1e-6, rtol=0)


def test_finite_difference_agrees_in_expectation_with_the_exact_slope(pair):
    weights = torch.randn(3, 3), torch.randn(2, 4)
    critic = linear_critic(*weights)
    exact = penalties.r1_r2(critic, pair, pair)[0]
    draws = torch.stack([penalties.finite_r1_r2(critic, pair, pair) for _ in range(3000)]).flatten()
    error = (draws.mean() - exact).abs() / (draws.std() / len(draws) ** 0.5)
    assert error < 4


@pytest.mark.parametrize("name", ["r1", "r2", "r1_r2", "finite_r1_r2"])
def test_every_row_of_a_gaussian_latent_pays_the_squared_norm_of_a_linear_critic(name):
    """On the simplex 57% of such rows would count as padding and pay nothing."""
    weight, latents = torch.randn(6), [(torch.randn(500, 6),) for _ in range(2)]
    batches = [Batch(latent, geometry="euclidean") for latent in latents]
    paid = PENALTIES[name](linear_critic(weight), *batches)
    norm = weight.square().sum() * (2 if name in ("r1_r2", "finite_r1_r2") else 1)
    if name == "finite_r1_r2":
        assert (paid > 0).all()
        assert (paid.mean() / norm - 1).abs() < 5 * 2**0.5 / 1000**0.5  # 1000 chi-squared draws
    else:
        torch.testing.assert_close(paid, norm.expand(500))
    on_simplex = penalties.r1(linear_critic(weight), *latents)
    assert 0.4 < (on_simplex == 0).float().mean() < 0.7


@pytest.mark.parametrize("name", PENALTIES)
def test_the_context_is_bound_and_not_differentiated(name):
    """The slope of `sample . (1 + context)` is that at the row's own context, and none is paid for the context."""
    real, fake = (
        Batch((torch.randn(4, 3),), Context(torch.randn(4, 3), torch.rand(4, 3) < 0.7), geometry="euclidean")
        for _ in range(2)
    )
    critic = lambda sample, context: (sample[0] * (1 + context.inputs[:, :3])).sum(1)  # noqa: E731
    at_real, at_fake = ((1 + batch.context.inputs[:, :3]).square().sum(1) for batch in (real, fake))
    expected = {"r1": at_real, "r2": at_fake, "r1_r2": at_real + at_fake, "wgan_gp": (at_fake.sqrt() - 1).square()}
    expected["dragan"] = (at_real.sqrt() - 1).square()
    found = PENALTIES[name](critic, real, fake)
    if name in expected:
        torch.testing.assert_close(found, expected[name])
    else:
        draws = torch.stack([PENALTIES[name](critic, real, fake) for _ in range(3000)])
        error = (draws.mean(0) - at_real - at_fake).abs() / (draws.std(0) / len(draws) ** 0.5)
        assert error.max() < 4.5


@pytest.mark.parametrize("name", ["wgan_gp", "finite_r1_r2"])
def test_batches_of_two_geometries_are_refused(name, pair):
    with pytest.raises(ValueError, match="the real batch is simplex, the fake one euclidean"):
        PENALTIES[name](linear_critic(torch.ones(3, 3), torch.ones(2, 4)), pair, Batch(pair, geometry="euclidean"))


def test_dragan_stays_near_the_data_and_on_the_simplex(pair):
    """Rows remain distributions whose category is the likeliest, at every distance that it moves; padding stays."""
    reach = torch.linspace(0, 0.5, BATCH)
    near = penalties.near_real(Batch(pair), reach)
    for part, moved in zip(pair, near, strict=True):
        assert (moved >= 0).all()
        torch.testing.assert_close(moved.sum(-1), part.sum(-1))
        assert torch.equal(moved.argmax(-1)[part.sum(-1) > 0], part.argmax(-1)[part.sum(-1) > 0])
        torch.testing.assert_close(moved[0], part[0])
        assert ((moved - part).abs().sum(-1)[-1][part[-1].sum(-1) > 0] > 0).all()
    rows = penalties.near_real(Batch((torch.eye(4)[:1].repeat(20_000, 1, 1),)), torch.ones(20_000))[0].flatten(0, 1)
    torch.testing.assert_close(rows.mean(0), torch.full((4,), 0.25), atol=0.01, rtol=0)  # uniform on the simplex:
    torch.testing.assert_close(rows.var(0), torch.full((4,), 3 / 80), atol=2e-3, rtol=0)  # variance of Dirichlet(1)


def test_dragan_in_euclidean_space_is_noise_of_the_data_s_scale():
    sample = torch.randn(4000, 6) * 3
    (near,) = penalties.near_real(Batch((sample,), geometry="euclidean"), torch.full((4000,), 0.5))
    assert (near - sample).std().item() == pytest.approx(0.5 * sample.std().item(), rel=0.03)


def test_dragan_looks_at_the_reals_alone(pair):
    """Of a critic that is flat at the reals and steep at the fakes it is 1; of one that is steep at the reals, not."""
    fake = tuple(part.roll(1, -1) for part in pair)
    steep = torch.zeros(3, 3)
    steep[0, 0], steep[0, 1] = 0.5**0.5, -(0.5**0.5)  # of length 1 in the tangent space
    flat = linear_critic(torch.zeros(3, 3), torch.zeros(2, 4))
    torch.testing.assert_close(penalties.dragan(flat, pair, fake), torch.ones(BATCH))
    unit = linear_critic(steep, torch.zeros(2, 4))
    torch.testing.assert_close(penalties.dragan(unit, pair, fake), torch.zeros(BATCH), atol=1e-6, rtol=0)
    unlike = lambda sample: unit(sample) * (sample[0][:, 0, 0] < 0.4)  # noqa: E731  # flat near the reals, not at fakes
    torch.testing.assert_close(penalties.dragan(unlike, pair, fake), torch.ones(BATCH))


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
