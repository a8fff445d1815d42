"""Measured: the last plot of each track, as a right sensor would have measured it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.picture import Picture, Status
from farwatch.plots import NO_MODE_A, Floats, Ints, Plots, concat_plots, make_plots

HELD_NS = 30_000_000_000  # a plot is used within that, or never


class Measured(NamedTuple):
    """One row a track: what its last plot measured; sensor -1 where there is none."""

    sensor: Ints
    range_m: Floats
    azimuth_rad: Floats
    pressure_altitude_m: Floats
    mode_a: NDArray[np.int16]
    kind: Ints


class LastMeasured:
    """Hears the corrected plots and the pictures that the tracker makes of them; forgets a track when it ends."""

    def __init__(self) -> None:
        self._plots = make_plots(0)
        self._of: dict[int, int] = {}  # row of `_rows` by track
        self._rows: list[tuple[int, float, float, float, int, int]] = []
        self._free: list[int] = []

    def hear(self, plots: Plots, picture: Picture) -> None:
        """Take in what went into the tracker and what came out."""
        recent = self._plots.take(self._plots.time_ns >= picture.until_ns - HELD_NS)
        # By id, and of the same id the latest: ids count up.
        self._plots = known = concat_plots([recent, plots])
        used = np.flatnonzero(picture.plot >= 0)
        if len(used) and known.n:
            order = np.argsort(known.id, kind="stable")
            at = order[np.minimum(np.searchsorted(known.id[order], picture.plot[used]), known.n - 1)]
            found = known.id[at] == picture.plot[used]
            of = known.take(at[found])
            columns = of.sensor, of.z[:, 0], of.z[:, 1], of.pressure_altitude_m, of.mode_a, of.kind
            rows = zip(*(column.tolist() for column in columns), strict=True)
            for track, row in zip(picture.track[used[found]].tolist(), rows, strict=True):
                self._put(track, row)
        for track in picture.track[picture.status == Status.ENDED].tolist():
            number = self._of.pop(track, None)
            if number is not None:
                self._free.append(number)

    def _put(self, track: int, row: tuple[int, float, float, float, int, int]) -> None:
        number = self._of.get(track)
        if number is None:
            number = self._free.pop() if self._free else len(self._rows)
            self._of[track] = number
            if number == len(self._rows):
                self._rows.append(row)
        self._rows[number] = row

    def at(self, tracks: Ints) -> Measured:
        """What was last measured of so many tracks."""
        nothing = (-1, np.nan, np.nan, np.nan, NO_MODE_A, 0)
        rows = [self._rows[self._of[track]] if track in self._of else nothing for track in tracks.tolist()]
        columns = zip(*rows, strict=True) if rows else ((),) * len(Measured._fields)
        kinds = (np.int64, np.float64, np.float64, np.float64, np.int16, np.int64)
        return Measured(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))
