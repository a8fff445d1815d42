"""Lineages: the paths that reports of one address lie on. A report that lies on none is not believed by itself.

A wild position stays alone; a second aircraft with the same address makes a path of its own, and so does one whose
first positions were wrong. A receiver whose clock is behind reports an aircraft where it has been: on the older part of
a path.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.kernels import leaf
from farwatch.plots import Floats, Ints

LINEAGES = 3  # of an address, at most
PAST = 16  # places of a path that are remembered
PAST_STEP_NS = 5_000_000_000
FORGOTTEN_NS = 180_000_000_000  # a lineage so long without a report is free for another
FRESH_NS = 20_000_000_000
CONFIRMED = 2  # reports that make the first path of an address believed
CONFIRMED_BESIDE = 5  # and another one beside it
MAX_SPEED_MPS = 1000.0
MAX_GROUND_SPEED_MPS = 120.0
SLACK_M = 300.0  # by which positions of one path may be off besides what they say
SLACK_BETWEEN_M = 100.0  # by which those of two techniques may
AGILITY_MPS2 = 60.0
LATE_M = 400.0  # so near to an older part of a path a report is a late one
LATE_S = 5.0
LATEST_S = 80.0
METRES_A_DEGREE = 111_195.0

ON_PATH, NEW, LATE, FULL = 0, 1, 2, 3


class Lineages(NamedTuple):
    """One row an address, up to LINEAGES paths each; a path without hits is free."""

    hits: Ints  # (n, LINEAGES)
    time_ns: Ints
    lat_deg: Floats
    lon_deg: Floats
    north_mps: Floats  # NaN where not known
    east_mps: Floats
    slot_ns: Ints  # time of the last report that was handed on
    direct_ns: Ints  # of the last report that came from the aircraft itself
    past_ns: Ints  # (n, LINEAGES, PAST), 0 where empty
    past: Floats  # (n, LINEAGES, PAST, 2) degrees
    cpr_ns: Ints  # (n, 2, 2) of the last airborne messages of each parity, of two aircraft at most; 0: none
    cpr: Ints  # (n, 2, 2, 3) their latitude, longitude and altitude (m)


def make_lineages(n: int) -> Lineages:
    """n rows that nothing is known of."""
    pair, ints, floats = (n, LINEAGES), np.int64, np.float64
    return Lineages(
        np.zeros(pair, ints), np.zeros(pair, ints), np.zeros(pair), np.zeros(pair), np.full(pair, np.nan),
        np.full(pair, np.nan), np.zeros(pair, ints), np.zeros(pair, ints), np.zeros((*pair, PAST), ints),
        np.zeros((*pair, PAST, 2), floats), np.zeros((n, 2, 2), ints), np.zeros((n, 2, 2, 3), ints),
    )  # fmt: skip


class Addresses:
    """The rows of `Lineages` by a key that holds an address; rows of those that are silent for long are used again."""

    def __init__(self, room: int = 256) -> None:
        self.lineages = make_lineages(room)
        self._row_of: dict[int, int] = {}
        self._free = list(range(room - 1, -1, -1))

    def rows(self, keys: Ints, newest_ns: int) -> NDArray[np.int64]:
        """The row of each key (n,)."""
        distinct, where = np.unique(keys, return_inverse=True)
        found = np.empty(len(distinct), np.int64)
        for k, key in enumerate(distinct.tolist()):
            row = self._row_of.get(key, -1)
            if row < 0:
                row = self._new(key, newest_ns, set(distinct.tolist()))
            found[k] = row
        return found[where]

    def existing(self, keys: Ints) -> NDArray[np.int64]:
        """The row of each key (n,), -1 where there is none."""
        distinct, where = np.unique(keys, return_inverse=True)
        return np.array([self._row_of.get(key, -1) for key in distinct.tolist()], np.int64)[where]

    def _new(self, key: int, newest_ns: int, wanted: set[int]) -> int:
        if not self._free:
            self._sweep(newest_ns, wanted)
        if not self._free:
            before = len(self.lineages.hits)
            more = make_lineages(2 * before)
            for old, new in zip(self.lineages, more, strict=True):
                new[:before] = old
            self.lineages = more
            self._free = list(range(2 * before - 1, before - 1, -1))
        self._row_of[key] = row = self._free.pop()
        return row

    def _sweep(self, newest_ns: int, wanted: set[int]) -> None:
        """Free the rows of addresses whose paths are all forgotten."""
        last_ns = np.maximum(self.lineages.time_ns.max(axis=1), self.lineages.cpr_ns.max(axis=(1, 2)))
        blank = make_lineages(1)
        for key, row in list(self._row_of.items()):
            if newest_ns - last_ns[row] > FORGOTTEN_NS and key not in wanted:
                del self._row_of[key]
                self._free.append(row)
                for column, empty in zip(self.lineages, blank, strict=True):
                    column[row] = empty[0]


@leaf
def offset_m(lat_deg, lon_deg, to_lat_deg, to_lon_deg):  # type: ignore[no-untyped-def]
    """North and east (m) from one place to another that is not far."""
    turn = to_lon_deg - lon_deg
    turn -= 360.0 * math.floor((turn + 180.0) / 360.0)
    middle = math.radians(0.5 * (lat_deg + to_lat_deg))
    return (to_lat_deg - lat_deg) * METRES_A_DEGREE, turn * METRES_A_DEGREE * math.cos(middle)


@leaf
def is_live(paths, row, number, time_ns):  # type: ignore[no-untyped-def]
    """Whether a path is in use at a time."""
    return paths.hits[row, number] > 0 and abs(time_ns - paths.time_ns[row, number]) <= FORGOTTEN_NS


@leaf
def reach_m(dt, max_speed_mps, known):  # type: ignore[no-untyped-def]
    """How far (m) an aircraft may be, after `dt` seconds, from where its last velocity takes it, if that is known."""
    dt = abs(dt)
    return min(max_speed_mps * dt, 0.5 * AGILITY_MPS2 * dt * dt + 100.0 * dt) if known else max_speed_mps * dt


@leaf
def on_path(paths, row, number, time_ns, lat_deg, lon_deg, slack, max_speed_mps):  # type: ignore[no-untyped-def]
    """Whether a position that may be off by `slack` (m) can be of the aircraft that a path is of."""
    dt = (time_ns - paths.time_ns[row, number]) * 1e-9
    north, east = offset_m(paths.lat_deg[row, number], paths.lon_deg[row, number], lat_deg, lon_deg)
    if math.hypot(north, east) > max_speed_mps * abs(dt) + slack:
        return False
    vn, ve = paths.north_mps[row, number], paths.east_mps[row, number]
    if math.isnan(vn) or abs(dt) > 30.0:
        return True
    return math.hypot(north - vn * dt, east - ve * dt) <= reach_m(dt, max_speed_mps, True) + slack


@leaf
def find_path(paths, row, time_ns, lat_deg, lon_deg, sigma_m, max_speed_mps):  # type: ignore[no-untyped-def]
    """The path that a position lies on, that of most hits where there are several; -1: none."""
    best = -1
    for number in range(LINEAGES):
        if best >= 0 and paths.hits[row, number] <= paths.hits[row, best]:
            continue
        if is_live(paths, row, number, time_ns) and on_path(
            paths, row, number, time_ns, lat_deg, lon_deg, SLACK_M + 4.0 * sigma_m, max_speed_mps
        ):
            best = number
    return best


@leaf
def was_there(paths, row, time_ns, lat_deg, lon_deg):  # type: ignore[no-untyped-def]
    """Whether a believed path of that address has led by that place some time ago."""
    for number in range(LINEAGES):
        if paths.hits[row, number] < CONFIRMED or not is_live(paths, row, number, time_ns):
            continue
        ahead_lat, ahead_lon = paths.lat_deg[row, number], paths.lon_deg[row, number]
        ahead_ns = paths.time_ns[row, number]
        for _ in range(PAST):  # from the newest place backwards, along the legs between them
            newest, at = np.int64(-1), -1
            for k in range(PAST):
                if newest < paths.past_ns[row, number, k] < ahead_ns and paths.past_ns[row, number, k] > 0:
                    newest, at = paths.past_ns[row, number, k], k
            if at < 0:
                break
            lat, lon = paths.past[row, number, at, 0], paths.past[row, number, at, 1]
            north, east = offset_m(lat, lon, ahead_lat, ahead_lon)
            own_north, own_east = offset_m(lat, lon, lat_deg, lon_deg)
            length2 = max(north * north + east * east, 1.0)
            along = min(max((own_north * north + own_east * east) / length2, 0.0), 1.0)
            passed_ns = newest + along * (ahead_ns - newest)
            ago = (time_ns - passed_ns) * 1e-9
            apart = math.hypot(own_north - along * north, own_east - along * east)
            if apart < LATE_M and LATE_S < ago < LATEST_S:
                return True
            ahead_lat, ahead_lon, ahead_ns = lat, lon, newest
    return False


@leaf
def free_path(paths, row, time_ns):  # type: ignore[no-untyped-def]
    """A path that is not in use, else the one of the fewest hits that is not believed, else -1."""
    least = -1
    for number in range(LINEAGES):
        if not is_live(paths, row, number, time_ns):
            return number
        if paths.hits[row, number] < CONFIRMED and (least < 0 or paths.hits[row, number] < paths.hits[row, least]):
            least = number
    return least


@leaf
def start_path(paths, row, number, time_ns, lat_deg, lon_deg):  # type: ignore[no-untyped-def]
    """Begin a path at a position."""
    paths.hits[row, number] = 1
    paths.time_ns[row, number] = time_ns
    paths.lat_deg[row, number], paths.lon_deg[row, number] = lat_deg, lon_deg
    paths.north_mps[row, number] = paths.east_mps[row, number] = math.nan
    paths.slot_ns[row, number] = paths.direct_ns[row, number] = 0
    for k in range(PAST):
        paths.past_ns[row, number, k] = 0


@leaf
def go_on(paths, row, number, time_ns, lat_deg, lon_deg, north_mps, east_mps):  # type: ignore[no-untyped-def]
    """Move a path's end to a position, with the velocity that is given, else the mean one since (NaN: too soon)."""
    dt = (time_ns - paths.time_ns[row, number]) * 1e-9
    if dt <= 0.0:
        return
    paths.hits[row, number] += 1
    if math.isnan(north_mps) and dt >= 0.4:
        north, east = offset_m(paths.lat_deg[row, number], paths.lon_deg[row, number], lat_deg, lon_deg)
        north_mps, east_mps = north / dt, east / dt
    if not math.isnan(north_mps):
        paths.north_mps[row, number], paths.east_mps[row, number] = north_mps, east_mps
    oldest, newest_ns = 0, np.int64(0)
    for k in range(PAST):
        newest_ns = max(newest_ns, paths.past_ns[row, number, k])
        if paths.past_ns[row, number, k] < paths.past_ns[row, number, oldest]:
            oldest = k
    if paths.time_ns[row, number] - newest_ns >= PAST_STEP_NS:
        paths.past_ns[row, number, oldest] = paths.time_ns[row, number]
        paths.past[row, number, oldest, 0] = paths.lat_deg[row, number]
        paths.past[row, number, oldest, 1] = paths.lon_deg[row, number]
    paths.time_ns[row, number] = time_ns
    paths.lat_deg[row, number], paths.lon_deg[row, number] = lat_deg, lon_deg


