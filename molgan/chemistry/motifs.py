"""The motifs and the scaffold of one molecule: what `molgan.metrics.motifs` counts. Free of torch."""

from itertools import combinations
from typing import NamedTuple

from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from molgan.chemistry.identity import Rejected
from molgan.chemistry.motif_names import MOTIF_NAMES
from molgan.chemistry.parsed_text import ParsedText, Text
from molgan.chemistry.substructures import Substructures

_BONDS = {
    Chem.BondType.SINGLE: "-",
    Chem.BondType.DOUBLE: "=",
    Chem.BondType.TRIPLE: "#",
    Chem.BondType.AROMATIC: ":",
}
_OTHER = "~"
_NAMES = tuple(MOTIF_NAMES)
_LISTED = Substructures(list(MOTIF_NAMES.values()))


class Profile(NamedTuple):
    """One molecule: its motifs, sorted; the listed ones it has (`MOTIF_NAMES`); its scaffold (Bemis and Murcko 1996)
    without stereo, empty for a molecule without a ring."""

    motifs: tuple[str, ...]
    listed: tuple[str, ...]
    scaffold: str


def profile(text: Text) -> Profile | None:
    """The profile of a SMILES, None where RDKit does not read it."""
    try:
        molecule = ParsedText.of(text).molecule
    except Rejected:
        return None
    mol = molecule.mol
    scaffold = MurckoScaffold.GetScaffoldForMol(mol)
    return Profile(
        tuple(sorted(motifs(mol))),
        tuple(_NAMES[place] for place in _LISTED.found(mol, molecule.smiles)),
        Chem.MolToSmiles(scaffold, isomericSmiles=False),
    )


def motifs(mol: Chem.Mol) -> set[str]:
    """Every atom, every bond with its two atoms, and every two bonds that share an atom with their three atoms.

    An atom is its element (in small letters where aromatic), its charge, and, unless it is carbon, its hydrogens; a
    bond is its kind (`-`, `=`, `#`, `:` aromatic, `~` any other). These are the atom sequences of one to three atoms
    of Carhart, Smith and Venkataraghavan's generation of descriptors (1985), with hydrogens.

    >>> sorted(motifs(Chem.MolFromSmiles("OCN")))
    ['C', 'C-NH2', 'C-OH', 'NH2', 'NH2-C-OH', 'OH']
    """
    atoms = [_atom(atom) for atom in mol.GetAtoms()]
    around: list[list[tuple[str, str]]] = [[] for _ in atoms]
    names = set(atoms)
    for bond in mol.GetBonds():
        first, last, kind = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), _BONDS.get(bond.GetBondType(), _OTHER)
        around[first].append((kind, atoms[last]))
        around[last].append((kind, atoms[first]))
        names.add(min(atoms[first] + kind + atoms[last], atoms[last] + kind + atoms[first]))
    for middle, ends in zip(atoms, around, strict=True):
        for (kind, end), (other_kind, other) in combinations(ends, 2):
            names.add(min(end + kind + middle + other_kind + other, other + other_kind + middle + kind + end))
    return names


def _atom(atom: Chem.Atom) -> str:
    symbol, charge = atom.GetSymbol(), atom.GetFormalCharge()
    hydrogens = 0 if symbol == "C" else atom.GetTotalNumHs()
    name = symbol.lower() if atom.GetIsAromatic() else symbol
    name += ("H" + (str(hydrogens) if hydrogens > 1 else "")) if hydrogens else ""
    return name + (f"({charge:+d})" if charge else "")
