"""Groups: clusters whose tracks keep their hypotheses apart, from the last scan's to the next one's."""

from __future__ import annotations

import numpy as np

from farwatch.association.clusters import find_clusters
from farwatch.association.events import Clusters
from farwatch.association.likeliest import likeliest_joint
from farwatch.kernels import kernel, leaf
from farwatch.motion.imm import TURN
from farwatch.plots import NO_ADDRESS, NO_MODE_A
from farwatch.tracker.apart import (
    LEAST,
    MOST_PLOTS,
    dense_clusters,
    find_events,
    find_members,
    gather,
    make_states,
    predict_states,
    put_marginals,
    updated_states,
)
from farwatch.tracker.correct import moment_match
from farwatch.tracker.kept import MEMBERS, copy_state, free_group, in_group, likeliest_row
from farwatch.tracker.places import GONE, find_places, merge_globals, reduce_members
from farwatch.tracks import STATE, copy_gaussian

LEAST_IN_GATE = 0.07  # a local hypothesis counts as so likely where its track's gate is reckoned: the gate must hold it


@kernel
def find_kept_clusters(tracks, hypotheses, kept, looks, edge_look, edge_plot, plots, near):  # type: ignore[no-untyped-def]
    """`find_clusters` in which the looks of one group stay together, whether or not they share a plot this time."""
    groups = kept.size.max()
    if groups == 0:
        return find_clusters(edge_look, edge_plot, plots, looks.passed, looks.overdue, near)
    n, grouped = len(edge_plot), 0
    look, plot = np.empty(n + len(looks.passed), np.int64), np.empty(n + len(looks.passed), np.int64)
    look[:n], plot[:n] = edge_look, edge_plot
    for k in range(len(looks.passed)):
        g = tracks.group[hypotheses.track[looks.hypothesis[k]]]
        if g >= 0:  # as if they had a plot in common
            look[n + grouped], plot[n + grouped] = k, plots + g
            grouped += 1
    end = n + grouped
    found = find_clusters(look[:end], plot[:end], plots + len(kept.size), looks.passed, looks.overdue, near)
    return Clusters(found.look, found.plot[:plots].copy(), found.closed)


@leaf
def time_of(cluster, tracks, looks, t):  # type: ignore[no-untyped-def]
    """Time (ns) of the state of member t."""
    return looks.time_ns[cluster.look[t]] if cluster.look[t] >= 0 else tracks.time_ns[cluster.track[t]]


@leaf
def copy_mode(states, one, mode, dt, x, P):  # type: ignore[no-untyped-def]
    """One mode of local hypothesis `one`, moved on by a moment of `dt` seconds."""
    copy_gaussian(states.mean[one, mode], states.covariance[one, mode], STATE if mode == TURN else 6, x, P)
    for a in range(3):
        x[a] += x[a + 3] * dt


@kernel
def mix_states(states, share, member, cluster, tracks, looks):  # type: ignore[no-untyped-def]
    """One hypothesis a row of `share` (rows, states), each a track's (`member`): the moments of its share of `states`.

    States of other tracks are moved to the time of the row's: looks lie milliseconds apart.
    """
    rows, n = share.shape
    out = make_states(rows)
    weight, prior = np.empty(n), np.empty(n)
    means, covariances = np.empty((n, STATE)), np.empty((n, STATE, STATE))
    for s in range(rows):
        total, alive, last, parts = 0.0, 0.0, 0, 0
        for one in range(n):
            if share[s, one] > 0.0:
                total += share[s, one]
                alive += share[s, one] * states.existence[one]
                last, parts = one, parts + 1
        out.member[s], out.modes[s], out.existence[s] = member[s], states.modes[last], alive / total
        now_ns = time_of(cluster, tracks, looks, member[s])
        for one in range(n):
            prior[one] = share[s, one] * max(states.existence[one], 1e-12) if share[s, one] > 0.0 else 0.0
        sum_of_modes = 0.0
        for mode in range(out.modes[s]):
            parts = 0
            for one in range(n):
                w = prior[one] * states.probability[one, mode]
                if w <= 0.0:
                    continue
                dt = (now_ns - time_of(cluster, tracks, looks, states.member[one])) * 1e-9
                copy_mode(states, one, mode, dt, means[parts], covariances[parts])
                weight[parts] = w
                out.probability[s, mode] += w
                parts += 1
            size = STATE if mode == TURN else 6
            moment_match(weight, means, covariances, parts, size, out.mean[s, mode], out.covariance[s, mode])
            sum_of_modes += out.probability[s, mode]
        for mode in range(out.modes[s]):
            out.probability[s, mode] /= sum_of_modes
    return out


