"""Interacting multiple models: straight flight, coordinated turn, manoeuvre, with sojourns by learned class.

No single set of sojourns serves both an airliner and a fighter, so each track carries the probability of being agile,
learned from its own innovations, and uses the set of the more probable class.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from farwatch.kernels import leaf
from farwatch.motion.constant_velocity import predict_constant_velocity
from farwatch.motion.coordinated_turn import predict_coordinated_turn
from farwatch.tracks import MODES

Positive = Annotated[float, Meta(gt=0, le=1e9)]

STRAIGHT, TURN, MANOEUVRE = 0, 1, 2
CIVIL, AGILE = 0, 1
LEAST_AGILE = 1e-5  # an airliner that has flown straight for an hour is no fighter


class ModelSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The models of one class: process noise densities (m^2/s^3), turn rates and mean sojourns."""

    q_straight: Positive = 0.05
    q_turn: Positive = 0.1
    q_manoeuvre: Positive = 300.0
    q_vertical: Positive = 0.5
    q_vertical_manoeuvre: Positive = 10.0
    turn_rate_dps: Positive = 2.0
    turn_rate_walk_dps: Positive = 0.3  # standard deviation gained in one second
    sojourn_straight_s: Positive = 2000.0
    sojourn_turn_s: Positive = 40.0
    sojourn_manoeuvre_s: Positive = 15.0


AGILE_SET = ModelSet(
    q_straight=1.0,
    q_turn=10.0,
    q_manoeuvre=3000.0,
    q_vertical=5.0,
    q_vertical_manoeuvre=500.0,
    turn_rate_dps=8.0,
    turn_rate_walk_dps=2.0,
    sojourn_straight_s=60.0,
    sojourn_turn_s=20.0,
    sojourn_manoeuvre_s=15.0,
)


class Imm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="imm"):
    """Motion of confirmed tracks by an IMM over three models; `agile_prior` is the share of agile aircraft."""

    civil: ModelSet = ModelSet()
    agile: ModelSet = AGILE_SET
    agile_prior: Annotated[float, Meta(ge=0, le=0.5)] = 0.02
    q_tentative: Positive = 10.0
    q_vertical_tentative: Positive = 5.0


class Eigen(NamedTuple):
    """Rates of change between modes, by class, as right diag(values) left: real, the chain being reversible."""

    values: NDArray[np.float64]  # (2, 3) 1/s
    right: NDArray[np.float64]  # (2, 3, 3)
    left: NDArray[np.float64]  # (2, 3, 3)


class ImmModel(NamedTuple):
    """The options as the kernels read them: arrays by class and mode."""

    q_horizontal: NDArray[np.float64]  # (2, 3)
    q_vertical: NDArray[np.float64]  # (2, 3)
    q_rate: NDArray[np.float64]  # (2,)
    rate_variance: NDArray[np.float64]  # (2,)
    eigen: Eigen
    agile_prior: float
    q_tentative: float
    q_vertical_tentative: float
    modes: int  # of a confirmed track: MODES, or 1 where it keeps the model of the tentative ones


def mode_rates(models: ModelSet) -> NDArray[np.float64]:
    """Transition rates (3, 3) between the modes, 1/s; rows sum to 0."""
    rates = np.zeros((MODES, MODES))
    for mode, sojourn_s in enumerate((models.sojourn_straight_s, models.sojourn_turn_s, models.sojourn_manoeuvre_s)):
        for other in range(MODES):
            if other != mode:
                # From a turn or a manoeuvre most aircraft fly straight on; a manoeuvre often becomes a turn.
                share = 0.5 if mode == STRAIGHT else (0.7 if other == STRAIGHT else 0.3)
                rates[mode, other] = share / sojourn_s
        rates[mode, mode] = -rates[mode].sum()
    return rates


def imm_model(options: Imm) -> ImmModel:
    """Compile the options for the kernels."""
    sets = (options.civil, options.agile)
    rates = np.array([mode_rates(s) for s in sets])
    values, right = np.linalg.eig(rates)
    return ImmModel(
        q_horizontal=np.array([[s.q_straight, s.q_turn, s.q_manoeuvre] for s in sets]),
        q_vertical=np.array([[s.q_vertical, s.q_vertical, s.q_vertical_manoeuvre] for s in sets]),
        q_rate=np.array([math.radians(s.turn_rate_walk_dps) ** 2 for s in sets]),
        rate_variance=np.array([math.radians(s.turn_rate_dps) ** 2 for s in sets]),
        eigen=Eigen(values, right, np.linalg.inv(right)),
        agile_prior=options.agile_prior,
        q_tentative=options.q_tentative,
        q_vertical_tentative=options.q_vertical_tentative,
        modes=MODES,
    )


