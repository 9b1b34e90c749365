import itertools

import pytest
import torch

from gancore.sampling.estimators import gumbel_like
from molgan import chemistry
from molgan.data import graphs
from molgan.networks import sampling

CAPACITY = torch.tensor([4, 1, 3, 2])


def random_case(batch, size, scale=2.0):
    pairs = size * (size - 1) // 2
    present = torch.arange(size) < torch.randint(1, size + 1, (batch, 1))
    return torch.randn(batch, size, 4), torch.randn(batch, pairs, 4) * scale, present


def one_after_the_other(noisy, turn, capacity):
    """The definition, in plain Python."""
    i, j = chemistry.pair_ends(len(capacity))
    spare, orders = list(capacity), [0] * len(turn)
    for pair in sorted(range(len(turn)), key=lambda p: turn[p]):
        room = min(spare[i[pair]], spare[j[pair]])
        best = max(range(4), key=lambda k: noisy[pair][k] if k <= room else float("-inf"))
        orders[pair] = best
        spare[i[pair]] -= best
        spare[j[pair]] -= best
    return orders


@pytest.mark.parametrize("size", [2, 5, 9])
def test_rounds_give_what_one_pair_after_the_other_gives(size):
    _, bonds, present = random_case(60, size)
    capacity = CAPACITY[torch.randint(4, (60, size))] * present
    noisy, turn = bonds + gumbel_like(bonds), sampling.turns(bonds)
    found = sampling.accept_bonds(noisy, turn, capacity)
    for row in range(60):
        expected = one_after_the_other(noisy[row].tolist(), turn[row].tolist(), capacity[row].tolist())
        assert found[row].tolist() == expected


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_ties_and_broken_logits_neither_break_valence_nor_hang(value):
    bonds = torch.full((50, 36, 4), value)
    drawn = sampling.draw_graphs(torch.zeros(50, 9, 4), bonds, torch.ones(50, 9, dtype=torch.bool), CAPACITY)
    assert graphs.valence_holds(drawn.atoms, drawn.orders, CAPACITY).all()
    assert not drawn.closed[..., 0].any()


@pytest.mark.parametrize("size", [1, 2, 9, 20])
def test_valence_holds_whatever_the_logits(size):
    nodes, bonds, present = random_case(200, size, scale=5.0)
    drawn = sampling.draw_graphs(nodes, bonds, present, CAPACITY)
    assert graphs.valence_holds(drawn.atoms, drawn.orders, CAPACITY).all()
    assert torch.equal(drawn.atoms >= 0, present)
    hard_nodes, hard_bonds = drawn.hard
    assert torch.equal(hard_nodes.sum(-1), present.float())
    assert torch.equal(hard_bonds.sum(-1), graphs.pair_mask(present).float())


