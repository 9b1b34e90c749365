"""Batches of molecular graphs as tensors: shapes, structure, the vectorised validity check.

A batch is a `Sample` of one-hots, `nodes (batch, node, atom)` and `bonds (batch, pair, order)`, on the
unordered pairs, so an asymmetric bond matrix cannot be written down. Padding rows are zero; a pair
is padding when either end is.
"""

from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from gancore.types import Sample
from molgan import chemistry


@lru_cache
def pair_ends(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """`chemistry.pair_ends` as tensors `(pair,)` int64."""
    i, j = chemistry.pair_ends(size)
    return torch.from_numpy(i).to(device), torch.from_numpy(j).to(device)


@lru_cache
def pair_places(size: int, device: torch.device) -> Tensor:
    """The pair of every ordered (i, j), `(node, node)` int64; the diagonal points to one past the last pair."""
    i, j = pair_ends(size, device)
    places = torch.full((size, size), len(i), dtype=torch.long, device=device)
    places[i, j] = places[j, i] = torch.arange(len(i), device=device)
    return places


@lru_cache
def incidence(size: int, device: torch.device) -> Tensor:
    """1 where a pair ends at a node, `(pair, node)` float."""
    i, j = pair_ends(size, device)
    return (one_hot(i, size) + one_hot(j, size)).float()


def to_matrix(pairs: Tensor, size: int, diagonal: float | int = 0) -> Tensor:
    """Pairs `(batch, pair, ...)` spread over both orders, `(batch, node, node, ...)`; `diagonal` on the diagonal."""
    edge = pairs.new_full((pairs.shape[0], 1, *pairs.shape[2:]), diagonal)
    flat = torch.cat((pairs, edge), 1).index_select(1, pair_places(size, pairs.device).flatten())
    return flat.unflatten(1, (size, size))


def to_pairs(matrix: Tensor) -> Tensor:
    """The pairs `(batch, pair, ...)` of a symmetric `(batch, node, node, ...)`."""
    i, j = pair_ends(matrix.shape[1], matrix.device)
    return matrix[:, i, j]


def one_hots(atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"], kinds: int) -> Sample:
    """Float one-hots of integer arrays as `chemistry.encode` makes them, zero rows for padding."""
    present = atoms >= 0
    nodes = one_hot(atoms.long().clamp_min(0), kinds) * present[..., None]
    bonds = one_hot(orders.long(), chemistry.ORDERS) * pair_mask(present)[..., None]
    return nodes.float(), bonds.float()


def indices(sample: Sample) -> tuple[Int[Tensor, "batch node"], Int[Tensor, "batch pair"]]:
    """The integer arrays of hard one-hots: the inverse of `one_hots`."""
    nodes, bonds = sample
    present = node_mask(nodes)
    return torch.where(present, nodes.argmax(-1), chemistry.PAD), bonds.argmax(-1)


def node_mask(nodes: Float[Tensor, "batch node atom"]) -> Bool[Tensor, "batch node"]:
    """Which places hold an atom."""
    return nodes.sum(-1) > 0.5


def pair_mask(present: Bool[Tensor, "batch node"]) -> Bool[Tensor, "batch pair"]:
    """Which pairs have an atom at both ends."""
    i, j = pair_ends(present.shape[1], present.device)
    return present[:, i] & present[:, j]


def bond_totals(orders: Int[Tensor, "batch pair"], size: int) -> Int[Tensor, "batch node"]:
    """Sum of bond orders at each node."""
    return to_matrix(orders, size).sum(-1)


def valence_holds(
    atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"], capacity: Int[Tensor, "atom"]
) -> Bool[Tensor, "batch"]:
    """Whether no atom has more bonds than its type takes and no bond ends at padding."""
    present = atoms >= 0
    room = capacity[atoms.long().clamp_min(0)] * present
    return (bond_totals(orders.long(), atoms.shape[1]) <= room).all(-1)


def components(atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"]) -> Int[Tensor, "batch node"]:
    """For each node the smallest node it is connected to; padding nodes are their own."""
    size = atoms.shape[1]
    linked = to_matrix(orders > 0, size) | torch.eye(size, dtype=torch.bool, device=atoms.device)
    labels = torch.arange(size, device=atoms.device).expand(len(atoms), size)
    while True:  # each round a label travels one bond further; ends when none moves
        spread = torch.where(linked, labels[:, None, :], size).amin(-1)
        if torch.equal(spread, labels):
            return labels
        labels = spread


def connected(atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"]) -> Bool[Tensor, "batch"]:
    """Whether the atoms form one component; false without any atom."""
    present = atoms >= 0
    labels = components(atoms, orders)
    first = torch.where(present, labels, atoms.shape[1]).amin(-1, keepdim=True)
    return ((labels == first) | ~present).all(-1) & present.any(-1)


def valid(
    atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"], capacity: Int[Tensor, "atom"]
) -> Bool[Tensor, "batch"]:
    """Strict validity without RDKit: valences hold and there is one component."""
    return valence_holds(atoms, orders, capacity) & connected(atoms, orders)
