"""Assignment of points to points nearer than a radius: near pairs by a KD-tree, the best of them part by part."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from farwatch.plots import Floats, Ints

DENSE = 4_000_000  # cells of a cost matrix; larger parts are solved sparsely


def near_pairs(first: Floats, second: Floats, radius: float) -> tuple[Ints, Ints, Floats]:
    """Rows i, j of points (n, d) and (m, d) that are less than `radius` apart, and their distances."""
    if not len(first) or not len(second):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    found = cKDTree(first).sparse_distance_matrix(cKDTree(second), radius, output_type="ndarray")
    found = found[found["v"] < radius]
    return found["i"].astype(np.int64), found["j"].astype(np.int64), found["v"].astype(np.float64)


def best_pairs(i: Ints, j: Ints, gain: Floats) -> Ints:
    """Positions of the pairs (i, j) of greatest total gain (> 0 each), every i and every j in at most one.

    Connected parts are independent: most are single pairs, the others go to the Hungarian method one by one.
    """
    if not len(i):
        return np.zeros(0, np.int64)
    label = parts(i, j)
    order = np.argsort(label, kind="stable")
    starts = np.flatnonzero(np.diff(label[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    chosen = [order[starts[sizes == 1]]]
    for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
        rows = order[start : start + size]
        chosen.append(rows[_best_of_part(i[rows], j[rows], gain[rows])])
    return np.sort(np.concatenate(chosen))


def parts(i: Ints, j: Ints) -> Ints:
    """Number of the connected part of the graph of pairs that each pair (i, j) is in."""
    a, b = np.unique(i, return_inverse=True)[1], np.unique(j, return_inverse=True)[1]
    n, m = int(a.max()) + 1, int(b.max()) + 1
    graph = coo_array((np.ones(len(a), np.int8), (a, n + b)), shape=(n + m, n + m))
    label: Ints = connected_components(graph, directed=False)[1][a].astype(np.int64)
    return label


def _best_of_part(i: Ints, j: Ints, gain: Floats) -> Ints:
    a, b = np.unique(i, return_inverse=True)[1], np.unique(j, return_inverse=True)[1]
    n, m = int(a.max()) + 1, int(b.max()) + 1
    if n * m <= DENSE:
        matrix = np.zeros((n, m))
        position = np.full((n, m), -1)
        matrix[a, b], position[a, b] = gain, np.arange(len(a))
        rows, columns = linear_sum_assignment(matrix, maximize=True)
    else:
        # Each i has a column of its own at no gain, so that a full matching exists; weights must not be zero.
        costs = np.concatenate([-gain, np.zeros(n)]) - 1.0
        full = coo_array((costs, (np.append(a, np.arange(n)), np.append(b, m + np.arange(n)))), shape=(n, m + n))
        rows, columns = min_weight_full_bipartite_matching(full.tocsr())
        rows, columns = rows[columns < m], columns[columns < m]
        key = a * m + b
        sorter = np.argsort(key)
        taken: Ints = sorter[np.searchsorted(key, rows * m + columns, sorter=sorter)]
        return taken
    taken = position[rows, columns]
    return taken[taken >= 0]
