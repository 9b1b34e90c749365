"""Bonds between the sites of fragments that make one molecule of them, without new atoms."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from molgan.chemistry.arrays import PAD, decode
from molgan.chemistry.vocabulary import Vocabulary

if TYPE_CHECKING:
    from molgan.chemistry.fragments import Fragments

Pairing: TypeAlias = tuple[tuple[int, int], ...]
"""Pairs of atoms that get a single bond, each `(i, j)` with i < j."""

OPEN = -1
"""Sites of an atom that may be bonded as far as its valence goes."""
MOST = 200
"""Ways to join fragments by bonds alone that are told apart, for each request."""
_TRIED, _SMALLEST_RING = 20_000, 5


@lru_cache(maxsize=4096)
def alone(fragments: "Fragments", vocabulary: Vocabulary, most: int = MOST) -> tuple[Pairing, ...]:
    """Single bonds between sites that make one molecule of fragments, each molecule once; () where there are none.

    All required sites are used, and rings that close have five atoms or more. Sites that new atoms have to link make
    none. A piece without a required site is a molecule already: its pairing has no bonds.
    vocabulary: of a model that knows the atoms. most: of more pairings, so many at random.

    >>> from molgan.chemistry import AtomType
    >>> from molgan.chemistry.fragments import Fragments
    >>> alone(Fragments.parse("[*]C1CC1.[*]CO"), Vocabulary((AtomType("C"), AtomType("O")), 9))
    (((0, 3),),)
    """
    count = len(fragments.atoms)
    if fragments.linked or not 0 < count <= vocabulary.max_atoms:
        return ()
    types = {atom: place for place, atom in enumerate(vocabulary.atoms)}
    kinds = [int(vocabulary.capacity.argmax()) if atom is None else types[atom] for atom in fragments.atoms]
    free = [vocabulary.capacities[kind] for kind in kinds]
    for i, j, order in fragments.bonds:
        free[i] -= order
        free[j] -= order
    free = [open if site == OPEN else site for site, open in zip(fragments.sites, free, strict=True)]
    atoms = np.full((1, vocabulary.max_atoms), PAD)
    atoms[0, :count] = kinds
    found: dict[str, Pairing] = {}
    for pairing in islice(pairings(fragments.bonds, free, fragments.required), 4 * most):
        orders = np.zeros((1, vocabulary.pairs), dtype=int)
        for i, j, order in (*fragments.bonds, *((i, j, 1) for i, j in pairing)):
            orders[0, j * (j - 1) // 2 + i] = order
        mol = decode(atoms, orders, vocabulary)[0]
        text = fragments.smiles(mol, range(count)) if mol is not None else None  # a ring may turn aromatic
        if text is not None:
            found.setdefault(text, pairing)
        if len(found) == most:
            break
    return tuple(found.values())


def pairings(bonds: Sequence[tuple[int, int, int]], free: Sequence[int], required: Sequence[int]) -> Iterator[Pairing]:
    """Sets of single bonds between atoms that leave one piece and use all required sites, in an order at random.

    bonds: those that there are, `(i, j, order)`. free, required: bonds that each atom can and has to get. Rings that
    close have five atoms or more. The same input gives the same order; a search that takes long ends early.

    >>> list(pairings([(0, 1, 1)], [1, 0, 2], [1, 0, 1]))
    [((0, 2),)]
    >>> sorted(pairings([(0, 1, 1)], [1, 1, 1], [0, 0, 1]))
    [((0, 2),), ((1, 2),)]
    """
    if sum(free) == sum(required) and sum(required) % 2:
        return
    yield from _Search(bonds, free, required).complete()


class _Search:
    """Bonds that are made one after the other, and taken back."""

    def __init__(self, bonds: Sequence[tuple[int, int, int]], free: Sequence[int], required: Sequence[int]):
        self.neighbors: list[set[int]] = [set() for _ in free]
        for i, j, _ in bonds:
            self.neighbors[i].add(j)
            self.neighbors[j].add(i)
        self.free, self.required = list(free), list(required)
        self.made: list[tuple[int, int]] = []
        self.seen: set[frozenset[tuple[int, int]]] = set()
        self.random = Random(0)

    def complete(self) -> Iterator[Pairing]:
        """Each set of bonds that has those made so far, and is as it has to be."""
        state = frozenset(self.made)
        if state in self.seen or len(self.seen) >= _TRIED:
            return
        self.seen.add(state)
        choices = self._choices()
        if choices is None:
            yield tuple(sorted(self.made))
            return
        for pair in choices:
            self._bond(pair)
            yield from self.complete()
            self._take_back(pair)

    def _choices(self) -> list[tuple[int, int]] | None:
        """Bonds of which one has to be made next; None where nothing is left to do."""
        free = [at for at, number in enumerate(self.free) if number > 0]
        waiting = next((at for at in free if self.required[at] > 0), None)
        if waiting is None:
            inside = self._around(0)
            if len(inside) == len(self.free):
                return None
            found = [(a, b) for a in free if a in inside for b in free if b not in inside]
        else:
            near = self._around(waiting, _SMALLEST_RING - 2)
            found = [(waiting, other) for other in free if other not in near]
        self.random.shuffle(found)
        return [(min(pair), max(pair)) for pair in found]

    def _around(self, start: int, steps: int = -1) -> set[int]:
        """Atoms that so many bonds lead to; without a number all of the piece."""
        found, edge = {start}, {start}
        while edge and steps:
            edge = {other for at in edge for other in self.neighbors[at]} - found
            found |= edge
            steps -= 1
        return found

    def _bond(self, pair: tuple[int, int]) -> None:
        self.made.append(pair)
        for at, other in (pair, pair[::-1]):
            self.free[at] -= 1
            self.required[at] -= 1
            self.neighbors[at].add(other)

    def _take_back(self, pair: tuple[int, int]) -> None:
        self.made.pop()
        for at, other in (pair, pair[::-1]):
            self.free[at] += 1
            self.required[at] += 1
            self.neighbors[at].remove(other)
