"""Objectives: values by hand, optimal critics in closed form, which way each half pulls, and labels."""

import json
import math
import subprocess
import sys

import pytest
import torch

from gancore.losses.adversarial import OBJECTIVES, smooth_labels
from gancore.losses.matching import MATCHING
from gancore.losses.settings import ObjectiveConfig

LABELLED = [name for name, objective in OBJECTIVES.items() if objective.labelled is not None]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_losses_are_per_sample_and_pull_the_right_way(name):
    """At logits between the labels, beyond which least squares pulls back."""
    objective = OBJECTIVES[name]
    real = torch.tensor([0.3, 0.2, 0.5], requires_grad=True)
    fake = torch.tensor([0.1, 0.4, 0.3], requires_grad=True)
    on_real, on_fake = torch.autograd.grad(objective.critic(real, fake).sum(), (real, fake))
    assert objective.critic(real, fake).shape == (3,)
    assert (on_real < 0).all(), "the critic wants reals higher"
    assert (on_fake > 0).all(), "the critic wants fakes lower"
    (on_fake,) = torch.autograd.grad(objective.generator(real, fake).sum(), fake)
    assert objective.generator(real, fake).shape == (3,)
    assert (on_fake < 0).all(), "the generator wants fakes higher"


@pytest.mark.parametrize(
    ("name", "critic", "generator"),
    [
        ("non_saturating", 0.126928 + 0.313262, 1.313262),
        ("saturating", 0.126928 + 0.313262, -0.313262),
        ("least_squares", 0.5 + 0.5, 2.0),
        ("wasserstein", -3.0, 1.0),
        ("hinge", 0.0, 1.0),
        ("relativistic_pairing", 0.048587, 3.048587),
        ("relativistic_average", 2 * 0.048587, 2 * 3.048587),
    ],
)
def test_values_by_hand(name, critic, generator):
    real, fake = torch.tensor([2.0]), torch.tensor([-1.0])
    assert OBJECTIVES[name].critic(real, fake).item() == pytest.approx(critic, abs=1e-5)
    assert OBJECTIVES[name].generator(real, fake).item() == pytest.approx(generator, abs=1e-5)


def test_every_objective_has_its_values():
    (mark,) = [mark for mark in test_values_by_hand.pytestmark if mark.name == "parametrize"]
    assert {row[0] for row in mark.args[1]} == set(OBJECTIVES)


# Optimal critics of two known distributions ------------------------------------------------------

P, Q = (torch.tensor(row, dtype=torch.double) for row in ((0.5, 0.3, 0.2), (0.1, 0.3, 0.6)))


def expected(half, logits, p=P, q=Q):
    """The mean of a half over independent real and fake draws, of a critic with these logits of the three outcomes."""
    real, fake = (part.flatten() for part in torch.meshgrid(logits, logits, indexing="ij"))
    return (half(real, fake) * torch.outer(p, q).flatten()).sum()


def jensen_shannon(p, q):
    middle = (p + q) / 2
    return ((p * (p / middle).log()).sum() + (q * (q / middle).log()).sum()) / 2


OPTIMA = {
    "non_saturating": ((P / Q).log(), 2 * math.log(2) - 2 * jensen_shannon(P, Q)),
    "saturating": ((P / Q).log(), 2 * math.log(2) - 2 * jensen_shannon(P, Q)),
    "least_squares": (P / (P + Q), (P * Q / (P + Q)).sum() / 2),
    "hinge": ((P - Q).sign(), 2 * torch.minimum(P, Q).sum()),
    "relativistic_pairing": (
        (P / Q).log(),
        (torch.outer(P, Q) * (1 + torch.outer(Q, P) / torch.outer(P, Q)).log()).sum(),
    ),
}
"""The optimal critic of each outcome, and what it pays, of objectives with a closed form."""


@pytest.mark.parametrize("name", OPTIMA)
def test_the_optimal_critic_is_that_of_the_paper(name):
    """It pays what the paper says, and no other critic pays less: the losses are convex in the logits."""
    logits, value = OPTIMA[name]
    critic = OBJECTIVES[name].critic
    assert float(expected(critic, logits)) == pytest.approx(float(value), abs=1e-9)
    others = logits + torch.randn(200, 3).double() * torch.logspace(-3, 1, 200)[:, None]
    assert min(float(expected(critic, other)) for other in others) >= float(value) - 1e-9


