"""Critics that see or meet several: packs, groups, matched features, foreseen turns, panels, the equilibrium."""

import math

import pytest
import torch
from torch import nn

from gancore.errors import ConfigError
from gancore.io.config import from_dict
from gancore.layers.packing import PackedCritic, beside_the_next, packed
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary, Unroll
from gancore.losses.equilibrium import Equilibrium
from gancore.losses.matching import MATCHING, feature_mmd
from gancore.losses.panel import Panel
from gancore.losses.penalties import PENALTIES
from gancore.losses.settings import RelaxedCriticConfig
from gancore.types import Batch, Context, CriticOutput


class Features(nn.Module):
    """The sample as it is, and a linear logit of it."""

    def __init__(self, width, hidden=0):
        super().__init__()
        self.feature_width = hidden or width
        self.body = nn.Linear(width, hidden) if hidden else None
        self.out = nn.Linear(self.feature_width, 1)

    def forward(self, sample, context=None):
        features = sample[0].flatten(1)
        features = self.body(features).relu() if self.body is not None else features
        heads = {"context": context.values} if context is not None else {}
        return CriticOutput(self.out(features).squeeze(1), features, heads)


def points(*rows):
    return Batch((torch.tensor(rows).float(),), geometry="euclidean")


# Packs --------------------------------------------------------------------------------------------


def test_a_pack_is_judged_by_all_its_members_and_each_row_by_its_pack():
    critic = PackedCritic(Features(2), 2, 2)
    adversary = Adversary(critic, OBJECTIVES["wasserstein"], {}, pack=2)
    real, fake = torch.randn(4, 2), torch.randn(4, 2)
    on_real, on_fake = adversary.judge((real,), (fake,))
    assert on_real.logits.shape == on_fake.logits.shape == (4,)
    assert on_real.logits[0] == on_real.logits[1] != on_real.logits[2]
    expected = critic((fake.view(2, 2, 2),)).logits.repeat_interleave(2)
    torch.testing.assert_close(on_fake.logits, expected)
    one = adversary.logits((fake,))
    torch.testing.assert_close(one[::2], expected[::2], msg="a row is judged beside the one that follows it")
    assert beside_the_next(points([0.0], [1.0], [2.0]), 2).sample[0].flatten().tolist() == [0, 1, 1, 2, 2, 0]


def test_the_slope_of_a_pack_is_that_of_its_one_logit():
    """The mean of the members' linear logits has a squared slope of |w|^2 over the pack."""
    critic = PackedCritic(Features(3), 3, 2)
    nn.init.zeros_(critic.out.weight)
    squared = float(critic.critic.out.weight.detach().square().sum()) / 2
    for name in ("r1", "r2"):
        adversary = Adversary(critic, OBJECTIVES["hinge"], {"penalty": (PENALTIES[name], 1.0)}, pack=2)
        real, fake = points(*torch.randn(4, 3).tolist()), points(*torch.randn(4, 3).tolist())
        paid = adversary.critic_losses(real, fake)["penalty"]
        torch.testing.assert_close(paid, torch.full((4,), squared))


def test_contexts_and_heads_keep_their_rows_in_packs():
    values = torch.arange(8.0).view(4, 2)
    context = Context(values, torch.ones(4, 2, dtype=torch.bool))
    adversary = Adversary(PackedCritic(Features(1), 1, 2), OBJECTIVES["hinge"], {}, pack=2)
    batch = Batch((torch.zeros(4, 1),), context)
    assert torch.equal(adversary.judge(batch, batch)[1].heads["context"], values)
    assert torch.equal(adversary.output(batch.sample, context).heads["context"], values)
    with pytest.raises(ConfigError, match="3 rows are no multiple of 2"):
        packed(points([0.0], [1.0], [2.0]), 2)


