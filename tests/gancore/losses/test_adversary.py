"""The opponent: step logits, contexts, heads."""

import pytest
import torch
from torch import nn

from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary, Head
from gancore.losses.auxiliary import classification, regression
from gancore.losses.penalties import r1
from gancore.training.loop import reduce_losses
from gancore.training.schedules import fade_out
from gancore.types import Batch, Context, CriticOutput

MASKS = {
    "real": torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]]).bool(),
    "fake": torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]).bool(),
}


class Steps(nn.Module):
    """A logit a step: the weighted number there. The sample's second tensor says which steps count."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, sample, context=None):
        values, mask = sample
        return CriticOutput(values * self.weight, mask=mask)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_step_logits_average_over_the_steps_where_both_go_on(name):
    objective, adversary = OBJECTIVES[name], Adversary(Steps(), OBJECTIVES[name], {})
    real, fake = ((torch.randn(2, 4), MASKS[kind]) for kind in ("real", "fake"))
    losses = adversary.critic_losses(real, fake)
    counted = MASKS["real"] & MASKS["fake"]
    on_real, on_fake = 2 * real[0][counted], 2 * fake[0][counted]
    assert losses["adversarial"].shape == (2,)
    torch.testing.assert_close(losses["adversarial"].mean(), objective.critic(on_real, on_fake).mean())
    torch.testing.assert_close(losses["_accuracy"].mean(), (on_real > on_fake).float().mean())
    generator = adversary.generator_losses(real, fake)["adversarial"]
    torch.testing.assert_close(generator.mean(), objective.generator(on_real, on_fake).mean())


class Linear(nn.Module):
    """Its logit is the sum of the sample, and of the context if there is one; its head is the sample."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, sample, context=None):
        logits = (sample[0] * self.weight).sum(1)
        heads = {"value": sample[0] * self.weight}
        return CriticOutput(logits if context is None else logits + context.inputs.sum(1), heads=heads)


def asked(known):
    return Context(torch.tensor([[1.0, 0.0, 2.0], [3.0, 1.0, -1.0]]), torch.tensor(known))


def test_both_batches_have_a_context_or_neither():
    adversary, sample = Adversary(Linear(), OBJECTIVES["hinge"], {}), (torch.zeros(2, 3),)
    context = asked([[True] * 3, [False] * 3])
    assert adversary.judge(Batch(sample, context), Batch(sample, context))[1].logits.tolist() == [6.0, 0.0]
    for real, fake in ((Batch(sample, context), sample), (sample, Batch(sample, context))):
        with pytest.raises(ValueError, match="one has a context and the other has none"):
            adversary.critic_losses(real, fake)


def test_a_head_costs_what_its_weights_say_and_only_what_is_known():
    context = asked([[True, True, False], [False, False, False]])
    real, fake = Batch((torch.zeros(2, 3),), context), Batch((torch.ones(2, 3),), context)
    for on_fake, expected in ((False, 1.0), (True, 1.0 + 1.0)):  # (0 - 1)^2 + (0 - 0)^2; (1 - 1)^2 + (1 - 0)^2
        heads = {"value": Head(regression([0, 1, 2]), critic=0.5, generator=3.0, on_fake=on_fake)}
        adversary = Adversary(Linear(), OBJECTIVES["hinge"], {}, heads=heads)
        assert adversary.critic_losses(real, fake)["value"].tolist() == [0.5 * expected, 0.0]
        assert adversary.generator_losses(real, fake)["value"].tolist() == [3.0, 0.0]
    silent = Adversary(Linear(), OBJECTIVES["hinge"], {}, heads={"value": Head(regression([0]), 0.0, 0.0)})
    assert "value" not in silent.critic_losses(real, fake) | silent.generator_losses(real, fake)


def test_what_is_unknown_sends_no_gradient_into_a_head():
    output = torch.randn(2, 3, requires_grad=True)
    batch = Batch((torch.zeros(2, 1),), Context(torch.full((2, 3), torch.nan), torch.zeros(2, 3, dtype=torch.bool)))
    for loss in (classification([0, 1, 2]), regression([0, 1, 2])):
        (gradient,) = torch.autograd.grad(loss(output, batch).sum(), output)
        assert torch.equal(gradient, torch.zeros(2, 3))


def test_classification_is_cross_entropy_whatever_the_scale_of_the_columns():
    labels, output = torch.tensor([0, 2, 1, 1]), torch.randn(4, 3)
    one_hot = torch.eye(3)[labels]
    standardised = (one_hot - one_hot.mean(0)) / one_hot.std(0)
    batch = Batch((torch.zeros(4, 1),), Context(standardised, torch.ones(4, 3, dtype=torch.bool)))
    expected = torch.nn.functional.cross_entropy(output, labels, reduction="none")
    torch.testing.assert_close(classification([0, 1, 2])(output, batch), expected)
    with pytest.raises(ValueError, match="this batch has none"):
        classification([0])(output, Batch((torch.zeros(4, 1),)))


