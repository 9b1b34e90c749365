import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn

from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.penalties import PENALTIES
from gancore.training.batching import fetch_batch
from gancore.training.loop import Player, frozen, of_others, play, reduce_losses, weighted_mean
from gancore.types import Batch, CriticOutput


class TinyCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 1)

    def forward(self, sample):
        return CriticOutput(self.linear(sample[0]).squeeze(1))


def parameters(module):
    return [p.detach().clone() for p in module.parameters()]


def moved(before, module):
    return any(not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_each_turn_moves_its_own_player_and_no_other(objective, penalty):
    maker, critic = nn.Linear(2, 3), TinyCritic()
    adversary = Adversary(critic, OBJECTIVES[objective], {"penalty": (PENALTIES[penalty], 0.1)})

    def fake():
        return (maker(torch.randn(4, 2)).softmax(-1),)

    players = {
        "critic": Player(
            "critic",
            critic,
            torch.optim.SGD(critic.parameters(), 1),
            lambda b, s: adversary.critic_losses(b, fake(), s),
        ),
        "maker": Player(
            "maker", maker, torch.optim.SGD(maker.parameters(), 1), lambda b, s: adversary.generator_losses(b, fake())
        ),
    }
    batches = itertools.repeat((torch.eye(3)[torch.tensor([0, 1, 2, 0])],))
    for mover, module in (("critic", critic), ("maker", maker)):
        other = maker if module is critic else critic
        before, others = parameters(module), parameters(other)
        with frozen(of_others(players[mover], players.values())):
            players[mover].step(players[mover].losses(next(batches), 0))
        assert moved(before, module)
        assert not moved(others, other)
        assert all(p.grad is None or not p.grad.any() for p in other.parameters()), "no gradient was paid for"
        for p in module.parameters():
            p.grad = None


def test_repeat_every_names_and_a_fresh_batch_a_turn():
    seen = {"a": [], "b": []}
    module = nn.Linear(1, 1)

    def losses(name):
        def turn(batch, step):
            seen[name].append((step, batch))
            return {"loss": module.weight.sum() * 0, "_shown": torch.tensor(7.0)}

        return turn

    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    logged = []
    players = [
        Player("a", module, optimizer, losses("a"), repeat=2),
        Player("b", module, optimizer, losses("b"), every=2),
    ]
    play(players, itertools.count(), range(3), [lambda step, logs: logged.append((step, logs))])
    assert [step for step, _ in seen["a"]] == [0, 0, 1, 1, 2, 2]
    assert [step for step, _ in seen["b"]] == [0, 2]
    batches = sorted(batch for turns in seen.values() for _, batch in turns)
    assert batches == list(range(8))
    assert logged[1] == (1, {"a/loss": 0.0, "a/shown": 7.0, "a/gradient": 0.0})


def test_shown_figures_are_not_minimised():
    module = nn.Linear(1, 1, bias=False)
    player = Player("p", module, torch.optim.SGD(module.parameters(), 1.0), lambda b, s: {})
    before = parameters(module)
    player.step({"loss": module.weight.sum() * 0, "_shown": module.weight.sum() * 100})
    assert not moved(before, module)


def test_gradients_above_max_norm_are_scaled_down():
    module = nn.Linear(1, 1, bias=False)
    before = module.weight.item()
    player = Player("p", module, torch.optim.SGD(module.parameters(), 1.0), lambda b, s: {}, max_norm=0.5)
    player.step({"loss": 100 * module.weight.sum()})
    assert before - module.weight.item() == pytest.approx(0.5, abs=1e-4)


def test_lazy_penalty_is_paid_every_kth_step_with_k_fold_weight():
    critic = TinyCritic()
    constant = lambda judge, real, fake: torch.ones(4)  # noqa: E731
    adversary = Adversary(critic, OBJECTIVES["hinge"], {"penalty": (constant, 0.25)}, penalty_every=2)
    sample = (torch.rand(4, 3),)
    assert adversary.critic_losses(sample, sample, step=0)["penalty"].tolist() == [0.5] * 4
    assert "penalty" not in adversary.critic_losses(sample, sample, step=1)


def test_weights_scale_the_gradient_and_the_log_of_a_loss_but_no_scalar():
    """Rows 1 and 3 with weights 3 and 1: the mean is 1.5, and its gradient the same."""
    module = nn.Linear(1, 1, bias=False)
    rows = torch.tensor([[1.0], [3.0]])
    turn = lambda batch, step: {"loss": module(batch.sample[0]).squeeze(1), "_shown": torch.tensor(7.0)}  # noqa: E731
    player = Player("p", module, torch.optim.SGD(module.parameters(), 1.0), turn)
    before, logged = module.weight.item(), []
    batch = Batch((rows,), weight=torch.tensor([3.0, 1.0]))
    play([player], itertools.repeat(batch), range(1), [lambda step, logs: logged.append(logs)])
    assert before - module.weight.item() == pytest.approx(1.5)
    assert logged[0]["p/loss"] == pytest.approx(1.5 * before)
    assert logged[0]["p/shown"] == 7.0


def test_weights_of_other_rows_are_refused():
    batch = Batch((torch.zeros(2, 1),), weight=torch.ones(2))
    with pytest.raises(ValueError, match=r"loss 'a' is \(3,\), the weights of the batch \(2,\)"):
        reduce_losses({"a": torch.ones(3)}, batch)
    with pytest.raises(ValueError, match="of which stream's"):
        reduce_losses({"a": torch.ones(2)}, {"one": batch, "other": Batch((torch.zeros(3, 1),))})
    assert weighted_mean(torch.tensor([1.0, 5.0]), replace(batch, weight=torch.tensor([3.0, 1.0]))) == 2
    with pytest.raises(ValueError, match="a batch of 2 samples has a weight of 3 rows"):
        Batch((torch.zeros(2, 1),), weight=torch.ones(3))
    with pytest.raises(ValueError, match="there are 4 rows of data and 3 of weight"):
        fetch_batch(lambda rows: (rows,), 4, torch.device("cpu"), weight=torch.ones(3))
