"""Logits of a graph -> a draw: atoms first, then bonds that respect valence, then joined fragments.

Bonds are drawn one after the other in an order that depends on the logits alone, the likeliest
first; each is an exact draw from its softmax restricted to the orders that the spare valence at both
ends still allows. So valence holds by construction, and the log-probability of the whole graph is a
sum of restricted log-softmaxes, exact given the order.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from gancore.losses.policy_gradient import categorical_kl
from gancore.sampling.estimators import gumbel_like, straighten
from gancore.types import Sample
from molgan import chemistry
from molgan.data import graphs

CLOSED = -1e9  # a logit no draw comes from; finite, so that 0 * CLOSED is 0 and gradients stay numbers


@dataclass(frozen=True)
class GraphDraw:
    """A `Draw` of graphs; what costs time is worked out when it is first asked for.

    atoms, orders: the drawn graphs as integer arrays, as `chemistry.encode` makes them.
    node_logits, bond_logits: what they were drawn from. noisy_nodes, noisy_bonds: the same,
        Gumbel-perturbed; the bonds' are the sampler's confidence. present: which places hold an atom.
    capacity: bond-order sum each place takes. temperature: of the relaxation.
    """

    atoms: Int[Tensor, "batch node"]
    orders: Int[Tensor, "batch pair"]
    node_logits: Float[Tensor, "batch node atom"]
    bond_logits: Float[Tensor, "batch pair order"]
    noisy_nodes: Float[Tensor, "batch node atom"]
    noisy_bonds: Float[Tensor, "batch pair order"]
    present: Bool[Tensor, "batch node"]
    capacity: Int[Tensor, "batch node"]
    temperature: float = 1.0

    @cached_property
    def hard(self) -> Sample:
        """One-hots without gradient, zero rows for padding."""
        return graphs.one_hots(self.atoms, self.orders, self.node_logits.shape[-1])

    @cached_property
    def relaxed(self) -> Sample:
        """Straight-through: the values of `hard` with the gradient of the unrestricted Gumbel-Softmax.

        The pathwise gradient leaves valence out: restricted, it tells a bond that was crowded out
        nothing. Beside the evidence bound that did better, without it worse (docs/experiments.md).
        """
        masks = self.present[..., None], graphs.pair_mask(self.present)[..., None]
        return tuple(
            straighten(hard, (noisy / self.temperature).softmax(-1) * mask)
            for hard, noisy, mask in zip(self.hard, (self.noisy_nodes, self.noisy_bonds), masks, strict=True)
        )

    @cached_property
    def closed(self) -> Bool[Tensor, "batch pair order"]:
        """Which orders valence forbade when a pair's turn came."""
        limit = room_at_turn(self.orders, turns(self.bond_logits.detach()), self.capacity)
        return torch.arange(chemistry.ORDERS, device=limit.device) > limit[..., None]

    @cached_property
    def log_prob(self) -> Float[Tensor, "batch"]:
        """Log-probability of each graph in nats, exact given the order of the pairs."""
        restricted = self.bond_logits.masked_fill(self.closed, CLOSED)
        parts = zip(self.hard, (self.node_logits, restricted), strict=True)
        nodes, bonds = ((hard * logits.log_softmax(-1)).flatten(1).sum(1) for hard, logits in parts)
        return nodes + bonds

    def kl_from(
        self, node_logits: Float[Tensor, "batch node atom"], bond_logits: Float[Tensor, "batch pair order"]
    ) -> Float[Tensor, "batch"]:
        """KL divergence in nats of the draw's distribution from that of other logits, along the draw's own order.

        What valence closed counts as given: no gradient goes through the choice of earlier bonds.
        """
        node_kl = categorical_kl(self.node_logits, node_logits) * self.present
        restricted = (part.masked_fill(self.closed, CLOSED) for part in (self.bond_logits, bond_logits))
        bond_kl = categorical_kl(*restricted) * graphs.pair_mask(self.present)
        return node_kl.sum(1) + bond_kl.sum(1)


def turns(bond_logits: Float[Tensor, "batch pair order"]) -> Int[Tensor, "batch pair"]:
    """When each pair is decided, 0 first: by falling log-odds of a bond against none, ties by position."""
    log_odds = bond_logits[..., 1:].logsumexp(-1) - bond_logits[..., 0]
    return log_odds.argsort(dim=-1, descending=True, stable=True).argsort(-1)


def accept_bonds(
    noisy: Float[Tensor, "batch pair order"],
    turn: Int[Tensor, "batch pair"],
    capacity: Int[Tensor, "batch node"],
) -> Int[Tensor, "batch pair"]:
    """Decide pairs in their turn; each takes its largest noisy logit among the orders valence still allows.

    Runs in rounds: a pair is final as soon as it comes first at both its ends, which gives the same
    graph as one pair after the other, in about as many rounds as an atom has bonds.
    """
    size, last = capacity.shape[1], turn.shape[1]
    best = graphs.to_matrix(noisy.cummax(-1).indices, size)  # [..., k]: the choice when k is the most allowed
    when = graphs.to_matrix(turn, size, diagonal=last)
    spare = capacity
    accepted = torch.zeros_like(best[..., 0])
    is_open = best[..., -1] > 0
    while True:
        allowed = torch.minimum(spare[:, :, None], spare[:, None, :]).clamp_max(chemistry.ORDERS - 1)
        choice = best.gather(-1, allowed[..., None]).squeeze(-1)
        is_open = is_open & (choice > 0)  # spare valence only shrinks: what closes stays closed
        if not is_open.any():
            return graphs.to_pairs(accepted)
        open_turn = when.masked_fill(~is_open, last)
        first = open_turn.amin(-1)
        final = is_open & (open_turn <= torch.minimum(first[:, :, None], first[:, None, :]))
        taken = choice * final
        accepted = accepted + taken
        spare = spare - taken.sum(-1)
        is_open = is_open & ~final


