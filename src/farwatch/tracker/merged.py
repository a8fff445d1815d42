"""Merged plots: looks that a sensor may not tell apart, solved together with the plots that they may have in common.

A merged plot lies at the centroid of its targets' echoes, weighed by their strength. For each of them it is a
measurement of its own place: moved by its offset from the centroid, given that they share a cell, with the offset's
variance on top of the plot's. So it says little of how they lie about one another, and moves them together.
"""

from __future__ import annotations

import math

import numpy as np

from farwatch.association.events import Candidates, Events
from farwatch.association.gate import Window, in_window
from farwatch.association.joint import TOGETHER_MPS, Velocities, solve_jointly
from farwatch.association.resolution import (
    MOST_NEAR,
    Seen,
    apart,
    apart_surely,
    draw_partitions,
    find_near,
    link_exchangeable,
)
from farwatch.kernels import kernel, leaf
from farwatch.plots import NO_ADDRESS, Kind
from farwatch.sensors import further_space, gate_coordinates
from farwatch.sensors.measurement import COLUMNS, FELLOW, measurement
from farwatch.sensors.radar import seen_at
from farwatch.tracker.gate import Scratch, plot_likelihood
from farwatch.tracks import MODES, STATE

PRIMARY = int(Kind.PSR)
LEAST_EXISTENCE = 0.2  # of a track that may be the other aircraft in a plot
LEAST_AMBIGUOUS = 0.05  # of one that may have changed plots with another
MOST_PLOTS = 16
LEAST_SHARE = 0.003  # probability that some looks are one cell, below which no plot is taken for theirs
NEGLIGIBLE = 1e-6
HULL_SIGMAS = 4.0
RATE = 8


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
def near_looks(looks, hypotheses, model, radar):  # type: ignore[no-untyped-def]
    """Where all looks are expected; the lowest of those that each may share a cell with (`find_near`); and of which a
    second look (`gate.look_again`) would be idle, as a plot near them may be theirs together."""
    n = len(looks.time_ns)
    idle = np.zeros(n, np.bool_)
    if model.cell_v <= 0.0:
        return nothing_seen(n), np.full(n, -1, np.int64), idle
    seen, wanted = see(looks, hypotheses, radar)
    cell = find_near(seen, wanted, model.turn_u, model.cell_u, model.cell_v)
    plots = np.zeros(n, np.int64)
    for k in range(n):
        if cell[k] >= 0:
            plots[cell[k]] += looks.first[k + 1] - looks.first[k]
    for k in range(n):
        if cell[k] >= 0:
            idle[k] = plots[cell[k]] > looks.first[k + 1] - looks.first[k]
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
        if o == i or not mask >> o & 1 or tracks.detections[t] < 3:
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


@leaf
def common_likelihood(seen, members, mask, spread, m, model, chi2_gate):  # type: ignore[no-untyped-def]
    """Likelihood of measurement m as the common plot of the `members` in a mask; 0 outside its gate.

    The centroid errs as one of them does: those that fly together err together.
    """
    count, first = 0, -1
    du = v = w = uu = uv = vv = ww = 0.0
    for i in range(len(members)):
        if mask >> i & 1:
            k = members[i]
            first = k if first < 0 else first
            count += 1
            du += apart(seen.u[k], seen.u[first], model.turn_u)
            v += seen.v[k]
            w += seen.w[k]
            uu += seen.uu[k]
            uv += seen.uv[k]
            vv += seen.vv[k]
            ww += seen.ww[k]
    u = seen.u[first] + du / count
    ru, rv = apart(m.z1, u, model.turn_u), m.z0 - v / count
    uu, uv, vv = uu / count + spread[0] + m.c11, uv / count, vv / count + spread[1] + m.c00
    determinant = max(uu * vv - uv * uv, 1e-300)
    chi2 = (vv * ru * ru - 2.0 * uv * ru * rv + uu * rv * rv) / determinant
    log_likelihood = -0.5 * (chi2 + math.log(determinant)) - math.log(2.0 * math.pi)
    scalars = 2
    if m.measured & 4:
        ww = ww / count + m.c22
        rw = m.z2 - w / count
        chi2 += rw * rw / ww
        log_likelihood -= 0.5 * (rw * rw / ww + math.log(2.0 * math.pi * ww))
        scalars = 3
    if chi2 > chi2_gate[scalars]:
        return 0.0
    return math.exp(min(max(log_likelihood, -300.0), 300.0))


