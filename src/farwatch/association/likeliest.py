"""The likeliest ways in which tracks may share plots out among them, over all global hypotheses at once.

A beam search, track by track: kept of each level is what promises most, a partial assignment's weight times the best
that each track to come could add if none of the others came. It is exact while nothing falls out of the beam, and
bounded whatever the cluster. Murty's algorithm, the usual means, solves one global hypothesis after another.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel, leaf
from farwatch.plots import Floats, Ints

WIDER = 2  # times as many partial assignments are kept as whole ones


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
def ranked_options(options):  # type: ignore[no-untyped-def]
    """Rows of the options, those of each local hypothesis by weight, largest first."""
    ranked = np.empty(len(options.plot), np.int64)
    for one in range(len(options.first) - 1):
        begin, end = options.first[one], options.first[one + 1]
        ranked[begin:end] = begin + largest_first(options.log_factor[begin:end], end - begin)
    return ranked


@leaf
def best_left(choice, t, used, options, ranked):  # type: ignore[no-untyped-def]
    """Logarithm of the most that members from t on could add, each as if alone, where the plots `used` are taken."""
    total = 0.0
    for m in range(t, len(choice)):
        for k in range(options.first[choice[m]], options.first[choice[m] + 1]):
            j = options.plot[ranked[k]]
            if j < 0 or not used >> j & 1:
                total += options.log_factor[ranked[k]]
                break
    return total


@leaf
def in_turn(choice, options, ranked):  # type: ignore[no-untyped-def]
    """Logarithm of the factors where each member in turn takes the best that is left: what surely can be had."""
    total, used = 0.0, 0
    for m in range(len(choice)):
        for k in range(options.first[choice[m]], options.first[choice[m] + 1]):
            j = options.plot[ranked[k]]
            if j < 0 or not used >> j & 1:
                total += options.log_factor[ranked[k]]
                used |= 1 << j if j >= 0 else 0
                break
    return total


@kernel
def likeliest_joint(weight, choice, options, most, least):  # type: ignore[no-untyped-def]
    """The at most `most` likeliest joint events: weights (n,) that sum to 1, largest first, and options (n, members).

    `weight` (globals,) and `choice` (globals, members), a local hypothesis each, are the global hypotheses so far. No
    two members take one plot. What has less than the share `least` is left out.
    """
    members = choice.shape[1]
    ranked = ranked_options(options)
    log_w = np.log(weight)
    floor = -np.inf
    for g in range(len(weight)):
        floor = max(floor, log_w[g] + in_turn(choice[g], options, ranked))
    floor += math.log(max(least, 1e-300))  # what promises less cannot have that share
    of = np.arange(len(weight))
    used = np.zeros(len(weight), np.int64)
    pick = np.empty((len(weight), members), np.int64)
    for t in range(members):
        room = 0
        for p in range(len(of)):
            one = choice[of[p], t]
            room += options.first[one + 1] - options.first[one]
        score, new_w = np.empty(room), np.empty(room)
        source, option = np.empty(room, np.int64), np.empty(room, np.int64)
        n = 0
        for p in range(len(of)):
            one = choice[of[p], t]
            for o in range(options.first[one], options.first[one + 1]):
                j = options.plot[o]
                if j >= 0 and used[p] >> j & 1:
                    continue
                now = used[p] | (1 << j if j >= 0 else 0)
                new_w[n] = log_w[p] + options.log_factor[o]
                score[n] = new_w[n] + best_left(choice[of[p]], t + 1, now, options, ranked)
                if score[n] >= floor:
                    source[n], option[n] = p, o
                    n += 1
        kept = largest_first(score[:n], WIDER * most if t < members - 1 else most)
        old_pick, old_used, old_of = pick, used, of
        pick, used = np.empty((len(kept), members), np.int64), np.empty(len(kept), np.int64)
        of, log_w = np.empty(len(kept), np.int64), new_w[kept]
        for a in range(len(kept)):
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
