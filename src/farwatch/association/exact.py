"""Exact marginal association probabilities of small clusters, by dynamic programming over the sets of plots in use.

Belief propagation is exact on trees only; where several tracks share several plots for long (targets that meet and
part) its error tells. The sum over all joint events needs no enumeration: look by look, what matters of the past is
which plots are taken.
"""

from __future__ import annotations

import numpy as np

from farwatch.kernels import kernel


@kernel
def solve_cluster(candidates, existence, detection, events, looks, plots, bit):  # type: ignore[no-untyped-def]
    """Exact weights of one cluster's events. `bit` is that of each plot in the sets of plots in use.

    `before[k, s]` sums the weights of all ways in which the looks before the k-th have taken just the plots s, and
    `after[k, s]` those of the k-th and all later ones where s are taken. Rows are scaled: marginals are shares.
    """
    n, sets = len(looks), 1 << len(plots)
    before, after = np.zeros((n + 1, sets)), np.ones((n + 1, sets))
    before[0, 0] = 1.0
    ratio = np.empty(len(candidates.plot))
    for k in range(n):
        q = existence[looks[k]] * detection[looks[k]]
        for e in range(candidates.first[looks[k]], candidates.first[looks[k] + 1]):
            ratio[e] = q * candidates.likelihood[e] / (1.0 - q)
        for s in range(sets):
            before[k + 1, s] += before[k, s]
            for e in range(candidates.first[looks[k]], candidates.first[looks[k] + 1]):
                taken = bit[candidates.plot[e]]
                if s & taken == 0:
                    before[k + 1, s | taken] += before[k, s] * ratio[e]
        before[k + 1] /= before[k + 1].max()
    for k in range(n - 1, -1, -1):
        for s in range(sets):
            total = after[k + 1, s]
            for e in range(candidates.first[looks[k]], candidates.first[looks[k] + 1]):
                taken = bit[candidates.plot[e]]
                if s & taken == 0:
                    total += ratio[e] * after[k + 1, s | taken]
            after[k, s] = total
        after[k] /= after[k].max()
    for j in plots:
        events.birth[j] = 1.0
    for k in range(n):
        i = looks[k]
        missed = 0.0
        for s in range(sets):
            missed += before[k, s] * after[k + 1, s]
        total = missed
        for e in range(candidates.first[i], candidates.first[i + 1]):
            taken = bit[candidates.plot[e]]
            weight = 0.0
            for s in range(sets):
                if s & taken == 0:
                    weight += before[k, s] * ratio[e] * after[k + 1, s | taken]
            events.weight[e] = weight
            total += weight
        events.miss[i] = missed / total
        for e in range(candidates.first[i], candidates.first[i + 1]):
            events.weight[e] /= total
            events.birth[candidates.plot[e]] -= events.weight[e]
    for j in plots:
        events.birth[j] = max(events.birth[j], 0.0)


@kernel
def solve_exactly(candidates, clusters, existence, detection, events, most_plots):  # type: ignore[no-untyped-def]
    """Make the events' weights exact, in place, in every cluster of two looks or more and 2 to `most_plots` plots."""
    count = len(clusters.closed)
    looks_in, plots_in = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for k in range(len(clusters.look)):
        looks_in[clusters.look[k]] += 1
    for j in range(len(clusters.plot)):
        plots_in[clusters.plot[j]] += 1
    bit = np.empty(len(clusters.plot), np.int64)
    for c in range(count):
        if looks_in[c] < 2 or not 2 <= plots_in[c] <= most_plots:
            continue
        looks = np.flatnonzero(clusters.look == c)
        plots = np.flatnonzero(clusters.plot == c)
        for b in range(len(plots)):
            bit[plots[b]] = 1 << b
        solve_cluster(candidates, existence, detection, events, looks, plots, bit)
