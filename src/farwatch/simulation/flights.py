"""Flights: aircraft that cruise, turn and climb over the ellipsoid or a plane, and traffic that comes and goes."""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.geodesy import E2, A
from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]


class Simulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What flies about the first radar.

    Traffic is steady: one that leaves, or ends after a life of random length, is followed by another that comes in
    over the edge.
    """

    aircraft: Annotated[int, Meta(ge=0, le=1_000_000)] = 300
    radius_km: Positive = 620.0
    min_height_m: Annotated[float, Meta(ge=-500, le=40_000)] = 9_000.0
    max_height_m: Annotated[float, Meta(ge=-500, le=40_000)] = 12_500.0
    min_speed_mps: NotNegative = 180.0
    max_speed_mps: NotNegative = 270.0
    turning: Share = 0.1  # of the aircraft turn now and then
    turn_every_s: Positive = 180.0
    turn_lasts_s: Positive = 40.0
    min_turn_rate_dps: NotNegative = 1.0
    max_turn_rate_dps: NotNegative = 3.0
    climbing: Share = 0.1
    climb_rate_mps: NotNegative = 10.0
    mean_life_s: Positive = 36_000.0
    transponders: Share = 1.0
    truth_every_s: Annotated[int, Meta(ge=1, le=3600)] = 1

    def __post_init__(self) -> None:
        for low, high in (
            ("min_height_m", "max_height_m"),
            ("min_speed_mps", "max_speed_mps"),
            ("min_turn_rate_dps", "max_turn_rate_dps"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"`{low}` is above `{high}`")


class Flights(NamedTuple):
    """One row an aircraft: latitude and longitude (rad; flat: y and x in m), height, speed, track angle, rates."""

    aircraft: Ints
    lat: Floats
    lon: Floats
    height_m: Floats
    speed_mps: Floats
    track: Floats  # rad, clockwise from north
    climb_mps: Floats
    turn: Floats  # rad/s, clockwise
    turns: Floats  # 1 where the aircraft is one that turns
    climbs: Floats
    until_s: Floats  # end of the turn, or of straight flight
    end_s: Floats  # end of life
    transponder: Floats
    mode_a: Ints


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


class Traffic:
    """The aircraft in the air, moved on step by step."""

    def __init__(self, options: Simulation, flat: bool, lat: float, lon: float, rng: np.random.Generator) -> None:
        self._options = options
        self._flat = flat
        self._centre = (lat, lon)
        self._rng = rng
        self._next = options.aircraft + 1
        n = options.aircraft
        columns: dict[str, Any] = {name: np.zeros(n) for name in Flights._fields}
        columns |= {"aircraft": np.arange(1, n + 1), "mode_a": np.zeros(n, np.int64)}
        self.flights = Flights(**columns)
        self._start(np.arange(n), 0.0, at_edge=False)

    def step(self, now_s: float, dt: float) -> None:
        """Move everything from `now_s` on by `dt` seconds; then manoeuvres begin and end, aircraft come and go."""
        f, o = self.flights, self._options
        advance_all(self._flat, f, dt)
        now_s += dt
        at_limit = ((f.height_m >= o.max_height_m) & (f.climb_mps > 0)) | (
            (f.height_m <= o.min_height_m) & (f.climb_mps < 0)
        )
        f.climb_mps[at_limit] = 0.0
        due = np.flatnonzero(now_s >= f.until_s)
        if len(due):
            was_straight = f.turn[due] == 0.0
            rate = np.radians(self._rng.uniform(o.min_turn_rate_dps, o.max_turn_rate_dps, len(due)))
            side = self._rng.choice((-1.0, 1.0), len(due))
            f.turn[due] = np.where(was_straight, rate * side * f.turns[due], 0.0)
            lasts = np.where(was_straight, self._rng.uniform(0.5, 1.5, len(due)) * o.turn_lasts_s, 0.0)
            f.until_s[due] = now_s + np.where(was_straight, lasts, self._rng.exponential(o.turn_every_s, len(due)))
            up = np.where(f.height_m[due] > 0.5 * (o.min_height_m + o.max_height_m), -1.0, 1.0)
            f.climb_mps[due] = np.where(was_straight, o.climb_rate_mps * up * f.climbs[due], f.climb_mps[due])
        gone = np.flatnonzero((now_s >= f.end_s) | (self._distance_m() > o.radius_km * 1e3))
        if len(gone):
            f.aircraft[gone] = self._next + np.arange(len(gone))
            self._next += len(gone)
            self._start(gone, now_s, at_edge=True)

    def _distance_m(self) -> Floats:
        """Distance of each aircraft from the centre, good enough to tell who leaves."""
        north, east = self.flights.lat - self._centre[0], self.flights.lon - self._centre[1]
        if self._flat:
            return np.hypot(north, east)
        return A * np.hypot(north, east * np.cos(0.5 * (self.flights.lat + self._centre[0])))

    def _start(self, rows: Ints, now_s: float, at_edge: bool) -> None:
        f, o, rng, n = self.flights, self._options, self._rng, len(rows)
        bearing = rng.uniform(0.0, 2.0 * math.pi, n)
        share = np.full(n, 0.999) if at_edge else np.sqrt(rng.uniform(0.0, 1.0, n))
        out_m = 0.998 * share * o.radius_km * 1e3
        if self._flat:
            f.lat[rows], f.lon[rows] = out_m * np.cos(bearing), out_m * np.sin(bearing)
            f.lat[rows] += self._centre[0]
            f.lon[rows] += self._centre[1]
        else:
            f.lat[rows] = self._centre[0] + out_m * np.cos(bearing) / A
            middle = 0.5 * (f.lat[rows] + self._centre[0])
            f.lon[rows] = self._centre[1] + out_m * np.sin(bearing) / (A * np.cos(middle))
        inward = bearing + math.pi + rng.uniform(-1.0, 1.0, n)
        f.track[rows] = inward if at_edge else rng.uniform(0.0, 2.0 * math.pi, n)
        f.height_m[rows] = rng.uniform(o.min_height_m, o.max_height_m, n)
        f.speed_mps[rows] = rng.uniform(o.min_speed_mps, o.max_speed_mps, n)
        f.turn[rows] = f.climb_mps[rows] = 0.0
        f.turns[rows] = rng.uniform(size=n) < o.turning
        f.climbs[rows] = rng.uniform(size=n) < o.climbing
        f.until_s[rows] = now_s + rng.exponential(o.turn_every_s, n)
        f.end_s[rows] = now_s + rng.exponential(o.mean_life_s, n)
        f.transponder[rows] = rng.uniform(size=n) < o.transponders
        f.mode_a[rows] = rng.integers(1, 4096, n)
