"""Fit: the sensors' errors from one window of sightings and what was known before, robustly and to convergence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.geodesy import ecef_to_geodetic, geodetic_to_ecef
from farwatch.plots import Floats, Ints
from farwatch.registration.eliminate import Parts, eliminate, gathered, leverages, make_parts, misfits, variances_of
from farwatch.registration.rows import (
    ABOUT_HEIGHT,
    COURSE,
    TRANSPONDER,
    Rows,
    height_rows,
    place_rows,
    radar_places,
    radar_rows,
    room,
    start_courses,
)
from farwatch.registration.stations import ADSB, ERRORS, FIELD, RADAR, Layout, Station, field_terms
from farwatch.registration.window import MOST_MEMBERS, Groups

# One standard deviation of what a course may do: position and velocity are open, and flight is straight but for a
# slow bend; a turn fits badly, and is left out by its misfit.
POSITION_M, VELOCITY_MPS, ACCELERATION_MPS2 = 3_000.0, 300.0, 0.1
# Errors of one aircraft that last from window to window do not average out over them. Their variance in one window is
# that of the aircraft, times the windows that it is seen in: so many windows together then say what one aircraft can.
WINDOWS_OF_AN_AIRCRAFT = 20.0
LATE_S = 0.06
ALTIMETER_M = 25.0
TRANSPONDER_M = 10.0
ADSB_NOISE_M = 8.0  # from one report to the next: steps of the coding, and of the time
_EPU_M = (20e3, 18_520.0, 7408.0, 3704.0, 1852.0, 926.0, 555.6, 185.2, 92.6, 30.0, 10.0, 3.0)  # 95 %, by NACp
_NO_NACP = 5
STRANGE = 2.0  # misfit per measurement, as a multiple of the usual, from which an aircraft counts less
MOST_STEPS = 6
CONVERGED = 0.01  # in units of the priors
LEAST_AIRCRAFT = 5  # to judge a sensor by
DISTRUST = 1e6  # times the variances of a sensor that is heard, but not believed


class Fit(NamedTuple):
    """What a window says: information (n, n) and vector (n,) about zero, and how well each row fits."""

    errors: Floats  # with what was known before
    information: Floats
    vector: Floats
    spread: float  # misfit per measurement, 1 where the noise is as stated
    weights: Floats  # of the aircraft
    courses: Floats
    rows: Rows
    residual: Floats  # of each row, with the errors and the courses found
    left: Floats  # share of its variance that the course has not taken up
    aircraft: Ints  # of each row
    delay: Floats  # (groups, 2) of each transponder (m): information, and information times value


def fit(
    groups: Groups,
    stations: Sequence[Station],
    layout: Layout,
    start: Floats,
    information: Floats,
    vector: Floats,
    inflation: Floats,
) -> Fit:
    """Gauss-Newton over courses and errors, each aircraft weighed by its misfit (Cauchy-like, redescending).

    `start` (n,) errors in units to linearise about first; `information` (n, n) and `vector` (n,) what is known,
    priors included; `inflation` (sensors,) of each sensor's variances.
    """
    errors = start.copy()
    courses = _started(groups, stations, layout, errors)
    known = np.isfinite(courses[:, 0])
    courses[~known] = 0.0
    priors = _priors(groups, stations)
    sensor = groups.seen.sensor.astype(np.int64)
    parts = make_parts(groups.n, min(MOST_MEMBERS, len(stations)))
    weights = known.astype(np.float64)
    spread = 1.0
    order = begin = None
    rows = room(0)
    mine, vec = np.zeros_like(information), np.zeros_like(vector)
    for step in range(MOST_STEPS):
        rows = _linear(groups, stations, layout, courses, errors)
        order, begin = _by_aircraft(groups, rows)
        parts.members[:] = -1
        eliminate(rows, order, begin, sensor, inflation, courses, priors, parts)
        moved = errors
        for _ in range(4):
            found, course_change = misfits(parts, moved - errors)
            weights, spread = _weights(found, parts, known)
            mine, vec = gathered(parts, weights / spread, len(errors))
            vec = vec + mine @ errors
            moved = _solved(mine + information, vec + vector, layout.free)
        _, course_change = misfits(parts, moved - errors)
        change = float(np.abs(moved - errors).max(initial=0.0))
        courses[known] += course_change[known]
        errors = moved
        if change < CONVERGED and step > 0:
            break
    rows = _linear(groups, stations, layout, courses, errors)
    order, begin = _by_aircraft(groups, rows)
    taken = leverages(rows, order, begin, sensor, inflation, courses, priors, parts)
    variance = variances_of(TRANSPONDER, rows, order, begin, sensor, inflation, courses, priors, parts)
    told = 1.0 / variance - 1.0 / priors[:, TRANSPONDER]  # by this window, without the prior
    delay = np.column_stack([told, courses[:, TRANSPONDER] / variance]) * (weights > 0.5)[:, None]
    of_row = groups.group[rows.sighting]
    return Fit(errors, mine, vec, spread, weights, courses, rows, rows.residual, 1.0 - taken, of_row, delay)


def _solved(information: Floats, vector: Floats, free: Ints) -> Floats:
    """The errors (n,), zero where they are not free."""
    out = np.zeros(len(vector))
    if len(free):
        out[free] = np.linalg.solve(information[np.ix_(free, free)], vector[free])
    return out


def _weights(found: Floats, parts: Parts, known: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Weight of each aircraft by its misfit, and the usual misfit per measurement, at least 1."""
    degrees = np.maximum(parts.rows - 6, 1)
    each = np.maximum(found, 0.0) / degrees
    good = known & (parts.known > 1) & (parts.rows > 6)
    spread = max(1.0, float(np.median(each[good]))) if good.any() else 1.0
    weights = np.minimum(1.0, (STRANGE * spread / np.maximum(each, 1e-12)) ** 2)
    return np.where(good, weights, 0.0), spread


