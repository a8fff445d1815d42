"""Scalar corrections of a Gaussian: what every kind of sensor's update is made of."""

from __future__ import annotations

import math

from farwatch.kernels import inlined

LOG_TWO_PI = math.log(2.0 * math.pi)


@inlined
def apply_gain(x, P, n, g, s, residual):  # type: ignore[no-untyped-def]
    """The correction by a residual of variance s, whose covariance with the state is g (n)."""
    inverse = 1.0 / s
    scaled = residual * inverse
    for a in range(n):
        x[a] += g[a] * scaled
        k = g[a] * inverse
        for b in range(a + 1):
            P[a, b] -= k * g[b]
            P[b, a] = P[a, b]
    chi2 = residual * scaled
    return -0.5 * (chi2 + math.log(s) + LOG_TWO_PI), chi2


@inlined
def scalar_correction(x, P, n, g, h, offset, residual, variance):  # type: ignore[no-untyped-def]
    """Correct mean (n) and covariance (n, n) in place by one scalar measurement; return its log-likelihood and chi^2.

    The measurement depends on three state components from `offset` on, with the derivatives h (3); `g` (n) is scratch.
    """
    for a in range(n):
        g[a] = P[a, offset] * h[0] + P[a, offset + 1] * h[1] + P[a, offset + 2] * h[2]
    s = g[offset] * h[0] + g[offset + 1] * h[1] + g[offset + 2] * h[2] + variance
    return apply_gain(x, P, n, g, s, residual)