@leaf
def member_row(seen, members, mask, i, offset, variance, source, row):  # type: ignore[no-untyped-def]
    """Fill `row` of a measurement table with what a merged plot, the row `source`, says of member i."""
    for column in range(COLUMNS):
        row[column] = source[column]
    row[0] = int(source[0]) & ~RATE
    row[1] += offset[1]
    row[2] += offset[0]
    row[6] += variance[1]
    row[9] += variance[0]
    count, w, ww = 0, 0.0, 0.0
    for o in range(len(members)):
        if mask >> o & 1:
            count += 1
            w += seen.w[members[o]]
            ww += seen.ww[members[o]]
    w /= count
    scatter = 0.0
    for o in range(len(members)):
        if mask >> o & 1:
            scatter += (seen.w[members[o]] - w) ** 2
    row[3] += seen.w[members[i]] - w
    # As for a pair in the other coordinates: (variance of the difference) / 3, and what the strengths leave open.
    row[11] += 2.0 * ww / (3.0 * count) + scatter / (count * (count + 1.0))


@kernel
def plots_of(candidates, edge_look, edge_plot, near, root, local):  # type: ignore[no-untyped-def]
    """The plots that the looks near `root` may belong to; `local` becomes their place in the list."""
    out = np.empty(MOST_PLOTS + 1, np.int64)
    m = 0
    for e in range(len(edge_plot)):
        if near[edge_look[e]] == root and local[edge_plot[e]] < 0 and m <= MOST_PLOTS:
            out[m] = edge_plot[e]
            local[edge_plot[e]] = m
            m += 1
    return out[:m]


@kernel
def free_of_others(candidates, events, near, root, which, local):  # type: ignore[no-untyped-def]
    """What share of each plot's likelihood the looks that are not near `root` leave (Williams & Lau 2014: messages)."""
    others = np.zeros(len(which))
    for e in range(len(candidates.plot)):
        b = local[candidates.plot[e]]
        if b >= 0 and near[candidates.look[e]] != root:
            others[b] += events.weight[e]
    free = np.empty(len(which))
    for b in range(len(which)):
        birth = max(events.birth[which[b]], 1e-12)
        free[b] = birth / (birth + others[b])
    return free


@kernel
def give_way(candidates, events, near, root, which, local, free, taken):  # type: ignore[no-untyped-def]
    """Weights of the other looks, and of births, now that the looks near `root` take the plots with `taken` (m,)."""
    m = len(which)
    before, after = np.zeros(m), np.empty(m)
    for e in range(len(candidates.plot)):
        b = local[candidates.plot[e]]
        if b >= 0 and near[candidates.look[e]] == root:
            before[b] += events.weight[e]
    for b in range(m):
        before[b] /= max(events.birth[which[b]], 1e-12)
        left = max(1.0 - taken[b], 1e-9)
        after[b] = taken[b] / left / free[b]
    for k in range(len(near)):
        touched = False
        for e in range(candidates.first[k], candidates.first[k + 1]):
            touched = touched or (near[k] != root and local[candidates.plot[e]] >= 0)
        if not touched:
            continue
        total = max(events.miss[k], 1e-12)
        for e in range(candidates.first[k], candidates.first[k + 1]):
            b = local[candidates.plot[e]]
            if b >= 0:
                others = max((1.0 - events.weight[e]) / max(events.birth[which[b]], 1e-12) - 1.0, 0.0)
                events.weight[e] *= (1.0 + others) / (1.0 + max(others - before[b], 0.0) + after[b])
            total += events.weight[e]
        for e in range(candidates.first[k], candidates.first[k + 1]):
            events.weight[e] /= total
        events.miss[k] = max(events.miss[k], 1e-12) / total
    used = taken.copy()
    for e in range(len(candidates.plot)):
        b = local[candidates.plot[e]]
        if b >= 0 and near[candidates.look[e]] != root:
            used[b] += events.weight[e]
    for b in range(m):
        events.birth[which[b]] = max(1.0 - used[b], 0.0)


