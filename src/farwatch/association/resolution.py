"""Resolution: which looks may share one plot, because a sensor cannot tell apart what lies in one resolution cell.

Two targets closer than a cell in both of its coordinates are one plot, and so are all that such pairs link. How n
predicted targets fall into cells is a distribution over partitions, and no formula gives it for three and more: it is
drawn, by a fixed sequence of random numbers. For two it is the one of Koch & van Keuk 1997, with a box for a Gaussian.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel, leaf
from farwatch.plots import Floats, Ints

MOST_NEAR = 6  # looks that are solved together
MOST_PARTITIONS = 256  # of six there are 203
SAMPLES = 160
WIDE = 4  # every so many samples is drawn with twice the standard deviation: predictions err more than they say
SURE = 0.9  # existence from which on a track is taken for present when cells are drawn
MOST_DOUBTFUL = 2  # looks below that, of which each may be absent
LEAST_CELL, MOST_CELL = 0.8, 1.3  # times the stated cell: its edge is not sharp
NEAR_SIGMAS = 3.0
STAYS, STAYS_APART = 0.8, 0.4  # of pairs that were one cell, and two, at their last look: how many are for that alone
LEAST_STAYING = 0.1  # probability of one cell, by their places alone, below which they have parted
LEAST_SHARED = 0.02  # probability of one cell below which two looks are not near
PRIOR_SAMPLES = 4.0
EXCHANGED = 1e4  # times as likely as with the plots exchanged: beyond, nothing is ambiguous
ABSENT = 7  # the label of a look without a target
MODULUS, FACTOR = 2_147_483_647, 16_807  # Park & Miller 1988


class Seen(NamedTuple):
    """Predicted places of looks in a sensor's gate coordinates u, v and w, their variances, and velocities."""

    u: Floats
    v: Floats
    w: Floats
    uu: Floats
    uv: Floats
    vv: Floats
    ww: Floats
    across: Floats  # m/s
    along: Floats


class Partitions(NamedTuple):
    """How n looks may fall into cells: the label of each one's cell (the lowest member; ABSENT: no target), and how
    likely that is; and by set of members (a mask) that are one cell, the offset of each from their centroid in u and
    v: mean and variance, given that they are one cell."""

    label: Ints  # (partitions, n)
    weight: Floats  # (partitions,)
    share: Floats  # (1 << n,) probability that these are one cell
    offset: Floats  # (1 << n, n, 2)
    variance: Floats  # (1 << n, n, 2)
    centroid: Floats  # (1 << n, 2) variance of the centroid for the unknown strengths of the members' echoes
    sure: Floats  # (n,) existence of those that were taken for present, 1 where the weights tell


@leaf
def within(mean, variance, half):  # type: ignore[no-untyped-def]
    """Probability that a Gaussian lies in (-half, half)."""
    sigma = math.sqrt(2.0 * max(variance, 1e-30))
    return 0.5 * (math.erf((half - mean) / sigma) - math.erf((-half - mean) / sigma))


@leaf
def apart(a, b, turn):  # type: ignore[no-untyped-def]
    """a - b, the short way round where the coordinate comes round after `turn`."""
    d = a - b
    return d - turn * math.floor(d / turn + 0.5) if turn > 0.0 else d


@leaf
def root_of(parent, k):  # type: ignore[no-untyped-def]
    """Root of k in a union-find forest that is not deep."""
    while parent[k] != k:
        k = parent[k]
    return k


