"""Round trips of geodesy for any place on, under and above the Earth."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from farwatch.geodesy import enu_axes, point_at, polar_from, to_ecef, to_geodetic

LATITUDE = st.floats(-math.pi / 2, math.pi / 2)
LONGITUDE = st.floats(-math.pi, math.pi)
HEIGHT = st.floats(-10_000, 500_000)


@given(LATITUDE, LONGITUDE, HEIGHT)
def test_there_and_back(lat: float, lon: float, height: float) -> None:
    position = to_ecef(lat, lon, height)
    again = to_ecef(*to_geodetic(*position))
    assert math.dist(position, again) < 1e-6


@given(LATITUDE, LONGITUDE, st.floats(1.0, 1e6), st.floats(0, 2 * math.pi), st.floats(-1.5, 1.5))
def test_polar_there_and_back(lat: float, lon: float, range_m: float, azimuth: float, elevation: float) -> None:
    origin, axes = np.array(to_ecef(lat, lon, 100.0)), enu_axes(lat, lon)
    point = point_at(origin, axes, range_m, azimuth, elevation)
    got = polar_from(origin, axes, *point)
    assert abs(got[0] - range_m) < 1e-6
    assert math.dist(point, point_at(origin, axes, *got)) < 1e-6
