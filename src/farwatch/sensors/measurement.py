"""Measurement: one plot as the kernels of every kind of sensor read it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel, leaf
from farwatch.sensors.airborne import FIELDS, airborne, fill_airborne

# One standard deviation of pressure altitude against geometric height where nothing is known: weather, not the
# altimeter. It is common to all plots of a track: it enters the slant range, where the height is a nuisance.
PRESSURE_HEIGHT_SIGMA_M = 100.0
DOUBT = 12
MEASUREMENT = 13  # columns of a measurement table that are a `Measurement`; from there on: `Airborne`
FELLOW = MEASUREMENT + FIELDS  # a velocity (3, m/s) and its variance, of aircraft that share the plot; 0: nobody's
COLUMNS = FELLOW + 4


class Measurement(NamedTuple):
    """Which columns of a plot's `z` are measured, their values, the covariance of the first three, and a height."""

    measured: int
    z0: float
    z1: float
    z2: float
    z3: float
    height_m: float  # by pressure, the weather's part taken off as far as it is known; NaN where there is none
    c00: float
    c01: float
    c02: float
    c11: float
    c12: float
    c22: float
    variance_doubt: float  # what is left of the weather's part: common to all plots, so never averaged away


@kernel
def measurement_table(plots, v0, v1, v2):  # type: ignore[no-untyped-def]
    """Plots as rows (COLUMNS) of the fields of `Measurement` and `Airborne`, and of nobody's velocity.

    v0, v1, v2 are the sensor's own variances where a plot has none.
    """
    n = len(plots.time_ns)
    table = np.zeros((n, COLUMNS))
    for j in range(n):
        table[j, 0] = plots.measured[j]
        for column in range(4):
            table[j, 1 + column] = plots.z[j, column]
        table[j, 5] = plots.pressure_altitude_m[j]
        for column in range(6):
            value = plots.covariance[j, column]
            if math.isnan(value):
                value = v0 if column == 0 else (v1 if column == 3 else (v2 if column == 5 else 0.0))
            table[j, 6 + column] = value
        table[j, DOUBT] = PRESSURE_HEIGHT_SIGMA_M * PRESSURE_HEIGHT_SIGMA_M
        fill_airborne(plots, j, table, MEASUREMENT)
    return table


@leaf
def measurement(table, j):  # type: ignore[no-untyped-def]
    """Row j of a measurement table."""
    return Measurement(
        int(table[j, 0]),
        table[j, 1],
        table[j, 2],
        table[j, 3],
        table[j, 4],
        table[j, 5],
        table[j, 6],
        table[j, 7],
        table[j, 8],
        table[j, 9],
        table[j, 10],
        table[j, 11],
        table[j, DOUBT],
    )


@leaf
def says_motion(table, j):  # type: ignore[no-untyped-def]
    """Whether row j of a measurement table has a register that says how its aircraft moves."""
    return not (math.isnan(table[j, MEASUREMENT]) and math.isnan(table[j, MEASUREMENT + 2]))


@leaf
def motion_said(table, j):  # type: ignore[no-untyped-def]
    """The `Airborne` of row j of a measurement table."""
    return airborne(table, MEASUREMENT, j)
