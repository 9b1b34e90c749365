"""Orders in which graphs are built atom by atom: at random along their bonds, or with some fragments first.

A generator that has seen fragments first can go on from any: decorate a scaffold, link pieces, grow at a site.
Orders of one graph at random are those of randomised SMILES (Arús-Pous et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from molgan.data import graphs
from molgan.networks.growth import ANY_VALENCE, Given

Neighbors: TypeAlias = list[dict[int, int]]
"""For each atom its neighbors and the orders of the bonds."""

_CUTS, _CUT_WEIGHTS = (1, 2, 3, 4), (35, 35, 20, 10)
_BY_CUTS = 0.75  # share of fragments that come from cutting bonds outside rings; the others are any connected atoms
_MARKED = 0.75  # share of fragments whose sites are marked


@dataclass(frozen=True)
class AtomOrders:
    """How often graphs are built in an order other than their own, each a share from 0 to 1.

    fragments: some connected atoms first, as if they were given. random: at random along the bonds.
    """

    fragments: float = 0.0
    random: float = 0.0

    @property
    def any(self) -> bool:
        """Whether there is another order at all."""
        return self.fragments > 0 or self.random > 0

    def rearranged(
        self, atoms: Int[Tensor, "batch node"], orders: Int[Tensor, "batch pair"], uniform: Float[Tensor, "batch"]
    ) -> tuple[Int[Tensor, "batch node"], Int[Tensor, "batch pair"], Given]:
        """The graphs in new orders, and what each begins with. uniform: what the orders follow from, in [0, 1)."""
        size, device = atoms.shape[1], atoms.device
        neighbors = _neighbors(orders.cpu().numpy(), size)
        counts = (atoms >= 0).sum(1).tolist()
        places = np.tile(np.arange(size), (len(atoms), 1))
        given = np.zeros(len(atoms), dtype=np.int64)
        valence = np.full(atoms.shape, ANY_VALENCE, dtype=np.int64)
        for row, (count, draw) in enumerate(zip(counts, uniform.tolist(), strict=True)):
            random, bonds = Random(int(draw * 2**53)), neighbors[row][:count]
            kind = random.random()
            if kind < self.fragments and count > 1:
                first, used = fragments_of(bonds, random)
                ordered, given[row] = fragments_first(bonds, first, random), len(first)
                if used is not None:
                    valence[row, : len(first)] = [used[atom] for atom in ordered[: len(first)]]
            elif kind < self.fragments + self.random:
                ordered = along_bonds(bonds, [random.randrange(count)], set(), random) if count else []
            else:
                continue
            places[row, :count] = ordered
        moved = torch.from_numpy(places).to(device)
        matrix = graphs.to_matrix(orders, size)
        matrix = matrix.gather(1, moved[..., None].expand(-1, -1, size)).gather(2, moved[:, None].expand(-1, size, -1))
        begin = Given(torch.from_numpy(given).to(device), torch.from_numpy(valence).to(device))
        return atoms.gather(1, moved), graphs.to_pairs(matrix), begin


def _neighbors(orders: np.ndarray, size: int) -> list[Neighbors]:
    found: list[Neighbors] = [[{} for _ in range(size)] for _ in orders]
    i, j = (end.numpy() for end in graphs.pair_ends(size, torch.device("cpu")))
    rows, pairs = np.nonzero(orders)
    ends = zip(rows.tolist(), i[pairs].tolist(), j[pairs].tolist(), orders[rows, pairs].tolist(), strict=True)
    for row, first, second, order in ends:
        found[row][first][second] = found[row][second][first] = order
    return found


def along_bonds(neighbors: Neighbors, start: Sequence[int], seen: set[int], random: Random) -> list[int]:
    """Atoms that are reached from `start` in depth-first order, at random where there is a choice.

    seen: atoms that are left out; those reached are added. The last of `start` comes first.
    """
    ordered, waiting = [], list(start)
    while waiting:
        atom = waiting.pop()
        if atom in seen:
            continue
        seen.add(atom)
        ordered.append(atom)
        following = [other for other in neighbors[atom] if other not in seen]
        random.shuffle(following)
        waiting += following
    return ordered


def fragments_first(neighbors: Neighbors, first: set[int], random: Random) -> list[int]:
    """An order of all atoms in which the fragments `first` come before the others, each in one piece."""
    everything = set(range(len(neighbors)))
    seen, ordered, starts = everything - first, [], list(first)
    random.shuffle(starts)
    for start in starts:
        ordered += along_bonds(neighbors, [start], seen, random)
    edge = [other for atom in ordered for other in neighbors[atom] if other not in first]
    random.shuffle(edge)
    return ordered + along_bonds(neighbors, edge, set(first), random)


def fragments_of(neighbors: Neighbors, random: Random) -> tuple[set[int], dict[int, int] | None]:
    """Some atoms of a graph as fragments, and the sum of bond orders of each where their sites are marked, else None.

    Marked sites take single bonds alone; so fragments with another bond to the rest have none. Neither all atoms nor
    none.
    """
    first = _pieces_at_cuts(neighbors, random) if random.random() < _BY_CUTS else set()
    if not first:
        size, whole = random.randint(1, len(neighbors) - 1), list(range(len(neighbors)))
        first = set(along_bonds(neighbors, [random.choice(whole)], set(), random)[:size])
    outward = [order for atom in first for other, order in neighbors[atom].items() if other not in first]
    if random.random() >= _MARKED or max(outward) > 1:
        return first, None
    return first, {atom: sum(neighbors[atom].values()) for atom in first}


def _pieces_at_cuts(neighbors: Neighbors, random: Random) -> set[int]:
    """Some of the pieces that are left after one to four bonds outside rings are cut; empty where there is no bond."""
    bridges = [(a, b) for a, b in bridges_of(neighbors) if neighbors[a][b] == 1]
    if not bridges:
        return set()
    cuts = random.sample(bridges, min(len(bridges), random.choices(_CUTS, _CUT_WEIGHTS)[0]))
    left = [dict(bonds) for bonds in neighbors]
    for a, b in cuts:
        del left[a][b], left[b][a]
    seen: set[int] = set()
    pieces = [along_bonds(left, [atom], seen, random) for atom in range(len(left)) if atom not in seen]
    chosen = [random.random() < 0.5 for _ in pieces]
    if all(chosen) or not any(chosen):
        chosen = [place == 0 for place in range(len(pieces))]
        random.shuffle(chosen)
    return {atom for piece, kept in zip(pieces, chosen, strict=True) if kept for atom in piece}


def bridges_of(neighbors: Neighbors) -> list[tuple[int, int]]:
    """Bonds that are in no ring: without one of them the graph falls apart (Tarjan 1974).

    >>> bridges_of([{1: 1}, {0: 1, 2: 1, 3: 1}, {1: 1, 3: 1}, {1: 1, 2: 1}])
    [(0, 1)]
    """
    found: list[tuple[int, int]] = []
    reached: dict[int, int] = {}  # when an atom was reached
    lowest: dict[int, int] = {}  # the earliest that it has a way back to
    for root in range(len(neighbors)):
        if root in reached:
            continue
        reached[root] = lowest[root] = len(reached)
        path = [(root, -1, iter(neighbors[root]))]
        while path:
            atom, parent, following = path[-1]
            for other in following:
                if other not in reached:
                    reached[other] = lowest[other] = len(reached)
                    path.append((other, atom, iter(neighbors[other])))
                    break
                if other != parent:
                    lowest[atom] = min(lowest[atom], reached[other])
            else:
                path.pop()
                if parent >= 0:
                    lowest[parent] = min(lowest[parent], lowest[atom])
                    if lowest[atom] > reached[parent]:
                        found.append((parent, atom))
    return found