def test_a_bounded_wasserstein_critic_measures_total_variation():
    """Of critics within [-c, c] the best is c sign(p - q), and pays -c sum |p - q|."""
    critic, bound = OBJECTIVES["wasserstein"].critic, 0.7
    best = expected(critic, bound * (P - Q).sign())
    assert float(best) == pytest.approx(-bound * float((P - Q).abs().sum()))
    assert all(float(expected(critic, other)) >= float(best) for other in (torch.rand(200, 3).double() * 2 - 1) * bound)


def test_the_relativistic_average_cannot_tell_equal_distributions():
    """Where reals and fakes are the same, no logits pay less than 2 log 2, which equal ones pay."""
    critic = OBJECTIVES["relativistic_average"].critic
    assert critic(torch.zeros(4), torch.zeros(4)).mean().item() == pytest.approx(2 * math.log(2))
    for logits in torch.randn(100, 6) * 3:
        assert critic(logits, logits[torch.randperm(6)]).mean() >= 2 * math.log(2) - 1e-6


def test_the_relativistic_average_is_that_of_the_paper():
    """-log sigmoid(real - mean fake) - log(1 - sigmoid(fake - mean real)); the generator's has them the other way."""
    real, fake = torch.randn(5), torch.randn(5)
    of_real, of_fake = (real - fake.mean()).sigmoid(), (fake - real.mean()).sigmoid()
    objective = OBJECTIVES["relativistic_average"]
    torch.testing.assert_close(objective.critic(real, fake), -of_real.log() - (1 - of_fake).log())
    torch.testing.assert_close(objective.generator(real, fake), -(1 - of_real).log() - of_fake.log())


# Gradients ---------------------------------------------------------------------------------------


def generator_slope(name, logit):
    fake = torch.tensor([logit], requires_grad=True)
    return torch.autograd.grad(OBJECTIVES[name].generator(torch.zeros(1), fake).sum(), fake)[0].item()


def test_the_saturating_gradient_vanishes_where_the_other_does_not():
    """Of a fake that the critic is sure of: -D against -(1 - D); on one that passes it is the other way round."""
    for logit in (-8.0, -1.0, 0.0, 3.0):
        probability = 1 / (1 + math.exp(-logit))
        assert generator_slope("saturating", logit) == pytest.approx(-probability, rel=1e-4)
        assert generator_slope("non_saturating", logit) == pytest.approx(probability - 1, rel=1e-4)
    assert abs(generator_slope("saturating", -20.0)) < 1e-8
    assert generator_slope("non_saturating", -20.0) == pytest.approx(-1.0)


def test_least_squares_pulls_the_more_the_further_and_wasserstein_always_the_same():
    assert [generator_slope("least_squares", logit) for logit in (-3.0, 0.0, 1.0, 2.0)] == [-4.0, -1.0, 0.0, 1.0]
    for name in ("wasserstein", "hinge"):
        assert {generator_slope(name, logit) for logit in (-20.0, 0.0, 20.0)} == {-1.0}


def test_a_sure_hinge_critic_has_no_gradient_and_one_of_a_cross_entropy_has():
    real, fake = torch.tensor([1.5], requires_grad=True), torch.tensor([-1.5], requires_grad=True)
    slopes = {
        name: [
            one.item()
            for one in torch.autograd.grad(OBJECTIVES[name].critic(real, fake).sum(), (real, fake), allow_unused=True)
        ]
        for name in ("hinge", "non_saturating")
    }
    assert slopes["hinge"] == [0.0, 0.0]
    assert slopes["non_saturating"][0] < -0.1 < 0.1 < slopes["non_saturating"][1]


@pytest.mark.parametrize("name", ["relativistic_pairing", "relativistic_average", "wasserstein"])
def test_a_constant_on_all_logits_changes_nothing(name):
    real, fake, objective = torch.randn(4), torch.randn(4), OBJECTIVES[name]
    for half in (objective.critic, objective.generator):
        shift = 0.0 if half is not objective.generator or name != "wasserstein" else 5.0
        torch.testing.assert_close(half(real + 5, fake + 5), half(real, fake) - shift)


