"""Gating: which plots lie in a window, at a cost that grows with what the window holds.

Windows and plots are in a sensor's own gate coordinates u, v and w: a radar's azimuth, range and elevation, a position
sensor's x and y.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel, leaf
from farwatch.plots import Floats, Ints

FEW = 32


class Window(NamedTuple):
    """What a gate spans: its middle and half its width in each gate coordinate."""

    u: float
    half_u: float
    v: float
    half_v: float
    w: float
    half_w: float


class Sorted(NamedTuple):
    """Plots by bands of v and, in each, by u, so that a window finds what it holds."""

    first: Ints  # (bands + 1,) first row of each band
    row: Ints  # (n,) row of the plot
    u: Floats
    v: Floats
    w: Floats  # NaN where the plot has none
    turn: float  # u comes round after it, and plots' lie in [0, turn); 0: never
    band: float  # width of a band


@kernel
def sort_into_bands(u, v, w, turn, band):  # type: ignore[no-untyped-def]
    """`Sorted` plots of the given coordinates (n,)."""
    n = len(u)
    number = np.empty(n, np.int64)
    bands = 1
    for j in range(n):
        number[j] = max(int(v[j] / band), 0)
        bands = max(bands, number[j] + 1)
    first = np.zeros(bands + 1, np.int64)
    for j in range(n):
        first[number[j] + 1] += 1
    for b in range(bands):
        first[b + 1] += first[b]
    fill = first[:-1].copy()
    out = Sorted(first, np.empty(n, np.int64), np.empty(n), np.empty(n), np.empty(n), turn, band)
    for j in np.argsort(u):
        k = fill[number[j]]
        out.row[k], out.u[k], out.v[k], out.w[k] = j, u[j], v[j], w[j]
        fill[number[j]] += 1
    return out


@leaf
def sink(values, k, n):  # type: ignore[no-untyped-def]
    """Let values[k] sink to its place in a heap of n, the greatest on top."""
    value = values[k]
    while 2 * k + 1 < n:
        child = 2 * k + 1
        if child + 1 < n and values[child + 1] > values[child]:
            child += 1
        if values[child] <= value:
            break
        values[k] = values[child]
        k = child
    values[k] = value


@leaf
def sort_rows(values, n):  # type: ignore[no-untyped-def]
    """Sort the first n values: by insertion, as a gate holds few plots; where it holds many, by a heap."""
    if n > FEW:
        for k in range(n // 2 - 1, -1, -1):
            sink(values, k, n)
        for k in range(n - 1, 0, -1):
            values[0], values[k] = values[k], values[0]
            sink(values, 0, k)
        return
    for k in range(1, n):
        value = values[k]
        m = k
        while m > 0 and values[m - 1] > value:
            values[m] = values[m - 1]
            m -= 1
        values[m] = value


@leaf
def in_window(plots, window, out):  # type: ignore[no-untyped-def]
    """Write the rows of the plots in a window to `out`, in order, as far as they fit; return their number.

    A plot without w lies in the window whatever its w.
    """
    first, turn, n = plots.first, plots.turn, 0
    bands = len(first) - 1
    half = min(window.half_u, 0.5 * turn) if turn > 0.0 else window.half_u
    low = window.u - half
    if turn > 0.0:
        low -= turn * math.floor(low / turn)
    high = low + 2.0 * half
    first_band = int(max(window.v - window.half_v, 0.0) / plots.band)
    last_band = min(max(int((window.v + window.half_v) / plots.band), 0), bands - 1)
    for band in range(first_band, last_band + 1):
        end = first[band + 1]
        # Past the end of the turn the window goes on from the first plot of the band, one turn later.
        for lap in range(2 if turn > 0.0 and high >= turn else 1):
            a, b = first[band], end
            wanted = low - lap * turn
            while a < b:
                middle = (a + b) // 2
                if plots.u[middle] < wanted:
                    a = middle + 1
                else:
                    b = middle
            while a < end and plots.u[a] <= high - lap * turn:
                near = abs(plots.v[a] - window.v) <= window.half_v
                if near and not abs(plots.w[a] - window.w) > window.half_w:
                    if n < len(out):
                        out[n] = plots.row[a]
                    n += 1
                a += 1
    # An order by plot makes the result independent of the bands.
    sort_rows(out, min(n, len(out)))
    return n
