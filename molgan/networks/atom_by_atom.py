"""Graphs drawn atom by atom from an autoregressive network: the state of a draw, and its turns."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from gancore.types import Context
from molgan import chemistry
from molgan.networks.growth import (
    ANY_ATOM,
    BOND_ORDERS,
    Pieces,
    Prefix,
    Sites,
    apart,
    bonds_to_earlier,
    joined_pieces,
    kept_back,
    needed_joins,
    open_atom_types,
    open_bonds,
    site_ids,
)
from molgan.networks.sampling import CLOSED

_NO_BOND_LEFT = 2  # `sites` of a given atom that is closed

if TYPE_CHECKING:
    from molgan.networks.autoregressive import AutoregressiveGenerator


class AtomByAtom:
    """Graphs being drawn: each turn draws the atom at one place of all of them, and its bonds to those before it.

    drawn: an option from logits `(batch, option)`. spare: free valence of the atoms so far. missing: bonds that they
    still have to get. of: the piece that each is in. stuck: which graphs cannot be finished.
    """

    def __init__(
        self,
        net: "AutoregressiveGenerator",
        present: Bool[Tensor, "batch node"],
        drawn: Callable[[Tensor], Tensor],
        context: Context | None,
        prefix: Prefix | None,
    ):
        (n, size), device = present.shape, present.device
        self.net, self.drawn, self.prefix, self.sizes = net, drawn, prefix, present.sum(1)
        self.everyone, self.places = torch.arange(n, device=device), torch.arange(size, device=device)
        self.atoms = torch.full((n, size), chemistry.PAD, device=device)
        self.orders = torch.zeros(n, size * (size - 1) // 2, dtype=torch.long, device=device)
        self.spare = torch.zeros(n, size, dtype=torch.long, device=device)
        self.missing, self.of, self.pieces = torch.zeros_like(self.spare), torch.zeros_like(self.spare), 1
        self.single, self.stuck = torch.zeros_like(present), torch.zeros(n, dtype=torch.bool, device=device)
        self.became = torch.zeros(n, size, net.key.out_features, device=device)
        self.memory: Tensor | None = None
        self.entering = self.whole = net.trunk.whole(self.sizes, context)
        if prefix is not None:
            below = bonds_to_earlier(prefix.orders, size)
            self.sites, self.within = site_ids(prefix.given, below), below.sum(1) + below.sum(2)
            self.single, self.missing = prefix.given.single, prefix.required.clone()
            own = torch.where(prefix.linked[:, None], self.sites > _NO_BOND_LEFT, below.sum(2) == 0)
            self.first = prefix.given.places & own
            self.ids, self.pieces = self.first.cumsum(1) - 1, max(1, int(self.first.sum(1).max()))

    def graphs(self) -> tuple[Int[Tensor, "batch node"], Int[Tensor, "batch pair"]]:
        """What was drawn; no atoms in place of what could not be finished."""
        done = ~(self.stuck | (self.missing > 0).any(1))
        return torch.where(done[:, None], self.atoms, chemistry.PAD), self.orders * done[:, None]

    def turn(self, row: int) -> None:
        """Draw the atom at this place of every graph, and its bonds to those before it."""
        net, trunk = self.net, self.net.trunk
        state, self.memory = trunk.step(self.entering[:, None], self.memory)
        state = state[:, 0]
        if row:
            self.became[:, row - 1] = net.key(state)
        earlier = slice(0, max(row, 1))
        before = (self.places[earlier] < row).expand(len(self.sizes), -1)
        pieces = Pieces.find(self.of[:, earlier], self.spare[:, earlier], before, self.single[:, earlier], self.pieces)
        remaining = (self.sizes - row - 1).clamp_min(0)
        sites = Sites.find(self.missing[:, earlier] * before, remaining, net.capacity) if self.prefix else None
        valence = self._draw_atom(row, state, pieces, remaining, sites)
        bonded = self._draw_bonds(row, state, pieces, remaining, sites, valence)
        entering = trunk.kind(self.atoms[:, row] + 1) + trunk.place.weight[row] + bonded
        if self.prefix is not None:
            entering = trunk.told(entering, self.sites[:, row])
        self.entering = entering + self.whole

    def _here(self, row: int) -> Bool[Tensor, "batch"]:
        return (self.sizes > row) & ~self.stuck

    def _draw_atom(
        self, row: int, state: Tensor, pieces: Pieces, remaining: Tensor, sites: Sites | None
    ) -> Int[Tensor, "batch"]:
        """Draw or place the atom; the sum of bond orders that it may have."""
        capacity = self.net.capacity
        if row:
            types = open_atom_types(pieces, remaining, needed_joins(pieces, remaining, capacity), capacity)
        else:
            types = (remaining == 0)[:, None] | (capacity > 0)
        given = None
        if self.prefix is not None and sites is not None:
            types = types & (capacity >= sites.needed[:, None])
            given, left_open = self.prefix.given.count > row, self.prefix.atoms[:, row] == ANY_ATOM
            fits = capacity >= (self.within + self.prefix.required)[:, row, None]
            types = torch.where((given & left_open)[:, None], fits, types)
            self.stuck |= self._here(row) & ~types.any(1) & ~(given & ~left_open)
        here = self._here(row)
        atom = self.drawn(self.net.choose(state).float().masked_fill(~types, CLOSED))
        if self.prefix is None or given is None:
            self.atoms[:, row] = torch.where(here, atom, chemistry.PAD)
            return capacity[atom] * here
        atom = torch.where(given & (self.prefix.atoms[:, row] >= 0), self.prefix.atoms[:, row], atom)
        self.atoms[:, row] = torch.where(here, atom, chemistry.PAD)
        own = self.prefix.given.valence[:, row]
        return torch.where(given & (own >= 0), own, capacity[atom]) * here

    def _draw_bonds(
        self, row: int, state: Tensor, pieces: Pieces, remaining: Tensor, sites: Sites | None, valence: Tensor
    ) -> Tensor:
        """Draw or place the bonds to earlier atoms; what they add to the inputs of the atom `(batch, width)`."""
        net, free = self.net, pieces.free
        bonded, left, filled = torch.zeros_like(self.entering), valence, torch.zeros_like(valence)
        bound = torch.where(self._here(row), row, 0)
        if self.prefix is not None:
            taken, bonded = self._place_bonds(row)
            left, filled, bound = left - taken, filled + taken, bound * (self.prefix.given.count <= row)
        needed = needed_joins(pieces, remaining, net.capacity)
        joined, spare, sited = torch.zeros_like(pieces.exist), valence, torch.zeros_like(valence)
        kept = kept_back(valence, pieces, remaining)
        pointing = net.pointing(state, self.atoms[:, row])
        keys = net.keys(self.became[:, : free.shape[1]], (row - self.places[: free.shape[1]]).clamp_min(1), free)
        while row and bool((bound > 0).any()):
            bonds = open_bonds(pieces, remaining, needed, left, joined, spare, bound)
            stops = (filled > 0) & (joined.sum(1) >= needed) & ((spare >= 1) | (remaining == 0))
            if sites is not None:
                bonds = bonds & sites.open_bonds(left, bound, sited)
                stops = stops & sites.stops(bound, sited)
                self.stuck |= (bound > 0) & ~stops & ~bonds.flatten(1).any(1)
            stops = stops | (bound == 0) | self.stuck
            one = (part[:, None] for part in (pointing, net.told_left(left, kept), filled))
            option = self.drawn(net.options(*one, keys, bonds[:, None], stops[:, None])[:, 0])
            going = option < row * BOND_ORDERS
            partner, order = option.div(BOND_ORDERS, rounding_mode="floor"), (option % BOND_ORDERS + 1) * going
            partner = torch.where(going, partner, 0)
            self.spare[self.everyone, partner] -= order
            self.orders[self.everyone, row * (row - 1) // 2 + partner] += order
            wanted = going & (self.missing[self.everyone, partner] > 0)
            self.missing[self.everyone, partner] -= wanted.long()
            sited = sited + wanted
            piece = pieces.of.gather(1, partner[:, None])
            spare = spare - 2 * order + ((pieces.total * ~joined).gather(1, piece)[:, 0]) * going
            joined = joined.scatter(1, piece, joined.gather(1, piece) | going[:, None])
            left, filled = left - order, filled + order
            far = apart(row, partner, order)
            pointing = pointing + net.decided(far) * going[:, None]
            bonded = bonded + net.trunk.bond(far, self.atoms[self.everyone, partner]) * going[:, None]
            bound = torch.where(going & ~self.stuck, partner, 0)
        self.spare[:, row] = valence - filled
        if self.pieces > 1:
            start = row * (row - 1) // 2
            made = torch.nn.functional.pad(self.orders[:, start : start + row] > 0, (0, len(self.places) - row))
            if self.prefix is not None:  # bonds among what is given join no sites that later atoms have to join
                made &= ~(self.prefix.linked & (self.prefix.given.count > row))[:, None]
            self.of = joined_pieces(self.of, made, self.first[:, row], self.ids[:, row], row, self.pieces)
        return bonded

    def _place_bonds(self, row: int) -> tuple[Int[Tensor, "batch"], Tensor]:
        """The bonds of a given atom to earlier ones: their sum, and what they add to its inputs."""
        assert self.prefix is not None
        start = row * (row - 1) // 2
        given = (self.prefix.given.count > row) & self._here(row)
        made = self.prefix.orders[:, start : start + row].long() * given[:, None]
        self.orders[:, start : start + row] = made
        self.spare[:, :row] -= made
        inputs = self.net.trunk.bond(apart(row, self.places[:row], made), self.atoms[:, :row])
        return made.sum(1), (inputs * (made > 0)[..., None]).sum(1)
