"""Rows: what is measured beside what is expected, made linear in the aircraft's course and in the sensors' errors.

The course of an aircraft over one window: position, velocity and acceleration at its middle (metres, Earth-centred),
the lasting error of the position that it broadcasts and how late it is, what its altimeter and its transponder add.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.frame import vertical
from farwatch.geodesy import to_ecef
from farwatch.kernels import kernel, leaf
from farwatch.plots import Floats, Ints
from farwatch.registration.stations import ADSB, ERRORS, FIELD
from farwatch.sensors.measurement import PRESSURE_HEIGHT_SIGMA_M, Measurement
from farwatch.sensors.radar import local, place, polar, turned, wrap

POSITION, VELOCITY, ACCELERATION, BROADCAST, LATE, ALTIMETER, TRANSPONDER = 0, 3, 6, 9, 12, 13, 14
COURSE = 15
COLUMNS = ERRORS + FIELD  # of a row: its own sensor's errors, and the pressure field's terms
ABOUT_RANGE, ABOUT_AZIMUTH, ABOUT_PLACE, ABOUT_HEIGHT = range(4)
REFERENCE_HEIGHT_M = 11_000.0
PRESSURE_SIGMA_M = 10.0  # of one reading: its step, and the noise of the altimeter
USUAL_HEIGHT_M, USUAL_SIGMA_M = 8_000.0, 3_000.0


class Rows(NamedTuple):
    """One scalar measurement each: residual, variance, derivatives by the course and by the errors (in units)."""

    sighting: Ints
    about: NDArray[np.int64]
    residual: Floats
    variance: Floats
    by_course: Floats  # (n, COURSE)
    by_errors: Floats  # (n, COLUMNS)

    def take(self, rows: Any) -> Rows:
        """The rows given by an index array."""
        return Rows(*(column[rows] for column in self))


def room(n: int) -> Rows:
    """n rows of zeros."""
    ints, floats = np.zeros(n, np.int64), np.zeros(n)
    return Rows(ints, ints.copy(), floats, floats.copy(), np.zeros((n, COURSE)), np.zeros((n, COLUMNS)))


@leaf
def along_course(course, u, out, at):  # type: ignore[no-untyped-def]
    """Position and velocity, `u` seconds from the middle, into out[at:at + 6]."""
    for a in range(3):
        out[at + a] = course[a] + (course[a + 3] + 0.5 * course[a + 6] * u) * u
        out[at + a + 3] = course[a + 3] + course[a + 6] * u


@leaf
def by_position(h, u, factor, out):  # type: ignore[no-untyped-def]
    """Derivatives by the course of what changes with the position, `u` seconds from the middle, by the vector h."""
    for a in range(3):
        out[a] = factor * h[a]
        out[a + 3] = factor * h[a] * u
        out[a + 6] = factor * h[a] * 0.5 * u * u


@kernel
def radar_places(radar, rows, z, height_m, errors, out, variance):  # type: ignore[no-untyped-def]
    """Places (n, 3) of a radar's sightings by themselves, and their mean variance along an axis; NaN where none."""
    x, P = np.empty(3), np.empty((3, 3))
    for k in rows:
        r = (z[k, 0] - errors[0]) / (1.0 + errors[1])
        m = Measurement(
            3, r, z[k, 1] - errors[2], math.nan, math.nan, height_m[k],
            radar.variance_range, 0.0, 0.0, radar.variance_azimuth, 0.0, 1e-6,
            PRESSURE_HEIGHT_SIGMA_M * PRESSURE_HEIGHT_SIGMA_M,
        )  # fmt: skip
        prior = radar.height_m + min(USUAL_HEIGHT_M, 0.2 * r)
        if place(radar, m, prior, USUAL_SIGMA_M, x, P):
            out[k, 0], out[k, 1], out[k, 2] = x[0], x[1], x[2]
            variance[k] = (P[0, 0] + P[1, 1] + P[2, 2]) / 3.0


@kernel
def start_courses(first, seconds, places, variance, courses):  # type: ignore[no-untyped-def]
    """Straight lines through the places of each aircraft, by weighted least squares, into courses (groups, COURSE)."""
    for g in range(len(first) - 1):
        courses[g] = 0.0
        w0, w1, w2 = 0.0, 0.0, 0.0
        for k in range(first[g], first[g + 1]):
            if math.isfinite(variance[k]):
                w = 1.0 / variance[k]
                w0 += w
                w1 += w * seconds[k]
                w2 += w * seconds[k] * seconds[k]
        determinant = w0 * w2 - w1 * w1
        for a in range(3):
            s0, s1 = 0.0, 0.0
            for k in range(first[g], first[g + 1]):
                if math.isfinite(variance[k]):
                    s0 += places[k, a] / variance[k]
                    s1 += places[k, a] * seconds[k] / variance[k]
            if determinant > 1e-9 * w0 * w0:
                courses[g, a] = (w2 * s0 - w1 * s1) / determinant
                courses[g, a + 3] = (w0 * s1 - w1 * s0) / determinant
            else:
                courses[g, a] = s0 / w0 if w0 > 0.0 else math.nan


