"""Frames: updates as they go over the wire, encoded once for all clients."""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.picture import Picture, Status
from farwatch.plots import Floats, Ints, Plots
from farwatch.registration.report import as_values
from farwatch.scenario import Scenario
from farwatch.sensors import GeodeticSensor, Radar, Sensor
from farwatch.sensors.plot_positions import PlotPlacer
from farwatch.service.board import Health, Update
from farwatch.service.hits import Hits, PlotMemory
from farwatch.service.hits import Rows as HitRows
from farwatch.service.identities import Rows as IdentityRows
from farwatch.service.identities import (
    addresses,
    callsigns,
    changed,
    identities_of,
    modes_a,
    no_identities,
    static_messages,
)
from farwatch.service.wire import JUMP, PICTURE, PLOTS, message, picture_columns, plot_columns

GAP_NS = 5_000_000_000  # a longer step between pictures is a jump, and a gap in what is kept
REGISTRATION_TOLD = ("standing", "reference", "errors", "aircraft", "moves", "stated", "measured", "words")
_REMEMBERED = 10_000  # numbers of tracks that have been in a picture, beyond four times those that are


class Frame(NamedTuple):
    """An update, encoded. `picture` and `plots` are messages; rows are in rising track number."""

    sequence: int
    time_ns: int
    picture: bytes
    plots: bytes
    static: tuple[str, ...]  # messages of what has changed since the frame before
    identities: IdentityRows
    states: Picture
    seen_ns: Ints  # when a sensor last had a plot of each track
    hits: HitRows
    health: Health

    @property
    def jump(self) -> bool:
        """Whether it does not follow the frame before."""
        return bool(self.picture[20] & JUMP)

    def row(self, track: int) -> int | None:
        """The row of a track, None where it is not in the picture."""
        at = int(np.searchsorted(self.states.track, track))
        return at if at < self.states.n and self.states.track[at] == track else None


class FrameEncoder:
    """Makes frames of updates, one after the other; raises `FarwatchError` for a scenario in a plane."""

    def __init__(self, scenario: Scenario, first_sequence: int = 1) -> None:
        self.hits = Hits()
        self._placer = PlotPlacer(scenario.sensors, scenario.frame)
        self._memory = PlotMemory()
        self._next = first_sequence
        self._last_ns: int | None = None
        self._identities = no_identities()
        self._known: Ints = np.empty(0, np.int64)
        self._seen_before: tuple[Ints, Ints] = (self._known, self._known)

    def encode(self, update: Update) -> Frame:
        """The frame of an update."""
        states = shown(update.picture)
        time_ns = update.picture.until_ns
        jump = self._last_ns is not None and not 0 <= time_ns - self._last_ns <= GAP_NS
        identities = identities_of(states)
        places = self._placer(update.plots, _heights_of(update.plots, update.looks))
        self._memory.add(update.plots, places)
        hits = self._memory.hits(update.looks)
        self.hits.add(hits, time_ns)
        plots = plot_columns(
            places,
            update.plots.time_ns,
            update.plots.sensor.astype(np.int64),
            update.plots.kind,
            np.isin(update.plots.id, update.looks.plot),
            time_ns,
        )
        frame = Frame(
            sequence=self._next,
            time_ns=time_ns,
            picture=message(PICTURE, time_ns, self._next, picture_columns(states, self._new(states.track)), jump),
            plots=message(PLOTS, time_ns, self._next, plots, jump),
            static=tuple(static_messages(identities[changed(self._identities, identities)])),
            identities=identities,
            states=states,
            seen_ns=self._seen(states, hits),
            hits=hits,
            health=update.health,
        )
        self._next += 1
        self._last_ns, self._identities = time_ns, identities
        return frame

    def _seen(self, states: Picture, hits: HitRows) -> Ints:
        """(n,) when each track was last hit; of one whose hits are not known, when it was first in a picture."""
        tracks, times = self._seen_before
        seen = np.full(states.n, states.until_ns)
        if len(tracks):
            at = np.minimum(np.searchsorted(tracks, states.track), len(tracks) - 1)
            seen = np.where(tracks[at] == states.track, times[at], seen)
        order = np.argsort(hits["time_ns"], kind="stable")  # of several hits the last one is written last
        if states.n:
            at = np.minimum(np.searchsorted(states.track, hits["track"][order]), states.n - 1)
            mine = states.track[at] == hits["track"][order]
            seen[at[mine]] = hits["time_ns"][order][mine]
        self._seen_before = states.track, seen
        return seen

    def _new(self, tracks: Ints) -> NDArray[np.bool_]:
        """(n,) which tracks are in a picture for the first time; in the first picture of all none is."""
        new = ~np.isin(tracks, self._known) if self._last_ns is not None else np.zeros(len(tracks), np.bool_)
        if new.any() or self._last_ns is None:
            self._known = np.union1d(self._known, tracks)
            if len(self._known) > 4 * len(tracks) + _REMEMBERED:
                self._known = tracks
        return new


