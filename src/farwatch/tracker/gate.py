"""Gate: the likelihood of each plot in a look's window, under each of the look's modes and the plot's identity.

A track that is taken for civil and whose gate has stayed empty may be an agile one that has begun to turn: at 9 g the
heading turns by more than half a circle between two scans, and no civil model reaches there. It is looked for a second
time where the agile models reach.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.association.events import Candidates
from farwatch.association.gate import in_window
from farwatch.kernels import kernel, leaf
from farwatch.motion.imm import AGILE, CIVIL, MANOEUVRE
from farwatch.picture import Status
from farwatch.plots import NO_ADDRESS, NO_MODE_A, Floats
from farwatch.sensors import components, correct
from farwatch.sensors.measurement import measurement
from farwatch.tracker.looks import gate_after, predict_hypothesis
from farwatch.tracker.registers import believed, weigh_modes
from farwatch.tracks import MODES, STATE, copy_gaussian

# Likelihood ratios of identity, against a plot of some other aircraft. An address is decisive unless garbled or copied;
# a Mode A code may be changed, shared or garbled.
ADDRESS_MATCH, ADDRESS_MISMATCH = 1e3, 1e-4
MODE_A_MATCH, MODE_A_MISMATCH = 30.0, 0.05
MODE_A_DOUBTFUL = 32 | 64
OUTSIDE = -1e300  # logarithm of the likelihood of a plot that lies outside the gate
WEAK = 1e-3  # chance against the plot's other origins below which a tentative track lets a plot go
TENTATIVE = int(Status.TENTATIVE)
MOST_AGAIN = 64  # plots in a second look; where there are more, none says anything


class Scratch(NamedTuple):
    """Room for one Gaussian and its gain, the logarithms of the modes' likelihoods, and their transitions."""

    x: Floats
    P: Floats
    g: Floats
    log_mode: Floats
    matrix: Floats


@leaf
def identity_ratio(track_address, track_mode_a, address, mode_a, flags):  # type: ignore[no-untyped-def]
    """Likelihood ratio of the identity that a plot reports, given a track's; 1 where either is silent."""
    if address != NO_ADDRESS and track_address != NO_ADDRESS:
        return ADDRESS_MATCH if address == track_address else ADDRESS_MISMATCH
    if mode_a != NO_MODE_A and track_mode_a != NO_MODE_A and flags & MODE_A_DOUBTFUL == 0:
        return MODE_A_MATCH if mode_a == track_mode_a else MODE_A_MISMATCH
    return 1.0


@leaf
def plot_likelihood(model, radar, m, dt, modes, probability, mean, covariance, chi2_gate, scratch, by_mode):  # type: ignore[no-untyped-def]
    """Logarithm of the likelihood of measurement m, `dt` seconds from a look's time; OUTSIDE where no gate has it.

    The modes' own likelihoods, scaled by a common factor, go into `by_mode` (MODES,).
    """
    size = components(model, m)
    x, log_mode = scratch.x, scratch.log_mode
    best, highest, measurements = 1e30, OUTSIDE, 0
    for mode in range(modes):
        copy_gaussian(mean[mode], covariance[mode], size, x, scratch.P)
        # The plot's own time is within milliseconds of the crossing: the mean moves, the covariance need not.
        for a in range(3):
            x[a] += mean[mode, a + 3] * dt
        log_mode[mode], chi2, measurements = correct(model, radar, m, x, scratch.P, size, scratch.g)
        best = min(best, chi2)
        highest = max(highest, log_mode[mode])
    if not 0.0 <= best <= chi2_gate[measurements]:  # nor where a covariance that cannot be has made it no number
        return OUTSIDE
    total = 0.0
    for mode in range(MODES):
        by_mode[mode] = math.exp(log_mode[mode] - highest) if mode < modes else 0.0
        total += probability[mode] * by_mode[mode]
    return math.log(max(total, 1e-300)) + highest


@leaf
def look_again(k, looks, tracks, hypotheses, model, radar, motion, in_bands, matrix, out):  # type: ignore[no-untyped-def]
    """Predict look k anew with the agile models; write the plots in that window to `out` and return their number."""
    h = looks.hypothesis[k]
    dt = (looks.time_ns[k] - tracks.time_ns[hypotheses.track[h]]) * 1e-9
    predict_hypothesis(
        hypotheses.modes[h],
        AGILE,
        hypotheses.probability[h],
        hypotheses.mean[h],
        hypotheses.covariance[h],
        dt,
        motion,
        model.flat,
        looks.probability[k],
        looks.mean[k],
        looks.covariance[k],
        matrix,
    )
    q = motion.q_horizontal[AGILE, MANOEUVRE]
    return in_window(in_bands, gate_after(tracks, hypotheses.track[h], dt, q, model, radar), out)


