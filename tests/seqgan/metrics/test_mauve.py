"""MAUVE against values worked out from its formulae, and on features whose distance is known."""

import math
from itertools import pairwise

import numpy as np
import pytest

from gancore.errors import DataError
from seqgan.metrics.mauve import mauve, mauve_of_histograms, quantise


def test_disjoint_histograms_by_hand():
    """KL(q|r) = -log(1 - w), KL(p|r) = -log w: the curve is ((1 - w)^c, w^c); at c = 1 the triangle below 1."""
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert mauve_of_histograms(p, q, scaling=1.0) == pytest.approx(0.5, abs=1e-5)
    area = _area([(0, 1), (0.5**5, 0.5**5), (1, 0)])
    assert mauve_of_histograms(p, q, points=3) == pytest.approx(area, abs=1e-5)


def _area(points):
    """Under the straight lines between points, by the trapezoid rule."""
    return sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairwise(points))


def test_a_pair_by_hand():
    """p = (3/4, 1/4), q = (1/4, 3/4), and as mixtures p, (p + q) / 2 = (1/2, 1/2) and q themselves."""
    kl = 0.5 * math.log(3)  # of p from q, and of q from p
    middle = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)  # of either from (1/2, 1/2)
    ends = math.exp(-5 * kl), math.exp(-5 * middle)
    points = [(0, 1), (ends[0], 1), (ends[1], ends[1]), (1, ends[0]), (1, 0)]
    assert mauve_of_histograms(np.array([3, 1]), np.array([1, 3]), points=3) == pytest.approx(_area(points), abs=1e-4)


PUBLISHED = 0.26705197591401786
"""What mauve-text 0.4.0 makes of these histograms."""


def test_the_value_of_the_published_package():
    p, q = np.array([5, 3, 0, 2.0]), np.array([1, 4, 4, 1.0])
    assert mauve_of_histograms(p, q) == pytest.approx(PUBLISHED, abs=1e-9)
    assert mauve_of_histograms(q, p) == pytest.approx(PUBLISHED, abs=1e-9)


def test_what_is_no_pair_of_histograms():
    for p, q in (([1, 2], [1, 2, 3]), ([1, -1], [1, 1]), ([0, 0], [1, 1])):
        with pytest.raises(DataError, match="two histograms of one length"):
            mauve_of_histograms(np.array(p), np.array(q))


def test_clusters_are_found():
    """Four far directions, other shares on either side: the histograms are those of the directions."""
    rng = np.random.default_rng(0)
    centres = np.eye(4)[rng.permutation(4)] * 9
    sides = [rng.permutation(np.repeat(np.arange(4), counts)) for counts in ([50, 30, 0, 20], [10, 40, 40, 10])]
    features = [centres[side] + rng.normal(0, 0.1, (100, 4)) for side in sides]
    found = quantise(*features, buckets=4)
    for labels, side in zip((found.real, found.generated), sides, strict=True):
        assert len({*zip(labels.tolist(), side.tolist(), strict=True)}) == len(set(side.tolist()))
    exact = mauve_of_histograms(np.array([50, 30, 0, 20]), np.array([10, 40, 40, 10]))
    assert mauve(*features, buckets=4).value == pytest.approx(exact)


def test_near_is_high_and_far_is_low():
    rng = np.random.default_rng(0)
    real, same, shifted, far = (rng.normal(shift, 1, (600, 8)) for shift in (0, 0, 0.5, 3))
    near, off, away = (mauve(real, other) for other in (same, shifted, far))
    assert near.value > 0.9 > off.high
    assert off.low > away.high
    assert near.n == 1200
    assert mauve(real, same) == near
    assert quantise(real, same).buckets == 60


def test_features_that_cannot_be_used():
    rows = np.ones((5, 2))
    with pytest.raises(DataError, match="one width"):
        mauve(rows, np.ones((5, 3)))
    with pytest.raises(DataError, match="two texts on each side"):
        mauve(rows, rows[:1])
    with pytest.raises(DataError, match="finite"):
        mauve(rows, rows * np.nan)
