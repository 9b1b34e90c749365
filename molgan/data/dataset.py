"""Training sets: files and lists of molecules -> graphs, with an account of every row that was left out."""

import copy
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from gancore.errors import DataError
from gancore.io.inputs import Cell, Row, called, records_of, rows_of
from gancore.io.rejected_rows import Rejection, by_file, rejection, summarise
from gancore.training.batching import Shuffled, fetch_batch, sampled
from gancore.types import Context, Sample
from molgan import chemistry
from molgan.chemistry.parallel import map_chunks
from molgan.data import graphs
from molgan.data.inputs import FORM, as_rows, read_rows
from molgan.data.package_data import packaged

__all__ = [
    "MoleculeDataset",
    "as_dataset",
    "as_rows",
    "batches",
    "dense",
    "embedded",
    "read_rows",
]

if TYPE_CHECKING:  # PyG takes seconds to import, and only its own graphs need it
    import torch_geometric.data


def embedded(name: str = "qm9") -> Path:
    """Path of a data set that comes with the package; raises DataError for an unknown name."""
    path = packaged(f"{name}.smi.gz")
    if not path.is_file():
        raise DataError(f"no embedded data set {name!r}; there is qm9.")
    return path


class MoleculeDataset(Dataset):
    """Distinct molecules as graphs. An item is a PyG `Data` (x, edge_index, edge_attr, smiles).

    smiles: canonical, no stereo. atoms `(molecule, node)` and orders `(molecule, pair)`: int8, as `chemistry.encode`
    makes them. rejected: every row that is not in the set, and why. columns: by name, the cells of each molecule's
    rows, of those that were asked for and are there.
    """

    def __init__(
        self, kept: list[chemistry.Graph], vocabulary: chemistry.Vocabulary, rejected: Sequence[Rejection] = ()
    ):
        self.vocabulary = vocabulary
        self.rejected = list(rejected)
        self.smiles = [graph.smiles for graph in kept]
        atoms, orders = chemistry.encode(kept, vocabulary)
        self.atoms, self.orders = torch.from_numpy(atoms), torch.from_numpy(orders)
        self.context: Context | None = None
        self.columns: dict[str, list[list[Cell]]] = {}

    @classmethod
    def from_file(cls, path: str | Path | Sequence[Path], column: str = "", **limits) -> "MoleculeDataset":
        """Read a molecule file or several (see `read_rows`); `limits` and errors as in `from_rows`."""
        return cls.from_source(path, column, **limits)

    @classmethod
    def from_smiles(cls, smiles: Sequence[str | None], **limits) -> "MoleculeDataset":
        """Take a list of SMILES; `limits` and errors as in `from_rows`."""
        return cls.from_source(smiles, **limits)

    @classmethod
    def from_source(cls, source: Any, column: str = "", columns: Sequence[str] = (), **limits) -> "MoleculeDataset":
        """Take whatever `as_rows` reads. column: of a table, the one to read. columns: others to keep, where they are.

        `limits` and errors as in `from_rows`.
        """
        where = called(source, "SMILES")
        if not columns:
            return cls.from_rows(list(rows_of(source, FORM, "SMILES", column)), where, **limits)
        rows, cells = [], []
        for row, others in records_of(source, FORM, "SMILES", columns, column):
            rows.append(row)
            cells.append(others)
        return cls.from_rows(rows, where, cells=cells, **limits)

    @classmethod
    def from_rows(
        cls,
        rows: Sequence[Row],
        where: str,
        sample: int = 0,
        seed: int = 0,
        max_atoms: int = 64,
        min_atom_share: float = 0.0,
        fragments: str = "reject",
        standardize: bool = False,
        vocabulary: chemistry.Vocabulary | None = None,
        cells: Sequence[Mapping[str, Any]] = (),
    ) -> "MoleculeDataset":
        """Keep the distinct rows that are graphs of at most `max_atoms` heavy atoms.

        rows: number, SMILES, and the file it is of where there are several.
        sample: take so many of the rows, at random by `seed`, if there are more; 0 takes all. fragments, standardize:
        as in `chemistry.Policy`. vocabulary: of a model; what it cannot hold is left out. cells: further cells of each
        row, by column; a molecule keeps those of all its rows.

        Molecules with an atom type that occurs in less than `min_atom_share` of them are dropped
        too. Raises DataError, naming `where` and the commonest reasons, when nothing is left.
        """
        if not rows:
            raise DataError(f"{where}: holds no rows.")
        if 0 < sample < len(rows):
            picked = sampled(len(rows), sample, seed)
            rows, cells = [rows[place] for place in picked], [cells[place] for place in picked] if cells else ()
        read = partial(chemistry.graph_or_reason, max_atoms=max_atoms, policy=chemistry.Policy(fragments, standardize))
        outcomes = map_chunks(read, [text for _, text, _ in rows], failed=str)
        kept: dict[str, tuple[int, str, chemistry.Graph]] = {}
        rejected: list[Rejection] = []
        held: dict[str, list[int]] = {}  # places of the rows of each molecule
        for place, ((number, text, file), outcome) in enumerate(zip(rows, outcomes, strict=True)):
            if not isinstance(outcome, str):
                held.setdefault(outcome.smiles, []).append(place)
            if isinstance(outcome, str):
                rejected.append(rejection(number, text or "", outcome, file))
            elif outcome.smiles in kept:
                first, of, _ = kept[outcome.smiles]
                reason = f"duplicate of row {first}" + (f" of {of}" if of else "")
                rejected.append(rejection(number, text or "", reason, file))
            else:
                kept[outcome.smiles] = (number, file, outcome)
        rare = _rare_atoms([graph for _, _, graph in kept.values()], min_atom_share)
        graphs_kept = []
        for number, file, graph in kept.values():
            found = sorted(rare.intersection(graph.atoms))
            beyond = vocabulary.lacks(graph) if vocabulary is not None else ""
            if found or beyond:
                rejected.append(rejection(number, graph.smiles, beyond or f"rare atom type {found[0]}", file))
            else:
                graphs_kept.append(graph)
        if not graphs_kept:
            reasons = ", ".join(f"{count} x {reason}" for reason, count in summarise(rejected)[:3])
            first = next((one.text for one in sorted(rejected) if one.text), "")
            raise DataError(
                f"{where}: none of the {len(rows)} rows can be used ({reasons}); expected SMILES, and the first reads "
                f"{first!r:.60}."
            )
        rejected.sort(key=by_file)
        data = cls(graphs_kept, vocabulary or chemistry.Vocabulary.of(graphs_kept), rejected)

        def cell_of(place: int, name: str) -> Cell:
            return Cell(rows[place][0], rows[place][2], cells[place].get(name))

        data.columns = {
            name: [
                [Cell(rows[place][0], rows[place][2], cells[place].get(name)) for place in held[text]]
                for text in data.smiles
            ]
            for name in dict.fromkeys(name for some in cells for name in some)
        }
        return data

    @classmethod
    def from_data(
        cls, items: "Sequence[torch_geometric.data.Data]", vocabulary: chemistry.Vocabulary
    ) -> "MoleculeDataset":
        """Take PyG graphs in the form `__getitem__` gives; raises DataError for one that is no valid molecule."""
        from torch_geometric.data import Batch

        sample = dense(Batch.from_data_list(list(items)), vocabulary)  # type: ignore[arg-type]
        atoms, orders = (part.numpy().astype(np.int8) for part in graphs.indices(sample))
        smiles = [chemistry.strict_smiles(mol) for mol in chemistry.decode(atoms, orders, vocabulary)]
        missing = [row for row, text in enumerate(smiles, 1) if text is None]
        if missing:
            raise DataError(f"PyG graph {missing[0]} of {len(smiles)}: not a valid molecule of one fragment.")
        kept = [chemistry.to_graph(chemistry.parse(text)) for text in smiles if text is not None]
        return cls(kept, vocabulary)

    def with_context(self, context: Context) -> "MoleculeDataset":
        """The same set with a context for each molecule, which batches then have."""
        other = copy.copy(self)
        other.context = context
        return other

    def split(self, share: float, seed: int) -> "tuple[MoleculeDataset, list[str]]":
        """The set without a `share` of its molecules, picked by the seed, and their SMILES; the vocabulary stays.

        Raises DataError when nothing would be left.
        """
        held = round(share * len(self))
        if held >= len(self):
            raise DataError(f"holding out {share:g} of {len(self)} molecules leaves none to train on.")
        order = np.random.default_rng(seed).permutation(len(self))
        return self._rows(np.sort(order[held:])), [self.smiles[row] for row in np.sort(order[:held])]

    def at_most(self, atoms: int) -> "MoleculeDataset":
        """The molecules of at most so many heavy atoms; the vocabulary stays. Raises DataError when there is none."""
        kept = (self.sizes <= atoms).nonzero().squeeze(1).numpy()
        if not len(kept):
            raise DataError(f"no molecule has at most {atoms} heavy atoms; the smallest has {int(self.sizes.min())}.")
        return self._rows(kept)

    def _rows(self, kept: np.ndarray) -> "MoleculeDataset":
        rest = copy.copy(self)
        rest.smiles = [self.smiles[row] for row in kept]
        rest.atoms, rest.orders = self.atoms[kept], self.orders[kept]
        rest.context = self.context[torch.from_numpy(kept)] if self.context is not None else None
        rest.columns = {name: [cells[row] for row in kept] for name, cells in self.columns.items()}
        return rest

    def __len__(self) -> int:
        return len(self.smiles)

    def __getitem__(self, index: int) -> "torch_geometric.data.Data":
        """One molecule: one-hot x `(node, atom)`, edge_attr `(edge, 3)`, edge_index `(2, edge)` both ways, smiles."""
        from torch_geometric.data import Data

        index = range(len(self))[index]
        atoms, orders = self.atoms[index : index + 1], self.orders[index : index + 1]
        nodes, _ = graphs.one_hots(atoms, orders, len(self.vocabulary.atoms))
        matrix = graphs.to_matrix(orders, atoms.shape[1])[0].long()
        edge_index = matrix.nonzero().T.contiguous()
        kinds = torch.eye(chemistry.ORDERS - 1)[matrix[edge_index[0], edge_index[1]] - 1]
        x = nodes[0][: int((atoms >= 0).sum())]
        return Data(x=x, edge_index=edge_index, edge_attr=kinds, smiles=self.smiles[index])

    @property
    def sizes(self) -> torch.Tensor:
        """Heavy atoms of each molecule, `(molecule,)` int64."""
        return (self.atoms >= 0).sum(1)

    @property
    def digest(self) -> str:
        """sha256 of the canonical SMILES in order: the identity of the set."""
        return hashlib.sha256("\n".join(self.smiles).encode()).hexdigest()


