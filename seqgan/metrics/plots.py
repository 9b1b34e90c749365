"""Pictures: quality against diversity."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd


def sweep_curve(
    sweeps: Mapping[str, pd.DataFrame], path: str | Path, reference: tuple[float, float] | None = None
) -> None:
    """Draw `temperature_sweep`s, by the name of their model, as one PNG; better is lower left.

    reference: (bleu, self_bleu) of real texts, a star.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for name, sweep in sweeps.items():
        axis.plot(-sweep["bleu"], sweep["self_bleu"], marker="o", markersize=4, label=name)
        for temperature, bleu, same in sweep[["temperature", "bleu", "self_bleu"]].itertuples(index=False):
            axis.annotate(
                f"{temperature:g}", (-bleu, same), textcoords="offset points", xytext=(4, 4), fontsize="x-small"
            )
    if reference is not None:
        axis.plot(
            -reference[0], reference[1], marker="*", markersize=12, linestyle="", color="black", label="real texts"
        )
    axis.set_xlabel("negative BLEU (lower: better texts)")
    axis.set_ylabel("Self-BLEU (lower: more diverse)")
    axis.locator_params(axis="x", nbins=6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    figure.savefig(path, dpi=120)
