"""Births at known places against the plain Poisson birth formula (Williams 2015)."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from farwatch.errors import ConfigError
from farwatch.frame import Frame
from farwatch.motion import Cv, motion_model
from farwatch.plots import Batch, ProgressKind, make_plots, make_progress
from farwatch.sensors import Area, PositionSensor, layer_edges, sensor_model
from farwatch.tracker import Tracker, TrackerOptions
from farwatch.tracker.births import AGES, Birth, birth_model, unseen_births
from farwatch.tracker.clutter import make_clutter_map
from reference import constant_velocity, kalman_update, moment_match

SECOND = 10**9
SENSOR = PositionSensor(
    id="P", period_s=2.0, area=Area(-500.0, 500.0, -500.0, 500.0), sigma_m=5.0, detection=0.8, clutter=20.0
)
NEAR = Birth(mean=(100.0, 50.0, 0.0, 3.0, 0.0, 0.0), sigma=(30.0, 20.0, 1.0, 4.0, 6.0, 0.0), weight=0.2)
FAR = Birth(mean=(-300.0, 0.0, 0.0, 0.0, 0.0, 0.0), sigma=(60.0, 60.0, 1.0, 5.0, 5.0, 0.0), weight=0.05, at_start=2.0)
H = np.eye(6)[:2]
R = 25.0 * np.eye(2)


def tracker(*births: Birth, **options: float) -> Tracker:
    given = TrackerOptions(
        motion=Cv(q=0.5), births=births, **({"births_per_scan": 0.0, "aircraft_at_start": 0.0} | options)
    )
    return Tracker([SENSOR], given, Frame(kind="flat"))


def look(of: Tracker, step: int, z: list[list[float]]) -> None:
    now = step * 2 * SECOND
    plots = make_plots(len(z), id=np.arange(len(z)), time_ns=now, z=np.reshape(z, (-1, 2)), measured=3)
    of.update(Batch(plots, make_progress(1, time_ns=now, kind=int(ProgressKind.NORTH)), now + 1))


def born(birth: Birth, z: list[float], age: int = 0) -> tuple[np.ndarray, np.ndarray, float]:
    """State, covariance and likelihood of a plot z as the first of an aircraft born `age` scans ago."""
    F, Q = constant_velocity(2.0 * age, 0.5, 0.5, np.array([0.0, 0.0, 1.0]))
    x, P = F @ birth.mean, F @ np.diag(np.square(birth.sigma)) @ F.T + Q
    x, P, log = kalman_update(x, P, H, np.array(z) - x[:2], R)
    return x, P, math.exp(log)


def test_a_track_is_born_with_the_update_of_its_gaussian() -> None:
    of = tracker(NEAR, FAR)
    look(of, 1, [[130.0, 40.0], [0.0, -400.0]])
    tracks = of._tracks
    assert np.flatnonzero(tracks.alive).tolist() == [0]  # the second plot is near no place of birth
    x, P, likelihood = born(NEAR, [130.0, 40.0])
    rate = NEAR.weight * SENSOR.detection * likelihood
    assert tracks.existence[0] == pytest.approx(rate / (rate + 20.0 / 1e6))
    np.testing.assert_allclose(tracks.mean[0], x, atol=1e-9)
    np.testing.assert_allclose(tracks.covariance[0], P, atol=1e-7)


def test_those_of_the_start_are_expected_once_and_thinned_by_every_look() -> None:
    """At the third look: those born now, at the second, and at the first with all of the start."""
    of = tracker(FAR)
    look(of, 1, [])
    look(of, 2, [])
    z = [-280.0, 30.0]
    look(of, 3, [z])
    kept = 0.2 * 0.99 ** (2.0 / 60.0)
    weights, states = [], []
    for age, expected in enumerate((0.05, 0.05 * kept, 2.05 * kept**2)):
        x, P, likelihood = born(FAR, z, age)
        weights.append(expected * 0.8 * likelihood)
        states.append((x, P))
    total = sum(weights)
    assert of._tracks.existence[0] == pytest.approx(total / (total + 2e-5), rel=1e-6)
    x, P = moment_match(np.array(weights) / total, np.array([s[0] for s in states]), np.array([s[1] for s in states]))
    np.testing.assert_allclose(of._tracks.mean[0], x, rtol=1e-6)
    np.testing.assert_allclose(of._tracks.covariance[0], P, rtol=1e-5, atol=1e-6)


def test_uniform_births_go_on_beside_them() -> None:
    of = tracker(NEAR, births_per_scan=0.5)
    look(of, 1, [[130.0, 40.0], [0.0, -400.0]])
    tracks = of._tracks
    assert tracks.alive[:2].all()
    anywhere = 0.5 / 1e6
    assert tracks.existence[1] == pytest.approx(anywhere / (anywhere + 2e-5))
    near = NEAR.weight * SENSOR.detection * born(NEAR, [130.0, 40.0])[2] + anywhere
    assert tracks.existence[0] == pytest.approx(near / (near + 2e-5))


def test_the_unseen_are_forgotten_in_the_end() -> None:
    births = birth_model((FAR,), True)
    model, _ = sensor_model(SENSOR, True)
    clutter = make_clutter_map(20.0, layer_edges(SENSOR))
    clutter.scans[:] = 50.0
    unseen = unseen_births(births, clutter, model, 2.0, 0.0, motion_model(Cv(q=0.5)))
    np.testing.assert_allclose(unseen.weight[:, 0], 0.05 * 0.8 * 0.2 ** np.arange(AGES))


def test_births_are_checked() -> None:
    with pytest.raises(msgspec.ValidationError, match="sigma"):
        msgspec.convert({"mean": [0] * 6, "sigma": [1, 1, -1, 1, 1, 1], "weight": 1}, Birth)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"mean": [0] * 4, "sigma": [1] * 4, "weight": 1}, Birth)
    with pytest.raises(ConfigError, match="flat"):
        Tracker([], TrackerOptions(births=(NEAR,)), Frame())
