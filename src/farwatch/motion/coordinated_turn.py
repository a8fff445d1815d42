"""Coordinated turn about the local vertical with an unknown rate, carried as the seventh state component."""

from __future__ import annotations

import math

import numpy as np

from farwatch.kernels import kernel
from farwatch.motion.constant_velocity import add_noise, centripetal


@kernel
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


@kernel
def predict_coordinated_turn(x, P, dt, q_horizontal, q_vertical, q_rate, ux, uy, uz, curved):  # type: ignore[no-untyped-def]
    """Predict mean `x` (7) and covariance `P` (7, 7) in place by `dt` seconds.

    The rate x[6] (rad/s, counter-clockwise seen from above) is a random walk of density `q_rate` (rad^2/s^3).
    Bar-Shalom, Li & Kirubarajan 2001, eq. 11.7.1-4, with the turn axis along the local vertical u.
    """
    s, c, sw, cw, dsw, dcw = turn_terms(x[6], dt)
    vx, vy, vz = x[3], x[4], x[5]
    vu = vx * ux + vy * uy + vz * uz
    hx, hy, hz = vx - vu * ux, vy - vu * uy, vz - vu * uz  # along the ground
    wx, wy, wz = uy * hz - uz * hy, uz * hx - ux * hz, ux * hy - uy * hx  # to the left of it
    # Blocks of the transition: position by velocity (B), velocity by velocity (A), and both by the rate (b, a).
    A = np.empty((3, 3))
    B = np.empty((3, 3))
    for i in range(3):
        ui = ux if i == 0 else (uy if i == 1 else uz)
        for j in range(3):
            uj = ux if j == 0 else (uy if j == 1 else uz)
            eye = 1.0 if i == j else 0.0
            A[i, j] = c * eye + (1.0 - c) * ui * uj
            B[i, j] = sw * eye + (dt - sw) * ui * uj
    A[0, 1] -= s * uz
    A[1, 0] += s * uz
    A[0, 2] += s * uy
    A[2, 0] -= s * uy
    A[1, 2] -= s * ux
    A[2, 1] += s * ux
    B[0, 1] -= cw * uz
    B[1, 0] += cw * uz
    B[0, 2] += cw * uy
    B[2, 0] -= cw * uy
    B[1, 2] -= cw * ux
    B[2, 1] += cw * ux
    b = (hx * dsw + wx * dcw, hy * dsw + wy * dcw, hz * dsw + wz * dcw)
    a = (dt * (wx * c - hx * s), dt * (wy * c - hy * s), dt * (wz * c - hz * s))
    g = centripetal(vx, vy, vz, ux, uy, uz, curved)
    half = 0.5 * g * dt * dt
    for i in range(3):
        ui = ux if i == 0 else (uy if i == 1 else uz)
        x[i] += B[i, 0] * vx + B[i, 1] * vy + B[i, 2] * vz + half * ui
    x[3] = A[0, 0] * vx + A[0, 1] * vy + A[0, 2] * vz + g * dt * ux
    x[4] = A[1, 0] * vx + A[1, 1] * vy + A[1, 2] * vz + g * dt * uy
    x[5] = A[2, 0] * vx + A[2, 1] * vy + A[2, 2] * vz + g * dt * uz
    # F P F' by blocks: first the rows, then the columns.
    for j in range(7):
        v0, v1, v2, w = P[3, j], P[4, j], P[5, j], P[6, j]
        for i in range(3):
            P[i, j] += B[i, 0] * v0 + B[i, 1] * v1 + B[i, 2] * v2 + b[i] * w
            P[i + 3, j] = A[i, 0] * v0 + A[i, 1] * v1 + A[i, 2] * v2 + a[i] * w
    for j in range(7):
        v0, v1, v2, w = P[j, 3], P[j, 4], P[j, 5], P[j, 6]
        for i in range(3):
            P[j, i] += B[i, 0] * v0 + B[i, 1] * v1 + B[i, 2] * v2 + b[i] * w
            P[j, i + 3] = A[i, 0] * v0 + A[i, 1] * v1 + A[i, 2] * v2 + a[i] * w
    add_noise(P, dt, q_horizontal, q_vertical, ux, uy, uz)
    if dt > 0.0:
        P[6, 6] += q_rate * dt
