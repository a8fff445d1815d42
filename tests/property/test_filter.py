"""Whatever the states and plots: predictions compose, covariances stay covariances, arrival changes nothing."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from farwatch.frame import vertical
from farwatch.motion import Imm, motion_model
from farwatch.motion.constant_velocity import predict_constant_velocity
from farwatch.motion.coordinated_turn import predict_coordinated_turn
from farwatch.motion.imm import predict_mode, transition
from farwatch.plots import Plots, make_plots, make_progress
from farwatch.sensors import Place, Radar, RadarSigma, correct, sensor_model
from farwatch.sensors.airborne import airborne_of, correct_by_airborne
from farwatch.sensors.measurement import measurement, measurement_table
from farwatch.sensors.radar import polar
from farwatch.sources import Merge, MergeOptions, merged
from farwatch.tracker import Tracker
from scenes import FLAT, plots_of, radar, straight

UP = np.array([0.3, -0.5, math.sqrt(1 - 0.34)])
SIZES = np.array([300.0, 300, 300, 40, 40, 20, 0.02])
seeds, steps_s = st.integers(0, 10**6), st.floats(0.0, 60.0)

STATION = Radar(
    id="R",
    position=Place(lat_deg=47.0, lon_deg=9.0, height_m=500.0),
    rotation_s=10.0,
    max_range_km=700.0,
    sigma=RadarSigma(range_m=30.0, azimuth_deg=0.3, elevation_deg=0.3, range_rate_mps=2.0),
)
MODEL, OWN = sensor_model(STATION, False)


def state(seed: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A state (7) and its covariance."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(0, 1e5, 3), rng.normal(0, 150, 3), rng.normal(0, 0.03, 1)])
    A = rng.normal(0, 1, (7, 7)) * (scale * SIZES)[:, None]
    return x, A @ A.T


def predicted(predict, x: np.ndarray, P: np.ndarray, steps: tuple[float, ...]):  # type: ignore[no-untyped-def]
    x, P = x.copy(), P.copy()
    for dt in steps:
        predict(x, P, dt)
    return x, P


def same(one, other) -> None:  # type: ignore[no-untyped-def]
    """The same state, by what it is uncertain by."""
    scale = np.sqrt(np.diag(one[1]))
    np.testing.assert_allclose((one[0] - other[0]) / scale, 0.0, atol=1e-6)
    np.testing.assert_allclose(one[1] / np.outer(scale, scale), other[1] / np.outer(scale, scale), atol=1e-8)


@given(seeds, steps_s, steps_s)
def test_straight_flight_in_two_steps_is_that_in_one(seed: int, a: float, b: float) -> None:
    def predict(x, P, dt):  # type: ignore[no-untyped-def]
        predict_constant_velocity(x, P, dt, 0.5, 2.0, *UP, False)

    same(predicted(predict, *state(seed), (a, b)), predicted(predict, *state(seed), (a + b,)))


@given(seeds, steps_s, steps_s)
def test_a_turn_in_two_steps_is_that_in_one(seed: int, a: float, b: float) -> None:
    """Without noise, which a turn carries round: that of two steps is not that of one."""

    def predict(x, P, dt):  # type: ignore[no-untyped-def]
        predict_coordinated_turn(x, P, dt, 0.0, 0.0, 0.0, *UP, False)

    same(predicted(predict, *state(seed), (a, b)), predicted(predict, *state(seed), (a + b,)))


@given(st.integers(0, 1), st.integers(0, 2), seeds, steps_s, steps_s)
def test_every_mode_composes_in_its_mean_and_straight_ones_in_their_noise(
    kind: int, mode: int, seed: int, a: float, b: float
) -> None:
    motion = motion_model(Imm())

    def predict(x, P, dt):  # type: ignore[no-untyped-def]
        predict_mode(mode, kind, motion, x, P, dt, *UP, False)

    twice, once = predicted(predict, *state(seed), (a, b)), predicted(predict, *state(seed), (a + b,))
    np.testing.assert_allclose((twice[0] - once[0]) / SIZES, 0.0, atol=1e-5)
    if mode != 1:
        same(twice, once)


@given(st.integers(0, 1), st.floats(0, 3600), st.floats(0, 3600))
def test_modes_change_in_two_steps_as_in_one(kind: int, a: float, b: float) -> None:
    motion, (first, second, both) = motion_model(Imm()), np.empty((3, 3, 3))
    for out, dt in ((first, a), (second, b), (both, a + b)):
        transition(motion.eigen, kind, dt, out)
        assert (out > -1e-12).all()
    np.testing.assert_allclose(first @ second, both, atol=1e-10)


def is_covariance(P: np.ndarray, n: int) -> None:
    """Symmetric and positive, by its own scale."""
    P = P[:n, :n]
    assert np.isfinite(P).all()
    assert (np.diag(P) > 0.0).all()
    scale = np.sqrt(np.diag(P))
    P = P / np.outer(scale, scale)
    np.testing.assert_allclose(P, P.T, rtol=0, atol=1e-10)
    assert np.linalg.eigvalsh(P).min() > -1e-9


actions = st.lists(
    st.tuples(
        st.sampled_from(["straight", "turn", "correct", "register"]),
        st.floats(0.0, 30.0),
        st.sampled_from([3, 7, 11, 15]),
        st.booleans(),
        seeds,
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=200)
@given(seeds, st.floats(8e3, 650e3), st.sampled_from([0.1, 1.0, 20.0]), st.sampled_from([3, 6, 7]), actions)
def test_covariances_stay_covariances(seed, away_m, scale, n, sequence) -> None:  # type: ignore[no-untyped-def]
    """Any sequence of predictions and corrections, plots near the state or thirty standard deviations off."""
    rng = np.random.default_rng(seed)
    bearing = rng.uniform(0, 2 * np.pi)
    local = np.array([away_m * math.sin(bearing), away_m * math.cos(bearing), 9e3 - away_m**2 / 1.27e7])
    x, P = state(seed, scale)
    x[:3] = np.array(OWN.origin) + local @ np.array([OWN.east, OWN.north, OWN.up])
    g = np.empty(7)
    for what, dt, mask, with_height, noise in sequence:
        rng = np.random.default_rng(noise)
        height, *u = vertical(False, x[0], x[1], x[2])
        if what == "straight" and n == 6:
            predict_constant_velocity(x, P, dt, 1.0, 1.0, *u, True)
        elif what == "turn" and n == 7:
            predict_coordinated_turn(x, P, dt, 1.0, 1.0, 1e-5, *u, True)
        elif what == "register" and n >= 6:
            told = airborne_of(math.nan, rng.normal(0, 0.05), rng.uniform(0, 6.28), rng.uniform(50, 300))
            correct_by_airborne(told, False, n == 7, x, P, n, g)
        elif what == "correct":
            r, azimuth, elevation = polar(OWN, x[0], x[1], x[2])
            far = rng.choice([1.0, 30.0])
            z = [r + far * rng.normal(0, 30), azimuth + far * rng.normal(0, 0.005), elevation, rng.normal(0, 200)]
            plots = make_plots(
                1, z=np.array([z]), measured=mask, pressure_altitude_m=height + 100.0 if with_height else math.nan
            )
            m = measurement(measurement_table(plots, *MODEL.variances), 0)
            log_likelihood, chi2, _ = correct(MODEL, OWN, m, x, P, n, g)
            assert math.isfinite(log_likelihood)
            assert chi2 >= 0.0
        assert np.isfinite(x[:n]).all()
        is_covariance(P, n)


def scene() -> Plots:
    """Two aircraft that cross among false plots, seen by a radar of the plane."""
    rng = np.random.default_rng(8)
    return plots_of([straight(-20e3, 30e3, 200, 0), straight(20e3, 31e3, -180, 30)], 48, rng, detection=0.9, clutter=8)


def final(chunks: list[Plots]) -> bytes:
    """All that a tracker knows after the slices that the merge makes of these chunks."""
    tracker = Tracker([radar()], frame=FLAT)
    arriving = [(chunk, make_progress(0)) for chunk in chunks]
    for batch in merged(arriving, Merge(1 / 3, MergeOptions(wait_s=1.0)), radar().rotation_s):
        tracker.update(batch)
    return tracker.snapshot()


WHOLE: list[bytes] = []


@settings(max_examples=8)
@given(st.lists(st.integers(0, 400), max_size=8), seeds)
def test_split_and_reordered_batches_make_the_same_tracks(cuts: list[int], seed: int) -> None:
    """To the bit: chunks cut anywhere, each plot up to 0.9 s late."""
    plots = scene()
    if not WHOLE:
        WHOLE.append(final([plots]))
    delay = np.random.default_rng(seed).integers(0, 9 * 10**8, plots.n)
    arrived = plots.take(np.argsort(plots.time_ns + delay, kind="stable"))
    edges = [0, *sorted(min(cut, plots.n) for cut in cuts), plots.n]
    assert final([arrived.take(slice(a, b)) for a, b in pairwise(edges)]) == WHOLE[0]


def test_a_tracker_of_other_plots_is_another() -> None:
    """The test above can fail."""
    plots = scene()
    assert final([plots]) != final([plots.take(slice(0, plots.n - 30))])
