import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molgan import chemistry
from molgan.data import graphs

VOCABULARY = chemistry.Vocabulary(tuple(chemistry.AtomType(s) for s in "CFNO"), 5)
CAPACITY = torch.from_numpy(VOCABULARY.capacity)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 5).flatmap(lambda n: st.lists(st.integers(0, 3), min_size=n, max_size=n)),
    st.lists(st.sampled_from([0, 0, 0, 1, 1, 2, 3]), min_size=10, max_size=10),
)
def test_validity_agrees_with_rdkit(kinds, bonds):
    atoms = torch.full((1, 5), chemistry.PAD, dtype=torch.int8)
    atoms[0, : len(kinds)] = torch.tensor(kinds)
    orders = torch.tensor([bonds], dtype=torch.int8) * graphs.pair_mask(atoms >= 0)
    (mol,) = chemistry.decode(atoms.numpy(), orders.numpy(), VOCABULARY)
    assert graphs.valence_holds(atoms, orders, CAPACITY).item() == (mol is not None)
    assert graphs.valid(atoms, orders, CAPACITY).item() == (chemistry.strict_smiles(mol) is not None)


def test_one_hots_and_back(small_data):
    sample = graphs.one_hots(small_data.atoms, small_data.orders, len(small_data.vocabulary.atoms))
    atoms, orders = graphs.indices(sample)
    assert torch.equal(atoms, small_data.atoms.long())
    assert torch.equal(orders, small_data.orders.long())
    present = small_data.atoms >= 0
    assert torch.equal(sample[0].sum(-1), present.float())
    assert torch.equal(sample[1].sum(-1), graphs.pair_mask(present).float())


def test_matrix_is_symmetric_with_its_diagonal_and_goes_back():
    pairs = torch.randn(2, 10, 3)
    matrix = graphs.to_matrix(pairs, 5, diagonal=7.0)
    assert torch.equal(matrix, matrix.transpose(1, 2))
    assert torch.equal(matrix.diagonal(dim1=1, dim2=2), torch.full((2, 3, 5), 7.0))
    assert torch.equal(graphs.to_pairs(matrix), pairs)
    i, j = chemistry.pair_ends(5)
    assert torch.equal(matrix[:, i, j], pairs)


def test_every_real_molecule_is_valid(small_data):
    capacity = torch.from_numpy(small_data.vocabulary.capacity)
    assert graphs.valid(small_data.atoms, small_data.orders, capacity).all()


def test_components_name_their_smallest_node():
    atoms = torch.tensor([[0, 0, 0, 0, -1]])
    orders = torch.zeros(1, 10, dtype=torch.long)
    i, j = chemistry.pair_ends(5)
    orders[0, np.flatnonzero((i == 0) & (j == 2))] = 1
    orders[0, np.flatnonzero((i == 1) & (j == 3))] = 2
    assert graphs.components(atoms, orders).tolist() == [[0, 1, 0, 1, 4]]
    assert not graphs.connected(atoms, orders).item()
    orders[0, 0] = 1
    assert graphs.connected(atoms, orders).item()
    assert not graphs.connected(torch.full((1, 5), -1), torch.zeros(1, 10, dtype=torch.long)).item()
