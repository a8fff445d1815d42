"""Airborne turn data: what an aircraft says of its own motion (BDS 5,0), as evidence for its velocity and its turn.

Track angle and ground speed measure the level velocity; the track rate, else the bank, measures the turn rate: that of
a turn is the filter's own, that of straight flight is nothing. Registers age, stick and
lie: a recorded hour of one radar (9,600 of them) has headings that lag turns by 1.5 s, and rates of which one in fifty
is 2 degrees a second or more away from what the bank says. So what lies far from a mode's own state is not taken into
it, one register weighs only so much between two modes, and a track whose registers contradict its plots goes without
them (tracker/registers.py).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.frame import vertical
from farwatch.kernels import leaf
from farwatch.sensors.scalar import scalar_correction

GRAVITY = 9.80665
# One standard deviation of what a register says, and how old it is; its error is much the same from look to look.
RATE_SIGMA = math.radians(0.15)
ANGLE_SIGMA = math.radians(1.2)
SPEED_SIGMA_MPS = 5.0
AGE_S, AGE_SIGMA_S = 1.0, 1.0
STRAIGHT_SIGMA = math.radians(0.2)  # the turn rate of what flies straight on
SLOWEST_MPS = 30.0  # in slower flight bank and track angle say nothing
STEEPEST_BANK = math.radians(80.0)
FASTEST_RPS = math.radians(30.0)
ANY_MPS = 100.0  # one standard deviation of a velocity that a register might say
FARTHEST_CHI2 = 9.0  # what lies farther from a mode is not taken into it
FIELDS = 5


class Airborne(NamedTuple):
    """What one register says; NaN where it is silent."""

    rate: float  # rad/s, counter-clockwise seen from above, as the state's
    variance_rate: float
    east_mps: float
    north_mps: float
    variance_velocity: float


@leaf
def airborne_of(roll, track_rate, track, speed):  # type: ignore[no-untyped-def]
    """`Airborne` of a register's roll (rad, right wing down), track rate (rad/s, clockwise), true track and speed."""
    rate, angle = math.nan, math.nan
    moves = SLOWEST_MPS <= speed <= 1000.0
    if abs(track_rate) < FASTEST_RPS:
        rate = -track_rate
    elif moves and abs(roll) < STEEPEST_BANK:
        rate = -GRAVITY * math.tan(roll) / speed
        if abs(rate) > FASTEST_RPS:
            rate = math.nan
    variance = RATE_SIGMA * RATE_SIGMA
    turning = 0.0 if math.isnan(rate) else rate
    east, north, variance_velocity = math.nan, math.nan, math.nan
    if moves and abs(track) < 7.0:
        angle = track - turning * AGE_S
        east, north = speed * math.sin(angle), speed * math.cos(angle)
        spread = ANGLE_SIGMA * ANGLE_SIGMA + (turning * AGE_SIGMA_S) ** 2
        variance_velocity = SPEED_SIGMA_MPS * SPEED_SIGMA_MPS + speed * speed * spread
    return Airborne(rate, variance, east, north, variance_velocity)


@leaf
def level_axes(ux, uy, uz):  # type: ignore[no-untyped-def]
    """East and north where the vertical is u: in the flat frame, and at the poles, the frame's own x and y."""
    size = math.sqrt(ux * ux + uy * uy)
    if size < 1e-9:
        return (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    e0, e1 = -uy / size, ux / size
    return (e0, e1, 0.0), (-uz * e1, uz * e0, ux * e1 - uy * e0)


@leaf
def part_correction(x, P, n, g, h, offset, residual, variance):  # type: ignore[no-untyped-def]
    """A scalar correction that is left out where it lies far off; its log-likelihood, that of the edge in that case."""
    s = variance
    for a in range(3):
        for b in range(3):
            s += h[a] * h[b] * P[offset + a, offset + b]
    if residual * residual > FARTHEST_CHI2 * s:
        return -0.5 * (FARTHEST_CHI2 + math.log(s))
    scalar_correction(x, P, n, g, h, offset, residual, variance)
    return -0.5 * (residual * residual / s + math.log(s))


@leaf
def correct_by_airborne(a, flat, turns, x, P, n, g):  # type: ignore[no-untyped-def]
    """Correct one mode's Gaussian in place by a register; return how well it agrees, as a log-likelihood.

    `turns` where x[6] is the mode's turn rate: any other mode flies straight on. `g` (n) is scratch; n >= 6.
    """
    log_likelihood = 0.0
    if not math.isnan(a.east_mps):
        _, ux, uy, uz = vertical(flat, x[0], x[1], x[2])
        e, no = level_axes(ux, uy, uz)
        residual = a.east_mps - (e[0] * x[3] + e[1] * x[4] + e[2] * x[5])
        log_likelihood += part_correction(x, P, n, g, e, 3, residual, a.variance_velocity)
        residual = a.north_mps - (no[0] * x[3] + no[1] * x[4] + no[2] * x[5])
        log_likelihood += part_correction(x, P, n, g, no, 3, residual, a.variance_velocity)
    if not math.isnan(a.rate):
        if turns:
            log_likelihood += part_correction(x, P, n, g, (0.0, 0.0, 1.0), 4, a.rate - x[6], a.variance_rate)
        else:
            s = a.variance_rate + STRAIGHT_SIGMA * STRAIGHT_SIGMA
            log_likelihood -= 0.5 * (min(a.rate * a.rate / s, FARTHEST_CHI2) + math.log(s))
    return log_likelihood


@leaf
def log_of_anything(a, rate_variance):  # type: ignore[no-untyped-def]
    """Log-likelihood of a register of which nothing is known, not even whether it tells the truth."""
    log_likelihood = 0.0
    if not math.isnan(a.east_mps):
        log_likelihood -= 2.0 * math.log(ANY_MPS)
    if not math.isnan(a.rate):
        log_likelihood -= 0.5 * math.log(rate_variance)
    return log_likelihood


@leaf
def velocity_chi2(a, flat, x, P):  # type: ignore[no-untyped-def]
    """How far a register's velocity lies from a state x, P (6): the larger of the chi^2 along east and north."""
    _, ux, uy, uz = vertical(flat, x[0], x[1], x[2])
    axes = level_axes(ux, uy, uz)
    chi2 = 0.0
    for k in range(2):
        h, said = axes[k], a.east_mps if k == 0 else a.north_mps
        s, value = a.variance_velocity, 0.0
        for i in range(3):
            value += h[i] * x[3 + i]
            for j in range(3):
                s += h[i] * h[j] * P[3 + i, 3 + j]
        chi2 = max(chi2, (said - value) ** 2 / s)
    return chi2


@leaf
def airborne(table, first, j):  # type: ignore[no-untyped-def]
    """What row j of a measurement table says from column `first` on."""
    return Airborne(table[j, first], table[j, first + 1], table[j, first + 2], table[j, first + 3], table[j, first + 4])


@leaf
def fill_airborne(plots, j, table, first):  # type: ignore[no-untyped-def]
    """Row j of a measurement table from column `first` on; NaN where the plot has no register."""
    if math.isnan(plots.speed_mps[j]) and math.isnan(plots.track_rate_rps[j]):
        for k in range(FIELDS):
            table[j, first + k] = np.nan
        return
    a = airborne_of(
        float(plots.roll_rad[j]),
        float(plots.track_rate_rps[j]),
        float(plots.heading_rad[j]),
        float(plots.speed_mps[j]),
    )
    table[j, first], table[j, first + 1], table[j, first + 2] = a.rate, a.variance_rate, a.east_mps
    table[j, first + 3], table[j, first + 4] = a.north_mps, a.variance_velocity
