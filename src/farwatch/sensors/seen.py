"""Seen: an aircraft's predicted state as a radar sees it, with its uncertainty along the radar's coordinates."""

from __future__ import annotations

import math

from farwatch.kernels import leaf
from farwatch.sensors.radar import along, bent, local, turned


@leaf
def between(S, ax, ay, az, bx, by, bz):  # type: ignore[no-untyped-def]
    """Covariance of the components along a and b of a position with covariance S, packed 00 01 02 11 12 22."""
    return (
        ax * (S[0] * bx + S[1] * by + S[2] * bz)
        + ay * (S[1] * bx + S[3] * by + S[4] * bz)
        + az * (S[2] * bx + S[4] * by + S[5] * bz)
    )


@leaf
def seen_at(radar, x, y, z, S, vx, vy, vz):  # type: ignore[no-untyped-def]
    """Azimuth u, range v and elevation w of a position of covariance S (packed), their variances uu, uv, vv, ww; the
    velocity (m/s) across and along the line of sight."""
    e, n, up = local(radar, x, y, z)
    ground = math.sqrt(max(e * e + n * n, 1.0))
    r = math.sqrt(ground * ground + up * up)
    longer, higher = bent(radar, ground, up)
    rx, ry, rz = turned(radar, e / r, n / r, up / r)
    ax, ay, az = turned(radar, n / ground, -e / ground, 0.0)
    wx, wy, wz = turned(radar, -up * e / (ground * r), -up * n / (ground * r), ground / r)
    return (
        math.atan2(e, n),
        r + longer,
        math.atan2(up, ground) + higher,
        max(along(S, ax, ay, az), 0.0) / (ground * ground),
        between(S, ax, ay, az, rx, ry, rz) / ground,
        max(along(S, rx, ry, rz), 0.0),
        max(along(S, wx, wy, wz), 0.0) / (r * r),
        ax * vx + ay * vy + az * vz,
        rx * vx + ry * vy + rz * vz,
    )
