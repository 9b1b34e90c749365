"""The report's page: figures, distributions and molecules put into the template."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from gancore.reporting import page
from gancore.reporting.charts import histogram
from gancore.statistics.evaluation import Evaluation
from molgan.data.downloads import DATA
from molgan.metrics.published import MOSES, MOSES_COLUMNS, MOSES_N, QM9, QM9_COLUMNS
from molgan.reporting.material import Material
from molgan.reporting.requests import GuidedSamples, table_of, trade_offs
from molgan.reporting.survey import Survey
from molgan.reporting.survey_page import further_histograms, survey_values
from molgan.scoring.properties import PROPERTIES
from molgan.scoring.tables import DESCRIBED


def render(
    material: Material,
    judged: Evaluation,
    properties: pd.DataFrame,
    theirs: pd.DataFrame | None,
    molecules: dict[str, Any],
    score: str,
    baselines: Mapping[str, Mapping[str, float | None]],
    guided: Sequence[GuidedSamples] = (),
    survey: Survey | None = None,
) -> str:
    """The page. properties: of all molecules; theirs: of the reference's. molecules: what the page's script reads.

    guided: samples of several values of guidance, to be compared. survey: of a library.
    """
    published = ["The columns from the fifth on are published figures, as quoted."] if baselines else []
    return page.render(
        "molgan.reporting",
        "report.html",
        title=material.title,
        summary=f"{len(material.texts):,} strings, {len(properties):,} distinct molecules; the first "
        f"{len(molecules['rows']):,} by score are drawn. {score}",
        figures=judged,
        history=material.history,
        provenance=material.provenance,
        config=material.config,
        script="report.js",
        baselines=baselines,
        notes=published,
        samples="molecules",
        tables={name: list(rows.items())[:10] for name, rows in judged.tables.items() if rows},
        legend="bars: these molecules" + ("" if theirs is None else f"; line: {len(theirs):,} of the reference"),
        histograms=_histograms(properties, theirs) + ("" if survey is None else further_histograms(survey)),
        library=survey is not None,
        **({} if survey is None else _library(survey, material)),
        **_requests(guided),
        sortable=molecules["columns"][::-1],
        flags=molecules["flags"],
        data=page.inert(molecules),
    )


def _library(survey: Survey, material: Material) -> dict[str, Any]:
    """What the sections of a library take."""
    return survey_values(survey, len(material.library) if material.library is not None else survey.sample)


def _histograms(properties: pd.DataFrame, theirs: pd.DataFrame | None) -> Markup:
    """The distribution of each property, beside the reference's."""
    return Markup("").join(
        histogram(
            f"{name} ({PROPERTIES[name].unit})" if PROPERTIES[name].unit else name,
            properties[name].to_numpy(),
            None if theirs is None else theirs[name].to_numpy(),
        )
        for name in DESCRIBED
    )


def _requests(guided: Sequence[GuidedSamples]) -> dict[str, Any]:
    """What the page says of a request at several values of guidance."""
    if not guided:
        return {"guided": [], "guided_columns": [], "trade_offs": ""}
    columns, rows = table_of(guided)
    return {"guided": rows, "guided_columns": columns, "trade_offs": trade_offs(guided)}


def baselines_of(judged: Evaluation, reference: object) -> dict[str, dict[str, float | None]]:
    """Published rows, for the two sets that have some; the Fréchet distance only beside one of as many molecules."""
    if DATA.named(reference) == "moses":
        rows = {name: dict(zip(MOSES_COLUMNS, row, strict=True)) for name, row in MOSES.items()}
        if judged["valid"].n != MOSES_N:
            for row in rows.values():
                del row["moses/fcd"]
        return rows
    if DATA.named(reference) == "qm9":
        return {name: dict(zip(QM9_COLUMNS, row, strict=True)) for name, row in QM9.items()}
    return {}
