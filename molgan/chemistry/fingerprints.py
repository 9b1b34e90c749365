"""Morgan fingerprints of many molecules as an array."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.Scaffolds import MurckoScaffold

from molgan.chemistry.identity import Rejected, parse


def fingerprints(smiles: Sequence[str], bits: int = 1024) -> np.ndarray:
    """Morgan fingerprints of radius 2, `(molecule, bit)` float32 of zeros and ones, of SMILES that are valid."""
    rows = [morgan(bits).GetFingerprintAsNumPy(parse(text)) for text in smiles]
    return np.array(rows, np.float32).reshape(len(smiles), bits)


class Sketch(NamedTuple):
    """What picking needs of a molecule: canonical SMILES, packed fingerprint, scaffold of Bemis and Murcko or ""."""

    smiles: str
    fingerprint: bytes
    scaffold: str


def packed_fingerprint(text: str | None, bits: int = 2048) -> bytes:
    """The same fingerprint of one SMILES as bytes of eight bits; all zero for what RDKit does not read.

    >>> len(packed_fingerprint("CCO")), any(packed_fingerprint("no molecule"))
    (256, False)
    """
    try:
        return _packed(parse(text or ""), bits)
    except Rejected:
        return bytes(bits // 8)


def sketch(text: str | None, bits: int = 2048, scaffold: bool = False) -> Sketch | None:
    """A molecule for picking; None for what RDKit does not read. scaffold: whether that is worked out.

    >>> sketch("OCC1CC1", scaffold=True).scaffold
    'C1CC1'
    """
    try:
        mol = parse(text or "")
    except Rejected:
        return None
    frame = Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(mol), isomericSmiles=False) if scaffold else ""
    return Sketch(Chem.MolToSmiles(mol), _packed(mol, bits), frame)


def _packed(mol: Chem.Mol, bits: int) -> bytes:
    return np.packbits(morgan(bits).GetFingerprintAsNumPy(mol)).tobytes()


@lru_cache
def morgan(bits: int = 2048) -> rdFingerprintGenerator.FingerprintGenerator64:
    """The generator of binary Morgan fingerprints of radius 2 (Rogers and Hahn 2010)."""
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=bits)
