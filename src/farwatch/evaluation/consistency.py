"""Consistency: do errors match the covariances that come with them?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from farwatch.plots import Floats


class Consistency(NamedTuple):
    """Mean squared error over covariance per dimension (1 is ideal), and its band were the errors as claimed."""

    mean: float
    low: float
    high: float


def squared(errors: Floats, covariances: Floats) -> Floats:
    """e' P^-1 e (n,) of errors (n, d) and covariances (n, d, d): NEES of states, NIS of innovations.

    Bar-Shalom, Li & Kirubarajan 2001, section 5.4.2.
    """
    solved = np.linalg.solve(covariances, errors[..., None])[..., 0]
    values: Floats = np.einsum("nd,nd->n", errors, solved)
    return values


def consistency(values: Floats, dimension: int, independent: int, probability: float = 0.95) -> Consistency:
    """Mean of NEES or NIS `values` (n,) per dimension beside the chi-square band of `independent` samples.

    Errors of one track at successive scans are correlated: count a track once where they are of many scans.
    """
    if not len(values) or independent < 1:
        return Consistency(np.nan, np.nan, np.nan)
    degrees = independent * dimension
    low, high = chi2.ppf([0.5 - probability / 2.0, 0.5 + probability / 2.0], degrees) / degrees
    return Consistency(float(values.mean()) / dimension, float(low), float(high))
