"""Joint events of a few looks and plots, one by one, where one plot may be the common one of several looks.

The sum over all ways in which looks fall into cells (a partition) and cells make plots. Ways that differ in nothing but
in which look made which of the same plots are near ties where aircraft fly together; averaging over them draws tracks
together (coalescence), so each such set of ways counts for its likeliest (Blom & Bloem 2000, JPDA*).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.kernels import kernel, leaf
from farwatch.plots import Floats, Ints

MOST_WAYS = 100_000
MOST_SETS = 4096
TOGETHER = 0.5  # of aircraft as close as looks that could change plots, the share that fly together
TOGETHER_MPS = 15.0  # one standard deviation of the difference of their velocities
BITS = 3  # of a plot's number of looks in the name of a set of ways


class Ways(NamedTuple):
    """Sets of ways, by an open hash of their names: summed weight, and the likeliest way's plots and cells by look."""

    name: Ints  # -1: empty
    total: Floats
    best: Floats
    plot: Ints  # (sets, looks) -1: missed
    cell: Ints  # (sets, looks) mask of the looks that share the plot


class Velocities(NamedTuple):
    """What looks and plots say of velocities: aircraft that lie close together mostly fly together.

    A look that has met one plot has no velocity: a second one gives it one. Given another look's, it is that with the
    probability TOGETHER, else any.
    """

    fresh: NDArray[np.bool_]  # (looks,)
    known: Floats  # (looks, 2) m/s across and along the line of sight; of those that are not fresh
    given: Floats  # (looks, plots, 2) that a fresh look would have with a plot
    variance: Floats  # (looks, 2) of either
    prior: float  # variance of each component of an aircraft of unknown velocity


class Marginals(NamedTuple):
    """Probabilities of each look's events, and of each plot being some look's."""

    alone: Floats  # (looks, plots)
    common: Floats  # (1 << looks, plots) of a set of looks
    miss: Floats  # (looks,)
    taken: Floats  # (plots,)


@leaf
def detection_together(detection, mask):  # type: ignore[no-untyped-def]
    """Probability of a plot of one cell's targets; their strengths add up. Swerling 1: Pd = Pfa^(1 / (1 + SNR))."""
    total = 0.0
    for i in range(len(detection)):
        if mask >> i & 1:
            total -= 1.0 / math.log(min(max(detection[i], 1e-6), 1.0 - 1e-6))
    return math.exp(-1.0 / total)


@leaf
def company(v, choice, cells, count):  # type: ignore[no-untyped-def]
    """Likelihood ratio of the velocities that a way gives fresh looks, against velocities of their own each."""
    n = len(v.fresh)
    ratio = 1.0
    for c in range(count):
        i = 0
        while not cells[c] >> i & 1:
            i += 1
        if not v.fresh[i] or choice[c] < 0 or cells[c] & (cells[c] - 1):
            continue
        others, alike = 0, 0.0
        own = 1.0
        for a in range(2):
            spread = v.prior + v.variance[i, a]
            own *= math.exp(-0.5 * v.given[i, choice[c], a] ** 2 / spread) / math.sqrt(spread)
        for k in range(n):
            at, known = -1, not v.fresh[k]
            for d in range(c):
                if v.fresh[k] and cells[d] == 1 << k and choice[d] >= 0:
                    at, known = choice[d], True
            if not known or k == i:
                continue
            others += 1
            like = 1.0
            for a in range(2):
                spread = TOGETHER_MPS * TOGETHER_MPS + v.variance[i, a] + v.variance[k, a]
                other = v.given[k, at, a] if at >= 0 else v.known[k, a]
                like *= math.exp(-0.5 * (v.given[i, choice[c], a] - other) ** 2 / spread) / math.sqrt(spread)
            alike += like
        if others > 0:
            ratio *= 1.0 - TOGETHER + TOGETHER * alike / (others * max(own, 1e-300))
    return ratio


@leaf
def note_way(ways, name, weight, choice, cells, count, looks):  # type: ignore[no-untyped-def]
    """Add a way: cell c (a mask) made plot choice[c], -1 where none. False where the table is full."""
    size = len(ways.name)
    at = (name * 2_654_435_761 >> 11) % size
    for _ in range(size):
        if ways.name[at] == name or ways.name[at] < 0:
            break
        at = (at + 1) % size
    if ways.name[at] >= 0 and ways.name[at] != name:
        return False
    ways.name[at] = name
    ways.total[at] += weight
    if weight > ways.best[at]:
        ways.best[at] = weight
        for i in range(looks):
            ways.plot[at, i] = -1
        for c in range(count):
            for i in range(looks):
                if cells[c] >> i & 1:
                    ways.plot[at, i] = choice[c]
                    ways.cell[at, i] = cells[c]
    return True


