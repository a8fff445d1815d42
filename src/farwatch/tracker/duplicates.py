"""Duplicates: tracks of one aircraft, which share its plots and lie on one another."""

from __future__ import annotations

import math

import numpy as np

from farwatch.kernels import kernel, leaf
from farwatch.picture import Status
from farwatch.plots import NO_ADDRESS, NO_MODE_A
from farwatch.tracker.lifecycle import FEWEST_DETECTIONS
from farwatch.tracks import vague

TENTATIVE = int(Status.TENTATIVE)
WORTH_MERGING = 0.1
MOST_COMPARED = 512  # shared plots of a look with others that are gone through for duplicates
SAME_CHI2 = 12.0  # two tracks closer than this (6 components) and sharing plots are one aircraft


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


@leaf
def may_be_one(address, mode_a, other_address, other_mode_a):  # type: ignore[no-untyped-def]
    """Whether two identities may be one aircraft's: the addresses decide where both are known, else the codes."""
    if address != NO_ADDRESS and other_address != NO_ADDRESS:
        return address == other_address
    return mode_a == other_mode_a or min(mode_a, other_mode_a) == NO_MODE_A


@leaf
def share_a_plot(candidates, events, k, other):  # type: ignore[no-untyped-def]
    """Whether looks k and `other` most likely have one merged plot."""
    for e in range(candidates.first[k], candidates.first[k + 1]):
        event = candidates.event[e]
        if events.weight[event] > 0.5:
            for m in range(events.start[event], events.start[event + 1]):
                if events.look[m] == other:
                    return True
    return False


@kernel
def merge_duplicates(tracks, hypotheses, looks, candidates, events, clusters, cell, done):  # type: ignore[no-untyped-def]
    """Merge tracks that share a plot, lie on one another and between them exist about once.

    The Bernoullis of one aircraft share its plots, so their existences sum to about one; those of two aircraft in
    formation sum to two and are left alone, and so are those that have a merged plot, once each has had plots of its
    own. The likelier state is kept, under the older number.
    """
    plots = len(clusters.plot)
    head = np.full(plots, -1, np.int64)
    after = np.full(len(candidates.plot), -1, np.int64)
    for e in range(len(candidates.plot) - 1, -1, -1):
        j = candidates.plot[e]
        after[e] = head[j]
        head[j] = e
    compared = np.full(len(done), -1, np.int64)
    for k in range(len(done)):
        i = hypotheses.track[looks.hypothesis[k]]
        if not done[k]:
            continue
        left = MOST_COMPARED
        for e in range(candidates.first[k], candidates.first[k + 1]):
            f = after[e]  # looks with higher numbers, each pair once
            while f >= 0 and left > 0:
                left -= 1
                other = candidates.look[f]
                f = after[f]
                if compared[other] == k:
                    continue
                compared[other] = k
                o = hypotheses.track[looks.hypothesis[other]]
                if not done[other] or not tracks.alive[i] or not tracks.alive[o]:
                    continue
                if tracks.plot[i] >= 0 and tracks.plot[o] >= 0 and tracks.plot[i] != tracks.plot[o]:
                    continue  # each has a plot of its own: two aircraft
                if min(tracks.detections[i], tracks.detections[o]) >= FEWEST_DETECTIONS and share_a_plot(
                    candidates, events, k, other
                ):
                    continue
                tentative_i, tentative_o = tracks.status[i] == TENTATIVE, tracks.status[o] == TENTATIVE
                between = tracks.existence[i] + tracks.existence[o]
                # Where just one is tentative, it has followed the other's plots. The unlikely die by themselves.
                # Of two that the sensor may not tell apart, a miss says less.
                most = 1.1 if cell[k] >= 0 and cell[k] == cell[other] else 1.5
                if between < WORTH_MERGING or (between > most and tentative_i == tentative_o):
                    continue
                if not may_be_one(tracks.address[i], tracks.mode_a[i], tracks.address[o], tracks.mode_a[o]):
                    continue
                if vague(tracks.covariance[i]) or vague(tracks.covariance[o]):
                    continue
                dt = (tracks.time_ns[i] - tracks.time_ns[o]) * 1e-9
                if (
                    distance2(tracks.mean[i], tracks.covariance[i], tracks.mean[o], tracks.covariance[o], dt)
                    > SAME_CHI2
                ):
                    continue
                if tentative_i != tentative_o:
                    keep = o if tentative_i else i
                else:
                    keep = i if tracks.existence[i] >= tracks.existence[o] else o
                drop = i + o - keep
                if not tentative_i and not tentative_o and tracks.id[drop] < tracks.id[keep]:
                    tracks.id[drop], tracks.id[keep] = tracks.id[keep], tracks.id[drop]
                    tracks.born_ns[keep] = tracks.born_ns[drop]
                tracks.existence[keep] = min(between, 1.0)
                tracks.group[keep] = -1  # it goes on with what stands for both
                tracks.alive[drop] = False
