import pytest
import torch
from torch import nn

from molgan import chemistry
from molgan.data import graphs
from molgan.networks.one_shot import VALENCE, Encoder, Generator, GraphCritic, RelationalCritic, valence
from molgan.recipes.molgan import RelationalNetwork


@pytest.fixture
def batch(small_data):
    sample = graphs.one_hots(small_data.atoms[:8], small_data.orders[:8], len(small_data.vocabulary.atoms))
    return sample, torch.from_numpy(small_data.vocabulary.capacity)


def permuted(sample, order):
    nodes, bonds = sample
    matrix = graphs.to_matrix(bonds, nodes.shape[1])[:, order][:, :, order]
    return nodes[:, order], graphs.to_pairs(matrix)


def test_relational_critic_does_not_see_the_order_of_atoms(batch):
    sample, capacity = batch
    shuffled = permuted(sample, torch.randperm(9))
    relational = RelationalCritic(4, 16, 2)
    features, others = valence(sample, capacity), valence(shuffled, capacity)
    torch.testing.assert_close(relational(sample, features), relational(shuffled, others))


def test_valence_follows_a_permutation(batch):
    sample, capacity = batch
    order = torch.randperm(9)
    before, after = valence(sample, capacity), valence(permuted(sample, order), capacity)
    torch.testing.assert_close(after, before[:, order])
    assert before.shape == (8, 9, VALENCE)


def test_valence_of_a_known_molecule_by_hand():
    graph = chemistry.to_graph(chemistry.parse("C=CC#N"))
    vocabulary = chemistry.Vocabulary.of([graph])
    atoms, orders = (torch.from_numpy(part) for part in chemistry.encode([graph], vocabulary))
    sample = graphs.one_hots(atoms, orders, len(vocabulary.atoms))
    spare, excess, single, double, triple = valence(sample, torch.from_numpy(vocabulary.capacity))[0].T.tolist()
    assert [str(atom) for atom in graph.atoms] == ["C", "C", "C", "N"]
    assert spare == [2.0, 1.0, 0.0, 0.0], "hydrogens"
    assert excess == [0.0] * 4
    assert (single, double, triple) == ([0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0])


def test_excess_shows_in_impossible_graphs():
    nodes = torch.tensor([[[1.0], [1.0]]])
    bonds = torch.tensor([[[0.0, 0.0, 0.0, 1.0]]])
    assert valence((nodes, bonds), torch.tensor([2]))[0, :, 1].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("layers", [0, 2])
def test_critic_gives_a_logit_a_molecule_with_gradients_everywhere(batch, small_data, layers):
    sample, _ = batch
    sample = tuple(part.clone().requires_grad_() for part in sample)
    critic = GraphCritic(small_data.vocabulary, (16,), 8, layers)
    logits = critic(sample).logits
    assert logits.shape == (8,)
    logits.sum().backward()
    assert all(part.grad.abs().sum() > 0 for part in sample)
    assert all(p.grad is not None for p in critic.parameters())


def test_generator_and_encoder_shapes(batch):
    sample, _ = batch
    generator, encoder = Generator(6, 9, 4, (16, 16)), Encoder(6, 9, 4, (16,))
    mean, log_var = encoder(sample)
    nodes, bonds = generator(mean, graphs.node_mask(sample[0]))
    assert mean.shape == log_var.shape == (8, 6)
    assert nodes.shape == (8, 9, 4)
    assert bonds.shape == (8, 36, 4)


def test_the_published_critic_does_not_see_the_order_of_atoms_or_padding(batch):
    sample, _ = batch
    network = RelationalNetwork(4, (16, 8), 12, 12)
    torch.testing.assert_close(network(sample).logits, network(permuted(sample, torch.randperm(9))).logits)
    nodes, bonds = sample
    longer = nn.functional.pad(nodes, (0, 0, 0, 2)), nn.functional.pad(bonds, (0, 0, 0, 9 + 10))
    torch.testing.assert_close(network(longer).logits, network(sample).logits)
