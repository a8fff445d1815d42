"""CAT034 and CAT002 service messages of one radar -> Progress: how far its beam has come, how fast it turns.

Item meanings: EUROCONTROL SPEC-0149-2b (CAT034, CAT002).
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.fields import ABSENT, record_numbers, steps
from farwatch.formats.asterix.monoradar import source_of
from farwatch.formats.asterix.table import Table
from farwatch.formats.asterix.time_of_day import DAY_TICKS
from farwatch.kernels import kernel
from farwatch.plots import ProgressKind

SKIPS = ("no time", "absurd")
_NO_TIME, _ABSURD = range(2)

_PATHS = ("010/SAC", "010/SIC", "030", "000", "020", "041")
_TIME, _MESSAGE, _SECTOR, _ROTATION = 2, 3, 4, 5

_NORTH, _CROSSING, _STATUS = int(ProgressKind.NORTH), int(ProgressKind.SECTOR), int(ProgressKind.STATUS)
_NORTH_MESSAGE, _SECTOR_MESSAGE, _SOUTH_MESSAGE = 1, 2, 3
_DEGREE = math.pi / 180.0


class Layout(NamedTuple):
    """Where the kernel finds its numbers in one category and edition."""

    todo: NDArray[np.int64]  # (paths, 9) from `steps`
    lsb: NDArray[np.float64]  # (paths,)
    has_south: bool  # message 3 is the beam at south (CAT002); in CAT034 it is a filtering message


@cache
def layout(table: Table) -> Layout:
    """The layout of CAT034 or CAT002 in the edition of `table`."""
    fields = [table.field(path) for path in _PATHS]
    return Layout(
        steps(np.array([found.row for found in fields], np.int64)),
        np.array([found.lsb or 1.0 for found in fields]),
        table.category == 2,
    )


@kernel
def fill_progress(data, offsets, where, n, spec, sensor_of, unknown, skips, last, progress, at, m):  # type: ignore[no-untyped-def]
    """Fills `progress` (rows absent beforehand) from n decoded records from row m on; returns the row after the last.

    The arguments are those of `monoradar.fill_plots`.
    """
    todo, lsb = spec.todo, spec.lsb
    v = np.empty(len(todo), np.int64)
    for r in range(n):
        record_numbers(data, offsets, r, todo, v)
        given = v[0] * 256 + v[1] if v[0] != ABSENT else np.int64(-1)
        source = source_of(given, where[r, 2], last)
        sensor = sensor_of[source] if source >= 0 else -1
        if sensor < 0:
            unknown[source] += 1
            continue
        if v[_TIME] == ABSENT:
            skips[_NO_TIME] += 1
            continue
        if v[_TIME] >= DAY_TICKS:
            skips[_ABSURD] += 1
            continue
        progress.kind[m] = _STATUS
        if v[_MESSAGE] == _NORTH_MESSAGE:
            progress.kind[m] = _NORTH
            progress.azimuth_rad[m] = 0.0
        elif v[_MESSAGE] == _SECTOR_MESSAGE and v[_SECTOR] != ABSENT:
            progress.kind[m] = _CROSSING
            progress.azimuth_rad[m] = v[_SECTOR] * lsb[_SECTOR] * _DEGREE
        elif v[_MESSAGE] == _SOUTH_MESSAGE and spec.has_south:
            progress.kind[m] = _CROSSING
            progress.azimuth_rad[m] = math.pi
        if v[_ROTATION] > 0:
            progress.rotation_s[m] = v[_ROTATION] * lsb[_ROTATION]
        progress.sensor[m] = sensor
        at[0, m], at[1, m], at[2, m], at[3, m] = where[r, 0], v[_TIME], where[r, 2], r
        m += 1
    return m
