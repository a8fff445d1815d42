"""Clusters of looks and plots that compete: the connected parts of the graph of candidates."""

from __future__ import annotations

import numpy as np

from farwatch.association.events import Clusters
from farwatch.kernels import kernel, leaf


@leaf
def find_root(parent, node):  # type: ignore[no-untyped-def]
    """Root of a node in a union-find forest, halving the path on the way."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@kernel
def find_clusters(candidate_look, candidate_plot, plots, passed, force, near):  # type: ignore[no-untyped-def]
    """Number the clusters of looks and `plots` plots, and say which are closed. `near` looks (`find_near`) belong
    together.

    A cluster is closed where the beam has passed the gates of all its looks (`passed`), or where one of them has
    waited too long (`force`): a chain of gates around the whole circle must not hold plots for ever.
    """
    looks = len(passed)
    parent = np.arange(looks + plots)
    for e in range(len(candidate_look)):
        a = find_root(parent, candidate_look[e])
        b = find_root(parent, looks + candidate_plot[e])
        if a != b:
            parent[max(a, b)] = min(a, b)
    for i in range(looks):
        if near[i] >= 0 and near[i] != i:
            a, b = find_root(parent, i), find_root(parent, near[i])
            if a != b:
                parent[max(a, b)] = min(a, b)
    number = np.full(looks + plots, -1, np.int64)
    count = 0
    for node in range(looks + plots):
        root = find_root(parent, node)
        if number[root] < 0:
            number[root] = count
            count += 1
        number[node] = number[root]
    closed = np.ones(count, np.bool_)
    for i in range(looks):
        if not passed[i]:
            closed[number[i]] = False
    for i in range(looks):
        if force[i]:
            closed[number[i]] = True
    return Clusters(number[:looks].copy(), number[looks:].copy(), closed)
