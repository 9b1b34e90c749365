"""Properties of proteins and peptides, of the sequence alone: a literal table, with unit, range and source."""

import math
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from gancore.errors import ConfigError
from seqgan.text.proteins import refusal, residues

EISENBERG = {
    **{"A": 0.62, "R": -2.53, "N": -0.78, "D": -0.90, "C": 0.29, "Q": -0.85, "E": -0.74, "G": 0.48, "H": -0.40},
    **{"I": 1.38, "L": 1.06, "K": -1.50, "M": 0.64, "F": 1.19, "P": 0.12, "S": -0.18, "T": -0.05, "W": 0.81},
    **{"Y": 0.26, "V": 1.08},
}
"""Hydrophobicity of each amino acid: the normalised consensus scale of Eisenberg et al. 1984."""
HELIX = 100.0
"""Degrees from one residue of an alpha helix to the next."""
_WINDOW = 11  # residues: three turns of a helix
_PH = 7.0


def hydrophobic_moment(sequence: str, angle: float = HELIX, window: int = _WINDOW) -> float:
    """The mean hydrophobic moment of the window where it is greatest; of all of it where the sequence is shorter.

    Each residue is a vector as long as its hydrophobicity (`EISENBERG`), turned by `angle` degrees from the one before;
    the moment is the length of their mean (Eisenberg et al. 1982). 0 where hydrophobicity is the same all around, up to
    about 1 where one face of the helix is hydrophobic and the other charged. 160 to 180 degrees are a strand's angle.
    Raises ConfigError for a sequence that has anything but the 20 amino acids.

    >>> round(hydrophobic_moment("L"), 2), round(hydrophobic_moment("KLLKLLKKLLK"), 2)
    (1.06, 0.84)
    """
    reason = refusal(sequence)
    if reason:
        raise ConfigError(f"the hydrophobic moment of {sequence!r:.40}: it {reason}.")
    scale = np.array([EISENBERG[residue] for residue in residues(sequence)])
    vectors = scale * np.exp(1j * math.radians(angle) * np.arange(len(scale)))
    size = min(window, len(scale))
    sums = np.concatenate(([0], np.cumsum(vectors)))
    return float(np.abs(sums[size:] - sums[:-size]).max() / size)


def _of_biopython(name: str, *arguments: Any) -> Callable[[str], float]:
    """A property as a method of Biopython's `ProteinAnalysis`."""

    def compute(sequence: str) -> float:
        from Bio.SeqUtils.ProtParam import ProteinAnalysis  # pyright: ignore

        return float(getattr(ProteinAnalysis(sequence), name)(*arguments))

    return compute


class Property(NamedTuple):
    """A property.

    function: a sequence of the 20 amino acids in capitals -> a number. unit: "" for none. low, high: what it can be.
    width: how far from a range it counts as near, in its unit. source: who computes it, paper and year. needs: the
    package that it is computed by.
    """

    function: Callable[[str], float]
    unit: str
    low: float
    high: float
    width: float
    source: str
    needs: str = "Bio"


_INFINITE = math.inf
PROPERTIES = {
    "charge": Property(
        *(_of_biopython("charge_at_pH", _PH), "e", -_INFINITE, _INFINITE, 1.0),
        "net charge at pH 7 (Henderson-Hasselbalch; pK of Bjellqvist et al. 1993), Biopython",
    ),
    "hydrophobic_moment": Property(
        *(hydrophobic_moment, "", 0.0, _INFINITE, 0.1),
        "at 100 degrees, the greatest of windows of 11 residues (Eisenberg et al. 1982)",
        "",
    ),
    "instability": Property(
        *(_of_biopython("instability_index"), "", -_INFINITE, _INFINITE, 10.0),
        "instability index, above 40 for proteins that live short (Guruprasad et al. 1990), Biopython",
    ),
    "isoelectric_point": Property(
        *(_of_biopython("isoelectric_point"), "pH", 4.05, 12.0, 0.5),
        "the pH at which the net charge is 0, sought from 4.05 to 12 (pK of Bjellqvist et al. 1993), Biopython",
    ),
    "gravy": Property(
        *(_of_biopython("gravy"), "", -4.5, 4.5, 0.3),
        "grand average of hydropathy (Kyte and Doolittle 1982), Biopython",
    ),
    "weight": Property(
        *(_of_biopython("molecular_weight"), "g/mol", 0.0, _INFINITE, 200.0), "average molecular weight, Biopython"
    ),
    "aromaticity": Property(
        *(_of_biopython("aromaticity"), "", 0.0, 1.0, 0.05),
        "share of phenylalanine, tryptophan and tyrosine (Lobry and Gautier 1994), Biopython",
    ),
    "length": Property(lambda sequence: float(len(sequence)), "residues", 0.0, _INFINITE, 2.0, "residues", ""),
}
"""Properties by name. What is computed by Biopython is equal to what its `ProteinAnalysis` gives."""


def check_properties(names: Sequence[str]) -> None:
    """Raise ConfigError for a name that there is not, and for a property whose package is not installed."""
    for name in names:
        if name not in PROPERTIES:
            raise ConfigError(f"no property of proteins is called {name!r}; there are {', '.join(PROPERTIES)}.")
        if PROPERTIES[name].needs and find_spec(PROPERTIES[name].needs) is None:
            raise ConfigError(f"{name} is computed by Biopython, which is missing: pip install 'discretegan[protein]'.")


def measure(sequences: Sequence[str | None], names: Sequence[str]) -> Float[np.ndarray, "sequence property"]:
    """The properties of each sequence; NaN for what is no sequence of the 20 amino acids.

    Raises ConfigError as `check_properties` does.

    >>> measure(["KK", "KX"], ["length", "hydrophobic_moment"]).round(2)
    array([[2.  , 0.96],
           [ nan,  nan]])
    """
    check_properties(names)
    values = np.full((len(sequences), len(names)), np.nan)
    for row, text in zip(values, sequences, strict=True):
        if text and not refusal(text):
            row[:] = [PROPERTIES[name].function(residues(text)) for name in names]
    return values
