"""Stereochemistry of given fragments: kept in a molecule that is built on them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rdkit import Chem

HYDROGEN = -1  # stands for a neighbor that is a hydrogen, or a lone pair
OUTSIDE = -2  # stands for a neighbor that is not of the fragment

_TURNED = {
    Chem.ChiralType.CHI_TETRAHEDRAL_CW: Chem.ChiralType.CHI_TETRAHEDRAL_CCW,
    Chem.ChiralType.CHI_TETRAHEDRAL_CCW: Chem.ChiralType.CHI_TETRAHEDRAL_CW,
}


class Centre(NamedTuple):
    """A tetrahedral centre of a fragment: its atom, its neighbors in the order of RDKit's tag, and the tag.

    At most one of the neighbors is `OUTSIDE`, and at most one `HYDROGEN`.
    """

    atom: int
    neighbors: tuple[int, ...]
    tag: Chem.ChiralType


class DoubleBond(NamedTuple):
    """A double bond of a fragment with a neighbor at each end, and whether these are on one side.

    inside: all neighbors of its ends that are of the fragment.
    """

    begin: int
    end: int
    neighbors: tuple[int, int]
    cis: bool
    inside: frozenset[int]


def centres_of(mol: Chem.Mol, places: Mapping[int, int]) -> tuple[Centre, ...]:
    """Centres of a fragment with its sites. places: of its atoms, by their numbers in `mol`; a site has none.

    A centre with several neighbors outside is left out: which of them is which is open.
    """
    found = []
    for atom in mol.GetAtoms():
        if atom.GetChiralTag() not in _TURNED:
            continue
        neighbors = [places.get(bond.GetOtherAtomIdx(atom.GetIdx()), OUTSIDE) for bond in atom.GetBonds()]
        if len(neighbors) == 3:
            neighbors.append(HYDROGEN)  # RDKit takes one that is not written for the last
        if neighbors.count(OUTSIDE) <= 1:
            found.append(Centre(places[atom.GetIdx()], tuple(neighbors), atom.GetChiralTag()))
    return tuple(found)


def double_bonds_of(mol: Chem.Mol, places: Mapping[int, int]) -> tuple[DoubleBond, ...]:
    """Double bonds of a fragment that are E or Z. places: as in `centres_of`."""
    sides = {Chem.BondStereo.STEREOZ: True, Chem.BondStereo.STEREOCIS: True}
    sides |= {Chem.BondStereo.STEREOE: False, Chem.BondStereo.STEREOTRANS: False}
    found = []
    for bond in mol.GetBonds():
        if bond.GetStereo() in sides:
            first, second = (places.get(at, OUTSIDE) for at in bond.GetStereoAtoms())
            ends = places[bond.GetBeginAtomIdx()], places[bond.GetEndAtomIdx()]
            beside = (n.GetIdx() for end in (bond.GetBeginAtom(), bond.GetEndAtom()) for n in end.GetNeighbors())
            inside = frozenset(places[at] for at in beside if at in places)
            found.append(DoubleBond(*ends, (first, second), sides[bond.GetStereo()], inside))
    return tuple(found)


def marked(mol: Chem.Mol, at: Sequence[int], centres: Sequence[Centre], double_bonds: Sequence[DoubleBond]) -> str:
    """Canonical SMILES of a molecule with the stereochemistry of a fragment. at: where each of its atoms is.

    What is no centre in the molecule any more is left out; other centres stay as they are.
    """
    mol = Chem.Mol(mol)
    for centre in centres:
        atom = mol.GetAtomWithIdx(at[centre.atom])
        there = [bond.GetOtherAtomIdx(atom.GetIdx()) for bond in atom.GetBonds()]
        given = [at[other] if other >= 0 else other for other in centre.neighbors]
        outside = [other for other in there if other not in given]  # an atom of another fragment may be among them
        if outside:
            slot = OUTSIDE if OUTSIDE in given else HYDROGEN
            given = [outside[0] if other == slot else other for other in given]
        there += [HYDROGEN] * (len(there) == 3)
        if sorted(there) == sorted(given):
            atom.SetChiralTag(_TURNED[centre.tag] if _is_odd(given, there) else centre.tag)
    if double_bonds:
        Chem.AssignStereochemistry(mol, force=True)  # RDKit writes no E or Z of a renumbered molecule without
    for one in double_bonds:
        bond = mol.GetBondBetweenAtoms(at[one.begin], at[one.end])
        ends = (at[one.begin], at[one.end]), (at[one.end], at[one.begin])
        within = {at[other] for other in one.inside}
        both = [at[n] if n >= 0 else _outside(mol, *end, within) for n, end in zip(one.neighbors, ends, strict=True)]
        picked = [other for other in both if other is not None]
        if len(picked) == 2:
            bond.SetStereoAtoms(*(picked if bond.GetBeginAtomIdx() == at[one.begin] else picked[::-1]))
            bond.SetStereo(Chem.BondStereo.STEREOCIS if one.cis else Chem.BondStereo.STEREOTRANS)
    return Chem.CanonSmiles(Chem.MolToSmiles(mol))


def _outside(mol: Chem.Mol, end: int, other: int, within: set[int]) -> int | None:
    """The neighbor of one end of a double bond that the fragment does not have there."""
    found = [atom.GetIdx() for atom in mol.GetAtomWithIdx(end).GetNeighbors() if atom.GetIdx() != other]
    return next((place for place in found if place not in within), None)


def _is_odd(given: Sequence[int], there: Sequence[int]) -> bool:
    """Whether it takes an odd number of swaps from one order to the other."""
    places = [there.index(other) for other in given]
    return sum(first > second for n, first in enumerate(places) for second in places[n + 1 :]) % 2 == 1
