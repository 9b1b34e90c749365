"""Molecules built on given fragments: `python -m benchmarks.fragments drugs|held-out|scaffolds FILE`, or `de-novo`.

`drugs`: the ten drugs and five tasks of Noutahi et al. 2024 (SAFE), from a table with the columns name, smiles,
linker_design, motif_extension, scaffold_decoration and superstructure_generation. `held-out`: the same tasks for
random molecules of a file, to choose settings by. `scaffolds`: Murcko scaffolds of
random molecules of a file. `de-novo`: nothing is given. Shares are of all samples:

valid: molecules. satisfied: with the fragments, bonded at their sites alone, and all of these bonded. unique: distinct,
of those that are valid. quality: distinct with QED of 0.6 or more and synthetic accessibility of 4 or less. diversity:
one less the mean Tanimoto similarity of distinct molecules (Morgan fingerprints of radius 2, 1,024 bits). distance: one
less the mean similarity to the drug.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs
from rdkit.Chem import rdDepictor, rdFingerprintGenerator
from rdkit.Chem.Scaffolds import MurckoScaffold
from scipy.spatial.distance import pdist

from gancore.facade.cli import request_of
from gancore.io.progress import hush
from molgan import Fragments, MolGAN
from molgan.chemistry import Rejected
from molgan.data.dataset import read_rows
from molgan.prompted import PromptedModel, load_for
from molgan.scoring.tables import property_frame

TASKS = {
    "linker design": "linker_design",
    "scaffold morphing": "linker_design",
    "motif extension": "motif_extension",
    "scaffold decoration": "scaffold_decoration",
    "superstructure": "superstructure_generation",
}
"""The column of each task; two have the same fragments, and differ in how other methods make their molecules."""
FIGURES = ("valid", "satisfied", "unique", "quality", "diversity", "distance")
_LEAST_QED, _MOST_SA = 0.6, 4.0
_CLASH, _STRETCHED = 0.9, 1.8  # of a drawing: atoms that lie on each other, and a bond that is too long; it has 1.5
_SHOWN = 4  # molecules of a request in a picture
_LEAST_END = 5  # heavy atoms of an end of a held-out molecule
_BESIDE_RING = Chem.MolFromSmarts("[R]-!@[!R]")
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)


def figures(smiles: Sequence[str | None], request: str | None = None, drug: str | None = None) -> dict[str, float]:
    """The figures of samples; those that need a request or a drug are NaN where there is none."""
    valid = [text for text in smiles if text is not None and Chem.MolFromSmiles(text) is not None]
    distinct = list(dict.fromkeys(valid))
    table = property_frame(distinct, ["qed", "sa"])
    good = int(((table["qed"] >= _LEAST_QED) & (table["sa"] <= _MOST_SA)).sum())
    prints = [_MORGAN.GetFingerprint(Chem.MolFromSmiles(text)) for text in distinct]
    similar = [
        value for n in range(1, len(prints)) for value in DataStructs.BulkTanimotoSimilarity(prints[n], prints[:n])
    ]
    asked = Fragments.parse(request) if request is not None else None
    found = {
        "valid": len(valid) / len(smiles),
        "satisfied": sum(map(asked.in_molecule, valid)) / len(smiles) if asked is not None else np.nan,
        "unique": len(distinct) / max(1, len(valid)),
        "quality": good / len(smiles),
        "diversity": 1 - float(np.mean(similar)) if similar else np.nan,
        "distance": np.nan,
    }
    if drug is not None and prints:
        own = _MORGAN.GetFingerprint(Chem.MolFromSmiles(drug))
        found["distance"] = 1 - float(np.mean(DataStructs.BulkTanimotoSimilarity(own, prints)))
    return found


def drugs(
    gan: MolGAN | PromptedModel, drugs: pd.DataFrame, n: int, seed: int, requested: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """A row for each task and drug. Fragments of a task are drawn together, those that the model knows."""
    for number, (task, column) in enumerate(TASKS.items()):
        reasons = [gan.refusal(Fragments.parse(text), added=requested.get("added")) for text in drugs[column]]
        for name, reason in zip(drugs["name"], reasons, strict=True):
            if reason:
                print(f"{task}: {name} is left out, the request {reason}")
        table = drugs[[not reason for reason in reasons]]
        begun = time.process_time()
        made = gan.sample_each(table[column].tolist(), n, seed + 1000 * number, **requested)  # pyright: ignore
        cost = (time.process_time() - begun) / len(table)
        texts = [None if missing else text for text, missing in zip(made["smiles"], made["smiles"].isna(), strict=True)]
        for place, row in enumerate(table.to_dict("records")):
            found = figures(texts[place * n : (place + 1) * n], row[column], row["smiles"])
            yield {"task": task, "drug": row["name"], "seed": seed, "seconds": cost} | found


def scaffolds(
    gan: MolGAN | PromptedModel, file: Path, count: int, n: int, seed: int, requested: Mapping[str, Any]
) -> dict[str, Any]:
    """Murcko scaffolds of random molecules, those that the model can build on, and what share is as it should be."""
    rows = [text for _, text in read_rows(file) if text]
    picked: dict[str, Fragments] = {}
    refused = 0
    for row in np.random.default_rng(seed).permutation(len(rows)):
        scaffold = MurckoScaffold.MurckoScaffoldSmiles(rows[row])
        if not scaffold or scaffold in picked:
            continue
        try:
            request = Fragments.parse(scaffold)
        except Rejected:  # RDKit leaves a radical where it cuts a charged atom
            refused += 1
            continue
        if gan.refusal(request):
            refused += 1
            continue
        picked[scaffold] = request
        if len(picked) == count:
            break
    made = gan.sample_each(list(picked.values()), n, seed, **requested)  # pyright: ignore
    held = [
        isinstance(text, str) and picked[asked].in_molecule(text)
        for asked, text in zip(made["request"], made["smiles"], strict=True)
    ]
    return {"scaffolds": len(picked), "refused": refused, "samples": len(made), "satisfied": float(np.mean(held))}


def tasks_of(smiles: str) -> dict[str, str] | None:
    """The tasks for a molecule that falls into end, middle and end at two bonds between rings and chains; else None."""
    mol = Chem.MolFromSmiles(smiles)
    cuts = [mol.GetBondBetweenAtoms(*pair).GetIdx() for pair in mol.GetSubstructMatches(_BESIDE_RING)]
    best = None
    for n, first in enumerate(cuts):
        for second in cuts[:n]:
            whole = Chem.FragmentOnBonds(mol, [first, second], dummyLabels=[(1, 1), (2, 2)])
            pieces = Chem.GetMolFrags(whole, asMols=True)
            ends = [piece for piece in pieces if _sites(piece) == 1]
            middle = [piece for piece in pieces if _sites(piece) == 2]
            sizes = [piece.GetNumHeavyAtoms() for piece in ends]
            if len(middle) == 1 and min(sizes) >= _LEAST_END and (best is None or min(sizes) > best[0]):
                best = min(sizes), ends, middle[0]
    scaffold = MurckoScaffold.MurckoScaffoldSmiles(smiles)
    if best is None or not scaffold or scaffold == Chem.CanonSmiles(smiles):
        return None
    ends, middle = [Chem.MolToSmiles(piece) for piece in best[1]], Chem.MolToSmiles(best[2])
    return {
        "smiles": smiles,
        "linker_design": ".".join(ends),
        "motif_extension": max(ends, key=len),
        "scaffold_decoration": middle,
        "superstructure_generation": scaffold,
    }


def _sites(mol: Chem.Mol) -> int:
    return sum(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms())


def held_out(file: Path, count: int) -> pd.DataFrame:
    """The table of tasks for random molecules of a file."""
    rows = [text for _, text in read_rows(file) if text]
    found: list[dict[str, str]] = []
    for row in np.random.default_rng(0).permutation(len(rows)):
        tasks = tasks_of(rows[row])
        if tasks is not None:
            found.append({"name": rows[row]} | tasks)
        if len(found) == count:
            break
    return pd.DataFrame(found)


def draw(made: pd.DataFrame, requests: Mapping[str, str], out: Path) -> None:
    """A picture with a row for each request: the fragments, and the first four molecules, which have them marked.

    requests: fragments by the names of their drugs. Molecules are turned so that the largest fragment lies alike.
    """
    from rdkit.Chem import Draw

    cells: list[tuple[Chem.Mol, str, tuple[int, ...]]] = []
    for name, text in requests.items():
        asked, start = Fragments.parse(text), Chem.MolFromSmiles(text)
        rdDepictor.Compute2DCoords(start)
        cells.append((start, name, ()))
        drawn = made.loc[made["request"] == text, "smiles"].dropna().drop_duplicates()[:_SHOWN]
        scores = property_frame(drawn.tolist(), ["qed", "sa"])
        for smiles, score in zip(drawn, scores.to_dict("records"), strict=True):
            mol = Chem.MolFromSmiles(smiles)
            at = asked.places_in(mol) or ()
            _turn(mol, start, at)
            cells.append((mol, f"QED {score['qed']:.2f}, SA {score['sa']:.1f}", at))
        cells += [(Chem.Mol(), "", ())] * (-len(cells) % (_SHOWN + 1))
    mols, legends, marked = map(list, zip(*cells, strict=True))
    bonds = [
        [bond.GetIdx() for bond in mol.GetBonds() if {bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()} <= set(at)]
        for mol, at in zip(mols, marked, strict=True)
    ]
    options = Draw.MolDrawOptions()
    options.dummiesAreAttachments, options.padding, options.legendFraction = True, 0.04, 0.13
    options.legendFontSize, options.bondLineWidth, options.highlightBondWidthMultiplier = 15, 1.5, 12
    options.setHighlightColour((0.78, 0.88, 0.99))
    image = Draw.MolsToGridImage(
        *(mols, _SHOWN + 1, (230, 185), legends),
        **{"highlightAtomLists": marked, "highlightBondLists": bonds, "drawOptions": options, "returnPNG": False},
    )
    image.convert("RGB").quantize(64).save(out, optimize=True)


def pictures(gan: MolGAN, table: pd.DataFrame, seed: int, requested: Mapping[str, Any], out: Path) -> None:
    """A picture of each task in a folder."""
    out.mkdir(parents=True, exist_ok=True)
    for number, (task, column) in enumerate(TASKS.items()):
        made = gan.sample_each(table[column].tolist(), 5 * _SHOWN, seed + 1000 * number, **requested)  # pyright: ignore
        requests = dict(zip(table["name"], table[column], strict=True))
        draw(made, requests, out / f"{task.replace(' ', '_')}.png")


def _turn(mol: Chem.Mol, start: Chem.Mol, places: Sequence[int]) -> None:
    """Coordinates of a molecule in which the largest fragment lies as in the request."""
    real = [atom.GetIdx() for atom in start.GetAtoms() if not (atom.GetAtomicNum() == 0 and atom.GetDegree() == 1)]
    largest = set(max(Chem.GetMolFrags(start), key=len))
    pairs = [(old, new) for old, new in zip(real, places, strict=False) if old in largest]
    how = rdDepictor.ConstrainedDepictionParams()
    for align_only in (False, True):  # where the fragment cannot keep its shape without a clash, it is turned alone
        how.alignOnly = align_only
        rdDepictor.Compute2DCoords(mol)
        rdDepictor.GenerateDepictionMatching2DStructure(mol, start, pairs, params=how)
        at = mol.GetConformer().GetPositions()
        lengths = [np.linalg.norm(at[bond.GetBeginAtomIdx()] - at[bond.GetEndAtomIdx()]) for bond in mol.GetBonds()]
        if pdist(at).min() > _CLASH and max(lengths) < _STRETCHED:
            return


def show(frame: pd.DataFrame) -> str:
    """Means over drugs, with the standard deviation over seeds where there are several; the last row over tasks."""
    each = frame.groupby(["task", "seed"], sort=False)[[*FIGURES]].mean()
    tasks = each.groupby("task", sort=False).agg(["mean", "std"])
    total = each.groupby("seed").mean().agg(["mean", "std"])
    lines = [f"| task | {' | '.join(FIGURES)} |", "|---" * (len(FIGURES) + 1) + "|"]
    lines += [f"| {task} | {' | '.join(_cell(*tasks.loc[task, name]) for name in FIGURES)} |" for task in tasks.index]
    lines.append(f"| mean | {' | '.join(_cell(*total[name]) for name in FIGURES)} |")
    return "\n".join(lines)


def _cell(mean: float, spread: float) -> str:
    return f"{mean:.3f}" + (f" ± {spread:.3f}" if np.isfinite(spread) else "")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fragments", description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("drugs", "held-out", "scaffolds", "de-novo"))
    parser.add_argument("file", type=Path, nargs="?", help="the table of drugs, or molecules with scaffolds")
    parser.add_argument("--model", default="drug", help="a bundled model, a shared one or a run; also a string model")
    parser.add_argument("--checkpoint", default="last")
    parser.add_argument("-n", type=int, default=100, help="samples of each request")
    parser.add_argument("--count", type=int, default=1000, help="scaffolds, or held-out molecules")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--condition", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--added", type=int, nargs=2, metavar=("LEAST", "MOST"), help="heavy atoms that are added")
    parser.add_argument("--distinct", action="store_true", help="draw again what repeats an earlier molecule")
    parser.add_argument("--raw", action="store_true", help="without asking the critic")
    parser.add_argument("--redraws", type=int, help="of a string model, 0 to see what share of first tries holds")
    parser.add_argument("--json", type=Path, help="file for a row of each task, drug and seed")
    parser.add_argument("--figures", type=Path, help="folder for a picture of each task")
    parser.add_argument("--rows", type=int, default=3, help="molecules of the table in a picture")
    given = parser.parse_args()
    hush(True)
    gan = load_for(given.model, "", "cpu", given.checkpoint)
    if given.redraws is not None:
        gan.redraws = given.redraws
    requested: dict[str, Any] = {"raw": given.raw}
    if given.condition:
        requested |= {"condition": request_of(given.condition), "guidance": given.guidance}
    if given.added:
        requested["added"] = tuple(given.added)
    if given.distinct:
        requested["distinct"] = True
    begun = time.process_time()
    if given.kind == "de-novo":
        rows = [{"task": "de novo", "seed": s} | figures(gan.sample(given.n, s, **requested)) for s in given.seeds]
        print(show(pd.DataFrame(rows)))
    elif given.kind == "scaffolds":
        for seed in given.seeds:
            print(json.dumps(scaffolds(gan, given.file, given.count, given.n, seed, requested)))
    else:
        table = pd.read_csv(given.file) if given.kind == "drugs" else held_out(given.file, given.count)
        frame = pd.DataFrame([row for s in given.seeds for row in drugs(gan, table, given.n, s, requested)])
        print(show(frame))
        print(f"drawing: {frame['seconds'].sum() / 60 / len(given.seeds):.2f} CPU-min for each seed")
        if given.json is not None:
            frame.to_json(given.json, orient="records", lines=True)
        if given.figures is not None:
            pictures(gan, table[: given.rows], given.seeds[0], requested, given.figures)
    print(f"{(time.process_time() - begun) / 60:.2f} CPU-min in all")


if __name__ == "__main__":
    main()
