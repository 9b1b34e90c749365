"""Graphs grown atom by atom: each atom, then its bonds to those before it, given all that is there already.

Atoms come in the order of canonical SMILES, in which every one but the first has a bond to an earlier one. An atom
points to the earlier ones that it is bonded to, from the nearest to the farthest (a pointer network, Vinyals et al.
2015), each time with the order of the bond, and then stops. What valence closes, what would leave a fragment, and what
would leave no room for the atoms still to come has probability zero, so a graph with an atom is always a valid molecule
of one fragment. A draw takes a step a decision, about two for each atom; likelihoods are worked out for all at once.
Only the dot products of pointing are quadratic
in the number of atoms.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn
from torch.nn.functional import embedding, leaky_relu

from gancore.layers.conditioning import DeepEmbedded, guided, refuse_context
from gancore.sampling.estimators import gumbel_like
from gancore.types import Context
from molgan import chemistry
from molgan.data import graphs
from molgan.networks.sampling import CLOSED

_SLOPE = 0.1
_MOST_ROOM = 8
_BONDS = chemistry.ORDERS - 1  # bond orders that are bonds


class Trace(NamedTuple):
    """The decisions that led to graphs, and what was open at each.

    atoms: types, PAD where there is none. partners, orders: the atom that each step bonds to, -1 for a stop, and the
    order. kinds: which types were open. bonds: which earlier atoms by which order, one to three; stops: whether
    stopping was. free [later, earlier]: spare valence of the earlier as the turn of the later begins. left, filled:
    bonds that the later one may still have, and has.
    """

    atoms: Int[Tensor, "batch node"]
    partners: Int[Tensor, "batch node step"]
    orders: Int[Tensor, "batch node step"]
    kinds: Bool[Tensor, "batch node atom"]
    bonds: Bool[Tensor, "batch node step node order"]
    stops: Bool[Tensor, "batch node step"]
    free: Int[Tensor, "batch node node"]
    left: Int[Tensor, "batch node step"]
    filled: Int[Tensor, "batch node step"]

    @property
    def apart(self) -> Int[Tensor, "batch node step"]:
        """Distance and order of each step's bond as one number."""
        places = torch.arange(self.atoms.shape[1], device=self.atoms.device)
        return apart(places[:, None], self.partners, self.orders)


def apart(later: Tensor | int, earlier: Tensor, orders: Tensor) -> Tensor:
    """Distance between two places and the order of their bond as one number."""
    return (later - earlier - 1).clamp_min(0) * chemistry.ORDERS + orders


def decision_trace(
    atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"], capacity: Int[Tensor, "atom"]
) -> Trace:
    """How these graphs came to be."""
    atoms, size = atoms.long(), atoms.shape[1]
    i, j = graphs.pair_ends(size, atoms.device)
    places = torch.arange(size, device=atoms.device)
    present = atoms >= 0
    held = capacity[atoms.clamp_min(0)] * present
    below = torch.zeros(len(atoms), size, size, dtype=torch.long, device=atoms.device)  # [later, earlier]
    below[:, j, i] = orders.long()
    earlier = below.cumsum(1) - below  # what later atoms before this one took of each
    free = (held - below.sum(2))[:, None, :] - earlier
    total = (free * (places < places[:, None])).sum(2)
    more = torch.cat((present[:, 1:], torch.zeros_like(present[:, :1])), 1)
    kinds = open_kinds(total, more, capacity)
    kinds[:, 0] = torch.where(more[:, :1], capacity > 0, True)
    steps = min(size, int((below > 0).sum(2).max()) + 1)
    partners = torch.where(below > 0, places, -1).topk(steps, 2).values  # from the nearest to the farthest
    taken = below.gather(2, partners.clamp_min(0)) * (partners >= 0)
    filled = taken.cumsum(2) - taken
    left = open_budget(total, held, more)[..., None] - filled
    bound = torch.cat((places.expand(len(atoms), -1)[..., None], partners[..., :-1]), 2)
    bonds = open_bonds(free[:, :, None], left[..., None], places < bound[..., None])
    stops = (filled > 0) | ~present[..., None] | (places == 0)[:, None]
    return Trace(atoms, partners, taken, kinds, bonds, stops, free, left, filled)


