"""The odds of stereoisomers: `python -m benchmarks.stereo choose|train|measure FILE`, of molecules with stereo.

`train` writes the weights that `molgan.chemistry.isomers` uses. The model is an Ising model of the signs of a
molecule's sites; its weights maximise the pseudo-likelihood (Besag 1975), the likelihood of each sign given the others,
less half of `--decay` times their squares. A tenth of the molecules is held out, another tenth `choose` validates
settings on. Both are picked by the SMILES without stereochemistry, so all isomers of a molecule are on one side.

`measure` removes the stereochemistry of held-out molecules and assigns it again. Molecules in which a site is open are
left out.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import EnumerateStereoisomers
from safetensors.numpy import save_file
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from gancore.io.progress import hush
from molgan.chemistry import flat
from molgan.chemistry.isomers import WEIGHTS, Odds, assigned, isomers, ranked, weights
from molgan.chemistry.parallel import map_chunks
from molgan.chemistry.stereo_features import StereoFeatures, features_of
from molgan.data.dataset import read_rows

COUNT, DECAY = 2**16, 30.0
_PARTS = 10
_HELD_OUT, _VALIDATION = 0, 1
_AMINO_ACID = Chem.MolFromSmarts("[NX3,NX4][CX4;H1]([#6])C(=O)[O,N]")


class Row(NamedTuple):
    """A molecule with stereochemistry, and which part of the data it is in."""

    smiles: str
    part: int
    found: StereoFeatures


def row_of(smiles: str, parts: Sequence[int]) -> Row | None:
    """What is needed of a molecule; None where it has no configuration, or is in none of these parts."""
    mol = Chem.MolFromSmiles(smiles) if set("@/\\") & set(smiles) else None
    if mol is None:
        return None
    written = Chem.MolToSmiles(mol)
    part = crc32(flat(written).encode()) % _PARTS
    found = features_of(Chem.MolFromSmiles(written)) if part in parts else None
    return Row(written, part, found) if found is not None and any(site.sign for site in found.sites) else None


def read(file: Path, parts: Sequence[int] = range(_PARTS)) -> list[Row]:
    """The molecules of some parts of a file that have stereochemistry, each once."""
    texts = list(dict.fromkeys(text for _, text in read_rows(file) if text))
    return list(
        {row.smiles: row for row in map_chunks(partial(row_of, parts=parts), texts) if row is not None}.values()
    )


def matrix(rows: Sequence[Row], count: int) -> csr_matrix:
    """Features `(site, feature)` of each given sign, times that sign: the signs of the others are in those of pairs."""
    places, values, ends = [], [], [0]
    for row in rows:
        signs = [site.sign for site in row.found.sites]
        each = [list(features) for features in row.found.single]
        for (i, j), features in row.found.pairs.items():
            each[i] += [(number, sign * signs[j]) for number, sign in features if signs[j]]
            each[j] += [(number, sign * signs[i]) for number, sign in features if signs[i]]
        for features, own in zip(each, signs, strict=True):
            if own:
                places += [number % count for number, _ in features]
                values += [sign * own for _, sign in features]
                ends.append(len(places))
    return csr_matrix((np.array(values, dtype=float), np.array(places), np.array(ends)), (len(ends) - 1, count))


def fit(margins: csr_matrix, decay: float) -> np.ndarray:
    """Weights `(feature,)` of the largest penalised pseudo-likelihood."""
    turned = margins.T.tocsr()

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = margins @ weights
        loss = np.logaddexp(0, -margin).sum() + decay / 2 * weights @ weights
        return loss, decay * weights - turned @ (1 / (1 + np.exp(margin)))

    return minimize(objective, np.zeros(margins.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x


def choose(rows: Sequence[Row], counts: Sequence[int], decays: Sequence[float]) -> pd.DataFrame:
    """Nats for each sign of the validation part given the others, and the share of signs that are likelier than not."""
    training = [row for row in rows if row.part not in (_HELD_OUT, _VALIDATION)]
    validation = [row for row in rows if row.part == _VALIDATION]
    found = []
    for count in counts:
        margins, judged = matrix(training, count), matrix(validation, count)
        for decay in decays:
            margin = judged @ fit(margins, decay)
            right = float(((margin > 0) + 0.5 * (margin == 0)).mean())
            nats = float(np.logaddexp(0, -margin).mean())
            found.append({"weights": count, "decay": decay, "nats": nats, "right": right})
    return pd.DataFrame(found)


def train(rows: Sequence[Row], out: Path, count: int = COUNT, decay: float = DECAY) -> None:
    """Write the weights of all molecules that are not held out, as float16."""
    made = fit(matrix([row for row in rows if row.part != _HELD_OUT], count), decay)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({"weights": made.astype(np.float16)}, out)
    out.chmod(0o644)  # safetensors makes it its owner's alone


def kinds_of(mol: Chem.Mol, found: StereoFeatures) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What a site is, or two of them that stand to each other, and their places."""
    sites, rings, acids = found.sites, mol.GetRingInfo(), {match[1] for match in mol.GetSubstructMatches(_AMINO_ACID)}
    for place, site in enumerate(sites):
        if not found.single[place]:
            continue  # it is a centre only beside another one
        if site.is_centre:
            yield ("centre, amino acid" if site.at[0] in acids else "centre, other"), (place,)
        else:
            carbon = all(mol.GetAtomWithIdx(at).GetSymbol() == "C" for at in site.at)
            yield ("double bond, C=C" if carbon else "double bond, other"), (place,)
    for i, j in found.pairs:
        ends = sites[i].at[0], sites[j].at[0]
        shared = sum(all(end in ring for end in ends) for ring in rings.AtomRings())
        bonded = mol.GetBondBetweenAtoms(*ends) is not None
        kind = "one ring" if shared == 1 else "near" if not shared else "ring fusion" if bonded else "bridgeheads"
        yield f"two centres, {kind}", (i, j)


