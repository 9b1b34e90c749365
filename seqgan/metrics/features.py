"""Figures on the features of texts: MAUVE and the Fréchet distance, of a model's hidden states or a user's own."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gancore.errors import DataError
from gancore.statistics.evaluation import Evaluation
from gancore.statistics.frechet import frechet, moments
from gancore.statistics.intervals import Estimate, half_sample_interval
from seqgan.metrics.mauve import mauve
from seqgan.metrics.named_model import NamedModel, read_features

_HALVES = 20


def feature_figures(generated: np.ndarray, real: np.ndarray, of: str) -> Evaluation:
    """`mauve` and `frechet-distance` of features `(text, feature)`, with 95% intervals. of: what they are features of.

    frechet-distance: the squared Fréchet distance of Gaussians fitted to both (Heusel et al. 2017; of sentence
    embeddings: Semeniuk et al. 2018), of equally many rows on both sides, for it falls as they grow; its interval is of
    the generated side alone. Raises DataError for tables of other widths and what `mauve` raises.
    """
    if generated.shape[1] != real.shape[1]:
        raise DataError(
            f"features: {generated.shape[1]} columns of the texts and {real.shape[1]} of the reference; both must be "
            "of one model."
        )
    n = min(len(generated), len(real))
    rng = np.random.default_rng(0)
    ours, theirs = (side[rng.permutation(len(side))[:n]] for side in (generated, real))
    held = moments(theirs)
    halves = _HALVES if n > 3 else 0  # a half needs two texts to have a covariance
    distance = half_sample_interval(
        lambda rows: frechet(moments(ours[rows]), held), n, halves, bounds=(0.0, float("inf"))
    )
    notes = [f"mauve and frechet-distance are of {of}, {n:,} of each side; compare only figures of the same features."]
    if n <= generated.shape[1]:
        notes.append(
            f"frechet-distance: {n:,} texts are too few for the covariance of {generated.shape[1]:,} features."
        )
    return Evaluation({"mauve": mauve(real, generated), "frechet-distance": distance}, notes)


def given_features(features: Sequence[Any], texts: int, references: int) -> Evaluation:
    """`feature_figures` of two tables that a user gives, arrays or .npy files: of the texts, and of the reference.

    Raises DataError where they are not two, or have another number of rows than there are texts and references.
    """
    if isinstance(features, (str, bytes)) or len(features) != 2:
        raise DataError("features: give two tables, of the texts and of the reference.")
    tables = []
    for source, name, n in zip(features, ("the texts", "the reference"), (texts, references), strict=True):
        table = read_features(source, f"features of {name}")
        if len(table) != n:
            raise DataError(f"features of {name}: {len(table):,} rows for {n:,} lines; give one row a line, in order.")
        tables.append(table)
    return feature_figures(*tables, of="the features given")


def model_figures(model: NamedModel, texts: Sequence[str], reference: Sequence[str], features: bool) -> Evaluation:
    """What a named model says of texts, beside the reference: its perplexity, and `feature_figures` where asked for.

    generative-perplexity: of the texts under the model; low where it finds each likely, so read it with their entropy,
    for a text that repeats itself is likely (Holtzman et al. 2020; Zheng et al. 2025). reference-generative-perplexity:
    the reference's own. Texts with tokens that the model lacks, or longer than it can read, are left out, and a note
    says how many. Raises DataError where it can read fewer than two of a side.
    """
    figures: dict[str, Estimate] = {}
    notes = [f"generative-perplexity is that of {model.name}, a token of kind {model.vocabulary.kind}."]
    sides = {}
    for name, lines, prefix in (("texts", texts, ""), ("references", reference, "reference-")):
        ids = model.read(lines)
        if len(ids) < 2:
            raise DataError(f"judge: {model.name} can read {len(ids)} of the {len(lines):,} {name}, and needs two.")
        if len(ids) < len(lines):
            notes.append(
                f"{model.name} cannot read {len(lines) - len(ids):,} of the {len(lines):,} {name} (unknown tokens, or "
                "too long); its figures leave them out."
            )
        figures[f"{prefix}generative-perplexity"] = model.nll(ids).interval()
        sides[name] = ids
    if not features:
        return Evaluation(figures, notes)
    more = feature_figures(
        *(model.features(sides[name]) for name in ("texts", "references")), of=f"the mean hidden states of {model.name}"
    )
    return Evaluation(figures | dict(more), notes + more.notes)
