"""Mutation: a molecule that differs in one place - an atom, a bond, a ring, a group."""

from collections.abc import Callable, Sequence
from functools import cache
from random import Random

from rdkit import Chem

from molgan.optimize.parents import ORDERS, RING_SIZES, Parent, finished, parent

_TRIES = 10
_ELEMENTS = {"C": 4, "N": 3, "O": 2, "F": 1, "S": 2, "Cl": 1, "Br": 1, "P": 3}
_WEIGHTS = {"C": 8, "N": 6, "O": 5, "F": 2, "S": 2, "Cl": 2, "Br": 0.5, "P": 0.2}
_GROUPS = (
    "C(F)(F)F C#N C(C)C C(C)(C)C C(=O)N C(=O)O S(=O)(=O)N S(C)(=O)=O OC N(C)C C(C)=O NC(C)=O",
    "[N+](=O)[O-] C1CC1 C1CCC1 C1CCCC1 C1CCCCC1 N1CCOCC1 N1CCNCC1 N1CCCCC1 N1CCCC1 C1=CC=CC=C1 C1=CC=CN=C1 C1=CN=CC=C1",
    "C1=NC=CC=C1 C1=CN=CN1 C1=CC=CS1 C1=CC=CO1 N1C=CN=C1 N1C=CC=N1 C1=CNN=C1 OC1=CC=CC=C1 CC1=CC=CC=C1 NC1=CC=CC=C1",
    "C=C C#C CCO CCN",
)


Edit = Callable[[Parent, Chem.RWMol, Random], bool]
"""An edit in place; whether it found a place for itself."""


def mutate(
    origin: Parent, random: Random, most_atoms: int = 60, edits: "Sequence[str] | None" = None
) -> Chem.Mol | None:
    """A molecule that differs in one place; None where no try gives a valid one of at most `most_atoms` heavy atoms.

    edits: names of `EDITS` to choose from; none for all of them.
    """
    names = list(edits or EDITS)
    for _ in range(_TRIES):
        new = Chem.RWMol(origin.graph)
        edit, _weight = EDITS[random.choices(names, [EDITS[name][1] for name in names])[0]]
        if not edit(origin, new, random) or not 0 < new.GetNumAtoms() <= most_atoms:
            continue
        changed = finished(new, origin)
        if changed is not None:
            return changed
    return None


def _free(mol: Chem.Mol, least: int = 1) -> list[int]:
    """Atoms with so many hydrogens to give."""
    return [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetTotalNumHs() >= least]


def _element(random: Random, least: int = 1) -> str:
    """A random element that can have so many bonds."""
    names = [name for name, valence in _ELEMENTS.items() if valence >= least]
    return random.choices(names, [_WEIGHTS[name] for name in names])[0]