def test_log_probabilities_of_all_graphs_sum_to_one_and_match_frequencies():
    """Every graph of three atoms of capacity 2 and 1, enumerated."""
    nodes = torch.full((1, 3, 4), -50.0)
    nodes[0, 0, 3] = nodes[0, 1, 3] = nodes[0, 2, 1] = 50.0  # O, O, F
    bonds = torch.tensor([[[0.0, 0.5, 0.3, -1.0], [0.2, 0.4, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]])
    n = 30_000
    drawn = sampling.draw_graphs(
        nodes.expand(n, 3, 4), bonds.expand(n, 3, 4), torch.ones(n, 3, dtype=torch.bool), CAPACITY
    )
    seen: dict[tuple, list[float]] = {}
    for orders, log_prob in zip(drawn.orders.tolist(), drawn.log_prob.tolist(), strict=True):
        seen.setdefault(tuple(orders), []).append(log_prob)
    total = 0.0
    for orders, log_probs in seen.items():
        assert max(log_probs) - min(log_probs) < 1e-4, "one graph, one probability"
        probability = torch.tensor(log_probs[0]).exp().item()
        total += probability
        assert len(log_probs) / n == pytest.approx(probability, abs=4 * (probability / n) ** 0.5 + 1e-4), orders
    assert total == pytest.approx(1.0, abs=1e-4)
    room = CAPACITY[torch.tensor([3, 3, 1])].tolist()
    ends = list(zip(*chemistry.pair_ends(3), strict=True))
    possible = [
        orders
        for orders in itertools.product(range(4), repeat=3)
        if all(sum(o for o, e in zip(orders, ends, strict=True) if node in e) <= room[node] for node in range(3))
    ]
    assert set(seen) == set(possible)


def test_log_probability_carries_the_gradient_of_an_expected_reward():
    """REINFORCE through the restricted softmax against the enumerated gradient, order held fixed."""
    nodes = torch.full((1, 3, 4), -50.0)
    nodes[0, :, 1] = 50.0  # three F: one bond at most
    logits = torch.tensor([[[0.0, 0.9], [0.0, 0.5], [0.0, 0.1]]], requires_grad=True)

    def full(two):
        return torch.cat((two, torch.full((*two.shape[:-1], 2), -30.0)), -1)

    p = logits[0].softmax(-1)[:, 1]
    reward = torch.tensor([1.0, 2.0, 5.0])  # for the one bond that is drawn
    expected = reward[0] * p[0] + (1 - p[0]) * (reward[1] * p[1] + (1 - p[1]) * reward[2] * p[2])
    (exact,) = torch.autograd.grad(expected, logits)
    n = 40_000
    drawn = sampling.draw_graphs(
        nodes.expand(n, 3, 4), full(logits).expand(n, 3, 4), torch.ones(n, 3, dtype=torch.bool), CAPACITY
    )
    earned = (drawn.orders * reward).sum(1)
    (estimate,) = torch.autograd.grad((drawn.log_prob * earned).mean(), logits)
    torch.testing.assert_close(estimate, exact, atol=0.05, rtol=0)


def test_gradient_reaches_both_kinds_of_logits_and_padding_gets_none():
    nodes, bonds, present = random_case(8, 6)
    nodes.requires_grad_()
    bonds.requires_grad_()
    drawn = sampling.draw_graphs(nodes, bonds, present, CAPACITY)
    loss = sum((part * torch.randn_like(part)).sum() for part in drawn.relaxed)
    loss.backward()
    assert nodes.grad.abs().sum() > 0
    assert bonds.grad.abs().sum() > 0
    assert not nodes.grad[~present].any()
    assert not bonds.grad[~graphs.pair_mask(present)].any()


@pytest.mark.parametrize("bias", [-6.0, 0.0, 3.0])
def test_repair_makes_every_graph_strictly_valid_and_leaves_valid_ones_alone(bias):
    nodes, bonds, present = random_case(300, 9)
    bonds[..., 0] -= bias
    drawn = sampling.draw_graphs(nodes, bonds, present, CAPACITY)
    before = graphs.valid(drawn.atoms, drawn.orders, CAPACITY)
    assert not before.all()
    atoms, orders = sampling.repair(drawn.atoms, drawn.orders, drawn.noisy_bonds, CAPACITY)
    assert graphs.valid(atoms, orders, CAPACITY).all()
    assert torch.equal(atoms[before], drawn.atoms[before])
    assert torch.equal(orders[before], drawn.orders[before])
    vocabulary = chemistry.Vocabulary(tuple(chemistry.AtomType(s) for s in "CFNO"), 9)
    mols = chemistry.decode(atoms.numpy(), orders.numpy(), vocabulary)
    assert all(chemistry.strict_smiles(mol) for mol in mols)


def test_repair_lowers_a_bond_where_there_is_no_room_and_drops_what_cannot_be_joined():
    i, j = chemistry.pair_ends(4)
    carbon_dioxide_and_water = torch.tensor([[3, 0, 3, 3]]), torch.zeros(1, 6, dtype=torch.long)
    carbon_dioxide_and_water[1][0, (torch.tensor(i) == 0) & (torch.tensor(j) == 1)] = 2
    carbon_dioxide_and_water[1][0, (torch.tensor(i) == 1) & (torch.tensor(j) == 2)] = 2
    atoms, orders = sampling.repair(*carbon_dioxide_and_water, torch.randn(1, 6, 4), CAPACITY)
    assert graphs.valid(atoms, orders, CAPACITY).all()
    assert (atoms >= 0).all()
    fluorines = torch.full((1, 4), 1), torch.zeros(1, 6, dtype=torch.long)
    fluorines[1][0, 0] = 1  # F-F F F: nothing can join them
    atoms, orders = sampling.repair(*fluorines, torch.randn(1, 6, 4), CAPACITY)
    assert (atoms >= 0).sum() == 2
    assert graphs.valid(atoms, orders, CAPACITY).all()
