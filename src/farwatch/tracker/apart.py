"""Apart: tracks that contend for plots keep several hypotheses of who took which, and decide when more is seen.

A table of marginal weights, one a scan, forgets how the tracks' plots go together: where targets meet and part it makes
one state out of two. Here the group's global hypotheses go on from scan to scan (Williams 2015; Garcia-Fernandez,
Williams, Granstrom & Svensson 2018, "Poisson multi-Bernoulli mixture filter"), bounded in number. Hypotheses that come
to the same are made one (`places.py`), and a track whose hypotheses have become one leaves the group.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.association.likeliest import Options
from farwatch.kernels import kernel
from farwatch.motion.imm import AGILE, CIVIL
from farwatch.plots import Floats, Ints
from farwatch.sensors.measurement import measurement
from farwatch.tracker.correct import Mixture, merge_modes
from farwatch.tracker.gate import OUTSIDE, Scratch, identity_ratio, plot_likelihood
from farwatch.tracker.kept import MEMBERS, copy_state, in_group
from farwatch.tracker.lifecycle import spread_modes
from farwatch.tracker.looks import predict_hypothesis, unseen
from farwatch.tracker.registers import believed, weigh_modes
from farwatch.tracks import MODES, STATE

MOST_PLOTS = 62  # bits of a set of plots
STRONG = 0.1  # existence from which on a track can contend
CONTENDED = 1e-3  # weight of an event from which on it does
LEAST = 1e-4  # share of a global hypothesis below which it is dropped


class States(NamedTuple):
    """Local hypotheses at work, one a row."""

    member: Ints  # (n,)
    existence: Floats
    modes: Ints
    probability: Floats  # (n, MODES)
    mean: Floats  # (n, MODES, STATE)
    covariance: Floats  # (n, MODES, STATE, STATE)


class Cluster(NamedTuple):
    """A cluster as a group: its members, then its global hypotheses so far."""

    track: Ints  # (members,) rows
    look: Ints  # (members,) -1: the sensor has not looked at it
    weight: Floats  # (globals,)
    choice: Ints  # (globals, members) rows of `States`


class Events(NamedTuple):
    """What may be next for the local hypotheses, row by row of `Options`."""

    state: Ints  # whose
    candidate: Ints  # -1: no plot
    by_mode: Floats  # (n, MODES)


@kernel
def make_states(n):  # type: ignore[no-untyped-def]
    """Room for n local hypotheses."""
    return States(
        np.empty(n, np.int64),
        np.empty(n),
        np.empty(n, np.int64),
        np.zeros((n, MODES)),
        np.zeros((n, MODES, STATE)),
        np.zeros((n, MODES, STATE, STATE)),
    )


@kernel
def dense_clusters(tracks, hypotheses, looks, candidates, events, clusters, near):  # type: ignore[no-untyped-def]
    """Which closed clusters hold tracks of a group, or two that surely exist and both may have made one plot.

    Not those with looks that are `near` one another: they may have made one plot together.
    """
    out = np.zeros(len(clusters.closed), np.bool_)
    strong = np.zeros(len(clusters.plot), np.int64)
    for k in range(len(looks.hypothesis)):
        c = clusters.look[k]
        if tracks.group[hypotheses.track[looks.hypothesis[k]]] >= 0:
            out[c] = True
        if looks.existence[k] < STRONG:
            continue
        for e in range(candidates.first[k], candidates.first[k + 1]):
            if events.weight[e] > CONTENDED:
                strong[candidates.plot[e]] += 1
                if strong[candidates.plot[e]] > 1:
                    out[c] = True
    for k in range(len(near)):
        if near[k] >= 0 and near[k] != k:
            out[clusters.look[k]] = False
    for c in range(len(out)):
        out[c] = out[c] and clusters.closed[c]
    return out


@kernel
def find_members(tracks, hypotheses, kept, looks, rows):  # type: ignore[no-untyped-def]
    """Tracks (members,) of the looks `rows` and of their groups, their looks (-1: none), and the groups."""
    track, look = np.empty(len(rows) * MEMBERS, np.int64), np.full(len(rows) * MEMBERS, -1, np.int64)
    groups = np.empty(len(rows), np.int64)
    n, count = 0, 0
    for k in rows:
        track[n], look[n] = hypotheses.track[looks.hypothesis[k]], k
        n += 1
    for t in range(len(rows)):
        g = tracks.group[track[t]]
        if g < 0 or (groups[:count] == g).any():
            continue
        groups[count] = g
        count += 1
        for m in range(kept.size[g]):
            i = kept.member[g, m]
            if in_group(tracks, kept, g, m) and not (track[:n] == i).any():
                track[n] = i
                n += 1
    return track[:n].copy(), look[:n].copy(), groups[:count].copy()


@kernel
def gather(tracks, hypotheses, kept, looks, track, look, groups, most):  # type: ignore[no-untyped-def]
    """The members' local hypotheses, as they were, and the product of their groups' global ones, largest first.

    Also the row of each in `Kept`, -1 for a track that was in no group: its one hypothesis is the look's.
    """
    members = len(track)
    row_of, number = np.empty(len(kept.track), np.int64), np.full(len(kept.track), -1, np.int64)
    member_of = np.empty(len(kept.track), np.int64)
    n = 0
    weight, choice = np.ones(1), np.full((1, members), -1, np.int64)
    for t in range(members):
        if tracks.group[track[t]] < 0:
            row_of[n] = -1
            choice[0, t] = n
            member_of[n] = t
            n += 1
    for g in groups:
        count = kept.hypotheses[g]
        product, pair = np.empty(len(weight) * count), np.empty(len(weight) * count, np.int64)
        pairs = 0
        for a in range(len(weight)):
            for b in range(count):
                product[pairs], pair[pairs] = weight[a] * kept.weight[g, b], a * count + b
                if product[pairs] < LEAST * product[0]:
                    break  # the others of this row are less likely still
                pairs += 1
        largest = np.argsort(-product[:pairs], kind="mergesort")[:most]
        joined = np.empty((len(largest), members), np.int64)
        for k in range(len(largest)):
            a, b = pair[largest[k]] // count, pair[largest[k]] % count
            joined[k] = choice[a]
            for m in range(kept.size[g]):
                if not in_group(tracks, kept, g, m):
                    continue
                row = kept.choice[g, b, m]
                if number[row] < 0:
                    number[row] = n
                    row_of[n] = row
                    n += 1
                for t in range(members):
                    if track[t] == kept.member[g, m]:
                        joined[k, t] = number[row]
                        member_of[number[row]] = t
        weight, choice = product[largest], joined
    out = make_states(n)
    for one in range(n):
        t, row = member_of[one], row_of[one]
        out.member[one] = t
        if row < 0:
            k = look[t]
            out.existence[one], out.modes[one] = looks.existence[k], hypotheses.modes[looks.hypothesis[k]]
            copy_state(
                looks.probability[k],
                looks.mean[k],
                looks.covariance[k],
                out.modes[one],
                out.probability[one],
                out.mean[one],
                out.covariance[one],
            )
        else:
            out.existence[one], out.modes[one] = kept.existence[row], kept.modes[row]
            copy_state(
                kept.probability[row],
                kept.mean[row],
                kept.covariance[row],
                out.modes[one],
                out.probability[one],
                out.mean[one],
                out.covariance[one],
            )
    return out, row_of[:n].copy(), Cluster(track, look, weight / weight.sum(), choice)


@kernel
def predict_states(states, row_of, cluster, tracks, hypotheses, looks, model, motion):  # type: ignore[no-untyped-def]
    """Predict in place the hypotheses of groups to their tracks' looks; a track just confirmed gets its modes."""
    p, m, c = np.empty(MODES), np.empty((MODES, STATE)), np.empty((MODES, STATE, STATE))
    matrix = np.empty((MODES, MODES))
    for one in range(len(row_of)):
        i, k = cluster.track[states.member[one]], cluster.look[states.member[one]]
        if row_of[one] < 0:
            continue
        if states.modes[one] == 1 and hypotheses.modes[i] > 1:
            spread_modes(states, one, motion)
        if k < 0:
            continue
        copy_state(states.probability[one], states.mean[one], states.covariance[one], states.modes[one], p, m, c)
        predict_hypothesis(
            states.modes[one],
            AGILE if tracks.agile[i] > 0.5 or looks.again[k] else CIVIL,
            p,
            m,
            c,
            (looks.time_ns[k] - tracks.time_ns[i]) * 1e-9,
            motion,
            model.flat,
            states.probability[one],
            states.mean[one],
            states.covariance[one],
            matrix,
        )
        states.existence[one] *= min(looks.existence[k] / max(tracks.existence[i], 1e-300), 1.0)


