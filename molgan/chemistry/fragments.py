"""Fragments that molecules begin with: what is open at which atom, and whether a molecule has them.

A fragment is a SMILES in which `[*]`, `[1*]` or `[*:1]` marks a site, where one bond to the rest of the molecule is
made. A fragment without marks is open at every atom that has a hydrogen to give. An atom `*` with two or more bonds is
an atom of any type. Several fragments are given apart or in one SMILES, separated by dots.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rdkit import Chem, rdBase

from molgan.chemistry.graph import AtomType, bond_order, type_of
from molgan.chemistry.identity import Rejected, parse_as_written
from molgan.chemistry.stereo import Centre, DoubleBond, centres_of, double_bonds_of, marked
from molgan.chemistry.vocabulary import Vocabulary

OPEN = -1
"""Sites of an atom that may be bonded as far as its valence goes."""
Place: TypeAlias = int


@dataclass(frozen=True)
class Fragments:
    """What a molecule is to begin with: atoms in one piece or several, and where they may be bonded to more.

    text: as it was given. atoms: types; None for one of any type. bonds: `(i, j, order)` with i < j. sites: bonds to
    the rest that each atom may have, `OPEN` for any. required: how many it has to have. pieces: how many there are.
    aromatic: pairs of atoms with an aromatic bond. centres, double_bonds: the stereochemistry that is given. numbers:
    of the marked sites. linked: whether new atoms join all sites, also those of one piece, so that rings close.

    >>> Fragments.parse("[1*]C1CC1.[2*]N").pieces
    2
    """

    text: str
    atoms: tuple[AtomType | None, ...]
    bonds: tuple[tuple[int, int, int], ...]
    sites: tuple[int, ...]
    required: tuple[int, ...]
    pieces: int
    aromatic: frozenset[tuple[int, int]]
    centres: tuple[Centre, ...] = ()
    double_bonds: tuple[DoubleBond, ...] = ()
    numbers: frozenset[int] = frozenset()
    linked: bool = False

    @classmethod
    def parse(cls, given: str | Sequence[str], optional: Collection[int] = (), linked: bool = False) -> "Fragments":
        """Read fragments. optional: the numbers of marked sites that may be left with a hydrogen, of those that it has.

        linked: whether new atoms have to join all sites.

        Raises Rejected with the reason.

        >>> Fragments.parse("[*]c1ccccc1").sites
        (1, 0, 0, 0, 0, 0)
        """
        text = given if isinstance(given, str) else ".".join(given)
        mol = parse_as_written(text)
        marks = {atom.GetIdx(): _number(atom) for atom in mol.GetAtoms() if _is_site(atom)}
        places = {old: new for new, old in enumerate(at for at in range(mol.GetNumAtoms()) if at not in marks)}
        if not places:
            raise Rejected("there is nothing but sites")
        sites, required = [0] * len(places), [0] * len(places)
        for at, number in marks.items():
            atom = mol.GetAtomWithIdx(at)
            other = atom.GetNeighbors()[0].GetIdx()
            if other in marks:
                raise Rejected("two sites are bonded to each other")
            if atom.GetBonds()[0].GetBondType() != Chem.BondType.SINGLE:
                raise Rejected("a site has a bond that is not single")
            sites[places[other]] += 1
            required[places[other]] += number not in optional
        pieces = Chem.GetMolFrags(mol)
        for piece in pieces:
            if not any(at in marks for at in piece):
                for at in piece:
                    sites[places[at]] = OPEN if mol.GetAtomWithIdx(at).GetTotalNumHs() else 0
        if linked and any(number == OPEN for number in sites):
            raise Rejected("sites that are to be linked have to be marked")
        atoms, bonds = _graph(mol, places)
        aromatic = frozenset(
            (min(a, b), max(a, b))
            for bond in mol.GetBonds()
            if bond.GetIsAromatic()
            for a, b in [(places[bond.GetBeginAtomIdx()], places[bond.GetEndAtomIdx()])]
        )
        return cls(
            *(text, atoms, bonds, tuple(sites), tuple(required), len(pieces), aromatic),
            *(centres_of(mol, places), double_bonds_of(mol, places), frozenset(marks.values())),
            linked,
        )

    @classmethod
    def nothing(cls) -> "Fragments":
        """A request of no fragments at all. Raises nothing.

        >>> Fragments.nothing().least_atoms
        1
        """
        return cls("", (), (), (), (), 0, frozenset())

    @property
    def least_atoms(self) -> int:
        """Heavy atoms of the smallest molecule that there can be: at least one atom is added."""
        added = max((1, *self.required))
        while not self._fits(added):
            added += 1
        return len(self.atoms) + added

    def _fits(self, added: int) -> bool:
        """Whether so many atoms of four bonds can take all required sites and join all pieces."""
        required = sum(self.required)
        apart = sum(number > 0 for number in self.sites) if self.linked else self.pieces
        edges = max(required, apart + added - 1)
        return edges <= 4 * added and max(self.required, default=0) <= added

    def bounds(
        self, vocabulary: Vocabulary, size: tuple[int, int] | None = None, added: tuple[int, int] | None = None
    ) -> tuple[int, int]:
        """The least and the most heavy atoms of a molecule. Raises nothing.

        size: the least and the most that are wanted; added: of those beside the fragments. None leaves them open.

        >>> from molgan.chemistry import AtomType, Vocabulary
        >>> Fragments.parse("[*]CC").bounds(Vocabulary((AtomType("C"),), 9), added=(2, 20))
        (4, 9)
        """
        least, most = size or (1, vocabulary.max_atoms)
        if added is not None:
            least, most = max(least, len(self.atoms) + added[0]), min(most, len(self.atoms) + added[1])
        return max(least, self.least_atoms), min(most, vocabulary.max_atoms)

    def refusal(
        self, vocabulary: Vocabulary, size: tuple[int, int] | None = None, added: tuple[int, int] | None = None
    ) -> str:
        """Why a model with this vocabulary cannot build on these fragments; "" where it can.

        size, added: as in `bounds`. Raises nothing.

        >>> from molgan.chemistry import AtomType, Vocabulary
        >>> Fragments.parse("[*]CBr").refusal(Vocabulary((AtomType("C"), AtomType("O")), 9))
        'has Br, which the model does not know'
        """
        if self.least_atoms > vocabulary.max_atoms:
            return f"needs {self.least_atoms} heavy atoms or more, the model holds {vocabulary.max_atoms}"
        least, most = self.bounds(vocabulary, size, added)
        if least > most:
            return f"needs {least} heavy atoms or more, and {most} are allowed"
        capacity = dict(zip(vocabulary.atoms, vocabulary.capacities, strict=True))
        totals = [0] * len(self.atoms)
        for i, j, order in self.bonds:
            totals[i] += order
            totals[j] += order
        free = [0] * self.pieces
        of = self._piece_of()
        for place, atom in enumerate(self.atoms):
            most = max(capacity.values()) if atom is None else capacity.get(atom)
            if most is None:
                return f"has {atom}, which the model does not know"
            if totals[place] + max(0, self.sites[place]) > most:
                return f"has a site without free valence at {atom or '*'}"
            free[of[place]] += most - totals[place] if self.sites[place] == OPEN else self.sites[place]
        return "" if all(free) else "has a piece without a free valence"

    def _piece_of(self) -> list[int]:
        of = list(range(len(self.atoms)))
        for i, j, _ in self.bonds:
            low, high = sorted((of[i], of[j]))
            of = [low if piece == high else piece for piece in of]
        ids = {piece: number for number, piece in enumerate(dict.fromkeys(of))}
        return [ids[piece] for piece in of]

    def smiles(self, mol: Chem.Mol, at: Sequence[Place]) -> str | None:
        """Canonical SMILES of a molecule with the stereochemistry that is given; None where it lacks the fragments.

        at: where each atom of the fragments is in the molecule. Raises RuntimeError where it has no such place.

        >>> Fragments.parse("[*][C@H](F)Cl").smiles(Chem.MolFromSmiles("BrC(F)Cl"), [1, 2, 3])
        'F[C@H](Cl)Br'
        """
        if not self._bonds_hold(mol, at):
            return None
        if not self.centres and not self.double_bonds:
            return Chem.MolToSmiles(mol)
        return marked(mol, at, self.centres, self.double_bonds)

    def in_molecule(self, smiles: str) -> bool:
        """Whether a molecule has all fragments, bonded to the rest at their sites alone, with their stereochemistry.

        Raises Rejected for what is no SMILES.

        >>> [Fragments.parse("[*]c1ccccc1").in_molecule(text) for text in ("CCc1ccccc1", "Cc1ccccc1C")]
        [True, False]
        """
        mol = parse_as_written(smiles)
        matches = mol.GetSubstructMatches(self._query(), uniquify=False, maxMatches=20_000)
        return any(self._bonds_hold(mol, at) and self._stereo_holds(mol, at) for at in matches)

    def _stereo_holds(self, mol: Chem.Mol, at: Sequence[Place]) -> bool:
        return marked(mol, at, self.centres, self.double_bonds) == Chem.MolToSmiles(mol)

    def _query(self) -> Chem.Mol:
        query = Chem.RWMol()
        for atom in self.atoms:
            new = Chem.AtomFromSmarts("*" if atom is None else f"[#{_NUMBER(atom.symbol)};{atom.charge:+}]")
            query.AddAtom(new)
        kinds = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
        for i, j, order in self.bonds:
            query.AddBond(i, j, Chem.BondType.AROMATIC if (i, j) in self.aromatic else kinds[order])
        return query.GetMol()

    def _bonds_hold(self, mol: Chem.Mol, at: Sequence[Place]) -> bool:
        """Whether bonds are as in the fragments, and those to the rest at the sites alone."""
        orders = {pair: order for i, j, order in self.bonds for pair in ((at[i], at[j]), (at[j], at[i]))}
        aromatic = {pair for i, j in self.aromatic for pair in ((at[i], at[j]), (at[j], at[i]))}
        wild = {at[place] for place, atom in enumerate(self.atoms) if atom is None}
        for place, (atom, sites, needed) in enumerate(zip(self.atoms, self.sites, self.required, strict=True)):
            there, outward = mol.GetAtomWithIdx(at[place]), 0
            if atom is not None and (there.GetSymbol(), there.GetFormalCharge()) != (atom.symbol, atom.charge):
                return False
            for bond in there.GetBonds():
                pair = at[place], bond.GetOtherAtomIdx(at[place])
                if pair not in orders:
                    outward += 1
                    holds = sites == OPEN or bond.GetBondType() == Chem.BondType.SINGLE
                elif wild.intersection(pair):
                    holds = bond.GetIsAromatic() or bond.GetBondTypeAsDouble() == orders[pair]
                elif pair in aromatic or bond.GetIsAromatic():
                    holds = bond.GetIsAromatic() == (pair in aromatic)
                else:
                    holds = bond.GetBondTypeAsDouble() == orders[pair]
                if not holds:
                    return False
            if sites != OPEN and not needed <= outward <= sites:
                return False
        return True


_NUMBER = Chem.GetPeriodicTable().GetAtomicNumber


def _is_site(atom: Chem.Atom) -> bool:
    """Whether an atom marks a site; raises Rejected for one that is bonded to nothing."""
    if atom.GetAtomicNum():
        return False
    if not atom.GetDegree():
        raise Rejected("a site is bonded to nothing")
    return atom.GetDegree() == 1


def _number(atom: Chem.Atom) -> int:
    """The number of a site, as an isotope or an atom map; 0 for none."""
    return atom.GetIsotope() or atom.GetAtomMapNum()


def _graph(
    mol: Chem.Mol, places: dict[int, int]
) -> tuple[tuple[AtomType | None, ...], tuple[tuple[int, int, int], ...]]:
    """Atom types and bonds of the kekulé structure without its sites, whose bonds the types count."""
    mol = Chem.Mol(mol)
    try:
        with rdBase.BlockLogs():
            Chem.Kekulize(mol, clearAromaticFlags=True)
    except Chem.MolSanitizeException:
        raise Rejected("its aromatic rings have no kekulé structure") from None
    totals, bonds = [0] * mol.GetNumAtoms(), []
    for bond in mol.GetBonds():
        i, j, order = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond_order(bond)
        totals[i] += order
        totals[j] += order
        if i in places and j in places:
            bonds.append((*sorted((places[i], places[j])), order))
    atoms: list[AtomType | None] = [None] * len(places)
    for old, new in places.items():
        atom = mol.GetAtomWithIdx(old)
        if atom.GetAtomicNum():
            atom.SetAtomMapNum(0)
            atoms[new] = type_of(atom, totals[old])
    return tuple(atoms), tuple(sorted(bonds))
