"""Which of many SMARTS a molecule holds. Its SMILES and its fingerprint rule most of them out before any matching."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property, reduce

import numpy as np
from rdkit import Chem

from molgan.chemistry.molecule import Molecule, pattern_bits

_LEAF = re.compile(r"(\w+) (-?\d+) = val$")
_ORDERS = {int(Chem.BondType.DOUBLE): "=", int(Chem.BondType.TRIPLE): "#"}
_RING = "ring"
_MOST_ALTERNATIVES = 8
_MOST_REMEMBERED = 100_000


class Substructures:
    """Queries or their SMARTS, and which of them a molecule holds; the answers are those of RDKit's own matching.

    A query of no atoms is never ruled out. Raises ValueError for what is no SMARTS.

    >>> Substructures(["[OX2H]", "C#N", "c1ccccc1"]).found(Chem.MolFromSmiles("Oc1ccccc1"), "Oc1ccccc1")
    [0, 2]
    """

    def __init__(self, smarts: Sequence[str | Chem.Mol]):
        self.queries = [Chem.MolFromSmarts(text) if isinstance(text, str) else text for text in smarts]
        unread = [text for text, query in zip(smarts, self.queries, strict=True) if query is None]
        if unread:
            raise ValueError(f"{unread[0]!r} is no SMARTS.")
        self._needed = [_needed(query) for query in self.queries]
        self._most = reduce(Counter.__or__, self._needed, Counter())  # more of a sign rules out no less
        self._possible: dict[tuple[int, ...], list[int]] = {}

    def possible(self, smiles: str) -> list[int]:
        """The places, in order, of the queries that the signs in an RDKit SMILES do not rule out."""
        counts = tuple([min(_count(smiles, sign), most) for sign, most in self._most.items()])
        known = self._possible.get(counts)
        if known is None:
            there = Counter(dict(zip(self._most, counts, strict=True)))
            known = [place for place, needed in enumerate(self._needed) if needed <= there]
            if len(self._possible) < _MOST_REMEMBERED:
                self._possible[counts] = known
        return known

    def possible_in(self, molecule: Molecule) -> list[int]:
        """The places, in order, of the queries that neither its SMILES nor its pattern fingerprint rules out."""
        fits: np.ndarray = (self._patterns & ~molecule.pattern == 0).all(1)
        return [place for place in self.possible(molecule.smiles) if fits[place]]

    @cached_property
    def _patterns(self) -> np.ndarray:
        return np.stack([pattern_bits(query) for query in self.queries])

    def found(self, mol: Chem.Mol, smiles: str) -> list[int]:
        """The places, in order, of the queries that the molecule holds; `smiles` is its own, as RDKit writes it."""
        return [place for place in self.possible(smiles) if mol.HasSubstructMatch(self.queries[place])]


def _count(smiles: str, sign: str) -> int:
    """How often a sign, or one of its alternatives, occurs at most: `C` counts those of `Cl`, which rules out less."""
    if sign == _RING:  # two digits close a ring
        return sum(map(smiles.count, "0123456789")) // 2
    return sum(map(smiles.count, sign.split("|")))


def _needed(query: Chem.Mol) -> Counter[str]:
    """The signs without which no SMILES can match, and how many of each."""
    rings = query.GetNumBonds() - query.GetNumAtoms() + len(Chem.GetMolFrags(query))
    needed = Counter({_RING: rings})
    for part in (*query.GetAtoms(), *query.GetBonds()):
        needed += _signs(part.DescribeQuery())
    return +needed


def _signs(described: str) -> Counter[str]:
    """The same of one atom's or bond's query, as RDKit's `DescribeQuery` spells it; unknown conditions need nothing."""
    lines = [(len(line) - len(line.lstrip()), line.strip()) for line in described.splitlines() if line.strip()]
    return _node(lines) if lines else Counter()


def _node(lines: list[tuple[int, str]]) -> Counter[str]:
    (depth, head), rest = lines[0], lines[1:]
    if head[4:] not in ("And", "Or"):
        leaf = _LEAF.match(head)
        return Counter([sign]) if leaf is not None and (sign := _sign(leaf[1], int(leaf[2]))) else Counter()
    starts = [place for place, (indent, _) in enumerate(rest) if indent == depth + 2]
    parts = [_node(rest[start:end]) for start, end in zip(starts, [*starts[1:], len(rest)], strict=True)]
    return reduce(Counter.__or__ if head[4:] == "And" else _either, parts)


def _either(one: Counter[str], other: Counter[str]) -> Counter[str]:
    """What both need; where each needs another element, one of these."""
    both = one & other
    if not both and one and other:
        alternatives = {part for needed in (one, other) for part in min(needed).split("|")}
        if len(alternatives) <= _MOST_ALTERNATIVES and "C" not in alternatives:  # else hardly anything is ruled out
            both["|".join(sorted(alternatives))] = 1
    return both


def _sign(condition: str, value: int) -> str:
    """What a SMILES must be written with for a condition to hold, or nothing."""
    if condition in ("AtomType", "AtomAtomicNum") and value % 1000 == 1:  # hydrogen need not be written
        return ""
    if condition == "AtomType" and value % 1000:  # 1000 more for an aromatic atom
        symbol = Chem.GetPeriodicTable().GetElementSymbol(value % 1000)
        return symbol.lower() if value > 1000 else symbol
    if condition == "AtomAtomicNum" and value:
        symbol = Chem.GetPeriodicTable().GetElementSymbol(value)
        return f"{symbol}|{symbol.lower()}"
    if condition == "AtomFormalCharge" and value:
        return "+" if value > 0 else "-"
    if condition == "AtomIsotope" and value:
        return "["
    return _ORDERS.get(value, "") if condition == "BondOrder" else ""
