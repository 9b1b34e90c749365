"""Building on given atoms: probabilities add up, every draw is valid and has what was given."""

from itertools import product

import pytest
import torch

from molgan import chemistry
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset
from molgan.networks.atom_orders import AtomOrders, bridges_of
from molgan.networks.autoregressive import AutoregressiveGenerator
from molgan.networks.growth import ANY_ATOM, ANY_VALENCE, Given, Prefix, bonds_to_earlier

CARBON_OXYGEN = torch.tensor([4, 2])
SMILES = [
    "CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1",
    "C[C@@H]1CC(Nc2cncc(-c3nncn3C)c2)C[C@@H](C)C1",
    "N#Cc1ccc(-c2ccc(O[C@@H](C(=O)N3CCCC3)c3ccccc3)cc2)cc1",
    "CCOC(=O)[C@@H]1CCCN(C(=O)c2nc(-c3ccc(C)cc3)n3c2CCCCC3)C1",
    "N#CC1=C(SCC(=O)Nc2cccc(Cl)c2)N=C([O-])[C@H](C#N)C12CCCCC2",
    "CC[NH+](CC)[C@](C)(CC)[C@H](O)c1cscc1Br",
]


def network(capacity, size, fragments=True):
    torch.manual_seed(3)
    net = AutoregressiveGenerator(capacity, size, 16, 8, 1, 0.0, fragments=fragments)
    for weights in net.parameters():
        torch.nn.init.normal_(weights, std=0.5)
    return net


def every_graph(size, atoms):
    """All graphs of two kinds of atoms at four places, also those that no molecule has."""
    pairs = size * (size - 1) // 2
    kinds, orders = zip(*product(product(range(2), repeat=atoms), product(range(4), repeat=pairs)), strict=True)
    return torch.tensor(kinds), torch.tensor(orders)


@pytest.mark.parametrize(
    ("given_bonds", "valence"),
    [
        ([0], [ANY_VALENCE, ANY_VALENCE]),  # two pieces, open anywhere
        ([1], [ANY_VALENCE, ANY_VALENCE]),  # one piece
        ([0], [2, 1]),  # two pieces with two sites and one
        ([1], [2, 2]),  # a site at each end
    ],
)
def test_the_probabilities_of_all_that_follows_what_is_given_add_up_to_one(given_bonds, valence):
    net = network(CARBON_OXYGEN, 4)
    kinds, orders = every_graph(4, 4)
    begun = (kinds[:, 0] == 0) & (kinds[:, 1] == 1) & (orders[:, :1] == torch.tensor(given_bonds)).all(1)
    kinds, orders = kinds[begun], orders[begun]
    limit = torch.tensor([*valence, ANY_VALENCE, ANY_VALENCE]).expand(len(kinds), -1)
    most = torch.where(limit >= 0, limit, CARBON_OXYGEN[kinds])
    matrix = graphs.to_matrix(orders, 4)
    whole = graphs.connected(kinds, orders) & (matrix.sum(2) <= most).all(1)
    below = bonds_to_earlier(orders, 4)
    whole &= (below[:, 2:] > 0).any(2).all(1)  # each later atom is bonded to what is there before it
    marked = (limit[:, :2] >= 0).all(1)
    outward = matrix[:, :2, 2:]
    whole &= ~(marked & (outward > 1).flatten(1).any(1))  # a marked site takes single bonds
    kinds, orders, limit = kinds[whole], orders[whole], limit[whole]
    given = Given(torch.full((len(kinds),), 2), limit)
    total = net.log_prob(kinds, orders, given=given).detach().double().exp().sum()
    assert len(kinds) > 3
    assert float(total) == pytest.approx(1.0, abs=1e-5)


def test_without_anything_given_the_probabilities_add_up_to_one():
    net = network(CARBON_OXYGEN, 4)
    kinds, orders = every_graph(4, 4)
    keep = graphs.valid(kinds, orders, CARBON_OXYGEN)
    below = bonds_to_earlier(orders, 4)
    keep &= (below[:, 1:] > 0).any(2).all(1)
    assert float(net.log_prob(kinds[keep], orders[keep]).detach().double().exp().sum()) == pytest.approx(1.0, abs=1e-5)


FRAGMENTS_FIRST = AtomOrders(fragments=1.0)