@kernel
def radar_rows(radar, sightings, group, seconds, z, squawked, courses, errors, scale, out, first):  # type: ignore[no-untyped-def]
    """Range and azimuth of the `sightings` of one radar as rows of `out` from `first` on; returns the next.

    `errors` and `scale` (4,) are the radar's, as they are believed now and what a unit of each stands for.
    """
    x = np.empty(6)
    n = first
    for k in sightings:
        course = courses[group[k]]
        u = seconds[k] - errors[3]
        along_course(course, u, x, 0)
        expected, azimuth, _ = polar(radar, x[0], x[1], x[2])
        e, nn, up = local(radar, x[0], x[1], x[2])
        ground2 = max(e * e + nn * nn, 1.0)
        r = max(math.sqrt(ground2 + up * up), 1.0)
        along = turned(radar, e / r, nn / r, up / r)
        across = turned(radar, nn / ground2, -e / ground2, 0.0)
        rate, turn = 0.0, 0.0
        for a in range(3):
            rate += along[a] * x[a + 3]
            turn += across[a] * x[a + 3]
        gain = 1.0 + errors[1]
        delay = course[TRANSPONDER] if squawked[k] else 0.0
        out.sighting[n], out.about[n], out.variance[n] = k, ABOUT_RANGE, radar.variance_range
        out.residual[n] = z[k, 0] - gain * expected - errors[0] - delay
        by_position(along, u, gain, out.by_course[n])
        out.by_course[n, TRANSPONDER] = 1.0 if squawked[k] else 0.0
        out.by_errors[n, 0], out.by_errors[n, 1] = scale[0], expected * scale[1]
        out.by_errors[n, 3] = -gain * rate * scale[3]
        n += 1
        out.sighting[n], out.about[n], out.variance[n] = k, ABOUT_AZIMUTH, radar.variance_azimuth
        out.residual[n] = wrap(z[k, 1] - azimuth - errors[2])
        by_position(across, u, 1.0, out.by_course[n])
        out.by_errors[n, 2] = scale[2]
        out.by_errors[n, 3] = -turn * scale[3]
        n += 1
    return n


@kernel
def place_rows(kind, sightings, group, seconds, z, three, sigma_m, courses, errors, scale, out, first):  # type: ignore[no-untyped-def]
    """Positions of the `sightings` of one sensor that reports them, two or three rows each; returns the next row."""
    x = np.empty(6)
    n = first
    for k in sightings:
        course = courses[group[k]]
        broadcast = kind == ADSB
        late = course[LATE] if broadcast else 0.0
        u = seconds[k] - errors[3] - late
        along_course(course, u, x, 0)
        height, _, _, _ = vertical(False, x[0], x[1], x[2])
        if three[k]:
            height = z[k, 2]
        px, py, pz = to_ecef(z[k, 0], z[k, 1], height)
        dx, dy, dz = px - x[0], py - x[1], pz - x[2]
        if broadcast:
            dx, dy, dz = dx - course[BROADCAST], dy - course[BROADCAST + 1], dz - course[BROADCAST + 2]
        sa, ca, so, co = math.sin(z[k, 0]), math.cos(z[k, 0]), math.sin(z[k, 1]), math.cos(z[k, 1])
        for axis in range(3 if three[k] else 2):
            if axis == 0:
                h = (-so, co, 0.0)
            elif axis == 1:
                h = (-sa * co, -sa * so, ca)
            else:
                h = (ca * co, ca * so, sa)
            speed = h[0] * x[3] + h[1] * x[4] + h[2] * x[5]
            out.sighting[n], out.about[n], out.variance[n] = k, ABOUT_PLACE, sigma_m[k] * sigma_m[k]
            if axis == 2:
                out.variance[n] *= 2.25
            out.residual[n] = h[0] * dx + h[1] * dy + h[2] * dz
            by_position(h, u, 1.0, out.by_course[n])
            if broadcast:
                for a in range(3):
                    out.by_course[n, BROADCAST + a] = h[a]
                out.by_course[n, LATE] = -speed
            out.by_errors[n, 3] = -speed * scale[3]
            n += 1
    return n


@kernel
def height_rows(sightings, group, seconds, pressure_m, courses, terms, field, scale, out, first):  # type: ignore[no-untyped-def]
    """Pressure altitudes of `sightings` as rows from `first` on; returns the next.

    `terms` (groups, FIELD) of the field at each aircraft, `field` (FIELD,) as it is believed now, in metres.
    """
    x = np.empty(6)
    n = first
    for k in sightings:
        course = courses[group[k]]
        along_course(course, seconds[k], x, 0)
        height, ux, uy, uz = vertical(False, x[0], x[1], x[2])
        share = height / REFERENCE_HEIGHT_M
        expected = height + course[ALTIMETER]
        for c in range(FIELD):
            expected += share * terms[group[k], c] * field[c]
            out.by_errors[n, ERRORS + c] = share * terms[group[k], c] * scale[c]
        out.sighting[n], out.about[n], out.variance[n] = k, ABOUT_HEIGHT, PRESSURE_SIGMA_M * PRESSURE_SIGMA_M
        out.residual[n] = pressure_m[k] - expected
        by_position((ux, uy, uz), seconds[k], 1.0, out.by_course[n])
        out.by_course[n, ALTIMETER] = 1.0
        n += 1
    return n
