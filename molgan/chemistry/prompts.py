"""Prompts for language models of SMILES: spellings that end at an atom, so that what follows is bonded to it."""

from collections.abc import Container, Sequence
from random import Random

from rdkit import Chem

from molgan.chemistry.graph import IMPLIED, bond_order, type_of

_ORGANIC = {"B", "C", "N", "O", "P", "S", "F", "Cl", "Br", "I"}
_BOND = {1: "", 2: "=", 3: "#"}


def spell(mol: Chem.Mol, end: int, random: Random) -> tuple[str, list[int]]:
    """A random SMILES of a connected molecule that ends at an atom, and its atoms in the order of the string.

    What is written next is bonded to the atom `end` in place of one of its hydrogens. If that atom joins parts of the
    molecule, the others stand in parentheses behind it. Stereochemistry is left out. Raises Rejected for an atom or a
    bond that no graph holds.

    >>> spell(Chem.MolFromSmiles("Cc1cc[nH]c1"), 4, Random(1))[0]
    'c1cc(C)cn1'
    """
    return _Spelling(mol, end, random).text()


class _Spelling:
    """A walk over all atoms that ends at `end`, and at a neighbor of it before.

    The walk begins beside `end` where both are in one ring, so that the ring is closed by the last atom: models have
    seen few strings that end in parentheses with a ring bond.
    """

    def __init__(self, mol: Chem.Mol, end: int, random: Random):
        self.mol, self.end, self.random = mol, end, random
        self.near = [[other.GetIdx() for other in atom.GetNeighbors()] for atom in mol.GetAtoms()]
        self.children: dict[int, list[int]] = {}
        self.opened: dict[int, list[tuple[int, int]]] = {}  # ring bonds by the atom that comes first
        self.closed: dict[int, list[tuple[int, int]]] = {}
        self.order: list[int] = []
        self.root = self.last = end
        parts = self._parts()
        if parts:
            main = max(parts, key=lambda part: (len(part), random.random()))
            beside = [place for place in self.near[end] if place in main]
            random.shuffle(beside)
            self.last = beside[0]
            self.root = beside[1] if len(beside) > 1 else random.choice(sorted(main - {self.last}) or beside)
            self._walk(self.root, None)
        else:
            self._walk(end, None)

    def _parts(self) -> list[set[int]]:
        """The atoms that hang together without `end`."""
        found: list[set[int]] = []
        for place in self.near[self.end]:
            if not any(place in part for part in found):
                found.append(self._reached(place, {self.end}))
        return found

    def _reached(self, place: int, shut: Container[int]) -> set[int]:
        """Atoms that are reached from one past none that is shut."""
        found, edge = {place}, [place]
        while edge:
            new = [other for other in self.near[edge.pop()] if other not in found and other not in shut]
            found.update(new)
            edge += new
        return found

    def _walk(self, place: int, parent: int | None) -> None:
        self.children[place], self.opened[place], self.closed[place] = [], [], []
        near = [other for other in self.near[place] if other != parent]
        self.random.shuffle(near)
        for other in near:
            if other in self.children:
                self.opened[other].append((other, place))
                self.closed[place].append((other, place))
        late: Container[int] = ()
        if self.last not in self.children:
            late = self._reached(self.last, {*self.children, self.end})
        near.sort(key=lambda other: other in late)
        for other in near:
            if other not in self.children and other != self.end:
                self.children[place].append(other)
                self._walk(other, place)
        if place == self.last and self.end not in self.children:
            self.children[place].append(self.end)
            self._walk(self.end, place)

    def text(self) -> tuple[str, list[int]]:
        """The string and the order of its atoms."""
        self.free = list(range(1, self.mol.GetNumBonds() + 2))
        self.digits: dict[tuple[int, int], int] = {}
        return "".join(self._written(self.root)), self.order

    def _written(self, place: int) -> list[str]:
        self.order.append(place)
        signs = [_token(self.mol.GetAtomWithIdx(place), place == self.end)]
        done = [(self.digits.pop(ring), ring) for ring in self.closed[place]]
        signs += [_bond(self.mol, *ring) + _digit(digit) for digit, ring in done]
        for ring in self.opened[place]:
            self.digits[ring] = self.free.pop(0)
            signs.append(_digit(self.digits[ring]))
        self.free = sorted([*self.free, *(digit for digit, _ in done)])
        for number, child in enumerate(self.children[place], 1):
            branch = place == self.end or number < len(self.children[place])
            part = [_bond(self.mol, place, child), *self._written(child)]
            signs += ["(", *part, ")"] if branch else part
        return signs


def _digit(number: int) -> str:
    return str(number) if number < 10 else f"%{number}"


def _bond(mol: Chem.Mol, first: int, second: int) -> str:
    bond = mol.GetBondBetweenAtoms(first, second)
    if bond.GetIsAromatic():
        return ""
    order = bond_order(bond)
    aromatic = order == 1 and bond.GetBeginAtom().GetIsAromatic() and bond.GetEndAtom().GetIsAromatic()
    return "-" if aromatic else _BOND[order]


def _token(atom: Chem.Atom, is_end: bool) -> str:
    """An atom as it is written; one at the end has a hydrogen less, which what follows takes the place of."""
    symbol, charge, hydrogens = atom.GetSymbol(), atom.GetFormalCharge(), atom.GetTotalNumHs() - is_end
    if atom.GetIsAromatic():
        plain, symbol = not hydrogens or symbol == "C", symbol.lower()
        plain &= symbol.upper() in _ORGANIC
    else:
        kind = type_of(atom, round(sum(bond.GetBondTypeAsDouble() for bond in atom.GetBonds())))
        plain = kind.hydrogens == IMPLIED and symbol in _ORGANIC
    if plain and not charge:
        return symbol
    many = "" if hydrogens < 1 else "H" + (str(hydrogens) if hydrogens > 1 else "")
    sign = "" if not charge else ("+" if charge > 0 else "-") + (str(abs(charge)) if abs(charge) > 1 else "")
    return f"[{symbol}{many}{sign}]"


def places(order: Sequence[int]) -> list[int]:
    """Where each atom of a molecule stands in a spelling. order: of its atoms, as `spell` gives it.

    >>> places([2, 0, 1])
    [1, 2, 0]
    """
    found = [0] * len(order)
    for place, atom in enumerate(order):
        found[atom] = place
    return found
