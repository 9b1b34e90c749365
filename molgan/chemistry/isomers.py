"""Stereoisomers of a molecule, the likeliest first.

The odds of an isomer are those of a small model: a sum over the features of `stereo_features`, with weights that were
trained on the stereochemistry of screening compounds (`molgan/bundled/stereo`). It knows which configuration of an
amino acid, of fused rings or of a double bond is usual. Where both of a centre are as frequent, it cannot tell.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rdkit import Chem
from safetensors.numpy import load_file

from gancore.errors import ConfigError
from molgan.chemistry.identity import parse_as_written
from molgan.chemistry.stereo_features import Site, StereoFeatures, features_of

WEIGHTS = Path(__file__).parents[1] / "bundled" / "stereo" / "weights.safetensors"
_WIDTH = 256  # isomers that are kept while one site after the other is assigned; up to eight sites are all tried
_CENTRE = {1: Chem.ChiralType.CHI_TETRAHEDRAL_CW, -1: Chem.ChiralType.CHI_TETRAHEDRAL_CCW}
_DOUBLE_BOND = {1: Chem.BondStereo.STEREOCIS, -1: Chem.BondStereo.STEREOTRANS}


class Odds(NamedTuple):
    """What the model says of the configurations of a molecule, as log-odds.

    single: of each site's sign. pairs: of the product of the signs of two sites; symmetric, zero on its diagonal.
    """

    single: np.ndarray
    pairs: np.ndarray

    @classmethod
    def of(cls, found: StereoFeatures, weights: np.ndarray) -> "Odds":
        """The odds by the weights `(feature,)`, in which a feature's number finds its place modulo their count."""
        count = len(found.sites)
        single, pairs = np.zeros(count), np.zeros((count, count))
        for place, features in enumerate(found.single):
            single[place] = sum(sign * float(weights[number % len(weights)]) for number, sign in features)
        for (i, j), features in found.pairs.items():
            pairs[i, j] = pairs[j, i] = sum(sign * float(weights[n % len(weights)]) for n, sign in features)
        return cls(single, pairs)


@cache
def weights() -> np.ndarray:
    """The weights that come with the package."""
    return load_file(WEIGHTS)["weights"]


def ranked(sites: list[Site], odds: Odds, width: int = _WIDTH) -> np.ndarray:
    """Configurations `(isomer, site)` as signs, the likeliest first; given signs are kept. At most `width`, by beam.

    >>> sites = [Site((0,), ((1, 2, 3, 4),), 0), Site((5,), ((6, 7, 8, 9),), 1)]
    >>> ranked(sites, Odds(np.zeros(2), np.array([[0.0, -2.0], [-2.0, 0.0]]))).tolist()
    [[-1, 1], [1, 1]]
    """
    order = sorted(range(len(sites)), key=lambda place: not sites[place].sign)  # given ones first: they tell the others
    beam, total = np.zeros((1, len(sites)), dtype=int), np.zeros(1)
    for place in order:
        sign = sites[place].sign
        choices = (sign,) if sign else (1, -1)
        pull = odds.single[place] + beam @ odds.pairs[place]
        beam = np.concatenate([beam + choice * np.eye(len(sites), dtype=int)[place] for choice in choices])
        total = np.concatenate([total + choice * pull for choice in choices])
        kept = np.argsort(-total, kind="stable")[:width]
        beam, total = beam[kept], total[kept]
    return beam


def isomers(smiles: str, most: int) -> list[str]:
    """Stereoisomers of a molecule that agree with what its SMILES says, at most so many, the likeliest first.

    What is written as a centre, E or Z stays as it is; the others are assigned. Without any the molecule itself.
    Raises Rejected for what is no SMILES, ConfigError for a number below one.

    >>> isomers("CC(N)C(=O)O", 1)
    ['C[C@H](N)C(=O)O']
    >>> len(isomers("C[C@H](F)C(O)Cl", 4))
    2
    """
    if most < 1:
        raise ConfigError(f"isomers: {most} were asked for; ask for one or more.")
    mol = parse_as_written(Chem.MolToSmiles(parse_as_written(smiles)))  # so that the spelling does not matter
    found = features_of(mol)
    if all(site.sign for site in found.sites):
        return [Chem.MolToSmiles(mol)]
    written: dict[str, None] = {}
    for signs in ranked(found.sites, Odds.of(found, weights()), max(_WIDTH, 4 * most)):
        written.setdefault(assigned(mol, found.sites, signs.tolist()))
        if len(written) >= most:
            break
    return list(written)


def assigned(mol: Chem.Mol, sites: list[Site], signs: list[int]) -> str:
    """Canonical SMILES of a molecule with these configurations; a sign of 0 leaves a site open."""
    mol = Chem.Mol(mol)
    for site, sign in zip(sites, signs, strict=True):
        if site.is_centre:
            mol.GetAtomWithIdx(site.at[0]).SetChiralTag(_CENTRE.get(sign, Chem.ChiralType.CHI_UNSPECIFIED))
            continue
        bond = mol.GetBondBetweenAtoms(*site.at)
        bond.SetStereo(Chem.BondStereo.STEREONONE)
        if sign:
            bond.SetStereoAtoms(site.around[0][0], site.around[1][0])
            bond.SetStereo(_DOUBLE_BOND[sign])
    return Chem.CanonSmiles(Chem.MolToSmiles(mol))