@kernel
def merge_places(weight, pick, states, cluster, tracks, looks):  # type: ignore[no-untyped-def]
    """Merge global hypotheses that fill the same places: weights, choices and the local hypotheses that these name."""
    n = len(states.member)
    total, owner = np.zeros(n), np.empty(n, np.int64)
    mean, covariance = np.empty((n, 6)), np.empty((n, 6, 6))
    now_ns = time_of(cluster, tracks, looks, 0)
    for g in range(len(weight)):
        for t in range(pick.shape[1]):
            total[pick[g, t]] += weight[g]
    for one in range(n):
        t = states.member[one]
        i = cluster.track[t]
        named = tracks.address[i] != NO_ADDRESS or tracks.mode_a[i] != NO_MODE_A
        gone = -2 if states.existence[one] < GONE else -1  # nobody's, wherever it was
        owner[one] = t if named or cluster.look[t] < 0 else gone
        moment_match(
            states.probability[one],
            states.mean[one],
            states.covariance[one],
            states.modes[one],
            6,
            mean[one],
            covariance[one],
        )
        dt = (now_ns - time_of(cluster, tracks, looks, t)) * 1e-9
        for a in range(3):
            mean[one, a] += mean[one, a + 3] * dt
    place = find_places(total, owner, states.modes, states.existence, mean, covariance)
    merged, choice, member, share = merge_globals(weight, pick, place)
    return merged, choice, mix_states(states, share, member, cluster, tracks, looks)


@kernel
def store(tracks, kept, weight, choice, states, cluster, stay):  # type: ignore[no-untyped-def]
    """Keep the global hypotheses of the members that `stay` as a group; whether there was room."""
    needed = 0
    for one in range(len(states.member)):
        needed += stay[states.member[one]]
    free = np.empty(needed, np.int64)
    n, row = 0, 0
    while n < needed and row < len(kept.track):
        if kept.track[row] < 0:
            free[n] = row
            n += 1
        row += 1
    g = 0
    while g < len(kept.size) and kept.size[g] > 0:
        g += 1
    if n < needed or g == len(kept.size):
        return False
    row_of = np.full(len(states.member), -1, np.int64)
    n = 0
    for one in range(len(states.member)):
        t = states.member[one]
        if not stay[t]:
            continue
        row = free[n]
        n += 1
        row_of[one] = row
        kept.track[row], kept.existence[row] = cluster.track[t], states.existence[one]
        kept.modes[row] = states.modes[one]
        copy_state(
            states.probability[one],
            states.mean[one],
            states.covariance[one],
            states.modes[one],
            kept.probability[row],
            kept.mean[row],
            kept.covariance[row],
        )
    weight, choice = reduce_members(weight, choice, stay)
    members = np.flatnonzero(stay)
    kept.size[g], kept.hypotheses[g] = len(members), len(weight)
    for m in range(len(members)):
        kept.member[g, m] = cluster.track[members[m]]
        tracks.group[cluster.track[members[m]]] = g
    for b in range(len(weight)):
        kept.weight[g, b] = weight[b]
        for m in range(len(members)):
            kept.choice[g, b, m] = row_of[choice[b, m]]
    return True


@kernel
def put_back(tracks, hypotheses, kept, weight, choice, states, cluster, looks):  # type: ignore[no-untyped-def]
    """Keep the group that is left, and put what stands for each track into its look, or its row of `Hypotheses`.

    A track of which one local hypothesis is left, and the last one of a group, goes on alone.
    """
    members = len(cluster.track)
    share = np.zeros((members, len(states.member)))
    for g in range(len(weight)):
        for t in range(members):
            share[t, choice[g, t]] += weight[g]
    stay = np.zeros(members, np.bool_)
    for t in range(members):
        stay[t] = (share[t] > 0.0).sum() > 1
    if stay.sum() < 2 or not store(tracks, kept, weight, choice, states, cluster, stay):
        stay[:] = False
    for t in range(members):
        for one in range(len(states.member)):
            if stay[t] and share[t, one] > 0.0:
                share[t, one] = max(share[t, one], LEAST_IN_GATE)
    summary = mix_states(states, share, np.arange(members), cluster, tracks, looks)
    for t in range(members):
        k, h = cluster.look[t], cluster.track[t]
        if k < 0:  # rows of one hypothesis are those of their tracks
            copy_state(
                summary.probability[t],
                summary.mean[t],
                summary.covariance[t],
                summary.modes[t],
                hypotheses.probability[h],
                hypotheses.mean[h],
                hypotheses.covariance[h],
            )
            continue
        copy_state(
            summary.probability[t],
            summary.mean[t],
            summary.covariance[t],
            summary.modes[t],
            looks.probability[k],
            looks.mean[k],
            looks.covariance[k],
        )


