"""Spectral normalisation: what it bounds, what it refuses, and that its state is saved."""

import io
from itertools import product

import pytest
import torch
from torch import nn

from gancore.errors import ConfigError
from gancore.layers.spectral_norm import normalize_spectrum
from gancore.losses.penalties import squared_slope
from gancore.types import Batch


def network():
    return nn.Sequential(nn.Linear(6, 32), nn.LeakyReLU(0.2), nn.Linear(32, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))


def test_each_matrix_has_a_largest_singular_value_of_1_and_the_critic_a_slope_of_1_at_most():
    net = network()
    with torch.no_grad():
        for layer in net[::2]:
            layer.weight.mul_(50)
    normalize_spectrum(net)
    net(torch.randn(4, 6))  # a call in training mode is a step of power iteration
    for _ in range(50):
        net(torch.randn(4, 6))
    net.eval()
    for layer in net[::2]:
        assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1, abs=1e-3)
    sample = Batch((torch.randn(200, 6) * 10,), geometry="euclidean")
    assert squared_slope(lambda part: net(part[0]).squeeze(1), sample).max() <= 1 + 1e-3


def test_convolutions_and_embeddings_are_normalised_and_biases_are_not():
    net = nn.Sequential(nn.Embedding(7, 4, padding_idx=0), nn.Conv1d(3, 2, 1), nn.LayerNorm(4))
    bias = net[1].bias.clone()
    normalize_spectrum(net)
    for _ in range(50):
        net(torch.ones(2, 3, dtype=torch.long))
    net.eval()
    assert torch.linalg.matrix_norm(net[0].weight, 2).item() == pytest.approx(1, abs=1e-3)
    assert torch.linalg.matrix_norm(net[1].weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)
    assert torch.equal(net[1].bias, bias)
    assert torch.equal(net[0].weight[0], torch.zeros(4)), "padding stays"
    assert torch.equal(net[2].weight, torch.ones(4))


class Own(nn.Module):
    """A layer that keeps its matrix in a way of its own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 2))


@pytest.mark.parametrize("layer", [nn.GRU(2, 2), nn.MultiheadAttention(2, 1), Own()])
def test_what_it_cannot_bound_is_refused_before_anything_changes(layer):
    net = nn.Sequential(nn.Linear(2, 2), layer)
    before = list(net.state_dict())
    with pytest.raises(ConfigError, match=f"a layer of kind {type(layer).__name__} cannot be normalised"):
        normalize_spectrum(net)
    assert list(net.state_dict()) == before


def test_its_vectors_are_saved_so_that_training_goes_on_bit_for_bit():
    torch.manual_seed(0)
    nets = [network() for _ in range(2)]
    for net in nets:
        normalize_spectrum(net)
    for _ in range(3):
        nets[0](torch.ones(1, 6))
    kept = io.BytesIO()
    torch.save(nets[0].state_dict(), kept)
    kept.seek(0)
    nets[1].load_state_dict(torch.load(kept))
    for training, _ in product((True, False), range(3)):
        inputs = torch.randn(2, 6)
        assert torch.equal(*(net.train(training)(inputs) for net in nets))


def test_evaluation_changes_nothing():
    net = network()
    normalize_spectrum(net)
    net.eval()
    before = {name: part.clone() for name, part in net.state_dict().items()}
    net(torch.randn(3, 6))
    assert all(torch.equal(part, before[name]) for name, part in net.state_dict().items())