def _started(groups: Groups, stations: Sequence[Station], layout: Layout, errors: Floats) -> Floats:
    """Courses (groups, COURSE) through the places of the sightings by themselves; NaN where there is none."""
    seen = groups.seen
    places, variance = np.full((seen.n, 3), np.nan), np.full(seen.n, np.nan)
    seconds = _seconds(groups)
    natural = errors * layout.scale
    for number, station in enumerate(stations):
        rows = np.flatnonzero(seen.sensor == number)
        if not len(rows):
            continue
        seconds[rows] -= natural[ERRORS * number + 3]
        if station.kind == RADAR:
            radar_places(
                station.radar, rows, seen.z, seen.pressure_altitude_m, natural[layout.of(number)], places, variance
            )
            continue
        height = np.where(seen.three[rows], seen.z[rows, 2], seen.pressure_altitude_m[rows])
        height = np.where(np.isfinite(height), height, 8000.0)
        places[rows] = geodetic_to_ecef(seen.z[rows, 0], seen.z[rows, 1], height)
        variance[rows] = _sigmas(groups, station, rows) ** 2
    courses: Floats = np.zeros((groups.n, COURSE))
    start_courses(groups.first, seconds, places, variance, courses)
    return courses


def _seconds(groups: Groups) -> Floats:
    seconds: Floats = (groups.seen.time_ns - groups.middle_ns).astype(np.float64) * 1e-9
    return seconds


def broadcast_sigma_m(nacp: Ints) -> Floats:
    """One standard deviation along an axis (m) of positions by their NACp (ICAO Doc 9871: 95 % within EPU)."""
    at = np.where((nacp >= 0) & (nacp < len(_EPU_M)), nacp, _NO_NACP).astype(np.int64)
    sigma: Floats = np.array(_EPU_M, np.float64)[at] / 2.45
    return sigma


def _sigmas(groups: Groups, station: Station, rows: Ints) -> Floats:
    if station.kind == ADSB:
        return np.full(len(rows), ADSB_NOISE_M)
    return np.full(len(rows), station.sigma_m)


