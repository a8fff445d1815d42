"""Gating: which plots lie in which looks' windows, at a cost that grows with what the windows hold."""

from __future__ import annotations

import math

import numpy as np

from farwatch.kernels import kernel

BAND_M = 10_000.0
TWO_PI = 2.0 * math.pi


@kernel
def sort_into_bands(plot_azimuth, plot_range):  # type: ignore[no-untyped-def]
    """Plots by bands of range and, in each, by azimuth: first row of each band (bands + 1,), and the order (n,)."""
    n = len(plot_azimuth)
    bands = 1
    for j in range(n):
        bands = max(bands, int(plot_range[j] / BAND_M) + 1)
    by_azimuth = np.argsort(plot_azimuth)
    first = np.zeros(bands + 1, np.int64)
    for j in range(n):
        first[int(plot_range[j] / BAND_M) + 1] += 1
    for b in range(bands):
        first[b + 1] += first[b]
    fill = first[:-1].copy()
    order = np.empty(n, np.int64)
    for j in by_azimuth:
        b = int(plot_range[j] / BAND_M)
        order[fill[b]] = j
        fill[b] += 1
    return first, order


@kernel
def pairs_in_gates(azimuth, half_azimuth, range_m, half_range, plot_azimuth, plot_range):  # type: ignore[no-untyped-def]
    """All (look, plot) pairs whose plot lies in the look's window of azimuth and range, ordered by look, then plot.

    Angles in radians, ranges in metres; plots' azimuths are in [0, 2 pi), windows wrap at north. Returns two int64
    arrays.
    """
    first, order = sort_into_bands(plot_azimuth, plot_range)
    bands = len(first) - 1
    sorted_azimuth = plot_azimuth[order]
    capacity = 4 * len(azimuth) + 16
    out_look = np.empty(capacity, np.int64)
    out_plot = np.empty(capacity, np.int64)
    n = 0
    for i in range(len(azimuth)):
        begin = n
        low = azimuth[i] - min(half_azimuth[i], math.pi)
        low -= TWO_PI * math.floor(low / TWO_PI)
        high = low + 2.0 * min(half_azimuth[i], math.pi)
        first_band = int(max(range_m[i] - half_range[i], 0.0) / BAND_M)
        last_band = min(int((range_m[i] + half_range[i]) / BAND_M), bands - 1)
        for band in range(first_band, last_band + 1):
            start, end = first[band], first[band + 1]
            # Past north the window goes on from the first plot of the band, one turn later.
            for turn in range(2 if high >= TWO_PI else 1):
                a, b = start, end
                wanted = low - turn * TWO_PI
                while a < b:
                    middle = (a + b) // 2
                    if sorted_azimuth[middle] < wanted:
                        a = middle + 1
                    else:
                        b = middle
                while a < end and sorted_azimuth[a] <= high - turn * TWO_PI:
                    j = order[a]
                    a += 1
                    if abs(plot_range[j] - range_m[i]) > half_range[i]:
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
