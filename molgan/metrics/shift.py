"""Whether training molecules and reference molecules are easy to tell apart."""

from collections.abc import Sequence

import numpy as np
import scipy

from gancore.statistics.intervals import Estimate
from gancore.statistics.two_sample import FEWEST, MOST, classifier_test
from molgan.metrics.neighbours import packed


def shift_between(train: Sequence[str | None], reference: np.ndarray, seed: int = 0) -> Estimate | None:
    """How well training molecules are told from reference molecules, by the bits of their fingerprints.

    reference: packed fingerprints `(molecule, 128)` uint8. The AUC of a `gancore.statistics.two_sample.classifier_test`
    of at most 2,000 molecules of each, those of one fingerprint counted once; None for fewer than 50. NaN where the
    classifier has nothing to go by.
    """
    texts = [text for text in train if text]
    count = min(len(texts), len(reference), MOST)
    if count < FEWEST:
        return None
    rng = np.random.default_rng(seed)
    ours = packed([texts[row] for row in rng.permutation(len(texts))[:count].tolist()])
    sides = [_distinct(ours, rng), _distinct(reference[rng.permutation(len(reference))[:count]], rng)]
    kept = min(map(len, sides))
    if kept < FEWEST:
        return None
    first, second = (scipy.sparse.csr_array(np.unpackbits(side[:kept], axis=1).astype(float)) for side in sides)
    return classifier_test(first, second).auc


def _distinct(packed_rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Distinct rows that are not empty, in random order."""
    rows = np.unique(packed_rows[packed_rows.any(axis=1)], axis=0)
    return rows[rng.permutation(len(rows))]
