"""Merged plots: looks that a sensor may not tell apart, solved together with the plots that they may have in common.

A merged plot lies at the centroid of its targets' echoes, weighed by their strength. For each of them it is a
measurement of its own place: moved by its offset from the centroid, given that they share a cell, with the offset's
variance on top of the plot's. So it says little of how they lie about one another, and moves them together.
"""

from __future__ import annotations

import math

import numpy as np

from farwatch.association.events import Candidates, Events
from farwatch.association.joint import solve_jointly
from farwatch.association.resolution import MOST_NEAR, apart, apart_surely, draw_partitions
from farwatch.kernels import kernel, leaf
from farwatch.plots import NO_ADDRESS, Kind
from farwatch.sensors import further_space
from farwatch.sensors.measurement import COLUMNS, measurement
from farwatch.tracker.company import MOST_PLOTS, fellow_velocity, velocities_of
from farwatch.tracker.gate import Scratch, plot_likelihood
from farwatch.tracks import MODES, STATE

PRIMARY = int(Kind.PSR)
LEAST_SHARE = 0.003  # probability that some looks are one cell, below which no plot is taken for theirs
NEGLIGIBLE = 1e-6
RATE = 8


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
