"""Bound: the least error that any tracker could have had of an aircraft, given the looks that gave a plot."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.frame import vertical
from farwatch.kernels import kernel
from farwatch.motion.constant_velocity import predict_constant_velocity
from farwatch.plots import Floats, Ints
from farwatch.sensors.radar import RadarModel, local, turned
from farwatch.sensors.scalar import scalar_correction
from farwatch.tracker.lifecycle import start_velocity
from farwatch.tracker.options import TrackerModel

Q = 0.05  # m^2/s^3, of straight flight; never zero: no tracker may believe that an aircraft flies perfectly straight


class Steps(NamedTuple):
    """What the recursion goes through, one row a look or a time at which the bound is asked for.

    Rows of an aircraft stand together and in time order. A row that gives no plot has variances of NaN only.
    """

    aircraft: Ints
    time_ns: Ints
    state: Floats  # (n, 6) true position and velocity in the frame
    manoeuvred: NDArray[np.bool_]  # (n, 2) in course or speed, and in vertical rate, since the row before
    look: NDArray[np.bool_]
    merged: NDArray[np.bool_]
    sensor: NDArray[np.int32]
    variance: Floats  # (n, 4) of azimuth, elevation, height, range; NaN where not measured


class Bound(NamedTuple):
    """One row a step, after it; NaN before the first plot of an aircraft."""

    horizontal_m: Floats  # square root of the summed horizontal variances
    height_m: Floats
    straight_looks: Ints  # looks since the last manoeuvre, or since the first look
    unmerged_looks: Ints  # looks since the last merged one, or since the first look


def bound(steps: Steps, radars: dict[int, RadarModel], options: TrackerModel, flat: bool) -> Bound:
    """Posterior Cramer-Rao bound conditioned on the detections, along the true trajectories.

    Tichavsky, Muravchik & Nehorai 1998, eq. 21: J+ = (Q + F J^-1 F')^-1 + H' R^-1 H, as covariances, with the white
    acceleration of `Q`. It begins with an aircraft's first plot and the tracker's prior of velocities; in a
    manoeuvre the noise grows by that prior, so that what was known of the level or vertical velocity is forgotten.
    """
    slopes = np.zeros((len(steps.time_ns), 4, 3))
    for number, radar in radars.items():
        rows = np.flatnonzero(steps.look & (steps.sensor == number))
        slopes[rows] = measurement_slopes(radar, steps.state[rows])
    priors = (options.height_sigma_m, options.birth_speed_mps, options.birth_climb_mps)
    out, counts = recursion(
        flat, *steps[:3], steps.manoeuvred, steps.look, steps.merged, steps.variance, slopes, priors, Q
    )
    return Bound(out[:, 0], out[:, 1], counts[:, 0], counts[:, 1])


@kernel
def measurement_slopes(radar, states):  # type: ignore[no-untyped-def]
    """Derivatives (n, 4, 3) of azimuth, elevation, height and range with respect to the position, at `states`."""
    out = np.empty((len(states), 4, 3))
    for k in range(len(states)):
        x, y, z = states[k, 0], states[k, 1], states[k, 2]
        e, n, u = local(radar, x, y, z)
        ground2 = max(e * e + n * n, 1.0)
        ground, r2 = math.sqrt(ground2), ground2 + u * u
        r = math.sqrt(r2)
        _, ux, uy, uz = vertical(radar.flat, x, y, z)
        out[k, 0, 0], out[k, 0, 1], out[k, 0, 2] = turned(radar, n / ground2, -e / ground2, 0.0)
        out[k, 1, 0], out[k, 1, 1], out[k, 1, 2] = turned(
            radar, -u * e / (ground * r2), -u * n / (ground * r2), ground / r2
        )
        out[k, 2, 0], out[k, 2, 1], out[k, 2, 2] = ux, uy, uz
        out[k, 3, 0], out[k, 3, 1], out[k, 3, 2] = turned(radar, e / r, n / r, u / r)
    return out


@kernel
def begin(flat, variance, slopes, up, priors, x, P):  # type: ignore[no-untyped-def]
    """P (6, 6) after the first plot: the inverse of the information of its measurements, and the velocity's prior."""
    J = np.zeros((3, 3))
    for m in range(4):
        if not math.isnan(variance[m]):
            for a in range(3):
                for b in range(3):
                    J[a, b] += slopes[m, a] * slopes[m, b] / variance[m]
    if math.isnan(variance[1]) and math.isnan(variance[2]):
        for a in range(3):
            for b in range(3):
                J[a, b] += up[a] * up[b] / (priors[0] * priors[0])
    for a in range(3):
        for b in range(3):
            i, j, k, m = (a + 1) % 3, (a + 2) % 3, (b + 1) % 3, (b + 2) % 3
            P[b, a] = J[i, k] * J[j, m] - J[i, m] * J[j, k]  # the cofactor
    determinant = J[0, 0] * P[0, 0] + J[0, 1] * P[1, 0] + J[0, 2] * P[2, 0]
    for a in range(3):
        for b in range(3):
            P[a, b] /= determinant
    start_velocity(flat, priors[1], priors[2], x, P)


@kernel
def recursion(flat, aircraft, time_ns, state, manoeuvred, look, merged, variance, slopes, priors, q):  # type: ignore[no-untyped-def]
    """Standard deviations (n, 2) horizontal and vertical (m), and looks (n, 2) since a manoeuvre and a merged plot.

    `priors`: standard deviations of a height that is not measured (m), of each horizontal component of the velocity
    and of the vertical one (m/s); q the density of the process noise (m^2/s^3).
    """
    n = len(time_ns)
    out = np.full((n, 2), np.nan)
    counts = np.zeros((n, 2), np.int64)
    P, x, g = np.zeros((6, 6)), np.zeros(6), np.zeros(6)
    begun, straight, unmerged = False, 0, 0
    for k in range(n):
        if k == 0 or aircraft[k] != aircraft[k - 1]:
            begun, straight, unmerged = False, 0, 0
        _, ux, uy, uz = vertical(flat, state[k, 0], state[k, 1], state[k, 2])
        if begun:
            dt = (time_ns[k] - time_ns[k - 1]) * 1e-9
            level, climb = q, q
            if manoeuvred[k, 0]:
                level += priors[1] * priors[1] / max(dt, 1e-9)
            if manoeuvred[k, 1]:
                climb += priors[2] * priors[2] / max(dt, 1e-9)
            predict_constant_velocity(x, P, dt, level, climb, ux, uy, uz, False)
        if manoeuvred[k, 0] or manoeuvred[k, 1]:
            straight = 0
        if look[k]:
            straight += 1
            unmerged = 0 if merged[k] else unmerged + 1
            if begun:
                for m in range(4):
                    if not math.isnan(variance[k, m]):
                        h = (slopes[k, m, 0], slopes[k, m, 1], slopes[k, m, 2])
                        scalar_correction(x, P, 6, g, h, 0, 0.0, variance[k, m])
            elif not math.isnan(variance[k, 0]) and not math.isnan(variance[k, 3]):
                x[:] = state[k]
                begin(flat, variance[k], slopes[k], (ux, uy, uz), priors, x, P)
                begun = True
        counts[k, 0], counts[k, 1] = straight, unmerged
        if begun:
            up = 0.0
            for a in range(3):
                ua = ux if a == 0 else (uy if a == 1 else uz)
                for b in range(3):
                    ub = ux if b == 0 else (uy if b == 1 else uz)
                    up += ua * ub * P[a, b]
            out[k, 0] = math.sqrt(max(P[0, 0] + P[1, 1] + P[2, 2] - up, 0.0))
            out[k, 1] = math.sqrt(max(up, 0.0))
    return out, counts