def open_kinds(total: Tensor, more: Tensor, capacity: Tensor) -> Tensor:
    """Types `(..., atom)` of a later atom: they take a bond, or where one valence is spare for more atoms, two."""
    tight = (total == 1) & more
    return capacity > tight[..., None]


def open_budget(total: Tensor, held: Tensor, more: Tensor) -> Tensor:
    """Bonds that an atom may have to those before it: its valence, and no more than leaves one spare for the next."""
    return torch.where(more, torch.minimum(held, (total + held - 1) // 2), held)


def open_bonds(free: Tensor, left: Tensor, earlier: Tensor) -> Tensor:
    """Orders from one to three `(..., order)` that are open to an earlier atom: within the room of both ends."""
    orders = torch.arange(1, chemistry.ORDERS, device=free.device)
    return earlier[..., None] & (orders <= torch.minimum(free, left)[..., None])


class Trunk(nn.Module):
    """A recurrent network over the atoms of a graph and their bonds to earlier ones.

    context_features: the context is embedded and added, with the graph's size, to the inputs of every atom.
    """

    def __init__(self, kinds: int, max_atoms: int, width: int, layers: int, dropout: float, context_features: int = 0):
        super().__init__()
        self.kind = nn.Embedding(kinds + 1, width)
        self.place = nn.Embedding(max_atoms, width)
        self.size = nn.Embedding(max_atoms + 1, width)
        self.bonded, self.partner = nn.Embedding(max_atoms * chemistry.ORDERS, width), nn.Embedding(kinds, width)
        self.enter = nn.Linear(width, width)
        self.grown = nn.GRU(width, width, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.context = DeepEmbedded(context_features, width) if context_features else None

    def forward(self, trace: Trace, context: Context | None = None) -> Float[Tensor, "batch node_and_one width"]:
        """What it is before the first atom, and after each."""
        kinds = trace.atoms.gather(1, trace.partners.clamp_min(0).flatten(1)).view_as(trace.partners)
        bonded = (self.bond(trace.apart, kinds) * (trace.partners >= 0)[..., None]).sum(2)
        size = self.whole((trace.atoms >= 0).sum(1), context)[:, None]
        entering = torch.cat((size, self.kind(trace.atoms + 1) + self.place.weight + bonded + size), 1)
        return self.dropout(self.step(entering)[0])

    def whole(self, sizes: Int[Tensor, "batch"], context: Context | None = None) -> Float[Tensor, "batch width"]:
        """The inputs of every atom: the graph's size, and its context."""
        if self.context is None:
            refuse_context(context)
            return self.size(sizes)
        embedded = self.size(sizes)
        return embedded + self.context(context, embedded)

    def bond(self, apart: Tensor, kinds: Tensor) -> Tensor:
        """What a bond adds to the atom that makes it. kinds: of the partner."""
        return self.bonded(apart) + self.partner(kinds.clamp_min(0))

    def step(self, entering: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """States after what enters, `(batch, step, width)`, and the memory to go on from."""
        return self.grown(leaky_relu(self.enter(entering), _SLOPE), memory)


class AutoregressiveGenerator(nn.Module):
    """A trunk over atoms; what it has become at an atom is what later atoms point to.

    width: of the trunk. pair: of what is pointed to; what points has twice that.
    """

    capacity: Tensor

    def __init__(
        self,
        capacity: Int[Tensor, "atom"],
        max_atoms: int,
        width: int,
        pair: int,
        layers: int,
        dropout: float,
        context_features: int = 0,
    ):
        super().__init__()
        self.register_buffer("capacity", capacity, persistent=False)
        self.max_atoms, self.kinds = max_atoms, len(capacity)
        self.trunk = Trunk(self.kinds, max_atoms, width, layers, dropout, context_features)
        self.choose = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(_SLOPE), nn.Linear(width, self.kinds))
        self.later, self.later_kind = nn.Linear(width, 2 * pair), nn.Embedding(self.kinds + 1, 2 * pair)
        self.decided = nn.Embedding(max_atoms * chemistry.ORDERS, 2 * pair)
        self.left, self.filled = nn.Embedding(_MOST_ROOM + 1, 2 * pair), nn.Embedding(_MOST_ROOM + 1, 2 * pair)
        self.mix = nn.Linear(2 * pair, 2 * pair)
        self.point, self.stop = nn.Linear(2 * pair, _BONDS * pair), nn.Linear(2 * pair, 1)
        self.key, self.free = nn.Linear(width, pair), nn.Embedding(_MOST_ROOM + 1, pair)
        self.distance = nn.Embedding(max_atoms, pair)

    # Likelihood -------------------------------------------------------------------------------

    def forward(
        self, trace: Trace, context: Context | None = None
    ) -> tuple[Float[Tensor, "batch node atom"], Float[Tensor, "batch node step option"]]:
        """Logits of every decision: types; bonds, by earlier atom and order, then the stop. Closed ones are at -1e9."""
        states = self.trunk(trace, context)
        before, after = states[:, :-1], states[:, 1:]
        nodes = self.choose(before).float().masked_fill(~trace.kinds, CLOSED)
        decided = self.decided(trace.apart) * (trace.partners >= 0)[..., None]
        given = self._given(before, trace.atoms)[:, :, None] + decided.cumsum(2) - decided
        places = torch.arange(self.max_atoms, device=states.device)
        keys = self._keys(self.key(after)[:, None], (places[:, None] - places).clamp_min(1), trace.free)
        return nodes, self._options(given, trace.left, trace.filled, keys, trace.bonds, trace.stops)

    def _given(self, before: Tensor, kinds: Tensor) -> Tensor:
        return self.later(before) + self.later_kind(kinds + 1)

    def _keys(self, keys: Tensor, distance: Tensor, free: Tensor) -> Tensor:
        """What is pointed to `(..., node, pair)`: what an atom is, how far away, with how much room."""
        table = (self.distance.weight[:, None] + self.free.weight).flatten(0, 1)
        row = (distance - 1) * (_MOST_ROOM + 1) + free.clamp(0, _MOST_ROOM)
        return leaky_relu(keys + embedding(row, table), _SLOPE)

    def _options(
        self, given: Tensor, left: Tensor, filled: Tensor, keys: Tensor, bonds: Tensor, stops: Tensor
    ) -> Tensor:
        """Logits `(..., step, option)` of pointing from what is `given` to `keys`, and of stopping."""
        hidden = given + self.left(left.clamp(0, _MOST_ROOM)) + self.filled(filled.clamp(0, _MOST_ROOM))
        hidden = leaky_relu(hidden, _SLOPE)
        hidden = hidden + leaky_relu(self.mix(hidden), _SLOPE)
        with_order = self.point(hidden).unflatten(-1, (_BONDS, -1)).flatten(-3, -2)  # (..., step * order, pair)
        scores = with_order @ keys.transpose(-1, -2) * keys.shape[-1] ** -0.5
        scores = scores.unflatten(-2, (-1, _BONDS)).transpose(-1, -2)
        pointed = scores.float().masked_fill(~bonds, CLOSED).flatten(-2)
        return torch.cat((pointed, self.stop(hidden).float().masked_fill(~stops[..., None], CLOSED)), -1)

    def log_prob(
        self, atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"], context: Context | None = None
    ) -> Float[Tensor, "batch"]:
        """Log-probability of each graph given its size, and what was asked, in nats."""
        trace = decision_trace(atoms, orders, self.capacity)
        nodes, options = self(trace, context)
        kinds = nodes.log_softmax(-1).gather(-1, trace.atoms.clamp_min(0)[..., None]).squeeze(-1) * (trace.atoms >= 0)
        pointed = trace.partners * _BONDS + trace.orders - 1
        taken = torch.where(trace.partners >= 0, pointed, options.shape[-1] - 1)
        return kinds.sum(1) + options.log_softmax(-1).gather(-1, taken[..., None]).flatten(1).sum(1)

    # Draws ------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(
        self,
        present: Bool[Tensor, "batch node"],
        temperature: float = 1.0,
        generator: Generator | None = None,
        context: Context | None = None,
        guidance: float = 1.0,
    ) -> tuple[Int[Tensor, "batch node"], Int[Tensor, "batch pair"]]:
        """Draw a graph of each size: atoms and orders as of `chemistry.encode`. Below 1, a temperature sharpens.

        guidance: how far the logits go from those without a context to those with it, and beyond above 1 (Ho and
        Salimans 2022); without effect where there is no context.
        """
        n, size, device = len(present), self.max_atoms, present.device
        twice = False
        if context is not None and guidance != 1.0:
            twice = True  # the second half of the rows has no context, and follows what the first half draws
            present, context = present.repeat(2, 1), Context.cat([context, context.hidden])
            n *= 2
        sizes, everyone = present.sum(1), torch.arange(n, device=device)
        atoms = torch.full((n, size), chemistry.PAD, device=device)
        orders = torch.zeros(n, size * (size - 1) // 2, dtype=torch.long, device=device)
        spare = torch.zeros(n, size, dtype=torch.long, device=device)
        places = torch.arange(size, device=device)
        became = torch.zeros(n, size, self.key.out_features, device=device)
        trunk, memory = self.trunk, None
        entering = whole = trunk.whole(sizes, context)

        def drawn(logits: Tensor) -> Tensor:
            if twice:
                conditional, unconditional = logits.chunk(2)
                logits = guided(conditional, unconditional, guidance)
            drawn = (logits / temperature + gumbel_like(logits, generator)).argmax(-1)
            return drawn.repeat(2) if twice else drawn

        for row in range(int(sizes.max()) if n else 0):
            state, memory = trunk.step(entering[:, None], memory)
            state = state[:, 0]
            if row:
                became[:, row - 1] = self.key(state)
            here, more, total = sizes > row, sizes > row + 1, spare.sum(1)
            kinds = open_kinds(total, more, self.capacity) if row else ~more[:, None] | (self.capacity > 0)
            kind = drawn(self.choose(state).float().masked_fill(~kinds, CLOSED))
            atoms[:, row] = torch.where(here, kind, chemistry.PAD)
            held = self.capacity[kind] * here
            left, filled = open_budget(total, held, more), torch.zeros_like(sizes)
            given, bonded = self._given(state, atoms[:, row]), torch.zeros_like(entering)
            free, keys = spare[:, :row].clone(), became[:, :row]
            keys = self._keys(keys, row - places[:row], free)
            bound = torch.where(here, row, 0)
            while row and bool((bound > 0).any()):
                bonds = open_bonds(free, left[:, None], places[:row] < bound[:, None])[:, None]
                stops = (filled > 0) | ~here
                logits = self._options(given[:, None], left[:, None], filled[:, None], keys, bonds, stops[:, None])
                option = drawn(logits[:, 0])
                going = option < row * _BONDS
                partner, order = option.div(_BONDS, rounding_mode="floor"), (option % _BONDS + 1) * going
                partner = torch.where(going, partner, 0)
                spare[everyone, partner] -= order
                orders[everyone, row * (row - 1) // 2 + partner] += order
                left, filled = left - order, filled + order
                far = apart(row, partner, order)
                given = given + self.decided(far) * going[:, None]
                bonded = bonded + trunk.bond(far, atoms[everyone, partner]) * going[:, None]
                bound = torch.where(going, partner, 0)
            spare[:, row] = held - filled
            entering = trunk.kind(atoms[:, row] + 1) + trunk.place.weight[row] + bonded + whole
        return (atoms.chunk(2)[0], orders.chunk(2)[0]) if twice else (atoms, orders)
