"""The radar's correction: scalars in turn, in the radar's own coordinates."""

from __future__ import annotations

import math

from farwatch.frame import vertical
from farwatch.kernels import inlined, leaf
from farwatch.sensors.curved import bends, carry
from farwatch.sensors.radar import along, bent, local, turned, wrap
from farwatch.sensors.scalar import apply_gain, scalar_correction

BENDS = 0.3  # contact-lens index, in standard deviations of range, from which on corrections follow the sphere
SURE_OF_FOLD = 6.0  # standard deviations that must lie within one fold of the range rate
KEPT = 1.1  # times the variance that is believed of any height: less needs no care


@leaf
def place_and_velocity(x, n):  # type: ignore[no-untyped-def]
    """The first six components of a state; zeros for the velocity where n is 3."""
    if n < 6:
        return x[0], x[1], x[2], 0.0, 0.0, 0.0
    return x[0], x[1], x[2], x[3], x[4], x[5]


@leaf
def follow_scalar(radar, curved, x, P, n, g, h, residual, variance):  # type: ignore[no-untyped-def]
    """`scalar_correction` of the position, carried along the sphere of the range where that is `curved`."""
    before = place_and_velocity(x, n)
    log_likelihood, chi2 = scalar_correction(x, P, n, g, h, 0, residual, variance)
    if curved:
        carry(radar.origin, before, x, P, n)
    return log_likelihood, chi2


@leaf
def keep_height(radar, curved, x, P, n, g):  # type: ignore[no-untyped-def]
    """Bring a height that has been predicted for long without a measurement back to what is believed of any.

    Only what exceeds that belief is taken away: a height is never known better by it, however many plots come.
    """
    height, ux, uy, uz = vertical(False, x[0], x[1], x[2])
    variance = along((P[0, 0], P[0, 1], P[0, 2], P[1, 1], P[1, 2], P[2, 2]), ux, uy, uz)
    prior = radar.variance_height_prior
    if variance > KEPT * prior:
        noise = variance * prior / (variance - prior)
        follow_scalar(radar, curved, x, P, n, g, (ux, uy, uz), radar.height_mean_m - height, noise)


@leaf
def correct_by_rate(radar, rate_mps, x, P, n, g):  # type: ignore[no-untyped-def]
    """Correct one Gaussian (n >= 6) in place by a range rate; return its log-likelihood and chi^2.

    A radar that folds its range rates has measured the one that is nearest to the expected; where the state is too
    vague to tell which fold that is, it has measured nothing.
    """
    e, nn, u = local(radar, x[0], x[1], x[2])
    r = max(math.sqrt(e * e + nn * nn + u * u), 1.0)
    h = turned(radar, e / r, nn / r, u / r)
    rate = h[0] * x[3] + h[1] * x[4] + h[2] * x[5]
    for a in range(n):
        g[a] = 0.0
        for b in range(3):
            g[a] += P[a, b + 3] * h[b] + P[a, b] * (x[b + 3] - rate * h[b]) / r
    s = radar.variance_rate
    for b in range(3):
        s += g[b + 3] * h[b] + g[b] * (x[b + 3] - rate * h[b]) / r
    residual = rate_mps - rate
    fold = radar.rate_fold_mps
    if fold > 0.0:
        if SURE_OF_FOLD * SURE_OF_FOLD * s > fold * fold:
            return -math.log(fold), 0.0
        residual -= fold * math.floor(residual / fold + 0.5)
    return apply_gain(x, P, n, g, s, residual)


@inlined
def correct_any(radar, m, x, P, n, g):  # type: ignore[no-untyped-def]
    """Correct one Gaussian in place by measurement m; return its log-likelihood, chi^2 and number of measurements.

    m's z are range, azimuth, elevation, range rate. Scalars in turn, azimuth, elevation, height, range, range rate,
    each linearised where the last one left the state: at 600 km this reaches the bound where a joint update or
    converted measurements do not. `n` = 3 does the position alone (enough for the likelihood where there is no range
    rate); `g` (n) is scratch.
    """
    has_height = not math.isnan(m.height_m)
    e, nn, u = local(radar, x[0], x[1], x[2])
    longer, higher = bent(radar, math.sqrt(e * e + nn * nn), u)
    log_likelihood = 0.0
    chi2 = 0.0
    count = 0
    curved = bends(radar.flat, P, BENDS * radar.sigma_range, math.sqrt(e * e + nn * nn))
    if not has_height and m.measured & 4 == 0 and not radar.flat:
        keep_height(radar, curved, x, P, n, g)
    if m.measured & 2:
        ground2 = max(e * e + nn * nn, 1.0)
        h = turned(radar, nn / ground2, -e / ground2, 0.0)
        ll, c = follow_scalar(radar, curved, x, P, n, g, h, wrap(m.z1 - math.atan2(e, nn)), m.c11)
        log_likelihood += ll
        chi2 += c
        count += 1
    if m.measured & 4:
        e, nn, u = local(radar, x[0], x[1], x[2])
        ground = math.sqrt(max(e * e + nn * nn, 1.0))
        r2 = ground * ground + u * u
        h = turned(radar, -u * e / (ground * r2), -u * nn / (ground * r2), ground / r2)
        residual = m.z2 - math.atan2(u, ground) - higher
        ll, c = follow_scalar(radar, curved, x, P, n, g, h, residual, m.c22)
        log_likelihood += ll
        chi2 += c
        count += 1
    if has_height:
        height, ux, uy, uz = vertical(radar.flat, x[0], x[1], x[2])
        ll, c = follow_scalar(radar, curved, x, P, n, g, (ux, uy, uz), m.height_m - height, radar.variance_height)
        log_likelihood += ll
        chi2 += c
        count += 1
    if m.measured & 1:
        e, nn, u = local(radar, x[0], x[1], x[2])
        r = max(math.sqrt(e * e + nn * nn + u * u), 1.0)
        variance = m.c00
        if has_height:
            variance += m.variance_doubt * (u / r) ** 2
        h = turned(radar, e / r, nn / r, u / r)
        ll, c = follow_scalar(radar, curved, x, P, n, g, h, m.z0 - r - longer, variance)
        log_likelihood += ll
        chi2 += c
        count += 1
    if m.measured & 8 and radar.variance_rate > 0.0 and n >= 6:
        ll, c = correct_by_rate(radar, m.z3, x, P, n, g)
        log_likelihood += ll
        chi2 += c
        count += 1
    return log_likelihood, chi2, count


@leaf
def correct(radar, m, x, P, n, g):  # type: ignore[no-untyped-def]
    """`correct_any`, compiled for each number of components in use: loops of a known length are a third faster."""
    if n == 3:
        return correct_any(radar, m, x, P, 3, g)
    if n == 6:
        return correct_any(radar, m, x, P, 6, g)
    return correct_any(radar, m, x, P, n, g)
