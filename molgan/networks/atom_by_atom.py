"""Graphs drawn atom by atom from an autoregressive network: the state of a draw, and its turns."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn
from torch.nn.functional import linear

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
from molgan.networks.shared_states import SharedStates

_NO_BOND_LEFT = 2  # `sites` of a given atom that is closed
_IDLE = 0.8  # of the rows make no bond any more: they are left out

if TYPE_CHECKING:
    from molgan.networks.autoregressive import AutoregressiveGenerator


class _Making(NamedTuple):
    """Atoms of one turn that are making bonds to earlier ones.

    rows: their graphs. needed, left, joined, spare, bound: as in `open_bonds`. kept: as of `kept_back`. keys: what is
    pointed to, pointing: what points. filled: the sum of the bonds made. sited: how many of them were required.
    """

    rows: Tensor
    pieces: Pieces
    sites: Sites | None
    remaining: Tensor
    needed: Tensor
    kept: Tensor
    keys: Tensor
    pointing: Tensor
    left: Tensor
    filled: Tensor
    joined: Tensor
    spare: Tensor
    sited: Tensor
    bound: Tensor

    def keep(self, picked: Tensor) -> "_Making":
        """Some of them."""
        pieces = Pieces(*(part[picked] for part in self.pieces))
        sites = Sites(*(part[picked] for part in self.sites)) if self.sites is not None else None
        others = {name: part[picked] for name, part in self._asdict().items() if isinstance(part, Tensor)}
        return self._replace(pieces=pieces, sites=sites, **others)


class Heads:
    """What a network reads from the states of histories, as one linear layer."""

    def __init__(self, net: "AutoregressiveGenerator"):
        self._then = list(net.choose)[1:]
        parts: tuple[nn.Linear, ...] = net.choose[0], net.later, net.key  # pyright: ignore
        self._weight = torch.cat([part.weight.detach() for part in parts])
        self._bias = torch.cat([part.bias.detach() for part in parts])
        self._widths = [part.out_features for part in parts]

    def __call__(self, states: Tensor, whose: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of atom types, what points, and what is pointed to, of each row. whose: as of `SharedStates.step`."""
        types, pointing, key = linear(states, self._weight, self._bias).split(self._widths, 1)
        for layer in self._then:
            types = layer(types)
        found = types.float(), pointing, key
        return found if whose is None else tuple(part[whose] for part in found)  # pyright: ignore


