"""Predict: which tracks has a sensor looked at, where were they then, and which plots lie in their gates."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.association.events import Looks
from farwatch.association.gate import in_window
from farwatch.frame import vertical
from farwatch.kernels import kernel, leaf
from farwatch.motion.constant_velocity import predict_constant_velocity
from farwatch.motion.imm import AGILE, CIVIL, MANOEUVRE, mix, predict_mode, transition
from farwatch.picture import Status
from farwatch.plots import Floats, Ints
from farwatch.sensors import coverage, window
from farwatch.sensors.radar import WIDEST, local, wrap
from farwatch.tracker.admit import CROWDED
from farwatch.tracker.beam import beam_azimuth
from farwatch.tracker.detection import detection_at
from farwatch.tracker.shed import MOST_TENTATIVE, PAIRS, PAIRS_A_PLOT, shed
from farwatch.tracks import MODES, STATE, copy_gaussian

TWO_PI = 2.0 * math.pi
TENTATIVE = int(Status.TENTATIVE)
GATE_SIGMAS = 4.0
AZIMUTH_MARGIN = math.radians(1.0)  # jitter of the beam and of time stamps
EARLY = math.radians(6.0)  # the gate grows and the beam's phase is corrected until it is reached
OVERDUE = math.radians(100.0)  # so far behind the beam no plot is waited for
NEAR_M = 20_000.0  # nearer, an aircraft may overtake the beam's gate on its way round
SILENT_ROTATIONS = 3.0  # a sensor that has said nothing for so long is not looking


class Reached(NamedTuple):
    """The tracks that a sensor has looked at, one a look, before anything is predicted."""

    row: Ints
    time_ns: Ints
    passed: NDArray[np.bool_]  # the beam has left the gate
    overdue: NDArray[np.bool_]  # and that long ago
    hidden: NDArray[np.bool_]  # in the cone of silence
    detection: Floats
    v: Floats  # where, as the sensor gates; NaN outside its coverage
    next_due_ns: Ints  # before this time the beam cannot reach the gate again
    first: Ints  # (n + 1,) the plots in the gate of look k are plot[first[k]:first[k + 1]]
    plot: Ints


@leaf
def covariance_after(P, i, dt, q):  # type: ignore[no-untyped-def]
    """Covariance of the position of track i after `dt` seconds, packed 00 01 02 11 12 22.

    P (tracks, 6, 6); q (m^2/s^3) is the density of a white acceleration, the same all round: a gate may be too wide.
    """
    noise = q * abs(dt * dt * dt) / 3.0
    return (
        P[i, 0, 0] + dt * (2.0 * P[i, 0, 3] + dt * P[i, 3, 3]) + noise,
        P[i, 0, 1] + dt * (P[i, 0, 4] + P[i, 1, 3] + dt * P[i, 3, 4]),
        P[i, 0, 2] + dt * (P[i, 0, 5] + P[i, 2, 3] + dt * P[i, 3, 5]),
        P[i, 1, 1] + dt * (2.0 * P[i, 1, 4] + dt * P[i, 4, 4]) + noise,
        P[i, 1, 2] + dt * (P[i, 1, 5] + P[i, 2, 4] + dt * P[i, 4, 5]),
        P[i, 2, 2] + dt * (2.0 * P[i, 2, 5] + dt * P[i, 5, 5]) + noise,
    )


@leaf
def gate_noise(tracks, i, motion):  # type: ignore[no-untyped-def]
    """Density of the white acceleration (m^2/s^3) that the gate of track i must allow for: its liveliest mode's."""
    if motion.modes == 1 or tracks.status[i] == TENTATIVE:
        return max(motion.q_tentative, motion.q_vertical_tentative)
    return motion.q_horizontal[AGILE if tracks.agile[i] > 0.5 else CIVIL, MANOEUVRE]


@leaf
def gate_after(tracks, i, dt, q, model, radar):  # type: ignore[no-untyped-def]
    """`Window` of the gate of track i after `dt` seconds, with process noise of density q."""
    mean = tracks.mean
    return window(
        model,
        radar,
        mean[i, 0] + mean[i, 3] * dt,
        mean[i, 1] + mean[i, 4] * dt,
        mean[i, 2] + mean[i, 5] * dt,
        covariance_after(tracks.covariance, i, dt, q),
        GATE_SIGMAS,
    )


