"""Predict: which tracks has a sensor looked at, where were they then, and which plots lie in their gates."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.association.events import Looks
from farwatch.association.gate import Window, in_window
from farwatch.frame import vertical
from farwatch.kernels import kernel
from farwatch.motion.constant_velocity import predict_constant_velocity
from farwatch.motion.imm import AGILE, CIVIL, MANOEUVRE, mix, predict_mode, transition
from farwatch.picture import Status
from farwatch.plots import Ints
from farwatch.sensors import coverage, window
from farwatch.sensors.radar import WIDEST, bent, local, wrap
from farwatch.tracker.beam import beam_azimuth
from farwatch.tracks import MODES, STATE, copy_gaussian

TWO_PI = 2.0 * math.pi
TENTATIVE = int(Status.TENTATIVE)
GATE_SIGMAS = 4.0
AZIMUTH_MARGIN = math.radians(1.0)  # jitter of the beam and of time stamps
EARLY = math.radians(10.0)  # the gate grows and the beam's phase is corrected until it is reached
OVERDUE = math.radians(100.0)  # so far behind the beam no plot is waited for
SILENT_ROTATIONS = 3.0  # a sensor that has said nothing for so long is not looking


class Reached(NamedTuple):
    """Rows of the tracks that a sensor has looked at, one a look."""

    row: Ints
    time_ns: Ints
    passed: NDArray[np.bool_]  # the beam has left the gate
    overdue: NDArray[np.bool_]  # and that long ago
    empty: NDArray[np.bool_]  # no plot can be in the gate


@kernel
def crossing(tracks, i, sensor, q, radar, now, rotation_s, until_ns):  # type: ignore[no-untyped-def]
    """When the beam crosses a track about now: time (ns), how far it is past (rad), and a window that holds its gate.

    The window is a ball about the mean, with process noise of density `q` (m^2/s^3): quickly had, and wider than the
    gate. `now` is the beam's azimuth at `until_ns`. The turn of the beam that counts is the first one that the track
    has not been looked at in.
    """
    time_ns = until_ns
    mean, P = tracks.mean, tracks.covariance
    past, e, n, u, dt = 0.0, 0.0, 0.0, 0.0, 0.0
    for _ in range(2):
        dt = (time_ns - tracks.time_ns[i]) * 1e-9
        e, n, u = local(
            radar,
            mean[i, 0] + mean[i, 3] * dt,
            mean[i, 1] + mean[i, 4] * dt,
            mean[i, 2] + mean[i, 5] * dt,
        )
        past = wrap(now - math.atan2(e, n))
        time_ns = until_ns - int(past / TWO_PI * rotation_s * 1e9)
    variance = q * abs(dt * dt * dt)
    for a in range(3):
        variance += P[i, a, a] + 2.0 * abs(dt * P[i, a, a + 3]) + dt * dt * P[i, a + 3, a + 3]
    across = GATE_SIGMAS * math.sqrt(variance)
    ground = math.sqrt(max(e * e + n * n, 1.0))
    half = math.atan2(across, max(ground - across, 1.0))
    longer, higher = bent(radar, ground, u)
    window = Window(
        now - past,
        min(half + AZIMUTH_MARGIN + GATE_SIGMAS * math.sqrt(radar.variance_azimuth), WIDEST),
        math.sqrt(ground * ground + u * u) + longer,
        across + GATE_SIGMAS * math.sqrt(radar.variance_range),
        math.atan2(u, ground) + higher,
        half + GATE_SIGMAS * math.sqrt(radar.variance_elevation),
    )
    half_turn_ns = int(0.5 * rotation_s * 1e9)
    since = time_ns - tracks.looked_ns[i, sensor]
    if since <= half_turn_ns:
        return time_ns + 2 * half_turn_ns, past - TWO_PI, window
    if past < 0.0 and since > 3 * half_turn_ns:
        # The last crossing has not been looked at either: that one comes first.
        return time_ns - 2 * half_turn_ns, past + TWO_PI, window
    return time_ns, past, window


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
def reached(tracks, model, radar, beams, sensor, motion, options, plots, until_ns):  # type: ignore[no-untyped-def]
    """The tracks whose gate the beam of a radar has reached by `until_ns`.

    Left out are those that change nothing: a gate without plots that the beam is still in, and a tentative track whose
    gate has stayed empty and that ends with that; it is dropped here, before anything is predicted.
    """
    capacity = len(tracks.alive)
    row, time_ns = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    passed, overdue, empty = np.empty(capacity, np.bool_), np.empty(capacity, np.bool_), np.empty(capacity, np.bool_)
    none = np.empty(0, np.int64)
    n = 0
    now = beam_azimuth(beams, sensor, until_ns)
    rotation_s = beams.rotation_s[sensor]
    silent = until_ns - beams.memory_ns[sensor] > int(SILENT_ROTATIONS * rotation_s * 1e9)
    for i in range(capacity):
        if silent or not tracks.alive[i] or until_ns < tracks.due_ns[i, sensor]:
            continue
        q = motion.q_tentative
        if tracks.status[i] != TENTATIVE:
            q = motion.q_horizontal[AGILE, MANOEUVRE]  # for a second look, whatever its class
        time_ns[n], past, quick = crossing(tracks, i, sensor, q, radar, now, rotation_s, until_ns)
        half = quick.half_u
        if past <= -half:
            early = (half + EARLY) / TWO_PI * rotation_s
            tracks.due_ns[i, sensor] = time_ns[n] - int(early * 1e9)
            continue
        row[n] = i
        passed[n], overdue[n] = past >= half, past >= max(half, OVERDUE)
        empty[n] = in_window(plots, quick, none) == 0
        if empty[n] and not passed[n]:
            continue
        if empty[n] and tracks.status[i] == TENTATIVE:
            seconds = max((time_ns[n] - tracks.time_ns[i]) * 1e-9, 0.0)
            existence = tracks.existence[i] * math.exp(-options.hazard * seconds)
            left = unseen(existence, model.detection * coverage(model, radar, quick)[0])
            if spent(left, tracks.born_existence[i], options.delete_existence):
                tracks.alive[i] = False
                continue
        n += 1
    return Reached(row[:n], time_ns[:n], passed[:n], overdue[:n], empty[:n])


@kernel
def all_at_once(tracks, time_ns):  # type: ignore[no-untyped-def]
    """The same for a snapshot: it looks at every track, and what it does not show will not come."""
    row = np.flatnonzero(tracks.alive)
    n = len(row)
    no = np.zeros(n, np.bool_)
    return Reached(row, np.full(n, time_ns), np.ones(n, np.bool_), no, no)


@kernel
def around(a, b, turn):  # type: ignore[no-untyped-def]
    """The smallest window around two; u comes round after `turn` where that is not 0."""
    apart = b.u - a.u
    if turn > 0.0:
        apart -= turn * math.floor(apart / turn + 0.5)
    left, right = min(-a.half_u, apart - b.half_u), max(a.half_u, apart + b.half_u)
    low, high = min(a.v - a.half_v, b.v - b.half_v), max(a.v + a.half_v, b.v + b.half_v)
    bottom, top = min(a.w - a.half_w, b.w - b.half_w), max(a.w + a.half_w, b.w + b.half_w)
    half_u = 0.5 * (right - left)
    if turn > 0.0:
        half_u = min(half_u, WIDEST)
    return Window(
        a.u + 0.5 * (left + right),
        half_u,
        0.5 * (low + high),
        0.5 * (high - low),
        0.5 * (bottom + top),
        0.5 * (top - bottom),
    )


@kernel
def look(tracks, hypotheses, model, radar, beams, sensor, motion, options, plots, until_ns):  # type: ignore[no-untyped-def]
    """Looks: the hypotheses that a sensor has looked at by `until_ns`, predicted to the time of the look.

    `plots` are its plots, sorted for gating; each look names those in its window.
    """
    if model.snapshot:
        reach = all_at_once(tracks, until_ns)
    else:
        reach = reached(tracks, model, radar, beams, sensor, motion, options, plots, until_ns)
    count = len(reach.row)
    row, time_ns = np.empty(count, np.int64), np.empty(count, np.int64)
    passed, overdue, hidden = np.empty(count, np.bool_), np.empty(count, np.bool_), np.empty(count, np.bool_)
    detection, existence = np.empty(count), np.empty(count)
    first = np.zeros(count + 1, np.int64)
    plot = np.empty(2 * count + 64, np.int64)
    probability = np.zeros((count, MODES))
    mean = np.empty((count, MODES, STATE))
    covariance = np.empty((count, MODES, STATE, STATE))
    matrix = np.empty((MODES, MODES))
    k = 0
    for r in range(count):
        i = reach.row[r]  # one hypothesis a track, in the row of the same number
        modes = hypotheses.modes[i]
        dt = (reach.time_ns[r] - tracks.time_ns[i]) * 1e-9
        predict_hypothesis(
            modes,
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
        gate = window(model, radar, mean[k, 0], covariance[k, 0], GATE_SIGMAS)
        left, hidden[k] = coverage(model, radar, gate)
        found = 0
        if not reach.empty[r]:
            for mode in range(1, modes):
                gate = around(gate, window(model, radar, mean[k, mode], covariance[k, mode], GATE_SIGMAS), model.turn_u)
            found = in_window(plots, gate, plot[first[k] :])
            if found > len(plot) - first[k]:
                plot = np.concatenate((plot, np.empty(len(plot) + found, np.int64)))
                found = in_window(plots, gate, plot[first[k] :])
        if found == 0 and not reach.passed[r]:
            continue
        row[k], time_ns[k], passed[k], overdue[k] = i, reach.time_ns[r], reach.passed[r], reach.overdue[r]
        detection[k] = model.detection * left
        existence[k] = tracks.existence[i] * math.exp(-options.hazard * max(dt, 0.0))
        first[k + 1] = first[k] + found
        k += 1
    return Looks(
        row[:k],
        time_ns[:k],
        passed[:k],
        overdue[:k],
        hidden[:k],
        detection[:k],
        existence[:k],
        np.zeros(k, np.bool_),
        first[: k + 1],
        plot[: first[k]],
        probability[:k],
        mean[:k],
        covariance[:k],
    )


@kernel
def unseen(existence, detection):  # type: ignore[no-untyped-def]
    """Existence of a track after a look without a plot. Williams 2015, eq. 44."""
    return existence * (1.0 - detection) / (1.0 - existence * detection)


@kernel
def spent(existence, born_existence, delete_existence):  # type: ignore[no-untyped-def]
    """Whether a tentative track has lost so much since its birth that it ends.

    In dense clutter the first plot alone is less likely than any fixed threshold: the track must have lost since.
    """
    return existence < 0.5 * born_existence and existence < delete_existence
