"""Curved corrections: a Gaussian carried along the sphere of equal range instead of along its tangent plane.

Far out a plot is metres thin and kilometres wide, a contact lens. Corrected along straight lines, such a Gaussian
leaves the sphere that its range was measured on, and every plot, linearised in another direction, makes it a little
surer of the bearing than it can be. In the sensor's own coordinates (range and direction, and the velocity in axes
that turn with the direction) range and angles are linear and nothing is lost. A mean and a covariance in the frame
stand for a Gaussian in those coordinates, by the derivatives at the mean; so after a correction both are carried to
where the mean has gone. Predicting needs no change: it is linear, and the derivatives cancel.
"""

from __future__ import annotations

import math

from farwatch.kernels import leaf

LEAST_ANGLE = 1e-9  # rad; a smaller step has no direction


@leaf
def bends(flat, P, limit_m, range_m):  # type: ignore[no-untyped-def]
    """Whether the sphere of a range bends by more than `limit_m` over the size of a Gaussian of covariance P there.

    With the limit a sensor's standard deviation of range, that is a contact-lens index above 1.
    """
    spread = P[0, 0] + P[1, 1]
    if not flat:
        spread += P[2, 2]
    return spread > limit_m * range_m


@leaf
def swung(e, p, c, s, y0, y1, y2):  # type: ignore[no-untyped-def]
    """A vector turned in the plane of the unit vectors e and p by the angle of cosine 1 + c and sine s, from e to p."""
    ye = e[0] * y0 + e[1] * y1 + e[2] * y2
    yp = p[0] * y0 + p[1] * y1 + p[2] * y2
    by_e, by_p = c * ye - s * yp, c * yp + s * ye
    return y0 + by_e * e[0] + by_p * p[0], y1 + by_e * e[1] + by_p * p[1], y2 + by_e * e[2] + by_p * p[2]


@leaf
def swing_covariance(P, n, e, p, c, s):  # type: ignore[no-untyped-def]
    """Turn the position's and (n >= 6) the velocity's axes of a covariance (n, n) in place, as `swung` does."""
    for first in range(0, 6 if n >= 6 else 3, 3):
        for j in range(n):
            a, b, d = swung(e, p, c, s, P[first, j], P[first + 1, j], P[first + 2, j])
            P[first, j], P[first + 1, j], P[first + 2, j] = a, b, d
    for first in range(0, 6 if n >= 6 else 3, 3):
        for j in range(n):
            a, b, d = swung(e, p, c, s, P[j, first], P[j, first + 1], P[j, first + 2])
            P[j, first], P[j, first + 1], P[j, first + 2] = a, b, d


@leaf
def shear_velocity(P, n, e, r, w):  # type: ignore[no-untyped-def]
    """Let the velocity's errors follow those of the direction as a change w (3) of the velocity asks; P in place.

    An error of position d turns the axes by e x d / r, and with them the velocity that has just changed.
    """
    we = w[0] * e[0] + w[1] * e[1] + w[2] * e[2]
    across = (w[0] - we * e[0], w[1] - we * e[1], w[2] - we * e[2])
    for columns in range(2):
        for j in range(n):
            d0, d1, d2 = P[0, j], P[1, j], P[2, j]
            if columns == 1:
                d0, d1, d2 = P[j, 0], P[j, 1], P[j, 2]
            de = d0 * e[0] + d1 * e[1] + d2 * e[2]
            back = d0 * across[0] + d1 * across[1] + d2 * across[2] + we * de
            for a in range(3):
                d = d0 if a == 0 else (d1 if a == 1 else d2)
                more = (we * d - back * e[a]) / r
                if columns == 0:
                    P[3 + a, j] += more
                else:
                    P[j, 3 + a] += more


@leaf
def carry(origin, before, x, P, n):  # type: ignore[no-untyped-def]
    """Carry a Gaussian that one linear correction has moved from `before` (6) along the sphere about `origin`.

    Mean `x` and covariance `P` in place; n = 3: the position alone.
    """
    b0, b1, b2 = before[0] - origin[0], before[1] - origin[1], before[2] - origin[2]
    r = math.sqrt(max(b0 * b0 + b1 * b1 + b2 * b2, 1.0))
    e = (b0 / r, b1 / r, b2 / r)
    d0, d1, d2 = x[0] - before[0], x[1] - before[1], x[2] - before[2]
    out = d0 * e[0] + d1 * e[1] + d2 * e[2]
    p0, p1, p2 = d0 - out * e[0], d1 - out * e[1], d2 - out * e[2]
    size = math.sqrt(p0 * p0 + p1 * p1 + p2 * p2)
    angle = size / r
    if angle < LEAST_ANGLE:
        return
    p = (p0 / size, p1 / size, p2 / size)
    c, s = math.cos(angle) - 1.0, math.sin(angle)
    for a in range(3):
        x[a] = origin[a] + (r + out) * ((1.0 + c) * e[a] + s * p[a])
    if n >= 6:
        ve = before[3] * e[0] + before[4] * e[1] + before[5] * e[2]
        vp = before[3] * p[0] + before[4] * p[1] + before[5] * p[2]
        w0 = x[3] - before[3] - angle * (ve * p[0] - vp * e[0])
        w1 = x[4] - before[4] - angle * (ve * p[1] - vp * e[1])
        w2 = x[5] - before[5] - angle * (ve * p[2] - vp * e[2])
        x[3], x[4], x[5] = swung(e, p, c, s, before[3] + w0, before[4] + w1, before[5] + w2)
        shear_velocity(P, n, e, r, (w0, w1, w2))
    swing_covariance(P, n, e, p, c, s)
