"""Corrections that follow the sphere of the range: contact lenses at 600 km, and heights that nobody has measured."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farwatch.frame import vertical
from farwatch.motion.constant_velocity import predict_constant_velocity
from farwatch.plots import make_plots
from farwatch.sensors import Place, Radar, RadarSigma, correct, place, sensor_model
from farwatch.sensors.curved import carry
from farwatch.sensors.measurement import measurement, measurement_table
from farwatch.sensors.radar import HEIGHT_MEAN_M, HEIGHT_SIGMA_M, polar
from farwatch.tracker.lifecycle import start_velocity
from reference import polar_update

LENS = RadarSigma(range_m=15.0, azimuth_deg=0.5)


def radar(lon_deg: float = 9.34, sigma: RadarSigma = LENS) -> Radar:
    position = Place(lat_deg=47.25, lon_deg=lon_deg, height_m=500.0)
    return Radar(id="R", position=position, rotation_s=10.0, max_range_km=900.0, sigma=sigma)


def measured(model, z: list[float]):  # type: ignore[no-untyped-def]
    return measurement(measurement_table(make_plots(1, z=np.array([z]), measured=3), *model.variances), 0)


def test_a_contact_lens_is_corrected_as_in_polar_coordinates(rng: np.random.Generator) -> None:
    """5 km wide and 15 m thin at 600 km, corrected by a plot that lies 0.9 degrees off: against the plain update."""
    at_origin = Radar(id="R", position=Place(lat_deg=0, lon_deg=0), rotation_s=10, max_range_km=900, sigma=LENS)
    model, own = sensor_model(at_origin, True)
    for _ in range(50):
        azimuth, course = rng.uniform(0, 2 * np.pi, 2)
        u = np.array([math.sin(azimuth), math.cos(azimuth)])
        t = np.array([u[1], -u[0]])
        x = np.array([*(600e3 * u), 220 * math.sin(course), 220 * math.cos(course)])
        axes = np.block([[u, 0 * u], [t, 0 * t], [0 * u, u], [0 * t, t]])
        L = np.array([[15.0, 0, 0, 0], [300.0, 5000.0, 0, 0], [0.2, 0, 0.3, 0], [3.0, 30.0, 0.0, 20.0]])
        P = axes.T @ L @ L.T @ axes
        z = np.array([600e3 + rng.normal(0, 20), azimuth + rng.normal(0, math.radians(0.9))])
        expected_x, expected_P = polar_update(x, P, z, np.diag([15.0**2, math.radians(0.5) ** 2]))
        got_x, got_P = np.zeros(7), np.zeros((7, 7))
        level = [0, 1, 3, 4]
        got_x[level], got_P[np.ix_(level, level)] = x, P
        correct(model, own, measured(model, [z[0], z[1] % (2 * np.pi)]), got_x, got_P, 6, np.empty(7))
        scale = np.sqrt(np.diag(expected_P))
        np.testing.assert_allclose((got_x[level] - expected_x) / scale, 0.0, atol=2e-3)
        got = got_P[np.ix_(level, level)]
        # In the axes where it is thin: 15 m of 5 km.
        thin = axes @ (got - expected_P) @ axes.T
        size = np.sqrt(np.diag(axes @ expected_P @ axes.T))
        assert np.abs(thin / np.outer(size, size)).max() < 0.02


def test_what_is_carried_keeps_its_range_and_its_size() -> None:
    origin = (1e3, -2e3, 300.0)
    before = (101e3, -2e3, 300.0, 10.0, 200.0, 0.0)
    x = np.array([101e3, 2e3, 1300.0, 10.0, 200.0, 0.0, 0.02])
    A = np.random.default_rng(1).normal(size=(7, 7))
    P = A @ A.T
    eigenvalues = np.linalg.eigvalsh(P[:3, :3])
    carry(origin, before, x, P, 3)
    assert np.linalg.norm(x[:3] - origin) == pytest.approx(100e3, abs=1e-6)
    np.testing.assert_allclose(np.linalg.eigvalsh(P[:3, :3]), eigenvalues, rtol=1e-9)
    still = x.copy()
    carry(origin, tuple(still[:6]), x, P, 7)  # what has not moved stays
    np.testing.assert_array_equal(x, still)


def level_flight(rng: np.random.Generator, away_m: float, scans: int, period_s: float) -> np.ndarray:
    """Positions and velocities (scans, 6) of a level flight at a random height, from so far away on any course."""
    _, own = sensor_model(radar(), False)
    bearing, course = rng.uniform(0, 2 * np.pi, 2)
    height = float(np.clip(rng.normal(HEIGHT_MEAN_M, HEIGHT_SIGMA_M), 500.0, 15e3))
    drop = away_m**2 / (2 * 6.371e6)
    local = np.array([away_m * math.sin(bearing), away_m * math.cos(bearing), height - drop])
    p = np.array(own.origin) + local @ np.array([own.east, own.north, own.up])
    for _ in range(3):
        h, *up = vertical(False, *p)
        p += (height - h) * np.array(up)
    level = np.cross(up, np.array([math.cos(course), math.sin(course), 0.3]))
    level /= np.linalg.norm(level)
    size, speed = np.linalg.norm(p), rng.uniform(150, 250)
    angle = speed * period_s * np.arange(scans)[:, None] / size
    position = p * np.cos(angle) + size * level * np.sin(angle)
    return np.hstack([position, speed * (level * np.cos(angle) - p / size * np.sin(angle))])


def follow(radars, flight: np.ndarray, period_s: float, rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """State and covariance at the end of a flight seen by 2-D radars in turn, the motion known to be straight."""
    x, P = np.zeros(7), np.zeros((7, 7))
    for k, state in enumerate(flight):
        model, own = radars[k % len(radars)]
        r, azimuth, _ = polar(own, *state[:3])
        sigma = math.sqrt(own.variance_azimuth)
        m = measured(model, [r + rng.normal(0, own.sigma_range), (azimuth + rng.normal(0, sigma)) % (2 * np.pi)])
        if k == 0:
            assert place(model, own, m, HEIGHT_MEAN_M, HEIGHT_SIGMA_M, x, P)
            start_velocity(False, 180.0, 10.0, x, P)
            continue
        predict_constant_velocity(x, P, period_s, 0.05, 0.5, *vertical(False, *x[:3])[1:], True)
        correct(model, own, m, x, P, 6, np.empty(7))
    return x, P


@pytest.mark.parametrize("away_m", [60e3, 150e3, 300e3, 600e3])
def test_a_height_that_no_sensor_measures_is_neither_made_up_nor_lost(away_m: float) -> None:
    """Ten minutes of range and azimuth: the level position is as good as said, and the height no better known."""
    rng = np.random.default_rng(4)
    sigma = RadarSigma(range_m=50.0, azimuth_deg=0.08)
    one = [sensor_model(radar(sigma=sigma), False)]
    level_nees, height_nees, said = [], [], []
    for _ in range(40):
        flight = level_flight(rng, away_m, 60, 10.0)
        x, P = follow(one, flight, 10.0, rng)
        up = np.array(vertical(False, *x[:3])[1:])
        error = x[:3] - flight[-1, :3]
        across = np.linalg.svd(up[None])[2][1:]
        level_nees.append((across @ error) @ np.linalg.solve(across @ P[:3, :3] @ across.T, across @ error) / 2)
        said.append(math.sqrt(up @ P[:3, :3] @ up))
        height_nees.append((up @ error / said[-1]) ** 2)
    assert np.mean(level_nees) < 1.6
    assert np.mean(height_nees) < 1.6
    assert max(said) < 1.1 * HEIGHT_SIGMA_M


def test_two_radars_without_elevation_find_the_height() -> None:
    rng = np.random.default_rng(5)
    sigma = RadarSigma(range_m=50.0, azimuth_deg=0.08)
    two = [sensor_model(radar(lon_deg, sigma), False) for lon_deg in (9.34, 10.14)]
    errors, nees = [], []
    for _ in range(40):
        flight = level_flight(rng, 30e3, 30, 5.0)
        x, P = follow(two, flight, 5.0, rng)
        up = np.array(vertical(False, *x[:3])[1:])
        errors.append(abs(up @ (x[:3] - flight[-1, :3])))
        nees.append(errors[-1] ** 2 / (up @ P[:3, :3] @ up))
    assert np.median(errors) < 500.0  # of a belief of 4,000 m
    assert np.median(nees) < 1.0
