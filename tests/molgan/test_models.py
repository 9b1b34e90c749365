import pytest
import torch

from molgan import chem, graphs
from molgan.models import STRUCTURE_NODE, STRUCTURE_PAIR, Encoder, Generator, GraphCritic, RelationalCritic, structure


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
    torch.testing.assert_close(
        relational(sample, structure(sample, capacity)), relational(shuffled, structure(shuffled, capacity))
    )


def test_structure_follows_a_permutation(batch):
    sample, capacity = batch
    order = torch.randperm(9)
    before, after = structure(sample, capacity), structure(permuted(sample, order), capacity)
    torch.testing.assert_close(after.nodes, before.nodes[:, order])
    assert before.nodes.shape == (8, 9, STRUCTURE_NODE)
    assert before.pairs.shape == (8, 36, STRUCTURE_PAIR)


def structure_of(smiles):
    graph = chem.to_graph(chem.parse(smiles))
    vocabulary = chem.Vocabulary.of([graph])
    atoms, orders = (torch.from_numpy(part) for part in chem.encode([graph], vocabulary))
    return structure(
        graphs.one_hots(atoms, orders, len(vocabulary.atoms)), torch.from_numpy(vocabulary.capacity)
    ).nodes[0]


def test_structure_of_known_rings_by_hand():
    spare, excess, single, double, triple, *closed = structure_of("c1ccccc1").T
    assert (spare == 1).all()
    assert (excess == 0).all()
    assert (single == 1).all()
    assert (double == 1).all()
    assert (triple == 0).all()
    assert (closed[5] * 8 == 1).all(), (
        "benzene: one alternating closed walk of six from each atom that begins with a single bond"
    )
    assert (closed[0] == 0).all(), "no triangle"
    ring = structure_of("C1CC1")
    assert (ring[:, 5] * 8 == 2).all(), "a triangle is walked both ways"
    assert (structure_of("C1CCCCC1")[:, 10] == 0).all(), "cyclohexane does not alternate"


def test_excess_shows_in_impossible_graphs():
    nodes = torch.tensor([[[1.0], [1.0]]])
    bonds = torch.tensor([[[0.0, 0.0, 0.0, 1.0]]])
    features = structure((nodes, bonds), torch.tensor([2]))
    assert features.nodes[0, :, 1].tolist() == [1.0, 1.0]


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
