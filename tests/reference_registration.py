"""Registration written plainly: dense least squares over an aircraft's course and the sensors' errors together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def information_about_errors(Hx: Floats, Hb: Floats, variance: Floats, prior: Floats) -> Floats:
    """Inverse of the errors' block of the inverse of the joint information (course, errors) of rows Hx x + Hb b."""
    W = np.diag(1.0 / variance)
    joint = np.block([[Hx.T @ W @ Hx + np.diag(1.0 / prior), Hx.T @ W @ Hb], [Hb.T @ W @ Hx, Hb.T @ W @ Hb]])
    n = Hx.shape[1]
    # The errors may be unknown in some direction: a prior as good as none makes the block invertible.
    weak = 1e-9 * np.eye(Hb.shape[1])
    joint[n:, n:] += weak
    return np.linalg.inv(np.linalg.inv(joint)[n:, n:]) - weak


def marginal_misfit(residual: Floats, Hx: Floats, variance: Floats, prior: Floats, mean: Floats) -> float:
    """Squared residual, weighed by its covariance with the course left open: r' (R + Hx P Hx')^-1 r."""
    r = residual - Hx @ mean
    return float(r @ np.linalg.solve(np.diag(variance) + Hx @ np.diag(prior) @ Hx.T, r))


def information_times_errors(
    y: Floats, Hx: Floats, Hb: Floats, variance: Floats, prior: Floats, mean: Floats
) -> Floats:
    """Information times the errors' best value: Hb' (R + Hx P Hx')^-1 (y - Hx mean)."""
    S = np.diag(variance) + Hx @ np.diag(prior) @ Hx.T
    return Hb.T @ np.linalg.solve(S, y - Hx @ mean)
