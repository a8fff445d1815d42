"""Gating by a hashed grid over azimuth and range: cost grows with what lies in the gates, not with looks x plots."""

from __future__ import annotations

import math

import numpy as np

from farwatch.kernels import kernel

CELL_AZIMUTH = math.radians(0.5)
CELL_RANGE_M = 2000.0
AZIMUTH_CELLS = 720
_SPREAD = 2654435761  # Knuth's multiplicative hash


@kernel
def bucket_of(azimuth_cell, range_cell, mask):  # type: ignore[no-untyped-def]
    """Bucket of a grid cell in a table of mask + 1 buckets."""
    return ((azimuth_cell * 65_536 + range_cell) * _SPREAD >> 7) & mask


@kernel
def pairs_in_gates(azimuth, half_azimuth, range_m, half_range, plot_azimuth, plot_range):  # type: ignore[no-untyped-def]
    """All (look, plot) pairs whose plot lies in the look's window of azimuth and range, ordered by look, then plot.

    Angles in radians, ranges in metres; windows wrap at north. Returns two int64 arrays.
    """
    looks, plots = len(azimuth), len(plot_azimuth)
    size = 16
    while size < 2 * plots:
        size *= 2
    mask = size - 1
    head = np.full(size, -1, np.int64)
    after = np.empty(plots, np.int64)
    cell_azimuth = np.empty(plots, np.int64)
    cell_range = np.empty(plots, np.int64)
    for j in range(plots - 1, -1, -1):
        cell_azimuth[j] = int(math.floor(plot_azimuth[j] / CELL_AZIMUTH)) % AZIMUTH_CELLS
        cell_range[j] = int(plot_range[j] / CELL_RANGE_M)
        b = bucket_of(cell_azimuth[j], cell_range[j], mask)
        after[j] = head[b]
        head[b] = j
    capacity = 4 * looks + 16
    out_look = np.empty(capacity, np.int64)
    out_plot = np.empty(capacity, np.int64)
    n = 0
    for i in range(looks):
        begin = n
        first_a = int(math.floor((azimuth[i] - half_azimuth[i]) / CELL_AZIMUTH))
        last_a = int(math.floor((azimuth[i] + half_azimuth[i]) / CELL_AZIMUTH))
        last_a = min(last_a, first_a + AZIMUTH_CELLS - 1)
        first_r = int(max(range_m[i] - half_range[i], 0.0) / CELL_RANGE_M)
        last_r = int((range_m[i] + half_range[i]) / CELL_RANGE_M)
        everything = (last_a - first_a + 1) * (last_r - first_r + 1) > plots
        rows = 1 if everything else last_a - first_a + 1
        columns = 1 if everything else last_r - first_r + 1
        for row in range(rows):
            ca = (first_a + row) % AZIMUTH_CELLS
            for column in range(columns):
                cr = first_r + column
                j = 0 if everything else head[bucket_of(ca, cr, mask)]
                while 0 <= j < plots:
                    if everything or (cell_azimuth[j] == ca and cell_range[j] == cr):
                        d = plot_azimuth[j] - azimuth[i]
                        d -= 2.0 * math.pi * math.floor(d / (2.0 * math.pi) + 0.5)
                        if abs(d) <= half_azimuth[i] and abs(plot_range[j] - range_m[i]) <= half_range[i]:
                            if n == capacity:
                                capacity *= 2
                                out_look = np.concatenate((out_look, np.empty(n, np.int64)))
                                out_plot = np.concatenate((out_plot, np.empty(n, np.int64)))
                            out_look[n] = i
                            out_plot[n] = j
                            n += 1
                    j = j + 1 if everything else after[j]
        # Insertion sort: a gate holds few plots, and an order by plot makes the result independent of the grid.
        for k in range(begin + 1, n):
            value = out_plot[k]
            m = k
            while m > begin and out_plot[m - 1] > value:
                out_plot[m] = out_plot[m - 1]
                m -= 1
            out_plot[m] = value
    return out_look[:n], out_plot[:n]
