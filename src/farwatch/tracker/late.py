"""Late: plots that come after their time has passed, taken up by the tracks that they belong to.

A state is taken back to the plot's time, corrected there, and what was learned is brought forward again: algorithm B1
of Bar-Shalom 2002, "Update with out-of-sequence measurements in tracking: exact solution". The noise of the motion
since then counts as independent of what has been seen since: a late plot is worth a little less than it could be,
never more.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.cholesky import factorise, solve
from farwatch.frame import vertical
from farwatch.kernels import kernel, leaf
from farwatch.motion.imm import AGILE, CIVIL, TURN
from farwatch.picture import Status
from farwatch.plots import Floats
from farwatch.sensors import components, correct, place
from farwatch.sensors.measurement import measurement
from farwatch.tracker.correct import moment_match, remember_identity
from farwatch.tracker.gate import identity_ratio
from farwatch.tracker.smooth import LEAST_PIVOT, Pair, carry
from farwatch.tracks import MODES, STATE, copy_gaussian, note_heard

TENTATIVE = int(Status.TENTATIVE)
NEAR_M = 10_000.0  # besides what a track may have flown in the meantime
LIKELY = 0.5  # probability of being the track's from which on a late plot counts as one that was seen
LEAST = 1e-3  # a plot less likely than that to be the track's says nothing of it


class Taken(NamedTuple):
    """Scratch: one mode taken back to a plot's time and what became of it there, and its gain."""

    pair: Pair
    x: Floats  # (STATE,) at the plot's time, to be corrected
    P: Floats
    g: Floats
    before: Floats  # (2, STATE) a mode without the plot and with it
    before_cov: Floats  # (2, STATE, STATE)
    weight: Floats  # (2,)
    log_mode: Floats  # (MODES,)


@leaf
def add_noise_between(P, dt, q_horizontal, q_vertical, ux, uy, uz):  # type: ignore[no-untyped-def]
    """Add to a state taken back by -dt > 0 seconds the doubt about the way it came: F(dt) Q(-dt) F(dt)'.

    Q being that of a white acceleration (`add_noise`), only the sign between position and velocity differs from Q's.
    """
    if dt >= 0.0:
        return
    pp, pv = -dt * dt * dt / 3.0, dt * dt / 2.0
    for a in range(3):
        ua = ux if a == 0 else (uy if a == 1 else uz)
        for b in range(3):
            ub = ux if b == 0 else (uy if b == 1 else uz)
            density = (q_vertical - q_horizontal) * ua * ub + (q_horizontal if a == b else 0.0)
            P[a, b] += density * pp
            P[a, b + 3] -= density * pv
            P[a + 3, b] -= density * pv
            P[a + 3, b + 3] -= density * dt


@leaf
def take_back(mode, kind, motion, mean, covariance, dt, flat, taken):  # type: ignore[no-untyped-def]
    """One mode `dt` seconds from its time, into `taken`: `pair.ahead` and `pair.ahead_cov`, with a copy to correct.

    With dt > 0 that is a prediction, noise and all.
    """
    pair = taken.pair
    carry(mode, mode, kind, motion, mean, covariance, dt, flat, pair)
    q, q_vertical = motion.q_tentative, motion.q_vertical_tentative
    if motion.modes > 1:
        q, q_vertical = motion.q_horizontal[kind, mode], motion.q_vertical[kind, mode]
    _, ux, uy, uz = vertical(flat, pair.x[0], pair.x[1], pair.x[2])
    add_noise_between(pair.ahead_cov, dt, q, q_vertical, ux, uy, uz)
    if mode == TURN and dt < 0.0:
        pair.ahead_cov[6, 6] -= motion.q_rate[kind] * dt
    copy_gaussian(pair.ahead, pair.ahead_cov, STATE, taken.x, taken.P)


