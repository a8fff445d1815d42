"""Predict: which tracks has the beam reached, and where were they then."""

from __future__ import annotations

import math

import numpy as np

from farwatch.association.events import Looks
from farwatch.association.gate import Window, in_window
from farwatch.frame import vertical
from farwatch.kernels import kernel
from farwatch.motion.constant_velocity import predict_constant_velocity
from farwatch.motion.imm import AGILE, CIVIL, MANOEUVRE, mix, predict_mode, transition
from farwatch.picture import Status
from farwatch.refraction import bend
from farwatch.sensors.radar import EARTH_RADIUS_M, local, turned, wrap
from farwatch.tracker.beam import beam_azimuth
from farwatch.tracks import MODES, STATE, copy_gaussian

TWO_PI = 2.0 * math.pi
TENTATIVE = int(Status.TENTATIVE)
GATE_SIGMAS = 4.0
AZIMUTH_MARGIN = math.radians(1.0)  # jitter of the beam and of time stamps
WIDEST = math.radians(80.0)
EARLY = math.radians(10.0)  # the gate grows and the beam's phase is corrected until it is reached
OVERDUE = math.radians(100.0)  # so far behind the beam no plot is waited for
SILENT_ROTATIONS = 3.0  # a sensor that has said nothing for so long is not looking
OUT_OF_COVERAGE = 0.1  # share of the detection probability that is left where coverage says none


@kernel
def spread(P, hx, hy, hz):  # type: ignore[no-untyped-def]
    """Variance of the position (P[:3, :3]) along a vector h."""
    return (
        hx * (P[0, 0] * hx + 2.0 * (P[0, 1] * hy + P[0, 2] * hz))
        + hy * (P[1, 1] * hy + 2.0 * P[1, 2] * hz)
        + hz * P[2, 2] * hz
    )


@kernel
def window_of(radar, x, P):  # type: ignore[no-untyped-def]
    """Window of one Gaussian where the radar would measure it, GATE_SIGMAS to each side."""
    e, n, u = local(radar, x[0], x[1], x[2])
    ground = math.sqrt(max(e * e + n * n, 1.0))
    r = math.sqrt(ground * ground + u * u)
    height = 0.0 if radar.flat else radar.height_m + u + ground * ground / (2.0 * EARTH_RADIUS_M)
    longer, higher = bend(radar.refraction, r, height)
    rx, ry, rz = turned(radar, e / r, n / r, u / r)
    ax, ay, az = turned(radar, n / ground, -e / ground, 0.0)
    ux, uy, uz = turned(radar, -u * e / (ground * r), -u * n / (ground * r), ground / r)
    across = GATE_SIGMAS * math.sqrt(max(spread(P, ax, ay, az), 0.0))
    half_azimuth = math.atan2(across, max(ground - across, 1.0)) + GATE_SIGMAS * math.sqrt(radar.variance_azimuth)
    upward = spread(P, ux, uy, uz) / (r * r) + radar.variance_elevation
    return Window(
        math.atan2(e, n),
        min(half_azimuth, WIDEST),
        r + longer,
        GATE_SIGMAS * math.sqrt(max(spread(P, rx, ry, rz), 0.0) + radar.variance_range),
        math.atan2(u, ground) + higher,
        GATE_SIGMAS * math.sqrt(max(upward, 0.0)),
    )