@leaf
def is_contradicted(paths, other, time_ns, lat_deg, lon_deg, sigma_m, max_speed_mps):  # type: ignore[no-untyped-def]
    """Whether row `other`, of the same address by another technique, has fresh believed paths, and none leads there."""
    if other < 0:
        return False
    fresh = False
    for number in range(LINEAGES):
        if paths.hits[other, number] < CONFIRMED or abs(time_ns - paths.time_ns[other, number]) > FRESH_NS:
            continue
        slack = SLACK_BETWEEN_M + 3.0 * sigma_m
        if on_path(paths, other, number, time_ns, lat_deg, lon_deg, slack, max_speed_mps):
            return False
        fresh = True
    return fresh


@leaf
def is_beside(paths, row, number, time_ns):  # type: ignore[no-untyped-def]
    """Whether the address has a path that is believed and has more reports than this one (-1: than none)."""
    hits = paths.hits[row, number] if number >= 0 else 0
    for other in range(LINEAGES):
        most = paths.hits[row, other]
        if other != number and most >= CONFIRMED and most > hits and is_live(paths, row, other, time_ns):
            return True
    return False


@leaf
def is_believed(paths, row, number, time_ns, contradicted):  # type: ignore[no-untyped-def]
    """Whether a path has the reports that it takes: more where the address has another one, or is seen elsewhere."""
    doubtful = contradicted or is_beside(paths, row, number, time_ns)
    return paths.hits[row, number] >= (CONFIRMED_BESIDE if doubtful else CONFIRMED)
