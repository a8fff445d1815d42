"""A position sensor through the same tracker: what it measures, when it looks, what it misses."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from farwatch.errors import ConfigError
from farwatch.frame import Frame
from farwatch.motion import Cv
from farwatch.picture import Picture, Status, concat_pictures
from farwatch.plots import Batch, Plots, ProgressKind, concat_plots, make_plots, make_progress
from farwatch.sensors import Area, PositionSensor, correct, gate_coordinates, place, sensor_model, window
from farwatch.sensors.measurement import measurement, measurement_table
from farwatch.sources import Merge, merged
from farwatch.sources.replay import shortest_slice_s
from farwatch.tracker import Tracker, TrackerOptions
from farwatch.tracker.snapshots import snapshots
from farwatch.tracks import STATE
from reference import kalman_update

SECOND = 10**9
START_NS = 1_767_225_600_000_000_000
FLAT = Frame(kind="flat")
AREA = Area(min_x_m=-2000.0, max_x_m=2000.0, min_y_m=-1000.0, max_y_m=3000.0)
OPTIONS = TrackerOptions(motion=Cv(q=0.1), birth_speed_mps=20.0, aircraft_at_start=2.0, births_per_scan=0.01)


def sensor(**changes: object) -> PositionSensor:
    values = {"id": "P", "period_s": 1.0, "area": AREA, "sigma_m": 10.0, "detection": 0.9, "clutter": 5.0}
    return PositionSensor(**(values | changes))  # type: ignore[arg-type]


def plots_at(t: float, z: object, **columns: object) -> Plots:
    z = np.asarray(z, float).reshape(-1, 2 if np.size(z) == 0 else np.shape(z)[1])
    time_ns = START_NS + round(t * SECOND)
    return make_plots(len(z), id=np.arange(len(z)) + round(t * 1000), time_ns=time_ns, z=z, measured=3, **columns)


def batch(t: float, z: object, north: bool = False) -> Batch:
    time_ns = START_NS + round(t * SECOND)
    progress = make_progress(1, time_ns=time_ns, kind=int(ProgressKind.NORTH)) if north else make_progress(0)
    return Batch(plots_at(t, z), progress, time_ns + 1)


@pytest.mark.parametrize("measured", [3, 7])
def test_a_correction_is_the_joint_one_whatever_the_covariance(measured: int, rng: np.random.Generator) -> None:
    model, radar = sensor_model(sensor(), True)
    x = np.concatenate([rng.normal(0, 500, 3), rng.normal(0, 30, 3), [0.0]])
    A, B = np.diag([50, 50, 50, 5, 5, 5, 0.1]) @ rng.normal(0, 1, (7, 7)), rng.normal(0, 20, (3, 3))
    P, R = A @ A.T, B @ B.T
    plots = make_plots(2, z=x[:3] + rng.normal(0, 40, (2, 3)), measured=measured)
    plots.covariance[1] = R[np.triu_indices(3)]
    size = 3 if measured == 7 else 2
    for j, noise in enumerate((100.0 * np.eye(3), R)):
        H = np.eye(7)[:size]
        expected = kalman_update(x, P, H, plots.z[j, :size] - x[:size], noise[:size, :size])
        got_x, got_P = x.copy(), P.copy()
        m = measurement(measurement_table(plots, *model.variances), j)
        log_likelihood, chi2, count = correct(model, radar, m, got_x, got_P, 7, np.empty(7))
        np.testing.assert_allclose(got_x, expected[0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(got_P, expected[1], rtol=1e-7, atol=1e-7)
        residual = plots.z[j, :size] - x[:size]
        S = P[:size, :size] + noise[:size, :size]
        assert (log_likelihood, chi2) == pytest.approx((expected[2], residual @ np.linalg.solve(S, residual)))
        assert count == size


def test_a_plot_is_placed_with_its_own_covariance_or_the_sensors() -> None:
    model, radar = sensor_model(sensor(), True)
    plots = make_plots(2, z=[[10.0, 20.0, 30.0], [1.0, 2.0, 3.0]], measured=[3, 7])
    plots.covariance[1] = [4.0, 1.0, 0.5, 9.0, 0.2, 16.0]
    table = measurement_table(plots, *model.variances)
    x, P = np.zeros(STATE), np.zeros((STATE, STATE))
    assert place(model, radar, measurement(table, 0), 0.0, 2.0, x, P)
    np.testing.assert_array_equal(x[:3], [10.0, 20.0, 0.0])
    np.testing.assert_array_equal(P[:3, :3], np.diag([100.0, 100.0, 4.0]))
    assert place(model, radar, measurement(table, 1), 0.0, 2.0, x, P)
    np.testing.assert_array_equal(x[:3], [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(P[:3, :3], [[4.0, 1.0, 0.5], [1.0, 9.0, 0.2], [0.5, 0.2, 16.0]])


def test_windows_and_plots_are_reckoned_from_the_same_corner() -> None:
    model, radar = sensor_model(sensor(), True)
    around = window(model, radar, 100.0, 200.0, 0.0, (300.0, 0.0, 0.0, 800.0, 0.0, 1.0), 4.0)
    assert (around.u, around.v) == gate_coordinates(model, np.array([[100.0, 200.0]]), 0)[:2] == (2100.0, 1200.0)
    assert (around.half_u, around.half_v) == pytest.approx((80.0, 120.0))


def test_snapshots_are_told_by_plots_and_by_north_messages() -> None:
    plots = concat_plots([plots_at(1.0, [[0, 0], [5, 5]]), plots_at(2.0, [[1, 1]])])
    marks = make_progress(
        3,
        time_ns=START_NS + np.array([2, 3, 4]) * SECOND,
        sensor=[0, 0, 1],
        kind=[int(ProgressKind.NORTH), int(ProgressKind.NORTH), int(ProgressKind.NORTH)],
    )
    looks = snapshots(plots, marks, 0)
    assert [((t - START_NS) // SECOND, part.n) for t, part in looks] == [(1, 2), (2, 1), (3, 0)]
    assert snapshots(make_plots(0), make_progress(0), 0) == []


def fly(tracker: Tracker, until: int, rng: np.random.Generator) -> list[Picture]:
    """One aircraft at 30 m/s east and five false plots a snapshot."""
    pictures = []
    for step in range(1, until + 1):
        false = rng.uniform((-2000, -1000), (2000, 3000), (5, 2))
        z = np.vstack([rng.normal((-800 + 30 * step, 500), 10.0), false])
        pictures.append(tracker.update(batch(step, z)))
    return pictures


def test_an_aircraft_in_clutter_is_one_track(rng: np.random.Generator) -> None:
    tracker = Tracker([sensor()], OPTIONS, FLAT)
    picture = concat_pictures(fly(tracker, 40, rng))
    late = picture.take(picture.time_ns > START_NS + 20 * SECOND)
    error = np.hypot(late.lon_deg - (-800 + 30 * (late.time_ns - START_NS) / SECOND), late.lat_deg - 500)
    assert np.sqrt(np.mean(error**2)) < 12.0
    assert (late.status == Status.CONFIRMED).any()
    assert len(set(late.track.tolist())) == 1
    assert np.median(late.ground_speed_mps) == pytest.approx(30.0, abs=3.0)


def test_a_snapshot_without_plots_is_a_miss_at_once(rng: np.random.Generator) -> None:
    tracker = Tracker([sensor()], OPTIONS, FLAT)
    fly(tracker, 20, rng)
    held = tracker.picture(START_NS + 20 * SECOND)
    tracker.update(batch(20.5, np.empty((0, 2))))  # no plot, no message: no look
    np.testing.assert_array_equal(tracker.picture(START_NS + 20 * SECOND).existence, held.existence)
    tracker.update(batch(21, np.empty((0, 2)), north=True))
    r = held.existence[0] * np.exp(np.log(0.99) / 60)
    assert tracker.picture(START_NS + 21 * SECOND).existence[0] == pytest.approx(r * 0.1 / (1 - 0.9 * r))
    tracker.update(batch(22, np.empty((0, 2)), north=True))
    assert tracker.picture(START_NS + 22 * SECOND).status[0] == Status.COASTING


def test_several_snapshots_in_one_batch_are_several_looks(rng: np.random.Generator) -> None:
    one, many = Tracker([sensor()], OPTIONS, FLAT), Tracker([sensor()], OPTIONS, FLAT)
    batches = []
    for step in range(1, 13):
        batches.append(batch(step, np.vstack([rng.normal((0, 0), 10, 2), rng.uniform(-900, 900, (4, 2))])))
    for part in batches:
        one.update(part)
    many.update(Batch(concat_plots([part.plots for part in batches]), make_progress(0), batches[-1].until_ns))
    now = START_NS + 12 * SECOND
    for a, b in zip(one.picture(now)[1:], many.picture(now)[1:]):
        np.testing.assert_array_equal(a, b)
    assert one.picture(now).n == 1


def test_the_pipelines_slices_give_the_same_tracks(rng: np.random.Generator) -> None:
    plots = concat_plots([plots_at(t, rng.normal((10.0 * t, 0.0), 10.0, (1, 2))) for t in range(1, 16)])
    tracker = Tracker([sensor()], OPTIONS, FLAT)
    for part in merged([(plots, make_progress(0))], Merge(shortest_slice_s([sensor()])), 1.0):
        tracker.update(part)
    assert tracker.picture(START_NS + 15 * SECOND).n == 1


def test_tracks_above_an_existence_include_tentative_ones(rng: np.random.Generator) -> None:
    tracker = Tracker([sensor(clutter=0.01)], OPTIONS, FLAT)
    fly_alone = [rng.normal((30.0 * step, 0.0), 10.0, (1, 2)) for step in range(1, 3)]
    for step, z in enumerate(fly_alone, 1):
        tracker.update(batch(step, z))
    now = START_NS + 2 * SECOND
    assert tracker.picture(now).n == 0
    likely = tracker.picture(now, above_existence=0.5)
    assert likely.status.tolist() == [Status.TENTATIVE]
    assert likely.existence[0] > 0.5
    assert tracker.picture(now, above_existence=0.9999999).n == 0


def test_plots_far_outside_the_area_are_absurd(rng: np.random.Generator) -> None:
    tracker = Tracker([sensor()], OPTIONS, FLAT)
    tracker.update(batch(1, [[0.0, 0.0], [2300.0, 0.0], [2500.0, 0.0], [0.0, np.nan], [-np.inf, 0.0]]))
    assert tracker.counts.given == 5
    assert tracker.counts.absurd == 3


def test_known_clutter_stays_and_clutter_to_be_learned_is(rng: np.random.Generator) -> None:
    known = Tracker([sensor(clutter=5.0)], OPTIONS, FLAT)
    learned = Tracker([sensor(clutter=5.0, learn_clutter=True)], OPTIONS, FLAT)
    for step in range(1, 200):
        z = rng.uniform((-2000, -1000), (2000, 3000), (rng.poisson(40.0), 2))
        for tracker in (known, learned):
            tracker.update(batch(step, z, north=True))
    assert known._learned[0].clutter.rate[0].sum() == pytest.approx(5.0)
    assert learned._learned[0].clutter.rate[0].sum() == pytest.approx(40.0, rel=0.15)


def test_a_restored_tracker_goes_on_bit_by_bit() -> None:
    rng = np.random.default_rng(4)
    tracker = Tracker([sensor()], OPTIONS, FLAT)
    fly(tracker, 15, rng)
    other = Tracker([sensor()], OPTIONS, FLAT)
    other.restore(tracker.snapshot())
    for step in range(16, 30):
        z = np.vstack([rng.normal((-800 + 30 * step, 500), 10.0), rng.uniform(-900, 900, (5, 2))])
        for a, b in zip(tracker.update(batch(step, z)), other.update(batch(step, z))):
            np.testing.assert_array_equal(a, b)
    assert tracker.snapshot() == other.snapshot()


def test_it_measures_in_a_plane_only() -> None:
    with pytest.raises(ConfigError, match="flat"):
        Tracker([sensor()], OPTIONS, Frame())


def test_an_area_has_an_inside() -> None:
    with pytest.raises(msgspec.ValidationError, match="min_x_m"):
        msgspec.convert({"min_x_m": 1, "max_x_m": 1, "min_y_m": 0, "max_y_m": 1}, Area)
