"""`molgan demo`: embedded QM9 in; a trained GAN, a judged sample, a scored library and its pictures out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from gancore.facade.cli import replace_folder
from gancore.statistics.frechet import frechet, moments
from molgan.data.dataset import MoleculeDataset, embedded
from molgan.gan import MolGAN
from molgan.library.collect import Library, collect
from molgan.library.plots import molecule_grid, property_distributions
from molgan.metrics import Evaluation, chemnet, composition, evaluate
from molgan.recipes.config import Config
from molgan.scoring.scorer import property_frame

_REFERENCE = 5000  # training molecules whose properties the library's are compared with
_BEST = 24

Likeness: TypeAlias = dict[str, tuple[float, float]]
"""How like real molecules samples are: of each figure, that of samples and that of training molecules."""
_FRECHET = 5000  # molecules on each side of the Fréchet ChemNet distance


# Draws that are not one molecule come as None, so here valid is the same as connected.
_STRICT = {"connected": "strictly valid", "unique": "unique", "novel": "novel", "product": "product"}


def run(config: Config, out: Path, n: int, quiet: bool = False, as_json: bool = False) -> None:
    """Do it all into the folder `out`, which is replaced if a demo made it; prints one table on standard output.

    as_json: or one JSON object with the same figures.
    """
    progress = Console(stderr=True, quiet=quiet)
    replace_folder(out)
    progress.print("reading the bundled QM9 molecules", highlight=False)
    data, held = MoleculeDataset.from_file(embedded(), **config.data.limits).split(config.data.hold_out, config.seed)
    gan = MolGAN(config).fit(data, out=out, quiet=quiet)
    progress.print(f"drawing {n:,} molecules, raw and repaired", highlight=False)
    draws = {stage: gan.sample(n, config.seed, raw=stage == "raw") for stage in ("raw", "repaired")}
    known = frozenset(data.smiles)
    figures = {stage: evaluate(smiles, known, ks=()) for stage, smiles in draws.items()}
    likeness = _likeness(draws["repaired"], data.smiles, held, config.seed)
    progress.print(f"collecting a library of {n:,} distinct valid molecules", highlight=False)
    library = collect(gan, n, config.seed, known)
    progress.print("scoring and writing it", highlight=False)
    library.write(out)
    picked = np.random.default_rng(config.seed).choice(len(data), min(_REFERENCE, len(data)), replace=False)
    properties = property_frame([data.smiles[row] for row in picked])
    _draw(library, properties, out)
    compositions = composition(draws["repaired"]), composition(data.smiles)
    if as_json:
        print(json.dumps(_as_json(figures, compositions, likeness, library, properties), indent=1))
        return
    table = _table(figures, compositions, likeness, library, properties)
    Console().print(table)
    short = "" if len(library) == n else f" (gave up: {n:,} were asked for)"
    Console().print(f"{len(library):,} distinct valid molecules from {library.draws:,} draws{short}, in {out}/")


def _likeness(
    draws: Sequence[str | None], known: list[str], held: list[str], seed: int
) -> dict[str, tuple[float, float]]:
    """Of samples, and of as many training molecules: those with a motif that QM9 lacks, the distance to held-out ones.

    The second needs enough of all three to say something.
    """
    valid, picked = [text for text in draws if text], np.random.default_rng(seed).permutation(len(known))
    motifs = evaluate(valid, reference=known, groups=("motifs",))
    found = {"absent motif": (motifs["motifs/absent"].value, motifs["motifs/absent/reference"].value)}
    if min(len(valid), len(held), len(known)) >= _FRECHET:
        lists = valid, [known[row] for row in picked], np.random.default_rng(seed).permutation(held).tolist()
        ours, real, other = (moments(chemnet.activations(part[:_FRECHET])) for part in lists)
        found["held-out FCD"] = frechet(ours, other), frechet(real, other)
    return found


def _draw(library: Library, reference: pd.DataFrame, out: Path) -> None:
    best = library.frame.head(_BEST)
    legends = [f"QED {qed:.2f}" + (" new" if new else "") for qed, new in zip(best["qed"], best["novel"], strict=True)]
    molecule_grid(list(best["smiles"]), legends, out / "best.png")
    property_distributions(library.frame, reference, out / "properties.png")


def _as_json(
    figures: dict[str, Evaluation],
    compositions: tuple[dict[str, float], dict[str, float]],
    likeness: Likeness,
    library: Library,
    properties: pd.DataFrame,
) -> dict[str, Any]:
    """What the table says, as JSON."""
    means = {name: [frame[name].mean().item() for frame in (library.frame, properties)] for name in properties}
    return {
        "figures": {stage: one.to_dict() for stage, one in figures.items()},
        "composition": dict(zip(("repaired", "training set"), compositions, strict=True)),
        "likeness": {
            name: dict(zip(("repaired", "training set"), both, strict=True)) for name, both in likeness.items()
        },
        "means": {name: {"library": ours, "training set": theirs} for name, (ours, theirs) in means.items()},
        "library": {"molecules": len(library), "draws": library.draws},
    }


def _table(
    figures: dict[str, Evaluation],
    compositions: tuple[dict[str, float], dict[str, float]],
    likeness: Likeness,
    library: Library,
    properties: pd.DataFrame,
) -> Table:
    """Quality before and after repair; composition and mean properties beside the training set's."""
    table = Table(title="generated molecules", title_justify="left")
    for name, side in (("", "left"), ("raw", "right"), ("repaired", "right"), ("95% interval", "right")):
        table.add_column(name, justify=side)  # pyright: ignore
    table.add_column("library", justify="right")
    table.add_column("training set", justify="right")
    for name, label in _STRICT.items():
        estimate = figures["repaired"][name]
        interval = f"{estimate.low:.4f}-{estimate.high:.4f}"
        raw = figures["raw"][name].value if name in figures["raw"] else float("nan")
        table.add_row(label, f"{raw:.4f}", f"{estimate.value:.4f}", interval, "", "")
    table.add_section()
    ours, theirs = compositions
    for name in theirs:
        label = "aromatic share" if name == "aromatic" else f"{name} per molecule"
        table.add_row(label, "", f"{ours.get(name, 0.0):.4f}", "", "", f"{theirs[name]:.4f}")
    for name, (samples, real) in likeness.items():
        table.add_row(name, "", f"{samples:.4f}", "", "", f"{real:.4f}")
    table.add_section()
    for name in properties:
        table.add_row(f"mean {name}", "", "", "", f"{library.frame[name].mean():.3f}", f"{properties[name].mean():.3f}")
    return table