@leaf
def crossing(tracks, i, sensor, radar, now, rotation_s, until_ns):  # type: ignore[no-untyped-def]
    """When the beam crosses a track about now: time (ns), and how far it is past (rad) at `until_ns`.

    `now` is the beam's azimuth then. The turn of the beam that counts is the first one that the track has not been
    looked at in.
    """
    time_ns, past = until_ns, 0.0
    mean = tracks.mean
    for _ in range(2):
        dt = (time_ns - tracks.time_ns[i]) * 1e-9
        e, n, _u = local(
            radar,
            mean[i, 0] + mean[i, 3] * dt,
            mean[i, 1] + mean[i, 4] * dt,
            mean[i, 2] + mean[i, 5] * dt,
        )
        past = wrap(now - math.atan2(e, n))
        time_ns = until_ns - int(past / TWO_PI * rotation_s * 1e9)
    half_turn_ns = int(0.5 * rotation_s * 1e9)
    since = time_ns - tracks.looked_ns[i, sensor]
    if since <= half_turn_ns:
        return time_ns + 2 * half_turn_ns, past - TWO_PI
    if past < 0.0 and since > 3 * half_turn_ns:
        # The last crossing has not been looked at either: that one comes first.
        return time_ns - 2 * half_turn_ns, past + TWO_PI
    return time_ns, past


@leaf
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


@leaf
def unseen(existence, detection):  # type: ignore[no-untyped-def]
    """Existence of a track after a look without a plot. Williams 2015, eq. 44."""
    return existence * (1.0 - detection) / (1.0 - existence * detection)


@leaf
def spent(existence, born_existence, delete_existence):  # type: ignore[no-untyped-def]
    """Whether a tentative track has lost so much since its birth that it ends.

    In dense clutter the first plot alone is less likely than any fixed threshold: the track must have lost since.
    """
    return existence < 0.5 * born_existence and existence < delete_existence


@leaf
def next_due(time_ns, half, rotation_s):  # type: ignore[no-untyped-def]
    """Time (ns) before which the beam cannot reach again a gate, `half` (rad) wide, that it has met at `time_ns`."""
    return time_ns + int(max(1.0 - 2.0 * (half + EARLY) / TWO_PI, 0.0) * rotation_s * 1e9)


@leaf
def rows_due(tracks, sensor, until_ns, rows):  # type: ignore[no-untyped-def]
    """Write the rows of the tracks that the beam may have reached by `until_ns` to `rows`; return their number."""
    n = 0
    for i in range(len(tracks.alive)):
        if tracks.alive[i] and until_ns >= tracks.due_ns[i, sensor]:
            rows[n] = i
            n += 1
    return n


@leaf
def reach_on(  # type: ignore[no-untyped-def]
    tracks,
    model,
    radar,
    sensor,
    motion,
    options,
    plots,
    detections,
    now,
    rotation_s,
    until_ns,
    due,
    start,
    n,
    out,
    counted,
):
    """Go on with the tracks from due[start] and n looks in `out`; return the looks, and the place in `due` that had no
    room for its plots (all tracks: their number)."""
    for d in range(start, len(due)):
        i = due[d]
        out.time_ns[n], past, half = until_ns, 1.0, 0.0
        if not model.snapshot:
            out.time_ns[n], past = crossing(tracks, i, sensor, radar, now, rotation_s, until_ns)
        dt = (out.time_ns[n] - tracks.time_ns[i]) * 1e-9
        gate = gate_after(tracks, i, dt, gate_noise(tracks, i, motion), model, radar)
        if not model.snapshot:
            if gate.v - gate.half_v > model.max_first:
                # No plot of this sensor can be there; within a turn the track does not fly so far either.
                tracks.due_ns[i, sensor] = until_ns + int(rotation_s * 1e9)
                continue
            half = min(gate.half_u + AZIMUTH_MARGIN, WIDEST)
            # One that flies in company is looked at with the others: their plots may be its own too.
            if past <= -half - (model.cell_u if tracks.company[i] else 0.0):
                early = (half + EARLY) / TWO_PI * rotation_s
                tracks.due_ns[i, sensor] = out.time_ns[n] - int(early * 1e9)
                continue
        out.row[n] = i
        out.passed[n], out.overdue[n] = past >= half, past >= max(half, OVERDUE)
        found = in_window(plots, gate, out.plot[out.first[n] :])
        if found == 0 and model.silent:
            continue
        if found > MOST_TENTATIVE and tracks.status[i] == TENTATIVE:
            tracks.alive[i] = False
            counted[CROWDED] += 1
            continue
        if found > len(out.plot) - out.first[n]:
            return n, d
        if found == 0 and not out.passed[n] and not tracks.company[i]:
            continue
        if gate.v > NEAR_M and not model.snapshot:
            out.next_due_ns[n] = next_due(out.time_ns[n], half, rotation_s)
        left, out.hidden[n] = coverage(model, radar, gate)
        out.detection[n] = detection_at(detections, model, gate.v) * left
        out.v[n] = gate.v if left == 1.0 else math.nan
        alone = tracks.group[i] < 0 and not tracks.company[i]
        if found == 0 and tracks.status[i] == TENTATIVE and alone:
            # The hazard of the time gone by is left to the next look that predicts.
            tracks.existence[i] = unseen(tracks.existence[i], out.detection[n])
            tracks.looked_ns[i, sensor] = out.time_ns[n]
            tracks.misses[i] += 1
            tracks.plot[i] = -1
            for other in range(tracks.due_ns.shape[1]):
                tracks.due_ns[i, other] = 0
            tracks.due_ns[i, sensor] = out.next_due_ns[n]
            if spent(tracks.existence[i], tracks.born_existence[i], options.delete_existence):
                tracks.alive[i] = False
            continue
        out.first[n + 1] = out.first[n] + found
        n += 1
    return n, len(due)


