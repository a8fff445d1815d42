"""Lifecycle: births from plots that no track explains, confirmation, coasting, duplicates, and the end."""

from __future__ import annotations

import math

import numpy as np

from farwatch.frame import vertical
from farwatch.kernels import kernel
from farwatch.picture import Status
from farwatch.plots import NO_MODE_A
from farwatch.sensors.radar import measurement, place
from farwatch.tracks import MODES, STATE

TENTATIVE, CONFIRMED, COASTING = int(Status.TENTATIVE), int(Status.CONFIRMED), int(Status.COASTING)
LEAST_BIRTH = 1e-6
FEWEST_DETECTIONS = 3  # two plots make a velocity; the third is the first that tests it
COASTING_MISSES = 2
WORTH_MERGING = 0.1
SAME_CHI2 = 12.0  # two tracks closer than this (6 components) and sharing plots are one aircraft


@kernel
def settle(tracks, hypotheses, looks, done, options, motion, next_id):  # type: ignore[no-untyped-def]
    """Confirm, mark as coasting or drop each track that has just been looked at; return the next track number."""
    for k in range(len(done)):
        h = looks.hypothesis[k]
        i = hypotheses.track[h]
        if not done[k] or not tracks.alive[i]:
            continue
        if tracks.status[i] == TENTATIVE:
            # In dense clutter the first plot alone is less likely than that: it must have lost since.
            lost = tracks.existence[i] < 0.5 * tracks.born_existence[i]
            if lost and tracks.existence[i] < options.delete_existence:
                tracks.alive[i] = False
            elif (
                tracks.existence[i] > options.confirm_existence
                and tracks.detections[i] >= FEWEST_DETECTIONS
            ):
                tracks.status[i] = CONFIRMED
                tracks.id[i] = next_id
                next_id += 1
                spread_modes(hypotheses, h, motion)
        else:
            tracks.status[i] = COASTING if tracks.misses[i] >= COASTING_MISSES else CONFIRMED
    return next_id


@kernel
def expire(tracks, until_ns, coast_ns):  # type: ignore[no-untyped-def]
    """End the tracks that no sensor has seen for too long, whether or not one has looked; return their rows.

    `detected_ns` stands still while a track is out of every sensor's sight, so that one may coast through a cone of
    silence; three times the coasting time ends it all the same.
    """
    rows = np.empty(len(tracks.alive), np.int64)
    n = 0
    for i in range(len(tracks.alive)):
        if not tracks.alive[i]:
            continue
        last = tracks.born_ns[i]
        for sensor in range(tracks.seen_ns.shape[1]):
            last = max(last, tracks.seen_ns[i, sensor])
        if until_ns - tracks.detected_ns[i] > coast_ns or until_ns - last > 3 * coast_ns:
            tracks.alive[i] = False
            if tracks.status[i] != TENTATIVE:
                rows[n] = i
                n += 1
    return rows[:n].copy()


@kernel
def spread_modes(hypotheses, h, motion):  # type: ignore[no-untyped-def]
    """Give a confirmed track its IMM: every mode starts from the one state of the tentative tier."""
    hypotheses.modes[h] = MODES
    for mode in range(1, MODES):
        for a in range(STATE):
            hypotheses.mean[h, mode, a] = hypotheses.mean[h, 0, a]
            for b in range(STATE):
                hypotheses.covariance[h, mode, a, b] = hypotheses.covariance[h, 0, a, b]
    for mode in range(MODES):
        hypotheses.mean[h, mode, 6] = 0.0
        for a in range(STATE):
            hypotheses.covariance[h, mode, a, 6] = 0.0
            hypotheses.covariance[h, mode, 6, a] = 0.0
        hypotheses.covariance[h, mode, 6, 6] = motion.rate_variance[0]
        hypotheses.probability[h, mode] = 0.9 if mode == 0 else 0.1 / (MODES - 1)


@kernel
def distance2(mean, covariance, other_mean, other_covariance, dt):  # type: ignore[no-untyped-def]
    """Squared Mahalanobis distance between two tracks' states (6), the other one moved on by `dt` seconds.

    By a Cholesky factor of the summed covariances.
    """
    L = np.empty((6, 6))
    y = np.empty(6)
    total = 0.0
    for a in range(6):
        for b in range(a + 1):
            value = covariance[a, b] + other_covariance[a, b]
            for c in range(b):
                value -= L[a, c] * L[b, c]
            if a == b:
                if value <= 0.0:
                    return 1e30
                L[a, a] = math.sqrt(value)
            else:
                L[a, b] = value / L[b, b]
        value = mean[a] - other_mean[a] - (other_mean[a + 3] * dt if a < 3 else 0.0)
        for c in range(a):
            value -= L[a, c] * y[c]
        y[a] = value / L[a, a]
        total += y[a] * y[a]
        if total > SAME_CHI2:
            break
    return total


