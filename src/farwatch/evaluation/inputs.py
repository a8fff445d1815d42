"""Inputs: tracks and truth that can be compared, and the time that they have in common."""

from __future__ import annotations

import datetime
from typing import NamedTuple

import numpy as np

from farwatch.errors import ConfigError, FarwatchError
from farwatch.picture import Picture, Status
from farwatch.plots import Floats, Ints
from farwatch.scenario import Scenario
from farwatch.truth import States, Truth

FIRST_NS = 10**17  # 1973: nanoseconds since 1970 are beyond, and no other unit of time gets there
LATE_SCANS = 10  # a tracker may need so long for its first track
EARLY_SCANS = 3
FAR_DEG = 1.0  # tracks and truth are hardly so far apart if they are of one place and unit


class Overlap(NamedTuple):
    """The time to be scored, and in words what of the input is outside, "" where nothing is."""

    start_ns: int
    end_ns: int
    note: str


def scan_period_ns(scenario: Scenario) -> int:
    """The rotation of the first sensor that turns; raises `ConfigError` where none does."""
    for sensor in scenario.sensors:
        rotation_s: float | None = getattr(sensor, "rotation_s", None)
        if rotation_s:
            return round(rotation_s * 1e9)
    raise ConfigError("no sensor of the scenario rotates, so there is no scan to score at; give one `rotation_s`")


def check_times(time_ns: Ints, what: str) -> None:
    """Refuse times that are not nanoseconds since 1970."""
    if not len(time_ns) or int(time_ns.min()) >= FIRST_NS:
        return
    size = abs(int(np.median(time_ns)))
    units = ((10**14, "microseconds"), (10**11, "milliseconds"), (10**8, "seconds"))
    guess = next((f", as {unit} since 1970 would be" for least, unit in units if size >= least), "")
    raise FarwatchError(
        f"{what}: `time_ns` must be nanoseconds since 1970 (UTC); it goes from {time_ns.min()} to "
        f"{time_ns.max()}{guess}"
    )


def check_places(lat_deg: Floats, lon_deg: Floats, flat: bool, what: str) -> None:
    """Refuse rows without a position, and positions that no Earth has."""
    lost = ~(np.isfinite(lat_deg) & np.isfinite(lon_deg))
    if lost.any():
        row = int(np.flatnonzero(lost)[0])
        raise FarwatchError(f"{what}: {lost.sum()} rows have no position (first row {row}); leave them out")
    if not flat and len(lat_deg) and (np.abs(lat_deg).max() > 90.0 or np.abs(lon_deg).max() > 360.0):
        raise FarwatchError(
            f"{what}: `lat_deg` and `lon_deg` must be degrees; they go up to {np.abs(lat_deg).max():g} and "
            f'{np.abs(lon_deg).max():g}. Metres in a plane need a scenario of [frame] kind = "flat"'
        )


def check_repeats(owner: Ints, time_ns: Ints, name: str, what: str) -> None:
    """Refuse two rows of one owner at one time."""
    order = np.lexsort((time_ns, owner))
    same = (np.diff(owner[order]) == 0) & (np.diff(time_ns[order]) == 0)
    if same.any():
        row = order[np.flatnonzero(same)[0]]
        raise FarwatchError(
            f"{what}: {same.sum()} rows repeat the {name} and time of another, the first of {name} {owner[row]} at "
            f"`time_ns` {time_ns[row]}; give each {name} one row a time"
        )


def check(picture: Picture, truth: Truth, flat: bool) -> None:
    """Refuse, with what and why, tracks and truth that cannot be compared."""
    states, live = truth.states, picture.take(picture.status != Status.ENDED)
    if not states.n:
        raise FarwatchError("truth: holds no state of any aircraft, so there is nothing to compare with")
    if not truth.illuminations.n:
        raise FarwatchError("illuminations: hold no row, so nothing says which aircraft could be seen")
    for table, what in ((picture, "tracks"), (states, "truth")):
        check_times(table.time_ns, what)
        check_places(table.lat_deg, table.lon_deg, flat, what)
    check_times(truth.illuminations.time_ns, "illuminations")
    check_repeats(live.track, live.time_ns, "track", "tracks")
    check_repeats(states.aircraft, states.time_ns, "aircraft", "truth")
    if live.n and not flat:
        _check_degrees(live, states)


def _check_degrees(live: Picture, states: States) -> None:
    """Refuse angles in radians: told by the other table, for which they fit once they are turned into degrees."""
    of_tracks = np.array([np.median(live.lat_deg), np.median(live.lon_deg)])
    of_truth = np.array([np.median(states.lat_deg), np.median(states.lon_deg)])
    apart_deg = np.abs(of_tracks - of_truth).max()
    for what, given, other in (("tracks", of_tracks, of_truth), ("truth", of_truth, of_tracks)):
        if apart_deg > FAR_DEG and np.abs(np.degrees(given) - other).max() < 0.1 * apart_deg:
            raise FarwatchError(
                f"{what}: `lat_deg` and `lon_deg` must be degrees; about {given[0]:.4f}, {given[1]:.4f} they look like "
                "radians"
            )


def overlap(first_ns: int, last_ns: int, states: States, scan_ns: int) -> Overlap:
    """What tracks from `first_ns` to `last_ns` and truth have in common; raises `FarwatchError` where nothing.

    A tracker needs time for its first track, and its last ones are of the last scan: that much is no loss.
    """
    start_ns, end_ns = int(states.time_ns.min()), int(states.time_ns.max())
    spans = f"tracks from {_utc(first_ns)} to {_utc(last_ns)}, truth from {_utc(start_ns)} to {_utc(end_ns)}"
    if first_ns > end_ns or last_ns < start_ns:
        raise FarwatchError(f"tracks and truth have no time in common: {spans}; give those of one recording")
    late, early = first_ns - start_ns > LATE_SCANS * scan_ns, end_ns - last_ns > EARLY_SCANS * scan_ns
    beyond = start_ns - first_ns > EARLY_SCANS * scan_ns or last_ns - end_ns > EARLY_SCANS * scan_ns
    note = f"only part of the time is scored, that which both have: {spans}" if late or early or beyond else ""
    return Overlap(first_ns if late else start_ns, last_ns if early else end_ns, note)


def _utc(time_ns: int) -> str:
    return datetime.datetime.fromtimestamp(time_ns // 10**9, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
