"""Morgan fingerprints of many molecules as an array."""

from collections.abc import Sequence

import numpy as np
from rdkit.Chem import rdFingerprintGenerator

from molgan.chemistry.identity import parse


def fingerprints(smiles: Sequence[str], bits: int = 1024) -> np.ndarray:
    """Morgan fingerprints of radius 2, `(molecule, bit)` float32 of zeros and ones, of SMILES that are valid."""
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=bits)
    rows = [maker.GetFingerprintAsNumPy(parse(text)) for text in smiles]
    return np.array(rows, np.float32).reshape(len(smiles), bits)
