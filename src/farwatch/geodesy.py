"""Geodesy on the WGS-84 ellipsoid: geodetic, Earth-centred, local level and slant polar coordinates.

Kernels take scalars, radians and metres; the wrappers at the end take arrays.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farwatch.kernels import kernel

A = 6_378_137.0  # semi-major axis, m
F = 1.0 / 298.257_223_563  # flattening
B = A * (1.0 - F)
E2 = F * (2.0 - F)  # first eccentricity squared
EP2 = E2 / (1.0 - E2)
MEAN_RADIUS_M = 6_371_008.8
TWO_PI = 2.0 * math.pi

Floats = NDArray[np.float64]


@kernel
def to_ecef(lat, lon, height):  # type: ignore[no-untyped-def]
    """Earth-centred, Earth-fixed x, y, z (m) of a geodetic position (rad, rad, m above the ellipsoid)."""
    s, c = math.sin(lat), math.cos(lat)
    n = A / math.sqrt(1.0 - E2 * s * s)
    return (n + height) * c * math.cos(lon), (n + height) * c * math.sin(lon), (n * (1.0 - E2) + height) * s


@kernel
def latitude_terms(p, z, steps):  # type: ignore[no-untyped-def]
    """Sine and cosine of the geodetic latitude at distance p from the axis and z above the equator.

    Bowring 1985: one step from the reduced latitude is exact to a nanometre of height and 0.1 mm of position up to
    100 km, where no aircraft flies; a second makes it exact up to satellite heights.
    """
    ty, tx = A * z, B * p
    s, c = 0.0, 1.0
    for _ in range(steps):
        t = math.sqrt(tx * tx + ty * ty)
        sb, cb = ty / t, tx / t
        y, x = z + EP2 * B * sb * sb * sb, p - E2 * A * cb * cb * cb
        r = math.sqrt(x * x + y * y)
        s, c = y / r, x / r
        ty, tx = (1.0 - F) * s, c
    return s, c


@kernel
def to_geodetic(x, y, z):  # type: ignore[no-untyped-def]
    """Latitude, longitude (rad) and height above the ellipsoid (m) of an Earth-centred position off the centre."""
    p = math.hypot(x, y)
    s, c = latitude_terms(p, z, 2)
    height = p * c + z * s - A * math.sqrt(1.0 - E2 * s * s)
    return math.atan2(s, c), math.atan2(y, x), height


@kernel
def height_and_up(x, y, z):  # type: ignore[no-untyped-def]
    """Height above the ellipsoid (m) and the unit vector of the local vertical, without any angle."""
    p = math.sqrt(x * x + y * y)
    s, c = latitude_terms(p, z, 1)
    height = p * c + z * s - A * math.sqrt(1.0 - E2 * s * s)
    if p == 0.0:
        return height, 0.0, 0.0, s
    return height, c * x / p, c * y / p, s


@kernel
def enu_axes(lat, lon):  # type: ignore[no-untyped-def]
    """Rows east, north, up (3, 3) of the local level frame at a latitude and longitude (rad)."""
    sa, ca, so, co = math.sin(lat), math.cos(lat), math.sin(lon), math.cos(lon)
    axes = np.empty((3, 3))
    axes[0, 0], axes[0, 1], axes[0, 2] = -so, co, 0.0
    axes[1, 0], axes[1, 1], axes[1, 2] = -sa * co, -sa * so, ca
    axes[2, 0], axes[2, 1], axes[2, 2] = ca * co, ca * so, sa
    return axes


@kernel
def polar_from(origin, axes, x, y, z):  # type: ignore[no-untyped-def]
    """Slant range (m), azimuth [0, 2 pi) and elevation (rad) of a point, in a straight line from `origin` (3)."""
    dx, dy, dz = x - origin[0], y - origin[1], z - origin[2]
    e = axes[0, 0] * dx + axes[0, 1] * dy + axes[0, 2] * dz
    n = axes[1, 0] * dx + axes[1, 1] * dy + axes[1, 2] * dz
    u = axes[2, 0] * dx + axes[2, 1] * dy + axes[2, 2] * dz
    ground = math.hypot(e, n)
    azimuth = math.atan2(e, n)
    if azimuth < 0.0:
        azimuth += TWO_PI
    return math.hypot(ground, u), azimuth, math.atan2(u, ground)


@kernel
def point_at(origin, axes, range_m, azimuth, elevation):  # type: ignore[no-untyped-def]
    """The point at a slant range, azimuth and elevation from `origin`: the inverse of `polar_from`."""
    ground = range_m * math.cos(elevation)
    e, n, u = ground * math.sin(azimuth), ground * math.cos(azimuth), range_m * math.sin(elevation)
    return (
        origin[0] + axes[0, 0] * e + axes[1, 0] * n + axes[2, 0] * u,
        origin[1] + axes[0, 1] * e + axes[1, 1] * n + axes[2, 1] * u,
        origin[2] + axes[0, 2] * e + axes[1, 2] * n + axes[2, 2] * u,
    )


@kernel
def _geodetic_rows(rows):  # type: ignore[no-untyped-def]
    out = np.empty_like(rows)
    for k in range(len(rows)):
        out[k, 0], out[k, 1], out[k, 2] = to_geodetic(rows[k, 0], rows[k, 1], rows[k, 2])
    return out


@kernel
def _ecef_rows(rows):  # type: ignore[no-untyped-def]
    out = np.empty_like(rows)
    for k in range(len(rows)):
        out[k, 0], out[k, 1], out[k, 2] = to_ecef(rows[k, 0], rows[k, 1], rows[k, 2])
    return out


@kernel
def _polar_rows(origin, axes, rows):  # type: ignore[no-untyped-def]
    out = np.empty_like(rows)
    for k in range(len(rows)):
        out[k, 0], out[k, 1], out[k, 2] = polar_from(origin, axes, rows[k, 0], rows[k, 1], rows[k, 2])
    return out


@kernel
def _point_rows(origin, axes, rows):  # type: ignore[no-untyped-def]
    out = np.empty_like(rows)
    for k in range(len(rows)):
        out[k, 0], out[k, 1], out[k, 2] = point_at(origin, axes, rows[k, 0], rows[k, 1], rows[k, 2])
    return out


def _rows(*columns: ArrayLike) -> Floats:
    return np.column_stack([np.atleast_1d(np.asarray(c, np.float64)) for c in np.broadcast_arrays(*columns)])


def geodetic_to_ecef(lat: ArrayLike, lon: ArrayLike, height_m: ArrayLike) -> Floats:
    """Earth-centred positions (n, 3) of latitudes, longitudes (rad) and heights above the ellipsoid (m)."""
    return _ecef_rows(_rows(lat, lon, height_m))  # type: ignore[no-any-return]


def ecef_to_geodetic(positions: ArrayLike) -> Floats:
    """Latitudes, longitudes (rad) and heights (m) as rows (n, 3), of Earth-centred positions (n, 3)."""
    return _geodetic_rows(np.ascontiguousarray(positions, np.float64).reshape(-1, 3))  # type: ignore[no-any-return]


def ecef_to_polar(lat: float, lon: float, height_m: float, positions: ArrayLike) -> Floats:
    """Slant range (m), azimuth and elevation (rad) as rows (n, 3), from a site (rad, rad, m), straight lines."""
    rows = np.ascontiguousarray(positions, np.float64).reshape(-1, 3)
    return _polar_rows(np.array(to_ecef(lat, lon, height_m)), enu_axes(lat, lon), rows)  # type: ignore[no-any-return]


def polar_to_ecef(
    lat: float, lon: float, height_m: float, range_m: ArrayLike, azimuth: ArrayLike, elevation: ArrayLike
) -> Floats:
    """Earth-centred positions (n, 3) at slant ranges (m), azimuths and elevations (rad) from a site (rad, rad, m)."""
    rows = _rows(range_m, azimuth, elevation)
    return _point_rows(np.array(to_ecef(lat, lon, height_m)), enu_axes(lat, lon), rows)  # type: ignore[no-any-return]