def _append_atom(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    order = random.choices((1, 2, 3), (12, 3, 1))[0]
    places = _free(new, order)
    if not places:
        return False
    at = new.AddAtom(Chem.Atom(_element(random, order)))
    new.AddBond(random.choice(places), at, ORDERS[order])
    return True


def _append_group(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    places = _free(new)
    if not places:
        return False
    _attach(new, random.choice(places), random.choice(_groups()))
    return True


@cache
def _groups() -> tuple[Chem.Mol, ...]:
    return tuple(origin.graph for smiles in " ".join(_GROUPS).split() if (origin := parent(smiles)) is not None)


def _attach(new: Chem.RWMol, at: int, group: Chem.Mol) -> None:
    """Bond a group's first atom to an atom."""
    first = new.GetNumAtoms()
    for atom in group.GetAtoms():
        new.AddAtom(atom)
    for bond in group.GetBonds():
        new.AddBond(first + bond.GetBeginAtomIdx(), first + bond.GetEndAtomIdx(), bond.GetBondType())
    new.AddBond(at, first, Chem.BondType.SINGLE)


def _insert_atom(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    aromatic = origin.aromatic
    bonds = [
        one for one in new.GetBonds() if one.GetBondType() == Chem.BondType.SINGLE and one.GetIdx() not in aromatic
    ]
    if not bonds:
        return False
    bond = random.choice(bonds)
    i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
    new.RemoveBond(i, j)
    at = new.AddAtom(Chem.Atom(_element(random, 2)))
    new.AddBond(i, at, Chem.BondType.SINGLE)
    new.AddBond(at, j, Chem.BondType.SINGLE)
    return True


def _delete_atom(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    places = [at for at, near in enumerate(origin.neighbors) if len(near) <= 2]
    if len(places) < 2:
        return False
    at = random.choice(places)
    near = origin.neighbors[at]
    if len(near) == 2 and new.GetBondBetweenAtoms(near[0], near[1]) is None:
        orders = [int(new.GetBondBetweenAtoms(at, other).GetBondTypeAsDouble()) for other in near]
        new.AddBond(near[0], near[1], ORDERS[min(orders)])
    elif len(near) == 2:
        return False
    new.RemoveAtom(at)
    return True


def _delete_part(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    """Take away the smaller side of a bond outside rings."""
    cut = origin.single_cut(random)
    if cut is None:
        return False
    total = new.GetNumAtoms()
    side = cut.atoms if len(cut.atoms) <= total // 2 else frozenset(range(total)) - cut.atoms
    new.BeginBatchEdit()
    for at in side:
        new.RemoveAtom(at)
    new.CommitBatchEdit()
    return True


def _change_element(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    atoms = [atom for atom in new.GetAtoms() if not atom.GetFormalCharge()]
    if not atoms:
        return False
    atom = random.choice(atoms)
    bonds = sum(int(bond.GetBondTypeAsDouble()) for bond in atom.GetBonds())
    names = [name for name, valence in _ELEMENTS.items() if valence >= bonds and name != atom.GetSymbol()]
    if not names:
        return False
    picked = random.choices(names, [_WEIGHTS[name] for name in names])[0]
    atom.SetAtomicNum(Chem.GetPeriodicTable().GetAtomicNumber(picked))
    return True


def _change_order(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    bonds = list(new.GetBonds())
    if not bonds:
        return False
    bond = random.choice(bonds)
    order = int(bond.GetBondTypeAsDouble())
    free = min(end.GetTotalNumHs() for end in (bond.GetBeginAtom(), bond.GetEndAtom()))
    choices = [other for other in (1, 2, 3) if other != order and other - order <= free]
    if not choices:
        return False
    bond.SetBondType(ORDERS[random.choices(choices, [{1: 6, 2: 4, 3: 1}[one] for one in choices])[0]])
    return True


def _close_ring(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    places = _free(new)
    if not places:
        return False
    start = random.choice(places)
    distance, waiting = {start: 0}, [start]
    for at in waiting:
        for other in origin.neighbors[at]:
            if other not in distance and distance[at] < max(RING_SIZES) - 1:
                distance[other] = distance[at] + 1
                waiting.append(other)
    ends = [at for at in places if distance.get(at, 0) + 1 in RING_SIZES]
    weights = [{5: 6, 6: 8, 3: 2, 4: 1, 7: 1}[distance[at] + 1] for at in ends]
    if not ends:
        return False
    new.AddBond(start, random.choices(ends, weights)[0], Chem.BondType.SINGLE)
    return True


def _open_ring(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    bonds = [bond for bond in new.GetBonds() if bond.IsInRing()]
    if not bonds:
        return False
    bond = random.choice(bonds)
    new.RemoveBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
    return True


def _move_part(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    """Bond one side of a bond outside rings to another atom of the other side."""
    cut = origin.single_cut(random)
    if cut is None:
        return False
    total = frozenset(range(new.GetNumAtoms()))
    side, mine, theirs = cut.atoms, cut.first[0], cut.other[0]
    if len(side) > len(total) // 2:
        side, mine, theirs = total - side, theirs, mine
    places = [at for at in _free(new) if at not in side and at != theirs]
    if not places:
        return False
    near = set(origin.neighbors[theirs]) | {two for one in origin.neighbors[theirs] for two in origin.neighbors[one]}
    new.RemoveBond(mine, theirs)
    new.AddBond(mine, random.choices(places, [3 if at in near else 1 for at in places])[0], Chem.BondType.SINGLE)
    return True


def _swap_atoms(origin: Parent, new: Chem.RWMol, random: Random) -> bool:
    """Swap the elements of two atoms."""
    atoms = [atom for atom in new.GetAtoms() if not atom.GetFormalCharge()]
    if len(atoms) < 2:
        return False
    first, second = random.sample(atoms, 2)
    if first.GetAtomicNum() == second.GetAtomicNum():
        return False
    numbers = first.GetAtomicNum(), second.GetAtomicNum()
    first.SetAtomicNum(numbers[1])
    second.SetAtomicNum(numbers[0])
    return True


EDITS: dict[str, tuple[Edit, float]] = {
    "append atom": (_append_atom, 15),
    "append group": (_append_group, 8),
    "insert atom": (_insert_atom, 12),
    "delete atom": (_delete_atom, 12),
    "delete part": (_delete_part, 5),
    "change element": (_change_element, 15),
    "change bond order": (_change_order, 10),
    "close ring": (_close_ring, 6),
    "open ring": (_open_ring, 4),
    "move part": (_move_part, 10),
    "swap atoms": (_swap_atoms, 4),
}
"""The edits of `mutate` by name, and how often each is tried."""
