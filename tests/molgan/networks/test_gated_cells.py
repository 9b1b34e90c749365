"""The fast step of a GRU is the step of a GRU, and what is read from shared states is what each row reads."""

import copy

import pytest
import torch
from torch import nn

from molgan.networks import gated_cells
from molgan.networks.atom_by_atom import Heads
from molgan.networks.autoregressive import AutoregressiveGenerator
from molgan.networks.gated_cells import GatedCells
from molgan.networks.shared_states import SharedStates

CAPACITY = torch.tensor([4, 3, 2])


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("rows", [1, 7, 20])
def test_cells_are_those_of_torch(layers, rows, monkeypatch):
    monkeypatch.setattr(gated_cells, "_AT_ONCE", 8)  # blocks that are full, and a last one that is not
    torch.manual_seed(rows)
    grown = nn.GRU(16, 16, layers)
    hidden, states = torch.randn(rows, 16), [torch.rand(rows, 16) * 2 - 1 for _ in range(layers)]
    before = [state.clone() for state in states]
    made = GatedCells(grown)(hidden, states)
    with torch.no_grad():
        for weights, state, found in zip(grown.all_weights, before, made, strict=True):
            hidden = torch.gru_cell(hidden, state, *weights)
            assert torch.allclose(found, hidden, atol=1e-6)
    assert all(map(torch.equal, states, before))  # they are read alone


def test_bfloat16_rounds_and_keeps_the_states_whole():
    torch.manual_seed(0)
    grown = nn.GRU(64, 64, 2)
    hidden, states = torch.randn(50, 64), [torch.rand(50, 64) * 2 - 1 for _ in range(2)]
    whole, rounded = GatedCells(grown)(hidden, states), GatedCells(grown, torch.bfloat16)(hidden, states)
    apart = (whole[-1] - rounded[-1]).abs().max()
    assert 1e-6 < apart < 0.02
    assert rounded[-1].dtype == torch.float32


def test_a_table_is_an_embedding_and_the_linear_layer_after_it():
    torch.manual_seed(1)
    net = AutoregressiveGenerator(CAPACITY, 8, 16, 8, 1, 0.0).eval()
    trunk, sizes = net.trunk, torch.tensor([5, 8, 8])
    kinds, far, partners = torch.tensor([0, 2, 1]), torch.tensor([1, 5, 3]), torch.tensor([1, 0, 2])
    with torch.no_grad():
        states = SharedStates(trunk, sizes, None, None)
        states.enter(2, kinds, states.bond(far, partners), None)
        atoms = trunk.kind(kinds + 1) + trunk.place.weight[2] + trunk.bonded(far) + trunk.partner(partners)
        assert torch.allclose(states.entering, trunk.enter(atoms + trunk.size(sizes)), atol=1e-6)


def test_heads_are_the_layers_they_are_made_of():
    torch.manual_seed(2)
    net = AutoregressiveGenerator(CAPACITY, 8, 16, 8, 1, 0.0).eval()
    states, whose = torch.randn(3, 16), torch.tensor([2, 0, 0, 1, 2])
    with torch.no_grad():
        types, pointing, key = Heads(net)(states, whose)
        assert torch.allclose(types, net.choose(states)[whose], atol=1e-6)
        assert torch.allclose(pointing, net.later(states)[whose], atol=1e-6)
        assert torch.allclose(key, net.key(states)[whose], atol=1e-6)
        assert Heads(net)(states, None)[0].shape == (3, 3)


def test_draws_in_bfloat16_are_as_likely():
    """Of a network with peaked choices, so that rounding could be seen: mean log-likelihoods agree."""
    torch.manual_seed(3)
    net = AutoregressiveGenerator(CAPACITY, 6, 32, 8, 2, 0.0).eval()
    peaked = copy.deepcopy(net)
    with torch.no_grad():
        peaked.choose[-1].weight.mul_(5)
        present = torch.ones(2000, 6, dtype=torch.bool)
        random = torch.Generator().manual_seed(0)
        means = []
        for dtype in (None, torch.bfloat16):
            drawn = peaked.sample(present, generator=random, dtype=dtype)
            found = peaked.log_prob(*drawn)
            means.append((found.mean(), found.std() / 2000**0.5))
    assert abs(means[0][0] - means[1][0]) < 4 * float(torch.hypot(means[0][1], means[1][1]))
