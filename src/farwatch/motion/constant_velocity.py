"""Near-constant velocity: white acceleration with one density along the ground and another along the vertical."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from farwatch.kernels import kernel

EARTH_RADIUS_M = 6_371_000.0

Positive = Annotated[float, Meta(gt=0, le=1e9)]


class Cv(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="cv"):
    """Motion of all tracks, tentative and confirmed, by near-constant velocity; densities in m^2/s^3."""

    q: Positive = 1.0
    q_vertical: Positive = 0.5


@kernel
def add_noise(P, dt, q_horizontal, q_vertical, ux, uy, uz):  # type: ignore[no-untyped-def]
    """Add the process noise of a white acceleration over `dt` seconds; u is the local vertical.

    Densities in m^2/s^3. Bar-Shalom, Li & Kirubarajan 2001, eq. 6.2.2-12, rotated to the local vertical.
    """
    if dt <= 0.0:
        return
    extra = q_vertical - q_horizontal
    pp = dt * dt * dt / 3.0
    pv = dt * dt / 2.0
    for a in range(3):
        ua = ux if a == 0 else (uy if a == 1 else uz)
        for b in range(3):
            ub = ux if b == 0 else (uy if b == 1 else uz)
            g = extra * ua * ub
            if a == b:
                g += q_horizontal
            P[a, b] += g * pp
            P[a, b + 3] += g * pv
            P[a + 3, b] += g * pv
            P[a + 3, b + 3] += g * dt


@kernel
def centripetal(vx, vy, vz, ux, uy, uz, curved):  # type: ignore[no-untyped-def]
    """Downward acceleration (m/s^2) that keeps level flight level over a round Earth; 0 in the flat frame."""
    if not curved:
        return 0.0
    vu = vx * ux + vy * uy + vz * uz
    return -(vx * vx + vy * vy + vz * vz - vu * vu) / EARTH_RADIUS_M


@kernel
def predict_constant_velocity(x, P, dt, q_horizontal, q_vertical, ux, uy, uz, curved):  # type: ignore[no-untyped-def]
    """Predict mean `x` (>= 6) and covariance `P` in place by `dt` seconds; components past the sixth are left alone."""
    c = centripetal(x[3], x[4], x[5], ux, uy, uz, curved)
    half = 0.5 * c * dt * dt
    x[0] += x[3] * dt + half * ux
    x[1] += x[4] * dt + half * uy
    x[2] += x[5] * dt + half * uz
    x[3] += c * dt * ux
    x[4] += c * dt * uy
    x[5] += c * dt * uz
    for a in range(3):
        for b in range(3):
            P[a, b] += dt * (P[a, b + 3] + P[a + 3, b]) + dt * dt * P[a + 3, b + 3]
    for a in range(3):
        for b in range(3):
            P[a, b + 3] += dt * P[a + 3, b + 3]
            P[b + 3, a] = P[a, b + 3]
    add_noise(P, dt, q_horizontal, q_vertical, ux, uy, uz)
