"""Geodesy against pyproj, to better than a millimetre."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest

from farwatch.geodesy import (
    ecef_to_geodetic,
    ecef_to_polar,
    enu_axes,
    geodetic_to_ecef,
    height_and_up,
    polar_to_ecef,
    to_ecef,
)

TO_ECEF = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


def grid() -> np.ndarray:
    lat = np.concatenate([np.linspace(-90, 90, 181), [-89.999999, 89.999999, 1e-9]])
    lon = np.array([-180, -179.999999, -90, -1e-9, 0, 0.5, 77.7, 179.999999])
    height = np.array([-10_000, -100, 0, 2_500, 12_000, 100_000])
    return np.array(np.meshgrid(lat, lon, height)).reshape(3, -1).T


def test_positions_are_those_of_pyproj() -> None:
    rows = grid()
    expected = np.column_stack(TO_ECEF.transform(rows[:, 1], rows[:, 0], rows[:, 2]))
    got = geodetic_to_ecef(np.radians(rows[:, 0]), np.radians(rows[:, 1]), rows[:, 2])
    assert np.abs(got - expected).max() < 1e-6


def test_geodetic_coordinates_are_those_of_pyproj() -> None:
    rows = grid()
    positions = np.column_stack(TO_ECEF.transform(rows[:, 1], rows[:, 0], rows[:, 2]))
    got = ecef_to_geodetic(positions)
    assert np.abs(got[:, 2] - rows[:, 2]).max() < 1e-6
    assert np.abs(got[:, 0] - np.radians(rows[:, 0])).max() * 6.4e6 < 1e-6
    back = geodetic_to_ecef(got[:, 0], got[:, 1], got[:, 2])
    assert np.abs(back - positions).max() < 1e-6


def test_the_vertical_is_the_gradient_of_height() -> None:
    for lat, lon, height in ((0.8, 0.2, 9e3), (-1.2, 3.0, 0.0), (math.pi / 2, 0.0, 5e3)):
        got_height, *up = height_and_up(*to_ecef(lat, lon, height))
        assert got_height == pytest.approx(height, abs=1e-6)
        np.testing.assert_allclose(up, enu_axes(lat, lon)[2], atol=1e-9)


def test_slant_polar_is_pyprojs_local_frame() -> None:
    lat, lon, height = 47.25, 9.34, 2500.0
    local = pyproj.Transformer.from_pipeline(
        f"+proj=pipeline +step +proj=cart +ellps=WGS84 +step +proj=topocentric +ellps=WGS84 "
        f"+lat_0={lat} +lon_0={lon} +h_0={height}"
    )
    rng = np.random.default_rng(4)
    targets = np.column_stack([rng.uniform(42, 52, 500), rng.uniform(2, 16, 500), rng.uniform(0, 15e3, 500)])
    e, n, u = local.transform(np.radians(targets[:, 1]), np.radians(targets[:, 0]), targets[:, 2], radians=True)
    positions = geodetic_to_ecef(np.radians(targets[:, 0]), np.radians(targets[:, 1]), targets[:, 2])
    got = ecef_to_polar(math.radians(lat), math.radians(lon), height, positions)
    expected_range = np.sqrt(np.square(e) + np.square(n) + np.square(u))
    assert np.abs(got[:, 0] - expected_range).max() < 1e-3
    assert np.abs(np.sin(got[:, 1] - np.arctan2(e, n)) * got[:, 0]).max() < 1e-3
    assert np.abs((got[:, 2] - np.arcsin(u / expected_range)) * got[:, 0]).max() < 1e-3
    back = polar_to_ecef(math.radians(lat), math.radians(lon), height, *got.T)
    assert np.abs(back - positions).max() < 1e-3
