"""Matched molecular pairs: molecules of a list that differ by one transformation, found by cutting single bonds.

Every molecule is cut at each single bond that is not in a ring, by RDKit's fragmenter; two that share the larger part
are a pair (Hussain and Rea 2010). The parts go to disk by the larger one, so a long list needs little memory.
"""

import csv
import random
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice, permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rdkit import Chem
from rdkit.Chem import rdMMPA

from molgan.chemistry.parallel import map_chunks

_SHELVES = 64  # files that the parts go to
_AT_ONCE = 20_000  # molecules that are cut at a time
_ATOM = re.compile(r"\[(?!H\]|\*)[^\]]+\]|Br|Cl|[A-Za-z]")  # heavy atoms of a SMILES


class MatchedPair(NamedTuple):
    """Two molecules that share a part: canonical SMILES of both, the shared part, what stands there before and after.

    The parts have the site `[*:1]`.
    """

    first: str
    second: str
    constant: str
    before: str
    after: str

    @property
    def transformation(self) -> str:
        """What is done to the first one, `before>>after`."""
        return f"{self.before}>>{self.after}"


class Cut(NamedTuple):
    """A molecule in two parts: the constant one, and the one that may be exchanged."""

    constant: str
    variable: str


def cuts(smiles: str, most: int = 10) -> tuple[str, list[Cut]] | None:
    """The canonical SMILES of a molecule and its cuts with a variable part of at most `most` heavy atoms, smaller than

    the constant one; None for what is no molecule of one fragment.

    >>> cuts("Cc1ccccc1")
    ('Cc1ccccc1', [Cut(constant='c1ccc([*:1])cc1', variable='C[*:1]')])
    """
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or not mol.GetNumAtoms() or "." in smiles:
        return None
    found = set()
    for _, parts in rdMMPA.FragmentMol(mol, maxCuts=1, resultsAsMols=False):
        pair = parts.split(".")
        sizes = [len(_ATOM.findall(part)) for part in pair]
        small = sizes.index(min(sizes))
        if min(sizes) <= most and sizes[0] != sizes[1]:
            found.add(Cut(pair[1 - small], pair[small]))
    return Chem.MolToSmiles(mol), sorted(found)


def matched_pairs(
    molecules: Iterable[str], most: int = 10, group: int = 20, seed: int = 0, processes: int | None = None
) -> Iterator[MatchedPair]:
    """Pairs of a list of SMILES, both ways round; of a pair that several cuts give, each.

    most: heavy atoms of the part that differs. group: molecules at most that share a constant part and are paired with
    each other, at random by the seed; without it a common part would give millions. processes: as in `map_chunks`.
    What is no molecule is passed over. Memory holds the parts of a 64th of the list.

    >>> [pair.transformation for pair in matched_pairs(["Cc1ccccc1", "Clc1ccccc1"], processes=0)]
    ['C[*:1]>>Cl[*:1]', 'Cl[*:1]>>C[*:1]']
    """
    with TemporaryDirectory() as place:
        shelves = [Path(place, f"{number}.csv") for number in range(_SHELVES)]
        with ExitStack() as stack:
            files = [stack.enter_context(open(path, "w", newline="", encoding="utf-8")) for path in shelves]
            writers = [csv.writer(file) for file in files]
            work, left = _Cutter(most), iter(molecules)
            while some := list(islice(left, _AT_ONCE)):
                for found in map_chunks(work, some, processes=processes, title="cutting molecules"):
                    whole, parts = found if found is not None else ("", [])
                    for cut in parts:
                        number = zlib.crc32(cut.constant.encode()) % _SHELVES
                        writers[number].writerow((cut.constant, cut.variable, whole))
        for path in shelves:
            yield from _pairs_of(path, group, seed)


class _Cutter:
    """`cuts` with its setting, for processes."""

    def __init__(self, most: int):
        self.most = most

    def __call__(self, smiles: str) -> tuple[str, list[Cut]] | None:
        return cuts(smiles, self.most)


def _pairs_of(path: Path, group: int, seed: int) -> Iterator[MatchedPair]:
    """The pairs of one shelf."""
    held: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    with open(path, newline="", encoding="utf-8") as file:
        for constant, variable, whole in csv.reader(file):
            held[constant][variable, whole] = None
    for constant, members in sorted(held.items()):
        some = sorted(members)
        if len(some) > group:
            some = sorted(random.Random(f"{seed} {constant}").sample(some, group))
        for (before, first), (after, second) in permutations(some, 2):
            if first != second and before != after:
                yield MatchedPair(first, second, constant, before, after)


def exchanged(constant: str, variable: str) -> str | None:
    """The molecule of a constant part and another variable one, canonical; None where they do not fit together.

    >>> exchanged("c1ccc([*:1])cc1", "O[*:1]")
    'Oc1ccccc1'
    """
    both = Chem.MolFromSmiles(f"{constant}.{variable}")
    if both is None:
        return None
    try:
        return Chem.MolToSmiles(Chem.molzip(both))
    except (RuntimeError, ValueError):
        return None
