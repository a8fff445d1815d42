"""Smoothing: exact where the motion is one linear model, better and honest where it is not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from command import Command
from farwatch.motion import Cv, Imm, motion_model
from farwatch.motion.coordinated_turn import coordinated_turn_jacobian
from farwatch.picture import Picture, concat_pictures
from farwatch.tracker import Smoother, Tracker, TrackerOptions
from farwatch.tracker.smooth import smooth
from farwatch.tracks import MODES, STATE
from reference import constant_velocity, coordinated_turn, jacobian, kalman_update, rts
from scenes import FLAT, START_NS, Course, batches_of, plots_of, radar, straight

UP = np.array([0.3, -0.5, math.sqrt(1 - 0.34)])
STEPS = np.array([10, 10, 10, 1, 1, 1, 1e-6])
TURN_S, LEG_S, SPEED_MPS = 60.0, 120.0, 150.0


def turning(t: float) -> tuple[float, float]:
    """North, then half a turn to the right in a minute, then south."""
    rate = math.pi / TURN_S
    radius, turned = SPEED_MPS / rate, min(max(t - LEG_S, 0.0), TURN_S) * rate
    along = SPEED_MPS * (min(t, LEG_S) - max(t - LEG_S - TURN_S, 0.0))
    return 40_000.0 + radius * (1.0 - math.cos(turned)), 20_000.0 + along + radius * math.sin(turned)


@pytest.mark.parametrize("rate", [0.0, 0.02, -0.35])
def test_the_turns_derivatives_are_those_of_its_states(rng: np.random.Generator, rate: float) -> None:
    x = np.concatenate([rng.normal(0, 1e5, 3), rng.normal(0, 150, 3), [rate]])
    F = np.empty((7, 7))
    coordinated_turn_jacobian(x, 10.0, *UP, F)
    expected = jacobian(lambda y: coordinated_turn(y, 10.0, UP), x, STEPS)
    np.testing.assert_allclose(F, expected, rtol=1e-6, atol=1e-6)


def test_one_linear_model_is_smoothed_exactly(rng: np.random.Generator) -> None:
    n, q, q_vertical = 12, 3.0, 0.5
    time_ns = np.cumsum(rng.integers(2e9, 9e9, n)).astype(np.int64)
    H, R = np.eye(3, 6), np.diag([50.0, 80.0, 20.0]) ** 2
    x, P = np.zeros(6), np.diag([200.0, 200, 200, 100, 100, 20]) ** 2
    means, covariances, F, Q = np.empty((n, 6)), np.empty((n, 6, 6)), [], []
    for k in range(n):
        if k:
            f, noise = constant_velocity((time_ns[k] - time_ns[k - 1]) * 1e-9, q, q_vertical, np.array([0, 0, 1.0]))
            F.append(f), Q.append(noise)
            x, P = f @ x, f @ P @ f.T + noise
        x, P, _ = kalman_update(x, P, H, rng.normal(0, 100, 3), R)
        means[k], covariances[k] = x, P
    expected, expected_covariance = rts(means, covariances, F, Q)
    mean, covariance = np.zeros((n, MODES, STATE)), np.zeros((n, MODES, STATE, STATE))
    mean[:, 0, :6], covariance[:, 0, :6, :6] = means, covariances
    probability = np.zeros((n, MODES))
    probability[:, 0] = 1.0
    model = motion_model(Cv(q=q, q_vertical=q_vertical))
    first = np.array([0, n], np.int64)
    got, got_covariance = smooth(first, time_ns, np.zeros(n, bool), probability, mean, covariance, model, True)
    # Directions of which the future says less than a thousandth are left as they were.
    scale = np.sqrt(np.diagonal(expected_covariance, axis1=1, axis2=2))
    np.testing.assert_allclose(got / scale, expected / scale, atol=0.02)
    np.testing.assert_allclose(
        got_covariance / scale[:, :, None] / scale[:, None, :],
        expected_covariance / scale[:, :, None] / scale[:, None, :],
        atol=5e-3,
    )


def tracked(courses: list[Course], rng: np.random.Generator, lag_s: float | None) -> tuple[Picture, list[Picture]]:
    """The tracker's pictures as one, and what the smoother made of them."""
    sensor = radar()
    plots = plots_of(courses, 300.0, rng, sensor, detection=0.9)
    tracker = Tracker([sensor], TrackerOptions(), FLAT)
    smoother = Smoother(tracker) if lag_s is None else Smoother(tracker, lag_s)
    given, better = [], []
    for batch in batches_of(plots, sensor):
        given.append(tracker.update(batch))
        if (picture := smoother.push(given[-1])) is not None:
            assert not picture.n or picture.time_ns.max() <= given[-1].until_ns - smoother.lag_ns + 4_000_000_000
            better.append(picture)
    if (picture := smoother.flush()) is not None:
        better.append(picture)
    return concat_pictures(given), better


