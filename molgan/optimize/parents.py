"""Molecules that genetic operators work on: kekulé structures, cuts that leave two parts, and what a child may be."""

from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import NamedTuple

from rdkit import Chem, rdBase

ORDERS = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
"""Bond types by order."""
RING_SIZES = range(3, 8)
"""Sizes of rings that a child may have."""
_MOST_CHARGED = 4  # atoms with a charge
_CHARGED = Chem.MolFromSmarts("[!+0]")
_UNLIKELY = [Chem.MolFromSmarts(text) for text in ("*=*=*", "[r]#[r]", "[r3]=,:@[r3]", "[r4]=,:@[r4]")]
_UNSTABLE = [Chem.MolFromSmarts(text) for text in ("[#7,#8,#16]-[F,Cl,Br,I]", "[#8X2]-[#8X2]", "[#8X2]-[#16X2]")]


def parent(smiles: str) -> "Parent | None":
    """A molecule that operators work on; None for what is no molecule."""
    mol = Chem.MolFromSmiles(smiles)
    return Parent(mol) if mol is not None and mol.GetNumAtoms() else None


class Cut(NamedTuple):
    """One or two bonds whose removal leaves two parts: the bonds' atoms on the first side and on the other, orders."""

    first: tuple[int, ...]
    other: tuple[int, ...]
    orders: tuple[int, ...]
    atoms: frozenset[int]  # of the first side


@dataclass
class Parent:
    """A molecule and what operators ask of it more than once."""

    mol: Chem.Mol

    @cached_property
    def graph(self) -> Chem.Mol:
        """The kekulé structure, whose hydrogens are worked out anew where bonds change."""
        mol = Chem.Mol(self.mol)
        Chem.RemoveStereochemistry(mol)
        Chem.Kekulize(mol, clearAromaticFlags=True)
        for atom in mol.GetAtoms():
            atom.SetAtomMapNum(0)
            atom.SetIsotope(0)
            atom.SetNumRadicalElectrons(0)
            atom.SetNoImplicit(False)
            atom.SetNumExplicitHs(0)
        mol.UpdatePropertyCache(strict=False)
        Chem.FastFindRings(mol)
        return mol

    @cached_property
    def aromatic(self) -> frozenset[int]:
        """The numbers of the aromatic bonds."""
        return frozenset(bond.GetIdx() for bond in self.mol.GetBonds() if bond.GetIsAromatic())

    @cached_property
    def neighbors(self) -> list[list[int]]:
        """The atoms that each atom is bonded to."""
        found: list[list[int]] = [[] for _ in range(self.mol.GetNumAtoms())]
        for bond in self.mol.GetBonds():
            found[bond.GetBeginAtomIdx()].append(bond.GetEndAtomIdx())
            found[bond.GetEndAtomIdx()].append(bond.GetBeginAtomIdx())
        return found

    def single_cut(self, random: Random) -> Cut | None:
        """A cut through a random single bond outside rings; None where there is none."""
        if not self._outside_rings:
            return None
        begin, end = random.choice(self._outside_rings)
        return Cut((begin,), (end,), (1,), self._side(begin, {frozenset((begin, end))}))

    def ring_cut(self, random: Random) -> Cut | None:
        """A cut through two random bonds of a random ring; None where it does not leave two parts."""
        rings = self.mol.GetRingInfo().BondRings()
        if not rings:
            return None
        one, two = (self.graph.GetBondWithIdx(at) for at in random.sample(random.choice(rings), 2))
        begin, end = one.GetBeginAtomIdx(), one.GetEndAtomIdx()
        ends = two.GetBeginAtomIdx(), two.GetEndAtomIdx()
        orders = int(one.GetBondTypeAsDouble()), int(two.GetBondTypeAsDouble())
        if {begin, end} & set(ends) or max(orders) > 2:
            return None
        side = self._side(begin, {frozenset((begin, end)), frozenset(ends)})
        inside = [at for at in ends if at in side]
        if end in side or len(inside) != 1:  # another ring holds the parts together
            return None
        return Cut((begin, inside[0]), (end, ends[ends[0] == inside[0]]), orders, side)

    @cached_property
    def _outside_rings(self) -> list[tuple[int, int]]:
        bonds = [bond for bond in self.graph.GetBonds() if not bond.IsInRing()]
        ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondType()) for bond in bonds]
        return [(begin, end) for begin, end, kind in ends if kind == Chem.BondType.SINGLE]

    def _side(self, start: int, removed: set[frozenset[int]]) -> frozenset[int]:
        seen, waiting = {start}, [start]
        while waiting:
            at = waiting.pop()
            for other in self.neighbors[at]:
                if other not in seen and frozenset((at, other)) not in removed:
                    seen.add(other)
                    waiting.append(other)
        return frozenset(seen)


def finished(new: Chem.RWMol, *parents: Parent) -> Chem.Mol | None:
    """The sanitised molecule; None where it is not valid or has what no chemist would make.

    That is a ring of more than seven atoms, an allene, a bond between halogen and nitrogen, oxygen or sulfur, a
    peroxide, more than a few charges, or a net charge that none of the parents has.
    """
    with rdBase.BlockLogs():
        if Chem.SanitizeMol(new, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
            return None
    if len(Chem.GetMolFrags(new)) > 1:
        return None
    rings = new.GetRingInfo().AtomRings()
    refused = (*_UNLIKELY, *_UNSTABLE)
    if any(len(ring) not in RING_SIZES for ring in rings) or any(map(new.HasSubstructMatch, refused)):
        return None
    charges = {Chem.GetFormalCharge(one.mol) for one in parents} or {0}
    if Chem.GetFormalCharge(new) not in charges or len(new.GetSubstructMatches(_CHARGED)) > _MOST_CHARGED:
        return None
    return new.GetMol()