@leaf
def bring_forward(size, taken, x, P):  # type: ignore[no-untyped-def]
    """What the corrected `taken.x` and `taken.P` say of the state now, into `x` and `P` (size).

    With C = P F' the covariance of now and then, and A that of then, they are x + C A^-1 (x' - x) and
    P + C A^-1 (A' - A) A^-1 C'.
    """
    pair = taken.pair
    scale, factor, gain = pair.innovation, pair.S, pair.gain
    # To a unit diagonal first: metres and radians a second stand in one matrix.
    for a in range(size):
        scale[a] = math.sqrt(max(pair.ahead_cov[a, a], 1e-30))
    for a in range(size):
        for b in range(size):
            factor[a, b] = pair.ahead_cov[a, b] / (scale[a] * scale[b])
    factorise(factor, size, 0.0, LEAST_PIVOT)
    for a in range(size):
        row = gain[a]
        for b in range(size):
            row[b] = 0.0
            for m in range(size):
                row[b] += pair.P[a, m] * pair.F[b, m]
            row[b] /= scale[b]
        solve(factor, size, row)
        for b in range(size):
            row[b] /= scale[b]
    for a in range(size):
        x[a] = pair.x[a]
        for b in range(size):
            x[a] += gain[a, b] * (taken.x[b] - pair.ahead[b])
    for a in range(size):
        for b in range(a + 1):
            total = pair.P[a, b]
            for k in range(size):
                for m in range(size):
                    total += gain[a, k] * (taken.P[k, m] - pair.ahead_cov[k, m]) * gain[b, m]
            P[a, b] = total
            P[b, a] = total


@leaf
def late_likelihood(model, radar, m, dt, modes, kind, motion, probability, mean, covariance, chi2_gate, taken):  # type: ignore[no-untyped-def]
    """Likelihood of a plot that is `dt` seconds from a track's time; 0 outside the gates of all its modes.

    The modes' own logarithms go into `taken.log_mode`.
    """
    inside, total = False, 0.0
    for mode in range(modes):
        take_back(mode, kind, motion, mean, covariance, dt, model.flat, taken)
        log_likelihood, chi2, count = correct(model, radar, m, taken.x, taken.P, components(model, m), taken.g)
        inside = inside or chi2 <= chi2_gate[count]
        taken.log_mode[mode] = log_likelihood
        total += probability[mode] * math.exp(max(log_likelihood, -700.0))
    return total if inside else 0.0


@leaf
def take_in(model, radar, m, dt, modes, kind, motion, share, probability, mean, covariance, taken):  # type: ignore[no-untyped-def]
    """Correct a track's modes in place by a late plot that is the track's with probability `share`."""
    highest, total = -1e300, 0.0
    for mode in range(modes):
        highest = max(highest, taken.log_mode[mode])
    for mode in range(modes):
        total += probability[mode] * math.exp(taken.log_mode[mode] - highest)
    for mode in range(modes):
        size = STATE if mode == TURN else 6
        take_back(mode, kind, motion, mean, covariance, dt, model.flat, taken)
        correct(model, radar, m, taken.x, taken.P, size, taken.g)
        copy_gaussian(mean[mode], covariance[mode], size, taken.before[0], taken.before_cov[0])
        bring_forward(size, taken, taken.before[1], taken.before_cov[1])
        taken.weight[0] = (1.0 - share) * probability[mode]
        taken.weight[1] = share * probability[mode] * math.exp(taken.log_mode[mode] - highest) / total
        probability[mode] = max(taken.weight[0] + taken.weight[1], 1e-6)
        moment_match(taken.weight, taken.before, taken.before_cov, 2, size, mean[mode], covariance[mode])
    total = 0.0
    for mode in range(modes):
        total += probability[mode]
    for mode in range(modes):
        probability[mode] /= total