@kernel
def find_events(  # type: ignore[no-untyped-def]
    states, row_of, cluster, bit, tracks, looks, candidates, plots, table, density, model, radar, motion, chi2_gate
):
    """What may be next for each local hypothesis: no plot, or one of its track's candidates in its own gate."""
    room = len(row_of)
    for one in range(len(row_of)):
        k = cluster.look[states.member[one]]
        if k >= 0:
            room += candidates.first[k + 1] - candidates.first[k]
    options = Options(np.zeros(len(row_of) + 1, np.int64), np.empty(room, np.int64), np.empty(room))
    events = Events(np.empty(room, np.int64), np.empty(room, np.int64), np.zeros((room, MODES)))
    scratch = Scratch(
        np.empty(STATE), np.empty((STATE, STATE)), np.empty(STATE), np.empty(MODES), np.empty((MODES, MODES))
    )
    n = 0
    for one in range(len(row_of)):
        i, k = cluster.track[states.member[one]], cluster.look[states.member[one]]
        q = states.existence[one] * looks.detection[k] if k >= 0 else 0.0
        options.plot[n], options.log_factor[n] = -1, math.log(max(1.0 - q, 1e-300))
        events.state[n], events.candidate[n] = one, -1
        n += 1
        if k >= 0 and q > 0.0:
            for e in range(candidates.first[k], candidates.first[k + 1]):
                j = candidates.plot[e]
                if row_of[one] < 0:
                    log_ratio = math.log(max(candidates.likelihood[e], 1e-300))
                    events.by_mode[n] = candidates.mode_likelihood[e]
                else:
                    log_ratio = plot_likelihood(
                        model,
                        radar,
                        measurement(table, j),
                        (plots.time_ns[j] - looks.time_ns[k]) * 1e-9,
                        states.modes[one],
                        states.probability[one],
                        states.mean[one],
                        states.covariance[one],
                        chi2_gate,
                        scratch,
                        events.by_mode[n],
                    )
                    if log_ratio == OUTSIDE:
                        continue
                    if believed(tracks.strikes[i], table, j):
                        log_ratio += weigh_modes(
                            model,
                            radar,
                            table,
                            j,
                            (plots.time_ns[j] - looks.time_ns[k]) * 1e-9,
                            states.modes[one],
                            AGILE if tracks.agile[i] > 0.5 or looks.again[k] else CIVIL,
                            motion,
                            states.probability[one],
                            states.mean[one],
                            states.covariance[one],
                            scratch.x,
                            scratch.P,
                            scratch.g,
                            scratch.log_mode,
                            events.by_mode[n],
                        )
                    log_ratio -= math.log(density.false[j] + density.birth[j])
                    if looks.again[k]:
                        log_ratio += math.log(tracks.agile[i])
                    log_ratio += math.log(
                        identity_ratio(
                            tracks.address[i], tracks.mode_a[i], plots.address[j], plots.mode_a[j], plots.flags[j]
                        )
                    )
                options.plot[n], options.log_factor[n] = bit[j], math.log(q) + min(max(log_ratio, -300.0), 300.0)
                events.state[n], events.candidate[n] = one, e
                n += 1
        options.first[one + 1] = n
    return (
        Options(options.first, options.plot[:n], options.log_factor[:n]),
        Events(events.state[:n], events.candidate[:n], events.by_mode[:n]),
    )


