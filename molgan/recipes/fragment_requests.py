"""Samples that begin with given fragments: what each begins with, how large it may be, and its SMILES."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from gancore.errors import ConfigError
from gancore.training.device import derive_seed
from molgan import chemistry
from molgan.chemistry.fragments import OPEN, Fragments
from molgan.data.space import GraphSpace
from molgan.networks.atom_orders import Neighbors, fragments_first
from molgan.networks.growth import ANY_ATOM, ANY_VALENCE, Given, Prefix


class Beginning(NamedTuple):
    """What some samples begin with, and the least and the most heavy atoms of each `(batch,)`."""

    prefix: Prefix
    least: Int[Tensor, "batch"]
    most: Int[Tensor, "batch"]

    def to(self, device: torch.device) -> "Beginning":
        """The same on a device."""
        return Beginning(self.prefix.to(device), self.least.to(device), self.most.to(device))


@dataclass(frozen=True)
class FragmentRequests:
    """Requests, and so many samples of each, one request after the other.

    size: heavy atoms of a sample, the least and the most; None for what training has. added: those beside the
    fragments. seed: for the order in which the atoms of the fragments come. Raises ConfigError for a request that the
    model cannot meet.
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

    def beginning(self, rows: Tensor) -> Beginning:
        """What the samples of these numbers begin with."""
        numbers = rows.tolist()
        n, size = len(numbers), self.space.vocabulary.max_atoms
        atoms, orders = torch.full((n, size), chemistry.PAD), torch.zeros(n, self.space.vocabulary.pairs).long()
        count, valence = torch.zeros(n, dtype=torch.long), torch.full((n, size), ANY_VALENCE)
        linked = torch.tensor([self.requests[self.request_of(number)].linked for number in numbers], dtype=torch.bool)
        required, bounds = torch.zeros(n, size, dtype=torch.long), torch.zeros(2, n, dtype=torch.long)
        types = {atom: place for place, atom in enumerate(self.space.vocabulary.atoms)}
        for row, number in enumerate(numbers):
            which, order = self.request_of(number), self._order(number)
            request, neighbors = self.requests[which], self._neighbors[which]
            place = {atom: at for at, atom in enumerate(order)}
            count[row], bounds[:, row] = (
                len(order),
                torch.tensor(request.bounds(self.space.vocabulary, self.size, self.added)),
            )
            held = [sum(bonds.values()) for bonds in neighbors]
            for atom, at in place.items():
                kind = request.atoms[atom]
                atoms[row, at] = ANY_ATOM if kind is None else types[kind]
                if request.sites[atom] != OPEN:
                    valence[row, at] = held[atom] + request.sites[atom]
                required[row, at] = request.required[atom]
            for i, j, bond in request.bonds:
                low, high = sorted((place[i], place[j]))
                orders[row, high * (high - 1) // 2 + low] = bond
        return Beginning(Prefix(atoms, orders, Given(count, valence), required, linked), *bounds)

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
