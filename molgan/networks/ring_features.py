"""Rings of many graphs at once, from arrays: the smallest ring through each bond, and which atoms are bridgeheads."""

from itertools import combinations
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor


class Rings(NamedTuple):
    """Of each graph: the size of the smallest ring through each bond, 0 where there is none; which atoms are
    bridgeheads, atoms at which three paths begin that meet again at one other atom, each of two bonds or more."""

    sizes: Int[Tensor, "batch node node"]
    bridgeheads: Bool[Tensor, "batch node"]


class _Walks(NamedTuple):
    """Each bond of the ring parts in both directions, a row each, and where one gets that walks along it.

    graph, atom, first: the walk begins at an atom and goes to another one first, its neighbour number `slot`.
    sizes `(row, slot)`: bonds of the shortest walk that comes back by each of the atom's neighbours, in order; 0 where
    none does. fronts `(step, row)`: the atoms that are at a distance of so many bonds from the first, without the way
    over the atom, a bit each.
    """

    graph: Tensor
    atom: Tensor
    first: Tensor
    slot: Tensor
    sizes: Tensor
    fronts: Tensor


def find(linked: Bool[Tensor, "batch node node"]) -> Rings:
    """The rings of graphs of at most 64 atoms; linked: which atoms have a bond."""
    linked = ring_part(linked)
    sizes, bridgeheads = linked.long(), torch.zeros_like(linked[:, 0])
    if not bool(linked.any()):
        return Rings(sizes, bridgeheads)
    walks = _walk(linked)
    never = torch.iinfo(torch.long).max
    smallest = walks.sizes.masked_fill(walks.sizes == 0, never).amin(1)
    sizes[walks.graph, walks.atom, walks.first] = smallest * (smallest < never)
    rows = torch.full((*bridgeheads.shape, walks.sizes.shape[1]), -1, device=linked.device)  # the atom's, by slot
    rows[walks.graph, walks.atom, walks.slot] = torch.arange(len(walks.slot), device=linked.device)
    branching = (rows[..., 2:] >= 0).any(-1)
    bridgeheads[branching] = _bridged(walks, rows[branching])
    return Rings(sizes, bridgeheads)


def ring_part(linked: Bool[Tensor, "batch node node"]) -> Bool[Tensor, "batch node node"]:
    """The bonds that are left when atoms with one bond are taken away until there are none: rings and their links."""
    while True:
        inner = linked.sum(-1) > 1
        left = linked & inner[:, :, None] & inner[:, None, :]
        if torch.equal(left, linked):
            return linked
        linked = left


def _walk(linked: Tensor) -> _Walks:
    """Walk from every bond in both directions, all at once, until nobody gets further."""
    graph, atom, first = linked.nonzero(as_tuple=True)
    size, slots = linked.shape[1], int(linked.sum(-1).max())
    places = torch.arange(size, device=linked.device)
    bits = torch.ones(size, dtype=torch.long, device=linked.device) << places
    around = (linked * bits).sum(-1).flatten()  # the neighbours of each atom of each graph
    slot = (linked.cumsum(-1) - 1)[graph, atom, first]
    others = torch.full((*linked.shape[:2], slots), size, device=linked.device)  # size where there is none
    others[graph, atom, slot] = first
    others = others[graph, atom]
    present, others = others < size, others.clamp_max(size - 1)
    away = bits[first]
    seen = away | bits[atom]
    sizes = torch.zeros_like(others)
    fronts = [away]
    while bool(away.any()):
        away = _neighbours(away, around, graph * size) & ~seen
        seen = seen | away
        fronts.append(away)
        sizes += ((away[:, None] >> others) & 1) * present * (len(fronts) + 1)
    return _Walks(graph, atom, first, slot, sizes, torch.stack(fronts))


def _neighbours(atoms: Tensor, around: Tensor, start: Tensor) -> Tensor:
    """All neighbours of sets of atoms, a bit each. start: where the row's graph begins in `around`."""
    found = torch.zeros_like(atoms)
    while bool(atoms.any()):
        lowest = atoms & -atoms
        place = lowest.double().abs().clamp_min(1).log2().long()
        found |= around[start + place] * (lowest != 0)
        atoms = atoms ^ lowest
    return found


def _bridged(walks: _Walks, rows: Tensor) -> Tensor:
    """Whether three of an atom's walks meet at one atom that is none of their first; rows `(atom, slot)`, -1: none."""
    found = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    for three in combinations(range(rows.shape[1]), 3):
        of = rows[:, three]
        whole = (of >= 0).all(1)
        sizes = walks.sizes[of.clamp_min(0)][:, :, three]  # (atom, walk, slot); the smallest rings by pairs
        x, y, z = sizes[:, 0, 1], sizes[:, 0, 2], sizes[:, 1, 2]
        half = (x + y + z) // 2
        lengths = torch.stack((half - z, half - y, half - x), 1)  # bonds of the three paths, if they meet at one atom
        whole &= (torch.stack((x, y, z)) > 0).all(0) & (lengths > 1).all(1)
        fronts = walks.fronts[(lengths - 1).clamp(0, len(walks.fronts) - 1), of.clamp_min(0)]
        found |= whole & (fronts[:, 0] & fronts[:, 1] & fronts[:, 2] != 0)
    return found
