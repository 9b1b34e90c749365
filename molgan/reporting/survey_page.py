"""What a page shows of a library alone: best molecules, the tree of scaffolds, the map of clusters."""

from typing import Any

from markupsafe import Markup

from gancore.reporting.charts import histogram, scatter
from molgan.library.drawing import svg
from molgan.reporting.survey import GROUPED, Branch, Survey


def survey_values(found: Survey, of: int) -> dict[str, Any]:
    """What the template of these sections reads. of: molecules of the library."""
    mapped, coloured = found.map, sum(one.size for one in found.map.clusters)
    first, second = mapped.variance
    return {
        "best": [{"smiles": text, "value": f"{value:.3f}", "drawing": _drawn(text)} for text, value in found.best],
        "ranked_by": found.ranked_by,
        "best_note": f"The first {len(found.best)} by {found.ranked_by}"
        + (" of the whole library." if found.whole else " of the sample."),
        "scaffolds": [_drawn_branch(one) for one in found.scaffolds],
        "sample": found.sample,
        "scaffolds_note": f"{_of(found.sample, of)}, by the rings of their Bemis-Murcko scaffold, its framework (all "
        "atoms carbon, all bonds single), and the scaffold itself.",
        "clusters": [{**one._asdict(), "drawing": _drawn(one.example)} for one in mapped.clusters],
        "clusters_note": f"{_of(len(mapped.labels), of)}, in {mapped.groups:,} clusters of BitBIRCH, of a mean "
        f"Tanimoto similarity of at least {GROUPED.threshold:g}. Across and up: the two principal components of Morgan "
        f"fingerprints of radius 2, with {first:.1%} and {second:.1%} of the variance, so that near points may differ.",
        "scatter": scatter("Map of clusters", mapped.places, mapped.labels, len(mapped.clusters)),
        "rest": len(mapped.labels) - coloured,
        "kinds": mapped.groups - len(mapped.clusters),
    }


def further_histograms(found: Survey) -> Markup:
    """Distributions of the columns that not every list of molecules has."""
    return Markup("").join(histogram(str(name), found.numbers[name].to_numpy(float), None) for name in found.numbers)


def _of(sample: int, of: int) -> str:
    return f"All {of:,} molecules" if sample == of else f"{sample:,} random molecules of {of:,}"


def _drawn_branch(one: Branch) -> dict[str, Any]:
    within = [_drawn_branch(part) for part in one.within]
    return {**one._asdict(), "within": within, "drawing": _drawn(one.smiles) if one.smiles else ""}


def _drawn(smiles: str) -> Markup:
    return Markup(svg(smiles))
