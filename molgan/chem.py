"""SMILES <-> RDKit molecules <-> integer arrays. RDKit and numpy only.

A molecule is held as a kekulé graph: each heavy atom an index into a vocabulary of (element,
charge), each unordered pair of atoms a bond order 0-3. Hydrogens follow from the bonds, padding is
explicit, stereochemistry is not represented. Pair (i, j), i < j, stands at j (j - 1) / 2 + i, so the
pairs of the first n atoms are a prefix whatever the padded size.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator

from molgan.identity import Judged as Judged
from molgan.identity import Policy as Policy
from molgan.identity import Rejected as Rejected
from molgan.identity import flat as flat
from molgan.identity import judge as judge
from molgan.identity import parse as parse
from molgan.identity import strict_smiles as strict_smiles

ORDERS = 4
"""Bond categories: none, single, double, triple."""
MOST_ATOMS = 64
"""Heavy atoms of the largest molecule a vocabulary may cover."""
PAD = -1
"""Atom index of a place that holds no atom."""
_BOND = (None, Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)
# Clean-up rewrites what it takes for a slip, a five-valent N say, into charges: a graph means what it says.
_SANITIZE = Chem.SANITIZE_ALL ^ Chem.SANITIZE_CLEANUP ^ Chem.SANITIZE_CLEANUP_ORGANOMETALLICS
# Elements of which RDKit reads every graph that it sanitises as it is; of others, phosphorus say, bonds may be charges.
_PLAIN = {"B", "C", "N", "O", "F", "Si", "S", "Cl", "Br"}
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
        held = "H" * (self.hydrogens > 0) + (str(self.hydrogens) if self.hydrogens > 1 else "")
        size = "" if abs(self.charge) == 1 else str(abs(self.charge))
        sign = "" if not self.charge else f"{'+' if self.charge > 0 else '-'}{size}"
        return f"[{self.symbol}{held}{sign}]"


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
            centre = mol.AddAtom(_new_atom(atom))
            for _ in range(total):
                mol.AddBond(centre, mol.AddAtom(Chem.Atom("C")), Chem.BondType.SINGLE)
            try:
                Chem.SanitizeMol(mol, _SANITIZE)
            except Chem.MolSanitizeException:
                break
            counts.append(mol.GetAtomWithIdx(centre).GetTotalNumHs())
    return tuple(counts)


def _new_atom(atom: AtomType) -> Chem.Atom:
    new = Chem.Atom(atom.symbol)
    new.SetFormalCharge(atom.charge)
    if atom.hydrogens != IMPLIED:
        new.SetNoImplicit(True)
        new.SetNumExplicitHs(atom.hydrogens)
    return new


@dataclass(frozen=True)
class Vocabulary:
    """The atom types graphs may hold, how many atoms at most, and how many bonds each type takes.

    capacities: largest bond-order sum of each atom type; left out, the largest that RDKit accepts.
    """

    atoms: tuple[AtomType, ...]
    max_atoms: int
    capacities: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.capacities:
            object.__setattr__(self, "capacities", tuple(len(hydrogens(atom)) - 1 for atom in self.atoms))

    @classmethod
    def revive(cls, values: dict[str, Any]) -> "Vocabulary":
        """Back from `dataclasses.asdict` through JSON; raises TypeError for what never was that."""
        atoms = tuple(AtomType(str(symbol), int(charge), *map(int, held)) for symbol, charge, *held in values["atoms"])
        size, capacities = values["max_atoms"], tuple(values["capacities"])
        table = Chem.GetPeriodicTable()
        elements = {table.GetElementSymbol(number) for number in range(1, 119)}
        known = all(atom.symbol in elements for atom in atoms)
        whole = all(isinstance(number, int) for number in (size, *capacities))
        if not (known and whole and len(capacities) == len(atoms) and 2 <= size <= MOST_ATOMS):
            raise TypeError("no vocabulary of atoms")
        return cls(atoms, size, capacities)

    @property
    def capacity(self) -> np.ndarray:
        """`capacities` as an array `(atom,)` int64."""
        return np.array(self.capacities)

    def lacks(self, graph: Graph) -> str:
        """Why a graph is none of this vocabulary: its size, an atom type, or more bonds than such an atom takes."""
        if len(graph.atoms) > self.max_atoms:
            return f"{len(graph.atoms)} heavy atoms, the model holds {self.max_atoms}"
        most = dict(zip(self.atoms, self.capacities, strict=True))
        for atom, total in zip(graph.atoms, graph.totals, strict=True):
            if atom not in most:
                return f"atom type {atom}, which the model does not have"
            if total > most[atom]:
                return f"{atom} with {total} bonds, the model has at most {most[atom]}"
        return ""

    def graphs(self, smiles: Iterable[str]) -> list[Graph]:
        """The graphs of valid molecules, but for those that it lacks."""
        found = (to_graph(parse(text)) for text in smiles)
        return [graph for graph in found if not self.lacks(graph)]

    @property
    def pairs(self) -> int:
        """Unordered pairs of `max_atoms` places."""
        return self.max_atoms * (self.max_atoms - 1) // 2

    @classmethod
    def of(cls, graphs: Iterable[Graph]) -> "Vocabulary":
        """The smallest vocabulary that covers the graphs; atom types sorted by element symbol, then charge.

        An atom takes as many bonds as it has in some graph, or as its lowest valence allows: iodine gets
        five only where the data has such iodine.
        """
        seen: set[tuple[AtomType, int]] = set()
        size = 2  # networks need a pair, even where all molecules are single atoms
        for graph in graphs:
            size = max(size, len(graph.atoms))
            seen.update(zip(graph.atoms, graph.totals, strict=True))
        most: dict[AtomType, int] = {}
        for atom, total in seen:
            most[atom] = max(most.get(atom, hydrogens(atom)[0]), total)
        atoms = tuple(sorted(most))
        return cls(atoms, size, tuple(most[atom] for atom in atoms))


def pair_ends(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Both ends `(i, j)`, i < j, of every pair of `size` places, in pair order.

    >>> [end.tolist() for end in pair_ends(3)]
    [[0, 0, 1], [1, 2, 2]]
    """
    j, i = np.tril_indices(size, -1)
    return i, j


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
        bond_order = _ORDER.get(bond.GetBondType())
        if bond_order is None:
            raise Rejected(f"bond of kind {str(bond.GetBondType()).lower()}")
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        bonds.append(_bond(i, j, bond_order) if i < j else _bond(j, i, bond_order))
        totals[i] += bond_order
        totals[j] += bond_order
    atoms = []
    for place, total in enumerate(totals):
        atom = mol.GetAtomWithIdx(place)
        radical = atom.GetNumRadicalElectrons()
        atoms.append(
            _atom_type(
                atom.GetAtomicNum(), atom.GetFormalCharge(), atom.GetTotalNumHs(), total, atom.GetIsotope(), radical
            )
        )
    return Graph(smiles, tuple(atoms), tuple(sorted(bonds)))


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
def _atom_type(number: int, charge: int, held: int, total: int, isotope: int, radical: int) -> AtomType:
    """One tuple for all atoms that are the same. held: hydrogens. total: sum of its bond orders."""
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
    implied = total < len(counts) and counts[total] == held
    return kind if implied else AtomType(*kind[:2], held)


