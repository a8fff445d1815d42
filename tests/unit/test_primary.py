"""What a primary radar makes hard: fixed echoes, tight turns between scans, tracks lost in clutter, misses."""

from __future__ import annotations

import numpy as np
import pytest

from farwatch.picture import Status
from farwatch.plots import concat_plots
from farwatch.tracker import Tracker, TrackerOptions
from farwatch.tracker.lifecycle import implausible
from scenes import FLAT, START_NS, confirmed, plots_of, radar, straight, track

SECOND = 10**9


def test_a_fixed_echo_is_no_track_for_long(rng: np.random.Generator) -> None:
    sensor = radar(clutter=2.0)
    plots = plots_of(
        [straight(20e3, 60e3, 0.0, 0.0), straight(-40e3, 30e3, 200.0, 0.0)], 400, rng, sensor, detection=0.8
    )
    tracker = Tracker([sensor], frame=FLAT)
    picture = track(plots, sensor, tracker)
    late = picture.take((picture.time_ns > START_NS + 120 * SECOND) & (picture.status != Status.ENDED))
    assert len(confirmed(late)) == 1
    assert late.ground_speed_mps.min() > 150.0
    assert np.sum(tracker._learned[0].echoes.hits > 5.0) >= 1


def test_with_no_least_speed_what_stands_still_is_tracked(rng: np.random.Generator) -> None:
    sensor = radar(clutter=2.0)
    plots = plots_of([straight(20e3, 60e3, 0.0, 0.0)], 200, rng, sensor)
    tracker = Tracker([sensor], TrackerOptions(min_speed_mps=0.0), FLAT)
    assert len(confirmed(track(plots, sensor, tracker))) == 1


def test_a_9_g_turn_between_two_scans_does_not_lose_the_track(rng: np.random.Generator) -> None:
    """250 m/s, 20 degrees a second: the heading turns by 180 degrees in 9 of the 10 seconds between two looks."""

    def course(t: float) -> tuple[float, float]:
        if t < 203.0:
            return -60e3 + 250 * t, 100e3
        angle = min(np.radians(20.0) * (t - 203.0), np.pi)
        radius = 250 / np.radians(20.0)
        east, north = -60e3 + 250 * 203.0 + radius * np.sin(angle), 100e3 - radius * (1 - np.cos(angle))
        return east - max(t - 212.0, 0.0) * 250, north

    sensor = radar(clutter=5.0, rotation_s=10.0)
    held = 0
    for seed in range(8):
        own = np.random.default_rng(seed)
        picture = track(plots_of([course], 320, own, sensor, clutter=5.0), sensor)
        at_end = picture.take(picture.time_ns > START_NS + 290 * SECOND)
        where = np.array([course((t - START_NS) / SECOND) for t in at_end.time_ns])
        near = np.hypot(at_end.lon_deg - where[:, 0], at_end.lat_deg - where[:, 1]) < 1500.0 if at_end.n else []
        held += bool(np.any((at_end.track == 1) & near))
    assert held >= 6


def test_detection_is_learned_by_range(rng: np.random.Generator) -> None:
    sensor = radar(clutter=2.0, detection=0.95)
    near = plots_of([straight(-20e3, 30e3 + 2e3 * k, 60.0, 0.0) for k in range(6)], 800, rng, sensor, detection=0.9)
    far = plots_of([straight(-20e3, 150e3 + 2e3 * k, 60.0, 0.0) for k in range(6)], 800, rng, sensor, detection=0.6)
    plots = concat_plots([near, far._replace(id=far.id + 10_000)])
    tracker = Tracker([sensor], frame=FLAT)
    track(plots.take(np.argsort(plots.time_ns, kind="stable")), sensor, tracker)
    looks, hits = tracker._learned[0].detections
    met = looks > 200
    share = hits / looks
    row = np.arange(len(looks)) * 200e3 / len(looks)
    assert met.sum() >= 4
    assert share[met & (row < 60e3)] == pytest.approx(0.9, abs=0.04)
    assert share[met & (row > 130e3)] == pytest.approx(0.6, abs=0.08)


def test_a_track_that_hardly_exists_is_not_shown(rng: np.random.Generator) -> None:
    """An aircraft vanishes: the picture drops its track after a few misses, long before its number is given up."""
    sensor = radar(clutter=2.0)
    plots = plots_of([straight(-40e3, 60e3, 200.0, 0.0), straight(40e3, -60e3, 0.0, 150.0)], 200, rng, sensor)
    gone_ns = START_NS + 100 * SECOND
    plots = plots.take((plots.time_ns < gone_ns) | (plots.z[:, 1] < np.pi * 1.5) & (plots.z[:, 1] > np.pi / 2))
    picture = track(plots, sensor)
    unseen = picture.take((picture.lat_deg > 0) & (picture.status != Status.ENDED) & (picture.time_ns > gone_ns))
    assert 1 <= unseen.n <= 4
    assert (unseen.existence >= 0.25).all()


def test_what_is_lost_in_clutter_or_too_fast_is_no_aircraft() -> None:
    sure, vague = np.diag([300.0**2] * 3), np.diag([2000.0**2] * 3)
    cruise, mach_4 = np.array([0, 0, 0, 250.0, 0, 0]), np.array([0, 0, 0, 1200.0, 0, 0])
    assert not implausible(cruise, sure, 20, 1000.0)
    assert not implausible(cruise, vague, 1, 1000.0)
    assert implausible(cruise, vague, 20, 1000.0)
    assert implausible(cruise, vague * 36, 1, 1000.0)
    assert implausible(mach_4, sure, 1, 1000.0)
