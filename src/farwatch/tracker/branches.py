"""Branches: a young track that may go on with one plot or another becomes a track for each.

Two plots make a velocity. Where the gate of a first plot holds several others, the mean of the velocities that they
make is that of none, and its covariance leaves the gate so wide that the next scan decides nothing either. So the
components of a tentative track's mixture become Bernoullis of their own, each with its weight as its existence: the
sum is what it was, and the next look tells.
"""

from __future__ import annotations

import numpy as np

from farwatch.kernels import kernel, leaf
from farwatch.picture import Status
from farwatch.sensors import correct
from farwatch.sensors.measurement import measurement
from farwatch.tracker.correct import remember_identity
from farwatch.tracker.looks import unseen
from farwatch.tracks import STATE, copy_gaussian, note_heard

TENTATIVE = int(Status.TENTATIVE)
WORTH_BRANCHING = 0.003  # share of the mixture: a lesser part may stay in it, or go
LEAST_BRANCH = 1e-4  # existence


@leaf
def copy_track(tracks, hypotheses, i, o):  # type: ignore[no-untyped-def]
    """Make row o what the tentative track i is, but for its state."""
    tracks.alive[o], tracks.shown[o], tracks.id[o], tracks.status[o] = True, False, 0, TENTATIVE
    tracks.born_ns[o], tracks.time_ns[o] = tracks.born_ns[i], tracks.time_ns[i]
    tracks.agile[o], tracks.company[o], tracks.strikes[o] = tracks.agile[i], tracks.company[i], tracks.strikes[i]
    tracks.address[o], tracks.mode_a[o], tracks.callsign[o] = tracks.address[i], tracks.mode_a[i], tracks.callsign[i]
    tracks.pressure_altitude_m[o] = tracks.pressure_altitude_m[i]
    tracks.detections[o], tracks.misses[o] = tracks.detections[i], tracks.misses[i]
    tracks.detected_ns[o], tracks.plot[o] = tracks.detected_ns[i], -1
    for sensor in range(tracks.looked_ns.shape[1]):
        tracks.looked_ns[o, sensor], tracks.seen_ns[o, sensor] = tracks.looked_ns[i, sensor], tracks.seen_ns[i, sensor]
        tracks.due_ns[o, sensor] = 0
    for technology in range(tracks.heard_ns.shape[1]):
        tracks.heard_ns[o, technology] = tracks.heard_ns[i, technology]
    tracks.group[o] = -1
    hypotheses.track[o], hypotheses.modes[o], hypotheses.probability[o, 0] = o, 1, 1.0


@leaf
def add_branch(tracks, hypotheses, looks, plots, table, model, radar, sensor, k, j, existence, o, g):  # type: ignore[no-untyped-def]
    """Make row o the track of look k that has met plot j (-1: none)."""
    i = hypotheses.track[looks.hypothesis[k]]
    copy_track(tracks, hypotheses, i, o)
    x, P = hypotheses.mean[o, 0], hypotheses.covariance[o, 0]
    copy_gaussian(looks.mean[k, 0], looks.covariance[k, 0], 6, x, P)
    tracks.existence[o], tracks.born_existence[o] = existence, existence
    tracks.time_ns[o], tracks.looked_ns[o, sensor] = looks.time_ns[k], looks.time_ns[k]
    tracks.due_ns[o, sensor] = looks.next_due_ns[k]
    if j < 0:
        tracks.misses[o] += 1
    else:
        dt = (plots.time_ns[j] - looks.time_ns[k]) * 1e-9
        for a in range(3):
            x[a] += x[a + 3] * dt
        correct(model, radar, measurement(table, j), x, P, 6, g)
        for a in range(3):
            x[a] -= x[a + 3] * dt
        tracks.detections[o] += 1
        tracks.misses[o] = 0
        tracks.detected_ns[o], tracks.seen_ns[o, sensor] = looks.time_ns[k], looks.time_ns[k]
        tracks.plot[o] = plots.id[j]
        note_heard(tracks.heard_ns[o], plots.kind[j], looks.time_ns[k])
        remember_identity(tracks, o, plots, j)
    copy_gaussian(x, P, 6, tracks.mean[o], tracks.covariance[o])


@kernel
def branch(  # type: ignore[no-untyped-def]
    tracks, hypotheses, slots, looks, candidates, events, clusters, apart, plots, table, model, radar, sensor
):
    """Give each considerable component of a tentative track's next mixture, but the greatest, a row of its own.

    Takes those components out of the `events`; returns how many of the free rows `slots` it has used. Where these end,
    the rest stays in the mixture. Looks that have been kept `apart` (n,) have it all in their hypotheses.
    """
    n = 0
    g = np.empty(STATE)
    for k in range(len(looks.time_ns)):
        i = hypotheses.track[looks.hypothesis[k]]
        begin, end = candidates.first[k], candidates.first[k + 1]
        if begin == end or apart[k] or tracks.status[i] != TENTATIVE or not clusters.closed[clusters.look[k]]:
            continue
        missed = events.miss[k] * unseen(looks.existence[k], looks.detection[k])
        best, greatest, total = -1, missed, missed
        for e in range(begin, end):
            weight = events.weight[candidates.event[e]]
            total += weight
            if weight > greatest:
                best, greatest = e, weight
        least = max(WORTH_BRANCHING * total, LEAST_BRANCH)
        for e in range(begin - 1, end):
            event = candidates.event[e] if e >= begin else -1
            if event >= 0 and events.start[event + 1] - events.start[event] > 1:
                continue  # a merged plot is not this track's alone
            e_or_miss = e if e >= begin else -1
            weight = missed if event < 0 else events.weight[event]
            if e_or_miss == best or weight < least or n == len(slots):
                continue
            plot = -1 if event < 0 else candidates.plot[e]
            add_branch(tracks, hypotheses, looks, plots, table, model, radar, sensor, k, plot, weight, slots[n], g)
            n += 1
            if event < 0:
                events.miss[k] = 0.0
            else:
                events.weight[event] = 0.0
    return n
