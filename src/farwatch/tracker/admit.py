"""Admit: which plots of a batch can be used, and their values as the kernels expect them."""

from __future__ import annotations

import math

import numpy as np

from farwatch.kernels import kernel
from farwatch.plots import Flag, Measured, Plots

NOT_AIRCRAFT = int(Flag.NOT_AIRCRAFT)
POSITION_2D = int(Measured.POSITION_2D)
BAD_HEIGHT = int(Flag.MODE_C_INVALID | Flag.MODE_C_GARBLED)
LOWEST_M, HIGHEST_M = -500.0, 40_000.0  # pressure altitudes outside are no aircraft's


@kernel
def admissible(plot_sensor, flags, measured, z, sensor, low, high):  # type: ignore[no-untyped-def]
    """Rows of a sensor's usable plots; how many it gave, how many are no aircraft, how many are absurd.

    Absurd is a claimed coordinate that is not finite, a missing first or second one, or one that cannot be:
    below `low` or above `high` (pairs).
    """
    rows = np.empty(len(plot_sensor), np.int64)
    n, given, not_aircraft, absurd = 0, 0, 0, 0
    for j in range(len(plot_sensor)):
        if plot_sensor[j] != sensor:
            continue
        given += 1
        if flags[j] & NOT_AIRCRAFT:
            not_aircraft += 1
            continue
        usable = measured[j] & POSITION_2D == POSITION_2D
        usable = usable and low[0] <= z[j, 0] <= high[0] and low[1] <= z[j, 1] <= high[1]
        for column in range(6):
            if (measured[j] >> column) & 1 and not math.isfinite(z[j, column]):
                usable = False
        if not usable:
            absurd += 1
            continue
        rows[n] = j
        n += 1
    return rows[:n].copy(), given, not_aircraft, absurd


def normalised(plots: Plots, polar: bool) -> Plots:
    """The same plots without pressure altitudes that are invalid, garbled or no aircraft's.

    Where they are `polar`, azimuths are in [0, 2 pi).
    """
    z, height = plots.z.copy(), plots.pressure_altitude_m.copy()
    _normalise(z, height, plots.flags, polar)
    return plots._replace(z=z, pressure_altitude_m=height)


@kernel
def _normalise(z, height, flags, polar):  # type: ignore[no-untyped-def]
    for j in range(len(z)):
        if polar:
            z[j, 1] -= 2.0 * math.pi * math.floor(z[j, 1] / (2.0 * math.pi))
        if flags[j] & BAD_HEIGHT or not LOWEST_M <= height[j] <= HIGHEST_M:
            height[j] = np.nan
