"""Registrar: hears what goes into the tracker and what comes out, and makes the next plots right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from farwatch.errors import FarwatchError
from farwatch.packing import copied, packed, unpacked
from farwatch.picture import Picture
from farwatch.plots import (
    Batch,
    Floats,
    Ints,
    Plots,
    Progress,
    concat_plots,
    concat_progress,
    make_plots,
    make_progress,
)
from farwatch.registration.correct import Correction
from farwatch.registration.estimator import EXCLUDED, EXPLAINED, Estimate, Estimator, Known
from farwatch.registration.health import add_window, no_health
from farwatch.registration.options import RegistrationOptions
from farwatch.registration.stations import RADAR, stations_of
from farwatch.registration.transponders import Delays, no_delays, with_window
from farwatch.registration.window import Sightings, grouped, joined, keys, no_sightings, sightings, thinned

FIRST_WINDOWS = 2  # of half the length: the sooner the first errors are off, the better
SECOND_NS = 1_000_000_000
FULL = 1.2  # shares of aircraft are uneven: a window must hold the largest
PATIENCE_NS = 6_000_000_000  # behind a window's end: its plots are in, and the tracker has said whose they are


class Told(NamedTuple):
    """Which plots the tracker has made which tracks of, and their addresses."""

    plot: Ints
    track: Ints
    address: Ints


T = TypeVar("T", Plots, Progress)


def _by_time(rows: T) -> T:
    return rows.take(np.argsort(rows.time_ns, kind="stable"))


class Registrar:
    """`correct` comes before the tracker, `hear` behind it. It keeps no clock: batches carry the time."""

    def __init__(self, sensors: Sequence[Any], options: RegistrationOptions, flat: bool) -> None:
        self.options = options
        self.stations = stations_of(sensors, flat)
        self.estimator = Estimator(self.stations, options)
        self.health: Floats = no_health(len(self.stations))
        self.delays: Delays = no_delays()  # of transponders
        self.left_out = np.zeros(1, np.int64)  # plots of sensors that nothing explains
        self._begins_ns = np.zeros(1, np.int64)  # of the window that is being filled; 0 before the first plot
        self._until_ns = np.zeros(1, np.int64)  # of the tracker's last batch
        self._held = (make_plots(0), make_progress(0))  # corrected, and later than that
        self._shares = np.ones(2, np.int64)  # into which aircraft are parted, in this window and in the next
        self._seen: list[Sightings] = []
        self._told: list[Told] = []
        self._correction = self._corrected()

    @property
    def estimate(self) -> Estimate:
        """The sensors' errors as they are now."""
        return self.estimator.estimate

    def correct(self, batch: Batch) -> Batch:
        """The batch as right sensors would have given it."""
        if not self.options.correct:
            return batch
        plots, progress, left_out = self._correction(batch.plots, batch.progress)
        self.left_out += left_out
        # By the right times, what has come is whole only up to a little before the watermark; the rest is held.
        until_ns = max(int(self._until_ns[0]), batch.until_ns - self._correction.wait_ns)
        self._until_ns[0] = until_ns
        plots, progress = concat_plots([self._held[0], plots]), concat_progress([self._held[1], progress])
        now, done = plots.time_ns < until_ns, progress.time_ns < until_ns
        self._held = plots.take(~now), progress.take(~done)
        return Batch(_by_time(plots.take(now)), _by_time(progress.take(done)), until_ns)

    def hear(self, batch: Batch, picture: Picture) -> None:
        """Take in a batch as it came, and what the tracker has made of it."""
        if batch.plots.n:
            self._seen.append(self._whose_turn_it_is(sightings(batch.plots)))
            if not self._begins_ns[0]:
                self._begins_ns[0] = int(batch.plots.time_ns.min()) // SECOND_NS * SECOND_NS
        rows = np.flatnonzero(picture.plot >= 0)
        if len(rows):
            self._told.append(Told(*(c[rows].astype(np.int64) for c in (picture.plot, picture.track, picture.address))))
        while self._begins_ns[0] and batch.until_ns >= self._begins_ns[0] + self._window_ns + PATIENCE_NS:
            self._close()

    def _whose_turn_it_is(self, seen: Sightings) -> Sightings:
        """Where there are so many aircraft that each has its turn, what would not be compared is not even kept."""
        if self._shares.max() == 1:
            return seen
        later = (seen.time_ns >= int(self._begins_ns[0]) + self._window_ns).astype(np.int64)
        shares, turn = self._shares[later], int(self.estimator.known.windows[0]) + later
        return seen.take((seen.address < 0) | (seen.address % shares == turn % shares))

    @property
    def _window_ns(self) -> int:
        first = self.estimator.known.windows[0] < FIRST_WINDOWS
        return round((0.5 if first else 1.0) * self.options.window_s * 1e9)

    def _close(self) -> None:
        """Compare the sensors over the window that is full."""
        begins_ns, window_ns = int(self._begins_ns[0]), self._window_ns
        ends_ns, window_s = begins_ns + window_ns, window_ns * 1e-9
        seen, told = joined(self._seen), self._said()
        own = (seen.time_ns >= begins_ns) & (seen.time_ns < ends_ns)
        later = seen.take(seen.time_ns >= ends_ns)
        window = seen.take(own)
        turn = int(self.estimator.known.windows[0])
        groups = grouped(window, keys(window, *told), begins_ns + window_ns // 2, self.options.most_aircraft, turn)
        aircraft = groups.met * int(self._shares[0])
        self._shares[:] = self._shares[1], max(1, math.ceil(FULL * aircraft / self.options.most_aircraft))
        few = thinned(groups)
        made = self.estimator.learn(few, window_s)
        fade = math.exp(-window_s / self.options.memory_s)
        self.health *= fade
        if made is not None:
            self.delays = with_window(self.delays, few.key, made.delay, fade)
            add_window(self.health, made, groups, few, self.stations, window_s)
        self._seen = [later]
        recent = np.isin(told.plot, later.id)
        self._told = [Told(*(column[recent] for column in told))]
        self._begins_ns[0] = ends_ns
        if not later.n:
            self._begins_ns[0] = 0  # whoever is silent for hours is not compared window by window
        self._correction = self._corrected()

    def _said(self) -> Told:
        if not self._told:
            return Told(*(np.empty(0, np.int64) for _ in Told._fields))
        return Told(*(np.concatenate(columns) for columns in zip(*self._told, strict=True)))

    def _corrected(self) -> Correction:
        known, now = self.estimator.known, self.estimate
        variances = np.zeros((len(self.stations), 3))
        for number, station in enumerate(self.stations):
            r = station.radar
            variances[number] = station.sigma_m**2
            if station.kind == RADAR:
                variances[number] = r.variance_range, r.variance_azimuth, r.variance_elevation
        told = known.standing == EXPLAINED
        errors = np.where(told[:, None], now.errors, 0.0)
        # Until the first window is full, nobody is known to be right: tracks must not split by sensor. Who is never
        # compared later, alone where it sees, is taken as right.
        uncertain = told | ((known.windows[0] == 0) & (len(self.stations) > 1))
        covariance = np.where(uncertain[:, None, None], now.covariance, 0.0)
        radar = np.array([station.kind == RADAR for station in self.stations])
        return Correction(errors, covariance, variances, radar, known.standing == EXCLUDED)

    def state(self) -> list[Any]:
        """A copy of the whole state as plain data."""
        return [packed(copied(part)) for part in self._parts()]

    def restore(self, state: Any) -> None:
        """Take over the state of `state()`; raises `FarwatchError` where it is none."""
        known = self.estimator.known
        none = no_sightings()
        told = self._said()
        held = make_plots(0), make_progress(0)
        times = self._begins_ns, self._until_ns, self._shares
        like = (known, self.health, self.delays, self.left_out, times, none, Told(*(c[:0] for c in told)), held)
        try:
            parts = [unpacked(one, part) for one, part in zip(like, state, strict=True)]
            if any(a.shape != b.shape for a, b in zip(parts[0], known, strict=True)):
                raise ValueError("other sensors")
        except (TypeError, ValueError, IndexError) as error:
            raise FarwatchError(f"no state of a registration ({error!r}): take it with state()") from None
        self.estimator.restore(Known(*parts[0]))
        self.health, self.delays, self.left_out = parts[1], Delays(*parts[2]), parts[3]
        self._begins_ns, self._until_ns, self._shares = parts[4]
        self._seen, self._told, self._held = [parts[5]], [parts[6]], parts[7]
        self._correction = self._corrected()

    def _parts(self) -> tuple[Any, ...]:
        return (
            self.estimator.known,
            self.health,
            self.delays,
            self.left_out,
            (self._begins_ns, self._until_ns, self._shares),
            joined(self._seen),
            self._said(),
            self._held,
        )
