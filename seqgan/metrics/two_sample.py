"""A classifier two-sample test: can a simple classifier tell generated from real sequences it has not seen?"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import softplus

from gancore.errors import DataError
from gancore.training.lbfgs import minimize
from seqgan.metrics.ngrams import Sequences, gram_bags


class TwoSample(NamedTuple):
    """accuracy: on held-out sequences, .5 when they cannot be told apart. p_value: of that accuracy by chance alone.

    n: held-out sequences, half of them real. Accuracy and p_value are NaN where there is nothing to tell by.
    """

    accuracy: float
    p_value: float
    n: int


def two_sample_test(real: Sequences, generated: Sequences, seed: int = 0, iterations: int = 30) -> TwoSample:
    """Classifier two-sample test (Lopez-Paz and Oquab 2017) by logistic regression on the 1-, 2- and 3-grams there are.

    Trained on one half of as many sequences of each kind, judged on the other. It sees no order beyond three
    tokens, so an accuracy near .5 does not say that the sets are the same. NaN where the classifier has nothing to go
    by: it says the same of every held-out sequence, or fewer than half of those of either kind share an n-gram with
    what it learnt from, as lines do whose words are not parted by spaces. Raises DataError for fewer than four of a
    kind.

    >>> two_sample_test([[f"{place}"] for place in range(9)], [[f"{place}"] for place in range(9, 18)]).accuracy
    nan
    """
    count = min(len(real), len(generated))
    if count < 4:
        raise DataError("the two-sample test needs at least four sequences of each kind.")
    rng = np.random.default_rng(seed)
    picked = ([part[int(row)] for row in rng.permutation(len(part))[:count]] for part in (real, generated))
    both = [sequence for part in picked for sequence in part]
    owners, codes = (torch.from_numpy(part) for part in gram_bags(both, 3))
    if not len(codes):
        return TwoSample(math.nan, math.nan, 2 * (count - count // 2))
    labels = torch.cat((torch.ones(count), torch.zeros(count)))
    held_out = (torch.arange(2 * count) % count) >= count // 2

    def scores(weights: torch.Tensor) -> torch.Tensor:
        """One logit a sequence: the sum of the weights of what it holds, and a constant."""
        return torch.zeros(2 * count).index_add(0, owners, weights[codes]) + weights[-1]

    def loss(weights: torch.Tensor) -> torch.Tensor:
        """Ridge logistic regression on the sequences that are not held out."""
        each = softplus((1 - 2 * labels) * scores(weights))
        return each[~held_out].sum() + 0.5 * weights[:-1].square().sum()

    weights = minimize(loss, torch.zeros(int(codes.max()) + 2), iterations)
    n, found = int(held_out.sum()), scores(weights)
    learnt = torch.zeros(len(weights), dtype=torch.bool).index_fill(0, codes[~held_out[owners]], True)
    familiar = torch.zeros(2 * count, dtype=torch.bool).index_fill(0, owners[learnt[codes]], True)
    shares = [float(familiar[held_out & (labels == kind)].float().mean()) for kind in (0, 1)]
    if max(shares) < 0.5 or bool((found[held_out] == found[held_out][0]).all()):
        return TwoSample(math.nan, math.nan, n)
    right = int(((found > 0) == (labels > 0.5))[held_out].sum())
    deviations = (right - n / 2) / math.sqrt(n / 4)
    return TwoSample(right / n, 0.5 * math.erfc(deviations / math.sqrt(2)), n)