def shown(picture: Picture) -> Picture:
    """The confirmed and coasting tracks in rising number."""
    rows = np.flatnonzero((picture.status == Status.CONFIRMED) | (picture.status == Status.COASTING))
    return picture.take(rows[np.argsort(picture.track[rows], kind="stable")])


def _heights_of(plots: Plots, looks: Picture) -> Floats:
    """Heights (n,) of the tracks that took the plots, NaN where none did."""
    heights = np.full(plots.n, np.nan)
    if looks.n:
        order = np.argsort(looks.plot, kind="stable")
        at = order[np.minimum(np.searchsorted(looks.plot[order], plots.id), looks.n - 1)]
        mine = looks.plot[at] == plots.id
        heights[mine] = looks.height_wgs84_m[at[mine]]
    return heights


def sensor_names(mask: int, ids: list[str]) -> list[str]:
    """The sensors that the bits of a mask stand for."""
    return [name for bit, name in enumerate(ids[:63]) if mask >> bit & 1]


def plots_told(hits: HitRows, ids: list[str]) -> list[dict[str, Any]]:
    """Hits as the `plots` of a detail."""
    return [
        {"time_ms": time_ns / 1e6, "lat_deg": lat / 1e7, "lon_deg": lon / 1e7, "sensor": ids[sensor]}
        for time_ns, _, lat, lon, sensor in hits.tolist()
        if sensor < len(ids)
    ]


def detail(frame: Frame, row: int, hits: HitRows, ids: list[str]) -> dict[str, Any]:
    """The `detail` of a track in a frame."""
    p, k = frame.states, row
    one = slice(k, k + 1)
    return {
        "type": "detail",
        "id": int(p.track[k]),
        "time_ms": frame.time_ns / 1e6,
        "status": Status(p.status[k]).name.lower(),
        "callsign": callsigns(p.flight[one])[0],
        "address": addresses(p.address[one])[0],
        "mode_a": modes_a(p.mode_a[one])[0],
        "lat_deg": float(p.lat_deg[k]),
        "lon_deg": float(p.lon_deg[k]),
        "height_wgs84_m": float(p.height_wgs84_m[k]),
        "pressure_altitude_m": float(p.pressure_altitude_m[k]),
        "ground_speed_mps": float(p.ground_speed_mps[k]),
        "track_angle_deg": float(p.track_angle_deg[k]),
        "vertical_rate_mps": float(p.vertical_rate_mps[k]),
        "existence": float(p.existence[k]),
        "sigma_east_m": float(p.sigma_east_m[k]),
        "sigma_north_m": float(p.sigma_north_m[k]),
        "correlation_east_north": float(p.correlation_east_north[k]),
        "sigma_height_m": float(p.sigma_height_m[k]),
        "sigma_v_east_mps": float(p.sigma_v_east_mps[k]),
        "sigma_v_north_mps": float(p.sigma_v_north_mps[k]),
        "sensors": sensor_names(int(p.sensors[k]), ids),
        "plots": plots_told(hits, ids),
    }


