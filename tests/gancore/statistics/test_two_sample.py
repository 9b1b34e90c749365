"""The classifier two-sample test: areas by hand, intervals that cover, no false alarm, and shifts that are seen."""

import math

import numpy as np
import pytest
import scipy

from gancore.statistics.intervals import Estimate
from gancore.statistics.two_sample import DISTINGUISHABLE, auc, classifier_test, shift_sentence


def bags(rng, n, shares):
    return scipy.sparse.csr_array((rng.random((n, len(shares))) < shares).astype(float))


def test_the_area_by_hand():
    """Of six pairs four are in order and one is a tie."""
    assert auc(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0])).value == pytest.approx(4.5 / 6)


def test_the_interval_is_newcombes():
    """Its ends are where the deviation is 1.96 times the deviation of Hanley and McNeil at the end itself."""
    rng = np.random.default_rng(0)
    found = auc(rng.normal(1, 1, 30), rng.normal(0, 1, 30))
    for end in (found.low, found.high):
        q1, q2 = end / (2 - end), 2 * end**2 / (1 + end)
        variance = (end * (1 - end) + 29 * (q1 - end**2) + 29 * (q2 - end**2)) / 900
        assert abs(found.value - end) == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-6)


def test_at_the_edges_the_interval_has_a_width():
    apart = auc(np.array([2.0, 3.0]), np.array([0.0, 1.0]))
    assert apart.value == apart.high == 1
    assert 0.2 < apart.low < 0.55
    other = auc(np.array([0.0, 1.0]), np.array([2.0, 3.0]))
    assert (other.value, other.low) == (0, 0)
    assert other.high == pytest.approx(1 - apart.low)
    with pytest.raises(ValueError, match="both sides"):
        auc(np.array([]), np.array([1.0]))


def test_the_interval_covers_the_true_area():
    """Scores of two normal distributions a deviation apart: the area is Phi(1 / sqrt 2)."""
    rng = np.random.default_rng(1)
    true = scipy.stats.norm.cdf(1 / math.sqrt(2))
    found = [auc(rng.normal(1, 1, 40), rng.normal(0, 1, 40)) for _ in range(300)]
    assert 0.92 <= np.mean([one.low <= true <= one.high for one in found]) <= 0.99


@pytest.mark.parametrize("n", [50, 400])
def test_no_alarm_where_nothing_differs(n):
    """Of 20 seeds, none: the interval would have to lie above 0.55 as a whole."""
    alarms = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shares = rng.random(60) * 0.4
        found = classifier_test(bags(rng, n, shares), bags(rng, n, shares))
        alarms.append(found.auc.low > DISTINGUISHABLE)
        assert abs(found.auc.value - 0.5) < 6 / math.sqrt(12 * n / 2)
    assert not any(alarms)


@pytest.mark.parametrize("seed", range(3))
def test_a_shift_is_seen(seed):
    rng = np.random.default_rng(seed)
    shares = rng.random(60) * 0.4
    other = shares.copy()
    other[:12] += 0.3
    found = classifier_test(bags(rng, 400, shares), bags(rng, 400, other))
    assert found.auc.low > DISTINGUISHABLE
    assert found.accuracy > 0.7
    assert found.n == 400


def test_accuracy_and_p_value_by_hand():
    """One feature, which three in four of one side have and one in four of the other."""
    ours = scipy.sparse.csr_array(np.array([[1.0], [1.0], [0.0], [1.0]] * 2))
    theirs = scipy.sparse.csr_array(np.array([[0.0], [0.0], [1.0], [0.0]] * 2))
    found = classifier_test(ours, theirs)
    assert found.accuracy == 0.75
    assert found.p_value == pytest.approx(0.5 * math.erfc(2 / math.sqrt(2) / math.sqrt(2)))


def test_nothing_to_go_by():
    empty = scipy.sparse.csr_array((8, 5))
    found = classifier_test(empty, empty)
    assert math.isnan(found.accuracy)
    assert math.isnan(found.auc.low)
    assert found.n == 8
    with pytest.raises(ValueError, match="four at least"):
        classifier_test(empty[:3], empty[:3])


def test_the_sentence():
    told = shift_sentence("Training lines", "reference lines", "lines", Estimate(0.981, 0.972, 0.99, 2000))
    assert told.startswith("Training lines and reference lines are easy to tell apart")
    assert "AUC 0.98 (0.97 to 0.99)" in told
    for area in (Estimate(0.6, 0.55, 0.7, 20), Estimate(math.nan, math.nan, math.nan, 20)):
        assert shift_sentence("a", "b", "c", area) == ""
