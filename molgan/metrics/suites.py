"""The published suites. Each function returns `Estimate`s by name."""

from collections.abc import Sequence

import numpy as np
import scipy  # loads its parts when they are first used

from gancore.statistics.frechet import Moments, frechet, moments
from gancore.statistics.intervals import Estimate, half_sample_interval, mean_interval, share_kept, wilson_interval
from molgan.metrics.reference import Reference
from molgan.metrics.similarity import leaders, mean_powers, nearest
from molgan.scoring.description import MEASURED, Described

FEW = 20
"""Halves drawn for the interval of a figure that takes long."""
CIRCLES, SEDIV = 0.75, 0.65
"""Distances of #Circles (Xie et al. 2023) and of SEDiv (Thomas et al. 2021)."""
_FREE = (0.0, float("inf"))
_KL_POINTS = 1000
_KL_BINS = 10
_KL_FLOOR = 1e-10
_WASSERSTEIN = ("logp", "sa", "qed", "weight")
_CONTINUOUS = ("bertz", "logp", "weight", "tpsa")
_DISCRETE = ("hba", "hbd", "rotatable_bonds", "aliphatic_rings", "aromatic_rings")


# MOSES (Polykovskiy et al. 2020) --------------------------------------------------------------


def moses(described: Described, reference: Reference, suffix: str = "") -> dict[str, Estimate]:
    """SNN, Frag and Scaf of all valid molecules against a reference; the FCD is `chemnet_distance`."""
    similar = nearest(described.fingerprints, reference.fingerprints).similarity
    return {
        f"moses/snn{suffix}": mean_interval(similar, (0.0, 1.0)),
        f"moses/frag{suffix}": _cosine(described.fragments, reference.fragments),
        f"moses/scaf{suffix}": _cosine(described.moses_scaffolds(), reference.scaffolds),
    }


def moses_alone(described: Described, reference: Reference) -> dict[str, Estimate]:
    """IntDiv1 and IntDiv2, Filters, and the Wasserstein-1 distances of four properties to the reference."""
    figures = {}
    for name, means in zip(("moses/intdiv1", "moses/intdiv2"), mean_powers(described.fingerprints), strict=True):
        value, low, high, n = mean_interval(means)  # of all pairs, so each molecule counts twice
        figures[name] = Estimate(1 - value, 1 - value - 2 * (high - value), 1 - value + 2 * (value - low), n)
    figures["moses/filters"] = wilson_interval(int(described.passes.sum()), len(described))
    for name in _WASSERSTEIN:
        values, theirs = described.column(name), reference.properties[name]
        figures[f"moses/w1 {name}"] = half_sample_interval(
            lambda rows, values=values, theirs=theirs: scipy.stats.wasserstein_distance(values[rows], theirs),
            len(values),
            FEW,
            _FREE,
        )
    return figures


def _cosine(rows: Sequence[tuple[str, ...]], theirs: dict[str, int]) -> Estimate:
    """Cosine of the counts of what the molecules hold with the counts of a reference; NaN where one has none."""
    place: dict[str, int] = {}
    columns = [place.setdefault(part, len(place)) for parts in rows for part in parts]
    starts = np.cumsum([0, *map(len, rows)])
    matrix = scipy.sparse.csr_array((np.ones(len(columns)), columns, starts), shape=(len(rows), max(1, len(place))))
    other = np.array([theirs.get(part, 0) for part in place] or [0], float)
    length = np.sqrt(sum(float(count) ** 2 for count in theirs.values()))

    def cosine(picked: np.ndarray) -> float:
        counts = np.bincount(picked, minlength=len(rows)) @ matrix
        norm = np.sqrt((counts**2).sum()) * length
        return min(1.0, float(counts @ other / norm)) if norm else float("nan")

    return half_sample_interval(cosine, len(rows))


def chemnet_distance(rows: np.ndarray, reference: Moments) -> Estimate:
    """FCD of activations `(molecule, 512)` to a reference; n is how many molecules they are of."""
    halves = FEW if len(rows) > 3 else 0  # a half needs two molecules to have a covariance
    return half_sample_interval(lambda picked: frechet(moments(rows[picked]), reference), len(rows), halves, _FREE)


# GuacaMol (Brown et al. 2019) -----------------------------------------------------------------


def guacamol_kl(wide: np.ndarray, properties: np.ndarray, reference: Reference) -> Estimate:
    """The mean of exp(-KL) over nine properties and the highest similarity within each set, in [0, 1].

    Of distinct molecules without stereo: wide `(molecule, 512)` packed fingerprints, properties `(molecule, MEASURED)`.
    """
    theirs = {name: reference.properties[name] for name in (*_CONTINUOUS, *_DISCRETE)}
    ours = {name: properties[:, MEASURED.index(name)] for name in theirs}
    within = nearest(reference.wide, reference.wide, skip_self=True).similarity
    mine = nearest(wide, wide, skip_self=True).similarity

    def score(rows: np.ndarray) -> float:
        parts = [_continuous(theirs[name], ours[name][rows]) for name in _CONTINUOUS]
        parts += [_discrete(theirs[name], ours[name][rows]) for name in _DISCRETE]
        return float(np.mean(np.exp(-np.array([*parts, _continuous(within, mine[rows])]))))

    return half_sample_interval(score, len(wide), FEW // 2)


def _continuous(theirs: np.ndarray, ours: np.ndarray) -> float:
    """KL divergence of two kernel density estimates; infinite where a set has only one value."""
    if min(np.ptp(theirs), np.ptp(ours)) == 0:
        return float("inf")
    low, high = min(theirs.min(), ours.min()), max(theirs.max(), ours.max())
    places = np.linspace(low, high, _KL_POINTS)
    densities = [scipy.stats.gaussian_kde(values)(places) + _KL_FLOOR for values in (theirs, ours)]
    return float(scipy.stats.entropy(*densities))


def _discrete(theirs: np.ndarray, ours: np.ndarray) -> float:
    """KL divergence of two histograms over the reference's range; infinite where nothing of ours lies in it."""
    shares, edges = np.histogram(theirs, bins=_KL_BINS, density=True)
    if not ((ours >= edges[0]) & (ours <= edges[-1])).any():
        return float("inf")
    own, _ = np.histogram(ours, bins=edges, density=True)
    return float(scipy.stats.entropy(shares + _KL_FLOOR, own + _KL_FLOOR))


# Diversity ------------------------------------------------------------------------------------


def diversity(described: Described) -> dict[str, Estimate]:
    """#Circles (a count), SEDiv, and distinct scaffolds and ring systems, each as a share of the molecules."""
    n = len(described)
    return {
        "circles": half_sample_interval(
            lambda rows: len(leaders(described.fingerprints[np.sort(rows)], CIRCLES)), n, FEW // 2, _FREE
        ),
        "sediv": half_sample_interval(
            lambda rows: len(leaders(described.fingerprints[np.sort(rows)], SEDIV)) / len(rows), n, FEW // 2
        ),
        "scaffolds": _distinct([scaffold for scaffold, _ in described.scaffolds]),
        "ring systems": _distinct(described.ring_systems),
    }


def _distinct(items: Sequence[object]) -> Estimate:
    numbers: dict[object, int] = {}
    codes = np.array([numbers.setdefault(item, len(numbers)) for item in items])
    return share_kept(lambda rows: len(np.unique(codes[rows])) / len(rows), len(codes), len(codes) - len(numbers))
