"""A Gaussian process on counted fingerprints: what molecules may score, and how sure that is, before they are scored.

The kernel is Tanimoto's similarity of counts, the sum of minima over that of maxima (Ralaivola et al. 2005; for
optimisation Tripp et al. 2021). A count is written as features - an environment, and one more for each repeat - so that
the kernel is a product of matrices of zeros and ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from scipy import sparse
from scipy.linalg import solve_triangular

_NOISES = (1e-4, 1e-3, 1e-2, 1e-1)  # variances of the noise relative to that of the scores
_AT_ONCE = 500  # molecules that are compared at a time
_FREQUENT = 0.03  # share of the molecules from which on a feature has a dense column
_LIKELIHOOD = 400  # molecules on which the noise is chosen
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2)

Features = Int[np.ndarray, "_"]
"""Numbers of what a molecule has, each once."""


def features_of(mol: Chem.Mol) -> Features:
    """Environments of up to two bonds with their counts, as numbers.

    >>> len(features_of(Chem.MolFromSmiles("CCO")))
    6
    """
    counts = _MORGAN.GetSparseCountFingerprint(mol).GetNonzeroElements()
    return np.array([hash((key, repeat)) for key, count in counts.items() for repeat in range(count)], np.int64)


def similarities(
    features: Sequence[Features], others: Sequence[Features] | None = None
) -> Float[np.ndarray, "molecule other"]:
    """Tanimoto similarity of every two molecules, from 0 to 1; or of each of some and each of others.

    >>> similarities([features_of(Chem.MolFromSmiles(text)) for text in ("CCO", "CCO")]).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    columns = _Columns(features)
    rows = columns.of(features)
    return _tanimoto(rows, rows if others is None else columns.of(others))


@dataclass(frozen=True)
class _Bits:
    """Which features molecules have, and how many each has in all, those without a column counted, too."""

    frequent: Float[np.ndarray, "molecule column"]
    rare: sparse.csr_array
    sizes: Float[np.ndarray, "molecule"]


class _Columns:
    """The features of some molecules: a dense matrix of those that many have, a sparse one of the others.

    Most features are rare, so that a dense product is mostly of zeros.
    """

    def __init__(self, features: Sequence[Features]):
        names, counts = np.unique(np.concatenate(features), return_counts=True)
        order = np.argsort(counts <= _FREQUENT * len(features), kind="stable")  # the frequent ones first
        self._frequent = int((counts > _FREQUENT * len(features)).sum())
        self._names, self._column = names, np.argsort(order)

    def of(self, features: Sequence[Features]) -> _Bits:
        """The bits of molecules, which may have features without a column."""
        lengths = np.array([len(one) for one in features])
        every = np.concatenate(features)
        places = np.searchsorted(self._names, every).clip(max=len(self._names) - 1)
        there = self._names[places] == every
        rows, columns = np.repeat(np.arange(len(features)), lengths)[there], self._column[places[there]]
        frequent, few = np.zeros((len(features), self._frequent), np.float32), columns >= self._frequent
        frequent[rows[~few], columns[~few]] = 1
        ones = np.ones(few.sum(), np.float32)
        rare = sparse.csr_array((ones, (rows[few], columns[few])), (len(features), len(self._names)))
        return _Bits(frequent, rare, lengths.astype(np.float32))


def _common(bits: _Bits, others: _Bits) -> np.ndarray:
    """How many features each two molecules share."""
    return bits.frequent @ others.frequent.T + (bits.rare @ others.rare.T).toarray()


def _tanimoto(bits: _Bits, others: _Bits) -> np.ndarray:
    """Common features over all features."""
    common = _common(bits, others)
    return common / np.maximum(bits.sizes[:, None] + others.sizes[None] - common, 1)


def apart(smiles: Sequence[str], n: int, nearness: float) -> list[int]:
    """Places of the first `n` molecules of which none is as near as `nearness`, or nearer, to an earlier one.

    >>> apart(["CCCCO", "CCCCCO", "c1ccccc1"], 3, 0.5)
    [0, 2]
    """
    chosen: list[int] = []
    kept: list[Features] = []
    for first in range(0, len(smiles), _AT_ONCE):
        portion = [features_of(Chem.MolFromSmiles(text)) for text in smiles[first : first + _AT_ONCE]]
        near = similarities(portion, [*kept, *portion]) >= nearness
        before = list(range(len(kept)))  # columns of those that are chosen
        for row in range(len(portion)):
            if len(chosen) < n and not near[row, before].any():
                before.append(len(near[0]) - len(portion) + row)
                chosen.append(first + row)
                kept.append(portion[row])
        if len(chosen) == n:
            break
    return chosen


class TanimotoProcess:
    """A Gaussian process with Tanimoto's kernel, a constant mean, and the noise that makes the scores likeliest.

    features: of the molecules that were scored. scores: `(molecule,)`, finite.
    """

    def __init__(self, features: Sequence[Features], scores: Float[np.ndarray, "molecule"]):
        self._columns = _Columns(features)
        self._bits = self._columns.of(features)
        self.mean, self.spread = float(scores.mean()), float(scores.std()) or 1.0
        scaled = (scores - self.mean) / self.spread
        kernel = _tanimoto(self._bits, self._bits).astype(np.float64)
        few = np.linspace(0, len(scaled) - 1, min(len(scaled), _LIKELIHOOD)).astype(int)
        noise = max(_NOISES, key=lambda noise: _likelihood(kernel[np.ix_(few, few)], scaled[few], noise)[0])
        _, self._root, self._half, variance = _likelihood(kernel, scaled, noise)
        self._variance = max(variance, 1e-6)

    def predict(self, features: Sequence[Features]) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the standard deviation of the scores of molecules, each `(molecule,)`."""
        mean, across = self._posterior(self._columns.of(features))
        left = np.maximum(1 - np.einsum("ij,ij->j", across, across), 1e-9) * self._variance
        return mean, self.spread * np.sqrt(left)

    def draw(self, features: Sequence[Features], n: int, random: np.random.Generator) -> np.ndarray:
        """`n` draws of the scores of molecules from the process `(draw, molecule)` (Thompson sampling)."""
        bits = self._columns.of(features)
        mean, across = self._posterior(bits)
        own = _tanimoto(bits, bits)
        np.fill_diagonal(own, 1)  # features without a column are not shared, but by a molecule with itself
        covariance = (own - across.T @ across) * self._variance
        root = np.linalg.cholesky(covariance + 1e-4 * np.eye(len(own)))
        return mean + self.spread * random.standard_normal((n, len(own))) @ root.T

    def _posterior(self, bits: _Bits) -> tuple[np.ndarray, np.ndarray]:
        """The mean, and the part of the kernel that the scored molecules explain `(scored, molecule)`."""
        kernel = _tanimoto(bits, self._bits).astype(np.float64)
        across = solve_triangular(self._root, kernel.T, lower=True, check_finite=False)
        return self.mean + self.spread * (across.T @ self._half), across


def _likelihood(kernel: np.ndarray, scores: np.ndarray, noise: float) -> tuple[float, np.ndarray, np.ndarray, float]:
    """The log-likelihood at the best variance, the Cholesky root, the root's solution, and that variance."""
    root = np.linalg.cholesky(kernel + noise * np.eye(len(kernel)))
    half = solve_triangular(root, scores, lower=True, check_finite=False)
    variance = float(half @ half) / len(half)
    return -len(half) / 2 * np.log(max(variance, 1e-12)) - np.log(np.diag(root)).sum(), root, half, variance
