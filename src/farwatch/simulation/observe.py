"""Observe: which aircraft a radar's beam crosses in a step of time, and the plots that it makes of them."""

from __future__ import annotations

import math

import numpy as np

from farwatch.geodesy import to_ecef
from farwatch.kernels import kernel
from farwatch.sensors.radar import polar
from farwatch.simulation.flights import advance

TWO_PI = 2.0 * math.pi


@kernel
def place_at(flat, flights, i, dt):  # type: ignore[no-untyped-def]
    """Position in the frame of aircraft i after `dt` seconds, and its track angle."""
    height = flights.height_m[i] + flights.climb_mps[i] * dt
    lat, lon, track = advance(
        flat,
        flights.lat[i],
        flights.lon[i],
        flights.track[i],
        flights.speed_mps[i],
        flights.turn[i],
        flights.height_m[i],
        dt,
    )
    if flat:
        return lon, lat, height, track
    x, y, z = to_ecef(lat, lon, height)
    return x, y, z, track


@kernel
def crossings(radar, flights, beam, dt, horizon):  # type: ignore[no-untyped-def]
    """Aircraft that the beam crosses within `dt` seconds of standing at azimuth `beam`.

    Rows (n, 6): aircraft's row, seconds from the start, range, azimuth, elevation, range rate as an ideal radar of
    those limits would measure them. `horizon` is the elevation (rad) under which the Earth hides everything.
    """
    rate = TWO_PI / radar.rotation_s
    out = np.empty((len(flights.lat), 6))
    n = 0
    for i in range(len(flights.lat)):
        if flights.in_air[i] == 0:
            continue
        x, y, z, _ = place_at(radar.flat, flights, i, 0.0)
        _, azimuth, _ = polar(radar, x, y, z)
        ahead = (azimuth - beam) % TWO_PI
        late = ahead / rate
        if late > 1.5 * dt + 0.2 and late < TWO_PI / rate - 0.2:
            continue
        r, elevation, moved = 0.0, 0.0, 0.0
        for _ in range(4):
            x, y, z, _ = place_at(radar.flat, flights, i, late)
            r, now, elevation = polar(radar, x, y, z)
            moved = (now - azimuth + math.pi) % TWO_PI - math.pi
            late = (ahead + moved) / rate
        # An aircraft that turns with or against the beam is crossed in the step in which it is met.
        if late < 0.0 or late >= dt:
            continue
        if r < radar.min_range_m or r > radar.max_range_m or elevation < horizon:
            continue
        if elevation < radar.min_elevation or elevation > radar.max_elevation:
            continue
        later_r, _, _ = polar(radar, *place_at(radar.flat, flights, i, late + 0.5)[:3])
        earlier_r, _, _ = polar(radar, *place_at(radar.flat, flights, i, late - 0.5)[:3])
        out[n, 0], out[n, 1], out[n, 2] = i, late, r
        out[n, 3] = (azimuth + moved) % TWO_PI
        out[n, 4], out[n, 5] = elevation, later_r - earlier_r
        n += 1
    return out[:n].copy()


@kernel
def polar_rows(radar, flights, rows):  # type: ignore[no-untyped-def]
    """Range, azimuth and elevation (n, 3) of the aircraft in `rows` as they are now."""
    out = np.empty((len(rows), 3))
    for k in range(len(rows)):
        x, y, z, _ = place_at(radar.flat, flights, rows[k], 0.0)
        out[k, 0], out[k, 1], out[k, 2] = polar(radar, x, y, z)
    return out
