"""A molecule that a language model of SMILES builds on fragments, one completion after the other.

After PromptSMILES (Thomas et al. 2024): the model continues a spelling that ends at a site; for the next site the
molecule is spelled anew; a further fragment takes the place of an end of what the model wrote.
"""

from random import Random
from typing import NamedTuple

from rdkit import Chem, rdBase

from molgan.chemistry.fragments import OPEN, Fragments
from molgan.chemistry.graph import SANITIZE, new_atom
from molgan.chemistry.identity import Rejected, has_labels, parse_as_written, strict_smiles
from molgan.chemistry.prompts import places, spell

_MORE = 0.5  # how likely an optional site is used, or one more atom of a fragment without marks
_MOST_ROUNDS = 4  # of a fragment without marks
_ANY_NUMBER = 99  # of bonds, more than any atom has


class Prompt(NamedTuple):
    """A string to be continued, the molecule's atoms in its order, and the atom of the fragments that it ends at."""

    text: str
    order: list[int]
    site: int


class Piece(NamedTuple):
    """A connected part of a request: its molecule, and which atom of the request each atom is."""

    mol: Chem.Mol
    atoms: list[int]


class Plan:
    """A request with its pieces as molecules, and the least and the most heavy atoms of a result.

    Raises Rejected for a request with an atom of any type.
    """

    def __init__(self, request: Fragments, least: int, most: int):
        if any(atom is None for atom in request.atoms):
            raise Rejected("an atom of any type cannot be spelled in a prompt")
        self.request, self.least, self.most = request, least, most
        self.degrees = [0] * len(request.atoms)
        mol = Chem.RWMol()
        for atom, sites in zip(request.atoms, request.sites, strict=True):
            assert atom is not None
            new = new_atom(atom)
            if new.GetNoImplicit():
                new.SetNumExplicitHs(new.GetNumExplicitHs() + max(0, sites))
            mol.AddAtom(new)
        kinds = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
        for i, j, order in request.bonds:
            mol.AddBond(i, j, kinds[order])
            self.degrees[i] += 1
            self.degrees[j] += 1
        _sanitize(mol)
        found: list[list[int]] = []
        parts = Chem.GetMolFrags(mol, asMols=True, sanitizeFrags=False, fragsMolAtomMapping=found)
        self.pieces = [Piece(part, list(atoms)) for part, atoms in zip(parts, found, strict=True)]
        for piece in self.pieces:
            _sanitize(piece.mol)

    def prompts(self) -> list[str]:
        """One prompt of each piece that can be one, to see whether a model knows their tokens."""
        found = []
        for piece in self.pieces:
            ends = [place for place, atom in enumerate(piece.atoms) if self.request.sites[atom]]
            found += [spell(piece.mol, end, Random(0))[0] for end in ends[:1]]
        return found