@leaf
def finish(out, total):  # type: ignore[no-untyped-def]
    """Divide the sums by the weight of all ways; what is left of each look is its miss."""
    n, m = out.alone.shape
    for i in range(n):
        out.miss[i] = 1.0
    for j in range(m):
        for i in range(n):
            out.alone[i, j] /= total
            out.miss[i] -= out.alone[i, j]
            out.taken[j] += out.alone[i, j]
        for mask in range(1 << n):
            if out.common[mask, j] > 0.0:
                out.common[mask, j] /= total
                out.taken[j] += out.common[mask, j]
                for i in range(n):
                    if mask >> i & 1:
                        out.miss[i] -= out.common[mask, j]
    for i in range(n):
        out.miss[i] = max(out.miss[i], 0.0)


@kernel
def solve_jointly(alone, common, detection, partitions, velocities, best_only):  # type: ignore[no-untyped-def]
    """`Marginals` of n looks and m plots, and whether they could be told: there may be too many ways.

    `alone` (n, m) and `common` (1 << n, m) are likelihoods over the density of plots from elsewhere, 0 outside gates.
    With `best_only` each set of ways counts for its likeliest.
    """
    n, m = alone.shape
    size = 16
    while size < MOST_SETS and size < 2 * (m + 1) ** n:
        size *= 2
    ways = Ways(
        np.full(size, -1, np.int64),
        np.zeros(size),
        np.zeros(size),
        np.full((size, n), -1, np.int64),
        np.zeros((size, n), np.int64),
    )
    out = Marginals(np.zeros((n, m)), np.zeros((1 << n, m)), np.zeros(n), np.zeros(m))
    cells, choice = np.empty(n, np.int64), np.empty(n, np.int64)
    hit, gone = np.empty(n), np.empty(n)
    weight = np.empty(n + 1)
    steps, total = 0, 0.0
    some_fresh = velocities.fresh.any()
    for p in range(len(partitions.weight)):
        count = 0
        for low in range(n):
            if partitions.label[p, low] != low:
                continue
            mask, members, sure = 0, 0, 1.0
            for i in range(n):
                if partitions.label[p, i] == low:
                    mask |= 1 << i
                    members += 1
                    sure *= partitions.sure[i]
            cells[count] = mask
            q = sure * (detection[low] if members == 1 else detection_together(detection, mask))
            hit[count], gone[count] = q, 1.0 - q
            count += 1
        # Depth first over the cells: each has made one of the plots that are left, or none.
        depth = 0
        weight[0] = partitions.weight[p]
        choice[0] = -2
        while depth >= 0:
            if depth == count:
                if some_fresh:
                    weight[depth] *= company(velocities, choice, cells, count)
                name, detected = 0, 0
                for j in range(m):
                    share = 0
                    for c in range(count):
                        if choice[c] == j:
                            for i in range(n):
                                share += cells[c] >> i & 1
                    name = (name << BITS) + share
                for c in range(count):
                    if choice[c] >= 0:
                        detected |= cells[c]
                name = (name << n) + detected
                steps += 1
                if steps > MOST_WAYS or not note_way(ways, name, weight[depth], choice, cells, count, n):
                    return False, out
                total += weight[depth]
                if not best_only:
                    for c in range(count):
                        j = choice[c]
                        if j >= 0:
                            one = cells[c] & (cells[c] - 1) == 0
                            if not one:
                                out.common[cells[c], j] += weight[depth]
                            for i in range(n):
                                if one and cells[c] >> i & 1:
                                    out.alone[i, j] += weight[depth]
                depth -= 1
                continue
            choice[depth] += 1
            j = choice[depth]
            if j >= m:
                depth -= 1
                continue
            if j == -1:
                weight[depth + 1] = weight[depth] * gone[depth]
            else:
                free = True
                for c in range(depth):
                    free = free and choice[c] != j
                mask = cells[depth]
                ratio = 0.0
                if free and mask & (mask - 1) == 0:
                    for i in range(n):
                        if mask >> i & 1:
                            ratio = alone[i, j]
                elif free:
                    ratio = common[mask, j]
                if ratio <= 0.0:
                    continue
                weight[depth + 1] = weight[depth] * hit[depth] * ratio
            depth += 1
            if depth < count:
                choice[depth] = -2
    if not 0.0 < total < 1e300:
        return False, out
    if best_only:
        for s in range(size):
            if ways.name[s] < 0:
                continue
            for i in range(n):
                j, mask = ways.plot[s, i], ways.cell[s, i]
                if j >= 0 and mask & (mask - 1) == 0:
                    out.alone[i, j] += ways.total[s]
                elif j >= 0 and mask & ((1 << i) - 1) == 0:
                    out.common[mask, j] += ways.total[s]
    finish(out, total)
    return True, out
