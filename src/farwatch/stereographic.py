"""The system plane of surveillance data: the ellipsoid, stereographic about a point (Snyder 1987, eqs. 21-24 ff.).

Conformal: angles are true, and the plane touches the ellipsoid at its centre, so that lengths are true there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.geodesy import E2, A, Floats
from farwatch.kernels import leaf

E = math.sqrt(E2)


class Plane(NamedTuple):
    """A plane that touches the ellipsoid at a point."""

    lon: float  # rad
    sin_conformal: float  # of the centre's conformal latitude
    cos_conformal: float
    diameter_m: float  # of the sphere that is projected


@leaf
def conformal(lat):  # type: ignore[no-untyped-def]
    """Sine and cosine of the conformal latitude (Snyder 1987, eq. 3-1)."""
    s = E * math.sin(lat)
    chi = 2.0 * math.atan(math.tan(math.pi / 4.0 + lat / 2.0) * ((1.0 - s) / (1.0 + s)) ** (E / 2.0)) - math.pi / 2.0
    return math.sin(chi), math.cos(chi)


def plane_at(lat_deg: float, lon_deg: float) -> Plane:
    """The plane about a centre."""
    lat = math.radians(lat_deg)
    sine, cosine = conformal(lat)
    scale = math.cos(lat) / math.sqrt(1.0 - E2 * math.sin(lat) ** 2)
    return Plane(math.radians(lon_deg), sine, cosine, 2.0 * A * scale / cosine)


@leaf
def _project(lat_deg, lon_deg, plane, out):  # type: ignore[no-untyped-def]
    for k in range(len(lat_deg)):
        s, c = conformal(math.radians(lat_deg[k]))
        turn = math.radians(lon_deg[k]) - plane.lon
        so, co = math.sin(turn), math.cos(turn)
        x, y = c * so, plane.cos_conformal * s - plane.sin_conformal * c * co
        d = 1.0 + plane.sin_conformal * s + plane.cos_conformal * c * co
        if d < 1e-6:  # the other side of the Earth lies at infinity
            out[k, :] = math.nan
            continue
        out[k, 0], out[k, 1] = plane.diameter_m * x / d, plane.diameter_m * y / d
        # Where north points: the derivative by the conformal latitude.
        slope = plane.sin_conformal * c - plane.cos_conformal * s * co
        north_x = -s * so * d - x * slope
        north_y = (plane.cos_conformal * c + plane.sin_conformal * s * co) * d - y * slope
        length = math.hypot(north_x, north_y)
        out[k, 2], out[k, 3] = north_x / length, north_y / length


def project(plane: Plane, lat_deg: Floats, lon_deg: Floats) -> Floats:
    """x, y (m) and the unit vector to north there in the plane, as rows (n, 4); NaN at the centre's antipode."""
    out = np.empty((len(lat_deg), 4))
    _project(lat_deg, lon_deg, plane, out)
    return out
