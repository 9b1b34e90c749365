"""A critic that counts what surrounds each atom: it learns from few molecules and says the same of every numbering."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gancore.layers.conditioning import ConditionedOutput, Conditioning
from gancore.layers.hashed_counts import mix, weighted_counts
from gancore.types import Context, CriticOutput, Sample
from molgan.data import graphs
from molgan.networks import ring_features

_RINGS = range(3, 7)  # sizes whose closed walks are told apart
_CONJUGATED = 4  # a bond label beside the orders 1 to 3
_SLOPE = 0.1
_LARGEST = 12  # bonds of rings that are told apart; larger ones are one kind
_RING_FIGURES = 2 * (_LARGEST + 1)
_RING_SCALE = 30.0  # so that a few steps of Adam are enough for what is rare


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
    labels = mix(mix(atoms * 64 + neighbours * 8 + spare) + closed_walks(bonds > 0) * 2 + double)
    graph, atom, other, kinds = _ends(bonds)
    around = _sum_at(mix(labels[graph, other] * 8 + kinds), graph, atom, labels)
    return torch.stack((labels, mix(labels * 3 + around)), 1)


def ring_environments(
    atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"], capacity: Int[Tensor, "atom"]
) -> tuple[Int[Tensor, "batch node"], Float[Tensor, "batch figure"]]:
    """A hash of each atom in the rings it is in, from 0 to 2^31 - 1, -1 for one in none; and counts of each molecule.

    An atom is its type, its spare valences, whether it is a bridgehead, and for each bond in a ring the size of the
    smallest ring through it and the bond's kind, as in `environments`. The counts are of bonds in no ring and in
    rings of each size from 1 to 12, by the smallest; and of bridgeheads in no larger ring than each of these. Rings of
    more than 12 count as 12. See `molgan.networks.ring_features`.
    """
    atoms = atoms.long()
    bonds = graphs.to_matrix(orders.long(), atoms.shape[1])
    found = ring_features.find(bonds > 0)
    graph, atom, other, kinds = _ends(bonds)
    sizes = found.sizes[graph, atom, other].clamp_max(_LARGEST)
    spare = capacity[atoms.clamp_min(0)] - bonds.sum(-1)
    labels = mix((atoms * 8 + spare) * 2 + found.bridgeheads)
    around = _sum_at(mix(sizes * 8 + kinds) * (sizes > 0), graph, atom, labels)
    largest = found.sizes.amax(-1).clamp_max(_LARGEST)
    by_size = _histograms(graph, sizes, len(atoms)) // 2
    bridged = found.bridgeheads.nonzero(as_tuple=True)
    counts = torch.cat((by_size, _histograms(bridged[0], largest[bridged], len(atoms))), 1)
    return torch.where(largest > 0, mix(labels * 3 + around), -1), counts.float()


def _ends(bonds: Int[Tensor, "batch node node"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Each bond in both directions: its graph, the atom, the other atom, and its kind.

    The kind is the order, but one of its own for a single or double bond between two atoms with double bonds.
    """
    double = (bonds == 2).any(-1)
    graph, atom, other = bonds.nonzero(as_tuple=True)
    orders = bonds[graph, atom, other]
    conjugated = double[graph, atom] & double[graph, other] & (orders < 3)
    return graph, atom, other, torch.where(conjugated, _CONJUGATED, orders)


def _sum_at(numbers: Tensor, graph: Tensor, atom: Tensor, like: Tensor) -> Tensor:
    """The sum of the numbers of each atom."""
    return torch.zeros_like(like).index_put_((graph, atom), numbers, accumulate=True)


def _histograms(graph: Tensor, sizes: Tensor, graphs: int) -> Int[Tensor, "batch size"]:
    """How often each size from 0 to the largest occurs in each graph."""
    places = graph * (_LARGEST + 1) + sizes
    return torch.bincount(places, minlength=graphs * (_LARGEST + 1)).view(graphs, -1)


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


class FingerprintCritic(nn.Module):
    """A perceptron of how often each environment occurs. It reads indices, so there is no slope to penalise.

    capacity: valences of each atom type. buckets: into which environments are hashed. width: of the hidden layer.
    ring_buckets: into which atoms in their rings are hashed (`ring_environments`); 0 leaves rings out. Their weights
    begin at 0, so that a critic that knows no rings can be gone on from. context_features, conditioning: the context,
    and how the hidden layer meets it (`gancore.layers.conditioning.Conditioning`).
    """

    capacity: Tensor

    def __init__(
        self,
        capacity: Int[Tensor, "atom"],
        buckets: int,
        width: int,
        ring_buckets: int = 0,
        context_features: int = 0,
        conditioning: Conditioning = "projection",
    ):
        super().__init__()
        self.register_buffer("capacity", capacity, persistent=False)
        self.buckets, self.ring_buckets = buckets, ring_buckets
        self.enter, self.head = nn.Linear(buckets, width), nn.Linear(width, 1)
        if ring_buckets:
            self.ring_enter = nn.Linear(ring_buckets, width, bias=False)
            self.ring_head = nn.Linear(_RING_FIGURES, 1, bias=False)
            nn.init.zeros_(self.ring_enter.weight)
            nn.init.zeros_(self.ring_head.weight)
        self.conditioned = ConditionedOutput(width, context_features, conditioning)

    def ring_weights(self) -> list[nn.Parameter]:
        """The weights of rings, and those of the context."""
        return [weight for name, weight in self.named_parameters() if name.startswith(("ring_", "conditioned."))]

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """Logits and features of hard one-hots."""
        arrays = graphs.indices(sample)
        found = environments(*arrays, self.capacity) % self.buckets
        present = (arrays[0] >= 0)[:, None].expand_as(found)
        hidden, straight = weighted_counts(self.enter, found.flatten(1), present.flatten(1)), 0.0
        if self.ring_buckets:
            around, figures = ring_environments(*arrays, self.capacity)
            hidden = hidden + weighted_counts(self.ring_enter, around % self.ring_buckets, around >= 0)
            straight = self.ring_head(figures.log1p() * _RING_SCALE)
        features = leaky_relu(hidden, _SLOPE)
        logits = (self.head(features) + straight).squeeze(1).float()
        return self.conditioned(logits, features, context)