@leaf
def transition(eigen, kind, dt, out):  # type: ignore[no-untyped-def]
    """Fill `out` (3, 3) with the transition probabilities expm(rates dt) of a class; rows sum to 1."""
    for i in range(MODES):
        for j in range(MODES):
            out[i, j] = 0.0
    for k in range(MODES):
        grown = math.exp(eigen.values[kind, k] * dt)
        for i in range(MODES):
            for j in range(MODES):
                out[i, j] += eigen.right[kind, i, k] * grown * eigen.left[kind, k, j]


@leaf
def mix(probability, mean, covariance, matrix, rate_variance, p_out, m_out, c_out):  # type: ignore[no-untyped-def]
    """Mix the modes for the coming step: predicted probabilities (3,), means (3, 7) and covariances (3, 7, 7).

    `matrix` (3, 3) holds the transition probabilities and is used up.

    A mode that has no turn rate contributes the rate's prior, N(0, rate_variance), to the turn mode: the rate of a
    turn that begins is not the zero of the straight flight before it. Blom & Bar-Shalom 1988; for unequal state
    dimensions Granstrom, Willett & Bar-Shalom 2015.
    """
    modes = probability.shape[0]
    for j in range(modes):
        total = 0.0
        for i in range(modes):
            total += matrix[i, j] * probability[i]
        p_out[j] = total
        for i in range(modes):
            matrix[i, j] *= probability[i] / total  # from here on the share of i in j
        for a in range(7):
            m_out[j, a] = 0.0
            for b in range(7):
                c_out[j, a, b] = 0.0
        for i in range(modes):
            for a in range(6):
                m_out[j, a] += matrix[i, j] * mean[i, a]
        if j == TURN:
            m_out[j, 6] = matrix[TURN, j] * mean[TURN, 6]
        else:
            c_out[j, 6, 6] = rate_variance
        for i in range(modes):
            w = matrix[i, j]
            if w < 1e-12:
                continue
            for a in range(6):
                off = mean[i, a] - m_out[j, a]
                for b in range(a + 1):
                    c_out[j, a, b] += w * (covariance[i, a, b] + off * (mean[i, b] - m_out[j, b]))
            if j == TURN:
                with_rate = i == TURN
                off = (mean[i, 6] if with_rate else 0.0) - m_out[j, 6]
                for b in range(6):
                    shared = covariance[i, 6, b] if with_rate else 0.0
                    c_out[j, 6, b] += w * (shared + off * (mean[i, b] - m_out[j, b]))
                c_out[j, 6, 6] += w * ((covariance[i, 6, 6] if with_rate else rate_variance) + off * off)
        for a in range(7 if j == TURN else 6):
            for b in range(a):
                c_out[j, b, a] = c_out[j, a, b]


@leaf
def predict_mode(mode, kind, model, x, P, dt, ux, uy, uz, curved):  # type: ignore[no-untyped-def]
    """Predict one mode of a track of class `kind` in place by `dt` seconds; u is the local vertical."""
    q, q_vertical = model.q_horizontal[kind, mode], model.q_vertical[kind, mode]
    if mode == TURN:
        predict_coordinated_turn(x, P, dt, q, q_vertical, model.q_rate[kind], ux, uy, uz, curved)
    else:
        predict_constant_velocity(x, P, dt, q, q_vertical, ux, uy, uz, curved)


@leaf
def expected_likelihood(probability, likelihood, model, kind, dt, matrix):  # type: ignore[no-untyped-def]
    """Likelihood of a plot under a class that expects its modes by its own sojourns; `matrix` (3, 3) is scratch."""
    transition(model.eigen, kind, dt, matrix)
    total = 0.0
    for j in range(MODES):
        p = 0.0
        for i in range(MODES):
            p += matrix[i, j] * probability[i]
        total += p * likelihood[j]
    return total


@leaf
def class_evidence(agile, probability, likelihood, model, dt, matrix):  # type: ignore[no-untyped-def]
    """Posterior probability of the agile class after one look, from the modes' likelihoods.

    Each class predicts the modes by its own sojourns; the class whose prediction made the plot more probable gains.
    One look weighs at most a factor of three: the modes of a track adapt within a look or two, its class must not.
    """
    civil = expected_likelihood(probability, likelihood, model, CIVIL, dt, matrix)
    lively = expected_likelihood(probability, likelihood, model, AGILE, dt, matrix)
    if civil <= 0.0 and lively <= 0.0:
        return agile
    ratio = min(max(lively / max(civil, 1e-300), 1.0 / 3.0), 3.0)
    odds = agile / (1.0 - agile) * ratio
    return min(max(odds / (1.0 + odds), LEAST_AGILE), 1.0 - 1e-3)
