"""A library at a glance: its best molecules, a tree of scaffolds, a map of clusters, distributions of scores."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.Scaffolds import MurckoScaffold

from molgan.chemistry.parallel import map_chunks
from molgan.library.birch import Birch, bitbirch
from molgan.library.bit_matrix import bit_matrix
from molgan.library.clustering import tightness
from molgan.library.query import LibraryFolder

BEST = 24
"""Molecules of the whole library that are drawn as its best."""
MAPPED = 3000
"""Molecules of the sample that are clustered and mapped."""
GROUPED = Birch(threshold=0.25)
"""How they are clustered: loosely, for samples of a generator have few close neighbours among each other."""
CLUSTERS = 7
"""Clusters that have a colour of their own."""
FRAMEWORKS, SCAFFOLDS = 4, 3
"""Branches of the tree that are listed: frameworks of a number of rings, scaffolds of a framework."""


class Branch(NamedTuple):
    """Molecules that have something in common: how many, its SMILES ("" for none), and what is within it.

    The counts of `within` and `others` add up to `count`. kinds: how many kinds the others are of.
    """

    label: str
    smiles: str
    count: int
    within: "tuple[Branch, ...]" = ()
    others: int = 0
    kinds: int = 0


class Cluster(NamedTuple):
    """A cluster of the map: its molecules, their mean similarity (iSIM), and the first of them."""

    size: int
    similarity: float
    example: str


@dataclass(frozen=True)
class Map:
    """Molecules in the plane of their two principal components, and the BitBIRCH cluster of each, 0 for the largest.

    places: `(molecule, 2)`. variance: the share of each component. clusters: the largest; groups: of how many.
    """

    places: np.ndarray
    labels: np.ndarray
    variance: tuple[float, float]
    clusters: tuple[Cluster, ...]
    groups: int


@dataclass(frozen=True)
class Survey:
    """What a page says of a library beside the figures that every list of molecules has.

    best: `(SMILES, value)`. ranked_by: what that is. whole: whether they are those of the whole library. sample: how
    many molecules are in the tree. numbers: further columns of these.
    """

    best: list[tuple[str, float]]
    ranked_by: str
    whole: bool
    scaffolds: tuple[Branch, ...]
    sample: int
    map: Map
    numbers: pd.DataFrame = field(default_factory=pd.DataFrame)


def ranked_by(sample: pd.DataFrame) -> str:
    """The column that tells the best: the score, else QED; "" where there is neither."""
    return next((name for name in ("score", "qed") if name in sample and _some(sample[name])), "")


def survey(library: LibraryFolder, sample: pd.DataFrame, qed: Sequence[float] = ()) -> Survey:
    """Look at a library. sample: rows of it, in a random order. qed: of these, where `ranked_by` is ""."""
    texts: list[str] = sample["smiles"].tolist()
    name = ranked_by(sample)
    if name:
        ordered = f"from library where {name} is not null order by {name} desc, smiles limit {BEST}"
        found = library.query(f"select smiles, {name} {ordered}")
        best = list(zip(found["smiles"], found[name].astype(float), strict=True))
    else:
        order = np.argsort(-np.nan_to_num(np.asarray(qed, float), nan=-1.0), kind="stable")[:BEST]
        best = [(texts[row], float(qed[row])) for row in order]
    numbers = [one for one in sample if str(one).startswith("score") or one == "similarity"]
    numbers = [one for one in numbers if _some(sample[one])]
    whole, mapped = bool(name) or len(texts) == len(library), cluster_map(texts[:MAPPED])
    return Survey(best, name or "qed", whole, scaffold_tree(texts), len(texts), mapped, sample.filter(numbers))


def _some(column: Any) -> bool:
    return bool(column.notna().to_numpy().any())


# Scaffolds --------------------------------------------------------------------------------------


def levels(smiles: str) -> tuple[int, str, str]:
    """The rings of a molecule's Bemis-Murcko scaffold (1996), its framework, and the scaffold itself.

    >>> levels("CCc1ccncc1")
    (1, 'C1CCCCC1', 'c1ccncc1')
    """
    scaffold = MurckoScaffold.GetScaffoldForMol(Chem.MolFromSmiles(smiles))
    Chem.RemoveStereochemistry(scaffold)
    rings = rdMolDescriptors.CalcNumRings(scaffold)
    if not rings:
        return 0, "", ""
    return rings, _framework(scaffold), Chem.MolToSmiles(scaffold)


def _framework(scaffold: Chem.Mol) -> str:
    """All atoms carbon, all bonds single, without what hangs on by a double bond."""
    plain = Chem.RWMol(scaffold)
    for place in range(plain.GetNumAtoms()):
        plain.ReplaceAtom(place, Chem.Atom(6))
    for bond in plain.GetBonds():
        bond.SetBondType(Chem.BondType.SINGLE)
        bond.SetIsAromatic(False)
    while ends := [atom.GetIdx() for atom in plain.GetAtoms() if atom.GetDegree() == 1]:
        for place in sorted(ends, reverse=True):
            plain.RemoveAtom(place)
    plain.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(plain)
    return Chem.MolToSmiles(plain)


def scaffold_tree(smiles: Sequence[str]) -> tuple[Branch, ...]:
    """Molecules by the number of rings of their scaffold, within that by its framework, within that by the scaffold.

    All numbers of rings are there; of the frameworks and scaffolds the commonest.
    """
    found = map_chunks(levels, list(smiles), failed=lambda reason: None)
    counted = Counter(level for level in found if level is not None)
    tree: dict[int, dict[str, Counter[str]]] = {}
    for (rings, framework, scaffold), count in counted.items():
        tree.setdefault(rings, {}).setdefault(framework, Counter())[scaffold] += count
    return tuple(_of_rings(rings, tree[rings]) for rings in sorted(tree))


def _of_rings(rings: int, frameworks: dict[str, "Counter[str]"]) -> Branch:
    label = {0: "no ring", 1: "1 ring"}.get(rings, f"{rings} rings")
    if not rings:
        return Branch(label, "", frameworks[""].total())
    branches = [_branch(name, name, scaffolds, SCAFFOLDS) for name, scaffolds in frameworks.items()]
    branches.sort(key=lambda one: (-one.count, one.label))
    shown, rest = branches[:FRAMEWORKS], branches[FRAMEWORKS:]
    others = sum(one.count for one in rest)
    return Branch(label, "", others + sum(one.count for one in shown), tuple(shown), others, len(rest))


def _branch(label: str, smiles: str, counts: "Counter[str]", most: int) -> Branch:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = tuple(Branch(text, text, count) for text, count in ordered[:most])
    others = sum(count for _, count in ordered[most:])
    return Branch(label, smiles, counts.total(), shown, others, len(ordered) - len(shown))


# Clusters ---------------------------------------------------------------------------------------


def cluster_map(smiles: Sequence[str]) -> Map:
    """BitBIRCH clusters of molecules, and their principal components: Morgan fingerprints of radius 2."""
    packed = bit_matrix(list(smiles))
    labels = bitbirch(packed, GROUPED)
    sizes = np.bincount(labels)
    similar = tightness(packed, labels)
    first = [int(np.flatnonzero(labels == one)[0]) for one in range(min(CLUSTERS, len(sizes)))]
    clusters = tuple(Cluster(int(sizes[one]), float(similar[one]), smiles[row]) for one, row in enumerate(first))
    places, variance = principal_components(np.unpackbits(packed, axis=1))
    return Map(places, labels, variance, clusters, len(sizes))


def principal_components(table: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """The two principal components `(row, 2)` of a table, and each one's share of the variance.

    The sign of a component is such that its largest coordinate is positive.
    """
    centred = table.astype(np.float32)
    centred -= centred.mean(0)
    total, places = float((centred**2).sum()), np.zeros((len(table), 2))
    if not total:
        return places, (0.0, 0.0)
    if min(centred.shape) < 50:
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    else:
        from scipy.sparse.linalg import svds

        found: Any = svds(centred, k=2, v0=np.ones(min(centred.shape), np.float32))
        left, sizes = found[0][:, ::-1], found[1][::-1]
    several = min(2, len(sizes))
    places[:, :several] = (left * sizes)[:, :several]
    largest = places[np.abs(places).argmax(0), [0, 1]]
    first, second = (float(size**2 / total) for size in (*sizes[:2], 0.0)[:2])
    return places * np.where(largest < 0, -1.0, 1.0), (first, second)
