"""Graphs grown atom by atom: each atom, then its bonds to those before it, given all that is there already.

Atoms come in the order of canonical SMILES, in which every one but the first has a bond to an earlier one; the bonds of
an atom are decided from the nearest earlier atom to the farthest. What valence closes, what would leave a fragment, and
what would leave no room for the atoms still to come has probability zero, so a graph with an atom is always a valid
molecule of one fragment. A draw takes as many steps as there are pairs; likelihoods are worked out for all at once.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn
from torch.nn.functional import leaky_relu

from gancore.estimators import gumbel_like
from molgan import chem, graphs
from molgan.sampling import CLOSED

_SLOPE = 0.1
_MOST_ROOM = 8


class Room(NamedTuple):
    """What is open when each decision's turn comes.

    kinds `(batch, node, atom)`: which atom types may come. orders `(batch, pair, order)`: which bond orders. free
    `(batch, pair)`: spare valence of the earlier atom; filled `(batch, pair)`: bonds that the later one has already.
    """

    kinds: Bool[Tensor, "batch node atom"]
    orders: Bool[Tensor, "batch pair order"]
    free: Int[Tensor, "batch pair"]
    filled: Int[Tensor, "batch pair"]


def room_of(atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"], capacity: Int[Tensor, "atom"]) -> Room:
    """What was open at each decision that led to these graphs."""
    size = atoms.shape[1]
    i, j = graphs.pair_ends(size, atoms.device)
    present = atoms >= 0
    held = capacity[atoms.long().clamp_min(0)] * present
    below = torch.zeros(len(atoms), size, size, dtype=torch.long, device=atoms.device)  # [later, earlier]
    below[:, j, i] = orders.long()
    own = below.sum(2)
    earlier = below.cumsum(1) - below  # what later atoms before this one took of each
    spare = (held - own)[:, None, :] - earlier  # [later, earlier]: as the later one's turn begins
    filled = below.flip(2).cumsum(2).flip(2) - below
    before = torch.tril(torch.ones(size, size, dtype=torch.bool, device=atoms.device), -1)
    reach = (spare * before).cumsum(2)  # spare valence of this atom and those before it
    total = reach[:, :, -1]
    more = torch.cat((present[:, 1:], torch.zeros_like(present[:, :1])), 1)
    kinds = open_kinds(total, more, capacity)
    kinds[:, 0] = torch.where(more[:, :1], capacity > 0, True)
    budget = open_budget(total, held, more)
    free, full = spare[:, j, i], filled[:, j, i]
    last = (reach[:, j, i] == free) & present[:, j]  # no atom farther off has any
    open_orders = open_bonds(free, budget[:, j] - full, full, last)
    return Room(kinds, open_orders, free, full)


def open_kinds(total: Tensor, more: Tensor, capacity: Tensor) -> Tensor:
    """Types `(..., atom)` that leave room for more atoms: where one valence is spare in all, those of two or more."""
    tight = (total == 1) & more
    return ~tight[..., None] | (capacity > 1)


def open_budget(total: Tensor, held: Tensor, more: Tensor) -> Tensor:
    """Bonds that an atom may have to those before it: its valence, and no more than leaves one spare for the next."""
    return torch.where(more, torch.minimum(held, (total + held - 1) // 2), held)


def open_bonds(free: Tensor, left: Tensor, filled: Tensor, last: Tensor) -> Tensor:
    """Orders `(..., order)` open to a pair: within both ends' room; at its last chance a lone atom must bond."""
    most = torch.minimum(free, left)
    allowed = torch.arange(chem.ORDERS, device=free.device) <= most[..., None]
    must = last & (filled == 0) & (most > 0)
    return torch.cat((~must[..., None], allowed[..., 1:]), -1)


