"""What guidance does to a request: nearer samples, at the price of variety and of the distance to the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from gancore.facade.conditions import Request
from gancore.io.notes import note
from gancore.reporting.charts import trade_off
from gancore.statistics.frechet import frechet, moments
from molgan.gan import MolGAN
from molgan.metrics import chemnet
from molgan.metrics.basic import Molecules
from molgan.metrics.evaluation import evaluate
from molgan.metrics.requested import Requested
from molgan.scoring.properties import PROPERTIES


@dataclass(frozen=True)
class GuidedSamples:
    """Samples of one guidance. figures: those of `evaluate`, and the Fréchet distance `fcd` if there is a reference."""

    guidance: float
    figures: Mapping[str, float]


def _measurable(condition: Request) -> Request:
    return {name: value for name, value in condition.items() if name in PROPERTIES}


def requested_of(condition: Request, tolerance: Request) -> Requested | None:
    """What can be measured of a request: its properties. A note names the others."""
    known = _measurable(condition)
    others = [name for name in condition if name not in known]
    if others:
        note(f"condition {', '.join(others)}: cannot be worked out from a molecule, so the report does not measure it.")
    return Requested.of(known, tolerance) if known or tolerance else None


def compare_guidance(
    gan: MolGAN,
    first: Sequence[str | None],
    condition: Request,
    tolerance: Request,
    guidances: Sequence[float],
    n: int,
    seed: int,
    train: Molecules | None,
    reference: Sequence[str] | None,
) -> list[GuidedSamples]:
    """`n` samples of each guidance, and what they are worth; the reference counts with as many molecules.

    first: the samples of the first guidance, which are drawn already.
    """
    rows: list[GuidedSamples] = []
    far = None
    for place, guidance in enumerate(guidances):
        smiles = gan.sample(n, seed, condition=condition, guidance=guidance) if place else first
        judged = evaluate(smiles, train, None, (), (), condition=_measurable(condition), tolerance=tolerance)
        figures = {name: judged[name].value for name in judged}
        valid = [text for text in smiles if text]
        if reference is not None and min(len(valid), len(reference)) > 1:
            if far is None:
                picked = np.random.default_rng(seed).permutation(len(reference))[:n]
                far = moments(chemnet.activations([str(reference[row]) for row in picked]))
            figures["fcd"] = frechet(moments(chemnet.activations(valid)), far)
        rows.append(GuidedSamples(guidance, figures))
    return rows


def trade_offs(rows: Sequence[GuidedSamples]) -> Markup:
    """Of each property that was requested: error against distance, a point for each guidance."""
    errors = [name for name in rows[0].figures if name.startswith("requested/") and name.endswith("/error")]
    charts = []
    for name in errors:
        if all("fcd" in row.figures for row in rows):
            points = [(row.figures["fcd"], row.figures[name], f"{row.guidance:g}") for row in rows]
            charts.append(trade_off(f"{name.split('/')[1]}: error by FCD, at each guidance", points))
    return Markup("").join(charts)


def table_of(rows: Sequence[GuidedSamples]) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of the page's table."""
    wanted = [name for name in rows[0].figures if name.startswith("requested/")]
    columns = [*wanted, *(name for name in ("unique", "novel", "fcd") if name in rows[0].figures)]
    cells = [[f"{row.guidance:g}", *(f"{row.figures[name]:.4f}" for name in columns)] for row in rows]
    return ["guidance", *columns], cells
