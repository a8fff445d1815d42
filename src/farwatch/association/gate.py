"""Gating: which plots lie in which looks' windows, at a cost that grows with what the windows hold."""

from __future__ import annotations

import math

import numpy as np

from farwatch.kernels import kernel


@kernel
def sort_into_bands(plot_u, plot_v, band_v):  # type: ignore[no-untyped-def]
    """Plots by bands of v and, in each, by u: first row of each band (bands + 1,), and the order (n,)."""
    n = len(plot_u)
    band = np.empty(n, np.int64)
    bands = 1
    for j in range(n):
        band[j] = max(int(plot_v[j] / band_v), 0)
        bands = max(bands, band[j] + 1)
    by_u = np.argsort(plot_u)
    first = np.zeros(bands + 1, np.int64)
    for j in range(n):
        first[band[j] + 1] += 1
    for b in range(bands):
        first[b + 1] += first[b]
    fill = first[:-1].copy()
    order = np.empty(n, np.int64)
    for j in by_u:
        order[fill[band[j]]] = j
        fill[band[j]] += 1
    return first, order


@kernel
def pairs_in_gates(u, half_u, v, half_v, plot_u, plot_v, turn, band_v):  # type: ignore[no-untyped-def]
    """All (look, plot) pairs whose plot lies in the look's window of u and v, ordered by look, then plot.

    u comes round after `turn` (plots' lie in [0, turn), windows wrap), never where that is 0. `band_v` is the width of
    the bands that plots are sorted into. Returns two int64 arrays.
    """
    first, order = sort_into_bands(plot_u, plot_v, band_v)
    bands = len(first) - 1
    sorted_u = plot_u[order]
    capacity = 4 * len(u) + 16
    out_look = np.empty(capacity, np.int64)
    out_plot = np.empty(capacity, np.int64)
    n = 0
    for i in range(len(u)):
        begin = n
        half = min(half_u[i], 0.5 * turn) if turn > 0.0 else half_u[i]
        low = u[i] - half
        if turn > 0.0:
            low -= turn * math.floor(low / turn)
        high = low + 2.0 * half
        first_band = int(max(v[i] - half_v[i], 0.0) / band_v)
        last_band = min(max(int((v[i] + half_v[i]) / band_v), 0), bands - 1)
        for band in range(first_band, last_band + 1):
            start, end = first[band], first[band + 1]
            # Past the end of the turn the window goes on from the first plot of the band, one turn later.
            for lap in range(2 if turn > 0.0 and high >= turn else 1):
                a, b = start, end
                wanted = low - lap * turn
                while a < b:
                    middle = (a + b) // 2
                    if sorted_u[middle] < wanted:
                        a = middle + 1
                    else:
                        b = middle
                while a < end and sorted_u[a] <= high - lap * turn:
                    j = order[a]
                    a += 1
                    if abs(plot_v[j] - v[i]) > half_v[i]:
                        continue
                    if n == capacity:
                        capacity *= 2
                        out_look = np.concatenate((out_look, np.empty(n, np.int64)))
                        out_plot = np.concatenate((out_plot, np.empty(n, np.int64)))
                    out_look[n] = i
                    out_plot[n] = j
                    n += 1
        # Insertion sort: a gate holds few plots, and an order by plot makes the result independent of the bands.
        for k in range(begin + 1, n):
            value = out_plot[k]
            m = k
            while m > begin and out_plot[m - 1] > value:
                out_plot[m] = out_plot[m - 1]
                m -= 1
            out_plot[m] = value
    return out_look[:n], out_plot[:n]
