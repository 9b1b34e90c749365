"""The atom types, the size and the valences that a model's graphs may have."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem

from molgan.chemistry.graph import MOST_ATOMS, AtomType, Graph, hydrogens, to_graph
from molgan.chemistry.identity import parse


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