def measure(rows: Sequence[Row], seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How often held-out molecules get their configurations back, once by kind and once by way.

    By kind, the share of sites that are right, or of pairs of which the relation is. By way, the share of molecules
    that are right as a whole or have the right one among their isomers, and how many isomers they have on average.
    """
    random, right, ways = np.random.default_rng(seed), defaultdict(list), defaultdict(list)
    for row in rows:
        sites, mol = row.found.sites, Chem.MolFromSmiles(row.smiles)
        if row.part != _HELD_OUT or not all(site.sign for site in sites):
            continue
        open_sites = [site._replace(sign=0) for site in sites]
        likely = ranked(open_sites, Odds.of(row.found, weights()))[0].tolist()
        for kind, places in kinds_of(mol, row.found):
            right[kind].append(np.prod([likely[at] * sites[at].sign for at in places]) > 0)
        mirror = [-sign if site.is_centre else sign for site, sign in zip(sites, likely, strict=True)]
        guess = random.choice((-1, 1), len(sites)).tolist()
        true, likeliest, turned, guessed = (
            assigned(mol, sites, signs) for signs in ([site.sign for site in sites], likely, mirror, guess)
        )
        best = isomers(flat(row.smiles), 4)
        made = {"at random": [guessed], "likeliest": best[:1], "likeliest, or its mirror image": [likeliest, turned]}
        made |= {"2 likeliest": best[:2], "4 likeliest": best, "4 enumerated": _enumerated(flat(row.smiles), 4)}
        for way, texts in made.items():
            ways[way].append((true in texts, len(texts)))
    each = [{"kind": kind, "n": len(found), "right": np.mean(found)} for kind, found in sorted(right.items())]
    whole = [
        {"way": way, "n": len(found)} | dict(zip(("right", "isomers"), np.mean(found, axis=0), strict=True))
        for way, found in ways.items()
    ]
    return pd.DataFrame(each), pd.DataFrame(whole)


def _enumerated(smiles: str, most: int) -> list[str]:
    """Stereoisomers as RDKit enumerates them."""
    chosen = EnumerateStereoisomers.StereoEnumerationOptions(onlyUnassigned=True, unique=True, maxIsomers=most, rand=0)
    made = EnumerateStereoisomers.EnumerateStereoisomers(Chem.MolFromSmiles(smiles), options=chosen)
    return [Chem.MolToSmiles(one) for one in made]


def show(table: pd.DataFrame) -> str:
    """A table as Markdown, three digits after the point."""
    cells = [
        [
            f"{cell:.3f}" if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else str(cell)
            for cell in row
        ]
        for row in table.itertuples(index=False)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (list(table.columns), ["---"] * len(table.columns), *cells))


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stereo", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("choose", "train", "measure"))
    parser.add_argument("file", type=Path, help="molecules with stereochemistry, for instance ZINC's")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where train writes the weights")
    parser.add_argument("--count", type=int, nargs="+", default=[COUNT], help="number of weights")
    parser.add_argument("--decay", type=float, nargs="+", default=[DECAY], help="penalty of their squares")
    given = parser.parse_args(argv)
    hush(True)
    rows = read(given.file, (_HELD_OUT,) if given.what == "measure" else range(_PARTS))
    if given.what == "train":
        train(rows, given.out, given.count[0], given.decay[0])
    elif given.what == "choose":
        print(show(choose(rows, given.count, given.decay)))
    else:
        for table in measure(rows):
            print(show(table), end="\n\n")


if __name__ == "__main__":
    from benchmarks.stereo import main as importable  # processes find `row_of` by the name of its module

    importable()
