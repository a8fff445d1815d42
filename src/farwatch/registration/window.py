"""Window: what the sensors have said of the same aircraft in the same half minute."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.plots import NO_ADDRESS, Flag, Floats, Ints, Kind, Measured, Plots

MOST_MEMBERS = 10  # sensors that an aircraft is compared by in one window
LEAST_PLOTS = 4
MOST_PLOTS = 10  # of one sensor and aircraft, that a window is fitted by
HIGHEST_M = 40_000.0
UNKNOWN = -1
_TRACKS = 1 << 32  # keys of aircraft that only their track tells begin here
_UNFIT = int(Flag.NOT_AIRCRAFT)
_NO_HEIGHT = int(Flag.MODE_C_INVALID | Flag.MODE_C_GARBLED)


class Sightings(NamedTuple):
    """Plots as they came, one row each: what registration needs of them."""

    id: Ints
    time_ns: Ints
    sensor: NDArray[np.int32]
    z: Floats  # (n, 3)
    three: NDArray[np.bool_]  # a position with its height
    pressure_altitude_m: Floats
    address: NDArray[np.int32]
    nacp: NDArray[np.int8]
    squawked: NDArray[np.bool_]  # range by a transponder's answer

    @property
    def n(self) -> int:
        return len(self.time_ns)

    def take(self, rows: Any) -> Sightings:
        """The rows given by an index array, mask or slice."""
        return Sightings(*(column[rows] for column in self))


class Groups(NamedTuple):
    """Sightings sorted by aircraft and time; aircraft k has rows first[k]:first[k + 1]."""

    seen: Sightings
    group: Ints
    first: Ints
    key: Ints  # (groups,)
    middle_ns: int
    met: int  # aircraft that there were, with those whose turn it is not

    @property
    def n(self) -> int:
        return len(self.key)


def no_sightings() -> Sightings:
    """None."""
    return Sightings(
        np.empty(0, np.int64),
        np.empty(0, np.int64),
        np.empty(0, np.int32),
        np.empty((0, 3)),
        np.empty(0, np.bool_),
        np.empty(0),
        np.empty(0, np.int32),
        np.empty(0, np.int8),
        np.empty(0, np.bool_),
    )


def sightings(plots: Plots) -> Sightings:
    """Those of the plots that can be compared."""
    two = int(Measured.POSITION_2D)
    good = (plots.flags & _UNFIT == 0) & (plots.measured & two == two) & np.isfinite(plots.z[:, :2]).all(axis=1)
    rows = np.flatnonzero(good)
    height = np.where(plots.flags[rows] & _NO_HEIGHT == 0, plots.pressure_altitude_m[rows], np.nan)
    # What a broadcast says of its height counts here, even where the tracks go by pressure.
    three = (plots.kind[rows] == int(Kind.ADSB)) & (np.abs(plots.z[rows, 2]) < HIGHEST_M)
    return Sightings(
        plots.id[rows],
        plots.time_ns[rows],
        plots.sensor[rows].astype(np.int32),
        np.ascontiguousarray(plots.z[rows, :3]),
        three,
        height,
        plots.address[rows].astype(np.int32),
        plots.nacp[rows].astype(np.int8),
        plots.kind[rows] != int(Kind.PSR),
    )


def joined(parts: list[Sightings]) -> Sightings:
    """One table out of several."""
    return Sightings(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else no_sightings()


def keys(seen: Sightings, plot: Ints, track: Ints, address: Ints) -> Ints:
    """Whose each sighting is: its address, else that of its track, else the track; UNKNOWN where nothing tells.

    `plot` (m,) are ids of plots that made the tracks `track` (m,), which have the addresses `address` (m,).
    """
    own = np.where(seen.address != NO_ADDRESS, seen.address.astype(np.int64), UNKNOWN)
    rows = np.flatnonzero(own == UNKNOWN)
    if len(rows) and len(plot):
        order = np.argsort(plot, kind="stable")
        at = np.minimum(np.searchsorted(plot[order], seen.id[rows]), len(plot) - 1)
        found = order[at]
        of_track = np.where(address[found] != NO_ADDRESS, address[found], _TRACKS + track[found])
        own[rows] = np.where(plot[found] == seen.id[rows], of_track, UNKNOWN)
    return own


def grouped(seen: Sightings, key: Ints, middle_ns: int, most: int, turn: int) -> Groups:
    """Sightings by aircraft, of `most` aircraft at most: window after window (`turn`) the others have theirs."""
    rows = np.flatnonzero(key != UNKNOWN)
    names, which = np.unique(key[rows], return_inverse=True)
    met = len(names)
    if met > most:
        parts = -(-met // most)
        chosen = np.arange(met) % parts == turn % parts
        rows = rows[chosen[which]]
        names, which = np.unique(key[rows], return_inverse=True)
    order = np.lexsort((seen.time_ns[rows], which))
    rows, which = rows[order], which[order].astype(np.int64)
    enough = np.bincount(which, minlength=len(names)) >= LEAST_PLOTS
    kept = enough[which]
    rows, which = rows[kept], which[kept]
    number = np.cumsum(enough) - 1
    first = np.searchsorted(number[which], np.arange(enough.sum() + 1))
    return Groups(seen.take(rows), number[which], first.astype(np.int64), names[enough], middle_ns, met)


def thinned(groups: Groups, most: int = MOST_PLOTS) -> Groups:
    """The same aircraft with at most so many sightings by each sensor, spread evenly: who reports each second says
    little more than who reports every third."""
    n = groups.seen.n
    cell = groups.group * (int(groups.seen.sensor.max(initial=0)) + 1) + groups.seen.sensor
    order = np.argsort(cell, kind="stable")
    begins = np.r_[True, np.diff(cell[order]) != 0] if n else np.zeros(0, bool)
    start = np.flatnonzero(begins)
    size = np.diff(np.r_[start, n])
    number, size = np.arange(n) - np.repeat(start, size), np.repeat(size, size)
    # Sighting k of m is kept where it opens a new one of `most` equal parts.
    kept = np.zeros(n, bool)
    kept[order] = (size <= most) | (number * most // size != (number - 1) * most // size)
    rows = np.flatnonzero(kept)
    first = np.searchsorted(rows, groups.first)
    return groups._replace(seen=groups.seen.take(rows), group=groups.group[rows], first=first)
