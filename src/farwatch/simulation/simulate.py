"""Simulate: traffic and radars stepped through time; the same seed gives the same bytes, whole or slice by slice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from farwatch.errors import ConfigError
from farwatch.frame import Frame
from farwatch.plots import (
    NO_ADDRESS,
    NO_CALLSIGN,
    NO_MODE_A,
    Kind,
    Plots,
    Progress,
    ProgressKind,
    concat_plots,
    concat_progress,
    make_plots,
    make_progress,
    pack_callsign,
)
from farwatch.refraction import horizon_elevation
from farwatch.sensors import Radar, Sensor
from farwatch.sensors.radar import RadarModel, radar_model
from farwatch.simulation.flights import Flights, Simulation, Traffic
from farwatch.simulation.observe import crossings
from farwatch.truth import (
    NO_PLOT,
    Illuminations,
    Outcome,
    States,
    Truth,
    concat_illuminations,
    concat_truth,
    make_illuminations,
    make_states,
    make_truth,
)

START_NS = 1_767_225_600_000_000_000  # 2026-01-01, 00:00 UTC
STEP_S = 1.0
SECTORS = 16
FLIGHT_LEVEL_STEP_M = 25 * 0.3048
FIRST_ADDRESS = 0x400000

Slice = tuple[Truth, Plots, Progress]


def simulate(
    sensors: Sequence[Sensor],
    frame: Frame,
    options: Simulation,
    duration_s: float,
    seed: int,
    start_ns: int = START_NS,
) -> Slice:
    """Truth, plots and progress of `duration_s` seconds, in time order."""
    parts = list(stream(sensors, frame, options, duration_s, seed, start_ns))
    if not parts:
        return make_truth(), make_plots(0), make_progress(0)
    truths, plots, progress = zip(*parts, strict=True)
    return concat_truth(truths), concat_plots(plots), concat_progress(progress)


def stream(
    sensors: Sequence[Sensor],
    frame: Frame,
    options: Simulation,
    duration_s: float,
    seed: int,
    start_ns: int = START_NS,
) -> Iterator[Slice]:
    """The same as `simulate`, a second at a time."""
    rng = np.random.default_rng(seed)
    stations = _radars(sensors)
    centre = stations[0].position
    at = (0.0, 0.0) if frame.flat else (math.radians(centre.lat_deg), math.radians(centre.lon_deg))
    traffic = Traffic(options, frame.flat, *at, rng)
    radars = [_Observer(n, station, frame.flat) for n, station in enumerate(stations)]
    next_id = 0
    for step in range(math.ceil(duration_s / STEP_S)):
        now_s = step * STEP_S
        now_ns = start_ns + round(now_s * 1e9)
        made = [radar.observe(traffic.flights, now_s, now_ns, rng) for radar in radars]
        plots, illuminations = _in_order([part[0] for part in made], [part[1] for part in made], next_id)
        next_id += plots.n
        progress = concat_progress([part[2] for part in made])
        progress = progress.take(np.argsort(progress.time_ns, kind="stable"))
        due = step % options.truth_every_s == 0
        states = _states(traffic.flights, now_ns, frame.flat) if due else make_states(0)
        yield Truth(states, illuminations), plots, progress
        traffic.step(now_s, STEP_S)


def _radars(sensors: Sequence[Sensor]) -> list[Radar]:
    """The sensors, which must all be radars."""
    for sensor in sensors:
        if not isinstance(sensor, Radar):
            raise ConfigError(f"sensor {sensor.id!r} is no radar: only radars are simulated; track plots of its own")
    return [sensor for sensor in sensors if isinstance(sensor, Radar)]


def _in_order(
    plots: Sequence[Plots], illuminations: Sequence[Illuminations], first_id: int
) -> tuple[Plots, Illuminations]:
    """All radars' plots by time with their final ids, and the illuminations, which name a plot by its row, by those."""
    together = concat_plots(plots)
    order = np.argsort(together.time_ns, kind="stable")
    ids = np.empty(together.n, np.int64)
    ids[order] = first_id + np.arange(together.n)
    starts = np.cumsum([0, *(part.n for part in plots[:-1])])
    named = []
    for part, start in zip(illuminations, starts, strict=True):
        caused = part.plot.copy()
        has = caused != NO_PLOT
        caused[has] = ids[caused[has] + start]
        named.append(part._replace(plot=caused))
    looks = concat_illuminations(named)
    return together.take(order)._replace(id=ids[order]), looks.take(np.argsort(looks.time_ns, kind="stable"))


def _states(f: Flights, time_ns: int, flat: bool) -> States:
    return make_states(
        len(f.lat),
        time_ns=time_ns,
        aircraft=f.aircraft.copy(),
        lat_deg=f.lat.copy() if flat else np.degrees(f.lat),
        lon_deg=f.lon.copy() if flat else np.degrees(f.lon),
        height_wgs84_m=f.height_m.copy(),
        ground_speed_mps=f.speed_mps.copy(),
        track_angle_deg=np.degrees(f.track) % 360.0,
        vertical_rate_mps=f.climb_mps.copy(),
        turn_rate_dps=np.degrees(f.turn),
    )


