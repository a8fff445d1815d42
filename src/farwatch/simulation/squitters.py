"""Squitters: what aircraft with ADS-B broadcast, as version-2 transponders do (RTCA DO-260B, ICAO Doc 9871).

Positions are those of a satellite receiver, in error by a first-order Gauss-Markov process, somewhat old, and cut to
the steps of compact position reporting. Velocities come in knots, heights in 25 ft, vertical rates in 64 ft/min.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.geodesy import E2, A
from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints
from farwatch.simulation.adsb_options import Adsb
from farwatch.simulation.flights import Flights, advance
from farwatch.simulation.secondary import FOOT_M, MODE_S
from farwatch.simulation.weather import Weather, pressure_altitude_m
from farwatch.truth import AircraftType

POSITION, VELOCITY, IDENTITY = 0, 1, 2  # kinds of messages
INTERVALS_S = ((0.4, 0.6), (0.4, 0.6), (4.8, 5.2))  # between two messages of a kind
GROUND_VECTOR, TRUE_AIRSPEED, INDICATED_AIRSPEED = 0, 1, 2  # what a velocity message is about
WIDTH = 7  # numbers in a message

# Columns of a message's content: of positions, then of velocities.
LAT, LON, ALTITUDE, APPLICABLE = range(4)
EAST, NORTH, TRUE, INDICATED, RATE, GEOMETRIC_RATE, ABOVE_PRESSURE = range(WIDTH)

KNOT_MPS = 1852.0 / 3600.0
EPU_M = (math.inf, 18_520.0, 7408.0, 3704.0, 1852.0, 926.0, 555.6, 185.2, 92.6, 30.0, 10.0, 3.0)  # by NACp, 95 %
_TO_SIGMA = math.sqrt(-2.0 * math.log(0.05))  # radius that holds 95 % of a circular Gaussian, in sigmas of an axis
_UP = 1.5  # vertical errors, in horizontal ones
_WANDER_S = 120.0  # in which satellite errors forget themselves
_VELOCITY_SIGMA_MPS = 0.3
_BAROMETRIC_RATE = 0.75  # of the aircraft send this one, as recorded
_EPOCH_NS = 200_000_000  # positions coupled to UTC hold at whole fifths of a second
_SUBSONIC_KT = 1021.0  # what the ordinary velocity message can say; the other one has steps of 4 knots
_FARTHEST_APART_FT = 3137.5  # geometric above barometric height
_P0, _T0, _R, _LAPSE, _TROPOPAUSE_M, _GRAVITY = 101_325.0, 288.15, 287.053, 0.0065, 11_000.0, 9.80665


class Messages(NamedTuple):
    """Messages in the order of their times, one row a message."""

    time_s: Floats
    row: Ints  # of the aircraft
    kind: Ints
    content: Floats  # (n, WIDTH)


class Senders:
    """The aircraft that send: who they are and what they go on from, a row an aircraft."""

    def __init__(self, options: Adsb, weather: Weather, n: int, rng: np.random.Generator) -> None:
        self.options = options
        self.sends = np.zeros(n, np.bool_)
        self.nacp = np.zeros(n, np.int64)
        self._weather = weather
        self._rng = rng
        self._shares = np.array([options.share_of(kind.name.lower()) for kind in AircraftType])
        self._aircraft = np.full(n, -1, np.int64)
        self._next_s = np.full((n, len(INTERVALS_S)), np.inf)
        self._odd = np.zeros(n, np.int64)
        self._latency_s = np.zeros(n)
        self._coupled = np.zeros(n, np.bool_)
        self._speed_kind = np.zeros(n, np.int64)
        self._geometric_rate = np.zeros(n, np.bool_)
        self._sigma_m = np.zeros(n)
        self._off = np.zeros((n, 3))  # east, north, up, in sigmas

    def is_new(self, f: Flights) -> NDArray[np.bool_]:
        """(n,) rows with an aircraft that has come since the last step."""
        found: NDArray[np.bool_] = (f.in_air > 0) & (f.aircraft != self._aircraft)
        return found

    def step(self, f: Flights, now_s: float, dt: float, start_ns: int) -> Messages:
        """What is sent in the coming `dt` seconds."""
        rng = self._rng
        keep = math.exp(-dt / _WANDER_S)
        self._off = keep * self._off + math.sqrt(1.0 - keep * keep) * rng.normal(size=self._off.shape)
        self._meet(f, now_s)
        self.sends &= f.in_air > 0
        parts = []
        for kind, (shortest, longest) in enumerate(INTERVALS_S):
            while len(row := np.flatnonzero(self.sends & (self._next_s[:, kind] < now_s + dt))):
                parts.append((self._next_s[row, kind].copy(), row, np.full(len(row), kind)))
                self._next_s[row, kind] += rng.uniform(shortest, longest, len(row))
        if not parts:
            return Messages(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, WIDTH)))
        time_s, row, kinds = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.lexsort((row, time_s))
        time_s, row, kinds = time_s[order], row[order], kinds[order]
        content = np.full((len(row), WIDTH), np.nan)
        for kind, fill in ((POSITION, self._positions), (VELOCITY, self._velocities)):
            own = np.flatnonzero(kinds == kind)
            content[own] = fill(f, row[own], time_s[own], now_s, start_ns)
        return Messages(time_s, row, kinds, content)

    def _meet(self, f: Flights, now_s: float) -> None:
        """Equip those that have come since the last step."""
        new = np.flatnonzero(self.is_new(f))
        rng, options, n = self._rng, self.options, len(new)
        drawn = rng.uniform(size=(n, 6))
        self._aircraft[new] = f.aircraft[new]
        self.sends[new] = (f.transponder[new] == MODE_S) & (drawn[:, 0] < self._shares[f.type[new]])
        low, high = options.nacp
        self.nacp[new] = low + np.floor(drawn[:, 1] * (high - low + 1)).astype(np.int64)
        self._latency_s[new] = options.latency_s[0] + drawn[:, 2] * (options.latency_s[1] - options.latency_s[0])
        self._coupled[new] = drawn[:, 3] < options.utc_coupled
        by_air = drawn[:, 4] < options.airspeed
        kinds = np.where(drawn[:, 4] < 0.5 * options.airspeed, TRUE_AIRSPEED, INDICATED_AIRSPEED)
        self._speed_kind[new] = np.where(by_air, kinds, GROUND_VECTOR)
        self._geometric_rate[new] = drawn[:, 5] >= _BAROMETRIC_RATE
        self._sigma_m[new] = options.error_share * np.array(EPU_M)[self.nacp[new]] / _TO_SIGMA
        self._off[new] = rng.normal(size=(n, 3))
        for kind, (shortest, longest) in enumerate(INTERVALS_S):
            self._next_s[new, kind] = now_s + rng.uniform(0.0, 0.5 * (shortest + longest), n)

    def _positions(self, f: Flights, row: Ints, time_s: Floats, now_s: float, start_ns: int) -> Floats:
        sent_ns = start_ns + np.round(time_s * 1e9).astype(np.int64)
        epoch_ns = (sent_ns + _EPOCH_NS // 2) // _EPOCH_NS * _EPOCH_NS
        coupled = self._coupled[row]
        said_s = np.where(coupled, (epoch_ns - start_ns) * 1e-9, time_s - self._latency_s[row])
        lat, lon, height_m = placed(f, row, said_s - now_s).T
        bend = 1.0 - E2 * np.sin(lat) ** 2
        north_m, east_m = A * (1.0 - E2) / bend**1.5, A / np.sqrt(bend) * np.maximum(np.cos(lat), 1e-6)
        off_m = self._off[row] * self._sigma_m[row, None]
        odd = (self._odd[row] + _earlier(row)) % 2
        content = np.full((len(row), WIDTH), np.nan)
        lat_deg, lon_deg = np.degrees(lat + off_m[:, 1] / north_m), np.degrees(lon + off_m[:, 0] / east_m)
        content[:, LAT], content[:, LON] = compact(lat_deg, lon_deg, odd)
        content[:, ALTITUDE] = _rounded(pressure_altitude_m(self._weather, False, lat, lon, height_m), 25.0 * FOOT_M)
        content[:, APPLICABLE] = np.where(coupled, said_s, np.nan)
        np.add.at(self._odd, row, 1)
        return content

    def _velocities(self, f: Flights, row: Ints, time_s: Floats, now_s: float, start_ns: int) -> Floats:
        late = time_s - now_s
        lat, lon, height_m = placed(f, row, late).T
        track = f.track[row] + f.turn[row] * late
        noise = self._rng.normal(size=(2, len(row))) * _VELOCITY_SIGMA_MPS
        east, north = f.speed_mps[row] * np.sin(track) + noise[0], f.speed_mps[row] * np.cos(track) + noise[1]
        coarse = np.maximum(np.abs(east), np.abs(north)) > _SUBSONIC_KT * KNOT_MPS
        step = np.where(coarse, 4.0, 1.0) * KNOT_MPS
        kind, pressure_m = self._speed_kind[row], pressure_altitude_m(self._weather, False, lat, lon, height_m)
        content = np.full((len(row), WIDTH), np.nan)
        by_ground = kind == GROUND_VECTOR
        content[:, EAST] = np.where(by_ground, _rounded(east, step), np.nan)
        content[:, NORTH] = np.where(by_ground, _rounded(north, step), np.nan)
        # There is no wind in this world: the speed through the air is that over the ground.
        air = f.speed_mps[row]
        content[:, TRUE] = np.where(kind == TRUE_AIRSPEED, _rounded(air, KNOT_MPS), np.nan)
        said = kind == INDICATED_AIRSPEED
        content[:, INDICATED] = np.where(said, _rounded(indicated_airspeed(air, pressure_m), KNOT_MPS), np.nan)
        content[:, RATE] = _rounded(f.climb_mps[row], 64.0 * FOOT_M / 60.0)
        content[:, GEOMETRIC_RATE] = self._geometric_rate[row]
        above_m = height_m + _UP * self._off[row, 2] * self._sigma_m[row] - pressure_m
        above_m = _rounded(above_m, 25.0 * FOOT_M)
        content[:, ABOVE_PRESSURE] = np.where(np.abs(above_m) <= _FARTHEST_APART_FT * FOOT_M, above_m, np.nan)
        return content


@kernel
def placed(flights, rows, late):  # type: ignore[no-untyped-def]
    """Latitude and longitude (rad) and height (m) (n, 3) of aircraft some seconds from now, before or after."""
    out = np.empty((len(rows), 3))
    for k in range(len(rows)):
        i = rows[k]
        out[k, 0], out[k, 1], _ = advance(
            False,
            flights.lat[i],
            flights.lon[i],
            flights.track[i],
            flights.speed_mps[i],
            flights.turn[i],
            flights.height_m[i],
            late[k],
        )
        out[k, 2] = flights.height_m[i] + flights.climb_mps[i] * late[k]
    return out


def longitude_zones(lat_deg: Floats) -> Ints:
    """Number of longitude zones of compact position reporting at latitudes (DO-260B, A.1.7.2)."""
    across = np.cos(np.radians(np.minimum(np.abs(lat_deg), 87.0))) ** 2
    inside = np.clip(1.0 - (1.0 - math.cos(math.pi / 30.0)) / across, -1.0, 1.0)
    zones = np.floor(2.0 * math.pi / np.arccos(inside) + 1e-12).astype(np.int64)
    return np.where(np.abs(lat_deg) > 87.0, 1, np.minimum(zones, 59))


def compact(lat_deg: Floats, lon_deg: Floats, odd: Ints) -> tuple[Floats, Floats]:
    """Positions as airborne messages say them: to 2^-17 of a zone, whose size depends on the message being odd."""
    lat_step = 360.0 / (60 - odd) / (1 << 17)
    lat = _rounded(lat_deg, lat_step)
    lon = _rounded(lon_deg, 360.0 / np.maximum(longitude_zones(lat) - odd, 1) / (1 << 17))
    return lat, (lon + 180.0) % 360.0 - 180.0


def indicated_airspeed(true_mps: Floats, pressure_altitude_m: Floats) -> Floats:
    """Calibrated airspeed at a true one, in the standard atmosphere below 20 km."""
    below = np.minimum(pressure_altitude_m, _TROPOPAUSE_M)
    temperature = _T0 - _LAPSE * below
    pressure = _P0 * (temperature / _T0) ** (_GRAVITY / (_R * _LAPSE))
    pressure *= np.exp(-_GRAVITY * (pressure_altitude_m - below) / (_R * temperature))
    mach = true_mps / np.sqrt(1.4 * _R * temperature)
    impact = pressure * ((1.0 + 0.2 * mach**2) ** 3.5 - 1.0)
    return np.asarray(np.sqrt(1.4 * _R * _T0 * 5.0 * ((impact / _P0 + 1.0) ** (2.0 / 7.0) - 1.0)))


def _rounded(value: Floats, step: Floats | float) -> Floats:
    return np.asarray(np.floor(value / step + 0.5) * step)


def _earlier(row: Ints) -> Ints:
    """How many of the messages before it in the list are of the same aircraft."""
    order = np.argsort(row, kind="stable")
    sorted_rows = row[order]
    first = np.searchsorted(sorted_rows, sorted_rows)
    out = np.empty(len(row), np.int64)
    out[order] = np.arange(len(row)) - first
    return out
