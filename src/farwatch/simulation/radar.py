"""One simulated radar: what it makes of each second of traffic, and the truth of how it came about."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from farwatch.plots import NO_MODE_A, Floats, Ints, Kind, Plots, Progress, ProgressKind, make_plots, make_progress
from farwatch.refraction import horizon_elevation
from farwatch.sensors.radar import Radar, RadarModel, radar_model
from farwatch.simulation.clutter import ClutterField, Echoes
from farwatch.simulation.detection import FALSE_ALARM, returns, snr_of_pd
from farwatch.simulation.envelopes import cross_sections
from farwatch.simulation.flights import Flights
from farwatch.simulation.observe import TWO_PI, crossings
from farwatch.simulation.registers import motion_of, registers
from farwatch.simulation.resolution import cells
from farwatch.simulation.secondary import MODE_S, coded_height_m, garbled, ghosts, identities, overlaid
from farwatch.simulation.sensing import Sensing
from farwatch.simulation.weather import Weather, pressure_altitude_m
from farwatch.truth import NO_PLOT, Illuminations, Outcome, concat_illuminations, make_illuminations

SECTORS = 16
LEAST_NOISE, MOST_NOISE = 0.5, 2.0  # times the stated sigma
SPLIT_CELLS = (1.0, 2.0)  # how far the second plot of a split lies off in range
SPLIT_M = 150.0  # the cell where the radar has none stated


class Looks(NamedTuple):
    """Aircraft that the beam crosses, in time order: when, where as an ideal radar would measure them, and who."""

    time_s: Floats
    range_m: Floats
    azimuth: Floats
    elevation: Floats
    rate_mps: Floats
    aircraft: Ints
    cross_section_m2: Floats
    transponder: Ints
    mode_a: Ints
    pressure_altitude_m: Floats
    motion: Floats  # (n, 3) true track (rad), ground speed (m/s), turn rate (rad/s, clockwise)

    def take(self, rows: Any) -> Looks:
        """The rows given by an index array or mask."""
        return Looks(*(column[rows] for column in self))


class Sightings(NamedTuple):
    """Plots in the making: range, azimuth, elevation and range rate in z (n, 4), and whose answer they hold."""

    time_s: Floats
    z: Floats
    kind: Ints
    aircraft: Ints  # whose identity it holds, -1: nobody's
    transponder: Ints
    mode_a: Ints
    pressure_altitude_m: Floats
    motion: Floats  # (n, 3) as in `Looks`
    flags: Ints

    def take(self, rows: Any) -> Sightings:
        """The rows given by an index array or mask."""
        return Sightings(*(column[rows] for column in self))


def anonymous(time_s: Floats, z: Floats) -> Sightings:
    """Primary plots."""
    n = len(time_s)
    none = np.full(n, -1, np.int64)
    zero = np.zeros(n, np.int64)
    return Sightings(
        time_s, z, np.full(n, int(Kind.PSR)), none, zero, zero, np.full(n, np.nan), np.full((n, 3), np.nan), zero
    )


class SimulatedRadar:
    """A radar that turns: `observe` one step after the other.

    Plots are numbered by a count of the radar's own, by which the illuminations name them. Both may come late by
    `hold_s`, within which a target that shares a resolution cell may still be crossed.
    """

    def __init__(
        self, index: int, sensor: Radar, sensing: Sensing, weather: Weather, flat: bool, seed: np.random.SeedSequence
    ) -> None:
        self.sensor = sensor
        self.sensing = sensing
        self.model: RadarModel = radar_model(sensor, flat)
        self.horizon = -math.pi if flat else horizon_elevation(max(self.model.height_m, 0.0), sensor.refraction)
        self.hold_s = 0.0
        if sensing.resolution is not None:
            self.hold_s = math.radians(sensing.resolution.azimuth_deg) / TWO_PI * sensor.rotation_s
        self._index = index
        self._weather = weather
        self._flat = flat
        looks, clutter = seed.spawn(2)
        self._rng = np.random.default_rng(looks)
        plots = sensor.clutter if sensing.clutter.plots is None else sensing.clutter.plots
        self._field = ClutterField(sensing.clutter, plots, self.model, self.horizon, np.random.default_rng(clutter))
        self._turns = 0  # whose clutter is drawn
        self._echoes = Echoes(*(np.zeros(0) for _ in Echoes._fields))  # of them, not given out yet; times since start
        self._held: list[Looks] = []
        self._count = 0
        self._cross_sections = cross_sections()
        law = sensing.detection
        self._false_alarm = FALSE_ALARM if law is None else law.false_alarm
        self._reference_snr = snr_of_pd(sensor.detection if law is None else law.reference_pd, self._false_alarm)

    def observe(
        self, flights: Flights, now_s: float, dt: float, start_ns: int, last: bool = False
    ) -> tuple[Plots, Illuminations, Progress]:
        """Plots of the coming `dt` seconds, what could be seen, and the sectors passed; nothing is held in the last."""
        beam = TWO_PI * (now_s / self.sensor.rotation_s % 1.0)
        met = crossings(self.model, flights, beam, dt, self.horizon)
        looks, cell = self._ready(self._looks(met, flights, now_s), math.inf if last else now_s + dt - self.hold_s)
        seen, illuminations = self._detect(looks, cell, start_ns)
        ghost, ghost_rows = self._ghosts(flights, beam, now_s, dt, met, start_ns)
        false = self._clutter(now_s + dt)
        plots = self._plots(seen, ghost, false, start_ns)
        named = concat_illuminations([illuminations, ghost_rows._replace(plot=ghost_rows.plot + len(seen.time_s))])
        caused = np.where(named.plot == NO_PLOT, NO_PLOT, named.plot + self._count)
        self._count += plots.n
        return plots, named._replace(plot=caused), self._progress(now_s, dt, start_ns)

    def _looks(self, met: Floats, f: Flights, now_s: float) -> Looks:
        row, late = met[:, 0].astype(np.int64), met[:, 1]
        height = f.height_m[row] + f.climb_mps[row] * late
        return Looks(
            now_s + late,
            met[:, 2],
            met[:, 3],
            met[:, 4],
            met[:, 5],
            f.aircraft[row],
            self._cross_sections[f.type[row]],
            f.transponder[row] if self.sensing.kind == "combined" else np.zeros(len(row), np.int64),
            f.mode_a[row],
            pressure_altitude_m(self._weather, self._flat, f.lat[row], f.lon[row], height),
            motion_of(f, row, late),
        )

    def _ready(self, new: Looks, until_s: float) -> tuple[Looks, Ints]:
        """The looks that nothing can join any more, by time, and the resolution cell of each; the others are held."""
        looks = Looks(*(np.concatenate(columns) for columns in zip(*self._held, new, strict=True)))
        looks = looks.take(np.argsort(looks.time_s, kind="stable"))
        resolution = self.sensing.resolution
        if resolution is None:
            return looks, np.arange(len(looks.time_s))
        cell = cells(looks.range_m, looks.azimuth, resolution.range_m, math.radians(resolution.azimuth_deg))
        begun = np.zeros(len(cell), bool)
        begun[cell[looks.time_s < until_s]] = True
        ready = begun[cell]
        self._held = [looks.take(~ready)]
        return looks.take(ready), np.unique(cell[ready], return_inverse=True)[1].astype(np.int64)

    def _detect(self, looks: Looks, cell: Ints, start_ns: int) -> tuple[Sightings, Illuminations]:
        """Plots of the looks, and what came of each; plots are named by their row."""
        sensing, rng, n = self.sensing, self._rng, len(cell)
        law = sensing.detection
        snr = np.full(n, self._reference_snr) if law is None else law.snr(looks.cross_section_m2, looks.range_m)
        if sensing.blind_speeds is not None:
            snr = snr * sensing.blind_speeds.passes(looks.rate_mps)
        back = returns(snr, cell, self._false_alarm, rng)
        m = len(back.pd)
        share = np.bincount(cell, minlength=m)
        able = looks.transponder > 0
        by_answer = sensing.secondary.detection
        answered = able & (back.detected[cell] if by_answer is None else rng.uniform(size=n) < by_answer)
        detection = back.pd[cell]
        if by_answer is not None:
            detection = np.where(able, 1.0 - (1.0 - detection) * (1.0 - by_answer), detection)

        # Answers keep aircraft of one cell apart; its echo goes to the strongest of them, or makes a plot of its own.
        rows = np.flatnonzero(answered)
        strongest = np.full(m, -1)
        by_power = rows[np.argsort(back.power[rows], kind="stable")]
        strongest[cell[by_power]] = by_power
        echo = np.flatnonzero(back.detected & (strongest < 0))
        seen = self._sightings(looks, cell, back.power, rows, echo, back.detected[cell] & (strongest[cell] >= 0))
        plot = np.full(n, NO_PLOT)
        place = np.full(m, NO_PLOT)
        place[echo] = len(rows) + np.arange(len(echo))
        plot[rows] = np.arange(len(rows))
        has = back.detected & (strongest >= 0)
        place[has] = plot[strongest[has]]
        plot = np.where(plot == NO_PLOT, place[cell], plot)
        joined = (share[cell] > 1) & (plot != NO_PLOT) & (plot == place[cell])
        outcome = np.where(plot == NO_PLOT, int(Outcome.MISSED), np.where(joined, int(Outcome.MERGED), 0))

        scale = np.ones(n)
        if sensing.noise_by_snr:
            together = np.bincount(cell, snr, m)[cell]
            noisier = np.sqrt(self._reference_snr / np.maximum(together, 1e-9))
            scale = np.clip(noisier, LEAST_NOISE, MOST_NOISE)
        of_plot = np.ones(len(seen.time_s))
        of_plot[plot[plot != NO_PLOT]] = scale[plot != NO_PLOT]
        true_z = seen.z.copy()
        seen = seen._replace(z=self._noisy(true_z, of_plot))
        looked = self._rows(looks, np.arange(n), outcome, plot, detection, scale, start_ns)
        if sensing.splits == 0.0:
            return seen, looked
        return self._split(seen, true_z, of_plot, looks, looked, start_ns)

    def _sightings(self, looks: Looks, cell: Ints, power: Floats, answers: Ints, echo: Ints, echoed: Any) -> Sightings:
        """Plots of the answers (rows of looks), then of the cells in `echo` at their power-weighted centroids."""
        m = int(cell.max()) + 1 if len(cell) else 0
        total = np.maximum(np.bincount(cell, power, m), 1e-300)
        first = np.full(m, len(cell))
        np.minimum.at(first, cell, np.arange(len(cell)))
        centroid = []
        for column in looks[:5]:
            base = column[first] if m else np.zeros(0)
            off = column - base[cell]
            if column is looks.azimuth:
                off = (off + math.pi) % TWO_PI - math.pi
            centroid.append((base + np.bincount(cell, power * off, m) / total)[echo])
        time_s = np.concatenate([looks.time_s[answers], centroid[0]])
        z = np.concatenate([np.column_stack([column[answers] for column in looks[1:5]]), np.column_stack(centroid[1:])])
        seen = anonymous(time_s, z)
        n, mode_s = len(answers), looks.transponder[answers] == MODE_S
        flags = garbled(
            self.sensing.secondary,
            looks.range_m[answers],
            looks.azimuth[answers],
            looks.transponder[answers],
            math.radians(self.sensor.beam_deg),
            self._rng,
        )
        # The strongest answer of a cell carries its echo.
        order = np.argsort(-power[answers], kind="stable")
        first_of = np.zeros(n, bool)
        first_of[order[np.unique(cell[answers][order], return_index=True)[1]]] = True
        both = echoed[answers] & first_of
        seen.kind[:n] = np.where(
            both,
            np.where(mode_s, int(Kind.PSR_MODE_S), int(Kind.PSR_SSR)),
            np.where(mode_s, int(Kind.MODE_S), int(Kind.SSR)),
        )
        transponder, flagged, mode_a = seen.transponder.copy(), seen.flags.copy(), seen.mode_a.copy()
        seen.aircraft[:n], transponder[:n], flagged[:n] = looks.aircraft[answers], looks.transponder[answers], flags
        mode_a[:n] = overlaid(looks.mode_a[answers], flags, self._rng)
        seen.pressure_altitude_m[:n] = looks.pressure_altitude_m[answers]
        seen.motion[:n] = looks.motion[answers]
        return seen._replace(transponder=transponder, flags=flagged, mode_a=mode_a)

    def _noisy(self, z: Floats, scale: Floats) -> Floats:
        sigma = self.sensor.sigma
        sigmas = np.array(
            [
                sigma.range_m,
                math.radians(sigma.azimuth_deg),
                math.radians(sigma.elevation_deg or 0.0),
                sigma.range_rate_mps or 0.0,
            ]
        )
        noisy: Floats = z + self._rng.normal(size=z.shape) * sigmas * scale[:, None]
        return noisy

    def _split(
        self, seen: Sightings, true_z: Floats, scale: Floats, looks: Looks, looked: Illuminations, start_ns: int
    ) -> tuple[Sightings, Illuminations]:
        """Some plots come twice, the second a cell or two off in range; it names the first aircraft of its plot."""
        rng, resolution = self._rng, self.sensing.resolution
        chosen = np.flatnonzero(rng.uniform(size=len(seen.time_s)) < self.sensing.splits)
        z = true_z[chosen]
        cell_m = SPLIT_M if resolution is None else resolution.range_m
        z[:, 0] += rng.uniform(*SPLIT_CELLS, len(chosen)) * rng.choice((-1.0, 1.0), len(chosen)) * cell_m
        twice = seen.take(chosen)._replace(z=self._noisy(z, scale[chosen]))
        both = Sightings(*(np.concatenate(columns) for columns in zip(seen, twice, strict=True)))
        having = np.flatnonzero(looked.plot != NO_PLOT)
        plots, at = np.unique(looked.plot[having], return_index=True)
        row = having[at[np.searchsorted(plots, chosen)]] if len(chosen) else chosen
        number = len(seen.time_s) + np.arange(len(chosen))
        outcome = np.full(len(chosen), int(Outcome.SPLIT))
        more = self._rows(looks, row, outcome, number, np.full(len(row), self.sensing.splits), scale[chosen], start_ns)
        return both, concat_illuminations([looked, more])

    def _rows(
        self, looks: Looks, row: Ints, outcome: Ints, plot: Ints, detection: Floats, scale: Floats, start_ns: int
    ) -> Illuminations:
        sigma = self.sensor.sigma
        return make_illuminations(
            len(row),
            time_ns=start_ns + np.round(looks.time_s[row] * 1e9).astype(np.int64),
            aircraft=looks.aircraft[row],
            sensor=self._index,
            outcome=outcome,
            plot=plot,
            detection=detection,
            sigma_range_m=sigma.range_m * scale,
            sigma_azimuth_rad=math.radians(sigma.azimuth_deg) * scale,
            sigma_elevation_rad=math.nan if sigma.elevation_deg is None else math.radians(sigma.elevation_deg) * scale,
            sigma_height_m=np.where(looks.transponder[row] > 0, sigma.pressure_altitude_m, math.nan),
        )

    def _ghosts(
        self, f: Flights, beam: float, now_s: float, dt: float, met: Floats, start_ns: int
    ) -> tuple[Sightings, Illuminations]:
        """Answers from where their aircraft is not."""
        options = self.sensing.secondary
        if self.sensing.kind == "primary" or not (options.reflectors or options.sidelobes or options.fruit):
            return anonymous(np.zeros(0), np.zeros((0, 4))), make_illuminations(0)
        g = ghosts(options, self.model, f, beam, dt, met[:, 0].astype(np.int64), self._rng)
        n = len(g.row)
        z = np.column_stack([g.range_m, g.azimuth, g.elevation, np.zeros(n)])
        mode_s = f.transponder[g.row] == MODE_S
        height = pressure_altitude_m(self._weather, self._flat, f.lat[g.row], f.lon[g.row], f.height_m[g.row])
        seen = Sightings(
            now_s + g.late_s,
            self._noisy(z, np.ones(n)),
            np.where(mode_s, int(Kind.MODE_S), int(Kind.SSR)),
            f.aircraft[g.row],
            f.transponder[g.row],
            f.mode_a[g.row],
            height,
            motion_of(f, g.row, g.late_s),
            np.zeros(n, np.int64),
        )
        rows = make_illuminations(
            n,
            time_ns=start_ns + np.round(seen.time_s * 1e9).astype(np.int64),
            aircraft=seen.aircraft,
            sensor=self._index,
            outcome=g.outcome,
            plot=np.arange(n),
        )
        return seen, rows

    def _clutter(self, until_s: float) -> Sightings:
        """The false plots up to a time; those of a turn are drawn when it begins."""
        while self._turns * self.sensor.rotation_s < until_s:
            begins_s = self._turns * self.sensor.rotation_s
            drawn = self._field.turn(begins_s)
            drawn = drawn._replace(late_s=drawn.late_s + begins_s)
            self._echoes = Echoes(*(np.concatenate(pair) for pair in zip(self._echoes, drawn, strict=True)))
            self._turns += 1
        now = self._echoes.late_s < until_s
        given = Echoes(*(column[now] for column in self._echoes))
        self._echoes = Echoes(*(column[~now] for column in self._echoes))
        return anonymous(given.late_s, np.column_stack(given[1:]))

    def _plots(self, seen: Sightings, ghost: Sightings, false: Sightings, start_ns: int) -> Plots:
        """Plots with the radar's biases, by its own clock, of what it measures."""
        every = Sightings(*(np.concatenate(columns) for columns in zip(seen, ghost, false, strict=True)))
        n, bias, sigma = len(every.time_s), self.sensing.bias, self.sensor.sigma
        z = np.full((n, 6), np.nan)
        z[:, 0] = np.maximum(every.z[:, 0] * (1.0 + bias.range_gain) + bias.range_m, 1.0)
        z[:, 1] = (every.z[:, 1] + math.radians(bias.azimuth_deg)) % TWO_PI
        measured = 3
        if sigma.elevation_deg is not None:
            z[:, 2] = every.z[:, 2] + math.radians(bias.elevation_deg)
            measured |= 4
        if sigma.range_rate_mps is not None:
            z[:, 3] = every.z[:, 3]
            if (fold := self.sensor.range_rate_fold_mps) is not None:
                z[:, 3] -= fold * np.floor(z[:, 3] / fold + 0.5)
            measured |= 8
        crossed_ns = start_ns + np.round(every.time_s * 1e9).astype(np.int64)
        address, callsign = identities(every.aircraft, every.transponder)
        height = coded_height_m(every.pressure_altitude_m, every.transponder, self.sensing.secondary.height_step_ft)
        said = registers(self.sensing.secondary, every.motion, every.transponder, self._rng)
        return make_plots(
            n,
            id=self._count + np.arange(n),
            time_ns=crossed_ns + round(bias.time_s * 1e9),
            received_ns=crossed_ns,
            sensor=self._index,
            kind=every.kind,
            z=z,
            measured=measured,
            pressure_altitude_m=height,
            address=address,
            mode_a=np.where(every.transponder > 0, every.mode_a, NO_MODE_A),
            callsign=callsign,
            flags=every.flags,
            **said,
        )

    def _progress(self, now_s: float, dt: float, start_ns: int) -> Progress:
        """A message for each sector that the radar believes its beam to enter in the coming step."""
        rotation_s, bias = self.sensor.rotation_s, self.sensing.bias
        ahead = bias.azimuth_deg / 360.0
        first = math.ceil((now_s / rotation_s + ahead) * SECTORS - 1e-9)
        last = math.ceil(((now_s + dt) / rotation_s + ahead) * SECTORS - 1e-9)
        numbers = np.arange(first, last)
        time_s = (numbers / SECTORS - ahead) * rotation_s
        passed_ns = start_ns + np.round(time_s * 1e9).astype(np.int64)
        return make_progress(
            len(numbers),
            time_ns=passed_ns + round(bias.time_s * 1e9),
            received_ns=passed_ns,
            sensor=self._index,
            kind=np.where(numbers % SECTORS == 0, int(ProgressKind.NORTH), int(ProgressKind.SECTOR)),
            azimuth_rad=numbers % SECTORS * (TWO_PI / SECTORS),
            rotation_s=rotation_s,
        )
