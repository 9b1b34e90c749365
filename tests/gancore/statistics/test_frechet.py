"""The Fréchet distance against values known in closed form."""

import numpy as np
import pytest

from gancore.statistics.frechet import frechet, moments


def test_frechet_distances_of_known_gaussians():
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(40, 8)) for _ in range(2))
    one = moments(a)
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet(one, moments(a + 3.0)) == pytest.approx(8 * 9.0)
    assert frechet(one, moments(2 * a - a.mean(0))) == pytest.approx(np.trace(one.covariance))
    assert frechet(one, moments(b)) == pytest.approx(frechet(moments(b), one))


def test_the_means_and_deviations_of_one_feature():
    line = [np.array(values)[:, None] for values in ([0.0, 2.0], [0.0, 6.0])]
    assert frechet(*map(moments, line)) == pytest.approx((3 - 1) ** 2 + (18**0.5 - 2**0.5) ** 2)
