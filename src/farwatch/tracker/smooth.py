"""Smooth: what a track's states were, given also what came after them, by a backward pass over the motion modes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.cholesky import factorise, solve_lower
from farwatch.frame import vertical
from farwatch.kernels import kernel, leaf
from farwatch.motion.constant_velocity import predict_constant_velocity
from farwatch.motion.coordinated_turn import coordinated_turn_jacobian
from farwatch.motion.imm import AGILE, CIVIL, TURN, predict_mode, transition
from farwatch.plots import Floats
from farwatch.tracker.correct import moment_match
from farwatch.tracker.looks import predict_hypothesis
from farwatch.tracks import MODES, STATE, copy_gaussian

LEAST_PIVOT = 1e-12
NOTHING_NEW = 0.999  # share of the variance left in a direction of which the future says nothing


class Future(NamedTuple):
    """What came after a look: a measurement `y` = `H` (x - `x0`) + unit noise of the state in a mode at that look."""

    x0: Floats  # (MODES, STATE) the state that the mode predicted
    H: Floats  # (MODES, STATE, STATE) a row of zeros where the future says nothing
    y: Floats  # (MODES, STATE)
    log_evidence: Floats  # (MODES,) of `y` under the prediction


class Pair(NamedTuple):
    """Room for a mode, what it becomes in the mode that follows, and the gain back."""

    x: Floats  # (STATE,)
    P: Floats
    F: Floats
    ahead: Floats  # (STATE,)
    ahead_cov: Floats
    innovation: Floats  # (STATE,)
    S: Floats
    gain: Floats


@kernel
def see_future(j, size, x0, P0, x, P, future):  # type: ignore[no-untyped-def]
    """What the future must have said of mode j: its state was predicted as `x0`, `P0` and is now known as `x`, `P`.

    In the coordinates in which `P0` is the identity and `P` is diagonal each component is a measurement of its own.
    """
    whitener, known = np.zeros((size, size)), np.empty((size, size))
    factor = P0[:size, :size].copy()
    # To a unit diagonal first: metres and radians a second stand in one matrix.
    scale = np.empty(size)
    for a in range(size):
        scale[a] = math.sqrt(max(P0[a, a], 1e-30))
    for a in range(size):
        for b in range(size):
            factor[a, b] /= scale[a] * scale[b]
    factorise(factor, size, 0.0, LEAST_PIVOT)
    for a in range(size):
        for b in range(a + 1):
            total = 1.0 / scale[a] if a == b else 0.0
            for k in range(b, a):
                total -= factor[a, k] * whitener[k, b]
            whitener[a, b] = total / factor[a, a]
    for a in range(size):
        for b in range(size):
            total = 0.0
            for k in range(a + 1):
                for m in range(b + 1):
                    total += whitener[a, k] * P[k, m] * whitener[b, m]
            known[a, b] = total
    share, axes = np.linalg.eigh(known)
    future.log_evidence[j] = 0.0
    for a in range(STATE):
        future.x0[j, a] = x0[a]
        future.y[j, a] = 0.0
        for b in range(STATE):
            future.H[j, a, b] = 0.0
    for a in range(size):
        left = max(share[a], 1e-9)
        if left > NOTHING_NEW:
            continue
        precision = 1.0 / left - 1.0
        moved = 0.0
        for b in range(size):
            row = 0.0
            for k in range(b, size):
                row += axes[k, a] * whitener[k, b]
            future.H[j, a, b] = math.sqrt(precision) * row
            moved += row * (x[b] - x0[b])
        future.y[j, a] = moved / left / math.sqrt(precision)
        future.log_evidence[j] -= 0.5 * (math.log(1.0 + precision) + future.y[j, a] ** 2 / (1.0 + precision))


@leaf
def carry(i, j, kind, motion, mean, covariance, dt, flat, pair):  # type: ignore[no-untyped-def]
    """Mode i's state, and what it becomes in mode j, into `pair`.

    A mode without a turn rate has the prior's for a turn to come; a mode to come without one forgets it.
    """
    copy_gaussian(mean[i], covariance[i], STATE if i == TURN else 6, pair.x, pair.P)
    if i != TURN:
        pair.x[6] = 0.0
        for a in range(6):
            pair.P[a, 6] = 0.0
            pair.P[6, a] = 0.0
        pair.P[6, 6] = motion.rate_variance[kind]
    copy_gaussian(pair.x, pair.P, STATE, pair.ahead, pair.ahead_cov)
    _, ux, uy, uz = vertical(flat, pair.x[0], pair.x[1], pair.x[2])
    if motion.modes == 1:
        q, q_vertical = motion.q_tentative, motion.q_vertical_tentative
        predict_constant_velocity(pair.ahead, pair.ahead_cov, dt, q, q_vertical, ux, uy, uz, not flat)
    else:
        predict_mode(j, kind, motion, pair.ahead, pair.ahead_cov, dt, ux, uy, uz, not flat)
    rate = pair.x[6]
    if j != TURN:
        pair.x[6] = 0.0  # the derivatives are those of straight flight
    coordinated_turn_jacobian(pair.x, dt, ux, uy, uz, pair.F)
    pair.x[6] = rate
    if j != TURN:
        for a in range(6):
            pair.F[a, 6] = 0.0


@leaf
def step_back(i, j, future, pair, x, P):  # type: ignore[no-untyped-def]
    """Correct mode i's state in `pair` by the future of mode j, into `x` and `P`; return the log of its evidence.

    A Kalman update by the measurement of a state to come, as in Rauch, Tung & Striebel 1965.
    """
    rows, n = STATE if i == TURN else 6, STATE if j == TURN else 6
    H, S, gain, innovation = future.H[j], pair.S, pair.gain, pair.innovation
    for a in range(n):
        innovation[a] = future.y[j, a]
        for b in range(n):
            innovation[a] -= H[a, b] * (pair.ahead[b] - future.x0[j, b])
        for b in range(a + 1):
            total = 1.0 if a == b else 0.0
            for k in range(n):
                for m in range(n):
                    total += H[a, k] * pair.ahead_cov[k, m] * H[b, m]
            S[a, b] = total
    factorise(S, n, 0.0, LEAST_PIVOT)
    solve_lower(S, n, innovation)
    log_evidence = 0.0
    for a in range(n):
        log_evidence -= math.log(S[a, a]) + 0.5 * innovation[a] ** 2
    for a in range(rows):
        for b in range(n):
            gain[a, b] = 0.0
            for k in range(n):
                if H[b, k] == 0.0:
                    continue
                for m in range(STATE):
                    gain[a, b] += pair.P[a, m] * pair.F[k, m] * H[b, k]
        solve_lower(S, n, gain[a])
    for a in range(rows):
        x[a] = pair.x[a]
        for k in range(n):
            x[a] += gain[a, k] * innovation[k]
        for b in range(a + 1):
            total = pair.P[a, b]
            for k in range(n):
                total -= gain[a, k] * gain[b, k]
            P[a, b] = total
            P[b, a] = total
    return log_evidence


@kernel
def smooth(first, time_ns, agile, probability, mean, covariance, motion, flat):  # type: ignore[no-untyped-def]
    """Smoothed means (n, 6) and covariances (n, 6, 6) of tracks; the rows of track t are first[t]:first[t + 1].

    Rows in time order: `agile` says by which class a row was predicted; `probability` (n, MODES), `mean` (n, MODES,
    STATE), `covariance` are what the filter had after it. After Kim 1994: each mode that followed is taken back through
    each mode that may have gone before, and what meets in a mode is matched by its moments; but a pair counts by how
    well it explains what came after, too, which keeps one manoeuvre from blurring all that was before it.
    """
    n, modes = len(time_ns), motion.modes
    out_mean, out_covariance = np.empty((n, 6)), np.empty((n, 6, 6))
    vector, square = np.empty((4, STATE)), np.empty((5, STATE, STATE))
    pair = Pair(vector[0], square[0], square[1], vector[1], square[2], vector[2], square[3], square[4])
    three, many, many_squares = np.empty((4, MODES)), np.empty((5, MODES, STATE)), np.empty((5, MODES, STATE, STATE))
    future = Future(many[0], many_squares[0], many[1], three[0])
    after_p, after_m, after_P = three[1], many[2], many_squares[1]
    ahead_p, ahead_m, ahead_P = three[2], many[3], many_squares[2]
    new_p, new_m, new_P = three[3], np.empty((MODES, STATE)), np.empty((MODES, STATE, STATE))
    back_m, back_P = many[4], many_squares[3]
    share, matrix = np.empty((MODES, MODES)), np.empty((MODES, MODES))
    for t in range(len(first) - 1):
        last = first[t + 1] - 1
        for mode in range(modes):
            after_p[mode] = probability[last, mode]
            copy_gaussian(mean[last, mode], covariance[last, mode], STATE, after_m[mode], after_P[mode])
        moment_match(after_p, after_m, after_P, modes, 6, out_mean[last], out_covariance[last])
        for k in range(last - 1, first[t] - 1, -1):
            dt = (time_ns[k + 1] - time_ns[k]) * 1e-9
            kind = AGILE if agile[k + 1] else CIVIL
            predict_hypothesis(
                modes,
                kind,
                probability[k],
                mean[k],
                covariance[k],
                dt,
                motion,
                flat,
                ahead_p,
                ahead_m,
                ahead_P,
                matrix,
            )
            for j in range(modes):
                size = STATE if j == TURN else 6
                see_future(j, size, ahead_m[j], ahead_P[j], after_m[j], after_P[j], future)
            matrix[0, 0] = 1.0
            if modes > 1:
                transition(motion.eigen, kind, dt, matrix)
            total = 0.0
            for i in range(modes):
                for j in range(modes):
                    carry(i, j, kind, motion, mean[k], covariance[k], dt, flat, pair)
                    log_evidence = step_back(i, j, future, pair, back_m[j], back_P[j]) - future.log_evidence[j]
                    share[i, j] = after_p[j] * matrix[i, j] * probability[k, i] / max(ahead_p[j], 1e-300)
                    share[i, j] *= math.exp(min(max(log_evidence, -500.0), 500.0))
                new_p[i] = 1e-300
                for j in range(modes):
                    share[i, j] = max(share[i, j], 1e-300)
                    new_p[i] += share[i, j]
                total += new_p[i]
                moment_match(share[i], back_m, back_P, modes, STATE if i == TURN else 6, new_m[i], new_P[i])
            for i in range(modes):
                after_p[i] = new_p[i] / total
                copy_gaussian(new_m[i], new_P[i], STATE if i == TURN else 6, after_m[i], after_P[i])
            moment_match(after_p, after_m, after_P, modes, 6, out_mean[k], out_covariance[k])
    return out_mean, out_covariance