@kernel
def join_rows(  # type: ignore[no-untyped-def]
    candidates, looks, hypotheses, plots, model, radar, table, first_row, row_look, row_event, rows, event_plot
):
    """`Candidates` with the rows of merged plots behind each look's own."""
    n, count = len(candidates.plot), len(candidates.first) - 1
    out = Candidates(
        np.empty(n + rows, np.int64),
        np.empty(n + rows, np.int64),
        np.zeros(count + 1, np.int64),
        np.zeros(n + rows),
        np.zeros((n + rows, MODES)),
        np.empty(n + rows, np.int64),
        np.empty(n + rows, np.int64),
    )
    scratch = Scratch(
        np.empty(STATE), np.empty((STATE, STATE)), np.empty(STATE), np.empty(MODES), np.empty((MODES, MODES))
    )
    everywhere = np.full(8, 1e30)
    at = 0
    for k in range(count):
        for e in range(candidates.first[k], candidates.first[k + 1]):
            out.plot[at], out.look[at], out.likelihood[at] = candidates.plot[e], k, candidates.likelihood[e]
            out.mode_likelihood[at] = candidates.mode_likelihood[e]
            out.row[at], out.event[at] = candidates.row[e], candidates.event[e]
            at += 1
        for r in range(rows):
            if row_look[r] != k:
                continue
            j = event_plot[row_event[r]]
            out.plot[at], out.look[at] = j, k
            out.row[at], out.event[at] = first_row + r, n + row_event[r]
            plot_likelihood(
                model,
                radar,
                measurement(table, first_row + r),
                (plots.time_ns[j] - looks.time_ns[k]) * 1e-9,
                hypotheses.modes[looks.hypothesis[k]],
                looks.probability[k],
                looks.mean[k],
                looks.covariance[k],
                everywhere,
                scratch,
                out.mode_likelihood[at],
            )
            at += 1
        out.first[k + 1] = at
    return out