def hello_sensor(sensor: Sensor) -> dict[str, Any]:
    """A sensor as `hello` tells of it; only those with a place on the Earth get here."""
    assert isinstance(sensor, Radar | GeodeticSensor)
    return {
        "id": sensor.id,
        "kind": sensor.__struct_config__.tag,
        "lat_deg": sensor.position.lat_deg,
        "lon_deg": sensor.position.lon_deg,
        "height_m": sensor.position.ellipsoidal_height_m,
        "max_range_m": sensor.max_range_km * 1e3,
        "min_elevation_deg": sensor.min_elevation_deg if isinstance(sensor, Radar) else 0.0,
        "rotation_s": sensor.rotation_s if isinstance(sensor, Radar) else 0.0,
    }


def scenario_told(scenario: Scenario) -> dict[str, Any]:
    """A scenario's name, the middle of its sensors, and the distance (m) from there to the end of what they see."""
    sensors = [sensor for sensor in scenario.sensors if isinstance(sensor, Radar | GeodeticSensor)]
    lat = np.radians([sensor.position.lat_deg for sensor in sensors])
    lon = np.radians([sensor.position.lon_deg for sensor in sensors])
    points = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    x, y, z = points.mean(axis=1)
    centre = np.array([x, y, z]) / max(float(np.hypot(np.hypot(x, y), z)), 1e-9)
    apart = np.arccos(np.clip(centre @ points, -1.0, 1.0)) * 6_371_008.8
    reach = max(float(d) + sensor.max_range_km * 1e3 for d, sensor in zip(apart, sensors, strict=True))
    return {
        "name": scenario.name,
        "centre": {
            "lat_deg": round(float(np.degrees(np.arcsin(centre[2]))), 6),
            "lon_deg": round(float(np.degrees(np.arctan2(centre[1], centre[0]))), 6),
        },
        "radius_m": round(reach, 1),
    }


def sensors_told(health: Health) -> list[dict[str, Any]]:
    """The state of the sensors as `status` tells it."""
    told = [
        {
            "id": one.id,
            "condition": one.condition,
            "heard_ms": one.heard_ns / 1e6,
            "plots_per_s": round(one.plots_per_s, 1),
            "azimuth_deg": float(np.degrees(one.azimuth_rad)) % 360.0,
            "rotation_s": one.rotation_s,
        }
        for one in health.sensors
    ]
    for one, report in zip(told, health.registration, strict=False):
        values = as_values(report)
        one["registration"] = {name: values[name] for name in REGISTRATION_TOLD}
    return told


def status_told(frame: Frame | None, mode: str, said: list[str]) -> dict[str, Any]:
    """What `status` says for all clients alike; null latency where nothing was received since the update before."""
    if frame is None:
        return {
            "type": "status", "time_ms": 0.0, "mode": mode, "tracks": 0, "plots": 0, "plots_per_s": 0.0,
            "latency_ms": None, "late": 0, "dropped": 0, "shed": 0, "recording": "off",
            "said": ["nothing has been tracked yet", *said], "sensors": [],
        }  # fmt: skip
    h = frame.health
    return {
        "type": "status",
        "time_ms": frame.time_ns / 1e6,
        "mode": h.mode,
        "tracks": frame.states.n,
        "plots": h.plots,
        "plots_per_s": round(h.plots_per_s, 1),
        "latency_ms": round(statistics.median(h.latency_ms), 3) if h.latency_ms else None,
        "late": h.late,
        "dropped": h.dropped,
        "shed": h.shed,
        "recording": h.recording,
        "said": [*h.said, *said],
        "sensors": sensors_told(h),
    }