def room_at_turn(
    orders: Int[Tensor, "batch pair"], turn: Int[Tensor, "batch pair"], capacity: Int[Tensor, "batch node"]
) -> Int[Tensor, "batch pair"]:
    """Largest bond order that was still allowed for each pair when its turn came."""
    size = capacity.shape[1]
    sequence = graphs.to_matrix(turn, size, diagonal=turn.shape[1]).argsort(dim=-1)
    in_turn = graphs.to_matrix(orders, size).gather(-1, sequence)
    before = torch.empty_like(in_turn).scatter_(-1, sequence, in_turn.cumsum(-1) - in_turn)
    room = capacity[..., None] - before
    return graphs.to_pairs(torch.minimum(room, room.transpose(1, 2)))


def draw_graphs(
    node_logits: Float[Tensor, "batch node atom"],
    bond_logits: Float[Tensor, "batch pair order"],
    present: Bool[Tensor, "batch node"],
    capacity: Int[Tensor, "atom"],
    temperature: float = 1.0,
    generator: Generator | None = None,
) -> GraphDraw:
    """Draw one graph from each row of logits.

    present: which places hold an atom. capacity: bond-order sum each atom type takes.
    temperature: of the relaxation alone, > 0; what is drawn does not depend on it.
    """
    noisy_nodes = node_logits + gumbel_like(node_logits.detach(), generator)
    noisy_bonds = bond_logits + gumbel_like(bond_logits.detach(), generator)
    kinds = noisy_nodes.argmax(-1)
    room = capacity[kinds] * present
    orders = accept_bonds(noisy_bonds.detach(), turns(bond_logits.detach()), room)
    atoms = torch.where(present, kinds, chemistry.PAD)
    return GraphDraw(atoms, orders, node_logits, bond_logits, noisy_nodes, noisy_bonds, present, room, temperature)


def repair(
    atoms: Int[Tensor, "batch node"],
    orders: Int[Tensor, "batch pair"],
    confidence: Float[Tensor, "batch pair order"],
    capacity: Int[Tensor, "atom"],
) -> tuple[Int[Tensor, "batch node"], Int[Tensor, "batch pair"]]:
    """Join the fragments of valence-correct graphs, so that every one with an atom is strictly valid.

    A graph of several fragments gets the single bond between two of them that the sampler's
    `confidence` (noisy logits) favours most, between atoms with spare valence; where a fragment
    has none, its least confident multiple bond is lowered by one first; where it has no multiple
    bond either, only the largest fragment is kept. Connected graphs are returned as they are.
    """
    atoms, orders = atoms.clone(), orders.clone()
    broken = (~graphs.connected(atoms, orders)).nonzero().squeeze(1).tolist()
    room = (capacity[atoms.long().clamp_min(0)] * (atoms >= 0)).cpu().numpy()
    for row in broken:
        kinds, bonds = atoms[row].cpu().numpy(), orders[row].cpu().numpy()
        _join(kinds, bonds, confidence[row].detach().cpu().numpy(), room[row])
        atoms[row], orders[row] = torch.from_numpy(kinds).to(atoms), torch.from_numpy(bonds).to(orders)
    return atoms, orders


def _join(atoms: np.ndarray, orders: np.ndarray, confidence: np.ndarray, room: np.ndarray) -> None:
    """`repair` of one graph, in place."""
    size = len(atoms)
    i, j = chemistry.pair_ends(size)
    real = (atoms[i] >= 0) & (atoms[j] >= 0)
    while True:
        labels = graphs.components(torch.from_numpy(atoms)[None], torch.from_numpy(orders)[None])[0].numpy()
        fragments, counts = np.unique(labels[atoms >= 0], return_counts=True)
        if len(fragments) < 2:
            return
        spare = room.copy()
        np.subtract.at(spare, i, orders)
        np.subtract.at(spare, j, orders)
        bridges = np.flatnonzero(real & (labels[i] != labels[j]) & (spare[i] > 0) & (spare[j] > 0))
        if len(bridges):
            orders[bridges[np.argmax(confidence[bridges, 1] - confidence[bridges, 0])]] = 1
            continue
        full = [fragment for fragment in fragments if not (spare[labels == fragment] > 0).any()]
        multiple = np.flatnonzero((orders > 1) & np.isin(labels[i], full))
        if len(multiple):
            gain = confidence[multiple, orders[multiple]] - confidence[multiple, orders[multiple] - 1]
            orders[multiple[np.argmin(gain)]] -= 1
            continue
        outside = labels != fragments[np.argmax(counts)]
        atoms[outside] = chemistry.PAD
        orders[outside[i] | outside[j]] = 0
        return