@kernel
def with_common(  # type: ignore[no-untyped-def]
    candidates,
    edge_look,
    edge_plot,
    events,
    clusters,
    looks,
    tracks,
    hypotheses,
    seen,
    cell,
    near,
    plots,
    table,
    model,
    radar,
    density,
    options,
):
    """Candidates, events and measurement table with merged plots, where looks of closed clusters are near one another.

    What other looks of their clusters take of a plot is as belief propagation left it, and the other way round.
    """
    n, count = len(candidates.plot), len(near)
    some = False
    for k in range(count):
        some = some or (near[k] >= 0 and near[k] != k and clusters.closed[clusters.look[k]])
    if not some:
        return candidates, events, table
    room = 64
    added, rows = 0, 0  # events; candidates, each with a row of the table
    event_plot, event_mask, event_weight = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    event_first = np.empty(room, np.int64)  # index into `of` of the members
    of = np.empty(count, np.int64)
    row_look, row_event = np.empty(room * MOST_NEAR, np.int64), np.empty(room * MOST_NEAR, np.int64)
    fresh = np.empty((room * MOST_NEAR, COLUMNS))
    filled = 0
    local = np.full(len(clusters.plot), -1, np.int64)
    for root in range(count):
        if near[root] != root or not clusters.closed[clusters.look[root]]:
            continue
        begin = filled
        for k in range(root, count):
            if near[k] == root:
                of[filled] = k
                filled += 1
        members = of[begin:filled]
        if len(members) < 2:
            filled = begin
            continue
        which = plots_of(candidates, edge_look, edge_plot, near, root, local)
        if not 1 <= len(which) <= MOST_PLOTS:
            for b in range(len(which)):
                local[which[b]] = -1
            continue
        size, m = len(members), len(which)
        existence, detection = looks.existence[members], looks.detection[members]
        linked = False
        for i in range(size):
            linked = linked or (cell[members[i]] >= 0 and cell[members[i]] != members[i])
        if linked:
            before = tracks.plot[hypotheses.track[looks.hypothesis[members]]]
            partitions = draw_partitions(seen, members, existence, before, model.turn_u, model.cell_u, model.cell_v)
        else:
            partitions = apart_surely(existence)
        free = free_of_others(candidates, events, near, root, which, local)
        alone, common = np.zeros((size, m)), np.zeros((1 << size, m))
        for i in range(size):
            for e in range(candidates.first[members[i]], candidates.first[members[i] + 1]):
                b = local[candidates.plot[e]]
                alone[i, b] = candidates.likelihood[e] * free[b]
        for mask in range(1 << size):
            if mask & (mask - 1) == 0 or partitions.share[mask] < LEAST_SHARE:
                continue
            for b in range(m):
                j = which[b]
                if plots.kind[j] == PRIMARY and plots.address[j] == NO_ADDRESS:
                    one = measurement(table, j)
                    likelihood = common_likelihood(
                        seen, members, mask, partitions.centroid[mask], one, model, options.chi2_gate
                    ) * further_space(model, one.measured, one.height_m)
                    common[mask, b] = likelihood / (density.false[j] + density.birth[j]) * free[b]
        velocities = velocities_of(
            looks, tracks, hypotheses, seen, members, which, plots, model, options.birth_speed_mps
        )
        told, found = solve_jointly(alone, common, detection, partitions, velocities, not options.coalesce)
        if told:
            give_way(candidates, events, near, root, which, local, free, found.taken)
            for i in range(size):
                events.miss[members[i]] = found.miss[i]
                for e in range(candidates.first[members[i]], candidates.first[members[i] + 1]):
                    events.weight[e] = found.alone[i, local[candidates.plot[e]]]
            for mask in range(1 << size):
                for b in range(m):
                    if found.common[mask, b] <= NEGLIGIBLE or added == room:
                        continue
                    event_plot[added], event_mask[added] = which[b], mask
                    event_weight[added], event_first[added] = found.common[mask, b], begin
                    for i in range(size):
                        if mask >> i & 1:
                            member_row(
                                seen,
                                members,
                                mask,
                                i,
                                partitions.offset[mask, i],
                                partitions.variance[mask, i],
                                table[which[b]],
                                fresh[rows],
                            )
                            fellow_velocity(looks, tracks, hypotheses, members, mask, i, fresh[rows])
                            row_look[rows], row_event[rows] = members[i], added
                            rows += 1
                    added += 1
        for b in range(m):
            local[which[b]] = -1
    if rows == 0:
        return candidates, events, table
    longer = np.empty((len(table) + rows, COLUMNS))
    longer[: len(table)] = table
    longer[len(table) :] = fresh[:rows]
    joined = join_rows(
        candidates, looks, hypotheses, plots, model, radar, longer, len(table), row_look, row_event, rows, event_plot
    )
    start, look = np.empty(n + added + 1, np.int64), np.empty(n + rows, np.int64)
    start[: n + 1] = np.arange(n + 1)
    look[:n] = candidates.look
    plot, weight = np.empty(n + added, np.int64), np.empty(n + added)
    plot[:n], weight[:n] = events.plot, events.weight
    plot[n:], weight[n:] = event_plot[:added], event_weight[:added]
    at = n
    for e in range(added):
        for r in range(rows):
            if row_event[r] == e:
                look[at] = row_look[r]
                at += 1
        start[n + e + 1] = at
    return joined, Events(plot, start, look, weight, events.miss, events.birth), longer
