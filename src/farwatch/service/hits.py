"""Hits: the plots that tracks have taken of late, with their places: what the detail of a track shows."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farwatch.picture import Picture
from farwatch.plots import Floats, Ints, Plots

# Of the plot that weighed most in each look. Also the rows that the frame store keeps.
HIT = np.dtype([("time_ns", "<i8"), ("track", "<u4"), ("lat", "<i4"), ("lon", "<i4"), ("sensor", "<u2")])
Rows = NDArray[Any]  # of HIT, places in 1e-7 degrees

HELD_PLOTS = 3  # updates whose plots are remembered: a plot can wait for the beam to pass its neighbours
LONGEST_NS = 600_000_000_000
MOST_ROWS = 1_000_000
SHOWN = 30


class PlotMemory:
    """The places of the plots of the last updates, by plot number."""

    def __init__(self) -> None:
        self._held: deque[tuple[Ints, Ints, Floats, NDArray[np.int32]]] = deque(maxlen=HELD_PLOTS)

    def add(self, plots: Plots, places: Floats) -> None:
        """Take in the plots of an update at `places` (2, n)."""
        self._held.append((plots.id, plots.time_ns, places, plots.sensor))

    def hits(self, looks: Picture) -> Rows:
        """A row for each look that a plot was found for whose place is known."""
        taken = np.flatnonzero(looks.plot >= 0)
        if not self._held or not len(taken):
            return np.empty(0, HIT)
        ids, times, sensors = (np.concatenate([held[k] for held in self._held]) for k in (0, 1, 3))
        places = np.concatenate([held[2] for held in self._held], axis=1)
        if not len(ids):
            return np.empty(0, HIT)
        order = np.argsort(ids, kind="stable")
        at = np.minimum(np.searchsorted(ids[order], looks.plot[taken]), len(ids) - 1)
        row = order[at]
        good = (ids[row] == looks.plot[taken]) & np.isfinite(places[0, row])
        row, taken = row[good], taken[good]
        found = np.empty(len(row), HIT)
        found["time_ns"], found["track"] = times[row], looks.track[taken] & 0xFFFFFFFF
        found["lat"], found["lon"] = np.rint(places[0, row] * 1e7), np.rint(places[1, row] * 1e7)
        found["sensor"] = sensors[row]
        return found


class Hits:
    """The hits of the last minutes; one thread adds, others ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: deque[Rows] = deque()
        self._rows = 0

    def add(self, rows: Rows, now_ns: int) -> None:
        """Take in the hits of an update and let the oldest go."""
        with self._lock:
            if len(rows):
                self._held.append(rows)
                self._rows += len(rows)
            while self._held and (self._rows > MOST_ROWS or self._held[0]["time_ns"][-1] < now_ns - LONGEST_NS):
                self._rows -= len(self._held.popleft())

    def of(self, track: int) -> Rows:
        """The last hits of one track, in the order of time, at most as many as are shown."""
        with self._lock:
            held = list(self._held)
        found: list[Rows] = []
        count = 0
        for rows in reversed(held):
            own = rows[rows["track"] == track]
            if len(own):
                found.append(own)
                count += len(own)
            if count >= SHOWN:
                break
        return latest(found)


def latest(parts: list[Rows]) -> Rows:
    """The newest of them, in the order of time, at most as many as are shown."""
    if not parts:
        return np.empty(0, HIT)
    rows = np.concatenate(parts)
    return rows[np.argsort(rows["time_ns"], kind="stable")][-SHOWN:]
