"""Tracker: plots in, tracks out. The body of `update` is the algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from farwatch.association.belief import marginals
from farwatch.association.clusters import find_clusters
from farwatch.association.events import Candidates, Clusters, Events, Looks
from farwatch.errors import FarwatchError
from farwatch.frame import Frame
from farwatch.motion.imm import imm_model
from farwatch.picture import Picture, Status, concat_pictures
from farwatch.plots import Batch, Floats, Ints, Plots, concat_plots, make_plots
from farwatch.sensors import Sensor
from farwatch.sensors.radar import radar_model
from farwatch.tracker.admit import admissible, normalise
from farwatch.tracker.beam import follow_beam, make_beams
from farwatch.tracker.clutter import count_clutter, learn_clutter, make_clutter_map, plot_densities
from farwatch.tracker.correct import gate, update
from farwatch.tracker.lifecycle import count_births, expire, free_slots, give_birth, merge_duplicates, settle
from farwatch.tracker.looks import look
from farwatch.tracker.options import TrackerOptions, tracker_model
from farwatch.tracker.report import predict_rows, report
from farwatch.tracks import grow, make_hypotheses, make_tracks

FIRST_CAPACITY = 1024
SNAPSHOT_VERSION = 1

Mask = NDArray[np.bool_]


class Counts(NamedTuple):
    """Plots that the tracker was given, and why some were not used."""

    given: int = 0
    not_aircraft: int = 0
    absurd: int = 0


class Slice(NamedTuple):
    """One sensor's plots to be decided on now, and the densities of plots from elsewhere at each of them."""

    sensor: int
    plots: Plots
    false: Floats
    birth: Floats


