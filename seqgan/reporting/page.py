"""The report of texts: one self-contained HTML page that works offline."""

import math
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from gancore.errors import ConfigError, DataError
from gancore.facade.conditions import Request
from gancore.reporting import page
from gancore.reporting.charts import trade_off
from gancore.reporting.page import Report
from seqgan.data.corpus import as_lines
from seqgan.data.downloads import CORPORA
from seqgan.metrics.evaluation import evaluate, quality_and_sameness, temperature_sweep
from seqgan.reporting.material import Material, gather
from seqgan.reporting.samples import repeat_rows, sample_rows, span_rows
from seqgan.text.splitting import Tokens, pick_tokens
from seqgan.text.vocabulary import Vocabulary

TEMPERATURES = (0.7, 0.8, 0.9, 1.0, 1.1)
"""Of the curve of quality against diversity."""
_SWEPT = 1000  # texts of each temperature, at most
_ORDER = 4


def report(
    source: str | Path | Sequence[str],
    train: Any = None,
    reference: Any = None,
    top: int = 100,
    n: int = 1000,
    seed: int = 0,
    temperatures: Sequence[float] = TEMPERATURES,
    tokens: "str | Vocabulary | Tokens | None" = None,
    lower: bool = False,
    column: str = "",
    condition: Request = MappingProxyType({}),
    judge: Any = None,
) -> Report:
    """Report on a run or a shared model (by `n` draws at temperature 1), on a file, or on a list of texts.

    train: lines trained on, a file, a data set by name or a list, for novelty and the nearest training lines.
    reference: real lines that were not trained on, in the same forms; of a run, by default, its `held_out.txt`.
    top: texts to show, at random. temperatures: of a model's curve of BLEU-4 against Self-BLEU-4 (Caccia et al. 2020),
    at most 1,000 texts each; none leaves the curve out. tokens, lower: how texts are split, as in `evaluate`; by
    default as the model splits them, or into words. column: of tables. condition: what is requested of the draws.
    judge: as in `evaluate`.
    Raises ConfigError where there is no reference and for a condition on texts that are drawn already, DataError for
    fewer than four texts or references and lines that are no strings, and what reading and loading raise.

    >>> lines = ["the cat sat", "the dog ran", "a bird sang", "the bird sat", "a dog sang"]
    >>> report(lines[:4], train=lines[:1], reference=lines).page[:15].lower()
    '<!doctype html>'
    """
    material = gather(source, n, seed, column, condition)
    chosen = _tokens(material, tokens, lower, [source, reference])
    if reference is None and material.held_out is None:
        raise ConfigError(f"{material.title}: give a reference, real lines that were not trained on.")
    real = _lines(material.held_out if reference is None else reference, column)
    known = None if train is None else _lines(train, column)
    if known is not None and not known:
        raise DataError("train: holds no lines, so there is no nearest one.")
    judged = evaluate(material.texts, real, known, chosen, judge=judge)
    curve, swept = _curve(material, real, chosen, temperatures, seed, condition)
    samples = sample_rows(material.texts, known, chosen, top, seed)
    text = page.render(
        "seqgan.reporting",
        "report.html",
        title=material.title,
        summary=f"{len(material.texts):,} texts, {len(set(material.texts)):,} distinct; {len(samples):,} are shown, "
        "drawn at random.",
        figures=judged,
        history=material.history,
        provenance=material.provenance,
        config=material.config,
        samples="texts",
        curve=curve,
        swept=swept,
        spans=span_rows(material.texts, real, chosen),
        repeats=repeat_rows(material.texts, chosen),
        rows=samples,
        trained=known is not None,
    )
    return Report(text, judged)


def _tokens(
    material: Material, tokens: "str | Vocabulary | Tokens | None", lower: bool, sources: Sequence[Any]
) -> Tokens:
    """How texts are split: as asked for, else as the model does, or the run in whose folder a file lies."""
    if tokens is not None:
        return Tokens.of(tokens, lower)
    if material.tokens is not None:
        if lower:
            raise ConfigError("lower: the model has tokens and case of its own; leave it out, or give tokens as well.")
        return material.tokens
    files = [Path(source) for source in sources if isinstance(source, (str, Path))]
    return pick_tokens(None, lower, None, files)


def _lines(source: Any, column: str) -> list[str]:
    """Lines of what `evaluate` of a model takes, empty ones left out."""
    return [line for _, line in as_lines(CORPORA.files(source), column, prefer=True)[0] if line.strip()]


def _curve(
    material: Material,
    real: Sequence[str],
    chosen: Tokens,
    temperatures: Sequence[float],
    seed: int,
    condition: Request,
) -> tuple[Markup, list[dict[str, str]]]:
    """Quality against diversity of a model over temperatures, and of real lines: a chart, and the rows of its table.

    As many texts a temperature as real lines; those real lines are judged by the other ones, as the texts are.
    """
    nothing: tuple[Markup, list[dict[str, str]]] = Markup(""), []
    many = min(len(material.texts), len(real) // 2, _SWEPT)
    if material.model is None or not temperatures or many < 4:
        return nothing
    shuffled = [real[int(row)] for row in np.random.default_rng(seed).permutation(len(real))]
    own, others = shuffled[:many], shuffled[many:]
    gan = material.model

    def draw(temperature: float) -> list[str]:
        return gan.sample(many, temperature, seed=seed, condition=condition or None)

    sweep = temperature_sweep(draw, others, sorted(temperatures), chosen, _ORDER)
    quality, sameness = quality_and_sameness(chosen.split(own), chosen.split(others), _ORDER)
    rows = [
        {
            "name": f"temperature {row['temperature']:g}",
            "bleu": _cell(row["bleu"], row["bleu_low"], row["bleu_high"]),
            "self_bleu": _cell(row["self_bleu"], row["self_bleu_low"], row["self_bleu_high"]),
        }
        for row in sweep.to_dict("records")
    ]
    rows.append({"name": "real lines", "bleu": _cell(*quality[:3]), "self_bleu": _cell(*sameness[:3])})
    drawn = sweep.dropna(subset=["bleu", "self_bleu"])
    if drawn.empty:
        return nothing
    star = None
    if math.isfinite(quality.value) and math.isfinite(sameness.value):
        star = (1 - sameness.value, quality.value, "real")
    return _chart(drawn, star), rows


def _chart(sweep: pd.DataFrame, star: tuple[float, float, str] | None) -> Markup:
    """BLEU-4 up and one less Self-BLEU-4 across, a point a temperature, with 95% intervals."""
    rows = sweep.to_dict("records")
    points = [(1 - row["self_bleu"], row["bleu"], f"{row['temperature']:g}") for row in rows]
    intervals = [
        ((1 - row["self_bleu_high"], 1 - row["self_bleu_low"]), (row["bleu_low"], row["bleu_high"])) for row in rows
    ]
    return trade_off("BLEU-4 by 1 - Self-BLEU-4, at each temperature", points, intervals, star)


def _cell(value: float, low: float, high: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.4f} ({low:.4f} to {high:.4f})"
