"""Update: the states corrected by the plots, merged by the events' weights."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel, leaf
from farwatch.motion.imm import AGILE, CIVIL, TURN, class_evidence
from farwatch.picture import Status
from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, NO_MODE_A, Floats
from farwatch.sensors import correct
from farwatch.sensors.measurement import FELLOW, measurement, says_motion
from farwatch.sensors.scalar import scalar_correction
from farwatch.tracker.detection import learn_detection
from farwatch.tracker.gate import MODE_A_DOUBTFUL
from farwatch.tracker.looks import predict_hypothesis, unseen
from farwatch.tracker.registers import believed, correct_mode, strikes_after
from farwatch.tracks import MODES, STATE, copy_gaussian, note_heard

TURNED_AWAY = 0.9  # probability of the agile class after a plot that no civil model reaches
CREDIBLE = 0.1  # existence from which on a plot is reason to keep a confirmed track
SURE = 0.5  # existence from which on a look tells of the sensor, and not of the track
FOLLOWING_CHI2 = 11.3  # 99 % of three components
UNKNOWN_MPS = 15.0  # one standard deviation of a velocity, from which on it is taken from others
TENTATIVE = int(Status.TENTATIVE)
NEGLIGIBLE = 1e-4  # share of a mixture below which a component is left out


class Mixture(NamedTuple):
    """Scratch space for the components of one mode."""

    weight: Floats  # (n,)
    mean: Floats  # (n, STATE)
    covariance: Floats  # (n, STATE, STATE)


@leaf
def back_to_civil(looks, k, state_ns, hypotheses, motion, flat, matrix):  # type: ignore[no-untyped-def]
    """Predict look k by the civil models again: the second look has found nothing that would be the aircraft."""
    h = looks.hypothesis[k]
    predict_hypothesis(
        hypotheses.modes[h],
        CIVIL,
        hypotheses.probability[h],
        hypotheses.mean[h],
        hypotheses.covariance[h],
        (looks.time_ns[k] - state_ns) * 1e-9,
        motion,
        flat,
        looks.probability[k],
        looks.mean[k],
        looks.covariance[k],
        matrix,
    )


@leaf
def moment_match(weight, mean, covariance, n, size, x, P):  # type: ignore[no-untyped-def]
    """Fill `x` and `P` with mean and covariance of a mixture of n Gaussians with any positive weights."""
    if n == 1:
        copy_gaussian(mean[0], covariance[0], size, x, P)
        return
    total = 0.0
    for c in range(n):
        total += weight[c]
    for a in range(size):
        x[a] = 0.0
        for b in range(a + 1):
            P[a, b] = 0.0
    for c in range(n):
        share = weight[c] / total
        for a in range(size):
            x[a] += share * mean[c, a]
    for c in range(n):
        share = weight[c] / total
        for a in range(size):
            off = mean[c, a] - x[a]
            for b in range(a + 1):
                P[a, b] += share * (covariance[c, a, b] + off * (mean[c, b] - x[b]))
    for a in range(size):
        for b in range(a):
            P[b, a] = P[a, b]


@leaf
def follow(row, x, P, size, g):  # type: ignore[no-untyped-def]
    """Correct a Gaussian of uncertain velocity by that of those that share the plot, unless it surely has another.

    Aircraft that stay in one cell fly together, but ones that cross slowly must keep what is known of how they differ.
    `g` is scratch.
    """
    variance = row[FELLOW + 3]
    if variance <= 0.0:
        return
    chi2, unknown = 0.0, 0.0
    for a in range(3):
        unknown += P[a + 3, a + 3]
        chi2 += (row[FELLOW + a] - x[a + 3]) ** 2 / (P[a + 3, a + 3] + variance)
    if chi2 > FOLLOWING_CHI2 or unknown < UNKNOWN_MPS * UNKNOWN_MPS:
        return
    for a in range(3):
        h = (1.0 if a == 0 else 0.0, 1.0 if a == 1 else 0.0, 1.0 if a == 2 else 0.0)
        scalar_correction(x, P, size, g, h, 3, row[FELLOW + a] - x[a + 3], variance)


@leaf
def merge_modes(  # type: ignore[no-untyped-def]
    model,
    radar,
    modes,
    time_ns,
    predicted_probability,
    predicted_mean,
    predicted_covariance,
    missed,
    weight,
    plot,
    row,
    mode_likelihood,
    plot_time_ns,
    table,
    scratch,
    probability,
    mean,
    covariance,
    strikes=0,
):
    """Moment-match every mode of one look over its events; mode probabilities follow.

    `missed` is the weight of no plot, `weight` (n,) are those of the events with the plots `plot` (n,), the rows
    `row` (n,) of the measurement table and the mode likelihoods (n, MODES); `strikes` speak against the track's
    registers. Results go into `probability` (3,), `mean`
    (3, 7), `covariance` (3, 7, 7).
    """
    n_events = len(weight)
    of_mode, means, covariances = scratch.weight, scratch.mean, scratch.covariance
    sum_of_modes = 0.0
    for mode in range(modes):
        size = STATE if mode == TURN else 6
        prior = predicted_probability[mode]
        total = missed * prior
        for e in range(n_events):
            over = 0.0
            for m in range(modes):
                over += predicted_probability[m] * mode_likelihood[e, m]
            of_mode[1 + e] = weight[e] * prior * mode_likelihood[e, mode] / max(over, 1e-300)
            total += of_mode[1 + e]
        probability[mode] = total
        sum_of_modes += total
        n = 0
        if missed * prior > NEGLIGIBLE * total or total < 1e-250:
            of_mode[0] = missed * prior
            copy_gaussian(predicted_mean[mode], predicted_covariance[mode], size, means[0], covariances[0])
            n = 1
        for e in range(n_events):
            w = of_mode[1 + e]
            if w <= NEGLIGIBLE * total:
                continue
            x, P, j = means[n], covariances[n], plot[e]
            copy_gaussian(predicted_mean[mode], predicted_covariance[mode], size, x, P)
            dt = (plot_time_ns[j] - time_ns) * 1e-9
            for a in range(3):
                x[a] += x[a + 3] * dt
            correct(model, radar, measurement(table, row[e]), x, P, size, mean[mode])
            if believed(strikes, table, row[e]):
                correct_mode(model, table, row[e], mode, x, P, size, mean[mode])
            follow(table[row[e]], x, P, size, mean[mode])
            for a in range(3):
                x[a] -= x[a + 3] * dt
            of_mode[n] = w
            n += 1
        moment_match(of_mode, means, covariances, n, size, mean[mode], covariance[mode])
    floored = 0.0
    for mode in range(modes):
        # A mode that has died must be able to come back.
        probability[mode] = max(probability[mode] / sum_of_modes, 1e-6)
        floored += probability[mode]
    for mode in range(modes):
        probability[mode] /= floored


@leaf
def remember_identity(tracks, i, plots, j):  # type: ignore[no-untyped-def]
    """Take over what plot j says of identity and level; a garbled or unvalidated Mode A is not believed."""
    if plots.address[j] != NO_ADDRESS and tracks.address[i] == NO_ADDRESS:
        tracks.address[i] = plots.address[j]
    if plots.mode_a[j] != NO_MODE_A and plots.flags[j] & MODE_A_DOUBTFUL == 0:
        tracks.mode_a[i] = plots.mode_a[j]
    if plots.callsign[j] != NO_CALLSIGN:
        tracks.callsign[i] = plots.callsign[j]
    if not math.isnan(plots.pressure_altitude_m[j]):
        tracks.pressure_altitude_m[i] = plots.pressure_altitude_m[j]


@leaf
def merge_looks(  # type: ignore[no-untyped-def]
    tracks,
    hypotheses,
    looks,
    candidates,
    events,
    clusters,
    plots,
    table,
    model,
    radar,
    detections,
    sensor,
    motion,
    scratch,
    likelihood,
    matrix,
    weight,
    done,
):
    """Merge each look of a closed cluster by the `weight` of each candidate's event, and mark it in `done`; the rest is
    scratch."""
    count = len(looks.time_ns)
    for k in range(count):
        if not clusters.closed[clusters.look[k]]:
            continue
        done[k] = True
        h = looks.hypothesis[k]
        i = hypotheses.track[h]
        r, q = looks.existence[k], looks.detection[k]
        missed = events.miss[k] * unseen(r, q)
        existence = missed
        best, best_weight, seen = -1, 0.0, 0.0
        for e in range(candidates.first[k], candidates.first[k + 1]):
            seen += weight[e]
            if weight[e] > best_weight:
                best, best_weight = e, weight[e]
        existence = min(max(missed + seen, 1e-12), 1.0)
        detected = seen > 0.5 * existence
        if tracks.status[i] != TENTATIVE and existence > SURE and not math.isnan(looks.v[k]):
            learn_detection(detections, model, looks.v[k], min(seen / existence, 1.0))
        modes = hypotheses.modes[h]
        if modes > 1 and detected:
            dt = max((looks.time_ns[k] - tracks.time_ns[i]) * 1e-9, 0.0)
            for mode in range(MODES):
                likelihood[mode] = candidates.mode_likelihood[best, mode]
            tracks.agile[i] = class_evidence(tracks.agile[i], hypotheses.probability[h], likelihood, motion, dt, matrix)
            if looks.again[k]:
                tracks.agile[i] = max(tracks.agile[i], TURNED_AWAY)
        elif looks.again[k]:
            back_to_civil(looks, k, tracks.time_ns[i], hypotheses, motion, model.flat, matrix)
            seen = 0.0
        if seen <= NEGLIGIBLE * existence:
            for mode in range(MODES):
                hypotheses.probability[h, mode] = looks.probability[k, mode]
            for mode in range(modes):
                copy_gaussian(
                    looks.mean[k, mode],
                    looks.covariance[k, mode],
                    STATE if mode == TURN else 6,
                    hypotheses.mean[h, mode],
                    hypotheses.covariance[h, mode],
                )
        else:
            begin, end = candidates.first[k], candidates.first[k + 1]
            merge_modes(
                model,
                radar,
                modes,
                looks.time_ns[k],
                looks.probability[k],
                looks.mean[k],
                looks.covariance[k],
                missed,
                weight[begin:end],
                candidates.plot[begin:end],
                candidates.row[begin:end],
                candidates.mode_likelihood[begin:end],
                plots.time_ns,
                table,
                scratch,
                hypotheses.probability[h],
                hypotheses.mean[h],
                hypotheses.covariance[h],
                tracks.strikes[i],
            )
        moment_match(
            hypotheses.probability[h],
            hypotheses.mean[h],
            hypotheses.covariance[h],
            modes,
            6,
            tracks.mean[i],
            tracks.covariance[i],
        )
        elapsed_ns = looks.time_ns[k] - tracks.time_ns[i]
        tracks.existence[i] = existence
        tracks.time_ns[i] = looks.time_ns[k]
        tracks.looked_ns[i, sensor] = looks.time_ns[k]
        tracks.plot[i] = -1
        for other in range(tracks.due_ns.shape[1]):
            tracks.due_ns[i, other] = 0
        tracks.due_ns[i, sensor] = looks.next_due_ns[k]
        if detected:
            tracks.detections[i] += 1
            tracks.misses[i] = 0
            if existence > CREDIBLE:
                tracks.detected_ns[i] = looks.time_ns[k]
            tracks.seen_ns[i, sensor] = looks.time_ns[k]
            note_heard(tracks.heard_ns[i], plots.kind[candidates.plot[best]], looks.time_ns[k])
            tracks.plot[i] = plots.id[candidates.plot[best]]
            if says_motion(table, candidates.plot[best]):
                j = candidates.plot[best]
                tracks.strikes[i] = strikes_after(
                    tracks.strikes[i],
                    model,
                    radar,
                    table,
                    j,
                    (plots.time_ns[j] - looks.time_ns[k]) * 1e-9,
                    modes,
                    AGILE if tracks.agile[i] > 0.5 else CIVIL,
                    motion,
                    looks.mean[k],
                    looks.covariance[k],
                    scratch.mean[0],
                    scratch.covariance[0],
                    scratch.mean[1],
                    scratch.weight,
                    scratch.mean[2],
                    likelihood,
                    tracks.mean[i],
                    tracks.covariance[i],
                )
            if best_weight > 0.5 * existence:
                remember_identity(tracks, i, plots, candidates.plot[best])
        else:
            tracks.misses[i] += 1
            if looks.hidden[k]:
                tracks.detected_ns[i] += max(elapsed_ns, 0)


@kernel
def update(  # type: ignore[no-untyped-def]
    tracks, hypotheses, looks, candidates, events, clusters, plots, table, model, radar, detections, sensor, motion
):
    """Merge each look of a closed cluster by its events' weights; return which looks and plots are done with.

    Every mode becomes the Gaussian of the same mean and covariance as the mixture over "missed" and "this plot"
    (moment matching); existence is that of a Bernoulli, Williams 2015, eq. 44-48.
    """
    count = len(looks.time_ns)
    done = np.zeros(count, np.bool_)
    used = np.zeros(len(plots.time_ns), np.bool_)
    for j in range(len(used)):
        used[j] = clusters.closed[clusters.plot[j]]
    most = 1
    for k in range(count):
        most = max(most, candidates.first[k + 1] - candidates.first[k])
    room = max(most + 1, MODES)
    scratch = Mixture(np.empty(room), np.empty((room, STATE)), np.empty((room, STATE, STATE)))
    likelihood = np.empty(MODES)
    matrix = np.empty((MODES, MODES))
    weight = np.empty(len(candidates.plot))
    for e in range(len(weight)):
        weight[e] = events.weight[candidates.event[e]]
    merge_looks(
        tracks,
        hypotheses,
        looks,
        candidates,
        events,
        clusters,
        plots,
        table,
        model,
        radar,
        detections,
        sensor,
        motion,
        scratch,
        likelihood,
        matrix,
        weight,
        done,
    )
    return done, used