@leaf
def weigh(  # type: ignore[no-untyped-def]
    looks,
    tracks,
    hypotheses,
    plots,
    table,
    model,
    radar,
    motion,
    in_bands,
    density,
    chi2_gate,
    idle,
    scratch,
    again,
    out,
):
    """Fill the candidates `out`, which has room for all; `again` is room for the plots of a second look, which those
    of `idle` looks do without."""
    kept = 0
    for k in range(len(looks.time_ns)):
        h = looks.hypothesis[k]
        i = hypotheses.track[h]
        probability, mean, covariance = looks.probability[k], looks.mean[k], looks.covariance[k]
        young = tracks.status[i] == TENTATIVE
        begin, in_gate = kept, looks.first[k + 1] - looks.first[k]
        for second in range(2):
            log_class = 0.0
            if second == 1:
                civil = hypotheses.modes[h] > 1 and tracks.agile[i] <= 0.5 and not model.silent
                if kept > begin or not civil or not looks.passed[k] or looks.hidden[k] or idle[k]:
                    break
                in_gate = look_again(
                    k, looks, tracks, hypotheses, model, radar, motion, in_bands, scratch.matrix, again
                )
                looks.again[k] = True
                log_class = math.log(tracks.agile[i])
                if in_gate > MOST_AGAIN:
                    break
            for n in range(in_gate):
                j = again[n] if second == 1 else looks.plot[looks.first[k] + n]
                log_likelihood = plot_likelihood(
                    model,
                    radar,
                    measurement(table, j),
                    (plots.time_ns[j] - looks.time_ns[k]) * 1e-9,
                    hypotheses.modes[h],
                    probability,
                    mean,
                    covariance,
                    chi2_gate,
                    scratch,
                    out.mode_likelihood[kept],
                )
                if log_likelihood == OUTSIDE:
                    continue
                if believed(tracks.strikes[i], table, j):
                    log_likelihood += weigh_modes(
                        model,
                        radar,
                        table,
                        j,
                        (plots.time_ns[j] - looks.time_ns[k]) * 1e-9,
                        hypotheses.modes[h],
                        AGILE if second == 1 or tracks.agile[i] > 0.5 else CIVIL,
                        motion,
                        probability,
                        mean,
                        covariance,
                        scratch.x,
                        scratch.P,
                        scratch.g,
                        scratch.log_mode,
                        out.mode_likelihood[kept],
                    )
                log_ratio = log_likelihood + log_class - math.log(density.false[j] + density.birth[j])
                likelihood = math.exp(min(max(log_ratio, -300.0), 300.0)) * identity_ratio(
                    tracks.address[i], tracks.mode_a[i], plots.address[j], plots.mode_a[j], plots.flags[j]
                )
                if young and looks.existence[k] * looks.detection[k] * likelihood < WEAK:
                    continue
                out.likelihood[kept] = likelihood
                out.look[kept], out.plot[kept] = k, j
                kept += 1
        out.first[k + 1] = kept
    return kept


@kernel
def gate(looks, tracks, hypotheses, plots, table, model, radar, motion, in_bands, density, chi2_gate, idle):  # type: ignore[no-untyped-def]
    """Candidates: every plot in a look's window whose innovation lies in the gate of one of the look's modes."""
    count = len(looks.time_ns)
    room = len(looks.plot) + 1
    for k in range(count):
        if hypotheses.modes[looks.hypothesis[k]] > 1:
            room += MOST_AGAIN
    out = Candidates(
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.zeros(count + 1, np.int64),
        np.empty(room),
        np.empty((room, MODES)),
        np.empty(0, np.int64),
        np.empty(0, np.int64),
    )
    scratch = Scratch(
        np.empty(STATE), np.empty((STATE, STATE)), np.empty(STATE), np.empty(MODES), np.empty((MODES, MODES))
    )
    again = np.empty(MOST_AGAIN, np.int64)
    n = weigh(
        looks,
        tracks,
        hypotheses,
        plots,
        table,
        model,
        radar,
        motion,
        in_bands,
        density,
        chi2_gate,
        idle,
        scratch,
        again,
        out,
    )
    plot = out.plot[:n]
    return Candidates(
        plot, out.look[:n], out.first, out.likelihood[:n], out.mode_likelihood[:n], plot.copy(), np.arange(n)
    )