@kernel
def merge_duplicates(tracks, hypotheses, looks, candidates, clusters, done):  # type: ignore[no-untyped-def]
    """Merge tracks that share a plot, lie on one another and between them exist about once.

    The Bernoullis of one aircraft share its plots, so their existences sum to about one; those of two aircraft in
    formation sum to two and are left alone. The older confirmed track keeps its number; existences are added.
    """
    plots = len(clusters.plot)
    head = np.full(plots, -1, np.int64)
    after = np.full(len(candidates.plot), -1, np.int64)
    for e in range(len(candidates.plot) - 1, -1, -1):
        j = candidates.plot[e]
        after[e] = head[j]
        head[j] = e
    for k in range(len(looks.time_ns)):
        i = hypotheses.track[looks.hypothesis[k]]
        if not done[k]:
            continue
        for e in range(candidates.first[k], candidates.first[k + 1]):
            f = after[e]  # looks with higher numbers, each pair once
            while f >= 0:
                other = candidates.look[f]
                f = after[f]
                o = hypotheses.track[looks.hypothesis[other]]
                if not done[other] or not tracks.alive[i] or not tracks.alive[o]:
                    continue
                tentative_i, tentative_o = tracks.status[i] == TENTATIVE, tracks.status[o] == TENTATIVE
                between = tracks.existence[i] + tracks.existence[o]
                # Where just one is tentative, it has followed the other's plots. The unlikely die by themselves.
                if between < WORTH_MERGING or (between > 1.5 and tentative_i == tentative_o):
                    continue
                dt = (tracks.time_ns[i] - tracks.time_ns[o]) * 1e-9
                if (
                    distance2(tracks.mean[i], tracks.covariance[i], tracks.mean[o], tracks.covariance[o], dt)
                    > SAME_CHI2
                ):
                    continue
                if tentative_i != tentative_o:
                    first = tentative_o
                elif tentative_i:
                    first = tracks.existence[i] >= tracks.existence[o]
                else:
                    first = tracks.id[i] < tracks.id[o]
                keep, drop = (i, o) if first else (o, i)
                tracks.existence[keep] = min(between, 1.0)
                tracks.alive[drop] = False


@kernel
def free_slots(tracks, wanted):  # type: ignore[no-untyped-def]
    """The lowest `wanted` free rows, fewer where the table is full."""
    out = np.empty(wanted, np.int64)
    n = 0
    for i in range(len(tracks.alive)):
        if n == wanted:
            break
        if not tracks.alive[i]:
            out[n] = i
            n += 1
    return out[:n]


@kernel
def give_birth(  # type: ignore[no-untyped-def]
    tracks, hypotheses, slots, plots, table, used, events, false_density, birth_density, radar, sensor, options, motion
):
    """Start a tentative track on every plot that may be the first of a new aircraft.

    Existence is that of an adaptive Poisson birth: the share of new aircraft among the plots that no track explains.
    """
    n = 0
    for j in range(len(used)):
        share = birth_density[j] / (birth_density[j] + false_density[j])
        existence = events.birth[j] * share
        if not used[j] or existence < LEAST_BIRTH or n == len(slots):
            continue
        i = slots[n]
        h = i
        x, P = hypotheses.mean[h, 0], hypotheses.covariance[h, 0]
        for a in range(STATE):
            x[a] = 0.0
            for b in range(STATE):
                P[a, b] = 0.0
        m = measurement(table, j)
        if not place(radar, m, options.height_mean_m, options.height_sigma_m, x, P):
            continue
        n += 1
        _, ux, uy, uz = vertical(radar.flat, x[0], x[1], x[2])
        level = options.birth_speed_mps * options.birth_speed_mps
        extra = options.birth_climb_mps * options.birth_climb_mps - level
        for a in range(3):
            ua = ux if a == 0 else (uy if a == 1 else uz)
            for b in range(3):
                ub = ux if b == 0 else (uy if b == 1 else uz)
                P[a + 3, b + 3] = extra * ua * ub + (level if a == b else 0.0)
        hypotheses.track[h] = i
        hypotheses.modes[h] = 1
        hypotheses.probability[h, 0] = 1.0
        tracks.alive[i] = True
        tracks.id[i] = 0
        tracks.status[i] = TENTATIVE
        tracks.born_ns[i] = plots.time_ns[j]
        tracks.time_ns[i] = plots.time_ns[j]
        tracks.existence[i] = existence
        tracks.born_existence[i] = existence
        tracks.agile[i] = motion.agile_prior
        tracks.address[i] = plots.address[j]
        tracks.mode_a[i] = NO_MODE_A if plots.flags[j] & 96 else plots.mode_a[j]
        tracks.callsign[i] = plots.callsign[j]
        tracks.pressure_altitude_m[i] = plots.pressure_altitude_m[j]
        tracks.detections[i] = 1
        tracks.misses[i] = 0
        for s in range(tracks.looked_ns.shape[1]):
            tracks.looked_ns[i, s] = 0
            tracks.seen_ns[i, s] = 0
            tracks.due_ns[i, s] = 0
        tracks.looked_ns[i, sensor] = plots.time_ns[j]
        tracks.seen_ns[i, sensor] = plots.time_ns[j]
        tracks.detected_ns[i] = plots.time_ns[j]
        tracks.plot[i] = plots.id[j]
        for a in range(6):
            tracks.mean[i, a] = x[a]
            for b in range(6):
                tracks.covariance[i, a, b] = P[a, b]
