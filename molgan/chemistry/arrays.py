"""Graphs and integer arrays: `encode` and `decode`."""

import json
from collections.abc import Sequence

import numpy as np
from rdkit import Chem, rdBase

from molgan.chemistry.graph import IMPLIED, SANITIZE, Graph, new_atom
from molgan.chemistry.vocabulary import Vocabulary

PAD = -1
"""Atom index of a place that holds no atom."""


_BOND = (None, Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)


# Elements of which RDKit reads every graph that it sanitises as it is; of others, phosphorus say, bonds may be charges.
_PLAIN = {"B", "C", "N", "O", "F", "Si", "S", "Cl", "Br"}


def pair_ends(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Both ends `(i, j)`, i < j, of every pair of `size` places, in pair order.

    >>> [end.tolist() for end in pair_ends(3)]
    [[0, 0, 1], [1, 2, 2]]
    """
    j, i = np.tril_indices(size, -1)
    return i, j


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
    """Sanitised molecules of arrays as `encode` makes them, as RDKit reads their SMILES, atoms in the arrays' order.

    None where RDKit refuses or there is no atom.

    A molecule of several fragments is returned as it is: connectedness is the caller's question.
    """
    templates = [new_atom(atom) for atom in vocabulary.atoms]
    # An atom with fixed hydrogens and too few bonds becomes a radical.
    fixed_hydrogens = any(atom.hydrogens != IMPLIED for atom in vocabulary.atoms)
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
                Chem.SanitizeMol(mol, SANITIZE)
            except (Chem.MolSanitizeException, KeyError):  # KeyError: a bond to a place without an atom
                mols.append(None)
            else:
                if place and not plain:
                    mol = _as_read(mol)
                    if mol is None:
                        mols.append(None)
                        continue
                radical = fixed_hydrogens and any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
                mols.append(mol if place and not radical else None)
    return mols


def _as_read(mol: Chem.Mol) -> Chem.Mol | None:
    """A molecule as RDKit reads its SMILES, its atoms in the same order."""
    read = Chem.MolFromSmiles(Chem.MolToSmiles(mol))
    if read is None:
        return None
    written = json.loads(mol.GetProp("_smilesAtomOutputOrder"))
    return Chem.RenumberAtoms(read, sorted(range(len(written)), key=written.__getitem__))