def _rare_atoms(kept: Sequence[chemistry.Graph], share: float) -> set[chemistry.AtomType]:
    counts = Counter(atom for graph in kept for atom in set(graph.atoms))
    return {atom for atom, count in counts.items() if count < share * len(kept)}


def dense(batch: "torch_geometric.data.Batch", vocabulary: chemistry.Vocabulary) -> Sample:
    """A PyG batch as `nodes (batch, node, atom)`, `bonds (batch, pair, order)`, padded to the vocabulary's size."""
    from torch_geometric.utils import to_dense_adj, to_dense_batch

    size = vocabulary.max_atoms
    nodes, present = to_dense_batch(batch.x, batch.batch, max_num_nodes=size)  # pyright: ignore
    matrix = to_dense_adj(batch.edge_index, batch.batch, batch.edge_attr, max_num_nodes=size)  # pyright: ignore
    drawn = graphs.to_pairs(matrix)
    none = graphs.pair_mask(present)[..., None].to(drawn.dtype) - drawn.sum(-1, keepdim=True)
    return nodes, torch.cat((none, drawn), -1)


def as_dataset(source: Any, column: str = "", **limits) -> MoleculeDataset:
    """A data set from whatever a user holds: one already, a path, a list of `Path`s, a frame, or a list of SMILES."""
    return source if isinstance(source, MoleculeDataset) else MoleculeDataset.from_source(source, column, **limits)


def batches(
    data: MoleculeDataset,
    size: int,
    seed: int,
    device: torch.device,
    context: Context | None = None,
    weight: torch.Tensor | None = None,
    labelled: int = 0,
) -> Shuffled:
    """An endless shuffled stream of batches of one-hots: `nodes (size, node, atom)`, `bonds (size, pair, order)`.

    context, weight: of every molecule of the set; the set's own context if not given. Raises ValueError when they have
    another length. labelled: as in `fetch_batch`.
    """
    context = data.context if context is None else context

    def graphs_of(index: torch.Tensor) -> Sample:
        atoms, orders = data.atoms[index].to(device), data.orders[index].to(device)
        return graphs.one_hots(atoms, orders, len(data.vocabulary.atoms))

    return Shuffled(len(data), size, seed, fetch_batch(graphs_of, len(data), device, context, weight, labelled))
