"""A critic that counts what surrounds each atom: it learns from few molecules and says the same of every numbering."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gancore.types import Sample, Verdict
from molgan import graphs

_RINGS = range(3, 7)  # sizes whose closed walks are told apart
_CONJUGATED = 4  # a bond label beside the orders 1 to 3
_ODD = 0x5851F42D4C957F2D, 0x2545F4914F6CDD1D
_SLOPE = 0.1


def environments(
    atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"], capacity: Int[Tensor, "atom"]
) -> Int[Tensor, "batch kind node"]:
    """Two hashes of each atom, from 0 to 2^31 - 1: of itself, and of it with its neighbours.

    As in a circular fingerprint (Rogers and Hahn 2010) of radius 1. An atom is its type, its numbers of neighbours and
    of spare valences, whether it has a double bond, and which closed walks of 3 to 6 bonds without turning back lead
    through it: the rings of that size, and larger walks around smaller rings. A single and a double bond between two
    atoms with double bonds are one kind, so that Kekulé forms are the same.
    """
    atoms, size = atoms.long(), atoms.shape[1]
    bonds = graphs.to_matrix(orders.long(), size)
    neighbours = (bonds > 0).sum(-1)
    spare = capacity[atoms.clamp_min(0)] - bonds.sum(-1)
    double = (bonds == 2).any(-1)
    labels = _mix(_mix(atoms * 64 + neighbours * 8 + spare) + closed_walks(bonds > 0) * 2 + double)
    conjugated = double[:, :, None] & double[:, None, :] & (bonds > 0) & (bonds < 3)
    kinds = torch.where(conjugated, _CONJUGATED, bonds)
    around = (_mix(labels[:, None, :] * 8 + kinds) * (bonds > 0)).sum(-1)
    return torch.stack((labels, _mix(labels * 3 + around)), 1)


def closed_walks(linked: Bool[Tensor, "batch node node"]) -> Int[Tensor, "batch node"]:
    """For each atom a bit for each length from 3 to 6: whether a walk of so many bonds that never turns back closes."""
    step = linked.float()
    others = step.sum(-1)[:, None, :] - 1  # ways on from each
    before, walks = step, step @ step - torch.diag_embed(step.sum(-1))
    found = torch.zeros(linked.shape[:-1], dtype=torch.long, device=linked.device)
    for place in range(len(_RINGS)):
        before, walks = walks, walks @ step - before * others
        found += (walks.diagonal(dim1=-2, dim2=-1) > 0.5).long() << place
    return found


def _mix(numbers: Tensor) -> Tensor:
    """Hashes of integers, each from 0 to 2^31 - 1; products wrap around."""
    for odd in _ODD:
        numbers = (numbers + 1) * odd
        numbers = numbers ^ ((numbers >> 32) & 0xFFFFFFFF)
    return numbers & 0x7FFFFFFF


class EnvironmentCritic(nn.Module):
    """A perceptron of how often each environment occurs. It reads indices, so there is no slope to penalise.

    capacity: valences of each atom type. buckets: into which environments are hashed. width: of the hidden layer.
    """

    capacity: Tensor

    def __init__(self, capacity: Int[Tensor, "atom"], buckets: int, width: int):
        super().__init__()
        self.register_buffer("capacity", capacity, persistent=False)
        self.buckets = buckets
        self.enter, self.head = nn.Linear(buckets, width), nn.Linear(width, 1)

    def counts(self, atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"]) -> Float[Tensor, "batch b"]:
        """log(1 + how often) of every bucket."""
        found = environments(atoms, orders, self.capacity) % self.buckets
        present = (atoms >= 0)[:, None].expand_as(found)
        counts = torch.zeros(len(atoms), self.buckets, device=atoms.device)
        return counts.scatter_add_(1, found.flatten(1), present.flatten(1).float()).log1p()

    def forward(self, sample: Sample) -> Verdict:
        """A verdict on hard one-hots."""
        hidden = leaky_relu(self.enter(self.counts(*graphs.indices(sample))), _SLOPE)
        return Verdict(self.head(hidden).squeeze(1).float())