@kernel
def put_marginals(weight, pick, states, found, cluster, plots_in, looks, candidates, events):  # type: ignore[no-untyped-def]
    """Overwrite the cluster's events with their shares of the joint events.

    The existence of a look becomes that from which a missed plot leads to what its hypotheses then have, all together.
    """
    for j in plots_in:
        events.birth[j] = 1.0
    for t in range(len(cluster.look)):
        k = cluster.look[t]
        if k < 0:
            continue
        q, missed, left = looks.detection[k], 0.0, 0.0
        for e in range(candidates.first[k], candidates.first[k + 1]):
            events.weight[e] = 0.0
        for g in range(len(weight)):
            o = pick[g, t]
            if found.candidate[o] >= 0:
                events.weight[found.candidate[o]] += weight[g]
                events.birth[candidates.plot[found.candidate[o]]] -= weight[g]
            else:
                missed += weight[g]
                left += weight[g] * unseen(states.existence[found.state[o]], q)
        events.miss[k] = missed
        if missed >= 0.5:
            looks.again[k] = False  # it has found nothing
        if missed > 0.0:
            looks.existence[k] = min(left / max(missed * (1.0 - q) + q * left, 1e-300), 1.0)
    for j in plots_in:
        events.birth[j] = max(events.birth[j], 0.0)


@kernel
def updated_states(used, states, found, cluster, tracks, looks, candidates, plots, table, model, radar):  # type: ignore[no-untyped-def]
    """The local hypotheses after the events `used` (n,)."""
    out = make_states(len(used))
    scratch = Mixture(np.empty(2), np.empty((2, STATE)), np.empty((2, STATE, STATE)))
    certain = np.ones(1)
    for n in range(len(used)):
        o = used[n]
        one, e = found.state[o], found.candidate[o]
        k, modes = cluster.look[states.member[one]], states.modes[one]
        out.member[n], out.modes[n] = states.member[one], modes
        if e >= 0:
            out.existence[n] = 1.0
            merge_modes(
                model,
                radar,
                modes,
                looks.time_ns[k],
                states.probability[one],
                states.mean[one],
                states.covariance[one],
                0.0,
                certain,
                candidates.plot[e : e + 1],
                candidates.row[e : e + 1],
                found.by_mode[o : o + 1],
                plots.time_ns,
                table,
                scratch,
                out.probability[n],
                out.mean[n],
                out.covariance[n],
                tracks.strikes[cluster.track[states.member[one]]],
            )
            continue
        out.existence[n] = states.existence[one]
        if k >= 0:
            out.existence[n] = unseen(out.existence[n], looks.detection[k])
        copy_state(
            states.probability[one],
            states.mean[one],
            states.covariance[one],
            modes,
            out.probability[n],
            out.mean[n],
            out.covariance[n],
        )
    return out
