"""Admit: which plots of a batch can be used, and what the filter needs of them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.kernels import inlined, kernel, leaf
from farwatch.plots import Flag, Floats, Ints, Measured, Plots
from farwatch.tracker.beam import follow_beam

NOT_AIRCRAFT = int(Flag.NOT_AIRCRAFT)
POSITION_2D = int(Measured.POSITION_2D)
BAD_HEIGHT = int(Flag.MODE_C_INVALID | Flag.MODE_C_GARBLED)
LOWEST_M, HIGHEST_M = -500.0, 40_000.0  # pressure altitudes outside are no aircraft's


class Counts(NamedTuple):
    """Plots that the tracker was given, and why some were not used."""

    given: int = 0
    not_aircraft: int = 0
    absurd: int = 0
    late: int = 0  # that came after their slice was done
    homeless: int = 0  # of these, belonged to no track


GIVEN, NO_AIRCRAFT, ABSURD, LATE, HOMELESS = range(len(Counts._fields))


class Admitted(NamedTuple):
    """The columns of `Plots` that the filter uses, of one sensor's usable plots."""

    id: Ints
    time_ns: Ints
    kind: NDArray[np.uint8]
    z: Floats  # azimuths in [0, 2 pi)
    measured: NDArray[np.uint8]
    covariance: Floats
    pressure_altitude_m: Floats  # NaN where invalid, garbled or no aircraft's
    address: NDArray[np.int32]
    mode_a: NDArray[np.int16]
    callsign: Ints
    flags: NDArray[np.uint32]

    @property
    def n(self) -> int:
        return len(self.time_ns)

    def take(self, rows: Any) -> Admitted:
        """The rows given by an index array, mask or slice."""
        return Admitted(*(column[rows] for column in self))


def none_admitted(plots: Plots) -> Admitted:
    """No rows, with the columns' types of `plots`."""
    return Admitted(*(getattr(plots, name)[:0] for name in Admitted._fields))


@leaf
def usable(plots, j, model):  # type: ignore[no-untyped-def]
    """Whether plot j claims a first and a second coordinate, both possible, and nothing that is not finite."""
    first, second = plots.z[j, 0], plots.z[j, 1]
    if plots.measured[j] & POSITION_2D != POSITION_2D:
        return False
    if not model.min_first <= first <= model.max_first or not model.min_second <= second <= model.max_second:
        return False
    finite = True
    for column in range(6):
        finite = finite and (not (plots.measured[j] >> column) & 1 or math.isfinite(plots.z[j, column]))
    return finite


@kernel
def room_for(n):  # type: ignore[no-untyped-def]
    """n rows without values."""
    return Admitted(
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.uint8),
        np.empty((n, 6)),
        np.empty(n, np.uint8),
        np.empty((n, 6)),
        np.empty(n),
        np.empty(n, np.int32),
        np.empty(n, np.int16),
        np.empty(n, np.int64),
        np.empty(n, np.uint32),
    )


@inlined
def copy_plot(plots, j, out, k):  # type: ignore[no-untyped-def]
    """Row j of `plots` into row k of `out`."""
    out.id[k], out.time_ns[k] = plots.id[j], plots.time_ns[j]
    out.kind[k], out.measured[k] = plots.kind[j], plots.measured[j]
    out.pressure_altitude_m[k], out.address[k] = plots.pressure_altitude_m[j], plots.address[j]
    out.mode_a[k], out.callsign[k], out.flags[k] = plots.mode_a[j], plots.callsign[j], plots.flags[j]
    for column in range(6):
        out.z[k, column], out.covariance[k, column] = plots.z[j, column], plots.covariance[j, column]


@leaf
def sort_out(plots, sensor, model, rows, counted):  # type: ignore[no-untyped-def]
    """Write the rows of the sensor's usable plots to `rows` and return their number; `counted` (`Counts`) goes on."""
    n = 0
    for j in range(len(plots.time_ns)):
        if plots.sensor[j] != sensor:
            continue
        counted[GIVEN] += 1
        if plots.flags[j] & NOT_AIRCRAFT:
            counted[NO_AIRCRAFT] += 1
        elif not usable(plots, j, model):
            counted[ABSURD] += 1
        else:
            rows[n] = j
            n += 1
    return n


@kernel
def admit(held, plots, progress, beams, counted, sensor, model, until_ns):  # type: ignore[no-untyped-def]
    """The sensor's new plots that can be used behind those `held` from before; its beam follows the new ones.

    What became of its plots is added to `counted` (`Counts`).
    """
    rows = np.empty(len(plots.time_ns), np.int64)
    n = sort_out(plots, sensor, model, rows, counted)
    before = len(held.time_ns)
    out = room_for(before + n)
    for k in range(before + n):
        if k < before:
            copy_plot(held, k, out, k)
            continue
        copy_plot(plots, rows[k - before], out, k)
        if model.turn_u > 0.0:
            out.z[k, 1] -= model.turn_u * math.floor(out.z[k, 1] / model.turn_u)
        if out.flags[k] & BAD_HEIGHT or not LOWEST_M <= out.pressure_altitude_m[k] <= HIGHEST_M:
            out.pressure_altitude_m[k] = np.nan
    if not model.snapshot:
        follow_beam(beams, sensor, out.time_ns[before:], out.z[before:, 1], progress, until_ns)
    return out


@kernel
def left_over(plots, used):  # type: ignore[no-untyped-def]
    """The plots that are not done with: those of clusters that the beam has not passed."""
    n = 0
    for j in range(len(used)):
        n += not used[j]
    out = room_for(n)
    n = 0
    for j in range(len(used)):
        if not used[j]:
            copy_plot(plots, j, out, n)
            n += 1
    return out