@kernel
def find_near(seen, wanted, turn, cell_u, cell_v):  # type: ignore[no-untyped-def]
    """The lowest look (n,) that each look is linked to by near ones, itself where none is; -1 of those not `wanted`.

    Two looks are near where they may lie in one cell. A part of more than MOST_NEAR looks is left unlinked.
    """
    n = len(wanted)
    root = np.full(n, -1, np.int64)
    widest = 0.0
    for k in range(n):
        if wanted[k]:
            root[k] = k
            widest = max(widest, seen.uu[k])
    order = np.argsort(seen.u)
    reach = cell_u + NEAR_SIGMAS * math.sqrt(2.0 * widest)
    for a in range(n):
        i = order[a]
        if not wanted[i]:
            continue
        for step in range(1, n):
            b = a + step
            ahead = 0.0
            if b >= n:
                if turn <= 0.0:
                    break
                b -= n
                ahead = turn
            j = order[b]
            if seen.u[j] + ahead - seen.u[i] > reach or b == a:
                break
            if not wanted[j]:
                continue
            du, dv = apart(seen.u[i], seen.u[j], turn), seen.v[i] - seen.v[j]
            vv = seen.vv[i] + seen.vv[j]
            if abs(dv) > cell_v + NEAR_SIGMAS * math.sqrt(vv):
                continue
            if within(dv, vv, cell_v) * within(du, seen.uu[i] + seen.uu[j], cell_u) < LEAST_SHARED:
                continue
            p, q = root_of(root, i), root_of(root, j)
            root[max(p, q)] = min(p, q)
    size = np.zeros(n, np.int64)
    for k in range(n):
        if wanted[k]:
            root[k] = root_of(root, k)
            size[root[k]] += 1
    for k in range(n):
        if wanted[k] and size[root[k]] > MOST_NEAR:
            root[k] = k
    return root


@leaf
def exchangeable(candidates, k, other, e, f):  # type: ignore[no-untyped-def]
    """Whether looks k and `other`, whose candidates e and f name one plot, share a second plot that they could have
    changed it for."""
    for g in range(candidates.first[k], candidates.first[k + 1]):
        for h in range(candidates.first[other], candidates.first[other + 1]):
            if g != e and candidates.plot[g] == candidates.plot[h]:
                one = candidates.likelihood[e] * candidates.likelihood[h]
                two = candidates.likelihood[f] * candidates.likelihood[g]
                if one < EXCHANGED * two and two < EXCHANGED * one:
                    return True
    return False


@kernel
def link_exchangeable(candidates, cell, existence, fresh, least_existence):  # type: ignore[no-untyped-def]
    """The lowest look (n,) that each is linked to by near ones (`cell`, of `find_near`) and by ones that it could have
    changed plots with: two plots that both could have made, either way round about as likely. One of them at least is
    `fresh` (n,): a formation tells it where to fly.

    A part of more than MOST_NEAR looks keeps the links of `cell` alone.
    """
    n = len(cell)
    root = np.arange(n)
    plots = 0
    for e in range(len(candidates.plot)):
        plots = max(plots, candidates.plot[e] + 1)
    head, after = np.full(plots, -1, np.int64), np.full(len(candidates.plot), -1, np.int64)
    for e in range(len(candidates.plot) - 1, -1, -1):
        after[e] = head[candidates.plot[e]]
        head[candidates.plot[e]] = e
    for k in range(n):
        if cell[k] >= 0 and cell[k] != k:
            p, q = root_of(root, k), root_of(root, cell[k])
            root[max(p, q)] = min(p, q)
        if existence[k] < least_existence or candidates.first[k + 1] - candidates.first[k] < 2:
            continue
        for e in range(candidates.first[k], candidates.first[k + 1]):
            f = after[e]  # looks with higher numbers
            while f >= 0:
                other = candidates.look[f]
                p, q = root_of(root, k), root_of(root, other)
                wanted = existence[other] >= least_existence and (fresh[k] or fresh[other])
                if wanted and p != q and exchangeable(candidates, k, other, e, f):
                    root[max(p, q)] = min(p, q)
                f = after[f]
    size = np.zeros(n, np.int64)
    for k in range(n):
        root[k] = root_of(root, k)
        size[root[k]] += 1
    for k in range(n):
        if size[root[k]] > MOST_NEAR:
            root[k] = cell[k]
        elif size[root[k]] == 1:
            root[k] = -1
    return root


