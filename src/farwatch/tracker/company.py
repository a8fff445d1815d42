"""Company: which looks a sensor may not tell apart, or that may have changed plots, and how they fly."""

from __future__ import annotations

import math

import numpy as np

from farwatch.association.gate import Window, in_window
from farwatch.association.joint import TOGETHER_MPS, Velocities
from farwatch.association.resolution import Seen, apart, find_near, link_exchangeable
from farwatch.kernels import kernel, leaf
from farwatch.sensors import gate_coordinates
from farwatch.sensors.measurement import FELLOW
from farwatch.sensors.seen import seen_at

LEAST_EXISTENCE = 0.2  # of a track that may be the other aircraft in a plot
LEAST_AMBIGUOUS = 0.05  # of one that may have changed plots with another
MOST_PLOTS = 16
HULL_SIGMAS = 4.0
SETTLED = 3  # detections from which on a track's velocity says something of its fellows'


@leaf
def packed_moments(probability, mean, covariance, modes, x, S, v):  # type: ignore[no-untyped-def]
    """Fill `x` (3,) and S (6,), packed 00 01 02 11 12 22, with the moments of the position over all modes; `v` (3,)
    with the mean velocity."""
    for a in range(3):
        x[a], v[a] = 0.0, 0.0
        for mode in range(modes):
            x[a] += probability[mode] * mean[mode, a]
            v[a] += probability[mode] * mean[mode, a + 3]
    place = 0
    for a in range(3):
        for b in range(a, 3):
            S[place] = 0.0
            for mode in range(modes):
                S[place] += probability[mode] * (
                    covariance[mode, a, b] + (mean[mode, a] - x[a]) * (mean[mode, b] - x[b])
                )
            place += 1


@kernel
def nothing_seen(n):  # type: ignore[no-untyped-def]
    """`Seen` of n looks, all zero."""
    return Seen(
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
    )


@kernel
def see(looks, hypotheses, radar):  # type: ignore[no-untyped-def]
    """Where all looks are expected, as the radar sees it, and which of them may share a plot with others."""
    n = len(looks.time_ns)
    seen = nothing_seen(n)
    wanted = np.zeros(n, np.bool_)
    x, S, v = np.empty(3), np.empty(6), np.empty(3)
    for k in range(n):
        if looks.existence[k] < LEAST_AMBIGUOUS:
            continue
        modes = hypotheses.modes[looks.hypothesis[k]]
        packed_moments(looks.probability[k], looks.mean[k], looks.covariance[k], modes, x, S, v)
        packed = (S[0], S[1], S[2], S[3], S[4], S[5])
        u, along, w, uu, uv, vv, ww, rate_across, rate_along = seen_at(
            radar, x[0], x[1], x[2], packed, v[0], v[1], v[2]
        )
        seen.u[k], seen.v[k], seen.w[k] = u, along, w
        seen.uu[k], seen.uv[k], seen.vv[k], seen.ww[k] = uu, uv, vv, ww
        seen.across[k], seen.along[k] = rate_across, rate_along
        wanted[k] = looks.existence[k] >= LEAST_EXISTENCE
    return seen, wanted


@kernel
def near_looks(looks, tracks, hypotheses, model, radar):  # type: ignore[no-untyped-def]
    """Where all looks are expected; the lowest of those that each may share a cell with (`find_near`); and of which a
    second look (`gate.look_again`) would be idle: one that they had a plot in common with has plots again.

    Tracks learn of their company.
    """
    n = len(looks.time_ns)
    idle = np.zeros(n, np.bool_)
    if model.cell_v <= 0.0:
        return nothing_seen(n), np.full(n, -1, np.int64), idle
    seen, wanted = see(looks, hypotheses, radar)
    cell = find_near(seen, wanted, model.turn_u, model.cell_u, model.cell_v)
    for k in range(n):
        tracks.company[hypotheses.track[looks.hypothesis[k]]] = False
    for k in range(n):
        if cell[k] < 0 or cell[k] == k:
            continue
        for o in range(cell[k], k):
            i, other = hypotheses.track[looks.hypothesis[k]], hypotheses.track[looks.hypothesis[o]]
            if cell[o] == cell[k]:
                tracks.company[i] = tracks.company[other] = True
                if tracks.plot[i] >= 0 and tracks.plot[i] == tracks.plot[other]:
                    idle[k] = idle[k] or looks.first[o + 1] > looks.first[o]
                    idle[o] = idle[o] or looks.first[k + 1] > looks.first[k]
    return seen, cell, idle


