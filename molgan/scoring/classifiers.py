"""Classifiers as scores: the forests and the support vector machine of three tasks of PMO, in numpy.

They give the probabilities that scikit-learn gives. `molgan data fetch pmo-classifiers` brings their arrays.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer, Num
from numpy import ndarray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from safetensors import SafetensorError, safe_open

from gancore.errors import DataError
from molgan.chemistry.molecule import Molecule
from molgan.data import pmo_classifiers

_FEATURES = 2048
_LEVELS = 8  # of a forest, between two looks whether all leaves are reached
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=_FEATURES)
_MORGAN_FEATURES = rdFingerprintGenerator.GetMorganGenerator(
    radius=3, atomInvariantsGenerator=rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
)
_CLOSE = 0.0025  # libsvm's tolerance for two classes
_ROUNDS = 100
_LEAST = 1e-7  # the probability of a class before the rounds


class Forest:
    """A random forest (Breiman 2001) of two classes: the probability of the second is the mean of the leaves' shares.

    Takes arrays as `molgan.data.pmo_classifiers.arrays_of` gives them.

    >>> roots, left, right, feature = (np.array(row) for row in ([0], [1, 1, 2], [2, 1, 2], [3, 0, 0]))
    >>> tree = Forest(roots, left, right, feature, np.array([0.5, 0.0, 0.0]), np.array([0.6, 0.25, 1.0]))
    >>> tree.probability(np.array([[1, 1, 1, 0], [0, 0, 0, 1]]))
    array([0.25, 1.  ])
    """

    def __init__(
        self,
        roots: Integer[ndarray, "tree"],
        left: Integer[ndarray, "node"],
        right: Integer[ndarray, "node"],
        feature: Integer[ndarray, "node"],
        threshold: Num[ndarray, "node"],
        share: Num[ndarray, "node"],
    ):
        # A pair of feature and threshold as one complex number, which sorts quickly.
        splits, which = np.unique(feature + 1j * threshold.astype(np.float64), return_inverse=True)
        self._feature, self._threshold = splits.real.astype(np.intp), splits.imag
        # A node's place is twice its number: its left child stands there, its right child behind.
        self._child = 2 * np.stack((left, right), 1).astype(np.intp).ravel()
        self._split = np.repeat(which, 2)
        self._roots, self._share = 2 * roots.astype(np.intp), np.repeat(share.astype(np.float64), 2)

    def probability(self, x: Num[ndarray, "molecule feature"]) -> Float[ndarray, "molecule"]:
        """The probability of the second class, in [0, 1]."""
        passed = x.astype(np.float32)[:, self._feature] > self._threshold
        start = (np.arange(len(x)) * passed.shape[1])[:, None]
        passed, place = passed.ravel().astype(np.intp), np.tile(self._roots, (len(x), 1))
        while True:
            before = place
            for _ in range(_LEVELS):
                place = self._child.take(place + passed.take(self._split.take(place) + start))
            if np.array_equal(place, before):
                return self._share.take(place).mean(1)


class SupportVectors:
    """A support vector machine with an RBF kernel and Platt's sigmoid (1999), for two classes.

    Takes arrays as `molgan.data.pmo_classifiers.arrays_of` gives them. Of counts, sums of products are worked out
    in float32, exactly up to 2^24.

    >>> one = SupportVectors(np.array([[2]]), np.array([-1.0]), 0.5, np.log(2), -1.0, 0.0)
    >>> one.decision(np.array([[2], [1]])), one.probability(np.array([[2]])).round(2)
    (array([-0.5,  0. ]), array([0.62]))
    """

    def __init__(
        self,
        vectors: Num[ndarray, "vector feature"],
        coefficients: Num[ndarray, "vector"],
        intercept: float,
        gamma: float,
        slope: float,
        offset: float,
    ):
        kind = np.float32 if vectors.dtype.kind in "iu" else np.float64
        self._vectors = np.ascontiguousarray(vectors.T.astype(kind))
        self._lengths = np.square(vectors.astype(np.float64)).sum(1)
        self._coefficients, self._intercept, self._gamma = coefficients.astype(np.float64), intercept, gamma
        self._slope, self._offset = slope, offset

    def decision(self, x: Num[ndarray, "molecule feature"]) -> Float[ndarray, "molecule"]:
        """The decision value: above 0 for the first class."""
        on = np.flatnonzero(x.any(0))
        products = x[:, on].astype(self._vectors.dtype) @ self._vectors[on]
        lengths = np.square(x.astype(np.float64)).sum(1)
        kernel = np.exp(-self._gamma * (lengths[:, None] + self._lengths - 2.0 * products))
        return kernel @ self._coefficients + self._intercept

    def probability(self, x: Num[ndarray, "molecule feature"]) -> Float[ndarray, "molecule"]:
        """The probability of the second class, in [0, 1], as libsvm gives it."""
        logits = -(self._slope * self.decision(x) + self._offset)
        return np.array([1.0 - coupled(_sigmoid(logit)) for logit in logits.tolist()], np.float64)


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1.0 + math.exp(logit))


def coupled(pairwise: float) -> float:
    """The probability of the first of two classes by pairwise coupling (Wu, Lin and Weng 2004, algorithm 2).

    pairwise: the same before coupling. With two classes nothing is left to couple, but libsvm goes through the rounds
    all the same and stops as soon as it is near. Its answer is up to 0.004 off, and the same is wanted here.

    >>> coupled(0.498), round(coupled(0.1), 6)
    (0.5, 0.099844)
    """
    first = min(max(pairwise, _LEAST), 1.0 - _LEAST)
    second = 1.0 - first
    matrix = ((second * second, -first * second), (-first * second, first * first))
    p = [0.5, 0.5]
    for _ in range(_ROUNDS):
        slopes, mean = _slopes(matrix, p)
        if max(abs(slope - mean) for slope in slopes) < _CLOSE:
            break
        for place in (0, 1):
            p[place] += (mean - slopes[place]) / matrix[place][place]
            total = sum(p)
            p = [share / total for share in p]
            slopes, mean = _slopes(matrix, p)
    return p[0]


def _slopes(matrix: tuple[tuple[float, float], ...], p: list[float]) -> tuple[list[float], float]:
    """The gradient of the quadratic form at p, halved, and the form itself."""
    slopes = [row[0] * p[0] + row[1] * p[1] for row in matrix]
    return slopes, p[0] * slopes[0] + p[1] * slopes[1]


# By name --------------------------------------------------------------------------------------


def bits(mol: Chem.Mol) -> Integer[ndarray, "1 feature"]:
    """Which atom environments up to radius 2 occur, folded into 2,048 bits (Rogers and Hahn 2010)."""
    return _MORGAN.GetFingerprintAsNumPy(mol)[None]


def feature_counts(mol: Chem.Mol) -> Integer[ndarray, "1 feature"]:
    """How often each environment of pharmacophore features up to radius 3 occurs, folded into 2,048 counts."""
    counts = np.zeros((1, _FEATURES), np.int64)
    for environment, count in _MORGAN_FEATURES.GetSparseCountFingerprint(mol).GetNonzeroElements().items():
        counts[0, environment % _FEATURES] += count
    return counts


KINDS = {"drd2": (SupportVectors, feature_counts), "gsk3b": (Forest, bits), "jnk3": (Forest, bits)}
"""What each classifier is, and the fingerprint that it reads."""


def classifier(name: str) -> Callable[[Molecule], float]:
    """A probability of activity as a property, in [0, 1]. name: one of `KINDS`.

    The arrays are read when the first molecule is scored, once in a process. Raises DataError where they have not been
    fetched, or were made of another archive.
    """
    path, fingerprint = pmo_classifiers.find(), KINDS[name][1]
    if path is None:
        raise DataError(f"{name}: its classifier is not fetched yet; run molgan data fetch {pmo_classifiers.NAME}.")
    _check(path)
    return lambda molecule: float(_load(path, name).probability(fingerprint(molecule.mol))[0])


def _check(path: Path) -> None:
    try:
        with safe_open(path, "numpy") as file:
            known = (file.metadata() or {}).get("archive") == pmo_classifiers.SHA256
    except (OSError, SafetensorError):
        known = False
    if not known:
        raise DataError(
            f"{path}: is damaged, or made of another archive; delete its folder and run molgan data fetch "
            f"{pmo_classifiers.NAME}."
        )


@lru_cache
def _load(path: Path, name: str) -> Forest | SupportVectors:
    with safe_open(path, "numpy") as file:
        names = [key for key in file.keys() if key.startswith(f"{name}.")]  # noqa: SIM118
        arrays = {key.removeprefix(f"{name}."): file.get_tensor(key) for key in names}
    return KINDS[name][0](**{key: array if array.ndim else float(array) for key, array in arrays.items()})
