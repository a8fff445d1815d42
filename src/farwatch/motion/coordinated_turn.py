"""Coordinated turn about the local vertical with an unknown rate, carried as the seventh state component."""

from __future__ import annotations

import math

from farwatch.kernels import leaf
from farwatch.motion.constant_velocity import add_noise, centripetal


@leaf
def turn_terms(w, dt):  # type: ignore[no-untyped-def]
    """sin(w dt), cos(w dt), sin/w, (1 - cos)/w and the derivatives by w of the last two, exact at w = 0."""
    angle = w * dt
    s = math.sin(angle)
    c = math.cos(angle)
    if abs(angle) < 1e-4:
        a2 = angle * angle
        sw = dt * (1.0 - a2 / 6.0)
        cw = dt * angle * (0.5 - a2 / 24.0)
        dsw = -dt * dt * angle / 3.0
        dcw = dt * dt * (0.5 - a2 / 8.0)
    else:
        sw = s / w
        cw = (1.0 - c) / w
        dsw = (dt * c - sw) / w
        dcw = (dt * s - cw) / w
    return s, c, sw, cw, dsw, dcw


@leaf
def turned_about(u, along, level, side, v):  # type: ignore[no-untyped-def]
    """The vector `level` v + (`along` - `level`) (u v) u + `side` u x v: one part kept, one rotated about u."""
    part = (along - level) * (u[0] * v[0] + u[1] * v[1] + u[2] * v[2])
    return (
        level * v[0] + part * u[0] + side * (u[1] * v[2] - u[2] * v[1]),
        level * v[1] + part * u[1] + side * (u[2] * v[0] - u[0] * v[2]),
        level * v[2] + part * u[2] + side * (u[0] * v[1] - u[1] * v[0]),
    )


@leaf
def coordinated_turn_jacobian(x, dt, ux, uy, uz, F):  # type: ignore[no-untyped-def]
    """Fill `F` (7, 7) with the derivatives of the state after `dt` seconds by the state `x` now.

    With the rate x[6] taken as zero and certain it is that of a straight flight.
    """
    s, c, sw, cw, dsw, dcw = turn_terms(x[6], dt)
    u, v = (ux, uy, uz), (x[3], x[4], x[5])
    h = turned_about(u, 0.0, 1.0, 0.0, v)
    w = turned_about(u, 0.0, 0.0, 1.0, v)
    for a in range(7):
        for b in range(7):
            F[a, b] = 1.0 if a == b else 0.0
    for b in range(3):
        basis = (1.0 if b == 0 else 0.0, 1.0 if b == 1 else 0.0, 1.0 if b == 2 else 0.0)
        moved, turned = turned_about(u, dt, sw, cw, basis), turned_about(u, 1.0, c, s, basis)
        for a in range(3):
            F[a, 3 + b] = moved[a]
            F[3 + a, 3 + b] = turned[a]
    for a in range(3):
        F[a, 6] = h[a] * dsw + w[a] * dcw
        F[3 + a, 6] = dt * (w[a] * c - h[a] * s)


@leaf
def predict_coordinated_turn(x, P, dt, q_horizontal, q_vertical, q_rate, ux, uy, uz, curved):  # type: ignore[no-untyped-def]
    """Predict mean `x` (7) and covariance `P` (7, 7) in place by `dt` seconds.

    The rate x[6] (rad/s, counter-clockwise seen from above) is a random walk of density `q_rate` (rad^2/s^3).
    Bar-Shalom, Li & Kirubarajan 2001, eq. 11.7.1-4, with the turn axis along the local vertical u.
    """
    s, c, sw, cw, dsw, dcw = turn_terms(x[6], dt)
    u, v = (ux, uy, uz), (x[3], x[4], x[5])
    # Derivatives of the new position and velocity by the rate: the level part of v and what stands to its left.
    h = turned_about(u, 0.0, 1.0, 0.0, v)
    w = turned_about(u, 0.0, 0.0, 1.0, v)
    by_rate = (
        h[0] * dsw + w[0] * dcw,
        h[1] * dsw + w[1] * dcw,
        h[2] * dsw + w[2] * dcw,
        dt * (w[0] * c - h[0] * s),
        dt * (w[1] * c - h[1] * s),
        dt * (w[2] * c - h[2] * s),
    )
    g = centripetal(v[0], v[1], v[2], ux, uy, uz, curved)
    moved, turned = turned_about(u, dt, sw, cw, v), turned_about(u, 1.0, c, s, v)
    for a in range(3):
        x[a] += moved[a] + 0.5 * g * dt * dt * u[a]
        x[a + 3] = turned[a] + g * dt * u[a]
    # F P F' by blocks: first the rows, then the columns.
    for j in range(7):
        column, rate = (P[3, j], P[4, j], P[5, j]), P[6, j]
        moved, turned = turned_about(u, dt, sw, cw, column), turned_about(u, 1.0, c, s, column)
        for a in range(3):
            P[a, j] += moved[a] + by_rate[a] * rate
            P[a + 3, j] = turned[a] + by_rate[a + 3] * rate
    for j in range(7):
        row, rate = (P[j, 3], P[j, 4], P[j, 5]), P[j, 6]
        moved, turned = turned_about(u, dt, sw, cw, row), turned_about(u, 1.0, c, s, row)
        for a in range(3):
            P[j, a] += moved[a] + by_rate[a] * rate
            P[j, a + 3] = turned[a] + by_rate[a + 3] * rate
    add_noise(P, dt, q_horizontal, q_vertical, ux, uy, uz)
    if dt > 0.0:
        P[6, 6] += q_rate * dt