@kernel
def together(looks, candidates, tracks, hypotheses, cell, model):  # type: ignore[no-untyped-def]
    """The lowest of the looks that each is to be solved with (`link_exchangeable`)."""
    n = len(looks.time_ns)
    if model.cell_v <= 0.0:
        return np.full(n, -1, np.int64)
    fresh = np.empty(n, np.bool_)
    for k in range(n):
        fresh[k] = tracks.detections[hypotheses.track[looks.hypothesis[k]]] == 1
    return link_exchangeable(candidates, cell, looks.existence, fresh, LEAST_AMBIGUOUS)


@kernel
def common_edges(candidates, seen, cell, model, in_bands):  # type: ignore[no-untyped-def]
    """Looks and plots that belong together: the candidates', and the plots between looks that are near."""
    n = len(candidates.plot)
    some = False
    for k in range(len(cell)):
        some = some or (cell[k] >= 0 and cell[k] != k)
    if not some:
        return candidates.look, candidates.plot
    most = n + MOST_PLOTS * len(cell)
    look, plot = np.empty(most, np.int64), np.empty(most, np.int64)
    look[:n], plot[:n] = candidates.look, candidates.plot
    for k in range(len(cell)):
        if cell[k] < 0 or cell[k] == k:
            continue
        o = cell[k]
        du, dv, dw = apart(seen.u[k], seen.u[o], model.turn_u), seen.v[k] - seen.v[o], seen.w[k] - seen.w[o]
        window = Window(
            seen.u[o] + 0.5 * du,
            0.5 * abs(du) + HULL_SIGMAS * math.sqrt(max(seen.uu[k], seen.uu[o]) + model.variances[1]),
            seen.v[o] + 0.5 * dv,
            0.5 * abs(dv) + HULL_SIGMAS * math.sqrt(max(seen.vv[k], seen.vv[o]) + model.variances[0]),
            seen.w[o] + 0.5 * dw,
            0.5 * abs(dw) + HULL_SIGMAS * math.sqrt(max(seen.ww[k], seen.ww[o]) + model.variances[2]),
        )
        found = min(in_window(in_bands, window, plot[n : n + MOST_PLOTS]), MOST_PLOTS)
        look[n : n + found] = k
        n += found
    return look[:n], plot[:n]


@leaf
def fellow_velocity(looks, tracks, hypotheses, members, mask, i, row):  # type: ignore[no-untyped-def]
    """Fill the last columns of `row` with the mean velocity of the others in a mask, where they know theirs."""
    count, variance = 0, 0.0
    for a in range(4):
        row[FELLOW + a] = 0.0
    for o in range(len(members)):
        t = hypotheses.track[looks.hypothesis[members[o]]]
        if o == i or not mask >> o & 1 or tracks.detections[t] < SETTLED:
            continue
        count += 1
        for a in range(3):
            row[FELLOW + a] += tracks.mean[t, a + 3]
            variance += tracks.covariance[t, a + 3, a + 3] / 3.0
    if count == 0:
        return
    for a in range(3):
        row[FELLOW + a] /= count
    row[FELLOW + 3] = TOGETHER_MPS * TOGETHER_MPS + variance / count


@kernel
def velocities_of(looks, tracks, hypotheses, seen, members, which, plots, model, speed_mps):  # type: ignore[no-untyped-def]
    """`Velocities` of the looks `members`, and those that the plots `which` would give the fresh ones."""
    n, m = len(members), len(which)
    out = Velocities(np.zeros(n, np.bool_), np.empty((n, 2)), np.zeros((n, m, 2)), np.zeros((n, 2)), speed_mps**2)
    if model.cell_v <= 0.0:
        return out
    for i in range(n):
        k = members[i]
        h = looks.hypothesis[k]
        row = hypotheses.track[h]
        since_s = (looks.time_ns[k] - tracks.time_ns[row]) * 1e-9
        out.fresh[i] = tracks.detections[row] == 1 and since_s > 0.0
        out.known[i, 0], out.known[i, 1] = seen.across[k], seen.along[k]
        if not out.fresh[i]:
            continue
        out.variance[i, 0] = 2.0 * model.variances[1] * (seen.v[k] / since_s) ** 2
        out.variance[i, 1] = 2.0 * model.variances[0] / since_s**2
        for b in range(m):
            u, v, _w = gate_coordinates(model, plots.z, which[b])
            out.given[i, b, 0] = seen.across[k] + apart(u, seen.u[k], model.turn_u) * seen.v[k] / since_s
            out.given[i, b, 1] = seen.along[k] + (v - seen.v[k]) / since_s
    return out
