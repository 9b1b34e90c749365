import pytest
import torch

from gancore.losses.adversarial import OBJECTIVES


@pytest.mark.parametrize("name", OBJECTIVES)
def test_losses_are_per_sample_and_pull_the_right_way(name):
    objective = OBJECTIVES[name]
    real = torch.tensor([0.3, -0.2, 0.5], requires_grad=True)
    fake = torch.tensor([0.1, 0.4, -0.3], requires_grad=True)
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
        ("wasserstein", -3.0, 1.0),
        ("hinge", 0.0, 1.0),
        ("relativistic_pairing", 0.048587, 3.048587),
    ],
)
def test_values_by_hand(name, critic, generator):
    real, fake = torch.tensor([2.0]), torch.tensor([-1.0])
    assert OBJECTIVES[name].critic(real, fake).item() == pytest.approx(critic, abs=1e-5)
    assert OBJECTIVES[name].generator(real, fake).item() == pytest.approx(generator, abs=1e-5)