@pytest.mark.parametrize(
    ("settings", "sees"), [({}, False), ({"pack": 2}, True), ({"minibatch_kernels": 4, "minibatch_group": 2}, True)]
)
def test_only_a_critic_of_several_tells_pairs_that_are_the_same(settings, sees):
    """Real pairs are independent signs, generated ones the same sign twice: alone, no sample gives itself away."""
    torch.manual_seed(0)
    adversary = RelaxedCriticConfig("non_saturating", penalty_weight=0.0, **settings).adversary(Features(1, 16))
    optimizer = torch.optim.Adam(adversary.critic.parameters(), 0.02)

    def signs(n):
        return torch.randint(2, (n, 1)).float() * 2 - 1

    def halves():
        return points(*signs(64).tolist()), points(*signs(32).repeat_interleave(2, 0).tolist())

    for _ in range(120):
        loss = adversary.critic_losses(*halves())["adversarial"].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    losses = [adversary.critic_losses(*halves())["adversarial"].mean().item() for _ in range(10)]
    mean = sum(losses) / 10
    best = 0.5 * math.log(3) + math.log(1.5)  # half of the real pairs are the same too; alone it is 2 log 2
    assert (mean < 1.1) == sees
    assert mean > best - 0.1


# Matched features ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MATCHING)
def test_matching_is_zero_for_equal_features_and_moves_the_fake_alone(name):
    real, fake = torch.randn(6, 3, requires_grad=True), torch.randn(5, 3, requires_grad=True)
    loss = MATCHING[name](real, fake, None)
    assert loss.ndim == 0
    assert float(loss.detach()) > 0
    loss.backward()
    assert real.grad is None
    assert float(fake.grad.abs().sum()) > 0
    assert float(MATCHING[name](real, real, None).detach()) == pytest.approx(0, abs=1e-6)
    weight = torch.tensor([2.0, 1.0, 1.0])
    rows = torch.randn(3, 3)
    twice = torch.cat((rows, rows[:1]))
    weighted, repeated = MATCHING[name](rows, fake, weight), MATCHING[name](twice, fake, None)
    torch.testing.assert_close(weighted, repeated)


def test_means_cannot_tell_what_the_discrepancy_can():
    """Two points and their middle have the same mean."""
    real, fake = torch.tensor([[-1.0], [1.0]]), torch.zeros(2, 1)
    assert float(MATCHING["feature_matching"](real, fake, None)) == 0
    scale = 1.0
    each = [(1 + math.exp(-4 / (2 * scale * f))) / 2 + 1 - 2 * math.exp(-1 / (2 * scale * f)) for f in (0.25, 1.0, 4.0)]
    assert float(feature_mmd(real, fake)) == pytest.approx(sum(each) / 3, abs=1e-6)


def test_the_generator_pays_for_features_beside_or_instead_of_the_objective():
    real, fake = points([1.0, 0.0]), points([0.0, 0.0])
    both = RelaxedCriticConfig("hinge", penalty_weight=0.0, feature_matching=3.0).adversary(Features(2))
    losses = both.generator_losses(real, fake)
    assert losses["feature_matching"].item() == 1.5
    assert set(losses) == {"adversarial", "feature_matching"}
    alone = RelaxedCriticConfig("hinge", penalty_weight=0.0, feature_matching=3.0, adversarial=0.0)
    assert set(alone.adversary(Features(2)).generator_losses(real, fake)) == {"feature_matching"}


# Foreseen turns -----------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_foreseen_turns_are_those_of_gradient_descent(steps):
    """D(x) = w x under the Wasserstein game: w falls by rate (fake - real), and the generator pays -w fake."""
    critic = Features(1)
    nn.init.constant_(critic.out.weight, 0.7)
    adversary = Adversary(critic, OBJECTIVES["wasserstein"], {}, unroll=Unroll(steps, 0.1))
    real, fake = points([2.0]), torch.tensor([[0.5]], requires_grad=True)
    critic.requires_grad_(False)
    loss = adversary.generator_losses(real, Batch((fake,), geometry="euclidean"))["adversarial"].sum()
    later = 0.7 - steps * 0.1 * (0.5 - 2.0)
    assert loss.item() + critic.out.bias.item() == pytest.approx(-later * 0.5)
    (slope,) = torch.autograd.grad(loss, fake)
    assert slope.item() == pytest.approx(-later + steps * 0.1 * 0.5), "through what the critic becomes, too"
    assert critic.out.weight.item() == pytest.approx(0.7)
    assert critic.out.weight.grad is None


# Panels -------------------------------------------------------------------------------------------


