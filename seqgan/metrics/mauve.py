"""MAUVE: how near generated texts are to real ones, by the divergence curve of their quantised features."""

from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Int

from gancore.errors import DataError
from gancore.statistics.intervals import Estimate, half_sample_interval

MOST = 5000
"""Texts of each kind that MAUVE is published with; more are not looked at."""
_POINTS, _SCALING = 25, 5.0
_EXPLAINED = 0.9  # share of the variance that the quantised components keep
_EDGE = 1e-6  # of the mixture weights
_RESTARTS, _ITERATIONS = 5, 500
_HALVES = 100


def mauve_of_histograms(
    real: np.ndarray,
    generated: np.ndarray,
    points: int = _POINTS,
    scaling: float = _SCALING,
) -> float:
    """MAUVE of two histograms `(bucket,)` (Pillutla et al. 2021), in (0, 1]; 1 where they are the same.

    For mixtures r = w p + (1 - w) q at `points` weights w in (0, 1), the curve has the points exp(-c KL(q|r)),
    exp(-c KL(p|r)), c = `scaling`, and ends at (0, 1) and (1, 0). The score is the area under it, the mean of the
    trapezoids over either axis. Counts are normalised. Raises DataError for histograms of other lengths, below 0 or
    without counts.

    >>> mauve_of_histograms(np.array([1.0, 1.0]), np.array([5.0, 5.0])).__round__(6)
    1.0
    """
    p, q = (np.asarray(side, float) for side in (real, generated))
    if p.shape != q.shape or min(p.min(initial=0), q.min(initial=0)) < 0 or not p.sum() or not q.sum():
        raise DataError("MAUVE needs two histograms of one length, with counts of 0 or more and some above 0.")
    p, q = p / p.sum(), q / q.sum()
    weights = np.linspace(_EDGE, 1 - _EDGE, points)
    mixtures = weights[:, None] * p + (1 - weights[:, None]) * q
    across = np.exp(-scaling * np.array([1e300, *(_divergence(q, one) for one in mixtures[::-1]), 0.0]))
    up = np.exp(-scaling * np.array([0.0, *(_divergence(p, one) for one in mixtures[::-1]), 1e300]))
    return float((np.trapezoid(up, across) + np.trapezoid(across[::-1], up[::-1])) / 2)


def _divergence(one: np.ndarray, other: np.ndarray) -> float:
    """The Kullback-Leibler divergence in nats; `other` is above 0 wherever `one` is."""
    held = one > 0
    return float((one[held] * np.log(one[held] / other[held])).sum())


class Quantised(NamedTuple):
    """The bucket of each real and of each generated text, and how many buckets there are."""

    real: Int[np.ndarray, "text"]
    generated: Int[np.ndarray, "text"]
    buckets: int

    def histograms(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts of both sides of some rows of the texts, the real ones first."""
        real = rows < len(self.real)
        picked = self.real[rows[real]], self.generated[rows[~real] - len(self.real)]
        ours, theirs = (np.bincount(part, minlength=self.buckets).astype(float) for part in picked)
        return ours, theirs


def quantise(
    real: np.ndarray,
    generated: np.ndarray,
    buckets: int | None = None,
    seed: int = 0,
) -> Quantised:
    """Buckets of features `(text, feature)` by k-means on both sides together (Pillutla et al. 2021).

    Features are scaled to length 1 and reduced to the principal components that explain 0.9 of their variance. buckets:
    by default a tenth of the smaller side, 2 at least. The best of five runs from random rows is taken; the seed fixes
    them. Raises DataError for features that are not finite, of other widths, and for fewer than two texts on a side.
    """
    real, generated = (np.asarray(side, np.float64) for side in (real, generated))
    if real.ndim != 2 or generated.ndim != 2 or real.shape[1] != generated.shape[1]:
        raise DataError("features are tables of one width, a row a text.")
    if min(len(real), len(generated)) < 2:
        raise DataError("MAUVE needs at least two texts on each side.")
    rows = np.concatenate((real, generated))
    if not np.isfinite(rows).all():
        raise DataError("features must be finite numbers.")
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    buckets = buckets or max(2, round(min(len(real), len(generated)) / 10))
    labels = _k_means(_components(rows).astype(np.float32), buckets, np.random.default_rng(seed))
    return Quantised(labels[: len(real)], labels[len(real) :], buckets)


def mauve(
    real: np.ndarray,
    generated: np.ndarray,
    buckets: int | None = None,
    seed: int = 0,
) -> Estimate:
    """MAUVE of features `(text, feature)` (Pillutla et al. 2021), in (0, 1], with a 95% interval; 1 for the same.

    The features decide what is compared: name the model that they are of with every figure. At most 5,000 texts of each
    side, at random; a score depends on how many there are and on `buckets` (see `quantise`). The interval is of random
    halves in the buckets found, so it leaves out the chance of the clustering. Raises what `quantise` raises.

    >>> points = np.random.default_rng(0).normal(size=(200, 4))
    >>> mauve(points, points).value.__round__(3), mauve(points + 3, points - 3).value < 0.1
    (1.0, True)
    """
    rng = np.random.default_rng(seed)
    ours, theirs = (np.asarray(side)[rng.permutation(len(side))[:MOST]] for side in (real, generated))
    quantised = quantise(ours, theirs, buckets, seed)

    def score(rows: np.ndarray) -> float:
        p, q = quantised.histograms(rows)
        return mauve_of_histograms(p, q) if p.any() and q.any() else 0.0

    return half_sample_interval(score, len(ours) + len(theirs), _HALVES)


def _components(rows: np.ndarray) -> np.ndarray:
    """The principal components that explain 0.9 of the variance, at least one."""
    centred = rows - rows.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    explained = np.cumsum(values[::-1]) / max(values.sum(), 1e-300)
    kept = min(int((explained < _EXPLAINED).sum()) + 1, len(values))
    return centred @ vectors[:, ::-1][:, :kept]


def _k_means(rows: np.ndarray, buckets: int, rng: np.random.Generator) -> np.ndarray:
    """The bucket of each row: the best of a few runs of Lloyd's algorithm (1982), each from random rows."""
    squares = np.einsum("ij,ij->i", rows, rows)
    best, labels = np.inf, np.zeros(len(rows), dtype=np.int64)
    for _ in range(_RESTARTS):
        found, distance = _lloyd(rows, squares, rows[rng.permutation(len(rows))[:buckets]])
        if distance < best:
            best, labels = distance, found
    return labels


def _lloyd(rows: np.ndarray, squares: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, float]:
    """Buckets from some centres on, and the sum of squared distances; a centre without rows stays where it is."""
    before = np.full(len(rows), -1)
    for _ in range(_ITERATIONS):
        away = np.einsum("ij,ij->i", centres, centres) - 2 * rows @ centres.T
        labels = away.argmin(1)
        if (labels == before).all():
            break
        before = labels
        members = scipy.sparse.csr_array(
            (np.ones(len(rows), rows.dtype), (labels, np.arange(len(rows)))), shape=(len(centres), len(rows))
        )
        counts = np.bincount(labels, minlength=len(centres))
        centres = np.where(counts[:, None] > 0, (members @ rows) / np.maximum(counts, 1)[:, None], centres)
    return before, float((squares + away.min(1)).sum())
