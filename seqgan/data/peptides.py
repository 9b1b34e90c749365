"""Synthetic peptides: cationic amphipathic helices, by a small rule. For examples and tests; none was ever measured."""

from collections.abc import Mapping

import numpy as np

from gancore.errors import ConfigError
from gancore.training.device import derive_seed

SHORTEST, LONGEST = 12, 24
"""Residues of a peptide."""
HYDROPHOBIC = {"L": 8, "I": 5, "V": 4, "A": 4, "F": 3, "W": 2, "M": 1}
POLAR = {"K": 10, "R": 4, "S": 2, "G": 2, "N": 2, "Q": 2, "T": 1, "H": 1, "E": 1, "D": 0.5}
"""Weights by which the two faces of a helix draw their amino acids."""
_TURN = 100.0  # degrees a residue of an alpha helix
_NOISE = 0.1  # share of the residues that are drawn for the other face


def amphipathic(n: int, seed: int = 0) -> list[str]:
    """`n` synthetic peptides that look like antimicrobial ones: helices with a hydrophobic and a cationic face.

    The rule: a length from 12 to 24 and a direction are drawn evenly. Each residue stands 100 degrees on from the one
    before. Where it looks within 90 degrees of the direction it is drawn from `HYDROPHOBIC`, else from `POLAR`; one in
    ten is drawn from the other. Half of the peptides begin with glycine. That is the pattern of magainins and cecropins
    (Zasloff 2002), and nothing more: no peptide of it was made or tested, and no function follows from it.
    The same seed gives the same peptides, and the first k of n do not depend on n. Some may be equal.
    Raises ConfigError for a negative n.

    >>> amphipathic(2, seed=0) == amphipathic(5, seed=0)[:2]
    True
    """
    if n < 0:
        raise ConfigError(f"cannot make {n} peptides.")
    rng = np.random.default_rng(derive_seed(seed, "peptides"))
    return [_peptide(rng) for _ in range(n)]


def _peptide(rng: np.random.Generator) -> str:
    length, direction = int(rng.integers(SHORTEST, LONGEST + 1)), rng.uniform(0, 360)
    glycine = rng.random() < 0.5
    inward = np.cos(np.radians(_TURN * np.arange(length) - direction)) > 0
    inward ^= rng.random(length) < _NOISE
    drawn = "".join(_residue(rng, HYDROPHOBIC if inner else POLAR) for inner in inward)
    return f"G{drawn[1:]}" if glycine else drawn


def _residue(rng: np.random.Generator, face: Mapping[str, int | float]) -> str:
    weights = np.array(list(face.values()), dtype=float)
    return list(face)[rng.choice(len(weights), p=weights / weights.sum())]
