"""Gate and update: correct each look by each plot in its gate, then merge by the events' weights."""

from __future__ import annotations

import math

import numpy as np

from farwatch.association.events import Candidates
from farwatch.association.gate import pairs_in_gates
from farwatch.kernels import kernel
from farwatch.motion.imm import class_evidence
from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, NO_MODE_A
from farwatch.sensors.radar import correct
from farwatch.tracks import MODES, STATE

# Likelihood ratios of identity, against a plot of some other aircraft. An address is decisive unless garbled or copied;
# a Mode A code may be changed, shared or garbled.
ADDRESS_MATCH, ADDRESS_MISMATCH = 1e3, 1e-4
MODE_A_MATCH, MODE_A_MISMATCH = 30.0, 0.05
MODE_A_DOUBTFUL = 32 | 64


@kernel
def identity_ratio(tracks, i, plots, j):  # type: ignore[no-untyped-def]
    """Likelihood ratio of the identity that plot j reports, given track i; 1 where either is silent."""
    if plots.address[j] != NO_ADDRESS and tracks.address[i] != NO_ADDRESS:
        return ADDRESS_MATCH if plots.address[j] == tracks.address[i] else ADDRESS_MISMATCH
    if plots.mode_a[j] != NO_MODE_A and tracks.mode_a[i] != NO_MODE_A and plots.flags[j] & MODE_A_DOUBTFUL == 0:
        return MODE_A_MATCH if plots.mode_a[j] == tracks.mode_a[i] else MODE_A_MISMATCH
    return 1.0


@kernel
def gate(looks, tracks, hypotheses, plots, radar, false_density, birth_density, chi2_gate):  # type: ignore[no-untyped-def]
    """Candidates: every (look, plot) whose innovation lies in the gate, with the state corrected by that plot."""
    pair_look, pair_plot = pairs_in_gates(
        looks.azimuth_rad,
        looks.half_azimuth_rad,
        looks.range_m,
        looks.half_range_m,
        plots.z[:, 1],
        plots.z[:, 0],
    )
    pairs = len(pair_look)
    count = len(looks.time_ns)
    mean = np.empty((pairs, MODES, STATE))
    covariance = np.empty((pairs, MODES, STATE, STATE))
    mode_likelihood = np.zeros((pairs, MODES))
    likelihood = np.empty(pairs)
    first = np.zeros(count + 1, np.int64)
    log_mode = np.empty(MODES)
    kept = 0
    for pair in range(pairs):
        k, j = pair_look[pair], pair_plot[pair]
        i = hypotheses.track[looks.hypothesis[k]]
        modes = hypotheses.modes[looks.hypothesis[k]]
        dt = (plots.time_ns[j] - looks.time_ns[k]) * 1e-9
        best = 1e30
        highest = -1e300
        measurements = 0
        for mode in range(modes):
            size = 7 if mode == 1 else 6
            x, P = mean[kept, mode], covariance[kept, mode]
            for a in range(7):
                x[a] = looks.mean[k, mode, a]
            for a in range(7):
                for b in range(7):
                    P[a, b] = looks.covariance[k, mode, a, b]
            # The plot's own time is within a few milliseconds of the crossing: the mean moves, the covariance does not.
            for a in range(3):
                x[a] += x[a + 3] * dt
            log_mode[mode], chi2, measurements = correct(radar, plots, j, x, P, size)
            best = min(best, chi2)
            highest = max(highest, log_mode[mode])
            for a in range(3):
                x[a] -= x[a + 3] * dt
        if best > chi2_gate[measurements]:
            continue
        total = 0.0
        for mode in range(modes):
            mode_likelihood[kept, mode] = math.exp(log_mode[mode] - highest)
            total += looks.probability[k, mode] * mode_likelihood[kept, mode]
        elsewhere = false_density[j] + birth_density[j]
        log_total = math.log(max(total, 1e-300)) + highest - math.log(elsewhere)
        likelihood[kept] = math.exp(min(max(log_total, -300.0), 300.0)) * identity_ratio(tracks, i, plots, j)
        pair_look[kept] = k
        pair_plot[kept] = j
        first[k + 1] += 1
        kept += 1
    for k in range(count):
        first[k + 1] += first[k]
    return Candidates(
        pair_plot[:kept].copy(),
        pair_look[:kept].copy(),
        first,
        likelihood[:kept],
        mode_likelihood[:kept],
        mean[:kept],
        covariance[:kept],
    )


