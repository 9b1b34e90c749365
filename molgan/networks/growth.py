"""Which atoms and bonds are open as a graph is built atom by atom, so that it ends as one valid molecule.

A graph may begin with atoms that are given, in one piece or several. Every later atom is bonded to what is there before
it. Closed is what valence forbids, what would leave no free valence for the atoms still to come, and what would leave
pieces that these atoms could no longer join. So any draw among the open choices ends as a valid molecule in one piece.

The shapes below leave leading dimensions open: a sampler has one turn of each graph, a likelihood all turns at once.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.functional import one_hot

from molgan import chemistry
from molgan.data import graphs

BOND_ORDERS = chemistry.ORDERS - 1
ANY_ATOM, ANY_VALENCE = -2, -1
_NEVER = -1000  # what a piece adds to the free valence that cannot be joined: less than any sum


class Given(NamedTuple):
    """What graphs begin with: their first atoms, and how many bonds these may have.

    count: given atoms of each graph. valence: the sum of bond orders that each given atom may have in the end;
    `ANY_VALENCE` leaves it to its type.
    """

    count: Int[Tensor, "batch"]
    valence: Int[Tensor, "batch node"]

    @classmethod
    def nothing(cls, atoms: Int[Tensor, "batch node"]) -> "Given":
        """Graphs that begin with nothing."""
        return cls(torch.zeros(len(atoms), dtype=torch.long, device=atoms.device), torch.full_like(atoms, ANY_VALENCE))

    @property
    def places(self) -> Bool[Tensor, "batch node"]:
        """Which places hold a given atom."""
        return torch.arange(self.valence.shape[1], device=self.valence.device) < self.count[:, None]

    @property
    def single(self) -> Bool[Tensor, "batch node"]:
        """Which given atoms take single bonds alone: those with a valence of their own, which is marked sites."""
        return self.places & (self.valence >= 0)

    def largest(self, atoms: Int[Tensor, "batch node"], capacity: Int[Tensor, "atom"]) -> Int[Tensor, "batch node"]:
        """The largest sum of bond orders of each atom; 0 where there is none."""
        by_type = capacity[atoms.clamp_min(0)] * (atoms >= 0)
        return torch.where(self.single, self.valence, by_type)


class Prefix(NamedTuple):
    """Atoms and bonds that graphs begin with, for a sampler.

    atoms: types, PAD where nothing is given, `ANY_ATOM` where the type is left open. orders: of the bonds among them.
    required: how many bonds to later atoms each given atom has to have. linked: whether the later atoms join all sites
    by themselves, so that those of one piece close a ring.
    """

    atoms: Int[Tensor, "batch node"]
    orders: Int[Tensor, "batch pair"]
    given: Given
    required: Int[Tensor, "batch node"]
    linked: Bool[Tensor, "batch"]

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Prefix":
        given = Given(change(self.given.count), change(self.given.valence))
        return Prefix(change(self.atoms), change(self.orders), given, change(self.required), change(self.linked))

    def rows(self, picked: Tensor | slice) -> "Prefix":
        """Some of the rows."""
        return self._map(lambda part: part[picked])

    def to(self, device: torch.device) -> "Prefix":
        """The same on a device."""
        return self._map(lambda part: part.to(device))


class Sites(NamedTuple):
    """Bonds to given atoms that are required, as the turn of an atom begins.

    missing: bonds that each earlier atom still has to get. now: which of them can only get it now, because each later
    atom has one bond to it. needed: how many of the atoms with one missing the atom of this turn has to be bonded to.
    """

    missing: Int[Tensor, "batch node"]
    now: Bool[Tensor, "batch node"]
    needed: Int[Tensor, "batch"]

    @classmethod
    def find(cls, missing: Tensor, remaining: Tensor, capacity: Tensor) -> "Sites":
        """What is missing when `remaining` more atoms come."""
        now = missing > remaining[:, None]
        beyond = missing.sum(1) - remaining * capacity.max()
        return cls(missing, now, torch.maximum(now.sum(1), beyond).clamp_min(0))

    def open_bonds(self, left: Tensor, bound: Tensor, taken: Tensor) -> Bool[Tensor, "batch node order"]:
        """Bonds after which the atom can still make those that it has to. taken: how many it has made."""
        places = torch.arange(self.missing.shape[1], device=left.device)
        wants, now = (self.missing > 0).long(), self.now.long()
        below, now_below = wants.cumsum(1) - wants, now.cumsum(1) - now
        further = torch.maximum((self.needed - taken)[:, None] - wants, now_below)
        last = torch.where(self.now & (places < bound[:, None]), places, -1).amax(1)
        orders = torch.arange(1, BOND_ORDERS + 1, device=left.device)
        enough = (below >= further) & (places >= last[:, None])
        return enough[..., None] & (left[:, None, None] - orders >= further[..., None])

    def stops(self, bound: Tensor, taken: Tensor) -> Bool[Tensor, "batch"]:
        """Whether all that has to be made now is made."""
        places = torch.arange(self.missing.shape[1], device=bound.device)
        return (taken >= self.needed) & ~(self.now & (places < bound[:, None])).any(1)


class Pieces(NamedTuple):
    """The connected pieces of the atoms before a turn.

    of: which piece an atom is in. free: free valence of each atom, 0 from the turn on. largest: order of the largest
    bond that each can still make. exist: whether there is such a piece. total: free valence of each. lowest: the first
    atom of each that has free valence.
    """

    of: Int[Tensor, "*turn node"]
    free: Int[Tensor, "*turn node"]
    largest: Int[Tensor, "*turn node"]
    exist: Bool[Tensor, "*turn piece"]
    total: Int[Tensor, "*turn piece"]
    lowest: Int[Tensor, "*turn piece"]

    @classmethod
    def find(cls, of: Tensor, free: Tensor, before: Tensor, single: Tensor, count: int) -> "Pieces":
        """Pieces of the atoms `before` the turn, of at most `count` ids. single: atoms that take single bonds alone."""
        free = free * before
        largest = torch.where(single, free.clamp_max(1), free)
        member = one_hot(of, count).bool() & before[..., None]
        places = torch.arange(of.shape[-1], device=of.device)[:, None]
        lowest = torch.where(member & (free > 0)[..., None], places, of.shape[-1]).amin(-2)
        return cls(of, free, largest, member.any(-2), (free[..., None] * member).sum(-2), lowest)

    def at_each_step(self) -> "Pieces":
        """The same with a dimension for the steps of the turn before the last."""
        return Pieces(*(part[..., None, :] for part in self))


def needed_joins(pieces: Pieces, remaining: Tensor, capacity: Int[Tensor, "atom"]) -> Int[Tensor, "*turn"]:
    """How many pieces the atom has to be bonded to, so that the `remaining` ones can join what is left.

    `r` atoms of valence `v` in a chain have r (v - 2) + 2 bonds left for pieces.
    """
    most = capacity.max()
    later = torch.where(remaining > 0, remaining * (most - 2) + 2, 1)
    return (pieces.exist.sum(-1) + 1 - later).clamp_min(1)


def kept_back(valence: Int[Tensor, "*turn"], pieces: Pieces, remaining: Int[Tensor, "*turn"]) -> Int[Tensor, "*turn"]:
    """Bonds of an atom that are kept for those to come, so that one is free in the end. Of graphs in one piece."""
    most = (pieces.total.sum(-1) + valence - 1).div(2, rounding_mode="floor")
    return torch.where(remaining > 0, (valence - most).clamp_min(0), 0)


def _gains(pieces: Pieces, joinable: Bool[Tensor, "*turn piece"]) -> Int[Tensor, "*turn piece"]:
    """Free valence gained by single bonds to the best 1, 2, ... of the pieces that can be joined."""
    each = torch.where(joinable, pieces.total - 2, _NEVER)
    return (each if each.shape[-1] == 1 else each.sort(-1, descending=True).values).cumsum(-1)


def open_atom_types(
    pieces: Pieces, remaining: Int[Tensor, "*turn"], needed: Int[Tensor, "*turn"], capacity: Int[Tensor, "atom"]
) -> Bool[Tensor, "*turn atom"]:
    """Atom types with the valence to join what has to be joined, and to leave one free where more atoms come."""
    gains = _gains(pieces, pieces.exist & (pieces.total > 0))
    last = (remaining == 0)[..., None]
    found = torch.zeros(*remaining.shape, len(capacity), dtype=torch.bool, device=capacity.device)
    for joins in range(1, gains.shape[-1] + 1):
        gain = gains[..., joins - 1, None]
        alive = torch.where(last, gain > _NEVER // 2, capacity + gain >= 1)
        found = found | (alive & (capacity >= joins) & (needed <= joins)[..., None])
    return found


def open_bonds(
    pieces: Pieces,
    remaining: Int[Tensor, "*#turn"],
    needed: Int[Tensor, "*#turn"],
    left: Int[Tensor, "*#turn"],
    joined: Bool[Tensor, "*#turn piece"],
    spare: Int[Tensor, "*#turn"],
    bound: Int[Tensor, "*#turn"],
) -> Bool[Tensor, "... node order"]:
    """Bonds of order one to three that an atom may make to each earlier atom.

    left: bonds that it may still have. joined: the pieces that it is bonded to. spare: free valence of these and of
    itself. bound: atoms from this place on are closed, because bonds are made from the nearest to the farthest.
    """
    shape = torch.broadcast_shapes((*left.shape, pieces.of.shape[-1]), pieces.of.shape)
    own = pieces.of.expand(shape)
    fresh = ~joined.expand(*shape[:-1], -1).gather(-1, own)
    after = spare[..., None] + pieces.total.expand(*shape[:-1], -1).gather(-1, own) * fresh
    joins = joined.sum(-1)[..., None] + fresh
    places = torch.arange(shape[-1], device=left.device)
    orders = torch.arange(1, BOND_ORDERS + 1, device=left.device)
    within = (places < bound[..., None])[..., None] & (orders <= pieces.largest[..., None])
    further = left[..., None, None] - orders
    after, last = after[..., None] - 2 * orders, (remaining == 0)[..., None, None]
    found = (joins >= needed[..., None])[..., None] & (further >= 0) & (last | (after >= 1))
    ids = torch.arange(joined.shape[-1], device=left.device)
    if len(ids) > 1:
        others = (pieces.exist & ~joined)[..., None, :] & (ids != own[..., None])
        others = others & (pieces.lowest[..., None, :] < places[:, None])
        gains = _gains(Pieces(*(part[..., None, :] for part in pieces)), others)
        for more in range(1, len(ids)):
            gain = gains[..., more - 1, None]
            alive = torch.where(last, gain > _NEVER // 2, after + gain >= 1)
            found = found | ((joins + more >= needed[..., None])[..., None] & (further >= more) & alive)
    return within & found


def apart(later: Tensor | int, earlier: Tensor, orders: Tensor) -> Tensor:
    """Distance between two places and the order of their bond as one number."""
    return (later - earlier - 1).clamp_min(0) * chemistry.ORDERS + orders


def bonds_to_earlier(orders: Int[Tensor, "batch pair"], size: int) -> Int[Tensor, "batch later earlier"]:
    """Bond orders as a matrix that is zero but for the bonds of each atom to those before it."""
    i, j = graphs.pair_ends(size, orders.device)
    matrix = torch.zeros(len(orders), size, size, dtype=torch.long, device=orders.device)
    matrix[:, j, i] = orders.long()
    return matrix


def site_ids(given: Given, below: Int[Tensor, "batch later earlier"]) -> Int[Tensor, "batch node"]:
    """`Trace.sites` of given atoms."""
    places = given.places
    among = below * (places[:, :, None] & places[:, None])
    left = given.valence - among.sum(1) - among.sum(2)
    return torch.where(places, torch.where(given.valence >= 0, left + 2, 1), 0)


def joined_pieces(of: Tensor, bonded: Tensor, first: Tensor, own: Tensor, turn: int, count: int) -> Tensor:
    """The piece of each atom after a turn: those that it joined have the lowest of their ids.

    bonded `(batch, node)`: the earlier atoms that it is bonded to. first: whether it begins the piece `own`.
    """
    joined = (one_hot(of, count).bool() & bonded[..., None]).any(1)
    lowest = torch.where(first, own, joined.long().argmax(1))
    of = torch.where(joined.gather(1, of), lowest[:, None], of)
    of[:, turn] = lowest
    return of