@kernel
def solve_group(  # type: ignore[no-untyped-def]
    rows,
    plots_in,
    bit,
    tracks,
    hypotheses,
    kept,
    looks,
    candidates,
    events,
    plots,
    table,
    density,
    model,
    radar,
    motion,
    options,
):
    """One cluster of the looks `rows` and the plots `plots_in`, as a group; whether it is one that can be."""
    track, look, groups = find_members(tracks, hypotheses, kept, looks, rows)
    if len(track) > MEMBERS or len(plots_in) > MOST_PLOTS:
        for g in groups:
            free_group(tracks, kept, g)
        return False
    for b in range(len(plots_in)):
        bit[plots_in[b]] = b
    states, row_of, cluster = gather(tracks, hypotheses, kept, looks, track, look, groups, options.hypotheses)
    predict_states(states, row_of, cluster, tracks, hypotheses, looks, model, motion)
    open_to, found = find_events(
        states,
        row_of,
        cluster,
        bit,
        tracks,
        looks,
        candidates,
        plots,
        table,
        density,
        model,
        radar,
        motion,
        options.chi2_gate,
    )
    weight, pick = likeliest_joint(cluster.weight, cluster.choice, open_to, options.hypotheses, LEAST)
    put_marginals(weight, pick, states, found, cluster, plots_in, looks, candidates, events)
    used = np.unique(pick)
    new = updated_states(used, states, found, cluster, tracks, looks, candidates, plots, table, model, radar)
    pick = np.searchsorted(used, pick.ravel()).reshape(pick.shape)
    weight, choice, merged = merge_places(weight, pick, new, cluster, tracks, looks)
    for g in groups:
        free_group(tracks, kept, g)
    put_back(tracks, hypotheses, kept, weight, choice, merged, cluster, looks)
    return True


@kernel
def keep_apart(  # type: ignore[no-untyped-def]
    tracks,
    hypotheses,
    kept,
    looks,
    candidates,
    events,
    clusters,
    near,
    plots,
    table,
    density,
    model,
    radar,
    motion,
    options,
):
    """Solve the dense clusters by their global hypotheses; return which looks (n,) that has been done for.

    Their events get their weights from them, and the looks hold what stands for their tracks after it. Groups that
    meet looks that are `near` one another, which may have one plot in common (`merged.py`), go no further.
    """
    apart = np.zeros(len(looks.hypothesis), np.bool_)
    if options.hypotheses <= 1:
        return apart
    for g in range(len(kept.size)):
        held = 0
        for m in range(kept.size[g]):
            held += in_group(tracks, kept, g, m)
        if kept.size[g] > 0 and held == 0:
            free_group(tracks, kept, g)
    dense = dense_clusters(tracks, hypotheses, looks, candidates, events, clusters, near)
    for one in range(len(apart)):
        own = tracks.group[hypotheses.track[looks.hypothesis[one]]]
        if own >= 0 and clusters.closed[clusters.look[one]] and not dense[clusters.look[one]]:
            free_group(tracks, kept, own)
    bit = np.zeros(len(clusters.plot), np.int64)
    for c in np.flatnonzero(dense):
        rows, plots_in = np.flatnonzero(clusters.look == c), np.flatnonzero(clusters.plot == c)
        if solve_group(
            rows,
            plots_in,
            bit,
            tracks,
            hypotheses,
            kept,
            looks,
            candidates,
            events,
            plots,
            table,
            density,
            model,
            radar,
            motion,
            options,
        ):
            for k in rows:
                apart[k] = True
    return apart


@kernel
def put_summaries(apart, tracks, hypotheses, kept, looks):  # type: ignore[no-untyped-def]
    """States of the tracks that have been kept `apart`, in their own rows; where they are is what is likeliest.

    The covariance about that holds all that is possible: the gate must.
    """
    x, P = np.empty(6), np.empty((6, 6))
    for k in np.flatnonzero(apart):
        h = looks.hypothesis[k]
        i = hypotheses.track[h]
        copy_state(
            looks.probability[k],
            looks.mean[k],
            looks.covariance[k],
            hypotheses.modes[h],
            hypotheses.probability[h],
            hypotheses.mean[h],
            hypotheses.covariance[h],
        )
        moment_match(
            hypotheses.probability[h],
            hypotheses.mean[h],
            hypotheses.covariance[h],
            hypotheses.modes[h],
            6,
            tracks.mean[i],
            tracks.covariance[i],
        )
        if tracks.group[i] < 0:
            continue
        row = likeliest_row(tracks, kept, i)
        moment_match(kept.probability[row], kept.mean[row], kept.covariance[row], kept.modes[row], 6, x, P)
        for a in range(6):
            for b in range(6):
                tracks.covariance[i, a, b] += (tracks.mean[i, a] - x[a]) * (tracks.mean[i, b] - x[b])
        for a in range(6):
            tracks.mean[i, a] = x[a]