@kernel
def update(tracks, hypotheses, looks, candidates, events, clusters, plots, sensor, motion):  # type: ignore[no-untyped-def]
    """Merge each look of a closed cluster by its events' weights; return which looks and plots are done with.

    Every mode becomes the Gaussian of the same mean and covariance as the mixture over "missed" and "this plot"
    (moment matching); existence is that of a Bernoulli, Williams 2015, eq. 44-48.
    """
    count = len(looks.time_ns)
    done = np.zeros(count, np.bool_)
    used = np.zeros(len(plots.time_ns), np.bool_)
    for j in range(len(used)):
        used[j] = clusters.closed[clusters.plot[j]]
    weights = np.empty(64)
    likelihood = np.empty(MODES)
    matrix = np.empty((MODES, MODES))
    for k in range(count):
        if not clusters.closed[clusters.look[k]]:
            continue
        done[k] = True
        h = looks.hypothesis[k]
        i = hypotheses.track[h]
        begin, end = candidates.first[k], candidates.first[k + 1]
        if end - begin + 1 > len(weights):
            weights = np.empty(2 * (end - begin + 1))
        r, q = looks.existence[k], looks.detection[k]
        missed = events.miss[k] * r * (1.0 - q) / (1.0 - r * q)
        existence = missed
        best, best_weight, seen = -1, 0.0, 0.0
        for e in range(begin, end):
            existence += events.weight[e]
            seen += events.weight[e]
            if events.weight[e] > best_weight:
                best, best_weight = e, events.weight[e]
        existence = min(max(existence, 1e-12), 1.0)
        modes = hypotheses.modes[h]
        if modes > 1 and seen > 0.5:
            dt = max((looks.time_ns[k] - tracks.time_ns[i]) * 1e-9, 0.0)
            for mode in range(MODES):
                likelihood[mode] = candidates.mode_likelihood[best, mode]
            tracks.agile[i] = class_evidence(
                tracks.agile[i], hypotheses.probability[h], likelihood, motion, dt, matrix
            )
        merge_modes(hypotheses, h, looks, k, candidates, events, missed, weights)
        combine(
            hypotheses.probability[h],
            hypotheses.mean[h],
            hypotheses.covariance[h],
            modes,
            tracks.mean[i],
            tracks.covariance[i],
        )
        tracks.existence[i] = existence
        elapsed_ns = looks.time_ns[k] - tracks.time_ns[i]
        tracks.time_ns[i] = looks.time_ns[k]
        tracks.looked_ns[i, sensor] = looks.time_ns[k]
        tracks.plot[i] = -1
        if seen > 0.5:
            tracks.detections[i] += 1
            tracks.misses[i] = 0
            tracks.detected_ns[i] = looks.time_ns[k]
            tracks.seen_ns[i, sensor] = looks.time_ns[k]
            tracks.plot[i] = plots.id[candidates.plot[best]]
            if best_weight > 0.5:
                remember_identity(tracks, i, plots, candidates.plot[best])
        else:
            tracks.misses[i] += 1
            if looks.hidden[k]:
                tracks.detected_ns[i] += max(elapsed_ns, 0)
    return done, used


@kernel
def merge_modes(hypotheses, h, looks, k, candidates, events, missed, weights):  # type: ignore[no-untyped-def]
    """Moment-match every mode of hypothesis h over the events of look k; mode probabilities follow."""
    begin, end = candidates.first[k], candidates.first[k + 1]
    total_probability = 0.0
    for mode in range(hypotheses.modes[h]):
        prior = looks.probability[k, mode]
        weights[0] = missed * prior
        total = weights[0]
        for e in range(begin, end):
            over = 0.0
            for m in range(hypotheses.modes[h]):
                over += looks.probability[k, m] * candidates.mode_likelihood[e, m]
            w = events.weight[e] * prior * candidates.mode_likelihood[e, mode] / max(over, 1e-300)
            weights[1 + e - begin] = w
            total += w
        x, P = hypotheses.mean[h, mode], hypotheses.covariance[h, mode]
        hypotheses.probability[h, mode] = total
        total_probability += total
        size = 7 if mode == 1 else 6
        if total < 1e-250:
            for a in range(size):
                x[a] = looks.mean[k, mode, a]
                for b in range(size):
                    P[a, b] = looks.covariance[k, mode, a, b]
            continue
        for a in range(size):
            value = weights[0] * looks.mean[k, mode, a]
            for e in range(begin, end):
                value += weights[1 + e - begin] * candidates.mean[e, mode, a]
            x[a] = value / total
        for a in range(size):
            for b in range(a + 1):
                da, db = looks.mean[k, mode, a] - x[a], looks.mean[k, mode, b] - x[b]
                value = weights[0] * (looks.covariance[k, mode, a, b] + da * db)
                for e in range(begin, end):
                    da, db = candidates.mean[e, mode, a] - x[a], candidates.mean[e, mode, b] - x[b]
                    value += weights[1 + e - begin] * (candidates.covariance[e, mode, a, b] + da * db)
                P[a, b] = value / total
                P[b, a] = P[a, b]
    floored = 0.0
    for mode in range(hypotheses.modes[h]):
        # A mode that has died must be able to come back.
        hypotheses.probability[h, mode] = max(hypotheses.probability[h, mode] / total_probability, 1e-6)
        floored += hypotheses.probability[h, mode]
    for mode in range(hypotheses.modes[h]):
        hypotheses.probability[h, mode] /= floored


@kernel
def combine(probability, mean, covariance, modes, x, P):  # type: ignore[no-untyped-def]
    """Fill `x` (6,) and `P` (6, 6) with the mean and covariance of a mixture of `modes` Gaussians."""
    for a in range(6):
        x[a] = 0.0
        for mode in range(modes):
            x[a] += probability[mode] * mean[mode, a]
    for a in range(6):
        for b in range(a + 1):
            value = 0.0
            for mode in range(modes):
                da, db = mean[mode, a] - x[a], mean[mode, b] - x[b]
                value += probability[mode] * (covariance[mode, a, b] + da * db)
            P[a, b] = value
            P[b, a] = value


@kernel
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
