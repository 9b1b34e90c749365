"""What is around each stereocentre and double bond of a molecule, as signed features of its configuration.

A configuration is one sign a site: of a centre, the sense of its neighbors in the order of its bonds; of a double bond,
whether two reference neighbors are on one side. A feature is what the site's branches are, and its value the sign that
turns the site's own order into one by these branches. So a weight for a feature means the same in every molecule.
Features of two sites tell how they stand to each other: on which side of a shared ring, or along a short path.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple, TypeAlias
from zlib import crc32

import numpy as np
from rdkit import Chem

Feature: TypeAlias = tuple[int, int]
"""The number of a feature, and its sign."""

HYDROGEN = -1  # stands for a neighbor that is a hydrogen, or a lone pair
LEVELS = 5  # how far a branch is followed: 0 is its first atom, roughly
_PAIR_LEVELS, _PAIR_REACH = 3, 3
_LARGEST_RING, _LARGEST_BRIDGE = 8, 6
_SENSES = {Chem.ChiralType.CHI_TETRAHEDRAL_CW: 1, Chem.ChiralType.CHI_TETRAHEDRAL_CCW: -1}
_CIS = {Chem.BondStereo.STEREOZ: 1, Chem.BondStereo.STEREOCIS: 1, Chem.BondStereo.STEREOE: -1}
_CIS |= {Chem.BondStereo.STEREOTRANS: -1}


class Site(NamedTuple):
    """A tetrahedral centre, or a double bond that can be E or Z.

    at: its atom, or the two of the bond. around: the neighbors of each. sign: its configuration; 0 where it is open.
    """

    at: tuple[int, ...]
    around: tuple[tuple[int, ...], ...]
    sign: int

    @property
    def is_centre(self) -> bool:
        """Whether it is a centre, not a double bond."""
        return len(self.at) == 1


class StereoFeatures(NamedTuple):
    """The sites of a molecule with the features of each, and of each two of them by their places."""

    sites: list[Site]
    single: list[list[Feature]]
    pairs: dict[tuple[int, int], list[Feature]]


def sites_of(mol: Chem.Mol) -> list[Site]:
    """Centres and double bonds of a molecule that have two configurations, whether these are given or open.

    A double bond of which one end has only a hydrogen that is not an atom, as in C=N-H, is left out: canonical SMILES
    do not tell its configurations apart.

    >>> [(site.at, site.sign) for site in sites_of(Chem.MolFromSmiles("C[C@H](F)C(O)Cl"))]
    [((1,), -1), ((3,), 0)]
    """
    found = []
    for info in Chem.FindPotentialStereo(mol):
        if info.type == Chem.StereoType.Atom_Tetrahedral:
            atom = mol.GetAtomWithIdx(info.centeredOn)
            around = tuple(bond.GetOtherAtomIdx(atom.GetIdx()) for bond in atom.GetBonds())
            around += (HYDROGEN,) * (len(around) == 3)  # RDKit takes one that is not written for the last
            found.append(Site((atom.GetIdx(),), (around,), _SENSES.get(atom.GetChiralTag(), 0)))
        elif info.type == Chem.StereoType.Bond_Double:
            bond = mol.GetBondWithIdx(info.centeredOn)
            ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            around = tuple(_others(mol, *pair) for pair in (ends, ends[::-1]))
            if any(reference == HYDROGEN for reference, _ in around):
                continue  # an imine's N-H: RDKit marks the sides of a bond by atoms, and its hydrogen is none
            sign = _CIS.get(bond.GetStereo(), 0)
            for first, reference in zip(around, bond.GetStereoAtoms() if sign else (), strict=False):
                sign *= 1 if first[0] == reference else -1
            found.append(Site(ends, around, sign))
    return found


def _others(mol: Chem.Mol, end: int, other: int) -> tuple[int, ...]:
    found = [atom.GetIdx() for atom in mol.GetAtomWithIdx(end).GetNeighbors() if atom.GetIdx() != other]
    return tuple(found + [HYDROGEN] * (2 - len(found)))


def features_of(mol: Chem.Mol) -> StereoFeatures:
    """The sites of a molecule and their features. Those that do not tell the branches of a site apart are left out.

    >>> features_of(Chem.MolFromSmiles("CC(F)Cl")).single[0][0][1] in (-1, 1)
    True
    """
    around = _Surroundings(mol)
    sites = sites_of(mol)
    single = [around.of_centre(site) if site.is_centre else around.of_double_bond(site) for site in sites]
    pairs = {}
    centres = [place for place, site in enumerate(sites) if site.is_centre]
    if len(centres) > 1:
        distance = Chem.GetDistanceMatrix(mol)
        for i, j in combinations(centres, 2):
            first, second = sites[i], sites[j]
            found = around.in_rings(first, second)
            if distance[first.at[0], second.at[0]] <= _PAIR_REACH:
                found += around.along_path(first, second, distance)
            if found:
                pairs[i, j] = found
    return StereoFeatures(sites, single, pairs)


class _Surroundings:
    """The branches of a molecule's atoms, as numbers that are the same in every molecule."""

    def __init__(self, mol: Chem.Mol):
        self.neighbors = [[other.GetIdx() for other in atom.GetNeighbors()] for atom in mol.GetAtoms()]
        self.rough, self.fine, self.orders = [], [], {}
        for atom in mol.GetAtoms():
            unsaturated = any(bond.GetBondTypeAsDouble() > 1 for bond in atom.GetBonds())
            self.rough.append((atom.GetAtomicNum(), unsaturated))
            ring = atom.GetOwningMol().GetRingInfo().MinAtomRingSize(atom.GetIdx())
            self.fine.append(
                (*self.rough[-1], atom.GetFormalCharge(), atom.GetTotalNumHs(), atom.GetIsAromatic(), ring)
            )
        for bond in mol.GetBonds():
            ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            self.orders[ends] = self.orders[ends[::-1]] = int(2 * bond.GetBondTypeAsDouble())
        self.rings = [ring for ring in mol.GetRingInfo().AtomRings() if len(ring) <= _LARGEST_RING]
        self.known: dict[tuple[int, int, int], int] = {}

    def branch(self, at: int, behind: int, level: int) -> int:
        """What is reached from `behind` by its bond to `at`; 0 for a hydrogen."""
        if at == HYDROGEN:
            return 0
        key = at, behind, level
        if key not in self.known:
            if not level:
                self.known[key] = _number(self.orders[at, behind], *self.rough[at])
            else:
                further = sorted(self.branch(other, at, level - 1) for other in self.neighbors[at] if other != behind)
                self.known[key] = _number(self.orders[at, behind], *self.fine[at], *further)
        return self.known[key]

    def of_centre(self, site: Site) -> list[Feature]:
        (at,), (around,) = site.at, site.around
        found = []
        for level in range(LEVELS):
            branches = [self.branch(other, at, level) for other in around]
            if len(set(branches)) == len(branches):
                found.append((_number(0, level, *self.rough[at], *sorted(branches)), _parity(branches)))
                if level:
                    found.append((_number(1, level, *self.fine[at], *sorted(branches)), _parity(branches)))
        return found

    def of_double_bond(self, site: Site) -> list[Feature]:
        found = []
        for level in range(-1, LEVELS):
            ends, sign = [], 1
            for at, around in zip(site.at, site.around, strict=True):
                # At the lowest level, whether there is a hydrogen is all that counts.
                branches = [int(other >= 0) if level < 0 else self.branch(other, at, level) for other in around]
                sign *= (branches[0] > branches[1]) - (branches[0] < branches[1])
                ends.append(_number(*(self.rough[at] if level >= 0 else ()), *sorted(branches)))
            if sign:
                found.append((_number(2, level, *sorted(ends)), sign))
        return found

    def in_rings(self, first: Site, second: Site) -> list[Feature]:
        """Whether substituents of two centres are on one side of a ring that both are in."""
        found, (i, j) = [], (first.at[0], second.at[0])
        for ring in self.rings:
            if i not in ring or j not in ring:
                continue
            size, apart = len(ring), abs(ring.index(i) - ring.index(j))
            sides = [self._sides(site, ring) for site in (first, second)]
            bridges = {(a, b): self._bridge(a, b, ring) for a in sides[0][1] for b in sides[1][1]}
            shape = size, min(apart, size - apart)
            for level in range(-1, _PAIR_LEVELS):
                keys, sign = [], 1
                for own, (site, (turn, out)) in enumerate(zip((first, second), sides, strict=True)):
                    at = site.at[0]
                    ranks = [self._rank(other, at, level, own, bridges) for other in out]
                    if ranks[0] == ranks[1]:
                        sign = 0
                        break
                    order = out if ranks[0] > ranks[1] else out[::-1]
                    sign *= _parity([site.around[0].index(other) for other in (*turn, *order)])
                    keys.append(
                        _number(*(self.fine[at] if level > 0 else ()), *(int(n) for r in sorted(ranks) for n in r))
                    )
                if sign:
                    found.append((_number(3, level, *shape, *sorted(keys)), sign))
        return found

    def _sides(self, site: Site, ring: Sequence[int]) -> tuple[tuple[int, int], tuple[int, ...]]:
        """The neighbors of a ring atom in the ring, in its direction, and the two outside it."""
        place = ring.index(site.at[0])
        turn = ring[place - 1], ring[(place + 1) % len(ring)]
        return turn, tuple(other for other in site.around[0] if other not in turn)

    def _rank(
        self, other: int, at: int, level: int, own: int, bridges: dict[tuple[int, int], int]
    ) -> tuple[int, int, int]:
        """What ranks a substituent: the smallest way to one of the other centre, whether it is an atom, its branch."""
        ways = [size for pair, size in bridges.items() if pair[own] == other and size]
        return -min(ways, default=_LARGEST_BRIDGE), int(other >= 0), self.branch(other, at, level) if level >= 0 else 0

    def _bridge(self, a: int, b: int, ring: Sequence[int]) -> int:
        """Atoms of the shortest way between two substituents that leaves out a ring; 0 where there is none."""
        if a < 0 or b < 0 or a in ring or b in ring:
            return 0
        seen, edge = {*ring, a}, [a]
        for size in range(1, _LARGEST_BRIDGE):
            if b in edge:
                return size
            edge = list({further for at in edge for further in self.neighbors[at] if further not in seen})
            seen.update(edge)
        return 0

    def along_path(self, first: Site, second: Site, distance: np.ndarray) -> list[Feature]:
        """How two centres stand to each other, by their branches with the one that leads to the other first."""
        found, (i, j) = [], (first.at[0], second.at[0])
        apart = int(distance[i][j])
        for level in range(_PAIR_LEVELS):
            keys, sign = [], 1
            for site, at, other in ((first, i, j), (second, j, i)):
                branches = [(n < 0 or distance[n][other] >= apart, self.branch(n, at, level)) for n in site.around[0]]
                if len(set(branches)) < len(branches):
                    sign = 0
                    break
                sign *= _parity(branches)
                keys.append(_number(*self.rough[at], *(int(n) for b in sorted(branches) for n in b)))
            if sign:
                found.append((_number(4, level, apart, *sorted(keys)), sign))
        return found


def _number(*parts: int) -> int:
    return crc32(repr(tuple(int(part) for part in parts)).encode())


def _parity(ranks: Sequence) -> int:
    """1 if an even number of swaps sorts them, else -1."""
    odd = sum(first > second for n, first in enumerate(ranks) for second in ranks[n + 1 :]) % 2
    return -1 if odd else 1
