"""A passive radar's geometry, and first states out of the plots of several transmitters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farwatch.geodesy import ecef_to_geodetic, enu_axes, geodetic_to_ecef
from farwatch.sensors.bistatic import Bistatic, jacobian, measured_by, pair_of
from farwatch.sensors.bistatic_start import Detections, chains_of, starts
from farwatch.sensors.place import Place

RECEIVER = Place(lat_deg=47.0, lon_deg=8.0, height_m=600)
TRANSMITTERS = [(47.5, 8.4), (46.7, 8.6), (47.1, 7.2), (46.5, 7.7)]
RADARS = [
    Bistatic(receiver=RECEIVER, transmitter=Place(lat_deg=lat, lon_deg=lon, height_m=900), frequency_mhz=600.0,
             sigma_range_m=60.0, sigma_doppler_hz=2.0)
    for lat, lon in TRANSMITTERS
]  # fmt: skip


def state(lat_deg: float, lon_deg: float, height_m: float, east: float, north: float) -> np.ndarray:
    axes = enu_axes(math.radians(lat_deg), math.radians(lon_deg))
    where = geodetic_to_ecef(math.radians(lat_deg), math.radians(lon_deg), height_m)[0]
    return np.concatenate([where, east * axes[0] + north * axes[1]])


def seen(radar: Bistatic, states: list[np.ndarray], rng: np.random.Generator, seconds: int = 12) -> Detections:
    """Plots of all aircraft every second, nine of ten, in noise."""
    rows = []
    for t in range(seconds):
        for x in states:
            if rng.random() < 0.9:
                moved = np.concatenate([x[:3] + t * x[3:], x[3:]])[None]
                r, rate = measured_by(pair_of(radar), moved)
                noise = rng.normal(0, (radar.sigma_range_m, radar.sigma_rate_mps))
                rows.append((t, r[0] + noise[0], rate[0] + noise[1]))
    return Detections(*np.array(rows).T)


def test_the_derivatives_are_those_of_the_measurement(rng: np.random.Generator) -> None:
    pair = pair_of(RADARS[0])
    x = state(47.3, 8.9, 9000.0, 150.0, -120.0)
    J = jacobian(pair, x[None])[0]
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1.0 if k < 3 else 0.1
        up, down = (np.array(measured_by(pair, (x + sign * step)[None])).ravel() for sign in (1, -1))
        np.testing.assert_allclose(J[:, k], (up - down) / (2 * step[k]), rtol=1e-5, atol=1e-8)


def test_on_the_way_between_the_two_there_is_no_range() -> None:
    pair = pair_of(RADARS[0])
    between = np.concatenate([0.5 * (pair.receiver + pair.transmitter), np.ones(3)])
    assert measured_by(pair, between[None])[0][0] == pytest.approx(0.0, abs=1e-6)


def test_chains_hold_one_aircraft_each(rng: np.random.Generator) -> None:
    states = [state(47.3, 8.9, 9000.0, 150.0, -120.0), state(46.8, 7.8, 4000.0, -90.0, 60.0)]
    found = seen(RADARS[0], states, rng)
    chains = chains_of(found, RADARS[0], 5.0)
    assert len(chains) == 2
    ranges = [found.range_m[rows] for rows in chains]
    assert max(np.abs(np.diff(one)).max() for one in ranges) < 3000.0


def test_first_states_lie_at_the_aircraft_and_ghosts_do_not_fit(rng: np.random.Generator) -> None:
    states = [
        state(47.3, 8.9, 9000.0, 150.0, -120.0),
        state(46.8, 7.8, 4000.0, -90.0, 60.0),
        state(47.4, 7.5, 11000.0, 200.0, 100.0),
    ]
    found = starts(RADARS[:3], [seen(radar, states, rng) for radar in RADARS[:3]])
    assert len(found) == 3
    errors = []
    for one in found:
        truth = [np.concatenate([x[:3] + one.time_s * x[3:], x[3:]]) for x in states]
        error = min((one.x - x for x in truth), key=lambda e: float(np.linalg.norm(e[:3])))
        errors.append(float(np.linalg.norm(error[:3])))
    assert max(errors) < 6000.0  # the height of three transmitters about the horizon is the worst of it
    assert np.median(errors) < 2500.0


def test_the_covariance_is_honest(rng: np.random.Generator) -> None:
    nees, level = [], []
    for _ in range(40):
        lat, lon = 47.0 + rng.uniform(-0.4, 0.6), 8.0 + rng.uniform(-0.5, 0.9)
        height = min(max(rng.normal(7000, 3000), 1500), 12_500)
        x = state(lat, lon, height, *rng.normal(0, 130, 2))
        found = starts(RADARS[:3], [seen(radar, [x], rng) for radar in RADARS[:3]])
        if len(found) != 1:
            continue
        (one,) = found
        truth = np.concatenate([x[:3] + one.time_s * x[3:], x[3:]])
        nees.append((one.x - truth) @ np.linalg.solve(one.P, one.x - truth))
        where = ecef_to_geodetic(np.vstack([one.x[:3], truth[:3]]))
        level.append(math.hypot(*(where[0, :2] - where[1, :2]) * 6.371e6))
    assert len(nees) >= 34
    # The mean over 34 runs of a chi^2 of 6, within four of its standard deviations; the priors are not the truth's.
    assert 0.55 < np.mean(nees) / 6.0 < 1.6
    assert np.median(level) < 400.0


def test_three_of_four_pairs_are_enough_and_nothing_is_used_twice(rng: np.random.Generator) -> None:
    x = state(47.2, 8.5, 8000.0, 100.0, 150.0)
    found = starts(RADARS, [seen(radar, [x], rng) for radar in RADARS])
    assert len(found) == 1
    used = [chain for one in found for chain in one.chains]
    assert len(used) == len(set(used))
    assert starts(RADARS[:2], [seen(radar, [x], rng) for radar in RADARS[:2]]) == []
