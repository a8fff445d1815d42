"""The bound against the recursion in information form, and against what a matched Kalman filter reaches."""

from __future__ import annotations

import math

import numpy as np
import pytest

import reference_evaluation as reference
from farwatch.evaluation.bound import Q, Steps, bound, measurement_slopes, recursion
from farwatch.geodesy import ecef_to_geodetic, ecef_to_polar, enu_axes, geodetic_to_ecef
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.sensors.radar import radar_model
from farwatch.tracker.options import TrackerOptions, tracker_model
from reference import constant_velocity, jacobian

SITE = (math.radians(47.0), math.radians(9.0), 800.0)
PRIORS = (4000.0, 180.0, 10.0)
AZIMUTH, ELEVATION, HEIGHT, RANGE = range(4)


def radar() -> Radar:
    return Radar(
        id="A",
        position=Place(lat_deg=47.0, lon_deg=9.0, height_m=800.0),
        rotation_s=10.0,
        max_range_km=600.0,
        sigma=RadarSigma(range_m=50.0, azimuth_deg=0.1),
    )


def states(rng: np.random.Generator, n: int) -> np.ndarray:
    """Aircraft anywhere up to 400 km from the radar, in the Earth-centred frame."""
    lat, lon = SITE[0] + rng.uniform(-0.04, 0.04, n), SITE[1] + rng.uniform(-0.06, 0.06, n)
    return np.column_stack([geodetic_to_ecef(lat, lon, rng.uniform(2e3, 12e3, n)), rng.normal(0, 150, (n, 3))])


def test_slopes_are_the_derivatives_of_what_is_measured(rng: np.random.Generator) -> None:
    rows = states(rng, 30)
    slopes = measurement_slopes(radar_model(radar(), False), rows)

    def measured(x: np.ndarray) -> np.ndarray:
        range_m, azimuth, elevation = ecef_to_polar(*SITE, x)[0]
        return np.array([azimuth, elevation, ecef_to_geodetic(x)[0, 2], range_m])

    for row, slope in zip(rows, slopes):
        expected = jacobian(measured, row[:3], np.full(3, 10.0))
        np.testing.assert_allclose(slope, expected, rtol=2e-4, atol=1e-4 * np.abs(expected).max(axis=1)[:, None].min())


def looks(rng: np.random.Generator, n: int, three_d: bool) -> Steps:
    """Looks at one aircraft on a straight course, some of them without a plot."""
    first = states(rng, 1)[0]
    dt_s = rng.uniform(4.0, 12.0, n)
    after_s = np.concatenate([[0.0], np.cumsum(dt_s[1:])])
    along = np.column_stack([first[:3] + after_s[:, None] * first[3:], np.broadcast_to(first[3:], (n, 3))])
    variance = np.full((n, 4), np.nan)
    plot = rng.random(n) < 0.8
    plot[0] = True
    variance[plot] = [math.radians(0.1) ** 2, math.radians(0.3) ** 2 if three_d else np.nan, np.nan, 50.0**2]
    variance[plot & (rng.random(n) < 0.5), HEIGHT] = 30.0**2
    manoeuvred = rng.random((n, 2)) < 0.1
    return Steps(
        aircraft=np.ones(n, np.int64),
        time_ns=np.round(after_s * 1e9).astype(np.int64),
        state=along,
        manoeuvred=manoeuvred,
        look=np.ones(n, bool),
        merged=np.zeros(n, bool),
        sensor=np.zeros(n, np.int32),
        variance=variance,
    )


@pytest.mark.parametrize("three_d", [True, False])
def test_the_recursion_against_information_form(three_d: bool, rng: np.random.Generator) -> None:
    for _ in range(10):
        steps = looks(rng, 30, three_d)
        slopes = measurement_slopes(radar_model(radar(), False), steps.state)
        out, _ = recursion(
            False, *steps[:3], steps.manoeuvred, steps.look, steps.merged, steps.variance, slopes, PRIORS, Q
        )
        geodetic = ecef_to_geodetic(steps.state[:, :3])
        axes = np.array([enu_axes(lat, lon) for lat, lon in geodetic[:, :2]])
        up = axes[:, 2]
        dt_s = np.diff(steps.time_ns, prepend=0) * 1e-9
        q = np.full((30, 2), Q)
        q[1:] += steps.manoeuvred[1:] * np.array(PRIORS[1:]) ** 2 / dt_s[1:, None]
        velocity = np.eye(3) / PRIORS[1] ** 2 + np.outer(up[0], up[0]) * (1 / PRIORS[2] ** 2 - 1 / PRIORS[1] ** 2)
        known = not np.isnan(steps.variance[0, [ELEVATION, HEIGHT]]).all()
        height = np.zeros((3, 3)) if known else np.outer(up[0], up[0]) / PRIORS[0] ** 2
        prior = np.block([[height, np.zeros((3, 3))], [np.zeros((3, 3)), velocity]])
        _, covariances = reference.bound(dt_s, up, slopes, steps.variance, q, prior)
        for k, P in enumerate(covariances):
            level = axes[k] @ P[:3, :3] @ axes[k].T
            assert out[k, 0] == pytest.approx(math.sqrt(level[0, 0] + level[1, 1]), rel=1e-8)
            assert out[k, 1] == pytest.approx(math.sqrt(level[2, 2]), rel=1e-8)


