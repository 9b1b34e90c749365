"""Pictures of molecules: a grid, and property distributions against a reference."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D

from molgan.scoring.properties import PROPERTIES


def molecule_grid(smiles: Sequence[str], legends: Sequence[str], path: Path, columns: int = 6) -> None:
    """Draw molecules with a legend each as a PNG grid of 250 x 200 pixel cells."""
    Path(path).write_bytes(_grid_png(smiles, legends, columns))


def grid_pixels(smiles: Sequence[str], legends: Sequence[str], columns: int = 6) -> np.ndarray:
    """The same grid as pixels `(row, column, 3)` uint8."""
    with Image.open(io.BytesIO(_grid_png(smiles, legends, columns))) as picture:
        return np.asarray(picture.convert("RGB"))


def _grid_png(smiles: Sequence[str], legends: Sequence[str], columns: int) -> bytes:
    mols = [Chem.MolFromSmiles(text) for text in smiles]
    rows = max(1, -(-len(mols) // columns))
    drawer = rdMolDraw2D.MolDraw2DCairo(250 * columns, 200 * rows, 250, 200)
    drawer.drawOptions().legendFontSize = 18
    drawer.DrawMolecules(mols, legends=list(legends))
    drawer.FinishDrawing()
    return drawer.GetDrawingText()


def property_distributions(library: pd.DataFrame, reference: pd.DataFrame, path: Path) -> None:
    """Histograms of every property both frames have, as one PNG; shares of each set, common bins."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name in PROPERTIES if name in library and name in reference]
    figure = Figure(figsize=(3.4 * len(names), 3), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        sets = {"training": reference[name].dropna(), "generated": library[name].dropna()}
        bins = np.histogram_bin_edges(np.concatenate([values.to_numpy(float) for values in sets.values()]), bins=40)
        for label, values in sets.items():
            shares = np.full(len(values), 1 / max(1, len(values)))
            axis.hist(values, bins=list(bins), weights=shares, alpha=0.55, label=f"{label} ({len(values):,})")
        unit = PROPERTIES[name].unit
        axis.set_xlabel(f"{name} ({unit})" if unit else name)
        axis.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("share of molecules")
    figure.axes[0].legend(frameon=False, fontsize="small", loc="upper right")  # "best" is slow, and warns
    figure.savefig(path, dpi=120)
