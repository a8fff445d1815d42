"""The likeliest ways in which tracks may share plots out among them, over all global hypotheses at once.

A beam search, track by track: what is kept of each level is what promises most, a partial assignment's weight times the
best that the tracks to come could add if nobody took a plot from them. It is exact while nothing falls out of the beam,
and bounded whatever the cluster. Murty's algorithm, the usual means, solves one global hypothesis after another.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints

WIDER = 2  # times as many partial assignments are kept as whole ones
MARGIN = 1e-2  # a partial assignment may promise less than a whole one that is kept by so much


class Options(NamedTuple):
    """One row an event that may be next for one local hypothesis; each has at least one."""

    first: Ints  # (locals + 1,) the rows of local hypothesis l are first[l]..first[l + 1]
    plot: Ints  # number of the plot within the cluster, below 63; -1: none
    log_factor: Floats  # logarithm of its weight


@kernel
def largest_first(log_weight, most):  # type: ignore[no-untyped-def]
    """Rows of the at most `most` largest values, largest first; equal ones in their order."""
    return np.argsort(-log_weight, kind="mergesort")[:most]


@kernel
def promise(choice, options):  # type: ignore[no-untyped-def]
    """Logarithm of what the members t, t + 1, ... of each global hypothesis could add at best (globals, members + 1)."""
    count, members = choice.shape
    best = np.full(len(options.first) - 1, -np.inf)
    for one in range(len(best)):
        for o in range(options.first[one], options.first[one + 1]):
            best[one] = max(best[one], options.log_factor[o])
    out = np.zeros((count, members + 1))
    for g in range(count):
        for t in range(members - 1, -1, -1):
            out[g, t] = out[g, t + 1] + best[choice[g, t]]
    return out


@kernel
def likeliest_joint(weight, choice, options, most, least):  # type: ignore[no-untyped-def]
    """The at most `most` likeliest joint events: weights (n,) that sum to 1, largest first, and options (n, members).

    `weight` (globals,) and `choice` (globals, members), a local hypothesis each, are the global hypotheses so far. No
    two members take one plot. What has less than the share `least` is left out.
    """
    members = choice.shape[1]
    ahead = promise(choice, options)
    log_w = np.log(weight)
    of = np.arange(len(weight))
    used = np.zeros(len(weight), np.int64)
    pick = np.empty((len(weight), members), np.int64)
    floor = math.log(max(least, 1e-300)) + math.log(MARGIN)
    for t in range(members):
        room = 0
        for p in range(len(of)):
            one = choice[of[p], t]
            room += options.first[one + 1] - options.first[one]
        score, new_w = np.empty(room), np.empty(room)
        source, option = np.empty(room, np.int64), np.empty(room, np.int64)
        n, top = 0, -np.inf
        for p in range(len(of)):
            one = choice[of[p], t]
            for o in range(options.first[one], options.first[one + 1]):
                j = options.plot[o]
                if j >= 0 and used[p] >> j & 1:
                    continue
                new_w[n] = log_w[p] + options.log_factor[o]
                score[n] = new_w[n] + ahead[of[p], t + 1]
                if score[n] < top + floor:
                    continue
                top = max(top, score[n])
                source[n], option[n] = p, o
                n += 1
        kept = largest_first(score[:n], WIDER * most if t < members - 1 else most)
        m = 0
        while m < len(kept) and score[kept[m]] >= top + floor:
            m += 1
        kept = kept[:m]
        old_pick, old_used, old_of = pick, used, of
        pick, used = np.empty((m, members), np.int64), np.empty(m, np.int64)
        of, log_w = np.empty(m, np.int64), new_w[kept]
        for a in range(m):
            p, o = source[kept[a]], option[kept[a]]
            for b in range(t):
                pick[a, b] = old_pick[p, b]
            pick[a, t] = o
            of[a] = old_of[p]
            used[a] = old_used[p] | (1 << options.plot[o] if options.plot[o] >= 0 else 0)
    out = np.exp(log_w - log_w[0])
    out /= out.sum()
    n = 0
    while n < len(out) and out[n] >= least:
        n += 1
    return out[:n] / out[:n].sum(), pick[:n]