@leaf
def uniform(state):  # type: ignore[no-untyped-def]
    """The next of a sequence of random numbers in (0, 1); `state` (1,) goes on."""
    state[0] = state[0] * FACTOR % MODULUS
    return state[0] / MODULUS


@leaf
def link(place, present, cell_u, cell_v, turn, parent):  # type: ignore[no-untyped-def]
    """Fill `parent` (n,) with the lowest member of each present target's cell; `place` (n, 2)."""
    n = len(parent)
    for i in range(n):
        parent[i] = i
    for i in range(n):
        for j in range(i + 1, n):
            if (
                present >> i & 1
                and present >> j & 1
                and abs(place[i, 1] - place[j, 1]) < cell_v
                and abs(apart(place[i, 0], place[j, 0], turn)) < cell_u
            ):
                p, q = root_of(parent, i), root_of(parent, j)
                parent[max(p, q)] = min(p, q)
    for i in range(n):
        parent[i] = root_of(parent, i)


@leaf
def count_cells(  # type: ignore[no-untyped-def]
    place, strength, parent, present, weight, turn, share, offset, variance, spread, pull
):
    """Add a sample's cells of two members or more to the sums by mask; `pull` (2,) is scratch."""
    n = len(parent)
    for low in range(n):
        if not present >> low & 1 or parent[low] != low:
            continue
        mask, members = 0, 0
        for i in range(n):
            if present >> i & 1 and parent[i] == low:
                mask |= 1 << i
                members += 1
        if members < 2:
            continue
        total, plain_u, plain_v = 0.0, 0.0, 0.0
        pull[0], pull[1] = 0.0, 0.0
        for i in range(n):
            if mask >> i & 1:
                du, dv = apart(place[i, 0], place[low, 0], turn), place[i, 1] - place[low, 1]
                total += strength[i]
                pull[0] += strength[i] * du
                pull[1] += strength[i] * dv
                plain_u += du / members
                plain_v += dv / members
        share[mask] += weight
        spread[mask, 0] += weight * (pull[0] / total - plain_u) ** 2
        spread[mask, 1] += weight * (pull[1] / total - plain_v) ** 2
        for i in range(n):
            if mask >> i & 1:
                off_u = apart(place[i, 0], place[low, 0], turn) - pull[0] / total
                off_v = place[i, 1] - place[low, 1] - pull[1] / total
                offset[mask, i, 0] += weight * off_u
                offset[mask, i, 1] += weight * off_v
                variance[mask, i, 0] += weight * off_u * off_u
                variance[mask, i, 1] += weight * off_v * off_v


