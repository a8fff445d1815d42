"""Health: how often and how well each sensor sees what the others see, by sector, beside what is stated of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints
from farwatch.registration.fit import Fit
from farwatch.registration.rows import ABOUT_AZIMUTH, ABOUT_HEIGHT, along_course
from farwatch.registration.stations import RADAR, Station
from farwatch.registration.window import Groups
from farwatch.sensors.radar import polar

SECTORS = 12
EXPECTED, SEEN, INTERVALS, INTERVAL_S = range(4)
FIRST, SECOND = 4, 8  # range or position, and azimuth: rows, share left of their variance, sum, sum of squares
COLUMNS = 12
LONGEST = 1.6  # times the period: a longer time between two plots has a miss in it
STEP = 0.45  # of the window: how far before and behind its middle an aircraft must be in coverage too
NEAR_END = 0.25  # of the window, from its middle: what lies beyond is near its ends
INSIDE_M = 5_000.0  # of the limits of range
TWO_PI = 2.0 * math.pi


def no_health(sensors: int) -> Floats:
    """Sums (sensors, SECTORS, COLUMNS) before anything is heard."""
    return np.zeros((sensors, SECTORS, COLUMNS))


def add_window(
    sums: Floats, made: Fit, groups: Groups, fitted: Groups, stations: Sequence[Station], window_s: float
) -> None:
    """Add what a window tells to the sums; `fitted` are the sightings of the same aircraft that the fit is of."""
    seen = groups.seen
    count = np.zeros((groups.n, len(stations)), np.int64)
    np.add.at(count, (groups.group, seen.sensor), 1)
    others = count.sum(axis=1)[:, None] - count
    courses = np.ascontiguousarray(made.courses)
    known = (courses[:, 0] != 0.0) & ((made.weights > 0.3) | ((count > 0).sum(axis=1) == 1))
    heard = count.sum(axis=0) > 0
    for number, station in enumerate(stations):
        own = sums[number]
        if station.kind == RADAR and heard[number]:
            throughout = _seen_throughout(groups, number, window_s)
            rows = np.flatnonzero(known & (others[:, number] >= 3) & throughout)
            expect(station.radar, rows, courses, count[:, number], station.horizon_rad, window_s, station.period_s, own)
        elif heard[number]:
            rows = np.flatnonzero(count[:, number] > 0)
            own[0, EXPECTED] += len(rows) * window_s / station.period_s
            own[0, SEEN] += np.minimum(count[rows, number], window_s / station.period_s).sum()
    _add_intervals(sums, groups, stations, _sectors(groups, stations))
    _add_noise(sums, made, fitted, _sectors(fitted, stations))


def _seen_throughout(groups: Groups, sensor: int, window_s: float) -> NDArray[np.bool_]:
    """Which aircraft other sensors have seen near both ends of the window: those that came or went in it owe less."""
    seen = groups.seen
    rows = np.flatnonzero(seen.sensor != sensor)
    off_s = (seen.time_ns[rows] - groups.middle_ns) * 1e-9
    first, last = np.full(groups.n, np.inf), np.full(groups.n, -np.inf)
    np.minimum.at(first, groups.group[rows], off_s)
    np.maximum.at(last, groups.group[rows], off_s)
    return (first < -NEAR_END * window_s) & (last > NEAR_END * window_s)


def _sectors(groups: Groups, stations: Sequence[Station]) -> Ints:
    """The sector of each sighting; the first for sensors without a beam."""
    seen = groups.seen
    sector = np.zeros(seen.n, np.int64)
    turning = np.array([station.kind == RADAR for station in stations])[seen.sensor]
    sector[turning] = np.floor(seen.z[turning, 1] % TWO_PI / TWO_PI * SECTORS).astype(np.int64) % SECTORS
    return sector


def _add_intervals(sums: Floats, groups: Groups, stations: Sequence[Station], sector: Ints) -> None:
    seen = groups.seen
    for number, station in enumerate(stations):
        rows = np.flatnonzero(seen.sensor == number)
        if len(rows) < 2:
            continue
        apart_s = np.diff(seen.time_ns[rows]) * 1e-9
        good = (np.diff(groups.group[rows]) == 0) & (apart_s < LONGEST * station.period_s) & (apart_s > 0.0)
        where = sector[rows][1:][good]
        sums[number, :, INTERVALS] += np.bincount(where, minlength=SECTORS)
        sums[number, :, INTERVAL_S] += np.bincount(where, apart_s[good], SECTORS)


def _add_noise(sums: Floats, made: Fit, groups: Groups, sector: Ints) -> None:
    trusted = (made.rows.about != ABOUT_HEIGHT) & (made.weights[made.aircraft] > 0.5) & (made.left > 0.05)
    rows = np.flatnonzero(trusted)
    sighting = made.rows.sighting[rows]
    second = np.where(made.rows.about[rows] == ABOUT_AZIMUTH, SECOND, FIRST)
    sensor, where = groups.seen.sensor[sighting], sector[sighting]
    residual = made.residual[rows]
    for column, value in enumerate((np.ones(len(rows)), made.left[rows], residual, residual**2)):
        np.add.at(sums, (sensor, where, second + column), value)


@kernel
def expect(radar, rows, courses, count, horizon, window_s, period_s, sums):  # type: ignore[no-untyped-def]
    """Add to `sums` (SECTORS, COLUMNS) the plots that a radar owes of the aircraft in `rows`, and those it gave."""
    x = np.empty(6)
    turns = window_s / period_s
    for g in rows:
        inside, sector = True, 0
        for step in range(3):
            along_course(courses[g], (step - 1) * STEP * window_s, x, 0)
            r, azimuth, elevation = polar(radar, x[0], x[1], x[2])
            inside = inside and radar.min_range_m + INSIDE_M < r < radar.max_range_m - INSIDE_M
            inside = inside and max(radar.min_elevation, horizon) < elevation < radar.max_elevation
            if step == 1:
                sector = int(azimuth / TWO_PI * SECTORS) % SECTORS
        if inside:
            sums[sector, EXPECTED] += turns
            sums[sector, SEEN] += count[g]


def detection_of(sums: Floats) -> Floats:
    """Probability of a plot, of sums (..., COLUMNS); NaN where too little was expected."""
    enough = sums[..., EXPECTED] >= 20.0
    ratio = sums[..., SEEN] / np.where(enough, sums[..., EXPECTED], 1.0)
    return np.where(enough, np.minimum(ratio, 1.0), np.nan)


def interval_of(sums: Floats) -> Floats:
    """Mean time between two plots in a row (s)."""
    enough = sums[..., INTERVALS] >= 5.0
    return np.where(enough, sums[..., INTERVAL_S] / np.where(enough, sums[..., INTERVALS], 1.0), np.nan)


def noise_of(sums: Floats, first: int) -> tuple[Floats, Floats]:
    """One sigma, and the mean that is left after registration, of the quantity whose columns begin at `first`."""
    rows, left = sums[..., first], sums[..., first + 1]
    enough = left >= 10.0
    mean = np.where(enough, sums[..., first + 2] / np.where(enough, rows, 1.0), np.nan)
    variance = sums[..., first + 3] / np.where(enough, left, 1.0)
    return np.where(enough, np.sqrt(np.maximum(variance, 0.0)), np.nan), mean
