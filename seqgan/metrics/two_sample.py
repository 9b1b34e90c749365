"""Classifier two-sample tests of token sequences: generated beside real ones, training lines beside a reference."""

import math

import numpy as np
import scipy

from gancore.errors import DataError
from gancore.statistics.intervals import Estimate
from gancore.statistics.two_sample import FEWEST, MOST, TwoSample, classifier_test, shift_sentence
from seqgan.metrics.ngrams import Sequences, gram_bags

_LARGEST = 3  # n of the n-grams


def two_sample_test(real: Sequences, generated: Sequences, seed: int = 0, iterations: int = 200) -> TwoSample:
    """Classifier two-sample test (Lopez-Paz and Oquab 2017) by logistic regression on the 1-, 2- and 3-grams there are.

    Trained on one half of as many sequences of each kind, judged on the other: accuracy, its p-value, and the area
    under the ROC curve with its interval, that a real sequence scores higher than a generated one. It sees no order
    beyond three tokens, so an accuracy near 0.5 does not say that the sets are the same. NaN where the classifier has
    nothing to go by: it says the same of every held-out sequence, or fewer than half of those of either kind share an
    n-gram with what it learnt from, as lines do whose words are not parted by spaces. Raises DataError for fewer than
    four of a kind.

    >>> two_sample_test([[f"{place}"] for place in range(9)], [[f"{place}"] for place in range(9, 18)]).accuracy
    nan
    """
    count = min(len(real), len(generated))
    if count < 4:
        raise DataError("the two-sample test needs at least four sequences of each kind.")
    rng = np.random.default_rng(seed)
    picked = ([part[int(row)] for row in rng.permutation(len(part))[:count]] for part in (real, generated))
    owners, codes = gram_bags([sequence for part in picked for sequence in part], _LARGEST)
    if not len(codes):
        n = 2 * (count - count // 2)
        return TwoSample(math.nan, math.nan, n, Estimate(math.nan, math.nan, math.nan, n))
    shape = 2 * count, int(codes.max()) + 1
    bags = scipy.sparse.csr_array((np.ones(len(codes)), (owners, codes)), shape=shape)
    return classifier_test(bags[:count], bags[count:], iterations)


def shift_between(train: Sequences, reference: Sequences, seed: int = 0) -> Estimate | None:
    """How well training lines are told from reference lines: the AUC of a `two_sample_test`; None for too few.

    Of at most 2,000 lines of each, copies left out; both need 50. NaN where the classifier has nothing to go by.
    """
    rng = np.random.default_rng(seed)
    count = min(len(train), len(reference), MOST)
    sides = [
        list(dict.fromkeys(tuple(part[int(row)]) for row in rng.permutation(len(part))[:count]))
        for part in (train, reference)
    ]
    if min(map(len, sides)) < FEWEST:
        return None
    return two_sample_test(*sides, seed=seed).auc


def shift_note(train: Sequences, reference: Sequences) -> str:
    """A sentence where training lines and reference lines are easy to tell apart; "" where they are not.

    >>> shift_note([["a", str(place)] for place in range(99)], [["b", str(place)] for place in range(99)])[:53]
    'Training lines and reference lines are easy to tell a'
    """
    area = shift_between(train, reference)
    return "" if area is None else shift_sentence("Training lines", "reference lines", "lines", area)
