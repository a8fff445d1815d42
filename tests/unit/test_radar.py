"""The radar's measurement functions, their derivatives, the correction and the placement of a first plot."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from farwatch.geodesy import to_ecef, to_geodetic
from farwatch.plots import make_plots
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.sensors.measurement import PRESSURE_HEIGHT_SIGMA_M, measurement, measurement_table
from farwatch.sensors.radar import (
    place,
    polar,
    radar_model,
    wrap,
)
from farwatch.sensors.radar_correct import correct
from reference import jacobian, kalman_update

SITE = Place(lat_deg=47.25, lon_deg=9.34, height_m=2500.0)
SIGMA_3D = RadarSigma(range_m=50, azimuth_deg=0.07, elevation_deg=0.3, range_rate_mps=2.0)


def radar(sigma: RadarSigma = SIGMA_3D) -> Radar:
    return Radar(id="R", position=SITE, rotation_s=10.0, max_range_km=600, sigma=sigma)


def target(range_m: float = 250e3, bearing: float = 0.7, height_m: float = 10e3) -> np.ndarray:
    lat, lon = math.radians(SITE.lat_deg), math.radians(SITE.lon_deg)
    lat += range_m / 6.371e6 * math.cos(bearing)
    lon += range_m / 6.371e6 * math.sin(bearing) / math.cos(lat)
    return np.array([*to_ecef(lat, lon, height_m), 150.0, -120.0, 40.0, 0.0])


def measure(model, x: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Azimuth, elevation, height, range and range rate of a state."""
    r, azimuth, elevation = polar(model, x[0], x[1], x[2])
    line = x[:3] - model.origin
    return np.array([azimuth, elevation, to_geodetic(*x[:3])[2], r, line @ x[3:6] / np.linalg.norm(line)])


def measured(model, plots, j: int = 0):  # type: ignore[no-untyped-def]
    table = measurement_table(plots, model.variance_range, model.variance_azimuth, model.variance_elevation)
    return measurement(table, j)


def test_polar_turns_clockwise_from_north() -> None:
    model = radar_model(radar(), False)
    for bearing in (0.1, 1.6, 3.0, 4.7, 6.2):
        _, azimuth, _ = polar(model, *target(20e3, bearing)[:3])
        assert abs(wrap(azimuth - bearing)) < 0.01


@pytest.mark.parametrize("range_m", [20e3, 250e3, 500e3])
def test_sequential_correction_is_the_joint_one_where_noise_is_small(range_m: float) -> None:
    """With a tight prior every relinearisation is the same point, so the two agree; the Jacobian is numeric."""
    model = radar_model(radar(), False)
    x = target(range_m)
    rng = np.random.default_rng(1)
    A = np.diag([20, 20, 20, 2, 2, 2, 0.001]) @ rng.normal(0, 1, (7, 7))
    P = A @ A.T
    z = measure(model, x) + np.array([1e-4, 5e-4, 8.0, 12.0, 0.5])
    H = jacobian(lambda y: measure(model, y), x, np.array([1, 1, 1, 0.1, 0.1, 0.1, 1.0]))
    R = np.diag(
        [
            math.radians(0.07) ** 2,
            math.radians(0.3) ** 2,
            30.0**2,
            50.0**2 + (PRESSURE_HEIGHT_SIGMA_M * math.sin(z[1])) ** 2,
            4.0,
        ]
    )
    expected_x, expected_P, expected_log = kalman_update(x, P, H, z - measure(model, x), R)
    plots = make_plots(1, z=np.array([[z[3], z[0], z[1], z[4]]]), measured=15, pressure_altitude_m=z[2])
    got_x, got_P = x.copy(), P.copy()
    log_likelihood, _, count = correct(model, measured(model, plots), got_x, got_P, 7, np.empty(7))
    assert count == 5
    np.testing.assert_allclose(got_x, expected_x, rtol=0, atol=0.3)
    np.testing.assert_allclose(np.sqrt(np.diag(got_P)), np.sqrt(np.diag(expected_P)), rtol=0.01)
    assert log_likelihood == pytest.approx(expected_log, abs=0.1)


@pytest.mark.parametrize("range_m", [5e3, 60e3, 250e3, 550e3])
def test_a_first_plot_with_height_is_placed_where_the_aircraft_is(range_m: float) -> None:
    model = radar_model(radar(RadarSigma()), False)
    x = target(range_m)
    z = measure(model, x)
    plots = make_plots(1, z=np.array([[z[3], z[0]]]), measured=3, pressure_altitude_m=z[2])
    got, P = np.zeros(7), np.zeros((7, 7))
    assert place(model, measured(model, plots), 6000.0, 4000.0, got, P)
    assert np.linalg.norm(got[:3] - x[:3]) < 5.0
    assert np.linalg.eigvalsh(P[:3, :3]).min() > 0


def test_a_placed_plot_has_the_covariance_of_its_noise() -> None:
    """Monte Carlo: the spread of placements is the covariance that `place` states."""
    model = radar_model(radar(RadarSigma()), False)
    x = target(200e3)
    z = measure(model, x)
    rng = np.random.default_rng(2)
    n = 4000
    heights = z[2] + rng.normal(0, math.hypot(30.0, PRESSURE_HEIGHT_SIGMA_M), n)
    noisy = np.column_stack([z[3] + rng.normal(0, 50, n), z[0] + rng.normal(0, math.radians(0.08), n)])
    plots = make_plots(n, z=noisy, measured=3, pressure_altitude_m=heights)
    placed, P = np.zeros((n, 7)), np.zeros((7, 7))
    for j in range(n):
        assert place(model, measured(model, plots, j), 0.0, 1.0, placed[j], P)
    spread = np.cov(placed[:, :3].T)
    scale = np.sqrt(np.outer(np.diag(spread), np.diag(spread)))
    np.testing.assert_allclose(P[:3, :3] / scale, spread / scale, atol=0.08)


def test_elevation_places_a_plot_of_a_3d_radar() -> None:
    model = radar_model(radar(), False)
    x = target(300e3)
    z = measure(model, x)
    plots = make_plots(1, z=np.array([[z[3], z[0], z[1]]]), measured=7)
    got, P = np.zeros(7), np.zeros((7, 7))
    assert place(model, measured(model, plots), 6000.0, 4000.0, got, P)
    assert np.linalg.norm(got[:3] - x[:3]) < 50.0


def test_a_plot_without_range_cannot_start_a_track() -> None:
    model = radar_model(radar(), False)
    assert not place(model, measured(model, make_plots(1, measured=2)), 0.0, 1.0, np.zeros(7), np.zeros((7, 7)))


def test_heights_above_mean_sea_level_need_the_geoid() -> None:
    with pytest.raises(msgspec.ValidationError, match="geoid_m"):
        msgspec.convert({"lat_deg": 1, "lon_deg": 2, "msl": True}, Place)
    assert Place(lat_deg=41.3, lon_deg=2.1, height_m=27.3, msl=True, geoid_m=49.5).ellipsoidal_height_m == 76.8


def test_a_plot_brings_its_own_noise_where_it_has_any() -> None:
    model = radar_model(radar(), False)
    plots = make_plots(2, z=np.ones((2, 4)), measured=15)
    plots.covariance[1] = [400.0, 0, 0, 1e-4, 0, 1e-3]
    own, given = measured(model, plots, 0), measured(model, plots, 1)
    assert own.c00 == 2500.0
    assert (given.c00, given.c11, given.c22) == (400.0, 1e-4, 1e-3)


def test_infinite_noise_and_unknown_fields_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"range_m": math.inf}, RadarSigma)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"ranges_m": 3}, RadarSigma)
