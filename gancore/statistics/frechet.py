"""The Fréchet distance of Gaussians fitted to two sets of features (Dowson and Landau 1982; Heusel et al. 2017)."""

from typing import NamedTuple

import numpy as np
import scipy


class Moments(NamedTuple):
    """Mean `(feature,)` and covariance `(feature, feature)` of the features of n samples."""

    mean: np.ndarray
    covariance: np.ndarray
    n: int


def moments(rows: np.ndarray) -> Moments:
    """Mean and covariance of features `(sample, feature)`; needs two samples.

    >>> moments(np.array([[0.0], [2.0]])).covariance.tolist()
    [[2.0]]
    """
    return Moments(rows.mean(0), np.atleast_2d(np.cov(rows.T)), len(rows))


def frechet(one: Moments, other: Moments) -> float:
    """The squared Fréchet distance of two Gaussians, at least 0.

    The trace of the root of the product of the covariances is the sum of the roots of the eigenvalues of a symmetric
    matrix, which cannot become complex as the product's own root can.

    >>> frechet(moments(np.array([[0.0], [2.0]])), moments(np.array([[3.0], [5.0]])))
    9.0
    """
    values, vectors = scipy.linalg.eigh(one.covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    shared = np.sqrt(np.clip(scipy.linalg.eigvalsh(root @ other.covariance @ root), 0, None)).sum()
    shift = one.mean - other.mean
    distance = shift @ shift + np.trace(one.covariance) + np.trace(other.covariance) - 2 * shared
    return max(0.0, float(distance))