class Tracker:
    """Multi-sensor tracker: a track-oriented Poisson multi-Bernoulli filter with IMM motion (Williams 2015).

    `sensors` in the order of `Plots.sensor`. It keeps no clock: batches carry the time. `counts` says what became of
    the plots.
    """

    def __init__(
        self, sensors: Sequence[Sensor], options: TrackerOptions | None = None, frame: Frame | None = None
    ) -> None:
        options = options or TrackerOptions()
        self.sensors = tuple(sensors)
        self.counts = Counts()
        self._flat = (frame or Frame()).flat
        self._options = tracker_model(options, self._flat)
        self._motion = imm_model(options.motion)
        self._radars = [radar_model(sensor, self._flat) for sensor in self.sensors]
        self._memory_scans = options.clutter_memory_scans
        self._rotation_s = np.array([sensor.rotation_s for sensor in self.sensors], np.float64)
        self._beams = make_beams(self._rotation_s)
        self._clutter = [make_clutter_map(sensor.clutter) for sensor in self.sensors]
        self._held = [make_plots(0) for _ in self.sensors]
        self._tracks = make_tracks(FIRST_CAPACITY, len(self.sensors))
        self._hypotheses = make_hypotheses(FIRST_CAPACITY)
        self._next_id = 1
        self._until_ns = 0

    def update(self, batch: Batch) -> Picture:
        """Take in one batch and return the tracks that were looked at or that ended, each at its own time.

        Plots of a cluster that the beam has not passed yet are held until it has.
        """
        pictures = []
        self._until_ns = batch.until_ns
        for sensor in range(len(self.sensors)):
            part = self._admit(batch, sensor)
            looks = self._predict(part)
            candidates = self._gate(part, looks)
            clusters, events = self._associate(part, looks, candidates)
            done, used = self._update(part, looks, candidates, clusters, events)
            pictures.append(self._lifecycle(part, looks, candidates, clusters, events, done, used))
        ended = expire(self._tracks, self._until_ns, self._options.coast_ns)
        if len(ended):
            pictures.append(self._report(ended))
        return concat_pictures(pictures) if len(pictures) > 1 else pictures[0]

    def picture(self, time_ns: int) -> Picture:
        """All confirmed and coasting tracks, predicted to one time."""
        rows = np.flatnonzero(self._tracks.alive & (self._tracks.status != Status.TENTATIVE))
        mean, covariance = predict_rows(self._tracks, self._hypotheses, rows, time_ns, self._motion, self._flat)
        times = np.full(len(rows), time_ns, np.int64)
        return report(self._tracks, rows, times, mean, covariance, self._rotation_s, self._flat, self._until_ns)

    def snapshot(self) -> bytes:
        """The whole state as bytes: a tracker of the same options that restores them goes on bit by bit the same."""
        state = {name: _packed(getattr(self, name)) for name in _STATE}
        return msgspec.msgpack.encode({"version": SNAPSHOT_VERSION, "sensors": [s.id for s in self.sensors], **state})

    def restore(self, snapshot: bytes) -> None:
        """Take over the state of `snapshot()`; raises `FarwatchError` for bytes of another version or other sensors."""
        try:
            state = msgspec.msgpack.decode(snapshot)
            version, names = state["version"], state["sensors"]
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise FarwatchError(f"these bytes are no snapshot of a tracker ({error}); take one with snapshot()") from None
        if version != SNAPSHOT_VERSION:
            raise FarwatchError(f"snapshot of version {version}, this farwatch reads {SNAPSHOT_VERSION}: start anew")
        if names != [sensor.id for sensor in self.sensors]:
            raise FarwatchError(f"snapshot of a tracker with the sensors {names}: restore it with the same scenario")
        for name in _STATE:
            setattr(self, name, _unpacked(getattr(self, name), state[name]))

    def _admit(self, batch: Batch, sensor: int) -> Slice:
        """The sensor's new plots that can be used, behind those held from before."""
        rows, given, not_aircraft, absurd = admissible(batch.plots, sensor, self._radars[sensor].max_range_m)
        self.counts = Counts(*(a + b for a, b in zip(self.counts, (given, not_aircraft, absurd), strict=True)))
        new = batch.plots.take(rows)
        normalise(new)
        follow_beam(self._beams, sensor, new, batch.progress, batch.until_ns)
        plots = concat_plots([self._held[sensor], new]) if self._held[sensor].n else new
        false, birth = plot_densities(
            self._clutter[sensor],
            plots,
            self._radars[sensor],
            self._options.births_per_scan,
            self._options.aircraft_at_start,
        )
        return Slice(sensor, plots, false, birth)

    def _predict(self, part: Slice) -> Looks:
        return look(
            self._tracks,
            self._hypotheses,
            self._radars[part.sensor],
            self._beams,
            part.sensor,
            self._motion,
            self._options.hazard,
            self._until_ns,
        )

    def _gate(self, part: Slice, looks: Looks) -> Candidates:
        return gate(
            looks,
            self._tracks,
            self._hypotheses,
            part.plots,
            self._radars[part.sensor],
            part.false,
            part.birth,
            self._options.chi2_gate,
        )

    def _associate(self, part: Slice, looks: Looks, candidates: Candidates) -> tuple[Clusters, Events]:
        n = part.plots.n
        clusters = find_clusters(
            candidates.look, candidates.plot, len(looks.time_ns), n, looks.passed, looks.overdue
        )
        return clusters, marginals(candidates, clusters, looks.existence, looks.detection, n)

    def _update(
        self, part: Slice, looks: Looks, candidates: Candidates, clusters: Clusters, events: Events
    ) -> tuple[Mask, Mask]:
        done, used = update(
            self._tracks,
            self._hypotheses,
            looks,
            candidates,
            events,
            clusters,
            part.plots,
            self._radars[part.sensor],
            part.sensor,
            self._motion,
        )
        self._held[part.sensor] = part.plots.take(np.flatnonzero(~used))
        clutter, radar = self._clutter[part.sensor], self._radars[part.sensor]
        count_clutter(clutter, part.plots, used, events.birth, radar.max_range_m)
        learn_clutter(clutter, self._beams, part.sensor, self._until_ns, self._memory_scans)
        return done, used

    def _lifecycle(
        self,
        part: Slice,
        looks: Looks,
        candidates: Candidates,
        clusters: Clusters,
        events: Events,
        done: Mask,
        used: Mask,
    ) -> Picture:
        merge_duplicates(self._tracks, self._hypotheses, looks, candidates, clusters, done)
        self._next_id = settle(
            self._tracks, self._hypotheses, looks, done, self._options, self._motion, self._next_id
        )
        rows = self._hypotheses.track[looks.hypothesis[done]]
        rows = rows[self._tracks.status[rows] != Status.TENTATIVE]
        picture = self._report(rows)
        # The table may grow here, so the rows are found before it is handed on.
        slots = self._slots(count_births(used, events, part.false, part.birth, self._options.delete_existence))
        give_birth(
            self._tracks,
            self._hypotheses,
            slots,
            part.plots,
            used,
            events,
            part.false,
            part.birth,
            self._radars[part.sensor],
            part.sensor,
            self._options,
            self._motion,
        )
        return picture

    def _report(self, rows: Ints) -> Picture:
        t = self._tracks
        return report(
            t, rows, t.time_ns[rows], t.mean[rows], t.covariance[rows], self._rotation_s, self._flat, self._until_ns
        )

    def _slots(self, wanted: int) -> Ints:
        """Free rows for new tracks; the table grows where it is full."""
        slots = free_slots(self._tracks, wanted)
        if len(slots) < wanted:
            capacity = 2 * (len(self._tracks.alive) + wanted)
            self._tracks = grow(self._tracks, make_tracks(capacity, len(self.sensors)))
            self._hypotheses = grow(self._hypotheses, make_hypotheses(capacity))
            slots = free_slots(self._tracks, wanted)
        return slots


_STATE = ("counts", "_beams", "_clutter", "_held", "_tracks", "_hypotheses", "_next_id", "_until_ns")


def _packed(value: Any) -> Any:
    """Arrays as (dtype, shape, bytes), NamedTuples and lists of them as lists."""
    if isinstance(value, np.ndarray):
        return [value.dtype.str, list(value.shape), value.tobytes()]
    if isinstance(value, tuple | list):
        return [_packed(item) for item in value]
    return int(value)


def _unpacked(like: Any, packed: Any) -> Any:
    """The inverse of `_packed`, shaped as `like`."""
    if isinstance(like, np.ndarray):
        dtype, shape, data = packed
        return np.frombuffer(data, dtype).reshape(shape).copy()
    if isinstance(like, tuple):
        return type(like)(*(_unpacked(item, part) for item, part in zip(like, packed, strict=True)))
    if isinstance(like, list):
        return [_unpacked(item, part) for item, part in zip(like, packed, strict=True)]
    return packed
