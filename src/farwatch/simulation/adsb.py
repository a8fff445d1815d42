"""ADS-B as ground stations report it: which messages each of them hears, and the reports that it makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import ConfigError
from farwatch.frame import Frame
from farwatch.geodesy import MEAN_RADIUS_M, geodetic_to_ecef
from farwatch.kernels import kernel
from farwatch.plots import NO_CALLSIGN, NO_MODE_A, Floats, Ints
from farwatch.refraction import radar_horizons
from farwatch.reports import (
    NEVER,
    Emitter,
    Priority,
    Reports,
    StationStates,
    concat_station_states,
    make_reports,
    make_station_states,
)
from farwatch.sensors import Radar, Sensor
from farwatch.sensors.place import Place
from farwatch.simulation.adsb_options import AdsbStation
from farwatch.simulation.flights import Flights
from farwatch.simulation.options import Simulation
from farwatch.simulation.secondary import identities
from farwatch.simulation.squitters import (
    ABOVE_PRESSURE,
    ALTITUDE,
    APPLICABLE,
    EAST,
    GEOMETRIC_RATE,
    IDENTITY,
    INDICATED,
    LAT,
    LON,
    NORTH,
    POSITION,
    RATE,
    TRUE,
    VELOCITY,
    WIDTH,
    Messages,
    Senders,
)
from farwatch.truth import AircraftType

STALE_S = 10.0  # an older velocity is not reported
FORGOTTEN_S = 60.0  # who has not been heard for so long is somebody new
TRACK_NUMBERS = 4096
LIGHT_MPS = 299_792_458.0
_HORIZON_STEP_M = 2000.0
_SYSTEM_DESIGN_ASSURANCE = 2
_GOOD_VERTICAL_NACP, _GOOD_VELOCITY_NACP = 9, 8  # from there on GVA is 2 (45 m) and NACv is 2 (3 m/s)
_EMITTERS = {
    AircraftType.AIRLINER: Emitter.MEDIUM,
    AircraftType.BUSINESS_JET: Emitter.SMALL,
    AircraftType.PROPELLER: Emitter.LIGHT,
    AircraftType.HELICOPTER: Emitter.ROTORCRAFT,
    AircraftType.FIGHTER: Emitter.AGILE,
    AircraftType.HEAVY_FIGHTER: Emitter.AGILE,
}
_EMITTER_OF = np.array([int(_EMITTERS.get(kind, Emitter.UNKNOWN)) for kind in AircraftType])
_PRIORITIES = ((0o7500, Priority.UNLAWFUL), (0o7600, Priority.NO_COMMUNICATIONS), (0o7700, Priority.EMERGENCY))

# What a station remembers of an aircraft: when it heard its velocity and what it was, when its identity, when it last
# reported it.
_VELOCITY_S, _IDENTITY_S, _REPORTED_S, _HEARD_S = WIDTH, WIDTH + 1, WIDTH + 2, WIDTH + 3
# A report in the making: station, row, number, times of position and velocity (s), identity known, contents of both.
_STATION, _ROW, _NUMBER, _HEARD, _SPOKEN, _KNOWN, _POSITION = range(7)
_VELOCITY = _POSITION + WIDTH
_COLUMNS = _VELOCITY + WIDTH


class SimulatedAdsb:
    """All ground stations of a scenario: `observe` one step after the other.

    Raises `ConfigError` where there is no place for a station, or no round Earth.
    """

    def __init__(self, simulation: Simulation, sensors: Sequence[Sensor], frame: Frame, seed: int) -> None:
        self.options = simulation.adsb
        if frame.flat:
            raise ConfigError("ADS-B says latitude and longitude, and a flat frame has none: leave category 021 out")
        self.stations = self.options.stations
        self.places = [_place_of(station, sensors) for station in self.stations]
        self._weather = simulation.weather
        self._skies = [
            Sight(station.range_km, place) for station, place in zip(self.stations, self.places, strict=True)
        ]
        # Streams of their own: who listens changes neither flights nor radars, nor what is sent.
        sent, heard = np.random.SeedSequence([seed, 1090]).spawn(2)
        self._send = np.random.default_rng(sent)
        self._hear = [np.random.default_rng(own) for own in heard.spawn(len(self.stations))]
        self._senders: Senders | None = None
        self._memory = np.zeros(0)
        self._numbers = np.zeros(0, np.int64)
        self._next_number = np.zeros(len(self.stations), np.int64)
        none = np.zeros(0, np.int64)
        self._uncounted = [(none, none) for _ in self.stations]  # times of what was heard and sent since the last state

    def observe(self, f: Flights, now_s: float, dt: float, start_ns: int) -> tuple[Reports, StationStates]:
        """The reports of positions heard in the coming `dt` seconds, and how the stations are, in order of time."""
        m, n = len(self.stations), len(f.lat)
        if self._senders is None:
            self._senders = Senders(self.options, self._weather, n, self._send)
            self._memory = np.full((m, n, WIDTH + 4), -np.inf)
            self._numbers = np.zeros((m, n), np.int64)
        new = self._senders.is_new(f)
        self._memory[:, new] = -np.inf
        said = self._senders.step(f, now_s, dt, start_ns)
        late_s, heard = self._heard(f, said)
        every_s = np.array([station.every_s for station in self.stations])
        room = np.empty((m * len(said.row), _COLUMNS))
        made = compile_reports(said, heard, late_s, every_s, self._memory, self._numbers, self._next_number, room)
        reports = self._reports(f, made, start_ns)
        states = self._states(said, heard, reports, now_s, dt, start_ns)
        return reports.take(np.argsort(reports.sent_ns, kind="stable")), states

    def _heard(self, f: Flights, said: Messages) -> tuple[Floats, NDArray[np.bool_]]:
        """(stations, messages): how long each message is under way (s), and whether it is received."""
        m = len(self.stations)
        late_s, heard = np.zeros((m, len(said.row))), np.zeros((m, len(said.row)), np.bool_)
        where = geodetic_to_ecef(f.lat, f.lon, f.height_m)
        for k, (station, sight) in enumerate(zip(self.stations, self._skies, strict=True)):
            slant_m, seen = sight.of(where, f.height_m)
            late_s[k] = slant_m[said.row] / LIGHT_MPS
            heard[k] = seen[said.row] & (self._hear[k].uniform(size=len(said.row)) >= station.loss)
        return late_s, heard

    def _reports(self, f: Flights, made: Floats, start_ns: int) -> Reports:
        assert self._senders is not None
        station, row = made[:, _STATION].astype(np.int64), made[:, _ROW].astype(np.int64)
        position, velocity = made[:, _POSITION:_VELOCITY], made[:, _VELOCITY:]
        known = made[:, _KNOWN] > 0
        east, north = velocity[:, EAST], velocity[:, NORTH]
        position_ns = _at(made[:, _HEARD], start_ns)
        delay_ns = np.array([round(one.delay_s * 1e9) for one in self.stations], np.int64)
        address, callsign = identities(f.aircraft[row], f.transponder[row])
        nacp = self._senders.nacp[row]
        priority = np.zeros(len(row), np.int64)
        for code, meaning in _PRIORITIES:
            priority[f.mode_a[row] == code] = int(meaning)
        return make_reports(
            len(row),
            sent_ns=position_ns + delay_ns[station],
            position_ns=position_ns,
            velocity_ns=_at(made[:, _SPOKEN], start_ns),
            applicable_ns=_at(position[:, APPLICABLE], start_ns),
            station=station,
            number=made[:, _NUMBER],
            address=address,
            mode_a=np.where(known, f.mode_a[row], NO_MODE_A),
            callsign=np.where(known, callsign, NO_CALLSIGN),
            emitter=np.where(known, _EMITTER_OF[f.type[row]], -1),
            priority=np.where(known, priority, -1),
            lat_deg=position[:, LAT],
            lon_deg=position[:, LON],
            height_wgs84_m=position[:, ALTITUDE] + velocity[:, ABOVE_PRESSURE],
            pressure_altitude_m=position[:, ALTITUDE],
            ground_speed_mps=np.hypot(east, north),
            track_angle_deg=np.degrees(np.arctan2(east, north)) % 360.0,
            true_airspeed_mps=velocity[:, TRUE],
            indicated_airspeed_mps=velocity[:, INDICATED],
            vertical_rate_mps=velocity[:, RATE],
            rate_is_geometric=velocity[:, GEOMETRIC_RATE] > 0,
            nic=self.options.nic,
            nacp=nacp,
            nacv=np.where(nacp >= _GOOD_VELOCITY_NACP, 2, 1),
            sil=self.options.sil,
            gva=np.where(nacp >= _GOOD_VERTICAL_NACP, 2, 1),
            sda=_SYSTEM_DESIGN_ASSURANCE,
        )

    def _states(
        self,
        said: Messages,
        heard: NDArray[np.bool_],
        reports: Reports,
        now_s: float,
        dt: float,
        start_ns: int,
    ) -> StationStates:
        """What is due of each station in this step, counted to that moment."""
        parts = []
        for k, station in enumerate(self.stations):
            own_ns = reports.sent_ns[reports.station == k]
            heard_ns, sent_ns = self._uncounted[k]
            heard_ns = np.concatenate([heard_ns, _at(said.time_s[heard[k]], start_ns)])
            sent_ns = np.sort(np.concatenate([sent_ns, own_ns]))
            if station.status_s:
                first, last = math.ceil(now_s / station.status_s), math.ceil((now_s + dt) / station.status_s)
                due_ns = _at(np.arange(first, last, dtype=np.float64) * station.status_s, start_ns)
                counts = [np.searchsorted(times_ns, due_ns) for times_ns in (heard_ns, sent_ns)]
                new = [np.diff(count, prepend=0) for count in counts]
                parts.append(make_station_states(len(due_ns), time_ns=due_ns, station=k, heard=new[0], sent=new[1]))
                if len(due_ns):
                    heard_ns, sent_ns = heard_ns[counts[0][-1] :], sent_ns[counts[1][-1] :]
                self._uncounted[k] = heard_ns, sent_ns
        states = concat_station_states(parts)
        return states.take(np.argsort(states.time_ns, kind="stable"))


class Sight:
    """What a station can see: lowest height above places at a distance, and how far it reaches."""

    def __init__(self, range_km: float, place: Place) -> None:
        height_m = place.ellipsoidal_height_m
        self._range_m = range_km * 1e3
        self._at = geodetic_to_ecef(math.radians(place.lat_deg), math.radians(place.lon_deg), height_m)[0]
        self._grid_m = np.arange(0.0, self._range_m + 2.0 * _HORIZON_STEP_M, _HORIZON_STEP_M)
        self._lowest_m = radar_horizons(max(height_m, 1.0), self._grid_m)

    def of(self, where: Floats, height_m: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Slant ranges (m) of points, and which of them it sees."""
        slant_m = np.linalg.norm(where - self._at, axis=1)
        here, there = np.linalg.norm(self._at), np.linalg.norm(where, axis=1)
        angle = np.arccos(np.clip(where @ self._at / (here * there), -1.0, 1.0))
        lowest_m = np.interp(angle * MEAN_RADIUS_M, self._grid_m, self._lowest_m)
        return slant_m, (slant_m <= self._range_m) & (height_m >= lowest_m)


