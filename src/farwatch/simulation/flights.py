"""Flights: how aircraft move over the ellipsoid or a plane, each by the task that it has."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from farwatch.geodesy import E2, A, to_ecef
from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints
from farwatch.simulation.envelopes import turn_rate_of_load

WHOLE = [
    "aircraft",
    "type",
    "formation",
    "group",
    "in_air",
    "leader",
    "task",
    "phase",
    "transponder",
    "mode_a",
]  # the columns of whole numbers

# Tasks.
STRAIGHT, TO_WAYPOINT, TURN_BY, WING = 0, 1, 2, 3

GEODESIC_STEP_M = 20_000.0
NEAR_SLOT_M = 50.0  # a wingman as near as that to its slot flies as its leader does
JOINED_M = 1000.0  # and as near as that, one that had split off belongs to the formation again
AIM_S = 15.0  # in which a wingman would make good what it is off
SWIFTER = 0.5  # of the leader's speed: the most that a wingman flies faster or slower to make it good


class Flights(NamedTuple):
    """One row an aircraft; latitude and longitude in rad (flat: y and x in m). Wingmen follow their leader's row."""

    aircraft: Ints
    type: Ints
    formation: Ints  # NO_FORMATION while alone
    group: Ints  # index into the traffic; -1: a flight of its own
    in_air: Ints
    leader: Ints  # row, -1: none
    lat: Floats
    lon: Floats
    height_m: Floats
    speed_mps: Floats
    track: Floats  # rad, clockwise from north
    climb_mps: Floats  # these two hold during the coming step
    turn: Floats  # rad/s, clockwise
    task: Ints
    phase: Ints  # how far it is in what its kind of traffic does
    remaining: Floats  # rad, signed: of a turn
    rate: Floats  # rad/s, of the turn
    straight_s: Floats  # the most that it then flies straight on
    waypoint_lat: Floats
    waypoint_lon: Floats
    goal_height_m: Floats
    goal_climb_mps: Floats  # how fast it goes there
    goal_speed_mps: Floats
    until_s: Floats  # end of straight flight
    joins_s: Floats  # when a wingman that has split off comes back; inf: it has not
    hard_s: Floats  # when the next hard turn is due
    splits_s: Floats  # when a leader's formation splits
    end_s: Floats  # end of life
    slot_ahead_m: Floats
    slot_right_m: Floats
    slot_up_m: Floats
    transponder: Ints  # 0 none, 1 Mode A/C, 2 Mode S
    mode_a: Ints


def no_flights(n: int) -> Flights:
    """n rows of nothing in the air."""
    columns: dict[str, Any] = {name: np.zeros(n, np.int64 if name in WHOLE else np.float64) for name in Flights._fields}
    columns["leader"][:] = columns["group"][:] = -1
    for name in ("joins_s", "hard_s", "splits_s", "end_s", "straight_s"):
        columns[name][:] = np.inf
    return Flights(**columns)


@kernel
def advance(flat, lat, lon, track, speed, turn, height, dt):  # type: ignore[no-untyped-def]
    """Latitude, longitude and track angle after `dt` seconds at constant ground speed and turn rate.

    By the midpoint rule on the ellipsoid's radii of curvature; a straight flight follows the geodesic.
    """
    track_middle = track + 0.5 * turn * dt
    if flat:
        half = 0.5 * turn * dt
        chord = speed * dt * (math.sin(half) / half if abs(half) > 1e-9 else 1.0)
        return lat + chord * math.cos(track_middle), lon + chord * math.sin(track_middle), track + turn * dt
    middle_lat, middle_track = lat, track
    for _ in range(2):
        s = math.sin(middle_lat)
        w = math.sqrt(1.0 - E2 * s * s)
        across = A / w + height
        along = A * (1.0 - E2) / (w * w * w) + height
        d_lat = speed * math.cos(middle_track) / along
        d_lon = speed * math.sin(middle_track) / (across * math.cos(middle_lat))
        d_track = turn + d_lon * s
        middle_lat = lat + 0.5 * d_lat * dt
        middle_track = track + 0.5 * d_track * dt
    half = 0.5 * turn * dt
    shorter = math.sin(half) / half if abs(half) > 1e-9 else 1.0
    return lat + d_lat * shorter * dt, lon + d_lon * shorter * dt, track + d_track * dt


@kernel
def advance_all(flat, flights, dt):  # type: ignore[no-untyped-def]
    """Move every aircraft on by `dt` seconds in place."""
    for i in range(len(flights.lat)):
        if flights.in_air[i] == 0:
            continue
        flights.lat[i], flights.lon[i], flights.track[i] = advance(
            flat,
            flights.lat[i],
            flights.lon[i],
            flights.track[i],
            flights.speed_mps[i],
            flights.turn[i],
            flights.height_m[i],
            dt,
        )
        flights.height_m[i] += flights.climb_mps[i] * dt


@kernel
def towards(flat, lat, lon, to_lat, to_lon):  # type: ignore[no-untyped-def]
    """Distance (m, along the chord) and bearing (rad) from one place to another, by the normal section."""
    if flat:
        return math.hypot(to_lat - lat, to_lon - lon), math.atan2(to_lon - lon, to_lat - lat)
    x, y, z = to_ecef(lat, lon, 0.0)
    x_to, y_to, z_to = to_ecef(to_lat, to_lon, 0.0)
    dx, dy, dz = x_to - x, y_to - y, z_to - z
    sa, ca, so, co = math.sin(lat), math.cos(lat), math.sin(lon), math.cos(lon)
    east, north = -so * dx + co * dy, -sa * co * dx - sa * so * dy + ca * dz
    return math.sqrt(dx * dx + dy * dy + dz * dz), math.atan2(east, north)


