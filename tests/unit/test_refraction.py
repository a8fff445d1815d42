"""Refraction against the published horizon table, closed forms and rays traced directly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farwatch.geodesy import MEAN_RADIUS_M
from farwatch.refraction import bend, horizon_elevation, radar_horizon, refraction_table, trace


@pytest.mark.parametrize(("antenna_m", "lowest_km"), [(20, 19.9), (100, 18.4), (500, 15.2), (1000, 13.0)])
def test_horizon_of_a_four_thirds_earth_at_600_km(antenna_m: float, lowest_km: float) -> None:
    got = radar_horizon(antenna_m, 600e3, "four-thirds")
    assert got / 1e3 == pytest.approx(lowest_km, abs=0.06)
    effective = 2 * 4 / 3 * MEAN_RADIUS_M
    assert got == pytest.approx((600e3 / math.sqrt(effective) - math.sqrt(antenna_m)) ** 2, rel=0.01)


def test_an_exponential_atmosphere_bends_less_far_up() -> None:
    assert radar_horizon(20, 600e3, "exponential") / 1e3 == pytest.approx(21.4, abs=0.06)
    for kind, height_km in (("four-thirds", 21.3), ("exponential", 23.0)):
        rays = trace(kind, 20.0, np.zeros(1), 610e3)  # type: ignore[arg-type]
        at_600_km = np.interp(600e3, rays.ground[:, 0] * MEAN_RADIUS_M, rays.height_m[:, 0])
        assert at_600_km / 1e3 == pytest.approx(height_km, abs=0.1)


def test_without_an_atmosphere_the_horizon_is_geometric() -> None:
    assert radar_horizon(0.0, 300e3, "none") == pytest.approx(
        MEAN_RADIUS_M / math.cos(300e3 / MEAN_RADIUS_M) - MEAN_RADIUS_M, rel=1e-4
    )
    assert np.all(bend(refraction_table("none", 20.0, 600e3), 400e3, 9e3) == np.zeros(2))
    assert horizon_elevation(2500.0, "none") == pytest.approx(-math.acos(MEAN_RADIUS_M / (MEAN_RADIUS_M + 2500.0)))


def test_range_excess_at_600_km_is_about_a_hundred_metres() -> None:
    table = refraction_table("exponential", 20.0, 600e3)
    assert 70 < bend(table, 600e3, 30e3)[0] < bend(table, 600e3, 22e3)[0] < 140


@pytest.mark.parametrize("antenna_m", [20.0, 2500.0])
def test_the_table_is_the_traced_ray(antenna_m: float) -> None:
    table = refraction_table("exponential", antenna_m, 600e3)
    elevation = np.radians(np.array([-1.2, -0.4, 0.05, 0.31, 0.77, 1.9, 4.4, 11.0, 33.0]))
    rays = trace("exponential", antenna_m, elevation, 590e3)
    across = (MEAN_RADIUS_M + rays.height_m) * np.sin(rays.ground)
    above = (MEAN_RADIUS_M + rays.height_m) * np.cos(rays.ground) - MEAN_RADIUS_M - antenna_m
    straight, rise = np.hypot(across, above), np.arctan2(above, across)
    lowest = np.minimum.accumulate(rays.height_m, axis=0)
    checked = 0
    for step, ray in np.argwhere((lowest > 0.0) & (rays.height_m < 30e3) & (straight > 5e3))[::7]:
        longer, higher = bend(table, straight[step, ray], rays.height_m[step, ray])
        assert abs(longer - (rays.optical_m[step, ray] - straight[step, ray])) < 1.0
        assert math.degrees(abs(higher - (elevation[ray] - rise[step, ray]))) < 0.005
        checked += 1
    assert checked > 100
