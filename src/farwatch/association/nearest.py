"""Global nearest neighbour: of all joint assignments the likeliest one alone, cluster by cluster. The baseline.

Whether a track's plot is its own or false stays a matter of probability, as if no other plot or track were about.
"""

from __future__ import annotations

import math

import numpy as np

from farwatch.association.events import Events
from farwatch.kernels import kernel

NO_PLOT, NO_EDGE = 1e4, 1e8  # cost of taking none of the plots in the gate; of what cannot be


@kernel
def cheapest(cost):  # type: ignore[no-untyped-def]
    """Column of each row (rows,) of the assignment of least total cost (rows, columns >= rows), all finite.

    Successive shortest paths with potentials (Jonker & Volgenant 1987).
    """
    rows, columns = cost.shape
    of_row, of_column = np.full(rows, -1, np.int64), np.full(columns, -1, np.int64)
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    for start in range(rows):
        distance, before = np.full(columns, np.inf), np.full(columns, -1, np.int64)
        done = np.zeros(columns, np.bool_)
        row, reached, end = start, 0.0, -1
        while end < 0:
            nearest = -1
            for c in range(columns):
                if done[c]:
                    continue
                d = reached + cost[row, c] - row_price[row] - column_price[c]
                if d < distance[c]:
                    distance[c], before[c] = d, row
                if nearest < 0 or distance[c] < distance[nearest]:
                    nearest = c
            reached = distance[nearest]
            done[nearest] = True
            if of_column[nearest] < 0:
                end = nearest
            else:
                row = of_column[nearest]
        row_price[start] += reached
        for c in range(columns):
            if done[c] and c != end:
                row_price[of_column[c]] += reached - distance[c]
                column_price[c] -= reached - distance[c]
        while end >= 0:
            row = before[end]
            of_column[end] = row
            end, of_row[row] = of_row[row], end
    return of_row


@kernel
def nearest(candidates, clusters, existence, detection, plots):  # type: ignore[no-untyped-def]
    """Events with weight for the one plot that the likeliest assignment of its cluster gives each look, if any.

    Arguments as those of `marginals`.
    """
    n, looks = len(candidates.plot), len(existence)
    weight, miss, birth = np.zeros(n), np.ones(looks), np.ones(plots)
    column = np.full(plots, -1, np.int64)
    rows_of, first = np.argsort(clusters.look, kind="mergesort"), 0
    while first < looks:
        end = first
        while end < looks and clusters.look[rows_of[end]] == clusters.look[rows_of[first]]:
            end += 1
        rows, columns = end - first, 0
        for k in rows_of[first:end]:
            for e in range(candidates.first[k], candidates.first[k + 1]):
                if column[candidates.plot[e]] < 0:
                    column[candidates.plot[e]] = columns
                    columns += 1
        cost = np.full((rows, columns + rows), NO_EDGE)  # besides plots, a column of its own for each row
        for r in range(rows):
            k = rows_of[first + r]
            q = existence[k] * detection[k]
            cost[r, columns + r] = NO_PLOT
            for e in range(candidates.first[k], candidates.first[k + 1]):
                ratio = q * candidates.likelihood[e] / (1.0 - q)
                cost[r, column[candidates.plot[e]]] = -math.log(max(ratio, 1e-300))
        chosen = cheapest(cost)
        for r in range(rows):
            k = rows_of[first + r]
            q = existence[k] * detection[k]
            for e in range(candidates.first[k], candidates.first[k + 1]):
                j = candidates.plot[e]
                if column[j] == chosen[r]:
                    ratio = q * candidates.likelihood[e] / (1.0 - q)
                    weight[e] = ratio / (1.0 + ratio)
                    miss[k] = 1.0 / (1.0 + ratio)
                    birth[j] = miss[k]
        for k in rows_of[first:end]:
            for e in range(candidates.first[k], candidates.first[k + 1]):
                column[candidates.plot[e]] = -1
        first = end
    return Events(candidates.plot, np.arange(n + 1), candidates.look, weight, miss, birth)