@kernel
def reached(tracks, model, radar, beams, detections, sensor, motion, options, plots, until_ns, counted):  # type: ignore[no-untyped-def]
    """The tracks that a sensor has looked at by `until_ns`, with the plots in their gates.

    A radar has looked where its beam has reached the gate; a snapshot looks at everything, and what it does not show
    will not come. Left out are looks that change nothing: a gate without plots that the beam is still in. A tentative
    track whose gate has stayed empty only loses existence, or ends: that is done here, and nothing is predicted.
    """
    now, rotation_s, start, n = 0.0, 0.0, 0, 0
    rows = np.empty(len(tracks.alive), np.int64)
    due = rows[: rows_due(tracks, sensor, until_ns, rows)]
    if not model.snapshot:
        now, rotation_s = beam_azimuth(beams, sensor, until_ns), beams.rotation_s[sensor]
        if until_ns - beams.memory_ns[sensor] > int(SILENT_ROTATIONS * rotation_s * 1e9):
            due = rows[:0]
    most = len(due)
    out = Reached(
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.bool_),
        np.empty(most, np.bool_),
        np.empty(most, np.bool_),
        np.empty(most),
        np.empty(most),
        np.zeros(most, np.int64),
        np.zeros(most + 1, np.int64),
        np.empty(2 * most + 256, np.int64),
    )
    while start < most:
        n, start = reach_on(
            tracks,
            model,
            radar,
            sensor,
            motion,
            options,
            plots,
            detections,
            now,
            rotation_s,
            until_ns,
            due,
            start,
            n,
            out,
            counted,
        )
        if start < most:
            longer = np.empty(2 * len(out.plot) + len(plots.row), np.int64)
            longer[: len(out.plot)] = out.plot
            out = Reached(*out[:9], longer)
    n = shed(tracks, out, n, PAIRS + PAIRS_A_PLOT * len(plots.row), counted)
    return Reached(
        out.row[:n],
        out.time_ns[:n],
        out.passed[:n],
        out.overdue[:n],
        out.hidden[:n],
        out.detection[:n],
        out.v[:n],
        out.next_due_ns[:n],
        out.first[: n + 1],
        out.plot[: out.first[n]],
    )


@kernel
def look(  # type: ignore[no-untyped-def]
    tracks, hypotheses, model, radar, beams, detections, sensor, motion, options, plots, until_ns, counted
):
    """Looks: the hypotheses that a sensor has looked at by `until_ns`, predicted to the time of the look.

    `plots` are its plots, sorted for gating; each look names those in its window.
    """
    reach = reached(tracks, model, radar, beams, detections, sensor, motion, options, plots, until_ns, counted)
    count = len(reach.row)
    existence = np.empty(count)
    probability = np.zeros((count, MODES))
    mean = np.empty((count, MODES, STATE))
    covariance = np.empty((count, MODES, STATE, STATE))
    matrix = np.empty((MODES, MODES))
    for k in range(count):
        i = reach.row[k]  # one hypothesis a track, in the row of the same number
        dt = (reach.time_ns[k] - tracks.time_ns[i]) * 1e-9
        existence[k] = tracks.existence[i] * math.exp(-options.hazard * max(dt, 0.0))
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
    return Looks(
        reach.row,
        reach.time_ns,
        reach.passed,
        reach.overdue,
        reach.hidden,
        reach.detection,
        reach.v,
        existence,
        reach.next_due_ns,
        np.zeros(count, np.bool_),
        reach.first,
        reach.plot,
        probability,
        mean,
        covariance,
    )