def prefixes(copies=60, shares=FRAGMENTS_FIRST, seed=5):
    """Fragments of drug-like molecules, with their sites where they are marked, and the molecules they are of."""
    data = MoleculeDataset.from_smiles(SMILES)
    atoms, orders = data.atoms.long().repeat(copies, 1), data.orders.long().repeat(copies, 1)
    uniform = torch.rand(len(atoms), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    atoms, orders, given = shares.rearranged(atoms, orders, uniform)
    size = atoms.shape[1]
    among = graphs.to_matrix(orders, size) * (given.places[:, :, None] & given.places[:, None])
    required = torch.where(given.single, given.valence - among.sum(2), 0)
    first = torch.where(given.places, atoms, chemistry.PAD)
    return (
        data,
        (atoms, orders),
        Prefix(first, graphs.to_pairs(among), given, required, torch.zeros(len(first), dtype=torch.bool)),
    )


def test_other_orders_are_of_the_same_molecules():
    data, (atoms, orders), prefix = prefixes(20, AtomOrders(0.5, 0.3))
    mols = chemistry.decode(atoms.numpy().astype("int8"), orders.numpy().astype("int8"), data.vocabulary)
    assert [chemistry.strict_smiles(mol) for mol in mols] == data.smiles * 20
    assert 0.3 < (prefix.given.count > 0).float().mean() < 0.7
    below = bonds_to_earlier(orders, atoms.shape[1])
    later = ~prefix.given.places & (atoms >= 0)
    later[:, 0] = False
    assert ((below > 0).any(2) | ~later).all()


def test_random_fragments_come_in_one_piece_and_in_several():
    _, (atoms, _), prefix = prefixes()
    first = prefix.given.places & (bonds_to_earlier(prefix.orders, atoms.shape[1]).sum(2) == 0)
    assert set(first.sum(1).tolist()) >= {1, 2}
    assert (prefix.given.count < (atoms >= 0).sum(1)).all()
    assert 0.3 < prefix.given.single.any(1).float().mean() < 0.9


def test_what_training_has_is_never_closed():
    data, (atoms, orders), prefix = prefixes()
    net = network(torch.from_numpy(data.vocabulary.capacity), data.vocabulary.max_atoms)
    assert (net.log_prob(atoms, orders, given=prefix.given) > -1e6).all()


@pytest.mark.parametrize("extra", [1, 2, 4, 12])
def test_every_draw_of_an_untrained_network_is_valid_and_has_what_was_given(extra):
    data, _, prefix = prefixes()
    capacity, size = torch.from_numpy(data.vocabulary.capacity), data.vocabulary.max_atoms
    sizes = (prefix.given.count + extra).clamp_max(size)
    atoms, orders = network(capacity, size).sample(torch.arange(size) < sizes[:, None], prefix=prefix)
    done = (atoms >= 0).any(1)
    begun = graphs.to_matrix(prefix.orders, size)
    matrix, within = graphs.to_matrix(orders, size), prefix.given.places[:, :, None] & prefix.given.places[:, None]
    assert graphs.valid(atoms, orders, capacity)[done].all()
    assert ((matrix == begun) | ~within)[done].all()
    assert ((atoms == prefix.atoms) | ~prefix.given.places)[done].all()
    assert ((matrix.sum(2) == prefix.given.valence) | ~prefix.given.single)[done].all()
    assert ((atoms >= 0).sum(1) == sizes)[done].all()
    room = prefix.required.sum(1) <= sizes - prefix.given.count
    assert room.float().mean() > 0.7
    assert done[room].all()


def test_an_atom_of_any_type_gets_one_that_fits():
    data, _, prefix = prefixes()
    capacity, size = torch.from_numpy(data.vocabulary.capacity), data.vocabulary.max_atoms
    atoms = torch.where(prefix.given.places & (torch.arange(size) == 0), ANY_ATOM, prefix.atoms)
    sizes = (prefix.given.count + 5).clamp_max(size)
    drawn, orders = network(capacity, size).sample(
        torch.arange(size) < sizes[:, None], prefix=prefix._replace(atoms=atoms)
    )
    done = (drawn >= 0).any(1)
    assert graphs.valid(drawn, orders, capacity)[done].all()
    assert done.float().mean() > 0.9
    assert (drawn[:, 0] != prefix.atoms[:, 0])[done].any()


def test_guidance_goes_on_from_the_same_fragments():
    from gancore.types import Context

    data, _, prefix = prefixes(10)
    capacity, size = torch.from_numpy(data.vocabulary.capacity), data.vocabulary.max_atoms
    net = AutoregressiveGenerator(capacity, size, 16, 8, 1, 0.0, 1, True)
    sizes = (prefix.given.count + 6).clamp_max(size)
    context = Context(torch.ones(len(sizes), 1), torch.ones(len(sizes), 1, dtype=torch.bool))
    atoms, orders = net.sample(torch.arange(size) < sizes[:, None], 1.0, None, context, 2.0, prefix)
    done = (atoms >= 0).any(1)
    assert len(atoms) == len(sizes)
    assert graphs.valid(atoms, orders, capacity)[done].all()
    assert ((atoms == prefix.atoms) | ~prefix.given.places)[done].all()


def test_bonds_outside_rings():
    ring = [{1: 1, 2: 1}, {0: 1, 2: 1}, {0: 1, 1: 1, 3: 1}, {2: 1, 4: 2}, {3: 2}]
    assert sorted(bridges_of(ring)) == [(2, 3), (3, 4)]
    assert bridges_of([{}]) == []


def test_later_atoms_join_all_sites_where_they_are_to_be_linked():
    data, _, prefix = prefixes()
    capacity, size = torch.from_numpy(data.vocabulary.capacity), data.vocabulary.max_atoms
    several = (prefix.required > 0).sum(1) > 1
    prefix = prefix.rows(several)
    prefix = prefix._replace(linked=torch.ones(len(prefix.atoms), dtype=torch.bool))
    sizes = (prefix.given.count + 8).clamp_max(size)
    atoms, orders = network(capacity, size).sample(torch.arange(size) < sizes[:, None], prefix=prefix)
    done = (atoms >= 0).any(1)
    assert done.float().mean() > 0.9
    assert graphs.valid(atoms, orders, capacity)[done].all()
    within = prefix.given.places[:, :, None] & prefix.given.places[:, None]
    made = graphs.to_pairs(graphs.to_matrix(orders, size) * ~within)
    beside = (~prefix.given.places & (atoms >= 0)) | (prefix.required > 0)
    joined = graphs.connected(torch.where(beside, atoms, chemistry.PAD), made)
    assert joined[done].all(), "later atoms and sites are in one piece without the bonds that were given"
