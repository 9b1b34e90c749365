"""Properties of molecules as columns, and the parts of a record that they come from."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from molgan import chemistry
from molgan.chemistry.identity import prepared_identity
from molgan.chemistry.parallel import map_chunks
from molgan.chemistry.parsed_text import ParsedText, Text
from molgan.scoring.properties import property_value

DESCRIBED = ("qed", "sa", "logp", "weight")
"""Properties that a library and a scored file have as columns."""


def graph_smiles(vocabulary: chemistry.Vocabulary, atoms: np.ndarray, orders: np.ndarray) -> list[str]:
    """SMILES of graphs `atoms (batch, node)`, `orders (batch, pair)`; empty for one that is no valid molecule."""
    return [chemistry.strict_smiles(mol) or "" for mol in chemistry.decode(atoms, orders, vocabulary)]


def property_row(smiles: Text, names: Sequence[str]) -> list[float]:
    """The named properties of one molecule; NaN for all where it is None or cannot be read."""
    try:
        molecule = ParsedText.of(smiles).molecule
    except chemistry.Rejected:
        return [float("nan")] * len(names)
    return [property_value(molecule, name) for name in names]


def property_frame(smiles: Sequence[Text], names: Sequence[str] = DESCRIBED) -> pd.DataFrame:
    """One row a SMILES, one column a property (units in `PROPERTIES`); NaN where there is no molecule."""
    nothing = [float("nan")] * len(names)
    work = partial(property_row, names=tuple(names))
    rows = map_chunks(work, smiles, chunk=100, failed=lambda reason: nothing)
    return pd.DataFrame(rows, columns=list(names), dtype=float)


def strict_smiles(parsed: ParsedText) -> str | None:
    """The strict SMILES of a text, None where it is not one connected molecule."""
    return parsed.strict_smiles


def flat_properties(parsed: ParsedText, names: Sequence[str]) -> list[float]:
    """The named properties of a connected molecule, read without stereo; NaN for all where there is none."""
    return property_row(parsed.flat if parsed.strict_smiles is not None else None, names)


def flat_under(parsed: ParsedText, policy: chemistry.Policy) -> str | None:
    """Canonical SMILES of a connected molecule without stereo, prepared by a policy; None where there is none."""
    return prepared_identity(parsed.flat.mol, policy) if parsed.strict_smiles is not None else None
