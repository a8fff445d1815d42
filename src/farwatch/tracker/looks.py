"""Predict: which tracks has a sensor looked at, and where were they then."""

from __future__ import annotations

import math

import numpy as np

from farwatch.association.events import Looks
from farwatch.frame import vertical
from farwatch.kernels import kernel
from farwatch.motion.constant_velocity import predict_constant_velocity
from farwatch.motion.imm import AGILE, CIVIL, mix, predict_mode, transition
from farwatch.sensors import coverage, window
from farwatch.sensors.radar import WIDEST, local, wrap
from farwatch.tracker.beam import beam_azimuth
from farwatch.tracks import MODES, STATE, copy_gaussian

TWO_PI = 2.0 * math.pi
GATE_SIGMAS = 4.0
AZIMUTH_MARGIN = math.radians(1.0)  # jitter of the beam and of time stamps
EARLY = math.radians(10.0)  # the gate grows and the beam's phase is corrected until it is reached
OVERDUE = math.radians(100.0)  # so far behind the beam no plot is waited for
SILENT_ROTATIONS = 3.0  # a sensor that has said nothing for so long is not looking


@kernel
def crossing(mean, covariance, state_ns, looked_ns, radar, now, rotation_s, until_ns):  # type: ignore[no-untyped-def]
    """When the beam crosses a track about now: time (ns), how far it is past (rad), the gate's half azimuth (rad).

    `now` is the beam's azimuth at `until_ns`. The turn of the beam that counts is the first one that the track has not
    been looked at in.
    """
    time_ns = until_ns
    past = 0.0
    half = 0.0
    for _ in range(2):
        dt = (time_ns - state_ns) * 1e-9
        e, n, _u = local(radar, mean[0] + mean[3] * dt, mean[1] + mean[4] * dt, mean[2] + mean[5] * dt)
        past = wrap(now - math.atan2(e, n))
        time_ns = until_ns - int(past / TWO_PI * rotation_s * 1e9)
        spread = 0.0
        for a in range(3):
            spread += covariance[a, a] + 2.0 * abs(dt * covariance[a, a + 3]) + dt * dt * covariance[a + 3, a + 3]
        across = GATE_SIGMAS * math.sqrt(spread)
        half = math.atan2(across, max(math.hypot(e, n) - across, 1.0)) + AZIMUTH_MARGIN
        half = min(half + GATE_SIGMAS * math.sqrt(radar.variance_azimuth), WIDEST)
    half_turn_ns = int(0.5 * rotation_s * 1e9)
    since = time_ns - looked_ns
    if since <= half_turn_ns:
        return time_ns + 2 * half_turn_ns, past - TWO_PI, half
    if past < 0.0 and since > 3 * half_turn_ns:
        # The last crossing has not been looked at either: that one comes first.
        return time_ns - 2 * half_turn_ns, past + TWO_PI, half
    return time_ns, past, half


@kernel
def predict_hypothesis(modes, kind, p0, m0, c0, dt, motion, flat, probability, mean, covariance, matrix):  # type: ignore[no-untyped-def]
    """Predict a hypothesis of so many modes and class `kind` by `dt` seconds.

    `p0` (3,), `m0` (3, 7), `c0` (3, 7, 7) go into `probability`, `mean`, `covariance`; `matrix` (3, 3) is scratch.
    """
    _, ux, uy, uz = vertical(flat, m0[0, 0], m0[0, 1], m0[0, 2])
    if modes == 1:
        probability[0], probability[1], probability[2] = 1.0, 0.0, 0.0
        copy_gaussian(m0[0], c0[0], 6, mean[0], covariance[0])
        q, q_vertical = motion.q_tentative, motion.q_vertical_tentative
        predict_constant_velocity(mean[0], covariance[0], dt, q, q_vertical, ux, uy, uz, not flat)
        return
    transition(motion.eigen, kind, max(dt, 0.0), matrix)
    mix(p0, m0, c0, matrix, motion.rate_variance[kind], probability, mean, covariance)
    for mode in range(MODES):
        predict_mode(mode, kind, motion, mean[mode], covariance[mode], dt, ux, uy, uz, not flat)


