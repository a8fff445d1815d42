"""Marginal association probabilities by belief propagation, cluster by cluster.

Williams & Lau 2014, "Approximate evaluation of marginal association probabilities with belief propagation": loopy
belief propagation on the bipartite graph of looks and plots converges always, and is exact where the graph is a tree.
"""

from __future__ import annotations

import numpy as np

from farwatch.association.events import Events
from farwatch.kernels import kernel

ITERATIONS, LEAST_ITERATIONS = 200, 10
MESSAGES = 2_000_000  # in all iterations of one cluster: beyond 10,000 candidates it has fewer
TOLERANCE = 1e-8


@kernel
def marginals(candidates, clusters, existence, detection, plots):  # type: ignore[no-untyped-def]
    """Events with their marginal weights.

    `existence` and `detection` are those of the looks; `plots` is their number. The weight of a candidate relative to
    a miss is r Pd L / (1 - r Pd), L being its likelihood over the density of plots from elsewhere.
    """
    n = len(candidates.plot)
    looks = len(existence)
    count = len(clusters.closed)
    # Candidates by cluster (a counting sort keeps them ordered by look).
    first = np.zeros(count + 1, np.int64)
    for e in range(n):
        first[clusters.look[candidates.look[e]] + 1] += 1
    for c in range(count):
        first[c + 1] += first[c]
    order = np.empty(n, np.int64)
    fill = first[:-1].copy()
    for e in range(n):
        c = clusters.look[candidates.look[e]]
        order[fill[c]] = e
        fill[c] += 1
    ratio = np.empty(n)
    for e in range(n):
        q = existence[candidates.look[e]] * detection[candidates.look[e]]
        ratio[e] = q * candidates.likelihood[e] / (1.0 - q)
    to_plot = np.zeros(n)
    to_look = np.ones(n)
    look_sum = np.zeros(looks)
    plot_sum = np.zeros(plots)
    for c in range(count):
        begin, end = first[c], first[c + 1]
        if begin == end:
            continue
        for _ in range(max(min(ITERATIONS, MESSAGES // (end - begin)), LEAST_ITERATIONS)):
            for k in range(begin, end):
                look_sum[candidates.look[order[k]]] = 0.0
                plot_sum[candidates.plot[order[k]]] = 0.0
            for k in range(begin, end):
                e = order[k]
                look_sum[candidates.look[e]] += ratio[e] * to_look[e]
            change = 0.0
            for k in range(begin, end):
                e = order[k]
                others = max(look_sum[candidates.look[e]] - ratio[e] * to_look[e], 0.0)
                to_plot[e] = ratio[e] / (1.0 + others)
                plot_sum[candidates.plot[e]] += to_plot[e]
            for k in range(begin, end):
                e = order[k]
                others = max(plot_sum[candidates.plot[e]] - to_plot[e], 0.0)
                message = 1.0 / (1.0 + others)
                change = max(change, abs(message - to_look[e]))
                to_look[e] = message
            if change < TOLERANCE:
                break
    look_sum[:] = 0.0
    for e in range(n):
        look_sum[candidates.look[e]] += ratio[e] * to_look[e]
    weight = np.empty(n)
    miss = np.empty(looks)
    birth = np.ones(plots)
    for i in range(looks):
        miss[i] = 1.0 / (1.0 + look_sum[i])
    for e in range(n):
        weight[e] = ratio[e] * to_look[e] * miss[candidates.look[e]]
    for j in range(plots):
        birth[j] = 1.0 / (1.0 + plot_sum[j])
    return Events(candidates.plot, np.arange(n + 1), candidates.look, weight, miss, birth)