@kernel
def around(a, b):  # type: ignore[no-untyped-def]
    """The smallest window around two."""
    turn = wrap(b.azimuth - a.azimuth)
    left, right = min(-a.half_azimuth, turn - b.half_azimuth), max(a.half_azimuth, turn + b.half_azimuth)
    near = min(a.range_m - a.half_range, b.range_m - b.half_range)
    far = max(a.range_m + a.half_range, b.range_m + b.half_range)
    low = min(a.elevation - a.half_elevation, b.elevation - b.half_elevation)
    high = max(a.elevation + a.half_elevation, b.elevation + b.half_elevation)
    return Window(
        a.azimuth + 0.5 * (left + right),
        min(0.5 * (right - left), WIDEST),
        0.5 * (near + far),
        0.5 * (far - near),
        0.5 * (low + high),
        0.5 * (high - low),
    )


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
    ground2 = max(e * e + n * n, 1.0)
    ground, r = math.sqrt(ground2), math.sqrt(ground2 + u * u)
    half = math.atan2(across, max(ground - across, 1.0))
    height = 0.0 if radar.flat else radar.height_m + u + ground2 / (2.0 * EARTH_RADIUS_M)
    longer, higher = bend(radar.refraction, r, height)
    window = Window(
        now - past,
        min(half + AZIMUTH_MARGIN + GATE_SIGMAS * math.sqrt(radar.variance_azimuth), WIDEST),
        r + longer,
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
def look(tracks, hypotheses, radar, beams, sensor, motion, options, sorted_plots, until_ns):  # type: ignore[no-untyped-def]
    """Looks: the hypotheses whose gate the beam of `sensor` has reached by `until_ns`, predicted to the crossing.

    Left out are those that change nothing: a gate without plots that the beam is still in, and a tentative track
    whose gate has stayed empty and that ends with that; it is dropped here.
    """
    rows = np.empty(len(tracks.alive), np.int64)
    times = np.empty(len(rows), np.int64)
    past_half = np.empty((len(rows), 2))
    empty = np.empty(len(rows), np.bool_)
    none = np.empty(0, np.int64)
    reached = 0
    now = beam_azimuth(beams, sensor, until_ns)
    rotation_s = beams.rotation_s[sensor]
    silent = until_ns - beams.memory_ns[sensor] > int(SILENT_ROTATIONS * rotation_s * 1e9)
    for i in range(len(rows)):
        if silent or not tracks.alive[i] or until_ns < tracks.due_ns[i, sensor]:
            continue
        q = motion.q_tentative
        if tracks.status[i] != TENTATIVE:
            q = motion.q_horizontal[AGILE if tracks.agile[i] > 0.5 else CIVIL, MANOEUVRE]
        time_ns, past, window = crossing(tracks, i, sensor, q, radar, now, rotation_s, until_ns)
        half = window.half_azimuth
        if past <= -half:
            early = (half + EARLY) / TWO_PI * rotation_s
            tracks.due_ns[i, sensor] = time_ns - int(early * 1e9)
            continue
        empty[reached] = in_window(sorted_plots, window, none) == 0
        if empty[reached]:
            if past < half:
                continue
            if tracks.status[i] == TENTATIVE:
                seconds = max((time_ns - tracks.time_ns[i]) * 1e-9, 0.0)
                existence = tracks.existence[i] * math.exp(-options.hazard * seconds)
                left = unseen(existence, detection_at(radar, window.range_m, window.elevation))
                if spent(left, tracks.born_existence[i], options.delete_existence):
                    tracks.alive[i] = False
                    continue
        rows[reached], times[reached] = i, time_ns
        past_half[reached, 0], past_half[reached, 1] = past, half
        reached += 1
    passed = np.empty(reached, np.bool_)
    overdue = np.empty(reached, np.bool_)
    hidden = np.empty(reached, np.bool_)
    detection = np.empty(reached)
    existence = np.empty(reached)
    first = np.zeros(reached + 1, np.int64)
    plot = np.empty(2 * reached + 64, np.int64)
    probability = np.zeros((reached, MODES))
    mean = np.empty((reached, MODES, STATE))
    covariance = np.empty((reached, MODES, STATE, STATE))
    matrix = np.empty((MODES, MODES))
    k = 0
    for reach in range(reached):
        i = rows[reach]  # one hypothesis a track, in the row of the same number
        modes = hypotheses.modes[i]
        past, half = past_half[reach, 0], past_half[reach, 1]
        dt = (times[reach] - tracks.time_ns[i]) * 1e-9
        predict_hypothesis(
            modes,
            AGILE if tracks.agile[i] > 0.5 else CIVIL,
            hypotheses.probability[i],
            hypotheses.mean[i],
            hypotheses.covariance[i],
            dt,
            motion,
            radar.flat,
            probability[k],
            mean[k],
            covariance[k],
            matrix,
        )
        window = window_of(radar, mean[k, 0], covariance[k, 0])
        detection[k] = detection_at(radar, window.range_m, window.elevation)
        hidden[k] = window.elevation > radar.max_elevation
        found = 0
        if not empty[reach]:
            for mode in range(1, modes):
                window = around(window, window_of(radar, mean[k, mode], covariance[k, mode]))
            found = in_window(sorted_plots, window, plot[first[k] :])
            if found > len(plot) - first[k]:
                plot = np.concatenate((plot, np.empty(len(plot) + found, np.int64)))
                found = in_window(sorted_plots, window, plot[first[k] :])
        passed[k] = past >= half
        if found == 0 and not passed[k]:
            continue
        existence[k] = tracks.existence[i] * math.exp(-options.hazard * max(dt, 0.0))
        rows[k], times[k] = i, times[reach]
        overdue[k] = past >= max(half, OVERDUE)
        first[k + 1] = first[k] + found
        k += 1
    return Looks(
        rows[:k].copy(),
        times[:k].copy(),
        passed[:k],
        overdue[:k],
        hidden[:k],
        detection[:k],
        existence[:k],
        first[: k + 1],
        plot[: first[k]],
        probability[:k],
        mean[:k],
        covariance[:k],
    )


@kernel
def detection_at(radar, range_m, elevation):  # type: ignore[no-untyped-def]
    """Probability of a plot at a slant range (m) and elevation (rad)."""
    in_range = radar.min_range_m <= range_m <= radar.max_range_m
    if in_range and radar.min_elevation <= elevation <= radar.max_elevation:
        return radar.detection
    return radar.detection * OUT_OF_COVERAGE


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