def errors(p: Picture, course: Course, start_ns: int) -> np.ndarray:
    """Distances (m) of a picture's rows from an aircraft's course."""
    at = np.array([course((t - start_ns) * 1e-9) for t in p.time_ns.tolist()])
    return np.hypot(p.lon_deg - at[:, 0], p.lat_deg - at[:, 1])


@pytest.mark.parametrize("lag_s", [None, 20.0])
def test_smoothed_tracks_are_nearer_and_say_how_near(rng: np.random.Generator, lag_s: float | None) -> None:
    before, after, ratio = [], [], []
    for _ in range(12):
        given, better = tracked([turning], rng, lag_s)
        p = concat_pictures(better)
        assert (p.track == given.track).all() and (p.time_ns == given.time_ns).all()
        before.append(errors(given, turning, START_NS) ** 2)
        after.append(errors(p, turning, START_NS) ** 2)
        ratio.append(after[-1] / p.sigma_horizontal_m**2)
    gain = math.sqrt(np.concatenate(after).mean() / np.concatenate(before).mean())
    assert gain < (0.75 if lag_s is None else 0.85)
    assert 0.4 < np.concatenate(ratio).mean() < 1.3


def test_tracks_do_not_mix(rng: np.random.Generator) -> None:
    given, better = tracked([turning, straight(-60_000, -10_000, 120, 30)], rng, None)
    moved = np.hypot(*(getattr(concat_pictures(better), c) - getattr(given, c) for c in ("lon_deg", "lat_deg")))
    assert len(np.unique(given.track)) == 2
    assert (moved < 6 * given.sigma_horizontal_m).all()


def test_a_track_of_one_look_is_as_it_was() -> None:
    probability, mean, covariance = np.ones((1, MODES)) / MODES, np.ones((1, MODES, STATE)), np.zeros((1, 3, 7, 7))
    covariance[:] = np.eye(7)
    model = motion_model(Imm())
    first = np.array([0, 1], np.int64)
    got, P = smooth(first, np.zeros(1, np.int64), np.zeros(1, bool), probability, mean, covariance, model, True)
    np.testing.assert_allclose(got, np.ones((1, 6)))
    np.testing.assert_allclose(P, np.eye(6)[None], atol=1e-12)


def test_two_looks_at_one_time_are_one_state(rng: np.random.Generator) -> None:
    mean = np.repeat(rng.normal(0, 100, (1, 1, STATE)), 2, axis=0).repeat(MODES, axis=1)
    covariance = np.broadcast_to(np.diag([100.0, 100, 100, 5, 5, 5, 1e-3]), (2, MODES, STATE, STATE)).copy()
    covariance[1, :, :3, :3] /= 4
    model = motion_model(Imm())
    probability = np.full((2, MODES), 1 / MODES)
    got, P = smooth(
        np.array([0, 2], np.int64), np.zeros(2, np.int64), np.zeros(2, bool), probability, mean, covariance, model, True
    )
    np.testing.assert_allclose(got[0], got[1], atol=1e-6)
    np.testing.assert_allclose(P[0], P[1], rtol=1e-2, atol=1e-9)


def test_track_smooths_from_the_command_line(tmp_path: Path, farwatch: Command) -> None:
    run = tmp_path / "run"
    assert farwatch("simulate", "quiet", "-o", run, "--duration", "90").code == 0
    said = []
    for name, options in (("plain", ()), ("full", ("--smooth",)), ("late", ("--smooth", "--lag", "20s"))):
        out = tmp_path / f"{name}.parquet"
        assert farwatch("track", run / "plots.parquet", "-s", "quiet", "-o", out, *options).code == 0
        said.append(pq.read_table(out))
    plain, full, late = said
    assert plain["time_ns"].equals(full["time_ns"]) and plain["time_ns"].equals(late["time_ns"])
    assert np.median(full["sigma_horizontal_m"]) < np.median(plain["sigma_horizontal_m"])


@pytest.mark.parametrize(
    ("options", "says"), [(("--lag", "20s"), "--smooth"), (("--smooth", "--every", "1s"), "one of the two")]
)
def test_options_that_contradict_are_refused(
    tmp_path: Path, farwatch: Command, options: tuple[str, ...], says: str
) -> None:
    ran = farwatch("track", "night.ast", "-s", "quiet", "-o", tmp_path / "t.parquet", *options)
    assert ran.code == 1 and says in ran.err
