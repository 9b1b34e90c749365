"""Graphs whose atoms attend to one another: what does not depend on the order of atoms, and what may be attended to."""

import pytest
import torch

from gancore.losses.penalties import r1
from molgan.chemistry import Vocabulary
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, batches
from molgan.networks.attention import AttentionGenerator
from molgan.networks.one_shot import VALENCE, AttentionCritic, GraphCritic, valence

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data():
    return MoleculeDataset.from_smiles(["CCO", "CC(=O)N", "C1CC1O", "CCCCO", "C#N"])


def opened(module):
    """The same with its gates open: they begin at 0."""
    with torch.no_grad():
        for name, part in module.named_parameters():
            if name.endswith("gate"):
                part.fill_(0.7)
    return module


def shuffled(sample, order):
    """The same graphs with their atoms in another order."""
    nodes, bonds = sample
    matrix = graphs.to_matrix(bonds, nodes.shape[1])
    return nodes[:, order], graphs.to_pairs(matrix[:, order][:, :, order])


def test_the_attention_critic_does_not_see_the_order_of_atoms(data):
    vocabulary: Vocabulary = data.vocabulary
    critic = opened(AttentionCritic(len(vocabulary.atoms), 16, 2))
    capacity = torch.from_numpy(vocabulary.capacity)
    sample = next(batches(data, 5, 0, CPU)).sample
    other = shuffled(sample, torch.randperm(vocabulary.max_atoms))
    logits, features = critic(sample, valence(sample, capacity))
    again, _ = critic(other, valence(other, capacity))
    torch.testing.assert_close(logits, again)
    assert features.shape == (5, 16)
    assert valence(sample, capacity).shape[-1] == VALENCE
    changed = sample[0], sample[1].roll(1, 0)
    assert not torch.allclose(critic(changed, valence(changed, capacity))[0], logits)


def test_a_graph_critic_with_attention_has_its_features_and_a_slope(data):
    plain = GraphCritic(data.vocabulary, (8,))
    critic = opened(GraphCritic(data.vocabulary, (8,), 16, attention_layers=1))
    assert (plain.feature_width, critic.feature_width) == (8, 24)
    sample = next(batches(data, 5, 0, CPU)).sample
    output = critic(sample)
    assert output.features.shape == (5, 24)
    slope = r1(lambda part: critic(part).logits, sample, sample)
    slope.sum().backward()
    for name, part in critic.attention.named_parameters():
        flat = name.endswith(("out.bias", "key.bias"))  # of no effect on a slope
        assert flat or part.grad is not None, name
    assert all(torch.isfinite(part.grad).all() for part in critic.parameters() if part.grad is not None)


def test_the_generator_reads_present_places_and_pairs_both_ways(data):
    size, kinds = data.vocabulary.max_atoms, len(data.vocabulary.atoms)
    generator = opened(AttentionGenerator(4, size, kinds, (8,), 16, 2, context_features=0))
    noise, present = torch.randn(3, 4), torch.arange(size) < torch.tensor([[2], [3], [size]])
    nodes, bonds = generator(noise, present)
    assert nodes.shape == (3, size, kinds)
    assert bonds.shape == (3, size * (size - 1) // 2, 4)
    (slope,) = torch.autograd.grad(nodes[:, 0].sum(), generator.body[0].weight)
    assert float(slope.abs().sum()) > 0
    states = torch.randn(1, size, 16)
    absent = states.clone()
    absent[0, 2:] += 1
    for layer in generator.attention:
        one, other = (layer(part, present[:1])[0, :2] for part in (states, absent))
        torch.testing.assert_close(one, other)
