"""Crossover: a part of each of two molecules makes a new one.

The idea is that of Graph GA (Jensen 2019): a cut through a bond outside rings, or through two bonds of a ring.
"""

from random import Random

from rdkit import Chem

from molgan.optimize.parents import ORDERS, Cut, Parent, finished

_TRIES = 10
_SINGLE = 0.6  # share of the cuts that go through one bond outside rings


def crossover(first: Parent, second: Parent, random: Random, most_atoms: int = 60) -> Chem.Mol | None:
    """A molecule of a part of each of two; None where no try gives a valid one of at most `most_atoms` heavy atoms.

    One bond outside rings is cut in both, or two bonds of a ring in both, so that the parts close a ring again.
    """
    for _ in range(_TRIES):
        single = random.random() < _SINGLE
        left, right = (one.single_cut(random) if single else one.ring_cut(random) for one in (first, second))
        if left is None or right is None:
            continue
        left_at, left_atoms = _picked(first, left, random)
        right_at, right_atoms = _picked(second, right, random)
        if len(left_atoms) + len(right_atoms) > most_atoms:
            continue
        pairs = list(zip(left_at, left.orders, strict=True)), list(zip(right_at, right.orders, strict=True))
        random.shuffle(pairs[1])
        if [order for _, order in pairs[0]] != [order for _, order in pairs[1]]:
            pairs[1].reverse()
        joined = _joined(first, left_atoms, second, right_atoms, pairs)
        if joined is not None:
            return joined
    return None


def _picked(parent: Parent, cut: Cut, random: Random) -> tuple[tuple[int, ...], frozenset[int]]:
    """One of the two sides of a cut: its atoms at the cut, and all its atoms."""
    if random.random() < 0.5:
        return cut.first, cut.atoms
    return cut.other, frozenset(range(parent.mol.GetNumAtoms())) - cut.atoms


def _joined(
    first: Parent,
    first_atoms: frozenset[int],
    second: Parent,
    second_atoms: frozenset[int],
    pairs: tuple[list[tuple[int, int]], list[tuple[int, int]]],
) -> Chem.Mol | None:
    """The two sides as one molecule. pairs: of each side the atoms at the cut, with the orders of the bonds."""
    before = first.graph.GetNumAtoms()
    new = Chem.RWMol(Chem.CombineMols(first.graph, second.graph))
    for (mine, order), (theirs, other_order) in zip(*pairs, strict=True):
        new.AddBond(mine, before + theirs, ORDERS[min(order, other_order)])
    new.BeginBatchEdit()
    for at in range(before):
        if at not in first_atoms:
            new.RemoveAtom(at)
    for at in range(second.graph.GetNumAtoms()):
        if at not in second_atoms:
            new.RemoveAtom(before + at)
    new.CommitBatchEdit()
    return finished(new, first, second)