def _priors(groups: Groups, stations: Sequence[Station]) -> Floats:
    """Variances (groups, COURSE) of what is believed of a course."""
    sigma = np.array([POSITION_M] * 3 + [VELOCITY_MPS] * 3 + [ACCELERATION_MPS2] * 3)
    lasting = WINDOWS_OF_AN_AIRCRAFT * np.array([1.0, 1.0, 1.0, LATE_S**2, ALTIMETER_M**2, TRANSPONDER_M**2])
    out = np.tile(np.concatenate([sigma**2, lasting]), (groups.n, 1))
    broadcasts = np.array([station.kind == ADSB for station in stations])[groups.seen.sensor]
    worst = np.zeros(groups.n)
    rows = np.flatnonzero(broadcasts)
    np.maximum.at(worst, groups.group[rows], broadcast_sigma_m(groups.seen.nacp[rows].astype(np.int64)) ** 2)
    out[:, 9:12] *= np.maximum(worst, 1.0)[:, None]
    return out


def _linear(groups: Groups, stations: Sequence[Station], layout: Layout, courses: Floats, errors: Floats) -> Rows:
    """All rows of a window, about courses and errors."""
    seen, seconds = groups.seen, _seconds(groups)
    natural = errors * layout.scale
    pressed = np.flatnonzero(np.isfinite(seen.pressure_altitude_m))
    rows = room(3 * seen.n + len(pressed))
    n = 0
    for number, station in enumerate(stations):
        own = np.flatnonzero(seen.sensor == number)
        about, scale = natural[layout.of(number)], layout.scale[layout.of(number)]
        if station.kind == RADAR:
            n = radar_rows(
                station.radar, own, groups.group, seconds, seen.z, seen.squawked, courses, about, scale, rows, n
            )
        elif len(own):
            sigma_m = np.zeros(seen.n)
            sigma_m[own] = _sigmas(groups, station, own)
            n = place_rows(
                station.kind, own, groups.group, seconds, seen.z, seen.three, sigma_m, courses, about, scale, rows, n
            )
    field = slice(len(natural) - FIELD, None)
    where = ecef_to_geodetic(courses[:, :3]) if groups.n else np.zeros((0, 3))
    terms = field_terms(layout, where[:, 0], where[:, 1])
    n = height_rows(
        pressed, groups.group, seconds, seen.pressure_altitude_m, courses, terms, natural[field], layout.scale[field],
        rows, n,
    )  # fmt: skip
    return rows.take(np.arange(n))


def _by_aircraft(groups: Groups, rows: Rows) -> tuple[Ints, Ints]:
    """The rows in the order of their aircraft, and where each aircraft's begin."""
    aircraft = groups.group[rows.sighting]
    order = np.argsort(aircraft, kind="stable")
    return order, np.searchsorted(aircraft[order], np.arange(groups.n + 1))


def scores(made: Fit, groups: Groups, n_sensors: int) -> Floats:
    """Of each sensor: squared residual over its variance, the median over the aircraft that it saw; NaN where none."""
    rows = np.flatnonzero((made.rows.about != ABOUT_HEIGHT) & (made.weights[made.aircraft] > 0.0))
    sensor = groups.seen.sensor[made.rows.sighting[rows]].astype(np.int64)
    cell = made.aircraft[rows] * n_sensors + sensor
    size = groups.n * n_sensors
    total = np.bincount(cell, made.residual[rows] ** 2 / made.rows.variance[rows], size)
    left = np.bincount(cell, np.maximum(made.left[rows], 0.0), size)
    each = np.where(left > 1.0, total / np.maximum(left, 1e-9), np.nan).reshape(groups.n, n_sensors)
    out = np.full(n_sensors, np.nan)
    for number in range(n_sensors):
        column = each[:, number]
        column = column[np.isfinite(column)]
        if len(column) >= LEAST_AIRCRAFT:
            out[number] = float(np.median(column))
    return out
