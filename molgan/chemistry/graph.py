"""RDKit molecules as kekulé graphs of heavy atoms."""

import json
from functools import lru_cache
from typing import NamedTuple

from rdkit import Chem, rdBase

from molgan.chemistry.identity import Policy, Rejected, parse

ORDERS = 4
"""Bond categories: none, single, double, triple."""
MOST_ATOMS = 64
"""Heavy atoms of the largest molecule a vocabulary may cover."""


# Clean-up rewrites what it takes for a slip, a five-valent N say, into charges: a graph means what it says.
SANITIZE = Chem.SANITIZE_ALL ^ Chem.SANITIZE_CLEANUP ^ Chem.SANITIZE_CLEANUP_ORGANOMETALLICS


_ORDER = {Chem.BondType.SINGLE: 1, Chem.BondType.DOUBLE: 2, Chem.BondType.TRIPLE: 3}


IMPLIED = -1
"""Hydrogens of an atom type that has as many as its bonds imply."""


class AtomType(NamedTuple):
    """An element with a formal charge and, where its bonds do not imply them, its hydrogens.

    Prints as in SMILES: `C`, `[N+]`, `[SH2]`.
    """

    symbol: str
    charge: int = 0
    hydrogens: int = IMPLIED

    def __str__(self) -> str:
        if not self.charge and self.hydrogens == IMPLIED:
            return self.symbol
        suffix = "H" * (self.hydrogens > 0) + (str(self.hydrogens) if self.hydrogens > 1 else "")
        size = "" if abs(self.charge) == 1 else str(abs(self.charge))
        sign = "" if not self.charge else f"{'+' if self.charge > 0 else '-'}{size}"
        return f"[{self.symbol}{suffix}{sign}]"


class Graph(NamedTuple):
    """One molecule: canonical SMILES (no stereo), atoms in its order, and bonds `(i, j, order)` with i < j."""

    smiles: str
    atoms: tuple[AtomType, ...]
    bonds: tuple[tuple[int, int, int], ...]

    @property
    def totals(self) -> list[int]:
        """Sum of the bond orders at each atom."""
        totals = [0] * len(self.atoms)
        for i, j, order in self.bonds:
            totals[i] += order
            totals[j] += order
        return totals


@lru_cache
def hydrogens(atom: AtomType) -> tuple[int, ...]:
    """Hydrogens of the atom at bond-order sums 0, 1, 2, ...; ends before the first that RDKit refuses."""
    counts = []
    with rdBase.BlockLogs():
        for total in range(9):
            mol = Chem.RWMol()
            centre = mol.AddAtom(new_atom(atom))
            for _ in range(total):
                mol.AddBond(centre, mol.AddAtom(Chem.Atom("C")), Chem.BondType.SINGLE)
            try:
                Chem.SanitizeMol(mol, SANITIZE)
            except Chem.MolSanitizeException:
                break
            counts.append(mol.GetAtomWithIdx(centre).GetTotalNumHs())
    return tuple(counts)


def new_atom(atom: AtomType) -> Chem.Atom:
    """RDKit's atom of a type."""
    new = Chem.Atom(atom.symbol)
    new.SetFormalCharge(atom.charge)
    if atom.hydrogens != IMPLIED:
        new.SetNoImplicit(True)
        new.SetNumExplicitHs(atom.hydrogens)
    return new


def to_graph(mol: Chem.Mol, max_atoms: int | None = None) -> Graph:
    """The kekulé graph of a sanitised molecule; raises Rejected for what a graph cannot hold."""
    if len(Chem.GetMolFrags(mol)) > 1:
        raise Rejected("more than one fragment")
    if max_atoms is not None and mol.GetNumAtoms() > max_atoms:
        raise Rejected(f"more than {max_atoms} heavy atoms")
    smiles = Chem.MolToSmiles(mol, isomericSmiles=False)
    order = json.loads(mol.GetProp("_smilesAtomOutputOrder"))
    mol = Chem.RenumberAtoms(mol, order)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    bonds, totals = [], [0] * len(order)
    for place in range(mol.GetNumBonds()):  # RDKit's own iterators take several times as long
        bond = mol.GetBondWithIdx(place)
        i, j, kekule = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond_order(bond)
        bonds.append(_bond(i, j, kekule) if i < j else _bond(j, i, kekule))
        totals[i] += kekule
        totals[j] += kekule
    atoms = [type_of(mol.GetAtomWithIdx(place), total) for place, total in enumerate(totals)]
    return Graph(smiles, tuple(atoms), tuple(sorted(bonds)))


def bond_order(bond: Chem.Bond) -> int:
    """The order of a bond of a kekulé structure; raises Rejected for one that is not single, double or triple."""
    order = _ORDER.get(bond.GetBondType())
    if order is None:
        raise Rejected(f"bond of kind {str(bond.GetBondType()).lower()}")
    return order


def type_of(atom: Chem.Atom, total: int) -> AtomType:
    """The type of an atom with so many bonds to heavy atoms. Raises Rejected for what no graph holds."""
    hydrogen_count, radical = atom.GetTotalNumHs(), atom.GetNumRadicalElectrons()
    return _atom_type(atom.GetAtomicNum(), atom.GetFormalCharge(), hydrogen_count, total, atom.GetIsotope(), radical)


@lru_cache(65536)
def _bond(i: int, j: int, order: int) -> tuple[int, int, int]:
    """One tuple for all bonds that are the same: less memory, and less to send between processes."""
    return i, j, order


def graph_or_reason(text: str | None, max_atoms: int | None = None, policy: Policy | None = None) -> Graph | str:
    """The graph of a SMILES, or the reason why there is none."""
    if text is None:
        return "unreadable record"
    try:
        return to_graph((policy or Policy()).apply(parse(text)), max_atoms)
    except Rejected as reason:
        return str(reason)


@lru_cache(4096)
def _atom_type(number: int, charge: int, hydrogen_count: int, total: int, isotope: int, radical: int) -> AtomType:
    """One tuple for all atoms that are the same. total: sum of its bond orders."""
    if number == 0:
        raise Rejected("wildcard atom")
    if isotope:
        raise Rejected("isotope label")
    if number == 1:
        raise Rejected("hydrogen as an atom of its own")
    if radical:
        raise Rejected("unpaired electron")
    kind = AtomType(Chem.GetPeriodicTable().GetElementSymbol(number), charge)
    counts = hydrogens(kind)
    implied = total < len(counts) and counts[total] == hydrogen_count
    return kind if implied else AtomType(*kind[:2], hydrogen_count)
