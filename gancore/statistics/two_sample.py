"""A classifier two-sample test: can a linear classifier tell two sets apart by the features that their members have?"""

import math
from typing import NamedTuple

import numpy as np
import scipy

from gancore.statistics.intervals import NORMAL, Estimate

DISTINGUISHABLE = 0.55
"""Two sets are easy to tell apart where the whole interval of the area under the curve is above this."""
FEWEST = 50
"""Members of each set below which two sets are not tested for a shift."""
MOST = 2000
"""Members of each set that are looked at to test for a shift."""


class TwoSample(NamedTuple):
    """accuracy: on held-out members, 0.5 when they cannot be told apart. p_value: of that accuracy by chance alone.

    n: held-out members, half of them of the first set. auc: area under the ROC curve of the same members, with its 95%
    interval. All are NaN where there is nothing to tell by.
    """

    accuracy: float
    p_value: float
    n: int
    auc: Estimate


def classifier_test(first: scipy.sparse.csr_array, second: scipy.sparse.csr_array, iterations: int = 200) -> TwoSample:
    """Classifier two-sample test (Lopez-Paz and Oquab 2017) by ridge logistic regression on sparse features.

    first, second: equally many members each, `(member, feature)`, in random order: the first half of each is learnt
    from, the rest is judged. iterations: of L-BFGS, at most. NaN where the classifier has nothing to go by: it says the
    same of every held-out member, or fewer than half of those of either set have a feature that it learnt from.
    Raises ValueError for fewer than four of a set, for unequal numbers of members and for other features.

    >>> rows = scipy.sparse.csr_array(np.eye(2)[[0, 0, 0, 0, 1, 1, 1, 1]])
    >>> test = classifier_test(rows[:4], rows[4:])
    >>> test.accuracy, test.auc.value
    (1.0, 1.0)
    """
    count = first.shape[0]
    if first.shape != second.shape or count < 4:
        raise ValueError("the test needs equally many members of each set, four at least, with the same features.")
    half = count // 2
    learnt_from = scipy.sparse.vstack((first[:half], second[:half]), format="csr")
    held_out = scipy.sparse.vstack((first[half:], second[half:]), format="csr")
    n, kept = held_out.shape[0], count - half
    weights = _logistic(learnt_from, half, iterations)
    scores = held_out @ weights[:-1] + weights[-1]
    known = np.zeros(first.shape[1])
    known[learnt_from.indices] = 1
    familiar = (held_out @ known) > 0
    if max(familiar[:kept].mean(), familiar[kept:].mean()) < 0.5 or (scores == scores[0]).all():
        return TwoSample(math.nan, math.nan, n, Estimate(math.nan, math.nan, math.nan, n))
    right = int((scores[:kept] > 0).sum() + (scores[kept:] <= 0).sum())
    deviations = (right - n / 2) / math.sqrt(n / 4)
    return TwoSample(right / n, 0.5 * math.erfc(deviations / math.sqrt(2)), n, auc(scores[:kept], scores[kept:]))


def _logistic(rows: scipy.sparse.csr_array, positive: int, iterations: int) -> np.ndarray:
    """Weights of a ridge logistic regression, the constant last; the first `positive` rows are the positive ones."""
    signs = np.where(np.arange(rows.shape[0]) < positive, 1.0, -1.0)
    columns = rows.T.tocsr()

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margins = signs * (rows @ weights[:-1] + weights[-1])
        slopes = -signs * scipy.special.expit(-margins)
        gradient = np.append(columns @ slopes + weights[:-1], slopes.sum())
        return float(np.logaddexp(0, -margins).sum() + 0.5 * weights[:-1] @ weights[:-1]), gradient

    start = np.zeros(rows.shape[1] + 1)
    return scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations}).x


def auc(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Probability that a score of `first` is above one of `second`, ties half: the area under the ROC curve.

    With the 95% interval of Newcombe (2006), method 5, on the variance of Hanley and McNeil (1982); it has a width at 0
    and 1 as well. Raises ValueError where there is no score on a side.

    >>> auc(np.array([3.0, 2.0]), np.array([1.0, 2.0])).value
    0.875
    """
    m, n = len(first), len(second)
    if not m or not n:
        raise ValueError("an area under the curve needs scores on both sides.")
    ranks = scipy.stats.rankdata(np.concatenate((first, second)))
    area = float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))

    def beyond(centre: float) -> float:
        """Above 0 where `area` is out of reach of a true area `centre`."""
        more = (m + n) / 2 - 1
        spread = 1 + more * ((1 - centre) / (2 - centre) + centre / (1 + centre))
        return (area - centre) ** 2 - NORMAL**2 * centre * (1 - centre) * spread / (m * n)

    inside = 1e-9  # at 0 and 1 themselves `beyond` is 0
    low = scipy.optimize.brentq(beyond, 0.0, min(area, 1 - inside)) if area > 0 else 0.0
    high = scipy.optimize.brentq(beyond, max(area, inside), 1.0) if area < 1 else 1.0
    return Estimate(area, low, high, m + n)


def shift_sentence(first: str, second: str, members: str, area: Estimate) -> str:
    """What to say of two sets that are easy to tell apart; "" where they are not.

    first, second: their names, as subjects. members: what held-out ones are called.

    >>> shift_sentence("Training lines", "reference lines", "lines", Estimate(0.6, 0.5, 0.7, 100))
    ''
    """
    if not area.low > DISTINGUISHABLE:
        return ""
    return (
        f"{first} and {second} are easy to tell apart: a linear classifier has AUC {area.value:.2f} ({area.low:.2f} to "
        f"{area.high:.2f}) on held-out {members}, and 0.5 is chance. Figures against the reference measure this "
        "difference too; take both from one shuffled set."
    )
