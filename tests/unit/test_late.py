"""Plots that come after their time: what they say reaches the track that they belong to, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farwatch.motion import Cv, motion_model
from farwatch.plots import Batch, Plots, make_plots, make_progress
from farwatch.sensors import Area, PositionSensor, Radar, sensor_model
from farwatch.sensors.measurement import measurement_table
from farwatch.sources import Merge, MergeOptions, merged
from farwatch.tracker import Tracker, TrackerOptions
from farwatch.tracker.admit import REMEMBERED, Counts, admit, none_admitted
from farwatch.tracker.beam import make_beams
from farwatch.tracker.late import take_late
from farwatch.tracker.options import tracker_model
from farwatch.tracks import make_hypotheses, make_tracks
from reference import constant_velocity, kalman_update
from scenes import FLAT, START_NS, Course, plots_of, radar, straight

SECOND = 10**9
LOST_M = 500.0  # what a picture without the track counts
UP = np.array([0.0, 0.0, 1.0])


def position_sensor() -> PositionSensor:
    return PositionSensor(id="P", period_s=4.0, area=Area(-1e6, 1e6, -1e6, 1e6), sigma_m=50.0, clutter=1.0)


@pytest.mark.parametrize("lag_s", [0.5, 7.0, 30.0])
def test_a_late_position_is_worth_what_it_says(rng: np.random.Generator, lag_s: float) -> None:
    """One mode, a linear motion: as a Kalman update by H F(-lag) with the noise of the way back."""
    q, q_vertical = 3.0, 0.5
    sensor = position_sensor()
    (model, site), motion = sensor_model(sensor, True), motion_model(Cv(q=q, q_vertical=q_vertical))
    options = tracker_model(TrackerOptions(motion=Cv(q=q, q_vertical=q_vertical)), True)
    tracks, hypotheses = make_tracks(4, 1), make_hypotheses(4)
    x = np.array([1e4, -2e4, 0.0, 150.0, 80.0, 0.0])
    root = rng.normal(0, 1, (6, 6)) * np.array([60, 60, 1, 9, 9, 0.1])[:, None]
    P = root @ root.T
    now_ns = START_NS + 100 * SECOND
    tracks.alive[1], tracks.status[1], tracks.existence[1], tracks.time_ns[1] = True, 1, 0.999, now_ns
    hypotheses.modes[1], hypotheses.probability[1, 0] = 1, 1.0
    hypotheses.mean[1, 0, :6], hypotheses.covariance[1, 0, :6, :6] = x, P
    tracks.mean[1] = x
    F, _ = constant_velocity(-lag_s, q, q_vertical, UP)
    _, Q = constant_velocity(lag_s, q, q_vertical, UP)
    z = (F @ x)[:2] + np.array([40.0, -70.0])
    plots = make_plots(1, time_ns=now_ns - round(lag_s * 1e9), z=[[*z]], measured=3)
    beams, counted = make_beams(np.array([4.0])), np.zeros(len(Counts._fields), np.int64)
    met = np.zeros(REMEMBERED, np.int64)
    late = admit(none_admitted(plots), plots, make_progress(0), beams, counted, met, 0, model, now_ns)
    table = measurement_table(late, *model.variances)
    homeless = take_late(tracks, hypotheses, late, table, np.array([1e-30]), model, site, 0, options, motion)
    H = np.eye(2, 6) @ F
    R = np.eye(2) * sensor.sigma_m**2 + H @ Q @ H.T
    expected, expected_P, _ = kalman_update(x, P, H, z - H @ x, R)
    assert homeless == 0
    assert tracks.detections[1] == 1 and tracks.detected_ns[1] == late.time_ns[0]
    np.testing.assert_allclose(tracks.mean[1], expected, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(tracks.covariance[1], expected_P, rtol=1e-6, atol=1e-6)


def error_m(plots: Plots, late: np.ndarray, lag_s: float, sensor: Radar, late_s: float, course: Course) -> float:
    """Root mean square error of the one track, batch by batch, where the `late` plots come `lag_s` after the others."""
    arrival = np.argsort(plots.time_ns + np.where(late, round(lag_s * 1e9), 0), kind="stable")
    chunks = [(plots.take(arrival[k : k + 1]), make_progress(0)) for k in range(plots.n)]
    tracker = Tracker([sensor], frame=FLAT)
    squares = []
    for batch in merged(chunks, Merge(sensor.rotation_s / 12, MergeOptions(late_s=late_s)), 0.0):
        tracker.update(batch)
        picture = tracker.picture(batch.until_ns)
        if batch.until_ns > START_NS + 40 * SECOND:
            assert picture.n <= 1
            real = course((batch.until_ns - START_NS) / SECOND)
            squares.extend((picture.lon_deg - real[0]) ** 2 + (picture.lat_deg - real[1]) ** 2)
            squares.extend([LOST_M**2] * (1 - picture.n))
    assert (tracker.counts.late > 0) == (late_s > 0.0)
    assert tracker.counts.homeless < 0.2 * late.sum()
    return math.sqrt(np.mean(squares))


def turning(t: float) -> tuple[float, float]:
    """A standard turn of 3 degrees a second after a minute of straight flight."""
    rate, speed = np.radians(3.0), 150.0
    turned = max(t - 60.0, 0.0) * rate
    return 30_000.0 + speed / rate * (1 - np.cos(turned)), 20_000.0 + speed * min(t, 60.0) + speed / rate * np.sin(
        turned
    )


@pytest.mark.parametrize("course", [straight(40e3, 10e3, -120.0, 150.0), turning], ids=["straight", "turning"])
def test_late_plots_are_better_than_none(course: Course) -> None:
    """Two thirds of the plots come 9 s late; without them the track lives on the rest."""
    sensor = radar(rotation_s=4.0)
    taken, left = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        plots = plots_of([course], 100.0, rng, sensor)
        late = rng.random(plots.n) < 2 / 3
        late[:8] = False
        taken.append(error_m(plots, late, 9.0, sensor, 30.0, course))
        left.append(error_m(plots, late, 9.0, sensor, 0.0, course))
    assert np.mean(taken) < 0.95 * np.mean(left)


def test_a_late_plot_of_nobody_starts_nothing_and_moves_nobody() -> None:
    sensor, rng = radar(), np.random.default_rng(3)
    plots = plots_of([straight(40e3, 10e3, -120.0, 150.0)], 60.0, rng, sensor)
    tracker, other = (Tracker([sensor], frame=FLAT) for _ in range(2))
    batches = list(merged([(plots, make_progress(0))], Merge(sensor.rotation_s / 12), 0.0))
    for batch in batches:
        tracker.update(batch)
        other.update(batch)
    end = batches[-1].until_ns
    stray = make_plots(1, id=10**6, time_ns=end - 10 * SECOND, z=[[90e3, 4.0]], measured=3)
    tracker.update(Batch(stray, make_progress(0), end + SECOND // 3))
    other.update(Batch(make_plots(0), make_progress(0), end + SECOND // 3))
    assert (tracker.counts.late, tracker.counts.homeless) == (1, 1)
    was, now = other.picture(end + SECOND), tracker.picture(end + SECOND)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(was[1:], now[1:], strict=True))


@pytest.mark.parametrize(("off_m", "counted_as"), [(0.0, "repeated"), (0.3, "homeless")])
def test_the_second_copy_of_a_plot_counts_for_nothing(off_m: float, counted_as: str) -> None:
    """A feed doubled with 5 s of delay: what the track has seen of that sensor at that time it does not see again."""
    sensor, rng = radar(), np.random.default_rng(4)
    plots = plots_of([straight(40e3, 10e3, -120.0, 150.0)], 60.0, rng, sensor)
    tracker = Tracker([sensor], frame=FLAT)
    end = 0
    for batch in merged([(plots, make_progress(0))], Merge(sensor.rotation_s / 12), 0.0):
        tracker.update(batch)
        end = batch.until_ns
    before = tracker.picture(end)
    copy = plots.take(slice(plots.n - 1, None))
    copy = copy._replace(z=copy.z + np.array([off_m, 0, 0, 0, 0, 0]))  # or one that has been rounded on its way
    tracker.update(Batch(copy, make_progress(0), end + 1))
    assert getattr(tracker.counts, counted_as) == 1
    assert tracker.picture(end).sigma_horizontal_m.tolist() == before.sigma_horizontal_m.tolist()
