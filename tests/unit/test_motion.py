"""Motion models against the plain references."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import expm

from farwatch.motion import Cv, Imm, motion_model
from farwatch.motion.constant_velocity import EARTH_RADIUS_M, predict_constant_velocity
from farwatch.motion.coordinated_turn import predict_coordinated_turn
from farwatch.motion.imm import class_evidence, imm_model, mix, mode_rates, predict_mode, transition
from farwatch.tracker import Tracker, TrackerOptions
from farwatch.tracker.looks import predict_hypothesis
from reference import constant_velocity, coordinated_turn, imm_mix, jacobian
from scenes import FLAT, confirmed, plots_of, radar, straight, track

UP = np.array([0.3, -0.5, math.sqrt(1 - 0.34)])


def state(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = np.concatenate([rng.normal(0, 1e5, 3), rng.normal(0, 150, 3), rng.normal(0, 0.03, 1)])
    A = rng.normal(0, 1, (7, 7)) * np.array([50, 50, 50, 5, 5, 5, 0.01])[:, None]
    return x, A @ A.T


@pytest.mark.parametrize("dt", [0.0, 0.3, 4.0, 12.0])
def test_constant_velocity_is_the_textbook_kalman_prediction(rng: np.random.Generator, dt: float) -> None:
    x, P = state(rng)
    F, Q = constant_velocity(dt, 0.05, 2.0, UP)
    expected_x, expected_P = F @ x[:6], F @ P[:6, :6] @ F.T + Q
    got_x, got_P = x[:6].copy(), P[:6, :6].copy()
    predict_constant_velocity(got_x, got_P, dt, 0.05, 2.0, *UP, False)
    np.testing.assert_allclose(got_x, expected_x, rtol=1e-12)
    np.testing.assert_allclose(got_P, expected_P, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("rate", [0.0, 1e-7, 0.02, -0.35])
def test_coordinated_turn_is_the_exponential_of_the_linear_system(rng: np.random.Generator, rate: float) -> None:
    x, P = state(rng)
    x[6] = rate
    dt = 10.0
    F = jacobian(lambda y: coordinated_turn(y, dt, UP), x, np.array([10, 10, 10, 1, 1, 1, 1e-6]))
    _, Q = constant_velocity(dt, 0.1, 0.5, UP)
    expected = F @ P @ F.T
    expected[:6, :6] += Q
    expected[6, 6] += 1e-6 * dt
    got_x, got_P = x.copy(), P.copy()
    predict_coordinated_turn(got_x, got_P, dt, 0.1, 0.5, 1e-6, *UP, False)
    np.testing.assert_allclose(got_x, coordinated_turn(x, dt, UP), rtol=1e-10, atol=1e-6)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(got_P / scale, expected / scale, atol=2e-6)


def test_level_flight_stays_level_over_a_round_earth() -> None:
    x = np.array([0.0, 0.0, EARTH_RADIUS_M + 10_000, 250.0, 0.0, 0.0])
    P = np.eye(6)
    for _ in range(60):
        u = x[:3] / np.linalg.norm(x[:3])
        predict_constant_velocity(x, P, 1.0, 0.05, 0.5, *u, True)
    assert abs(np.linalg.norm(x[:3]) - EARTH_RADIUS_M - 10_000) < 5.0
    assert abs(np.linalg.norm(x[3:]) - 250.0) < 0.1


@pytest.mark.parametrize("dt", [0.0, 0.5, 10.0, 300.0])
def test_mode_transitions_are_the_matrix_exponential(dt: float) -> None:
    model = imm_model(Imm())
    out = np.empty((3, 3))
    for kind in range(2):
        transition(model.eigen, kind, dt, out)
        np.testing.assert_allclose(out, expm(mode_rates((Imm().civil, Imm().agile)[kind]) * dt), atol=1e-9)
        np.testing.assert_allclose(out.sum(axis=1), 1.0, atol=1e-12)


def test_mixing_is_blom_and_bar_shalom_where_every_mode_has_every_component(rng: np.random.Generator) -> None:
    probability = np.array([0.6, 0.3, 0.1])
    states = [state(rng) for _ in range(3)]
    mean = np.array([s[0] for s in states])
    covariance = np.array([s[1] for s in states])
    matrix = np.array([[0.9, 0.05, 0.05], [0.2, 0.7, 0.1], [0.3, 0.1, 0.6]])
    p, m, c = np.empty(3), np.empty((3, 7)), np.empty((3, 7, 7))
    mix(probability, mean, covariance, matrix, 1e-3, p, m, c)
    expected_p, expected_m, expected_c = imm_mix(probability, mean[:, :6], covariance[:, :6, :6], matrix)
    np.testing.assert_allclose(p, expected_p, rtol=1e-12)
    np.testing.assert_allclose(m[:, :6], expected_m, rtol=1e-10)
    np.testing.assert_allclose(c[:, :6, :6], expected_c, rtol=1e-8, atol=1e-6)


def test_a_turn_that_begins_has_the_prior_rate_not_the_zero_of_straight_flight() -> None:
    model = imm_model(Imm())
    mean, covariance = np.zeros((3, 7)), np.tile(np.eye(7), (3, 1, 1))
    mean[0, 6] = mean[2, 6] = 5.0  # left over: straight flight and manoeuvres have no rate
    p, m, c = np.empty(3), np.empty((3, 7)), np.empty((3, 7, 7))
    mix(np.array([1.0, 0.0, 0.0]), mean, covariance, np.full((3, 3), 1 / 3), model.rate_variance[0], p, m, c)
    assert m[1, 6] == 0.0
    assert c[1, 6, 6] == pytest.approx(model.rate_variance[0])


def test_every_mode_predicts_in_two_steps_as_in_one() -> None:
    rng = np.random.default_rng(3)
    model = imm_model(Imm())
    for mode in range(3):
        x, P = state(rng)
        once, twice = (x.copy(), P.copy()), (x.copy(), P.copy())
        predict_mode(mode, 0, model, *once, 8.0, *UP, False)
        for dt in (3.0, 5.0):
            predict_mode(mode, 0, model, *twice, dt, *UP, False)
        np.testing.assert_allclose(twice[0], once[0], rtol=1e-9, atol=1e-6)
        if mode != 1:  # the walk of the turn rate makes the turn's noise differ by step
            np.testing.assert_allclose(twice[1], once[1], rtol=1e-9, atol=1e-6)


def test_class_evidence_follows_the_modes_slowly() -> None:
    model = imm_model(Imm())
    scratch = np.empty((3, 3))
    agile = 0.02
    for _ in range(8):
        before = agile
        agile = class_evidence(agile, np.array([0.9, 0.05, 0.05]), np.array([1e-9, 1e-9, 1.0]), model, 10.0, scratch)
        assert agile / (1 - agile) <= 3.01 * before / (1 - before)
    assert agile > 0.5
    for _ in range(60):
        agile = class_evidence(agile, np.array([0.9, 0.05, 0.05]), np.array([1.0, 0.1, 0.01]), model, 10.0, scratch)
    assert agile < 0.5


def test_plain_constant_velocity_is_one_mode_with_its_own_noise(rng: np.random.Generator) -> None:
    model = motion_model(Cv(q=0.7, q_vertical=0.2))
    assert model.modes == 1
    assert motion_model(Imm()).modes == 3
    x, P = state(rng)
    F, Q = constant_velocity(5.0, 0.7, 0.2, np.array([0.0, 0.0, 1.0]))
    p, m, c = np.empty(3), np.empty((3, 7)), np.empty((3, 7, 7))
    start = np.tile(x, (3, 1)), np.tile(P, (3, 1, 1))
    predict_hypothesis(1, 0, np.array([1.0, 0, 0]), *start, 5.0, model, True, p, m, c, np.empty((3, 3)))
    np.testing.assert_allclose(m[0, :6], F @ x[:6])
    np.testing.assert_allclose(c[0, :6, :6], F @ P[:6, :6] @ F.T + Q, rtol=1e-9, atol=1e-6)


def test_a_track_confirmed_under_constant_velocity_keeps_one_mode(rng: np.random.Generator) -> None:
    tracker = Tracker([radar()], TrackerOptions(motion=Cv(q=0.1)), FLAT)
    picture = track(plots_of([straight(-20e3, 30e3, 200.0, 0.0)], 80, rng), tracker=tracker)
    assert confirmed(picture) == {1}
    assert set(tracker._hypotheses.modes[tracker._tracks.alive].tolist()) == {1}