@leaf
def best_track(tracks, hypotheses, plots, table, j, false, model, radar, sensor, motion, chi2_gate, max_speed, taken):  # type: ignore[no-untyped-def]
    """Row of the confirmed track that late plot j most likely belongs to, -1 where none, and with what probability.

    Not one that this sensor has already seen at about that time. `taken.x` starts as the plot's place.
    """
    m, time_ns = measurement(table, j), plots.time_ns[j]
    px, py, pz = taken.x[0], taken.x[1], taken.x[2]
    best, highest, total = -1, 0.0, false
    for i in range(len(tracks.alive)):
        if not tracks.alive[i] or tracks.status[i] == TENTATIVE or time_ns < tracks.born_ns[i]:
            continue
        if abs(tracks.seen_ns[i, sensor] - time_ns) < 0.5e9 * model.period_s:
            continue
        dt = (time_ns - tracks.time_ns[i]) * 1e-9
        far = NEAR_M + max_speed * abs(dt)
        dx, dy, dz = tracks.mean[i, 0] - px, tracks.mean[i, 1] - py, tracks.mean[i, 2] - pz
        if dx * dx + dy * dy + dz * dz > far * far:
            continue
        likelihood = (
            tracks.existence[i]
            * model.detection
            * late_likelihood(
                model,
                radar,
                m,
                dt,
                hypotheses.modes[i],
                AGILE if tracks.agile[i] > 0.5 else CIVIL,
                motion,
                hypotheses.probability[i],
                hypotheses.mean[i],
                hypotheses.covariance[i],
                chi2_gate,
                taken,
            )
            * identity_ratio(tracks.address[i], tracks.mode_a[i], plots.address[j], plots.mode_a[j], plots.flags[j])
        )
        total += likelihood
        if likelihood > highest:
            best, highest = i, likelihood
    return best, highest / max(total, 1e-300)


@kernel
def take_late(tracks, hypotheses, plots, table, false, model, radar, sensor, options, motion):  # type: ignore[no-untyped-def]
    """Give each plot, older than the slices that are done, to the track that it most likely belongs to, in place.

    Tables as in `step`; `false` (n,) is the density of false plots at each. Returns how many belonged to none; a late
    plot starts no track.
    """
    vector, square = np.empty((6, STATE)), np.empty((8, STATE, STATE))
    pair = Pair(vector[0], square[0], square[1], vector[1], square[2], vector[2], square[3], square[4])
    two = np.empty((2, STATE))
    taken = Taken(pair, vector[3], square[5], vector[4], two, square[6:8], np.empty(2), np.empty(MODES))
    homeless = 0
    for j in range(len(plots.time_ns)):
        m = measurement(table, j)
        i, share = -1, 0.0
        if place(model, radar, m, options.height_mean_m, options.height_sigma_m, taken.x, taken.P):
            i, share = best_track(
                tracks,
                hypotheses,
                plots,
                table,
                j,
                false[j],
                model,
                radar,
                sensor,
                motion,
                options.chi2_gate,
                options.max_speed_mps,
                taken,
            )
        if i < 0 or share < LEAST:
            homeless += 1
            continue
        kind = AGILE if tracks.agile[i] > 0.5 else CIVIL
        dt = (plots.time_ns[j] - tracks.time_ns[i]) * 1e-9
        h = i  # one hypothesis a track, in the row of the same number
        modes, probability = hypotheses.modes[h], hypotheses.probability[h]
        mean, covariance = hypotheses.mean[h], hypotheses.covariance[h]
        late_likelihood(
            model, radar, m, dt, modes, kind, motion, probability, mean, covariance, options.chi2_gate, taken
        )
        take_in(model, radar, m, dt, modes, kind, motion, share, probability, mean, covariance, taken)
        moment_match(probability, mean, covariance, modes, 6, tracks.mean[i], tracks.covariance[i])
        tracks.group[i] = -1  # what the group knew of it stands in its own row
        tracks.existence[i] += (1.0 - tracks.existence[i]) * share
        if share > LIKELY:
            tracks.detections[i] += 1
            tracks.misses[i] = 0
            tracks.detected_ns[i] = max(tracks.detected_ns[i], plots.time_ns[j])
            tracks.seen_ns[i, sensor] = max(tracks.seen_ns[i, sensor], plots.time_ns[j])
            note_heard(tracks.heard_ns[i], plots.kind[j], plots.time_ns[j])
            remember_identity(tracks, i, plots, j)
    return homeless