class Draft:
    """A molecule in the making; `finished` when nothing is left to be done. random: decides for this one alone."""

    def __init__(self, plan: Plan, random: Random):
        self.plan, self.random = plan, random
        self.restart()

    def restart(self) -> None:
        """Begin anew, with other choices of what is open."""
        request, random = self.plan.request, self.random
        self.waiting = list(self.plan.pieces)
        random.shuffle(self.waiting)
        first = self.waiting.pop()
        self.mol, self.at = first.mol, {atom: place for place, atom in enumerate(first.atoms)}
        marked = zip(request.sites, request.required, strict=True)
        self.goal = [need + sum(random.random() < _MORE for _ in range(max(0, sites - need))) for sites, need in marked]
        self.rounds = 0
        if OPEN in request.sites:
            self.rounds = int(len(self.plan.pieces) == 1)
            while self.rounds < _MOST_ROUNDS and random.random() < _MORE:
                self.rounds += 1

    @property
    def finished(self) -> bool:
        """Whether all pieces are joined and all sites that were chosen have their bonds."""
        grown = self.mol.GetNumAtoms() >= max(self.plan.least, len(self.plan.request.atoms) + 1)
        return grown and not (self.waiting or self.rounds or self._needed())

    def prompt(self) -> Prompt | None:
        """The next prompt; None where there is no site left to go on from."""
        usable = [atom for atom in self.at if self._usable(self.mol, self.at[atom], atom)]
        pool = usable if self.waiting else self._needed() or usable
        if self.rounds and not self.waiting and not self._needed():
            pool = [atom for atom in usable if self.plan.request.sites[atom] == OPEN]
        if not pool:
            return None
        site = self.random.choice(pool)
        try:
            return Prompt(*spell(self.mol, self.at[site], self.random), site)
        except Rejected:
            return None

    def take(self, prompt: Prompt, text: str | None) -> bool:
        """Go on with a completion of a prompt; False, and nothing changes, where it is none that can be used."""
        rest = text[len(prompt.text) :] if text is not None and text.startswith(prompt.text) else ""
        if not rest or "." in rest or "*" in rest or has_labels(rest):
            return False
        try:
            mol = parse_as_written(prompt.text + rest)
            Chem.RemoveStereochemistry(mol)
            place = places(prompt.order)
            at = {atom: place[old] for atom, old in self.at.items()}
            new = set(range(len(place), mol.GetNumAtoms()))
            waiting = sorted(self.waiting, key=lambda piece: (len(self._sites(piece)), self.random.random()))
            while waiting:
                mol, at, new = self._attached(mol, at, new, waiting.pop(), sum(len(one.atoms) for one in waiting))
                if any(self._usable(mol, there, atom) for atom, there in at.items()):
                    break
        except (Rejected, Chem.MolSanitizeException):
            return False
        size = mol.GetNumAtoms() + sum(len(piece.atoms) for piece in waiting)
        held = all(self._outward(mol, there, atom) <= self._most(atom) for atom, there in at.items())
        if not new or size > self.plan.most or not held:
            return False
        self.mol, self.at, self.waiting = mol, at, waiting
        self.rounds -= bool(self.rounds and self.plan.request.sites[prompt.site] == OPEN)
        return True

    def smiles(self) -> str | None:
        """Canonical SMILES with the stereochemistry of the fragments; None where the molecule is not as requested."""
        request = self.plan.request
        if strict_smiles(self.mol) is None or not self.plan.least <= self.mol.GetNumAtoms() <= self.plan.most:
            return None
        return request.smiles(self.mol, [self.at[atom] for atom in range(len(request.atoms))])

    def _needed(self) -> list[int]:
        return [atom for atom, at in self.at.items() if self._outward(self.mol, at, atom) < self.goal[atom]]

    def _outward(self, mol: Chem.Mol, at: int, atom: int) -> int:
        """Bonds of an atom of the fragments to the rest of the molecule."""
        return mol.GetAtomWithIdx(at).GetDegree() - self.plan.degrees[atom]

    def _most(self, atom: int) -> int:
        sites = self.plan.request.sites[atom]
        return sites if sites != OPEN else _ANY_NUMBER

    def _usable(self, mol: Chem.Mol, at: int, atom: int) -> bool:
        free = mol.GetAtomWithIdx(at).GetTotalNumHs() > 0
        return free and self._outward(mol, at, atom) < self._most(atom)

    def _sites(self, piece: Piece) -> list[int]:
        """The atoms of a piece that may be bonded, by their places in it."""
        return [place for place, atom in enumerate(piece.atoms) if self._usable(piece.mol, place, atom)]

    def _attached(
        self, mol: Chem.Mol, at: dict[int, int], new: set[int], piece: Piece, to_come: int
    ) -> tuple[Chem.Mol, dict[int, int], set[int]]:
        """The molecule with a piece at one of its new atoms. Raises Rejected where it fits nowhere.

        It takes the place of an end of the new part, cut off at a bond, or of a hydrogen where there is no such end.
        """
        room = self.plan.most - to_come - len(piece.atoms)
        least = 0 if to_come else self.plan.least - len(piece.atoms)
        sites, ends = self._sites(piece), _ends(mol, new, set(at.values()))
        ends = [(to, end) for to, end in ends if least <= mol.GetNumAtoms() - len(end) <= room]
        if not ends and least <= mol.GetNumAtoms() <= room:
            ends = [(to, set()) for to in sorted(new) if mol.GetAtomWithIdx(to).GetTotalNumHs()]
        if not sites or not ends:
            raise Rejected("there is no place for a piece")
        to, end = self.random.choice(ends)
        site = self.random.choice(sites)
        joined, first = Chem.RWMol(Chem.CombineMols(mol, piece.mol)), mol.GetNumAtoms()
        joined.AddBond(to, first + site, Chem.BondType.SINGLE)
        for atom in (first + site, *(() if end else (to,))):
            _use_hydrogen(joined.GetAtomWithIdx(atom))
        kept = [place for place in range(joined.GetNumAtoms()) if place not in end]
        for place in sorted(end, reverse=True):
            joined.RemoveAtom(place)
        _sanitize(joined)
        moved = {old: now for now, old in enumerate(kept)}
        at = {atom: moved[there] for atom, there in at.items()}
        at |= {atom: moved[first + place] for place, atom in enumerate(piece.atoms)}
        return joined.GetMol(), at, {moved[place] for place in new if place in moved}


def _ends(mol: Chem.Mol, new: set[int], kept: set[int]) -> list[tuple[int, set[int]]]:
    """Ends of the new part that a single bond outside rings holds: the atom that each is bonded to, and its atoms.

    new: atoms behind the prompt, so that of the atoms of such a bond the first is nearer to it. kept: atoms that no end
    may have.
    """
    found = []
    for bond in mol.GetBonds():
        near, far = sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
        if {near, far} <= new and bond.GetBondType() == Chem.BondType.SINGLE and not bond.IsInRing():
            end, edge = {far}, [far]
            while edge:
                others = {other.GetIdx() for other in mol.GetAtomWithIdx(edge.pop()).GetNeighbors()} - end - {near}
                end |= others
                edge += sorted(others)
            if not end & kept:
                found.append((near, end))
    return found


def _use_hydrogen(atom: Chem.Atom) -> None:
    """Give up a hydrogen that is written, for a new bond; one that is implied goes by itself."""
    if atom.GetNumExplicitHs():
        atom.SetNumExplicitHs(atom.GetNumExplicitHs() - 1)


def _sanitize(mol: Chem.Mol) -> None:
    with rdBase.BlockLogs():
        Chem.SanitizeMol(mol, SANITIZE)