def encode(graphs: Sequence[Graph], vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Arrays `atoms (graph, node)`, PAD where there is none, and `orders (graph, pair)`, both int8.

    Raises KeyError for an atom type and ValueError for a size that the vocabulary does not cover.
    """
    index = {atom: position for position, atom in enumerate(vocabulary.atoms)}
    atoms = np.full((len(graphs), vocabulary.max_atoms), PAD, dtype=np.int8)
    orders = np.zeros((len(graphs), vocabulary.pairs), dtype=np.int8)
    for row, graph in enumerate(graphs):
        if len(graph.atoms) > vocabulary.max_atoms:
            raise ValueError(
                f"{graph.smiles} has {len(graph.atoms)} atoms, the vocabulary holds {vocabulary.max_atoms}."
            )
        atoms[row, : len(graph.atoms)] = [index[atom] for atom in graph.atoms]
        for i, j, order in graph.bonds:
            orders[row, j * (j - 1) // 2 + i] = order
    return atoms, orders


def decode(atoms: np.ndarray, orders: np.ndarray, vocabulary: Vocabulary) -> list[Chem.Mol | None]:
    """Sanitised molecules of arrays as `encode` makes them, as RDKit reads their SMILES.

    None where RDKit refuses or there is no atom.

    A molecule of several fragments is returned as it is: connectedness is the caller's question.
    """
    templates = [_new_atom(atom) for atom in vocabulary.atoms]
    held = any(atom.hydrogens != IMPLIED for atom in vocabulary.atoms)  # with fewer bonds these become radicals
    plain = all(atom.symbol in _PLAIN for atom in vocabulary.atoms)
    i_of, j_of = pair_ends(vocabulary.max_atoms)
    rows, columns = np.nonzero(orders)
    starts = np.searchsorted(rows, np.arange(len(atoms) + 1)).tolist()
    bonds = list(zip(i_of[columns].tolist(), j_of[columns].tolist(), orders[rows, columns].tolist(), strict=True))
    mols: list[Chem.Mol | None] = []
    with rdBase.BlockLogs():
        for row, kinds in enumerate(atoms.tolist()):
            mol = Chem.RWMol()
            place = {}
            for node, kind in enumerate(kinds):
                if kind != PAD:
                    place[node] = mol.AddAtom(templates[kind])  # pyright: ignore
            try:
                for i, j, order in bonds[starts[row] : starts[row + 1]]:
                    mol.AddBond(place[i], place[j], _BOND[order])
                Chem.SanitizeMol(mol, _SANITIZE)
            except (Chem.MolSanitizeException, KeyError):  # KeyError: a bond to a place without an atom
                mols.append(None)
            else:
                if not plain:
                    mol = Chem.MolFromSmiles(Chem.MolToSmiles(mol))
                    if mol is None:
                        mols.append(None)
                        continue
                radical = held and any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
                mols.append(mol if place and not radical else None)
    return mols


def fingerprints(smiles: Sequence[str], bits: int = 1024) -> np.ndarray:
    """Morgan fingerprints of radius 2, `(molecule, bit)` float32 of zeros and ones, of SMILES that are valid."""
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=bits)
    rows = [maker.GetFingerprintAsNumPy(parse(text)) for text in smiles]
    return np.array(rows, np.float32).reshape(len(smiles), bits)