# Labels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LABELLED)
def test_labels_of_1_and_0_are_those_of_the_critic(name):
    real, fake, objective = torch.randn(5), torch.randn(5), OBJECTIVES[name]
    torch.testing.assert_close(objective.labelled(real, fake, 1.0, 0.0), objective.critic(real, fake))
    assert smooth_labels(objective) is objective
    assert smooth_labels(objective, 0.1).generator is objective.generator


@pytest.mark.parametrize("fake", [0.0, 0.2])
def test_the_optimal_critic_of_smoothed_labels(fake):
    """(1 - a) p / (p + q), and with smoothed fakes b q more in the numerator: Salimans et al. 2016, section 3.4."""
    share = (0.9 * P + fake * Q) / (P + Q)
    optima = {"non_saturating": (share / (1 - share)).log(), "saturating": (share / (1 - share)).log()}
    optima["least_squares"] = share
    for name, logits in optima.items():
        critic = smooth_labels(OBJECTIVES[name], 0.1, fake).critic
        best = expected(critic, logits)
        others = logits + torch.randn(100, 3).double() * torch.logspace(-3, 1, 100)[:, None]
        assert min(float(expected(critic, other)) for other in others) >= float(best) - 1e-9


def test_a_smoothed_critic_is_pulled_back_from_being_sure():
    for name in ("non_saturating", "saturating", "least_squares"):
        for real_smooth, fake_smooth in ((0.1, 0.0), (0.1, 0.1)):
            critic = smooth_labels(OBJECTIVES[name], real_smooth, fake_smooth).critic
            real, fake = torch.tensor([30.0], requires_grad=True), torch.tensor([-30.0], requires_grad=True)
            on_real, on_fake = torch.autograd.grad(critic(real, fake).sum(), (real, fake))
            assert on_real.item() > 0.09
            assert (on_fake.item() < -0.09) == (fake_smooth > 0 or name == "least_squares")


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - set(LABELLED)))
def test_objectives_without_labels_have_none_to_smooth(name):
    assert name in ("wasserstein", "hinge", "relativistic_pairing")
    with pytest.raises(ValueError, match="no labels"):
        smooth_labels(OBJECTIVES[name], 0.1)
    assert ObjectiveConfig(name).game is OBJECTIVES[name]


# Several processes -------------------------------------------------------------------------------

SHARES = """
import torch
import torch.distributed as dist
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.matching import MATCHING
from gancore.training import distributed
distributed.join(torch.device("cpu"))
logits = torch.linspace(-2, 3, 12).sin().view(2, 6)
real, fake = (distributed.shard(part).requires_grad_() for part in logits)
loss = sum(half(real, fake).mean() for half in OBJECTIVES["relativistic_average"][:2])
found = torch.autograd.grad(loss, (real, fake))
found = torch.stack([distributed.gathered(part) for part in found]) / 2  # the mean over the two
if distributed.rank() == 0:
    print("gradient", found.flatten().tolist(), flush=True)
real, fake = (distributed.shard(part[:, None]) for part in logits)
fake.requires_grad_()
weight = distributed.shard(torch.arange(1.0, 7.0))
for name, function in MATCHING.items():
    (found,) = torch.autograd.grad(function(real, fake, weight), fake)
    found = distributed.gathered(found) / 2
    if distributed.rank() == 0:
        print(name, found.flatten().tolist(), flush=True)
"""


def test_two_processes_share_the_mean_of_the_batch(tmp_path):
    """The gradient of each logit is that of the whole batch in one process."""
    script = tmp_path / "shares.py"
    script.write_text(SHARES)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    real, fake = (part.requires_grad_() for part in torch.linspace(-2, 3, 12).sin().view(2, 6))
    loss = sum(half(real, fake).mean() for half in OBJECTIVES["relativistic_average"][:2])
    expected = torch.stack(torch.autograd.grad(loss, (real, fake))).flatten().tolist()
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("gradient")]
    assert json.loads(line.partition(" ")[2]) == pytest.approx(expected, abs=1e-6)
    for name, function in MATCHING.items():
        real, fake = (part[:, None] for part in torch.linspace(-2, 3, 12).sin().view(2, 6))
        loss = function(real, fake.requires_grad_(), torch.arange(1.0, 7.0))
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(name)]
        expected = torch.autograd.grad(loss, fake)[0].flatten().tolist()
        assert json.loads(line.partition(" ")[2]) == pytest.approx(expected, abs=1e-6), name
