"""Registers: what airborne turn data say of a look's modes, and whether a track's are believed.

The manoeuvre does without them: it is there for what nothing else explains, a register that lies among it.
"""

from __future__ import annotations

import math

from farwatch.kernels import leaf
from farwatch.motion.imm import MANOEUVRE, TURN
from farwatch.sensors import correct
from farwatch.sensors.airborne import FARTHEST_CHI2, correct_by_airborne, log_of_anything, velocity_chi2
from farwatch.sensors.measurement import measurement, motion_said, says_motion
from farwatch.tracks import STATE, copy_gaussian

MOST_EVIDENCE = math.log(50.0)  # between two modes, of one register
CONTRADICTS = math.log(0.1)  # what a register makes less likely than that contradicts the plots
DISBELIEVED, MOST_STRIKES = 2, 4


@leaf
def believed(strikes, table, j):  # type: ignore[no-untyped-def]
    """Whether plot j has a register, and the track's have not contradicted it too often."""
    return strikes < DISBELIEVED and says_motion(table, j)


@leaf
def weigh_modes(  # type: ignore[no-untyped-def]
    model, radar, table, j, dt, modes, kind, motion, probability, mean, covariance, x, P, g, said, by_mode
):
    """Multiply the modes' likelihoods `by_mode` of plot j by what its register says of each; return the log of the
    factor that this puts on the likelihood of the plot.

    The mode that agrees best keeps what it has: a register tells modes apart, not plots. `x`, `P`, `g` and `said`
    (MODES,) are scratch.
    """
    if modes == 1:
        return 0.0
    a = motion_said(table, j)
    best, before, after = -1e300, 1e-300, 1e-300
    for mode in range(modes):
        size = STATE if mode == TURN else 6
        if mode == MANOEUVRE:
            said[mode] = log_of_anything(a, motion.rate_variance[kind])
        else:
            copy_gaussian(mean[mode], covariance[mode], size, x, P)
            for b in range(3):
                x[b] += mean[mode, b + 3] * dt
            correct(model, radar, measurement(table, j), x, P, size, g)
            said[mode] = correct_by_airborne(a, model.flat, mode == TURN, x, P, size, g)
        best = max(best, said[mode])
    for mode in range(modes):
        before += probability[mode] * by_mode[mode]
        by_mode[mode] *= math.exp(max(said[mode] - best, -MOST_EVIDENCE))
        after += probability[mode] * by_mode[mode]
    return math.log(after / before)


@leaf
def strikes_after(  # type: ignore[no-untyped-def]
    strikes,
    model,
    radar,
    table,
    j,
    dt,
    modes,
    kind,
    motion,
    mean,
    covariance,
    x,
    P,
    g,
    said,
    alike,
    by_mode,
    x0,
    P0,
):
    """How often a track's registers have contradicted it, after that of plot j.

    They do where they speak for a mode that the plots speak against, and where they lie far from the velocity x0, P0
    (6) that the track has in the end. The predicted modes and the scratch are those of `weigh_modes`.
    """
    a = motion_said(table, j)
    against = math.isfinite(a.east_mps) and velocity_chi2(a, model.flat, x0, P0) > FARTHEST_CHI2
    if not against and modes > 1:
        highest = -1e300
        for mode in range(modes):
            copy_gaussian(mean[mode], covariance[mode], 6, x, P)
            for b in range(3):
                x[b] += mean[mode, b + 3] * dt
            by_mode[mode], _, _ = correct(model, radar, measurement(table, j), x, P, 6, g)
            highest = max(highest, by_mode[mode])
        for mode in range(modes):
            by_mode[mode] = math.exp(by_mode[mode] - highest)
            alike[mode] = 1.0
        # Whatever the modes were before: registers have had their say in that.
        factor = weigh_modes(
            model, radar, table, j, dt, modes, kind, motion, alike, mean, covariance, x, P, g, said, by_mode
        )
        against = factor < CONTRADICTS
    return min(strikes + 1, MOST_STRIKES) if against else max(strikes - 1, 0)


@leaf
def correct_mode(model, table, j, mode, x, P, size, g):  # type: ignore[no-untyped-def]
    """Correct one mode's Gaussian in place by the register of plot j; not that of a manoeuvre, which does without."""
    if mode != MANOEUVRE:
        correct_by_airborne(motion_said(table, j), model.flat, mode == TURN, x, P, size, g)
