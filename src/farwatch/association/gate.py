"""Gating: which plots lie in a window, at a cost that grows with what the window holds."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints

BAND_M = 10_000.0
TWO_PI = 2.0 * math.pi


class Window(NamedTuple):
    """What a gate spans in a radar's coordinates: its middle and half its width, in radians and metres."""

    azimuth: float
    half_azimuth: float
    range_m: float
    half_range: float
    elevation: float
    half_elevation: float


class Sorted(NamedTuple):
    """Plots by bands of range and, in each, by azimuth, so that a window finds what it holds."""

    first: Ints  # (bands + 1,) first row of each band
    row: Ints  # (n,) row of the plot
    azimuth: Floats
    range_m: Floats
    elevation: Floats  # NaN where the plot has none


@kernel
def sort_into_bands(azimuth, range_m, elevation):  # type: ignore[no-untyped-def]
    """`Sorted` plots of the given azimuths in [0, 2 pi), ranges (m) and elevations (rad)."""
    n = len(azimuth)
    bands = 1
    for j in range(n):
        bands = max(bands, int(range_m[j] / BAND_M) + 1)
    by_azimuth = np.argsort(azimuth)
    first = np.zeros(bands + 1, np.int64)
    for j in range(n):
        first[int(range_m[j] / BAND_M) + 1] += 1
    for b in range(bands):
        first[b + 1] += first[b]
    fill = first[:-1].copy()
    out = Sorted(first, np.empty(n, np.int64), np.empty(n), np.empty(n), np.empty(n))
    for j in by_azimuth:
        b = int(range_m[j] / BAND_M)
        k = fill[b]
        out.row[k], out.azimuth[k], out.range_m[k], out.elevation[k] = j, azimuth[j], range_m[j], elevation[j]
        fill[b] += 1
    return out


@kernel
def in_window(plots, window, out):  # type: ignore[no-untyped-def]
    """Write the rows of the plots in a window to `out`, in order, as far as they fit; return their number.

    A window wraps at north; a plot without an elevation lies in it whatever the window's.
    """
    first, n = plots.first, 0
    bands = len(first) - 1
    half = min(window.half_azimuth, math.pi)
    low = window.azimuth - half
    low -= TWO_PI * math.floor(low / TWO_PI)
    high = low + 2.0 * half
    first_band = int(max(window.range_m - window.half_range, 0.0) / BAND_M)
    last_band = min(int((window.range_m + window.half_range) / BAND_M), bands - 1)
    for band in range(first_band, last_band + 1):
        end = first[band + 1]
        # Past north the window goes on from the first plot of the band, one turn later.
        for turn in range(2 if high >= TWO_PI else 1):
            a, b = first[band], end
            wanted = low - turn * TWO_PI
            while a < b:
                middle = (a + b) // 2
                if plots.azimuth[middle] < wanted:
                    a = middle + 1
                else:
                    b = middle
            while a < end and plots.azimuth[a] <= high - turn * TWO_PI:
                near = abs(plots.range_m[a] - window.range_m) <= window.half_range
                if near and not abs(plots.elevation[a] - window.elevation) > window.half_elevation:
                    if n < len(out):
                        out[n] = plots.row[a]
                    n += 1
                a += 1
    # Insertion sort: a gate holds few plots, and an order by plot makes the result independent of the bands.
    for k in range(1, min(n, len(out))):
        value = out[k]
        m = k
        while m > 0 and out[m - 1] > value:
            out[m] = out[m - 1]
            m -= 1
        out[m] = value
    return n
