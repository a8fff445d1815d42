"""NEES, NIS and their bands."""

from __future__ import annotations

import numpy as np
import pytest

from farwatch.evaluation.consistency import consistency, squared


def test_squared_errors_by_the_inverse(rng: np.random.Generator) -> None:
    errors = rng.normal(size=(20, 3))
    roots = rng.normal(size=(20, 3, 3))
    covariances = roots @ roots.transpose(0, 2, 1) + np.eye(3)
    expected = [e @ np.linalg.inv(P) @ e for e, P in zip(errors, covariances)]
    np.testing.assert_allclose(squared(errors, covariances), expected, rtol=1e-9)


def test_the_published_bands() -> None:
    """95 % of 100 runs: 3.46 to 4.57 for four dimensions, 5.34 to 6.70 for six (Bar-Shalom et al. 2001)."""
    for dimension, low, high in ((4, 3.46, 4.57), (6, 5.34, 6.70)):
        band = consistency(np.ones(3), dimension, 100)
        assert (band.low * dimension, band.high * dimension) == pytest.approx((low, high), abs=0.006)


def test_honest_errors_are_in_the_band_and_others_are_not(rng: np.random.Generator) -> None:
    covariance = np.array([[4.0, 1.0], [1.0, 2.0]])
    inside = 0
    for _ in range(200):
        errors = rng.multivariate_normal(np.zeros(2), covariance, 50)
        honest = consistency(squared(errors, np.broadcast_to(covariance, (50, 2, 2))), 2, 50)
        inside += honest.low < honest.mean < honest.high
        boastful = consistency(squared(errors, np.broadcast_to(covariance / 4, (50, 2, 2))), 2, 50)
        assert boastful.mean > boastful.high
    assert 180 <= inside <= 199


def test_nothing_is_not_a_number() -> None:
    assert all(np.isnan(value) for value in consistency(np.zeros(0), 2, 0))
