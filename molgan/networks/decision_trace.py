"""The decisions that led to graphs, worked out for all atoms at once, as a likelihood needs them."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.functional import one_hot

from molgan.networks.growth import (
    Given,
    Pieces,
    apart,
    bonds_to_earlier,
    joined_pieces,
    kept_back,
    needed_joins,
    open_atom_types,
    open_bonds,
    site_ids,
)


class Trace(NamedTuple):
    """The decisions that led to graphs, and what was open at each.

    atoms: types, PAD where there is none. partners, orders: the atom that each step bonds to, -1 for a stop, and the
    order. atom_types: which types were open. bonds: which earlier atoms by which order, one to three; stops: whether
    stopping was. free [later, earlier]: free valence of the earlier as the turn of the later begins. left, filled:
    bonds that the later one may still have, and has. kept: those that it has to leave to atoms to come. given: what was
    no decision. sites: 0 where an atom was drawn, 1 where it was given with the valence of its type, else 2 and the
    bonds that the given atoms left to it.
    """

    atoms: Int[Tensor, "batch node"]
    partners: Int[Tensor, "batch node step"]
    orders: Int[Tensor, "batch node step"]
    atom_types: Bool[Tensor, "batch node atom"]
    bonds: Bool[Tensor, "batch node step node order"]
    stops: Bool[Tensor, "batch node step"]
    free: Int[Tensor, "batch node node"]
    left: Int[Tensor, "batch node step"]
    kept: Int[Tensor, "batch node"]
    filled: Int[Tensor, "batch node step"]
    given: Bool[Tensor, "batch node"]
    sites: Int[Tensor, "batch node"]

    @property
    def apart(self) -> Int[Tensor, "batch node step"]:
        """Distance and order of each step's bond as one number."""
        places = torch.arange(self.atoms.shape[1], device=self.atoms.device)
        return apart(places[:, None], self.partners, self.orders)


def decision_trace(
    atoms: Int[Tensor, "batch node"],
    orders: Int[Tensor, "batch pair"],
    capacity: Int[Tensor, "atom"],
    given: Given | None = None,
) -> Trace:
    """How these graphs came to be; given: what they began with."""
    atoms, size = atoms.long(), atoms.shape[1]
    given = given or Given.nothing(atoms)
    places = torch.arange(size, device=atoms.device)
    present = atoms >= 0
    valence = given.largest(atoms, capacity)
    below = bonds_to_earlier(orders, size)
    earlier = below.cumsum(1) - below  # what later atoms before this one took of each
    free = (valence - below.sum(2))[:, None, :] - earlier
    remaining = (present.sum(1)[:, None] - places - 1).clamp_min(0)
    of, count = _pieces_before(below, present)
    pieces = Pieces.find(of, free, places < places[:, None], given.single[:, None], count)
    needed = needed_joins(pieces, remaining, capacity)
    atom_types = open_atom_types(pieces, remaining, needed, capacity)
    atom_types[:, 0] = torch.where(remaining[:, :1] > 0, capacity > 0, True)
    steps = min(size, int((below > 0).sum(2).max()) + 1)
    partners = torch.where(below > 0, places, -1).topk(steps, 2).values  # from the nearest to the farthest
    taken = below.gather(2, partners.clamp_min(0)) * (partners >= 0)
    filled = taken.cumsum(2) - taken
    left, kept = valence[..., None] - filled, kept_back(valence, pieces, remaining)
    step_pieces = one_hot(of.gather(2, partners.clamp_min(0)), count) * (partners >= 0)[..., None]
    joined = (step_pieces.cumsum(2) - step_pieces) > 0
    spare = (joined * pieces.total[:, :, None]).sum(-1) + valence[..., None] - 2 * filled
    bound = torch.cat((places.expand(len(atoms), -1)[..., None], partners[..., :-1]), 2)
    turn = remaining[..., None], needed[..., None]
    bonds = open_bonds(pieces.at_each_step(), *turn, left, joined, spare, bound)
    whole = (joined.sum(-1) >= turn[1]) & ((spare >= 1) | (turn[0] == 0))
    stops = ((filled > 0) & whole) | ~present[..., None] | (places == 0)[:, None]
    sites = site_ids(given, below)
    return Trace(atoms, partners, taken, atom_types, bonds, stops, free, left, kept, filled, given.places, sites)


def _pieces_before(below: Tensor, present: Tensor) -> tuple[Int[Tensor, "batch later earlier"], int]:
    """The piece of each atom before each turn, and how many ids there are."""
    first = present & (below.sum(2) == 0)
    of, count = torch.zeros_like(below), max(1, int(first.sum(1).max()))
    if count == 1:
        return of, count
    ids, now = first.cumsum(1) - 1, torch.zeros_like(of[:, 0])
    for turn in range(below.shape[1]):
        of[:, turn] = now
        now = joined_pieces(now, below[:, turn] > 0, first[:, turn], ids[:, turn], turn, count)
    return of, count