def test_each_critic_of_a_panel_learns_as_if_alone():
    critics = [Features(2) for _ in range(3)]
    config = RelaxedCriticConfig("hinge", "r1", 1.0, 1, critics=3)
    panel = config.adversary(critics[0], others=critics[1:])
    assert isinstance(panel, Panel)
    real, fake = points(*torch.randn(4, 2).tolist()), points(*torch.randn(4, 2).tolist())
    sum(loss.mean() for name, loss in panel.critic_losses(real, fake).items() if name[0] != "_").backward()
    for critic in critics:
        own, critic.out.weight.grad = critic.out.weight.grad, None
        losses = Adversary(critic, OBJECTIVES["hinge"], {"penalty": (PENALTIES["r1"], 1.0)}).critic_losses(real, fake)
        sum(loss.mean() for name, loss in losses.items() if name[0] != "_").backward()
        torch.testing.assert_close(own, critic.out.weight.grad)


def test_the_generator_faces_the_mean_or_the_one_it_fails_most():
    critics = [Features(1) for _ in range(2)]
    for critic, weight in zip(critics, (1.0, -2.0), strict=True):
        nn.init.constant_(critic.out.weight, weight)
        nn.init.zeros_(critic.out.bias)
    members = [Adversary(critic, OBJECTIVES["wasserstein"], {}) for critic in critics]
    real, fake = points([0.0]), points([1.0])  # losses -1 and 2
    paid = [
        Panel(members, sharpness).generator_losses(real, fake)["adversarial"].item() for sharpness in (0.0, 1.0, 50.0)
    ]
    first = 1 / (1 + math.exp(3))
    assert paid == pytest.approx([0.5, -first + 2 * (1 - first), 2.0])
    assert Panel(members).logits((torch.ones(1, 1),)).tolist() == [-0.5]


# The equilibrium ----------------------------------------------------------------------------------


def test_the_balance_moves_by_the_gap_and_stays_in_its_range():
    balance = Equilibrium(0.5, 0.1)
    for _ in range(3):
        balance.losses(torch.tensor([-0.8]), torch.tensor([-0.2]))
    assert balance.weight.item() == pytest.approx(3 * 0.1 * (0.4 - 0.2))
    real, fake = torch.tensor([-0.8], requires_grad=True), torch.tensor([-0.2], requires_grad=True)
    balance.losses(real, fake)["adversarial"].sum().backward()
    assert (real.grad.item(), fake.grad.item()) == (-1, pytest.approx(0.06))
    for _ in range(9):
        balance.losses(torch.tensor([-0.1]), torch.tensor([-0.9]))
    assert balance.weight.item() == 0
    assert list(balance.state_dict()) == ["weight"]


# Settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pack": 2, "minibatch_kernels": 4}, "both show the critic several samples"),
        ({"adversarial": 0.0}, "at 0 the generator learns nothing from the critic"),
        ({"unroll": 2, "max_weight": 0.1, "penalty_weight": 0.0}, "a foreseen turn clips no weights"),
        ({"critics_sharpness": 1.0}, "is of several critics"),
        ({"equilibrium": 0.5}, "which objective non_saturating would not compare"),
        ({"equilibrium": 0.5, "objective": "wasserstein", "pack": 2}, "the balance of one critic"),
        ({"equilibrium": 0.5, "objective": "wasserstein", "critics": 2}, "the balance of one critic"),
    ],
)
def test_what_cannot_learn_together_is_one_sentence(settings, message):
    with pytest.raises(ConfigError, match=message) as error:
        from_dict(RelaxedCriticConfig, settings)
    assert str(error.value).count(". ") == 0
    assert str(error.value).endswith(".")


def test_batches_have_whole_packs_and_groups():
    RelaxedCriticConfig(pack=3).require_batch(6)
    RelaxedCriticConfig(minibatch_group=5).require_batch(6)
    for settings, name in (({"pack": 4}, "pack"), ({"minibatch_kernels": 1, "minibatch_group": 4}, "minibatch_group")):
        with pytest.raises(ConfigError, match=f"critic.{name}: a batch of 6 is no multiple of 4"):
            RelaxedCriticConfig(**settings).require_batch(6)
    grouped = RelaxedCriticConfig(minibatch_kernels=1, minibatch_group=4).adversary(Features(1))
    with pytest.raises(ConfigError, match="6 rows are no multiple of 4"):
        grouped.critic_losses((torch.zeros(3, 1),), (torch.zeros(3, 1),))
    assert grouped.critic.eval()((torch.zeros(3, 1),)).logits.shape == (3,)
