"""DP-SGD on the critic: each pair's gradient is clipped, the noise has its size, epsilon is that of the literature."""

import math

import pytest
import torch
from torch import nn

from gancore.errors import ConfigError
from gancore.io.config import from_dict
from gancore.layers.spectral_norm import normalize_spectrum
from gancore.losses import privacy
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.penalties import PENALTIES
from gancore.losses.privacy import Privacy, PrivacyConfig
from gancore.losses.settings import RelaxedCriticConfig
from gancore.training.batching import PoissonSampled, Shuffled
from gancore.types import Batch, Context, CriticOutput

opacus = pytest.importorskip("opacus", reason="extra privacy")


class Linear(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.out = nn.Linear(width, 1)

    def forward(self, sample, context=None):
        inputs = sample[0] if context is None else sample[0] * context.values
        return CriticOutput(self.out(inputs).squeeze(1))


def private(critic, noise=0.0, clip=1.0, objective="wasserstein", penalties=(), rows=40):
    """A private adversary whose noise may be 0, which no configuration takes for privacy."""
    made = Privacy(PrivacyConfig(noise, clip))
    made.rows.fill_(rows)
    made.batch.fill_(rows)
    return Adversary(critic, OBJECTIVES[objective], dict(penalties), privacy=made)


def slopes(adversary, real, fake):
    adversary.critic.zero_grad()
    losses = adversary.critic_losses(real, fake)
    torch.stack([part.mean() for name, part in losses.items() if not name.startswith("_")]).sum().backward()
    return [weight.grad for weight in adversary.critic.parameters()], losses


@pytest.fixture(autouse=True)
def _free(monkeypatch):
    """Without noise epsilon is infinite; only its own tests count it."""
    monkeypatch.setattr(privacy, "spent", lambda *turn: math.inf)


def batches(n, width):
    return tuple(Batch((torch.randn(n, width),), geometry="euclidean") for _ in range(2))


def test_without_noise_and_with_a_wide_clip_it_is_the_plain_step():
    for objective in ("non_saturating", "least_squares", "hinge"):
        critic, (real, fake) = Linear(3), batches(40, 3)
        got, losses = slopes(private(critic, clip=1e6, objective=objective), real, fake)
        plain = Adversary(critic, OBJECTIVES[objective], {})
        wanted, others = slopes(plain, real, fake)
        for one, other in zip(got, wanted, strict=True):
            torch.testing.assert_close(one, other)
        torch.testing.assert_close(losses["adversarial"], others["adversarial"].mean())
        torch.testing.assert_close(losses["_accuracy"], others["_accuracy"].mean())


def test_each_pair_counts_with_its_own_gradient_scaled_down():
    """Of a linear critic in the Wasserstein game the gradient of a pair is fake - real, and 0 for the bias."""
    critic, (real, fake) = Linear(3), batches(40, 3)
    (weight, bias), _ = slopes(private(critic, clip=0.7), real, fake)
    each = fake.sample[0] - real.sample[0]
    scaled = each * (0.7 / each.norm(dim=1, keepdim=True)).clamp_max(1)
    assert (each.norm(dim=1) > 0.7).sum() > 0
    torch.testing.assert_close(weight[0], scaled.sum(0) / 40)
    torch.testing.assert_close(bias, torch.zeros(1))


def test_one_wild_pair_moves_the_sum_by_the_clip_at_most():
    critic, (real, fake) = Linear(3), batches(40, 3)
    before = slopes(private(critic, clip=0.5), real, fake)[0][0]
    real.sample[0][7] *= 1e4
    after = slopes(private(critic, clip=0.5), real, fake)[0][0]
    assert (after - before).norm() * 40 <= 2 * 0.5 + 1e-5


def test_the_noise_is_that_of_the_secret_and_of_its_size():
    critic, (real, fake) = Linear(5000), batches(40, 5000)
    calm, loud, other = private(critic, 0.0), private(critic, 3.0), private(critic, 3.0)
    loud.privacy.secret.fill_(5)
    other.privacy.secret.fill_(6)
    still = slopes(calm, real, fake)[0][0]
    torch.manual_seed(1)
    one = slopes(loud, real, fake)[0][0] - still
    assert int(loud.privacy.turns) == 1
    assert float(one.std() * 40) == pytest.approx(3.0, rel=0.03)
    torch.manual_seed(2)
    loud.privacy.turns.fill_(0)
    again = slopes(loud, real, fake)[0][0] - still
    torch.testing.assert_close(again, one, msg="the seed of a run has no part in it")
    assert abs(torch.corrcoef(torch.stack([one[0], (slopes(other, real, fake)[0][0] - still)[0]]))[0, 1]) < 0.06


def test_contexts_and_the_finite_penalty_are_taken_pair_by_pair():
    critic, (real, fake) = Linear(2), batches(40, 2)
    asked = Context(torch.randn(40, 2), torch.ones(40, 2, dtype=torch.bool))
    real, fake = Batch(real.sample, asked, geometry="euclidean"), Batch(fake.sample, asked, geometry="euclidean")
    weight = slopes(private(critic, clip=1e6), real, fake)[0][0]
    torch.testing.assert_close(weight[0], ((fake.sample[0] - real.sample[0]) * asked.values).mean(0))
    plain_real, plain_fake = batches(2000, 2)
    with_penalty = private(critic, clip=1e6, penalties={"penalty": (PENALTIES["finite_r1_r2"], 1.0)}, rows=2000)
    losses = slopes(with_penalty, plain_real, plain_fake)[1]
    squared = float(
        critic.out.weight.detach().square().sum()
    )  # a draw of each has this mean, and the variance of chi^2
    assert float(losses["_penalty"]) == pytest.approx(2 * squared, rel=0.15)


def test_a_critic_of_bounded_spectrum_can_be_private():
    critic = Linear(3)
    normalize_spectrum(critic)
    weight = slopes(private(critic, 1.0), *batches(40, 3))[0][-1]
    assert weight.isfinite().all()


def test_epsilon_of_the_gaussian_mechanism(monkeypatch):
    """Where every row is in every step the divergence is order / (2 noise^2) a step (Mironov 2017, table II)."""
    monkeypatch.undo()
    noise, turns, delta = 8.0, 20, 1e-5
    orders = torch.linspace(1.01, 60, 100_000, dtype=torch.float64)
    divergence = turns * orders / (2 * noise**2)
    bound = divergence + torch.log1p(-1 / orders) - (math.log(delta) + orders.log()) / (orders - 1)
    assert privacy.spent(noise, 1.0, turns, delta) == pytest.approx(float(bound.min()), rel=1e-3)
    costs = [privacy.spent(noise, rate, turns, delta) for rate in (0.01, 0.1, 1.0)]
    assert costs == sorted(costs)


def test_epsilon_of_a_subsample(monkeypatch):
    """At a whole order the divergence is a binomial sum (Mironov et al. 2019, eq. 6 ff.); other orders add little."""
    monkeypatch.undo()
    noise, rate, turns, delta = 1.1, 256 / 60000, 15000, 1e-5
    bounds = []
    for order in range(2, 40):
        terms = [
            math.comb(order, k) * (1 - rate) ** (order - k) * rate**k * math.exp(k * (k - 1) / (2 * noise**2))
            for k in range(order + 1)
        ]
        divergence = turns * math.log(math.fsum(terms)) / (order - 1)
        bounds.append(divergence + math.log1p(-1 / order) - math.log(delta * order) / (order - 1))
    assert 0.98 * min(bounds) <= privacy.spent(noise, rate, turns, delta) <= min(bounds) * (1 + 1e-6)


def test_the_epsilon_of_a_run_counts_its_turns(monkeypatch):
    monkeypatch.undo()
    made = Privacy(PrivacyConfig(1.0))
    made.cover(1000, 100)
    assert made.epsilon == 0
    adversary = Adversary(Linear(2), OBJECTIVES["hinge"], {}, privacy=made)
    for _ in range(3):
        shown = slopes(adversary, *batches(100, 2))[1]["_epsilon"]
    assert float(shown) == pytest.approx(privacy.spent(1.0, 0.1, 3, 1e-5))
    assert "3 turns" in made.sentence
    assert "delta 1e-05" in made.sentence


def test_rows_are_drawn_each_by_itself():
    made = Privacy(PrivacyConfig(1.0))
    stream = made.covered(Shuffled(200, 50, 0, lambda index: index))
    assert isinstance(stream, PoissonSampled)
    drawn = [next(stream) for _ in range(400)]
    sizes = torch.tensor([float(len(one)) for one in drawn])
    assert float(sizes.mean()) == pytest.approx(50, abs=1)
    assert float(sizes.var()) == pytest.approx(200 * 0.25 * 0.75, rel=0.2)
    counts = torch.cat(drawn).bincount(minlength=200).float()
    assert float(counts.std()) == pytest.approx(math.sqrt(400 * 0.25 * 0.75), rel=0.2)
    again = Privacy(PrivacyConfig(1.0)).covered(Shuffled(200, 50, 0, lambda index: index))
    assert not torch.equal(next(again), drawn[0]), "another run has another secret"


@pytest.mark.parametrize(
    ("rows", "batch", "delta", "said"),
    [(1000, 100, 0.01, "one over the 1,000"), (1000, 8, 1e-5, "set batch to 32"), (50, 64, 1e-5, "set batch to 32")],
)
def test_what_epsilon_would_say_nothing_of_is_refused(rows, batch, delta, said):
    with pytest.raises(ConfigError, match=said):
        Privacy(PrivacyConfig(1.0, delta=delta)).cover(rows, batch)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"objective": "relativistic_pairing"}, "objective relativistic_pairing the generator's own loss"),
        ({"objective": "relativistic_average"}, "set critic.objective to non_saturating"),
        ({"penalty": "wgan_gp"}, "penalty wgan_gp cannot be taken"),
        ({"pack": 2}, "critic.pack"),
        ({"minibatch_kernels": 4}, "critic.minibatch_kernels"),
        ({"critics": 2}, "critic.critics"),
        ({"feature_matching": 1.0}, "critic.feature_matching"),
        ({"unroll": 1}, "critic.unroll"),
        ({"objective": "wasserstein", "equilibrium": 0.5}, "critic.equilibrium"),
    ],
)
def test_what_looks_at_several_pairs_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        from_dict(RelaxedCriticConfig, {"privacy": {"noise": 1.0}, **settings}, "critic")
    from_dict(RelaxedCriticConfig, settings, "critic")


def test_weighted_rows_are_refused():
    real, fake = batches(40, 2)
    with pytest.raises(ConfigError, match="rows with weights"):
        private(Linear(2), 1.0).critic_losses(Batch(real.sample, weight=torch.ones(40)), fake)


def test_without_opacus_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opacus.accountants.analysis", None)
    with pytest.raises(ConfigError, match=r"pip install 'discretegan\[privacy\]'"):
        Privacy(PrivacyConfig(1.0)).cover(1000, 100)
