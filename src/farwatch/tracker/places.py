"""Places: global hypotheses that differ in nothing that matters are made one.

Local hypotheses that lie on one another are in one place. Two global hypotheses that fill the same places differ at
most in who is where, and that nothing later can tell: the likelier labels stand for both, and each place becomes the
Gaussian of the same mean and covariance as all that it holds (Williams 2015, "An efficient, variational approximation
of the best fitting multi-Bernoulli filter", has the same aim for all hypotheses at once). A track with an identity of
its own shares no place with others.
"""

from __future__ import annotations

import numpy as np

from farwatch.cholesky import factorise, solve_lower
from farwatch.kernels import kernel, leaf

SAME2 = 0.5  # squared distance, in standard deviations of the group's mean covariance, of what lies in one place
SAME_EXISTENCE = 0.1
LEAST_DOUBT = 1e-12  # of a direction without any, in its variance and of it
GONE = 1e-4  # existence below which it does not matter where a local hypothesis is


@kernel
def find_places(weight, owner, modes, existence, mean, covariance):  # type: ignore[no-untyped-def]
    """Number of the place (n,) of each local hypothesis: the first leader, by weight, that it lies on.

    Only those of one `owner` and of as many modes share a place. `mean` (n, 6), `covariance` (n, 6, 6).
    """
    n = len(weight)
    pooled, total = np.zeros((6, 6)), 0.0
    for a in range(n):
        if existence[a] >= GONE:
            pooled += weight[a] * covariance[a]
            total += weight[a]
    L, y = pooled / max(total, 1e-300), np.empty((n, 6))
    factorise(L, 6, LEAST_DOUBT, LEAST_DOUBT)
    for a in range(n):
        y[a] = mean[a] - mean[0]
        solve_lower(L, 6, y[a])
    place, leader, places = np.empty(n, np.int64), np.empty(n, np.int64), 0
    for a in np.argsort(-weight, kind="mergesort"):
        place[a] = -1
        for p in range(places):
            b = leader[p]
            if owner[a] != owner[b] or modes[a] != modes[b]:
                continue
            if existence[a] >= GONE or existence[b] >= GONE:
                if abs(existence[a] - existence[b]) > SAME_EXISTENCE:
                    continue
                d2 = 0.0
                for c in range(6):
                    d2 += (y[a, c] - y[b, c]) ** 2
                    if d2 > SAME2:
                        break
                if d2 > SAME2:
                    continue
            place[a] = p
            break
        if place[a] < 0:
            leader[places] = a
            place[a] = places
            places += 1
    return place


@leaf
def order_by_place(place, row, out):  # type: ignore[no-untyped-def]
    """Write the members of a global hypothesis, `row` of local hypotheses, to `out` ordered by place; return a hash."""
    n, hashed = len(row), 0
    for t in range(n):
        m = t
        while m > 0 and place[row[out[m - 1]]] > place[row[t]]:
            out[m] = out[m - 1]
            m -= 1
        out[m] = t
    for m in range(n):
        hashed = (hashed * 31 + place[row[out[m]]] + 1) % 1_000_003
    return hashed


@kernel
def merge_globals(weight, pick, place):  # type: ignore[no-untyped-def]
    """Make global hypotheses that fill the same places one.

    `pick` (globals, members) names a local hypothesis each, likelier ones first. Returns the merged weights and
    choices (merged, members), which name slots: a track and a place each; the slots' members (slots,); and the weight
    (slots, local hypotheses) that each slot takes of each local hypothesis.
    """
    count, members = pick.shape
    order, hashed = np.empty((count, members), np.int64), np.empty(count, np.int64)
    kept, total, choice = np.empty(count, np.int64), np.zeros(count), np.empty((count, members), np.int64)
    slot_of = np.full((members, max(place.max() + 1, 1)), -1, np.int64)
    member, share = np.empty(len(place), np.int64), np.zeros((len(place), len(place)))
    merged, slots = 0, 0
    for g in range(count):
        hashed[g] = order_by_place(place, pick[g], order[g])
        into = -1
        for k in range(merged):
            h = kept[k]
            if hashed[h] != hashed[g]:
                continue
            same = True
            for m in range(members):
                same = same and place[pick[h, order[h, m]]] == place[pick[g, order[g, m]]]
            if same:
                into = k
                break
        if into < 0:
            into = merged
            kept[merged] = g
            merged += 1
            for t in range(members):
                p = place[pick[g, t]]
                if slot_of[t, p] < 0:
                    slot_of[t, p] = slots
                    member[slots] = t
                    slots += 1
                choice[into, t] = slot_of[t, p]
        total[into] += weight[g]
        h = kept[into]
        for m in range(members):
            share[choice[into, order[h, m]], pick[g, order[g, m]]] += weight[g]
    largest = np.argsort(-total[:merged], kind="mergesort")
    return total[largest], choice[largest], member[:slots], share[:slots]


@kernel
def reduce_members(weight, choice, stay):  # type: ignore[no-untyped-def]
    """Global hypotheses of the members (columns) that `stay`, equal ones made one; largest first."""
    count = len(weight)
    columns = np.flatnonzero(stay)
    total, out = np.zeros(count), np.empty((count, len(columns)), np.int64)
    n = 0
    for g in range(count):
        into = -1
        for k in range(n):
            same = True
            for m in range(len(columns)):
                same = same and out[k, m] == choice[g, columns[m]]
            if same:
                into = k
                break
        if into < 0:
            into = n
            for m in range(len(columns)):
                out[n, m] = choice[g, columns[m]]
            n += 1
        total[into] += weight[g]
    largest = np.argsort(-total[:n], kind="mergesort")
    return total[largest], out[largest]