@kernel
def reached(tracks, radar, beams, sensor, until_ns):  # type: ignore[no-untyped-def]
    """Rows of the tracks whose gate the beam of a radar has reached by `until_ns`.

    With them: times of the crossings, whether the beam has passed the gate, whether it did so long ago.
    """
    capacity = len(tracks.alive)
    rows = np.empty(capacity, np.int64)
    times = np.empty(capacity, np.int64)
    passed = np.empty(capacity, np.bool_)
    overdue = np.empty(capacity, np.bool_)
    count = 0
    now = beam_azimuth(beams, sensor, until_ns)
    rotation_s = beams.rotation_s[sensor]
    silent = until_ns - beams.memory_ns[sensor] > int(SILENT_ROTATIONS * rotation_s * 1e9)
    for i in range(capacity):
        if silent or not tracks.alive[i] or until_ns < tracks.due_ns[i, sensor]:
            continue
        time_ns, past, half = crossing(
            tracks.mean[i],
            tracks.covariance[i],
            tracks.time_ns[i],
            tracks.looked_ns[i, sensor],
            radar,
            now,
            rotation_s,
            until_ns,
        )
        if past <= -half:
            early = (half + EARLY) / TWO_PI * rotation_s
            tracks.due_ns[i, sensor] = time_ns - int(early * 1e9)
        else:
            rows[count] = i
            times[count] = time_ns
            passed[count] = past >= half
            overdue[count] = past >= max(half, OVERDUE)
            count += 1
    return rows[:count].copy(), times[:count].copy(), passed[:count].copy(), overdue[:count].copy()


@kernel
def all_at_once(tracks, time_ns):  # type: ignore[no-untyped-def]
    """The same for a snapshot: it looks at every track, and what it does not show will not come."""
    rows = np.flatnonzero(tracks.alive)
    count = len(rows)
    return rows, np.full(count, time_ns), np.ones(count, np.bool_), np.zeros(count, np.bool_)


@kernel
def look(tracks, hypotheses, model, radar, beams, sensor, motion, hazard, until_ns):  # type: ignore[no-untyped-def]
    """Looks: the hypotheses that a sensor has looked at by `until_ns`, predicted to the time of the look."""
    if model.snapshot:
        rows, times, passed, overdue = all_at_once(tracks, until_ns)
    else:
        rows, times, passed, overdue = reached(tracks, radar, beams, sensor, until_ns)
    count = len(rows)
    probability = np.zeros((count, MODES))
    mean = np.empty((count, MODES, STATE))
    covariance = np.empty((count, MODES, STATE, STATE))
    hidden = np.empty(count, np.bool_)
    detection = np.empty(count)
    existence = np.empty(count)
    u = np.empty(count)
    v = np.empty(count)
    half_u = np.empty(count)
    half_v = np.empty(count)
    matrix = np.empty((MODES, MODES))
    widest = WIDEST if model.turn_u > 0.0 else 1e30
    for k in range(count):
        i = rows[k]  # one hypothesis a track, in the row of the same number
        dt = (times[k] - tracks.time_ns[i]) * 1e-9
        existence[k] = tracks.existence[i] * math.exp(-hazard * max(dt, 0.0))
        predict_hypothesis(
            hypotheses.modes[i],
            AGILE if tracks.agile[i] > 0.5 else CIVIL,
            hypotheses.probability[i],
            hypotheses.mean[i],
            hypotheses.covariance[i],
            dt,
            motion,
            model.flat,
            probability[k],
            mean[k],
            covariance[k],
            matrix,
        )
        low_u, high_u, low_v, high_v, centre = 0.0, 0.0, 1e30, -1e30, 0.0
        for mode in range(hypotheses.modes[i]):
            mode_u, mode_v, hu, hv = window(model, radar, mean[k, mode], covariance[k, mode], GATE_SIGMAS)
            if mode == 0:
                centre = mode_u
            d = wrap(mode_u - centre) if model.turn_u > 0.0 else mode_u - centre
            low_u, high_u = min(low_u, d - hu), max(high_u, d + hu)
            low_v, high_v = min(low_v, mode_v - hv), max(high_v, mode_v + hv)
        u[k], half_u[k] = centre + 0.5 * (low_u + high_u), min(0.5 * (high_u - low_u), widest)
        v[k], half_v[k] = 0.5 * (low_v + high_v), 0.5 * (high_v - low_v)
        left, hidden[k] = coverage(model, radar, mean[k, 0])
        detection[k] = model.detection * left
    return Looks(
        rows,
        times,
        passed,
        overdue,
        hidden,
        detection,
        existence,
        u,
        v,
        half_u,
        half_v,
        probability,
        mean,
        covariance,
    )