class GrowingGenerator(nn.Module):
    """A recurrent network over atoms, and a small one that decides each pair from what both ends have become."""

    capacity: Tensor

    def __init__(
        self, capacity: Int[Tensor, "atom"], max_atoms: int, width: int, pair: int, layers: int, dropout: float
    ):
        super().__init__()
        self.register_buffer("capacity", capacity, persistent=False)
        self.max_atoms, self.kinds, bonds = max_atoms, len(capacity), max_atoms * chem.ORDERS
        self.kind = nn.Embedding(self.kinds + 1, width)
        self.place = nn.Embedding(max_atoms, width)
        self.size = nn.Embedding(max_atoms + 1, width)
        self.bonded = nn.Embedding(bonds, width)  # by distance and order
        self.enter = nn.Linear(width, width)
        self.grown = nn.GRU(width, width, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.choose = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(_SLOPE), nn.Linear(width, self.kinds))
        self.later, self.earlier = nn.Linear(width, pair), nn.Linear(width, pair)
        self.later_kind = nn.Embedding(self.kinds + 1, pair)
        self.distance, self.decided = nn.Embedding(max_atoms, pair), nn.Embedding(bonds, pair)
        self.free, self.filled = nn.Embedding(_MOST_ROOM + 1, pair), nn.Embedding(_MOST_ROOM + 1, pair)
        self.mix, self.bond = nn.Linear(pair, pair), nn.Linear(pair, chem.ORDERS)

    # Likelihood -------------------------------------------------------------------------------

    def forward(
        self, atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"]
    ) -> tuple[Float[Tensor, "batch node atom"], Float[Tensor, "batch pair order"]]:
        """Logits of every decision that led to these graphs; what was closed is at -1e9."""
        atoms, orders = atoms.long(), orders.long()
        room = room_of(atoms, orders, self.capacity)
        size = self.max_atoms
        i, j = graphs.pair_ends(size, atoms.device)
        apart = (j - i - 1) * chem.ORDERS + orders
        there = (orders > 0)[..., None]
        bonded = self.bonded(apart) * there
        rows = bonded.new_zeros(len(atoms), size, bonded.shape[-1]).index_add_(1, j, bonded)
        sizes = (atoms >= 0).sum(1)
        entering = self.kind(atoms + 1) + self.place.weight + rows + self.size(sizes)[:, None]
        entering = torch.cat((self.size(sizes)[:, None], entering), 1)
        states = self.dropout(self.grown(leaky_relu(self.enter(entering), _SLOPE))[0])
        before, after = states[:, :-1], states[:, 1:]
        nodes = self.choose(before).float().masked_fill(~room.kinds, CLOSED)
        decided = self.decided(apart) * there
        upto = decided.cumsum(1)
        sooner = upto[:, j * (j + 1) // 2 - 1] - upto  # of the same atom, to nearer ones
        later = self.later(before) + self.later_kind(atoms + 1)
        given = later[:, j] + self.earlier(after)[:, i] + sooner
        return nodes, self.pair(given, j - i, room.free, room.filled).masked_fill(~room.orders, CLOSED)

    def pair(self, given: Tensor, distance: Tensor, free: Tensor, filled: Tensor) -> Tensor:
        """Logits of pairs from what is given of them."""
        hidden = given + self.distance(distance - 1) + self.free(free.clamp(0, _MOST_ROOM))
        hidden = leaky_relu(hidden + self.filled(filled.clamp(0, _MOST_ROOM)), _SLOPE)
        return self.bond(hidden + leaky_relu(self.mix(hidden), _SLOPE)).float()

    def log_prob(self, atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"]) -> Float[Tensor, "batch"]:
        """Log-probability of each graph given its size, in nats."""
        nodes, bonds = self(atoms, orders)
        hard = graphs.one_hots(atoms, orders, self.kinds)
        told = [
            (one * logits.log_softmax(-1)).flatten(1).sum(1) for one, logits in zip(hard, (nodes, bonds), strict=True)
        ]
        return told[0] + told[1]

    # Draws ------------------------------------------------------------------------------------

    @torch.no_grad()
    def grow(
        self, present: Bool[Tensor, "batch node"], temperature: float = 1.0, generator: Generator | None = None
    ) -> tuple[Int[Tensor, "batch node"], Int[Tensor, "batch pair"]]:
        """Draw a graph of each size: atoms and orders as `chem.encode` makes them. Below 1, a temperature sharpens."""
        n, size, device = len(present), self.max_atoms, present.device
        sizes = present.sum(1)
        atoms = torch.full((n, size), chem.PAD, device=device)
        orders = torch.zeros(n, size * (size - 1) // 2, dtype=torch.long, device=device)
        spare = torch.zeros(n, size, dtype=torch.long, device=device)
        keys: list[Tensor] = []
        entering, memory = self.size(sizes), None

        def drawn(logits: Tensor) -> Tensor:
            return (logits / temperature + gumbel_like(logits, generator)).argmax(-1)

        for row in range(size):
            state, memory = self.grown(leaky_relu(self.enter(entering), _SLOPE)[:, None], memory)
            state = state[:, 0]
            if row:
                keys.append(self.earlier(state))
            here, more, total = sizes > row, sizes > row + 1, spare.sum(1)
            kinds = open_kinds(total, more, self.capacity) if row else ~more[:, None] | (self.capacity > 0)
            kind = drawn(self.choose(state).float().masked_fill(~kinds, CLOSED))
            atoms[:, row] = torch.where(here, kind, chem.PAD)
            held = self.capacity[kind] * here
            left = open_budget(total, held, more) if row else held
            given = self.later(state) + self.later_kind(atoms[:, row] + 1)
            filled = torch.zeros_like(sizes)
            bonded = torch.zeros_like(entering)
            for earlier in range(row - 1, -1, -1):
                distance = torch.tensor(row - earlier, device=device)
                logits = self.pair(given + keys[earlier], distance, spare[:, earlier], filled)
                last = here & (spare[:, :earlier].sum(1) == 0)
                allowed = open_bonds(spare[:, earlier], left - filled, filled, last)
                order = drawn(logits.masked_fill(~allowed, CLOSED)) * here
                orders[:, row * (row - 1) // 2 + earlier] = order
                spare[:, earlier] -= order
                filled = filled + order
                apart, there = (row - earlier - 1) * chem.ORDERS + order, (order > 0)[:, None]
                given = given + self.decided(apart) * there
                bonded = bonded + self.bonded(apart) * there
            spare[:, row] = held - filled
            entering = self.kind(atoms[:, row] + 1) + self.place.weight[row] + bonded + self.size(sizes)
        return atoms, orders
