"""Graphs built atom by atom: each atom, then its bonds to those before it, given all that is there already.

Atoms come in an order in which every one but the first has a bond to an earlier one: that of canonical SMILES, or
another (`molgan.data.atom_orders`). A graph may also begin with given atoms, in one piece or several. An atom points to
the earlier ones that it is bonded to, from the nearest to the farthest (a pointer network, Vinyals et al. 2015), each
time with the order of the bond, and then stops. Choices that do not end in a valid molecule are closed
(`molgan.networks.growth`). A draw takes a step a decision, about two for each atom; likelihoods are worked out for all
at once. Only the dot products of pointing are quadratic in the number of atoms.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn
from torch.nn.functional import embedding, leaky_relu

from gancore.layers.conditioning import DeepEmbedded, guided, refuse_context
from gancore.sampling.estimators import gumbel_like
from gancore.types import Context
from molgan import chemistry
from molgan.networks.atom_by_atom import AtomByAtom
from molgan.networks.decision_trace import Trace, decision_trace
from molgan.networks.growth import BOND_ORDERS, Given, Prefix
from molgan.networks.sampling import CLOSED

_SLOPE = 0.1
_MOST_ROOM = 8
_MOST_PARTS, _LEAST_PART = 4, 32  # graphs of about one size that likelihoods are worked out for together


class Trunk(nn.Module):
    """A recurrent network over the atoms of a graph and their bonds to earlier ones.

    context_features: the context is embedded and added, with the graph's size, to the inputs of every atom. fragments:
    whether it is told which atoms are given, and which bonds these may still make.
    """

    slope = _SLOPE

    def __init__(
        self,
        kinds: int,
        max_atoms: int,
        width: int,
        layers: int,
        dropout: float,
        context_features: int = 0,
        fragments: bool = False,
    ):
        super().__init__()
        self.kind = nn.Embedding(kinds + 1, width)
        self.place = nn.Embedding(max_atoms, width)
        self.size = nn.Embedding(max_atoms + 1, width)
        self.bonded, self.partner = nn.Embedding(max_atoms * chemistry.ORDERS, width), nn.Embedding(kinds, width)
        self.enter = nn.Linear(width, width)
        self.grown = nn.GRU(width, width, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.context = DeepEmbedded(context_features, width) if context_features else None
        self.site = nn.Embedding(_MOST_ROOM + 3, width, padding_idx=0) if fragments else None

    def forward(self, trace: Trace, context: Context | None = None) -> Float[Tensor, "batch node_and_one width"]:
        """What it is before the first atom, and after each."""
        kinds = trace.atoms.gather(1, trace.partners.clamp_min(0).flatten(1)).view_as(trace.partners)
        bonded = (self.bond(trace.apart, kinds) * (trace.partners >= 0)[..., None]).sum(2)
        size = self.whole((trace.atoms >= 0).sum(1), context)[:, None]
        atoms = self.kind(trace.atoms + 1) + self.place.weight[: trace.atoms.shape[1]] + bonded
        entering = torch.cat((size, self.told(atoms, trace.sites) + size), 1)
        return self.dropout(self.grown(leaky_relu(self.enter(entering), self.slope))[0])

    def whole(self, sizes: Int[Tensor, "batch"], context: Context | None = None) -> Float[Tensor, "batch width"]:
        """The inputs of every atom: the graph's size, and its context."""
        if self.context is None:
            refuse_context(context)
            return self.size(sizes)
        embedded = self.size(sizes)
        return embedded + self.context(context, embedded)

    def told(self, atoms: Tensor, sites: Tensor) -> Tensor:
        """The inputs of atoms, with what they are to be where they are given. sites: as in `Trace`."""
        return atoms if self.site is None else atoms + self.site(self.site_of(sites))

    @staticmethod
    def site_of(sites: Tensor) -> Tensor:
        """Which embedding tells what an atom is to be. sites: as in `Trace`."""
        return sites.clamp(0, _MOST_ROOM + 2)

    def bond(self, apart: Tensor, kinds: Tensor) -> Tensor:
        """What a bond adds to the atom that makes it. kinds: of the partner."""
        return self.bonded(apart) + self.partner(kinds.clamp_min(0))


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
        fragments: bool = False,
    ):
        super().__init__()
        self.register_buffer("capacity", capacity, persistent=False)
        self.max_atoms, self.kinds = max_atoms, len(capacity)
        self.trunk = Trunk(self.kinds, max_atoms, width, layers, dropout, context_features, fragments)
        self.choose = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(_SLOPE), nn.Linear(width, self.kinds))
        self.later, self.later_kind = nn.Linear(width, 2 * pair), nn.Embedding(self.kinds + 1, 2 * pair)
        self.decided = nn.Embedding(max_atoms * chemistry.ORDERS, 2 * pair)
        self.left, self.filled = nn.Embedding(_MOST_ROOM + 1, 2 * pair), nn.Embedding(_MOST_ROOM + 1, 2 * pair)
        self.mix = nn.Linear(2 * pair, 2 * pair)
        self.point, self.stop = nn.Linear(2 * pair, BOND_ORDERS * pair), nn.Linear(2 * pair, 1)
        self.key, self.free = nn.Linear(width, pair), nn.Embedding(_MOST_ROOM + 1, pair)
        self.distance = nn.Embedding(max_atoms, pair)

    # Likelihood -------------------------------------------------------------------------------

    def forward(
        self, trace: Trace, context: Context | None = None
    ) -> tuple[Float[Tensor, "batch node atom"], Float[Tensor, "batch node step option"]]:
        """Logits of every decision: types; bonds, by earlier atom and order, then the stop. Closed ones are at -1e9."""
        states = self.trunk(trace, context)
        before, after = states[:, :-1], states[:, 1:]
        nodes = self.choose(before).float().masked_fill(~trace.atom_types, CLOSED)
        decided = self.decided(trace.apart) * (trace.partners >= 0)[..., None]
        given = self.pointing(before, trace.atoms)[:, :, None] + decided.cumsum(2) - decided
        places = torch.arange(trace.atoms.shape[1], device=states.device)
        keys = self.keys(self.key(after)[:, None], (places[:, None] - places).clamp_min(1), trace.free)
        left = self.told_left(trace.left, trace.kept[..., None])
        return nodes, self.options(given, left, trace.filled, keys, trace.bonds, trace.stops)

    def told_left(self, left: Tensor, kept: Tensor) -> Tensor:
        """How many bonds the network is told that an atom may still have.

        Those that it has to keep for atoms to come count where graphs may begin with several pieces, because which of
        them it has to keep depends on what it joins. Other networks are told the bonds that are open now.
        """
        return left if self.trunk.site is not None else left - kept

    def pointing(self, before: Tensor, kinds: Tensor) -> Tensor:
        """What an atom points with before its first bond."""
        return self.later(before) + self.later_kind(kinds + 1)

    def keys(self, keys: Tensor, distance: Tensor, free: Tensor) -> Tensor:
        """What is pointed to `(..., node, pair)`: what an atom is, how far away, with how much room."""
        table = (self.distance.weight[:, None] + self.free.weight).flatten(0, 1)
        row = (distance - 1) * (_MOST_ROOM + 1) + free.clamp(0, _MOST_ROOM)
        return leaky_relu(keys + embedding(row, table), _SLOPE)

    def options(
        self, given: Tensor, left: Tensor, filled: Tensor, keys: Tensor, bonds: Tensor, stops: Tensor
    ) -> Tensor:
        """Logits `(..., step, option)` of pointing from what is `given` to `keys`, and of stopping."""
        hidden = given + self.left(left.clamp(0, _MOST_ROOM)) + self.filled(filled.clamp(0, _MOST_ROOM))
        hidden = leaky_relu(hidden, _SLOPE)
        hidden = hidden + leaky_relu(self.mix(hidden), _SLOPE)
        with_order = self.point(hidden).unflatten(-1, (BOND_ORDERS, -1)).flatten(-3, -2)  # (..., step * order, pair)
        scores = with_order @ keys.transpose(-1, -2) * keys.shape[-1] ** -0.5
        scores = scores.unflatten(-2, (-1, BOND_ORDERS)).transpose(-1, -2)
        pointed = scores.float().masked_fill(~bonds, CLOSED).flatten(-2)
        return torch.cat((pointed, self.stop(hidden).float().masked_fill(~stops[..., None], CLOSED)), -1)

    def log_prob(
        self,
        atoms: Int[Tensor, "batch node"],
        orders: Int[Tensor, "batch pair"],
        context: Context | None = None,
        given: Given | None = None,
    ) -> Float[Tensor, "batch"]:
        """Log-probability of each graph given its size, what was asked, and what it begins with, in nats.

        Graphs of about one size are worked out together, because time goes with the largest of them.
        """
        if not len(atoms):
            return torch.zeros(0, device=atoms.device)
        sizes = (atoms >= 0).sum(1)
        by_size = sizes.argsort(stable=True)
        parts = by_size.chunk(min(_MOST_PARTS, max(1, len(sizes) // _LEAST_PART)))
        found = []
        for rows in parts:
            most = max(2, int(sizes[rows[-1]]))
            begun = Given(given.count[rows], given.valence[rows, :most]) if given is not None else None
            part = atoms[rows, :most], orders[rows, : most * (most - 1) // 2]
            trace = decision_trace(*part, self.capacity, begun)
            found.append(self._log_prob_of(trace, context[rows] if context is not None else None))
        return torch.cat(found)[by_size.argsort()]

    def _log_prob_of(self, trace: Trace, context: Context | None) -> Float[Tensor, "batch"]:
        nodes, options = self(trace, context)
        drawn = (trace.atoms >= 0) & ~trace.given
        atom_types = nodes.log_softmax(-1).gather(-1, trace.atoms.clamp_min(0)[..., None]).squeeze(-1)
        pointed = trace.partners * BOND_ORDERS + trace.orders - 1
        taken = torch.where(trace.partners >= 0, pointed, options.shape[-1] - 1)
        bonds = options.log_softmax(-1).gather(-1, taken[..., None]).squeeze(-1).sum(2)
        return ((atom_types + bonds) * drawn).sum(1)

    # Draws ------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(
        self,
        present: Bool[Tensor, "batch node"],
        temperature: float = 1.0,
        generator: Generator | None = None,
        context: Context | None = None,
        guidance: float = 1.0,
        prefix: Prefix | None = None,
        dtype: torch.dtype | None = None,
    ) -> tuple[Int[Tensor, "batch node"], Int[Tensor, "batch pair"]]:
        """Draw a graph of each size: atoms and orders as of `chemistry.encode`. Below 1, a temperature sharpens.

        guidance: how far the logits go from those without a context to those with it, and beyond above 1 (Ho and
        Salimans 2022); without effect where there is no context. prefix: what each graph begins with. A graph of which
        the required bonds cannot be made any more is returned without atoms; without `prefix` there is none. dtype: of
        the products of the recurrent layers, that of the weights if not given.
        """
        twice = context is not None and guidance != 1.0
        # Rows fall in size, so that those that go on are always the first. With guidance each comes twice in a row,
        # with its context and without, and the second follows what the first draws.
        by_size = present.sum(1).argsort(descending=True, stable=True)
        picked = by_size.repeat_interleave(2) if twice else by_size
        context = context[picked] if context is not None else None
        if context is not None and twice:
            told = torch.arange(len(picked), device=picked.device) % 2 == 0
            context = Context(context.values, context.known & told[:, None])
        prefix = prefix.rows(picked) if prefix is not None else None

        def drawn(logits: Tensor) -> Tensor:
            if twice:
                logits = guided(logits[::2], logits[1::2], guidance)
            drawn = (logits / temperature + gumbel_like(logits, generator)).argmax(-1)
            return drawn.repeat_interleave(2) if twice else drawn

        draw = AtomByAtom(self, present[picked], drawn, context, prefix, dtype)
        for row in range(int(present.sum(1).max()) if len(present) else 0):
            draw.turn(row)
        back = by_size.argsort() * (2 if twice else 1)
        atoms, orders = draw.graphs()
        return atoms[back], orders[back]
