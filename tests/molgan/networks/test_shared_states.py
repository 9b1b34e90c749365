"""The states that a draw goes through are those that the likelihood works out of the whole graph."""

import pytest
import torch

from gancore.types import Context
from molgan import chemistry
from molgan.networks.autoregressive import AutoregressiveGenerator
from molgan.networks.decision_trace import decision_trace
from molgan.networks.growth import ANY_VALENCE, Given, Prefix
from molgan.networks.shared_states import SharedStates, beginnings

CAPACITY = torch.tensor([4, 3, 2])
SIZE = 8


def prefix_of(n):
    """Two carbon atoms with a bond, which half of the graphs begin with."""
    atoms = torch.full((n, SIZE), chemistry.PAD)
    orders = torch.zeros(n, SIZE * (SIZE - 1) // 2, dtype=torch.long)
    atoms[::2, :2], orders[::2, 0] = 0, 1
    given = Given((torch.arange(n) % 2 == 0) * 2, torch.full((n, SIZE), ANY_VALENCE))
    return Prefix(atoms, orders, given, torch.zeros(n, SIZE, dtype=torch.long), torch.zeros(n, dtype=torch.bool))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("features", [0, 2])
@pytest.mark.parametrize("fragments", [False, True])
def test_states_are_those_of_the_whole_graph(layers, features, fragments, monkeypatch):
    torch.manual_seed(layers)
    net = AutoregressiveGenerator(CAPACITY, SIZE, 16, 8, layers, 0.0, features, fragments).eval()
    n = 200
    sizes = torch.arange(n) % (SIZE - 2) + 3
    present = torch.arange(SIZE) < sizes[:, None]
    context = Context(torch.randint(0, 2, (n, features)).float(), torch.rand(n, features) > 0.5) if features else None
    prefix = prefix_of(n) if fragments else None
    steps, worked = [], []
    step, advance = SharedStates.step, SharedStates._advance

    def kept(self):
        states, whose = step(self)
        steps.append(states if whose is None else states[whose])
        return states, whose

    def counted(self, entering, memory):
        worked.append(len(entering))
        return advance(self, entering, memory)

    monkeypatch.setattr(SharedStates, "step", kept)
    monkeypatch.setattr(SharedStates, "_advance", counted)
    atoms, orders = net.sample(present, context=context, prefix=prefix)

    by_size = sizes.argsort(descending=True, stable=True)
    given = prefix.given if prefix is not None else None
    with torch.no_grad():
        states = net.trunk(decision_trace(atoms, orders, CAPACITY, given), context)[by_size]
    for row, drawn in enumerate(steps):
        assert len(drawn) == int((sizes > row).sum())
        assert torch.allclose(drawn, states[: len(drawn), row], atol=1e-5)
    assert worked[0] <= len(beginnings(sizes, context, prefix).unique()) < n
    assert sum(worked) < sum(map(len, steps))


def test_beginnings_tell_sizes_contexts_and_prefixes_apart():
    sizes = torch.tensor([3, 3, 4, 3, 3])
    context = Context(torch.tensor([[1.0], [1.0], [1.0], [2.0], [2.0]]), torch.tensor([[True]] * 4 + [[False]]))
    assert len(beginnings(sizes, None, None).unique()) == 2
    kinds = beginnings(sizes, context, None)
    assert kinds[0] == kinds[1]
    assert len(kinds.unique()) == 4
    assert len(beginnings(torch.full((4,), 5), None, prefix_of(4)).unique()) == 2
