"""The pressure field: how far pressure altitude lies from geometric height over the area, learned from plots.

The difference is the weather's, not the altimeter's: it is common to all aircraft near one another, grows with the
height, and changes over hundreds of kilometres and hours. Plots that measure their height (an elevation, near enough)
and tell their pressure altitude as well teach it: an offset at the ground and a slope, by cells, from sums of
information that fade. What has been learned near by counts, what has been learned anywhere a little; where nothing has,
a pressure altitude is a height with PRESSURE_HEIGHT_SIGMA_M of doubt.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.frame import vertical
from farwatch.kernels import kernel, leaf
from farwatch.plots import Floats, Ints
from farwatch.sensors.measurement import DOUBT, PRESSURE_HEIGHT_SIGMA_M, measurement
from farwatch.sensors.radar import RadarModel, place

CELLS, CELL_M = 16, 150e3
REFERENCE_M = 11_000.0  # the height at which the slope is counted
SLOPE_SIGMA_M = 200.0  # what is believed of the slope there
NEIGHBOUR, ANYWHERE = 0.25, 0.02  # what a plot counts in the next cell, and everywhere
FLOOR_M = 20.0  # elevations are biased: no number of plots removes that doubt
FADES_S = 3600.0
FADE_STEP_S = 60.0
VAGUEST_M = 800.0  # heights less certain teach nothing
LARGEST_M = 1500.0  # no weather: a fault
ALTIMETER_M = 30.0
SUMS = 5


class PressureField(NamedTuple):
    """Sums of information about offset and slope: 00 01 11 of the matrix, 0 1 of the vector."""

    frame: Floats  # (3, 3) rows: the middle of the area, its east, its north
    cells: Floats  # (CELLS, CELLS, SUMS)
    total: Floats  # (SUMS,)
    time_ns: Ints  # (1,) when it last faded; 0: never


def make_pressure_field(radar: RadarModel) -> PressureField:
    """A field about a radar of which nothing is known."""
    return PressureField(
        np.array([radar.origin, radar.east, radar.north]),
        np.zeros((CELLS, CELLS, SUMS)),
        np.zeros(SUMS),
        np.zeros(1, np.int64),
    )


@leaf
def pressure_cell(field, x, y, z):  # type: ignore[no-untyped-def]
    """Row and column of the cell of a point of the frame; the outermost ones go on for ever."""
    f = field.frame
    east = (x - f[0, 0]) * f[1, 0] + (y - f[0, 1]) * f[1, 1] + (z - f[0, 2]) * f[1, 2]
    north = (x - f[0, 0]) * f[2, 0] + (y - f[0, 1]) * f[2, 1] + (z - f[0, 2]) * f[2, 2]
    half = 0.5 * CELLS
    column = int(min(max(math.floor(east / CELL_M + half), 0.0), CELLS - 1.0))
    row = int(min(max(math.floor(north / CELL_M + half), 0.0), CELLS - 1.0))
    return row, column


@leaf
def add_difference(field, row, column, height_m, difference_m, variance):  # type: ignore[no-untyped-def]
    """Learn that a pressure altitude was so much above a geometric height, with so much noise (m^2)."""
    h, w = height_m / REFERENCE_M, 1.0 / variance
    terms = (w, w * h, w * h * h, w * difference_m, w * h * difference_m)
    for k in range(SUMS):
        field.cells[row, column, k] += terms[k]
        field.total[k] += terms[k]


@leaf
def pressure_offset(field, row, column, height_m):  # type: ignore[no-untyped-def]
    """Pressure altitude minus geometric height (m) in a cell at a height, and the variance (m^2) of what is left."""
    most = PRESSURE_HEIGHT_SIGMA_M * PRESSURE_HEIGHT_SIGMA_M
    a, b, c = 1.0 / most, 0.0, 1.0 / (SLOPE_SIGMA_M * SLOPE_SIGMA_M)
    y0, y1 = 0.0, 0.0
    for r in range(max(row - 1, 0), min(row + 2, CELLS)):
        for k in range(max(column - 1, 0), min(column + 2, CELLS)):
            w = (1.0 if r == row and k == column else NEIGHBOUR) - ANYWHERE
            s = field.cells[r, k]
            a, b, c, y0, y1 = a + w * s[0], b + w * s[1], c + w * s[2], y0 + w * s[3], y1 + w * s[4]
    s = field.total
    a, b, c, y0, y1 = (
        a + ANYWHERE * s[0],
        b + ANYWHERE * s[1],
        c + ANYWHERE * s[2],
        y0 + ANYWHERE * s[3],
        y1 + ANYWHERE * s[4],
    )
    determinant = a * c - b * b
    h = height_m / REFERENCE_M
    offset = ((c * y0 - b * y1) + h * (a * y1 - b * y0)) / determinant
    variance = (c - 2.0 * b * h + a * h * h) / determinant + FLOOR_M * FLOOR_M
    return offset, min(variance, most)


@leaf
def fade(field, now_ns):  # type: ignore[no-untyped-def]
    """Let what has been learned fade to `now_ns`, in steps."""
    passed_s = (now_ns - field.time_ns[0]) * 1e-9
    if passed_s < FADE_STEP_S:
        return
    kept = math.exp(-passed_s / FADES_S) if field.time_ns[0] > 0 else 1.0
    field.time_ns[0] = now_ns
    for k in range(SUMS):
        field.total[k] *= kept
        for r in range(CELLS):
            for c in range(CELLS):
                field.cells[r, c, k] *= kept


@kernel
def use_pressure_field(field, radar, plots, table):  # type: ignore[no-untyped-def]
    """Turn the pressure altitudes of a radar's measurement table into heights; learn from those that have both."""
    x, P = np.empty(3), np.empty((3, 3))
    for j in range(len(table)):
        if math.isnan(table[j, 5]) or plots.measured[j] & 3 != 3:
            continue
        height = table[j, 5]
        m = measurement(table, j)
        both = m.measured & 4 != 0 and m.z0 * m.z0 * m.c22 < VAGUEST_M * VAGUEST_M
        if not both and field.total[0] == 0.0:
            continue
        if not place(radar, m, height, PRESSURE_HEIGHT_SIGMA_M, x, P):
            continue
        row, column = pressure_cell(field, x[0], x[1], x[2])
        if field.total[0] > 0.0:
            offset, variance = pressure_offset(field, row, column, height)
            table[j, 5] = height - offset
            table[j, DOUBT] = variance
        if both:
            geometric, ux, uy, uz = vertical(radar.flat, x[0], x[1], x[2])
            noise = ux * (P[0, 0] * ux + 2.0 * (P[0, 1] * uy + P[0, 2] * uz))
            noise += uy * (P[1, 1] * uy + 2.0 * P[1, 2] * uz) + uz * P[2, 2] * uz
            if abs(height - geometric) < LARGEST_M and noise < VAGUEST_M * VAGUEST_M:
                fade(field, plots.time_ns[j])
                add_difference(field, row, column, height, height - geometric, noise + ALTIMETER_M * ALTIMETER_M)