def test_losses_are_per_sample_and_weights_decide_between_them():
    """A batch in which one row weighs all has the losses of that row; penalties, heads and figures too."""
    context = asked([[True] * 3, [True] * 3])
    heads = {"value": Head(regression([0]))}
    adversary = Adversary(Linear(), OBJECTIVES["non_saturating"], {"slope": (r1, 2.0)}, heads=heads)
    real, fake = (
        Batch((torch.randn(2, 3),), context, torch.tensor([0.0, 4.0]), geometry="euclidean") for _ in range(2)
    )
    losses = adversary.critic_losses(real, fake)
    assert {name: value.shape for name, value in losses.items()} == dict.fromkeys(losses, (2,))
    found = reduce_losses(losses, real)
    for name, value in losses.items():
        torch.testing.assert_close(found[name], value[1].mean())
    rows = torch.tensor([1])
    alone = adversary.critic_losses(real[rows], fake[rows])
    for name in found:
        torch.testing.assert_close(found[name], alone[name].mean())


# Instance noise -----------------------------------------------------------------------------------


def test_noise_keeps_the_sums_of_rows_and_padding():
    sample = torch.eye(3).repeat(50, 1, 1)
    sample[:, 2] = 0
    adversary = Adversary(Linear(), OBJECTIVES["hinge"], {}, noise=lambda step: 0.5)
    (noised,) = adversary.noised(Batch((sample,)), 0).sample
    torch.testing.assert_close(noised.sum(-1), sample.sum(-1), atol=1e-5, rtol=0)
    assert torch.equal(noised[:, 2], sample[:, 2])
    moved = (noised - sample)[:, :2]
    assert moved.square().mean().item() == pytest.approx(0.25 * 2 / 3, rel=0.15)  # of 3 directions 2 are in the space


def test_noise_reaches_both_players_and_fades():
    """With noise the losses differ from those without, and from call to call; at level 0 no randomness is drawn."""
    fade = fade_out(0.5, 10, start=4)
    adversary = Adversary(Linear(), OBJECTIVES["hinge"], {"slope": (r1, 1.0)}, noise=fade)
    plain = Adversary(adversary.critic, OBJECTIVES["hinge"], {"slope": (r1, 1.0)})
    real, fake = (Batch((torch.randn(4, 3) / 9,), geometry="euclidean") for _ in range(2))
    for turn in ("critic_losses", "generator_losses"):
        clean = getattr(plain, turn)(real, fake)["adversarial"]
        for step in (0, 4, 13):
            first, second = (getattr(adversary, turn)(real, fake, step)["adversarial"] for _ in range(2))
            assert not torch.equal(first, clean)
            assert not torch.equal(first, second)
        before = torch.get_rng_state()
        for step in (14, 1000):
            assert torch.equal(getattr(adversary, turn)(real, fake, step)["adversarial"], clean)
        assert torch.equal(torch.get_rng_state(), before)


def test_noise_lets_the_generator_s_gradient_through_and_reaches_what_is_labelled():
    adversary = Adversary(Linear(), OBJECTIVES["wasserstein"], {}, noise=lambda step: 1.0)
    made = torch.zeros(2, 3, requires_grad=True)
    fake = Batch((made,), geometry="euclidean")
    adversary.generator_losses(Batch((torch.zeros(2, 3),), geometry="euclidean"), fake)["adversarial"].sum().backward()
    assert torch.equal(made.grad, -torch.ones(2, 3))
    labelled = Batch((torch.zeros(1, 3),), geometry="euclidean")
    noised = adversary.noised(Batch((torch.zeros(2, 3),), geometry="euclidean", labelled=labelled), 0)
    assert noised.labelled.sample[0].abs().sum() > 0


@pytest.mark.parametrize(("every", "penalty_every"), [(1, 4), (2, 4), (3, 4), (4, 2), (2, 3)])
def test_a_critic_that_plays_less_pays_its_penalty_in_as_large_a_share_of_its_turns(every, penalty_every):
    constant = lambda critic, real, fake: torch.ones(len(real))  # noqa: E731
    adversary = Adversary(Linear(), OBJECTIVES["hinge"], {"slope": (constant, 1.0)}, penalty_every, every=every)
    sample = (torch.zeros(2, 3),)
    turns = range(0, every * penalty_every * 3, every)
    paid = [float(adversary.critic_losses(sample, sample, step).get("slope", torch.zeros(1)).mean()) for step in turns]
    assert sum(paid) == len(turns)


def test_heads_learn_from_labelled_rows_where_there_are_some():
    nothing = asked([[False] * 3, [False] * 3])
    labelled = Batch((torch.full((1, 3), 2.0),), Context(torch.tensor([[1.0, 2.0, 5.0]]), torch.ones(1, 3).bool()))
    real, fake = Batch((torch.zeros(2, 3),), nothing, labelled=labelled), Batch((torch.ones(2, 3),), nothing)
    for on_fake, expected in ((False, 1.0 + 0.0 + 9.0), (True, 10.0)):
        heads = {"value": Head(regression([0, 1, 2]), on_fake=on_fake)}
        losses = Adversary(Linear(), OBJECTIVES["hinge"], {}, heads=heads).critic_losses(real, fake)
        assert losses["value"].detach().mean().item() == expected
    assert real[:1].labelled is labelled
