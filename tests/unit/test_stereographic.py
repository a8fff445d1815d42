"""The system plane beside PROJ."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Proj

from farwatch.stereographic import plane_at, project


@pytest.mark.parametrize("centre", [(47.25, 9.34), (-33.9, 151.2), (0.0, 0.0), (69.6, -179.5), (89.0, 10.0)])
def test_the_plane_is_that_of_proj(centre: tuple[float, float], rng: np.random.Generator) -> None:
    lat, lon = centre
    lats = np.clip(lat + rng.uniform(-8, 8, 500), -89.9, 89.9)
    lons = lon + rng.uniform(-12, 12, 500)
    found = project(plane_at(lat, lon), lats, lons)
    proj = Proj(proj="stere", lat_0=lat, lon_0=lon, ellps="WGS84")
    np.testing.assert_allclose(found[:, :2].T, proj(lons, lats), atol=1e-4)


def test_north_points_along_the_meridian(rng: np.random.Generator) -> None:
    """The unit vector is the direction in which a small step north goes."""
    plane, step = plane_at(47.25, 9.34), 1e-5
    lats, lons = rng.uniform(40, 54, 300), rng.uniform(0, 20, 300)
    ahead = project(plane, lats + step, lons)[:, :2] - project(plane, lats - step, lons)[:, :2]
    north = project(plane, lats, lons)[:, 2:]
    np.testing.assert_allclose(ahead / np.linalg.norm(ahead, axis=1)[:, None], north, atol=1e-7)
    east = project(plane, lats, lons + step)[:, :2] - project(plane, lats, lons - step)[:, :2]
    east /= np.linalg.norm(east, axis=1)[:, None]
    np.testing.assert_allclose(east, np.column_stack([north[:, 1], -north[:, 0]]), atol=1e-7)


def test_the_centre_is_the_origin_and_its_antipode_is_nowhere() -> None:
    plane = plane_at(10.0, 20.0)
    np.testing.assert_allclose(project(plane, np.array([10.0]), np.array([20.0])), [[0, 0, 0, 1]], atol=1e-9)
    assert np.isnan(project(plane, np.array([-10.0]), np.array([200.0]))).all()
