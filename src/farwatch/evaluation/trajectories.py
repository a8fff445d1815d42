"""Trajectories: true states at any time between those that the truth gives, in the frame and on the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from farwatch.evaluation.timeline import Timeline
from farwatch.geodesy import ecef_to_geodetic, geodetic_to_ecef
from farwatch.plots import Floats, Ints
from farwatch.truth import States

CHANGE_MPS = 0.1  # a speed or vertical rate that changes by more from one true state to the next is a manoeuvre


class Trajectories:
    """The true states of all aircraft, and what lies between them."""

    def __init__(self, states: States, flat: bool) -> None:
        self._line = line = Timeline(states.aircraft, states.time_ns)
        self.states = s = states.take(line.order)
        self.aircraft, self.first_ns, self.last_ns = line.owners, line.first_ns, line.last_ns
        self._last = np.repeat(line.stops, line.stops - line.starts) - 1  # row of the aircraft's last state
        self._next = np.minimum(np.arange(s.n) + 1, self._last)
        self._motion = in_frame(
            s.lat_deg, s.lon_deg, s.height_wgs84_m, s.ground_speed_mps, s.track_angle_deg, s.vertical_rate_mps, flat
        )
        self._changes = np.cumsum(np.concatenate([np.zeros((1, 2), np.int64), self._changing()]), axis=0)

    def at(self, aircraft: Ints, time_ns: Ints, beyond_ns: int = 0) -> Floats:
        """True position and velocity (n, 6) in the frame of each aircraft at each time, by cubic Hermite polynomials.

        Straight on for `beyond_ns` after its last state; NaN where the truth does not reach to.
        """
        row = self.row(aircraft, time_ns, beyond_ns)
        inside = row >= 0
        out = np.full((len(row), 6), np.nan)
        row = row[inside]
        after = self._next[row]
        p, v = self._motion[row, :3], self._motion[row, 3:]
        end_p, end_v = self._motion[after, :3], self._motion[after, 3:]
        after_s = ((time_ns[inside] - self.states.time_ns[row]) * 1e-9)[:, None]
        step_s = ((self.states.time_ns[after] - self.states.time_ns[row]) * 1e-9)[:, None]
        last = step_s == 0.0
        step_s = np.where(last, 1.0, step_s)
        s, rise = after_s / step_s, end_p - p
        curved = s * (3 * rise - step_s * (2 * v + end_v) + s * (step_s * (v + end_v) - 2 * rise))
        bent = s * (6 * rise / step_s - 4 * v - 2 * end_v + s * (3 * (v + end_v) - 6 * rise / step_s))
        out[inside, :3] = p + after_s * v + np.where(last, 0.0, s * curved)
        out[inside, 3:] = v + np.where(last, 0.0, bent)
        return out

    def manoeuvred(self, aircraft: Ints, since_ns: Ints, time_ns: Ints) -> NDArray[np.bool_]:
        """Whether each aircraft changed its course or speed, and its vertical rate (n, 2), between two times."""
        before, after = self.row(aircraft, since_ns), self._next[self.row(aircraft, time_ns)]
        changed: NDArray[np.bool_] = self._changes[after + 1] > self._changes[before + 1]
        return changed

    def _changing(self) -> NDArray[np.bool_]:
        """The same (n, 2) of the time from the state before up to each state, be it in part."""
        s = self.states
        turns = s.turn_rate_dps != 0.0
        changing = np.column_stack([turns, np.zeros(s.n, bool)])
        own = s.aircraft[1:] == s.aircraft[:-1]
        speeds, climbs = (np.abs(np.diff(rate)) > CHANGE_MPS for rate in (s.ground_speed_mps, s.vertical_rate_mps))
        changing[1:] |= np.column_stack([turns[:-1] | speeds, climbs]) & own[:, None]
        return changing

    def row(self, aircraft: Ints, time_ns: Ints | int, beyond_ns: int = 0) -> Ints:
        """Row of `states` of each aircraft at or before each time; -1 where the truth does not reach there."""
        row = self._line.last(aircraft, time_ns)
        inside: Ints = np.where((row >= 0) & (time_ns <= self._line.time_ns[self._last[row]] + beyond_ns), row, -1)
        return inside


def in_frame(
    lat_deg: Floats,
    lon_deg: Floats,
    height_m: Floats,
    speed_mps: Floats,
    track_deg: Floats,
    climb_mps: Floats,
    flat: bool,
) -> Floats:
    """Positions and velocities (n, 6) in the frame."""
    east, north = speed_mps * np.sin(np.radians(track_deg)), speed_mps * np.cos(np.radians(track_deg))
    if flat:
        return np.column_stack([lon_deg, lat_deg, height_m, east, north, climb_mps])
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    velocity = (level_axes(lat, lon) * np.column_stack([east, north, climb_mps])[:, :, None]).sum(axis=1)
    return np.column_stack([geodetic_to_ecef(lat, lon, height_m), velocity])


def level_axes(lat: Floats, lon: Floats) -> Floats:
    """Rows east, north, up (n, 3, 3) of the local level frames at latitudes and longitudes (rad)."""
    sa, ca, so, co = np.sin(lat), np.cos(lat), np.sin(lon), np.cos(lon)
    none = np.zeros_like(sa)
    east, north, up = (-so, co, none), (-sa * co, -sa * so, ca), (ca * co, ca * so, sa)
    return np.stack([np.column_stack(axis) for axis in (east, north, up)], axis=1)


def on_ground(positions: Floats, flat: bool) -> tuple[Floats, Floats, Floats]:
    """Positions (n, 3) brought down to height 0, their heights (m), and the axes (n, 2, 3) east and north there."""
    if flat:
        axes = np.broadcast_to(np.eye(3)[:2], (len(positions), 2, 3))
        return positions * [1.0, 1.0, 0.0], positions[:, 2], axes
    geodetic = ecef_to_geodetic(positions)
    lat, lon = geodetic[:, 0], geodetic[:, 1]
    return geodetic_to_ecef(lat, lon, np.zeros(len(lat))), geodetic[:, 2], level_axes(lat, lon)[:, :2]
