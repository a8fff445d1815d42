"""Tracker: plots in, tracks out. The body of `update` is the algorithm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from farwatch.errors import FarwatchError
from farwatch.flight_plans import CODES, FlightPlans
from farwatch.frame import Frame
from farwatch.motion import motion_model
from farwatch.packing import copied, packed, unpacked
from farwatch.picture import Picture, Status, concat_pictures
from farwatch.plots import NO_ADDRESS, NO_MODE_A, Batch, Ints, Plots, Progress, make_plots, make_progress
from farwatch.sensors import RADAR, Sensor, layer_edges, sensor_model, shares_along_w
from farwatch.sensors.measurement import measurement_table
from farwatch.sensors.pressure import PressureField, make_pressure_field, use_pressure_field
from farwatch.sensors.radar import NO_RADAR, RadarModel
from farwatch.tracker.admit import EXCLUDED, HOMELESS, LATE, REMEMBERED, Admitted, Counts, admit, none_admitted
from farwatch.tracker.areas import area_model, mark_areas
from farwatch.tracker.beam import make_beams
from farwatch.tracker.clutter import ROWS, ClutterMap, make_clutter_map, plot_densities
from farwatch.tracker.detection import DetectionMap, make_detection_map
from farwatch.tracker.echoes import EchoMap, make_echo_map
from farwatch.tracker.ghosts import GhostMap, make_ghost_map
from farwatch.tracker.late import take_late
from farwatch.tracker.lifecycle import expire, free_rows
from farwatch.tracker.options import TrackerOptions, tracker_model
from farwatch.tracker.report import SHOWN, picture_of, predict_rows, report
from farwatch.tracker.smoother import Filtered
from farwatch.tracker.snapshots import snapshots
from farwatch.tracker.step import ROWS_A_PLOT, step
from farwatch.tracks import Hypotheses, grow, make_hypotheses, make_tracks

FIRST_CAPACITY, MOST_ROWS = 1024, 400_000  # of the tables: some 2 KB a row
LATE_PAIRS, LEAST_LATE = 20_000_000, 100  # of a late plot and a track, and late plots, that are gone through at once
SNAPSHOT_VERSION = 8
NO_PLOTS, NO_PROGRESS = make_plots(0), make_progress(0)


class Learned(NamedTuple):
    """What the tracker has learned of one sensor."""

    clutter: ClutterMap
    echoes: EchoMap
    detections: DetectionMap
    ghosts: GhostMap
    met: Ints  # plots met of late, by their hash


def learned_of(sensor: Sensor, flat: bool) -> Learned:
    """What is believed of a sensor before it has been heard."""
    clutter = make_clutter_map(sensor.clutter, layer_edges(sensor), shares_along_w(sensor, flat, ROWS))
    met = np.zeros(REMEMBERED, np.int64)
    return Learned(clutter, make_echo_map(), make_detection_map(sensor.detection), make_ghost_map(), met)


def pressure_field_of(radars: Sequence[RadarModel]) -> PressureField:
    """An empty field about the first of the radars."""
    return make_pressure_field(radars[0] if radars else NO_RADAR)


class Tracker:
    """Multi-sensor tracker: a track-oriented Poisson multi-Bernoulli filter with IMM motion (Williams 2015).

    `sensors` in the order of `Plots.sensor`. It keeps no clock: batches carry the time. `counts` says what became of
    the plots. `on_filtered`, if given, hears what the filter had after each look, row by row of each picture; `plans`,
    if given, are the flight plans that its pictures name.
    """

    def __init__(
        self, sensors: Sequence[Sensor], options: TrackerOptions | None = None, frame: Frame | None = None
    ) -> None:
        options = options or TrackerOptions()
        self.sensors = tuple(sensors)
        self.on_filtered: Callable[[Filtered], object] | None = None
        self.plans: FlightPlans | None = None
        self.flat = (frame or Frame()).flat
        self._options = tracker_model(options, self.flat)
        self.motion = motion_model(options.motion)
        self._models = [sensor_model(sensor, self.flat) for sensor in self.sensors]
        self._areas = [area_model(options.maps, sensor, self.flat) for sensor in self.sensors]
        self._period_s = np.array([sensor.period_s for sensor in self.sensors], np.float64)
        self._beams = make_beams(self._period_s)
        self._learned = [learned_of(sensor, self.flat) for sensor in self.sensors]
        self._pressure = pressure_field_of([radar for model, radar in self._models if model.kind == RADAR])
        self._held = [none_admitted(NO_PLOTS)] * len(self.sensors)
        self._tracks = make_tracks(FIRST_CAPACITY, len(self.sensors))
        self._hypotheses = make_hypotheses(FIRST_CAPACITY)
        self._room = 0  # free rows of the tables, at least
        self._counted = np.zeros(len(Counts._fields), np.int64)
        self._next_id = 1
        self._until_ns = 0

    @property
    def counts(self) -> Counts:
        """What became of the plots so far."""
        return Counts(*self._counted.tolist())

    def update(self, batch: Batch) -> Picture:
        """Take in one batch and return the tracks that were looked at or that ended, each at its own time.

        Plots of a cluster that the beam has not passed yet are held until it has.
        """
        pictures = []
        before_ns, self._until_ns = self._until_ns, batch.until_ns
        last = len(self.sensors) - 1
        for sensor, (model, radar) in enumerate(self._models):
            parts = self._parts(batch, sensor, before_ns)
            for number, (held, given, progress, until_ns) in enumerate(parts, 1):
                self._make_room(ROWS_A_PLOT * (held.n + given.n))
                done = step(
                    self._tracks,
                    self._hypotheses,
                    self._beams,
                    self._learned[sensor],
                    self._pressure,
                    self._counted,
                    held,
                    given,
                    progress,
                    model,
                    radar,
                    sensor,
                    self._period_s,
                    self._options,
                    self.motion,
                    self._next_id,
                    until_ns,
                    batch.until_ns if sensor == last and number == len(parts) else 0,
                )
                self._held[sensor], self._next_id = done.held, done.next_id
                self._tell_filtered(done.rows)
                pictures.append(picture_of(done.columns, batch.until_ns))
        ended = done.ended if parts else expire(self._tracks, batch.until_ns, self._options.coast_ns)
        if len(ended) or not pictures:
            pictures.append(self._report(ended))
        return self._planned(concat_pictures(pictures) if len(pictures) > 1 else pictures[0])

    def picture(self, time_ns: int, above_existence: float | None = None) -> Picture:
        """All confirmed and coasting tracks that may still exist, predicted to one time.

        With `above_existence`: all tracks likelier than that, whatever their status; tentative ones have the number 0.
        """
        t = self._tracks
        if above_existence is None:
            wanted = (t.status != Status.TENTATIVE) & (t.existence >= SHOWN)
        else:
            wanted = t.existence > above_existence
        rows = np.flatnonzero(t.alive & wanted)
        mean, covariance = predict_rows(self._tracks, self._hypotheses, rows, time_ns, self.motion, self.flat)
        times = np.full(len(rows), time_ns, np.int64)
        own = np.arange(len(rows))
        t = self._tracks
        return self._planned(report(t, rows, times, mean, covariance, own, self._period_s, self.flat, self._until_ns))

    def snapshot(self) -> bytes:
        """The whole state as bytes: a tracker of the same options that restores them goes on bit by bit the same."""
        return packed_state(self.state())

    def state(self) -> dict[str, Any]:
        """A copy of the whole state, cheap to take; `packed_state` makes a snapshot of it, in whatever thread."""
        t = self._tracks
        state = {name: copied(getattr(self, name)) for name in _STATE if name not in _TABLES}
        # What stands in other rows is written over before it is read: when a track is born in them.
        rows = np.flatnonzero(t.alive | ((t.status != Status.TENTATIVE) & (t.address != NO_ADDRESS)))
        state["_tracks"], state["_hypotheses"] = [column[rows] for column in t], _kept(self._hypotheses, rows)
        sensors = [sensor.id for sensor in self.sensors]
        return {"version": SNAPSHOT_VERSION, "sensors": sensors, "capacity": len(t.alive), "rows": rows, **state}

    def restore(self, snapshot: bytes) -> None:
        """Take over the state of `snapshot()`; raises `FarwatchError` for bytes of another version or other sensors."""
        try:
            state = msgspec.msgpack.decode(snapshot)
            version, names = state["version"], state["sensors"]
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise FarwatchError(f"no snapshot of a tracker ({error}): take one with snapshot()") from None
        if version != SNAPSHOT_VERSION:
            raise FarwatchError(f"snapshot of version {version}, this farwatch reads {SNAPSHOT_VERSION}: start anew")
        if names != [sensor.id for sensor in self.sensors]:
            raise FarwatchError(f"snapshot of a tracker with the sensors {names}: restore it with the same scenario")
        try:
            tracks, hypotheses = make_tracks(state["capacity"], len(names)), make_hypotheses(state["capacity"])
            rows = unpacked(np.empty(0, np.int64), state["rows"])
            columns: list[Any] = list(tracks)
            for column, values in zip(columns, unpacked(columns, state["_tracks"]), strict=True):
                column[rows] = values
            _put_back(hypotheses, rows, state["_hypotheses"])
            rest = {n: unpacked(getattr(self, n), state[n]) for n in _STATE if n not in _TABLES}
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FarwatchError(f"no snapshot of a tracker ({error!r}): take one with snapshot()") from None
        self._tracks, self._hypotheses, self._room = tracks, hypotheses, 0
        for name, value in rest.items():
            setattr(self, name, value)

    def _parts(self, batch: Batch, sensor: int, before_ns: int) -> list[tuple[Admitted, Plots, Progress, int]]:
        """What each step of one sensor's slice is given: plots held for it, those of all, messages, until when (ns).

        Where some are late, the operator has a map or the sensor takes snapshots, its plots are admitted here, and wait
        as those held do.
        """
        held, model = self._held[sensor], self._models[sensor][0]
        on_time = not batch.plots.n or batch.plots.time_ns.min() >= before_ns
        if on_time and not model.snapshot and self._areas[sensor] is None:
            return [(held, batch.plots, batch.progress, batch.until_ns)]
        plots = self._admit(batch, sensor, before_ns)
        looks = snapshots(plots, batch.progress, sensor) if model.snapshot else [(batch.until_ns, plots)]
        return [(part, NO_PLOTS, NO_PROGRESS, until_ns) for until_ns, part in looks]

    def _admit(self, batch: Batch, sensor: int, before_ns: int) -> Admitted:
        """The sensor's new plots that can be used, behind those held from before; the late ones are taken up here."""
        held, model = self._held[sensor], self._models[sensor][0]
        met = self._learned[sensor].met
        given = (held, batch.plots, batch.progress, self._beams, self._counted, met, sensor, model, batch.until_ns)
        plots = admit(*given)
        late = plots.time_ns < before_ns
        late[: held.n] = False
        if late.any():
            rows = np.flatnonzero(late)
            # Too old for any state to be taken back to, or too many to be held against every track.
            kept = rows[plots.time_ns[rows] >= batch.until_ns - self._options.coast_ns]
            kept = kept[: max(LATE_PAIRS // len(self._tracks.alive), LEAST_LATE)]
            self._counted[LATE] += len(rows)
            self._counted[HOMELESS] += len(rows) - len(kept) + self._take_late(plots.take(kept), sensor)
            plots = plots.take(~late)
        if (areas := self._areas[sensor]) is not None:
            excluded = mark_areas(plots, held.n, areas, model, self._models[sensor][1], self._options)
            self._counted[EXCLUDED] += excluded.sum()
            plots = plots.take(~excluded)
        return plots  # type: ignore[no-any-return]

    def _take_late(self, plots: Admitted, sensor: int) -> int:
        """Give late plots to the tracks that they belong to; return how many belonged to none."""
        model, radar = self._models[sensor]
        learned = self._learned[sensor]
        false, _ = plot_densities(learned.clutter, learned.echoes, plots, model, radar, self._options)
        table = measurement_table(plots, *model.variances)
        if model.kind == RADAR:
            use_pressure_field(self._pressure, radar, plots, table)
        given = (self._tracks, self._hypotheses, plots, table, false, model, radar, sensor, self._options, self.motion)
        return int(take_late(*given))

    def _make_room(self, wanted: int) -> None:
        """See to it that so many tracks may be born; the tables grow, up to a limit, where they lack free rows."""
        if self._room < wanted:
            self._room = free_rows(self._tracks, self._until_ns)
        if self._room < wanted and len(self._tracks.alive) < MOST_ROWS:
            capacity = min(2 * len(self._tracks.alive) + wanted, MOST_ROWS)
            self._room += capacity - len(self._tracks.alive)
            self._tracks = grow(self._tracks, make_tracks(capacity, len(self.sensors)))
            self._hypotheses = grow(self._hypotheses, make_hypotheses(capacity))
        self._room -= wanted

    def _report(self, rows: Ints) -> Picture:
        """Picture of the confirmed ones among the tracks in `rows`, each at its own time."""
        t = self._tracks
        rows = rows[t.shown[rows]]
        t.shown[rows] = t.alive[rows]
        self._tell_filtered(rows)
        return report(t, rows, t.time_ns, t.mean, t.covariance, rows, self._period_s, self.flat, self._until_ns)

    def _planned(self, picture: Picture) -> Picture:
        """The picture with the flight plans that its tracks are of."""
        if self.plans is None:
            return picture
        t = self._tracks
        codes = t.mode_a[t.alive & (t.status != Status.TENTATIVE) & (t.mode_a != NO_MODE_A)]
        shown = np.bincount(codes, minlength=CODES)
        found = self.plans.correlate(picture.address, picture.callsign, picture.mode_a, shown, picture.until_ns)
        return picture._replace(flight_plan=found)

    def _tell_filtered(self, rows: Ints) -> None:
        """Tell what the filter has of the tracks in `rows`, where someone wants to hear it."""
        if self.on_filtered is not None:
            t, h = self._tracks, self._hypotheses
            self.on_filtered(Filtered(t.agile[rows] > 0.5, h.probability[rows], h.mean[rows], h.covariance[rows]))


_TABLES = ("_tracks", "_hypotheses")
_STATE = ("_counted", "_beams", "_learned", "_pressure", "_held", *_TABLES, "_next_id", "_until_ns")


def _kept(hypotheses: Hypotheses, rows: Ints) -> list[Any]:
    """What a snapshot keeps of hypotheses: what one mode of 6 states does not use is written over before it is read."""
    h, one = hypotheses, hypotheses.modes[rows] <= 1
    several = rows[~one]
    first = [h.track[rows], h.modes[rows], h.probability[rows, 0], h.mean[rows, 0], h.covariance[rows, 0]]
    mean, covariance = first[3:]
    mean[one, 6] = covariance[one, 6] = covariance[one, :, 6] = 0.0
    return [*first, several, h.probability[several, 1:], h.mean[several, 1:], h.covariance[several, 1:]]


def _put_back(hypotheses: Hypotheses, rows: Ints, kept: list[Any]) -> None:
    """The inverse of `_kept`, packed, into a fresh table."""
    h, ints, floats = hypotheses, np.empty(0, np.int64), np.empty(0)
    like = [ints, ints, floats, floats, floats, ints, floats, floats, floats]
    h.track[rows], h.modes[rows], h.probability[rows, 0], h.mean[rows, 0], h.covariance[rows, 0], *more = unpacked(
        like, kept
    )
    several = more[0]
    h.probability[several, 1:], h.mean[several, 1:], h.covariance[several, 1:] = more[1:]


def packed_state(state: dict[str, Any]) -> bytes:
    """A tracker's state as a snapshot."""
    kept = (*_STATE, "rows")
    return msgspec.msgpack.encode({name: packed(value) if name in kept else value for name, value in state.items()})