def test_a_matched_kalman_filter_reaches_it(rng: np.random.Generator) -> None:
    """Linear measurements, random accelerations of the bound's own density: mean squared error = bound, over runs."""
    runs, n, dt = 4000, 20, 10.0
    slopes, variance = np.zeros((n, 4, 3)), np.full((n, 4), np.nan)
    slopes[:, AZIMUTH, 0] = slopes[:, RANGE, 1] = slopes[:, HEIGHT, 2] = 1.0
    plot = rng.random(n) < 0.8
    plot[0] = True
    variance[np.ix_(plot, [AZIMUTH, RANGE, HEIGHT])] = [300.0**2, 50.0**2, 30.0**2]
    F, noise = constant_velocity(dt, Q, Q, np.array([0.0, 0.0, 1.0]))
    x = np.zeros((runs, 6))
    x[:, 3:] = rng.normal(0, 1, (runs, 3)) * [PRIORS[1], PRIORS[1], PRIORS[2]]
    estimate = np.zeros((runs, 6))
    P = np.diag([1e12, 1e12, 1e12, PRIORS[1] ** 2, PRIORS[1] ** 2, PRIORS[2] ** 2])
    squares = []
    for k in range(n):
        if k:
            x = x @ F.T + rng.multivariate_normal(np.zeros(6), noise, runs)
            estimate, P = estimate @ F.T, F @ P @ F.T + noise
        for axis, column in ((0, AZIMUTH), (1, RANGE), (2, HEIGHT)):
            if plot[k]:
                z = x[:, axis] + rng.normal(0, math.sqrt(variance[k, column]), runs)
                gain = P[:, axis] / (P[axis, axis] + variance[k, column])
                estimate = estimate + (z - estimate[:, axis])[:, None] * gain
                P = P - np.outer(gain, P[axis])
        squares.append([((x - estimate)[:, :2] ** 2).sum(axis=1).mean(), ((x - estimate)[:, 2] ** 2).mean()])
    flags, calm = np.zeros(n, bool), np.zeros((n, 2), bool)
    times = np.round(np.arange(n) * dt * 1e9).astype(np.int64)
    state = np.zeros((n, 6))
    out, _ = recursion(True, np.ones(n, np.int64), times, state, calm, ~flags, flags, variance, slopes, PRIORS, Q)
    # The mean of so many squares is within 5 standard deviations, the widest that of one dimension.
    np.testing.assert_allclose(np.array(squares) / out**2, 1.0, atol=5 * math.sqrt(2 / runs))


def test_it_begins_with_a_plot_and_counts_looks(rng: np.random.Generator) -> None:
    steps = looks(rng, 12, True)
    variance = steps.variance.copy()
    variance[:2] = np.nan
    manoeuvred, merged, look = np.zeros((12, 2), bool), np.zeros(12, bool), np.ones(12, bool)
    manoeuvred[5, 0], merged[7], look[9] = True, True, False
    variance[9] = np.nan
    aircraft = np.where(np.arange(12) < 10, 1, 2)
    steps = steps._replace(aircraft=aircraft, variance=variance, manoeuvred=manoeuvred, merged=merged, look=look)
    limit = bound(steps, {0: radar_model(radar(), False)}, tracker_model(TrackerOptions(), False), False)
    assert np.isnan(limit.horizontal_m[:2]).all()
    assert (limit.horizontal_m[2:10] > 0).all()
    assert limit.straight_looks.tolist() == [1, 2, 3, 4, 5, 1, 2, 3, 4, 4, 1, 2]
    assert limit.unmerged_looks.tolist() == [1, 2, 3, 4, 5, 6, 7, 0, 1, 1, 1, 2]
    # What was known of the velocity is forgotten in a manoeuvre, and of the position with it.
    calm = bound(
        steps._replace(manoeuvred=np.zeros((12, 2), bool)),
        {0: radar_model(radar(), False)},
        tracker_model(TrackerOptions(), False),
        False,
    )
    assert (limit.horizontal_m[5:10] > calm.horizontal_m[5:10]).all()
    np.testing.assert_array_equal(limit.horizontal_m[2:5], calm.horizontal_m[2:5])