class _Observer:
    """One radar: what it makes of a second of traffic."""

    def __init__(self, index: int, sensor: Radar, flat: bool) -> None:
        self.index = index
        self.sensor = sensor
        self.model: RadarModel = radar_model(sensor, flat)
        below = -math.pi if flat else horizon_elevation(max(self.model.height_m, 0.0), sensor.refraction)
        self.horizon = below

    def observe(
        self, flights: Flights, now_s: float, now_ns: int, rng: np.random.Generator
    ) -> tuple[Plots, Illuminations, Progress]:
        """Plots of the coming second, what could be seen (plots named by their row), and the sectors passed."""
        turns = now_s / self.sensor.rotation_s
        beam = 2.0 * math.pi * (turns % 1.0)
        met = crossings(self.model, flights, beam, STEP_S, self.horizon)
        detected = rng.uniform(size=len(met)) < self.sensor.detection
        plots, clutter = self._plots(met[detected], flights, now_ns, rng), self._clutter(beam, now_ns, rng)
        return (
            concat_plots([plots, clutter]),
            self._looks(met, detected, flights, now_ns),
            self._progress(turns, now_ns, now_s),
        )

    def _looks(self, met: np.ndarray, detected: np.ndarray, flights: Flights, now_ns: int) -> Illuminations:
        row, sigma = met[:, 0].astype(np.int64), self.sensor.sigma
        return make_illuminations(
            len(met),
            time_ns=now_ns + np.round(met[:, 1] * 1e9).astype(np.int64),
            aircraft=flights.aircraft[row],
            sensor=self.index,
            outcome=np.where(detected, int(Outcome.DETECTED), int(Outcome.MISSED)),
            plot=np.where(detected, np.cumsum(detected) - 1, NO_PLOT),
            detection=self.sensor.detection,
            sigma_range_m=sigma.range_m,
            sigma_azimuth_rad=math.radians(sigma.azimuth_deg),
            sigma_elevation_rad=math.nan if sigma.elevation_deg is None else math.radians(sigma.elevation_deg),
            sigma_height_m=np.where(flights.transponder[row] > 0.0, sigma.pressure_altitude_m, math.nan),
        )

    def _plots(
        self,
        met: np.ndarray,
        flights: Flights,
        now_ns: int,
        rng: np.random.Generator,
    ) -> Plots:
        n, sigma = len(met), self.sensor.sigma
        noise = rng.normal(size=(n, 4))
        z = np.full((n, 6), np.nan)
        z[:, 0] = np.maximum(met[:, 2] + noise[:, 0] * sigma.range_m, 1.0)
        z[:, 1] = (met[:, 3] + noise[:, 1] * math.radians(sigma.azimuth_deg)) % (2.0 * math.pi)
        measured = 3
        if sigma.elevation_deg is not None:
            z[:, 2] = met[:, 4] + noise[:, 2] * math.radians(sigma.elevation_deg)
            measured |= 4
        if sigma.range_rate_mps is not None:
            z[:, 3] = met[:, 5] + noise[:, 3] * sigma.range_rate_mps
            measured |= 8
        row = met[:, 0].astype(np.int64)
        answers = flights.transponder[row] > 0.0
        height = flights.height_m[row] + flights.climb_mps[row] * met[:, 1]
        coded = np.round(height / FLIGHT_LEVEL_STEP_M) * FLIGHT_LEVEL_STEP_M
        time_ns = now_ns + np.round(met[:, 1] * 1e9).astype(np.int64)
        signs = [pack_callsign(f"FW{aircraft:05d}") for aircraft in flights.aircraft[row]]
        return make_plots(
            n,
            time_ns=time_ns,
            received_ns=time_ns,
            sensor=self.index,
            kind=np.where(answers, int(Kind.PSR_MODE_S), int(Kind.PSR)),
            z=z,
            measured=measured,
            pressure_altitude_m=np.where(answers, coded, np.nan),
            address=np.where(answers, FIRST_ADDRESS + flights.aircraft[row], NO_ADDRESS),
            mode_a=np.where(answers, flights.mode_a[row], NO_MODE_A),
            callsign=np.where(answers, np.array(signs, np.int64), NO_CALLSIGN),
        )

    def _clutter(self, beam: float, now_ns: int, rng: np.random.Generator) -> Plots:
        """False plots, uniform in range and azimuth, where the beam is."""
        n = int(rng.poisson(self.sensor.clutter * STEP_S / self.sensor.rotation_s))
        late = rng.uniform(0.0, STEP_S, n)
        z = np.full((n, 6), np.nan)
        z[:, 0] = rng.uniform(max(self.model.min_range_m, 1.0), self.model.max_range_m, n)
        z[:, 1] = (beam + 2.0 * math.pi * late / self.sensor.rotation_s) % (2.0 * math.pi)
        measured = 3
        if self.sensor.sigma.elevation_deg is not None:
            z[:, 2] = rng.uniform(self.model.min_elevation, self.model.max_elevation, n)
            measured |= 4
        if self.sensor.sigma.range_rate_mps is not None:
            z[:, 3] = rng.uniform(-300.0, 300.0, n)
            measured |= 8
        time_ns = now_ns + np.round(late * 1e9).astype(np.int64)
        columns = {"sensor": self.index, "kind": int(Kind.PSR), "z": z, "measured": measured}
        return make_plots(n, time_ns=time_ns, received_ns=time_ns, **columns)

    def _progress(self, turns: float, now_ns: int, now_s: float) -> Progress:
        """A message for each sector that the beam enters in the coming second."""
        first = math.ceil(turns * SECTORS - 1e-9)
        last = math.ceil((turns + STEP_S / self.sensor.rotation_s) * SECTORS - 1e-9)
        numbers = np.arange(first, last)
        late_s = numbers / SECTORS * self.sensor.rotation_s - now_s
        time_ns = now_ns + np.round(late_s * 1e9).astype(np.int64)
        return make_progress(
            len(numbers),
            time_ns=time_ns,
            received_ns=time_ns,
            sensor=self.index,
            kind=np.where(numbers % SECTORS == 0, int(ProgressKind.NORTH), int(ProgressKind.SECTOR)),
            azimuth_rad=numbers % SECTORS * (2.0 * math.pi / SECTORS),
            rotation_s=self.sensor.rotation_s,
        )