class AtomByAtom:
    """Graphs being drawn: each turn draws the atom at one place of all of them, and its bonds to those before it.

    present: which places hold an atom; the graphs fall in size, so that those that are not finished are always the
    first, and the others cost nothing. dtype: as of `GatedCells`.
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
        dtype: torch.dtype | None = None,
    ):
        (n, size), device = present.shape, present.device
        self.net, self.drawn, self.prefix, self.sizes = net, drawn, prefix, present.sum(1)
        self.everyone, self.places = torch.arange(n, device=device), torch.arange(size, device=device)
        self.left_at = [int(count) for count in present.sum(0).tolist()]  # graphs that have an atom at each place
        self.atoms = torch.full((n, size), chemistry.PAD, device=device)
        self.orders = torch.zeros(n, size * (size - 1) // 2, dtype=torch.long, device=device)
        self.spare = torch.zeros(n, size, dtype=torch.long, device=device)
        self.missing, self.of, self.pieces = torch.zeros_like(self.spare), torch.zeros_like(self.spare), 1
        self.single, self.stuck = torch.zeros_like(present), torch.zeros(n, dtype=torch.bool, device=device)
        self.became = torch.zeros(n, size, net.key.out_features, device=device)
        self.states, self.heads = SharedStates(net.trunk, self.sizes, context, prefix, dtype), Heads(net)
        if prefix is not None:
            below = bonds_to_earlier(prefix.orders, size)
            self.sites, self.within = site_ids(prefix.given, below), below.sum(1) + below.sum(2)
            self.single, self.missing = prefix.given.single, prefix.required.clone()
            own = torch.where(prefix.linked[:, None], self.sites > _NO_BOND_LEFT, below.sum(2) == 0)
            self.first = prefix.given.places & own
            self.ids, self.pieces = self.first.cumsum(1) - 1, max(1, int(self.first.sum(1).max()))
        self.whole = self.atoms, self.orders, self.missing, self.stuck  # of the finished ones, too

    def graphs(self) -> tuple[Int[Tensor, "batch node"], Int[Tensor, "batch pair"]]:
        """What was drawn; no atoms in place of what could not be finished."""
        atoms, orders, missing, stuck = self.whole
        done = ~(stuck | (missing > 0).any(1))
        return torch.where(done[:, None], atoms, chemistry.PAD), orders * done[:, None]

    def _keep(self, count: int) -> None:
        """Go on with the first graphs. What is written to their rows is written to `whole`."""
        rows = slice(0, count)
        names = ["sizes", "everyone", "atoms", "orders", "spare", "missing", "of", "single", "stuck", "became"]
        if self.prefix is not None:
            self.prefix = self.prefix.rows(rows)
            names += ["sites", "within", "first", "ids"]
        for name in names:
            setattr(self, name, getattr(self, name)[rows])
        self.states.keep(rows)

    def turn(self, row: int) -> None:
        """Draw the atom at this place of every graph, and its bonds to those before it."""
        net = self.net
        if self.left_at[row] < len(self.sizes):
            self._keep(self.left_at[row])
        types, pointing, key = self.heads(*self.states.step())
        if row:
            self.became[:, row - 1] = key
        earlier = slice(0, max(row, 1))
        before = (self.places[earlier] < row).expand(len(self.sizes), -1)
        pieces = Pieces.find(self.of[:, earlier], self.spare[:, earlier], before, self.single[:, earlier], self.pieces)
        remaining = (self.sizes - row - 1).clamp_min(0)
        sites = Sites.find(self.missing[:, earlier] * before, remaining, net.capacity) if self.prefix else None
        valence = self._draw_atom(row, types, pieces, remaining, sites)
        bonded = self._draw_bonds(row, pointing, pieces, remaining, sites, valence)
        start = row * (row - 1) // 2
        self.states.drew(torch.cat((self.atoms[:, row, None], self.orders[:, start : start + row]), 1))
        self.states.enter(row, self.atoms[:, row], bonded, self.sites[:, row] if self.prefix is not None else None)

    def _draw_atom(
        self, row: int, logits: Tensor, pieces: Pieces, remaining: Tensor, sites: Sites | None
    ) -> Int[Tensor, "batch"]:
        """Draw or place the atom; the sum of bond orders that it may have. logits: of its type."""
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
            self.stuck |= ~types.any(1) & ~(given & ~left_open)
        here = ~self.stuck
        atom = self.drawn(logits.masked_fill(~types, CLOSED))
        if self.prefix is None or given is None:
            self.atoms[:, row] = torch.where(here, atom, chemistry.PAD)
            return capacity[atom] * here
        atom = torch.where(given & (self.prefix.atoms[:, row] >= 0), self.prefix.atoms[:, row], atom)
        self.atoms[:, row] = torch.where(here, atom, chemistry.PAD)
        own = self.prefix.given.valence[:, row]
        return torch.where(given & (own >= 0), own, capacity[atom]) * here

    def _draw_bonds(
        self, row: int, pointing: Tensor, pieces: Pieces, remaining: Tensor, sites: Sites | None, valence: Tensor
    ) -> Tensor:
        """Draw or place the bonds to earlier atoms; what they add to the inputs of the atom `(batch, width)`.

        pointing: what it points with, but for its type.
        """
        net, free, kinds = self.net, pieces.free, self.atoms[:, row]
        bonded, left, bound = torch.zeros_like(self.states.entering), valence, torch.where(self.stuck, 0, row)
        taken = torch.zeros_like(valence)
        if self.prefix is not None:
            taken, bonded = self._place_bonds(row)
            left, bound = left - taken, bound * (self.prefix.given.count <= row)
        self.spare[:, row] = left
        making = _Making(
            *(self.everyone, pieces, sites, remaining),
            needed=needed_joins(pieces, remaining, net.capacity),
            kept=kept_back(valence, pieces, remaining),
            keys=net.keys(self.became[:, : free.shape[1]], (row - self.places[: free.shape[1]]).clamp_min(1), free),
            pointing=pointing + net.later_kind(kinds + 1),
            left=left,
            filled=taken,
            joined=torch.zeros_like(pieces.exist),
            spare=valence,
            sited=torch.zeros_like(valence),
            bound=bound,
        )
        while row:
            going = making.bound > 0
            count = int(going.sum())
            if not count:
                break
            if count < _IDLE * len(going):
                making = making.keep(going.nonzero().squeeze(1))
            making = self._draw_bond(row, making, bonded)
        if self.pieces > 1:
            start = row * (row - 1) // 2
            made = torch.nn.functional.pad(self.orders[:, start : start + row] > 0, (0, len(self.places) - row))
            if self.prefix is not None:  # bonds among what is given join no sites that later atoms have to join
                made &= ~(self.prefix.linked & (self.prefix.given.count > row))[:, None]
            self.of = joined_pieces(self.of, made, self.first[:, row], self.ids[:, row], row, self.pieces)
        return bonded

    def _draw_bond(self, row: int, making: "_Making", bonded: Tensor) -> "_Making":
        """Draw one more bond, or the stop, of each; bonded: has what the bonds add."""
        net, rows, pieces, bound = self.net, making.rows, making.pieces, making.bound
        joined, spare, sited, last = making.joined, making.spare, making.sited, making.remaining == 0
        bonds = open_bonds(pieces, making.remaining, making.needed, making.left, joined, spare, bound)
        stops = (making.filled > 0) & (joined.sum(1) >= making.needed) & ((spare >= 1) | last)
        if making.sites is not None:
            bonds = bonds & making.sites.open_bonds(making.left, bound, sited)
            stops = stops & making.sites.stops(bound, sited)
            self.stuck[rows] |= (bound > 0) & ~stops & ~bonds.flatten(1).any(1)
        stuck = self.stuck[rows]
        stops = stops | (bound == 0) | stuck
        told = making.pointing, net.told_left(making.left, making.kept), making.filled
        pointing, left, filled = (part[:, None] for part in told)
        option = self.drawn(net.options(pointing, left, filled, making.keys, bonds[:, None], stops[:, None])[:, 0])
        going = option < row * BOND_ORDERS
        partner, order = option.div(BOND_ORDERS, rounding_mode="floor"), (option % BOND_ORDERS + 1) * going
        partner = torch.where(going, partner, 0)
        self.spare[rows, partner] -= order
        self.spare[rows, row] -= order
        self.orders[rows, row * (row - 1) // 2 + partner] += order
        wanted = going & (self.missing[rows, partner] > 0)
        self.missing[rows, partner] -= wanted.long()
        far = apart(row, partner, order)
        on = going.nonzero().squeeze(1)
        bonded.index_add_(0, rows[on], self.states.bond(far[on], self.atoms[rows[on], partner[on]]))
        piece = pieces.of.gather(1, partner[:, None])
        return making._replace(
            pointing=making.pointing + net.decided(far) * going[:, None],
            left=making.left - order,
            filled=making.filled + order,
            joined=joined.scatter(1, piece, joined.gather(1, piece) | going[:, None]),
            spare=spare - 2 * order + ((pieces.total * ~joined).gather(1, piece)[:, 0]) * going,
            sited=sited + wanted,
            bound=torch.where(going & ~stuck, partner, 0),
        )

    def _place_bonds(self, row: int) -> tuple[Int[Tensor, "batch"], Tensor]:
        """The bonds of a given atom to earlier ones: their sum, and what they add to its inputs."""
        assert self.prefix is not None
        start = row * (row - 1) // 2
        given = (self.prefix.given.count > row) & ~self.stuck
        made = self.prefix.orders[:, start : start + row].long() * given[:, None]
        self.orders[:, start : start + row] = made
        self.spare[:, :row] -= made
        inputs = self.states.bond(apart(row, self.places[:row], made), self.atoms[:, :row])
        return made.sum(1), (inputs * (made > 0)[..., None]).sum(1)