@kernel
def draw_partitions(seen, members, existence, before, turn, cell_u, cell_v):  # type: ignore[no-untyped-def]
    """`Partitions` of the looks `members` (n,) with the given existence; echoes fluctuate as Swerling 1 has it.

    `before` (n,) names the plot of each at its last look, -1 where it had none: what was one cell mostly stays one.
    """
    n = len(members)
    sets = 1 << n
    code, weight = np.empty(MOST_PARTITIONS, np.int64), np.zeros(MOST_PARTITIONS)
    label = np.zeros((MOST_PARTITIONS, n), np.int64)
    share, spread = np.zeros(sets), np.zeros((sets, 2))
    offset, variance = np.zeros((sets, n, 2)), np.zeros((sets, n, 2))
    place, strength = np.empty((n, 2)), np.empty(n)
    parent, pull, state = np.empty(n, np.int64), np.empty(2), np.array([20_011])
    doubtful = np.empty(MOST_DOUBTFUL, np.int64)
    doubts, sure = 0, existence.copy()
    for i in range(n):
        if existence[i] < SURE and doubts < MOST_DOUBTFUL:
            doubtful[doubts], sure[i] = i, 1.0
            doubts += 1
    inside, outside = np.ones((n, n)), np.ones((n, n))
    for i in range(n):
        for k in range(i):
            a, b = members[i], members[k]
            alone = within(seen.v[a] - seen.v[b], seen.vv[a] + seen.vv[b], cell_v) * within(
                apart(seen.u[a], seen.u[b], turn), seen.uu[a] + seen.uu[b], cell_u
            )
            if before[i] >= 0 and before[k] >= 0 and LEAST_STAYING < alone < 0.99:
                now = STAYS + (1.0 - STAYS) * alone if before[i] == before[k] else (1.0 - STAYS_APART) * alone
                inside[i, k], outside[i, k] = now / alone, (1.0 - now) / (1.0 - alone)
    count, drawn = 0, 0.0
    for sample in range(SAMPLES):
        wide = 2.0 if sample % WIDE == 0 else 1.0
        size = LEAST_CELL + (MOST_CELL - LEAST_CELL) * uniform(state)
        for i in range(n):
            k = members[i]
            radius = wide * math.sqrt(-2.0 * math.log(uniform(state)))
            angle = 2.0 * math.pi * uniform(state)
            first, second = radius * math.cos(angle), radius * math.sin(angle)
            sigma = math.sqrt(max(seen.vv[k], 1e-12))
            across = seen.uv[k] / sigma
            place[i, 1] = seen.v[k] + sigma * first
            left = math.sqrt(max(seen.uu[k] - across * across, 0.0))
            place[i, 0] = apart(seen.u[k], seen.u[members[0]], turn) + across * first + left * second
            strength[i] = -math.log(uniform(state))
        for missing in range(1 << doubts):
            present, likely = sets - 1, 1.0 / SAMPLES
            for d in range(doubts):
                r = existence[doubtful[d]]
                if missing >> d & 1:
                    present &= ~(1 << doubtful[d])
                likely *= 1.0 - r if missing >> d & 1 else r
            link(place, present, size * cell_u, size * cell_v, turn, parent)
            for i in range(n):
                for k in range(i):
                    if present >> i & 1 and present >> k & 1:
                        likely *= inside[i, k] if parent[i] == parent[k] else outside[i, k]
            drawn += likely
            count_cells(place, strength, parent, present, likely, turn, share, offset, variance, spread, pull)
            now = 0
            for i in range(n):
                now = now * 8 + (parent[i] if present >> i & 1 else ABSENT)
            p = 0
            while p < count and code[p] != now:
                p += 1
            if p == MOST_PARTITIONS:
                continue
            if p == count:
                count += 1
                code[p] = now
                for i in range(n):
                    label[p, i] = parent[i] if present >> i & 1 else ABSENT
            weight[p] += likely
    weight /= drawn
    share /= drawn
    spread /= drawn
    offset /= drawn
    variance /= drawn
    for mask in range(sets):
        if share[mask] <= 0.0:
            continue
        # Few samples tell little of a variance: the cell's own counts as some.
        prior = PRIOR_SAMPLES / SAMPLES
        spread[mask] /= share[mask]
        for i in range(n):
            for a in range(2):
                cell = cell_u if a == 0 else cell_v
                offset[mask, i, a] /= share[mask]
                own = max(variance[mask, i, a] - share[mask] * offset[mask, i, a] ** 2, 0.0)
                if mask >> i & 1:
                    variance[mask, i, a] = (own + prior * cell * cell / 12.0) / (share[mask] + prior)
    return Partitions(label[:count], weight[:count], share, offset, variance, spread, sure)


@kernel
def apart_surely(existence):  # type: ignore[no-untyped-def]
    """`Partitions` of looks that no cell can hold together: one, each look by itself."""
    n = len(existence)
    label = np.empty((1, n), np.int64)
    label[0] = np.arange(n)
    none, flat = np.zeros((1 << n, n, 2)), np.zeros((1 << n, 2))
    return Partitions(label, np.ones(1), np.zeros(1 << n), none, none, flat, existence.copy())
