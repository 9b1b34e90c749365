"""Logits of a graph -> `Draw`: atoms first, then bonds that respect valence, then joined fragments.

Bonds are drawn one after the other in an order that depends on the logits alone, the likeliest
first; each is an exact draw from its softmax restricted to the orders that the spare valence at both
ends still allows. So valence holds by construction, and the log-probability of the whole graph is a
sum of restricted log-softmaxes, exact given the order.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from gancore.estimators import gumbel_like, straighten
from gancore.types import Draw, Sample
from molgan import chem, graphs

CLOSED = -1e9  # a logit no draw comes from; finite, so that 0 * CLOSED is 0 and gradients stay numbers


class GraphDraw(NamedTuple):
    """A `Draw` of graphs with what was decided between.

    draw: hard and relaxed one-hots, log-probability in nats `(batch,)`.
    atoms, orders: the same as integer arrays.
    bond_logits: the logits `(batch, pair, order)` that bonds were drawn from, closed where valence forbade.
    confidence: Gumbel-perturbed bond logits before anything was closed, `(batch, pair, order)`.
    """

    draw: Draw[Sample]
    atoms: Int[Tensor, "batch node"]
    orders: Int[Tensor, "batch pair"]
    bond_logits: Float[Tensor, "batch pair order"]
    confidence: Float[Tensor, "batch pair order"]


def bond_priority(bond_logits: Float[Tensor, "batch pair order"]) -> Float[Tensor, "batch pair"]:
    """Log-odds of a bond against none: the order in which pairs are decided, highest first."""
    return bond_logits[..., 1:].logsumexp(-1) - bond_logits[..., 0]


def accept_bonds(
    noisy: Float[Tensor, "batch pair order"],
    priority: Float[Tensor, "batch pair"],
    capacity: Int[Tensor, "batch node"],
) -> Int[Tensor, "batch pair"]:
    """Decide pairs by descending priority; each takes its largest noisy logit among the orders valence allows.

    Runs in rounds: a pair is final as soon as it leads at both its ends, which gives the same
    graph as one pair after the other, in about as many rounds as an atom has bonds.
    """
    size = capacity.shape[1]
    i, j = graphs.pair_ends(size, noisy.device)
    spare = capacity.clone()
    accepted = torch.zeros_like(priority, dtype=torch.long)
    open_pairs = noisy[..., 1:].amax(-1) > noisy[..., 0]
    orders = torch.arange(chem.ORDERS, device=noisy.device)
    while True:
        allowed = torch.minimum(spare[:, i], spare[:, j])
        choice = noisy.masked_fill(orders > allowed[..., None], CLOSED).argmax(-1)
        open_pairs = open_pairs & (choice > 0)  # spare valence only shrinks: what closes stays closed
        if not open_pairs.any():
            return accepted
        rank = priority.masked_fill(~open_pairs, -torch.inf)
        lead = graphs.to_matrix(rank, size, diagonal=-torch.inf).amax(-1)
        final = open_pairs & (rank >= lead[:, i]) & (rank >= lead[:, j])
        taken = choice * final
        accepted = accepted + taken
        spare = spare - graphs.bond_totals(taken, size)
        open_pairs = open_pairs & ~final


def room_at_turn(
    orders: Int[Tensor, "batch pair"], priority: Float[Tensor, "batch pair"], capacity: Int[Tensor, "batch node"]
) -> Int[Tensor, "batch pair"]:
    """Largest bond order that was still allowed for each pair when its turn came."""
    size = capacity.shape[1]
    rank = graphs.to_matrix(priority, size, diagonal=-torch.inf)
    turns = rank.argsort(dim=-1, descending=True, stable=True)
    by_turn = graphs.to_matrix(orders, size).gather(-1, turns)
    before = torch.empty_like(by_turn).scatter_(-1, turns, by_turn.cumsum(-1) - by_turn)
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
    """Draw graphs, straight-through: hard values with the gradient of the unrestricted Gumbel-Softmax.

    The pathwise gradient leaves valence out on purpose: restricted, it tells a bond that was crowded
    out nothing, and the distance to the data stayed larger (docs/experiments.md).

    present: which places hold an atom. capacity: bond-order sum each atom type takes.
    temperature: of the relaxation alone, > 0; hard draws do not depend on it.
    """
    nodes = present[..., None].to(node_logits.dtype)
    noisy_nodes = node_logits + gumbel_like(node_logits.detach(), generator)
    atoms = noisy_nodes.argmax(-1)
    pairs = graphs.pair_mask(present)[..., None].to(bond_logits.dtype)
    room = capacity[atoms] * present
    priority = bond_priority(bond_logits.detach())
    noise = gumbel_like(bond_logits.detach(), generator)
    orders = accept_bonds(bond_logits.detach() + noise, priority, room)
    limit = room_at_turn(orders, priority, room)
    closed = torch.arange(chem.ORDERS, device=orders.device) > limit[..., None]
    allowed_logits = bond_logits.masked_fill(closed, CLOSED)
    noisy_bonds = bond_logits + noise
    hard = (one_hot(atoms, node_logits.shape[-1]) * nodes, one_hot(orders, chem.ORDERS) * pairs)
    relaxed = tuple(
        straighten(h, (noisy / temperature).softmax(-1) * mask)
        for h, noisy, mask in zip(hard, (noisy_nodes, noisy_bonds), (nodes, pairs), strict=True)
    )
    log_prob = sum(
        (h * logits.log_softmax(-1)).flatten(1).sum(1)
        for h, logits in zip(hard, (node_logits, allowed_logits), strict=True)
    )
    atoms = torch.where(present, atoms, chem.PAD)
    return GraphDraw(Draw(hard, relaxed, log_prob), atoms, orders, allowed_logits, noisy_bonds.detach())  # pyright: ignore


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
    i, j = chem.pair_ends(size)
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
        atoms[outside] = chem.PAD
        orders[outside[i] | outside[j]] = 0
        return