def _place_of(station: AdsbStation, sensors: Sequence[Sensor]) -> Place:
    if station.position is not None:
        return station.position
    for sensor in sensors:
        if isinstance(sensor, Radar):
            return sensor.position
    raise ConfigError(
        f"ADS-B station {station.sac_sic} has no `position`, and there is no radar that it could stand at"
    )


def _at(time_s: Floats, start_ns: int) -> Ints:
    """Seconds since the start as ns, NEVER for what is not finite."""
    known = np.isfinite(time_s)
    return np.where(known, start_ns + np.round(np.where(known, time_s, 0.0) * 1e9).astype(np.int64), NEVER)


@kernel
def compile_reports(said, heard, late_s, every_s, memory, numbers, next_number, out):  # type: ignore[no-untyped-def]
    """Reports (n, columns) of messages in order of time, into `out`; `memory`, `numbers`, `next_number` go on.

    heard, late_s (stations, messages); memory (stations, aircraft, what is remembered).
    """
    n = 0
    for i in range(len(said.row)):
        row, kind = said.row[i], said.kind[i]
        for s in range(len(every_s)):
            if not heard[s, i]:
                continue
            time_s = said.time_s[i] + late_s[s, i]
            own = memory[s, row]
            if time_s - own[_HEARD_S] > FORGOTTEN_S:
                own[:] = -math.inf
                numbers[s, row] = next_number[s]
                next_number[s] = (next_number[s] + 1) % TRACK_NUMBERS
            own[_HEARD_S] = time_s
            if kind == VELOCITY:
                own[:WIDTH] = said.content[i]
                own[_VELOCITY_S] = time_s
            elif kind == IDENTITY:
                own[_IDENTITY_S] = time_s
            elif kind == POSITION and time_s - own[_REPORTED_S] >= every_s[s]:
                own[_REPORTED_S] = time_s
                out[n, _STATION], out[n, _ROW], out[n, _NUMBER], out[n, _HEARD] = s, row, numbers[s, row], time_s
                out[n, _KNOWN] = 1.0 if own[_IDENTITY_S] > -math.inf else 0.0
                out[n, _POSITION : _POSITION + WIDTH] = said.content[i]
                if time_s - own[_VELOCITY_S] <= STALE_S:
                    out[n, _SPOKEN] = own[_VELOCITY_S]
                    out[n, _VELOCITY : _VELOCITY + WIDTH] = own[:WIDTH]
                else:
                    out[n, _SPOKEN] = -math.inf
                    out[n, _VELOCITY : _VELOCITY + WIDTH] = math.nan
                n += 1
    return out[:n].copy()
