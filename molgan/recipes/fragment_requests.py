"""Samples that begin with given fragments: what each begins with, how large it may be, and its SMILES."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.functional import one_hot

from gancore.errors import ConfigError
from gancore.training.device import derive_seed
from molgan import chemistry
from molgan.chemistry.fragments import Fragments
from molgan.chemistry.pairings import OPEN, Pairing, alone
from molgan.data.space import GraphSpace
from molgan.networks.atom_orders import Neighbors, fragments_first
from molgan.networks.growth import ANY_ATOM, ANY_VALENCE, Given, Prefix


class Beginning(NamedTuple):
    """What some samples begin with, and the least and the most heavy atoms of each `(batch,)`.

    with_new: the least heavy atoms of a sample that has new ones. options: how many ways there are to do without, by
    bonds among the fragments alone; 0 where at least one atom is added. joins: the places of these bonds among the
    pairs of atoms, -1 where there is none.
    """

    prefix: Prefix
    least: Int[Tensor, "batch"]
    most: Int[Tensor, "batch"]
    with_new: Int[Tensor, "batch"]
    options: Int[Tensor, "batch"]
    joins: Int[Tensor, "batch option bond"]

    def to(self, device: torch.device) -> "Beginning":
        """The same on a device."""
        return Beginning(self.prefix.to(device), *(part.to(device) for part in self[1:]))

    def settled(
        self, present: Bool[Tensor, "batch node"], random: torch.Generator
    ) -> tuple[Bool[Tensor, "batch node"], Prefix]:
        """Sizes that can be, from those that were drawn, and what the graphs of these sizes begin with.

        A graph without new atoms has one of the ways to do without, all of them equally likely.
        """
        if not bool(self.options.any()):
            return present, self.prefix
        sizes, count, device = present.sum(1), self.prefix.given.count, present.device
        sizes = torch.where((self.options > 0) & (sizes > count), sizes.maximum(self.with_new), sizes)
        uniform = torch.rand(len(sizes), generator=random, device=random.device).to(device)
        picked = self.joins[torch.arange(len(sizes), device=device), (uniform * self.options).long()]
        alone = (self.options > 0) & (sizes == count)
        bonds = one_hot(picked.clamp_min(0), self.prefix.orders.shape[1]) * (picked >= 0)[..., None]
        orders = self.prefix.orders + bonds.sum(1) * alone[:, None]
        required = self.prefix.required * ~alone[:, None]
        places = torch.arange(present.shape[1], device=device)
        return places < sizes[:, None], self.prefix._replace(orders=orders, required=required)


@dataclass(frozen=True)
class FragmentRequests:
    """Requests, and so many samples of each, one request after the other.

    size: heavy atoms of a sample, the least and the most; None for what training has. added: those beside the
    fragments; where it begins at 0, bonds alone may join them. seed: for the order in which the atoms of the fragments
    come. Raises ConfigError for a request that the model cannot meet.
    """

    requests: tuple[Fragments, ...]
    each: int
    space: GraphSpace
    size: tuple[int, int] | None = None
    added: tuple[int, int] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for request in self.requests:
            refusal = request.refusal(self.space.vocabulary, self.size, self.added)
            if refusal:
                raise ConfigError(f"fragments {request.text}: the request {refusal}.")

    def request_of(self, number: int) -> int:
        """Which request a sample is of; those beyond the last sample, which fill a chunk, are of the last."""
        return min(number // max(1, self.each), len(self.requests) - 1)

    @cached_property
    def _neighbors(self) -> list[Neighbors]:
        found = []
        for request in self.requests:
            neighbors: Neighbors = [{} for _ in request.atoms]
            for i, j, order in request.bonds:
                neighbors[i][j] = neighbors[j][i] = order
            found.append(neighbors)
        return found

    def _order(self, number: int) -> list[int]:
        """Which of the request's atoms comes first, second, ... in a sample of this number."""
        neighbors = self._neighbors[self.request_of(number)]
        random = Random(derive_seed(self.seed, "fragments", number))
        return fragments_first(neighbors, set(range(len(neighbors))), random)

    @cached_property
    def _bounds(self) -> list[tuple[int, int]]:
        return [request.bounds(self.space.vocabulary, self.size, self.added) for request in self.requests]

    @cached_property
    def _alone(self) -> list[tuple[Pairing, ...]]:
        """Of each request the ways to do without new atoms, if it may."""
        return [
            alone(request, self.space.vocabulary) if least == len(request.atoms) else ()
            for request, (least, _) in zip(self.requests, self._bounds, strict=True)
        ]

    def beginning(self, rows: Tensor) -> Beginning:
        """What the samples of these numbers begin with."""
        numbers = rows.tolist()
        requests = [self.request_of(number) for number in numbers]
        n, size = len(numbers), self.space.vocabulary.max_atoms
        atoms, orders = torch.full((n, size), chemistry.PAD), torch.zeros(n, self.space.vocabulary.pairs).long()
        count, valence = torch.zeros(n, dtype=torch.long), torch.full((n, size), ANY_VALENCE)
        linked = torch.tensor([self.requests[which].linked for which in requests], dtype=torch.bool)
        required, with_new = torch.zeros(n, size, dtype=torch.long), torch.zeros(n, dtype=torch.long)
        bounds = torch.tensor([self._bounds[which] for which in requests], dtype=torch.long).reshape(n, 2)
        options = torch.tensor([len(self._alone[which]) for which in requests], dtype=torch.long)
        most = max((len(pairing) for which in set(requests) for pairing in self._alone[which]), default=0)
        joins = torch.full((n, max(1, int(options.max()) if n else 1), most), -1)
        types = {atom: place for place, atom in enumerate(self.space.vocabulary.atoms)}
        for row, (number, which) in enumerate(zip(numbers, requests, strict=True)):
            order, request, neighbors = self._order(number), self.requests[which], self._neighbors[which]
            place = {atom: at for at, atom in enumerate(order)}
            count[row], with_new[row] = len(order), request.least_atoms
            held = [sum(bonds.values()) for bonds in neighbors]
            for atom, at in place.items():
                kind = request.atoms[atom]
                atoms[row, at] = ANY_ATOM if kind is None else types[kind]
                if request.sites[atom] != OPEN:
                    valence[row, at] = held[atom] + request.sites[atom]
                required[row, at] = request.required[atom]
            for i, j, bond in request.bonds:
                orders[row, _pair(place[i], place[j])] = bond
            if most:
                ways = [[_pair(place[i], place[j]) for i, j in pairing] for pairing in self._alone[which]]
                padded = [way + [-1] * (most - len(way)) for way in ways]
                joins[row, : len(ways)] = torch.tensor(padded, dtype=torch.long).reshape(-1, most)
        prefix = Prefix(atoms, orders, Given(count, valence), required, linked)
        return Beginning(prefix, bounds[:, 0], bounds[:, 1], with_new, options, joins)

    def smiles(self, sampled: tuple[Tensor, Tensor], numbers: Sequence[int]) -> list[str | None]:
        """Canonical SMILES of samples of these numbers, with the stereochemistry of fragments; None for one without."""
        atoms, orders = (part.cpu().numpy() for part in sampled)
        found: list[str | None] = []
        for number, mol in zip(numbers, chemistry.decode(atoms, orders, self.space.vocabulary), strict=True):
            if mol is None or chemistry.strict_smiles(mol) is None:
                found.append(None)
                continue
            order = self._order(number)
            at = [0] * len(order)
            for place, atom in enumerate(order):
                at[atom] = place
            found.append(self.requests[self.request_of(number)].smiles(mol, at))
        return found


def _pair(first: int, second: int) -> int:
    """The place of two atoms among the pairs."""
    low, high = sorted((first, second))
    return high * (high - 1) // 2 + low