@kernel
def within_pi(angle):  # type: ignore[no-untyped-def]
    """An angle in [-pi, pi)."""
    return angle - 2.0 * math.pi * math.floor((angle + math.pi) / (2.0 * math.pi))


@kernel
def limited(most, by):  # type: ignore[no-untyped-def]
    """`by`, cut to [-most, most]."""
    return min(max(by, -most), most)


@kernel
def follow(flat, f, envelopes, i, lead, dt):  # type: ignore[no-untyped-def]
    """Set a wingman's turn, climb and speed: to where its slot about the leader goes, within its own envelope.

    In a hard turn the slot moves faster than any wingman can: the formation loosens, and gathers afterwards.
    """
    kind = f.type[i]
    north, east = f.lat[lead] - f.lat[i], f.lon[lead] - f.lon[i]
    if not flat:
        s = math.sin(f.lat[lead])
        w = math.sqrt(1.0 - E2 * s * s)
        north *= A * (1.0 - E2) / (w * w * w) + f.height_m[lead]
        east *= (A / w + f.height_m[lead]) * math.cos(f.lat[lead])
    st, ct = math.sin(f.track[lead]), math.cos(f.track[lead])
    north += f.slot_ahead_m[i] * ct - f.slot_right_m[i] * st
    east += f.slot_ahead_m[i] * st + f.slot_right_m[i] * ct
    off = math.hypot(north, east)
    track = f.track[lead] + f.turn[lead] * dt
    speed = f.speed_mps[lead]
    if off >= NEAR_SLOT_M:
        faster = min(1.0 / AIM_S, SWIFTER * speed / off)
        v_north, v_east = speed * math.cos(track) + faster * north, speed * math.sin(track) + faster * east
        track, speed = math.atan2(v_east, v_north), math.hypot(v_north, v_east)
    if off < JOINED_M:
        f.formation[i] = f.formation[lead]
    speed = min(max(speed, envelopes[kind, 0]), envelopes[kind, 1])
    f.speed_mps[i] += limited(envelopes[kind, 5] * dt, speed - f.speed_mps[i])
    by = within_pi(track - f.track[i])
    most = turn_rate_of_load(envelopes[kind, 4], f.speed_mps[i])
    f.turn[i] = limited(most, by / dt)
    if off < NEAR_SLOT_M and abs(by) < 2e-3:
        f.turn[i] = 0.0
    rise = (f.height_m[lead] + f.slot_up_m[i] - f.height_m[i]) / (3.0 * dt)
    f.climb_mps[i] = f.climb_mps[lead] + limited(20.0, rise)
    f.climb_mps[i] = limited(envelopes[kind, 3], f.climb_mps[i])


@kernel
def command_all(flat, f, envelopes, now_s, dt):  # type: ignore[no-untyped-def]
    """Set each aircraft's turn, climb and speed for the coming step by its task; leaders' rows come before wingmen's.

    A turn that ends within the step is spread over it; straight flight then begins, and `until_s` says for how long.
    """
    for i in range(len(f.lat)):
        if f.in_air[i] == 0:
            continue
        kind = f.type[i]
        if f.task[i] == WING:
            follow(flat, f, envelopes, i, f.leader[i], dt)
            continue
        f.speed_mps[i] += limited(envelopes[kind, 5] * dt, f.goal_speed_mps[i] - f.speed_mps[i])
        rate = min(f.rate[i], turn_rate_of_load(envelopes[kind, 4], f.speed_mps[i]))
        f.turn[i] = 0.0
        if f.task[i] == TURN_BY:
            step = limited(rate * dt, f.remaining[i])
            f.turn[i] = step / dt
            f.remaining[i] -= step
            if f.remaining[i] == 0.0:
                f.task[i], f.until_s[i] = STRAIGHT, now_s + dt + f.straight_s[i]
        elif f.task[i] == TO_WAYPOINT:
            distance, bearing = towards(flat, f.lat[i], f.lon[i], f.waypoint_lat[i], f.waypoint_lon[i])
            off = within_pi(bearing - f.track[i])
            if abs(off) < 1e-3 or f.remaining[i] <= 0.0:
                f.task[i] = STRAIGHT
                f.until_s[i] = now_s + min(distance / max(f.speed_mps[i], 1.0), f.straight_s[i])
            else:
                step = limited(rate * dt, off)
                f.turn[i] = step / dt
                f.remaining[i] -= abs(step)  # who would circle about a near waypoint gives up after a full turn
        climb = (f.goal_height_m[i] - f.height_m[i]) / dt
        f.climb_mps[i] = limited(min(f.goal_climb_mps[i], envelopes[kind, 3]), climb)


@kernel
def distances(flat, lat, lon, to_lat, to_lon):  # type: ignore[no-untyped-def]
    """Distances (n) in m of places from places, along the chords."""
    out = np.empty(len(lat))
    for i in range(len(lat)):
        out[i] = towards(flat, lat[i], lon[i], to_lat[i], to_lon[i])[0]
    return out


@kernel
def moved(flat, lat, lon, bearing, by_m):  # type: ignore[no-untyped-def]
    """Latitudes and longitudes (n) reached from places by straight flight over distances (m) at first bearings."""
    to_lat, to_lon = lat.copy(), lon.copy()
    for i in range(len(lat)):
        steps = math.ceil(by_m[i] / GEODESIC_STEP_M) + 1
        track = bearing[i]
        for _ in range(steps):
            to_lat[i], to_lon[i], track = advance(flat, to_lat[i], to_lon[i], track, by_m[i], 0.0, 0.0, 1.0 / steps)
    return to_lat, to_lon
