"""Truth: what really flew, and which aircraft caused which plot. Tables of their own: the tracker cannot peek."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from farwatch.plots import Floats, Ints


class Truth(NamedTuple):
    """States of aircraft, one row a time and aircraft; and causes, one row a (plot, aircraft) pair, many to many."""

    time_ns: Ints
    aircraft: Ints
    lat_deg: Floats  # in the flat frame: y_m, north
    lon_deg: Floats  # in the flat frame: x_m, east
    height_wgs84_m: Floats
    ground_speed_mps: Floats
    track_angle_deg: Floats
    vertical_rate_mps: Floats
    plot: Ints  # (pairs,) id of a plot
    caused_by: Ints  # (pairs,) the aircraft

    @property
    def n(self) -> int:
        """Number of states."""
        return len(self.time_ns)

    def take(self, rows: Any) -> Truth:
        """The states given by an index array, mask or slice, with all causes."""
        return self._replace(**{name: getattr(self, name)[rows] for name in STATES})

    def since(self, time_ns: int) -> Truth:
        """The states from a time on, without causes."""
        return self.take(self.time_ns >= time_ns)._replace(plot=self.plot[:0], caused_by=self.caused_by[:0])


STATES = Truth._fields[:8]


def make_truth(n: int) -> Truth:
    """n states of zeros without causes."""
    ints, floats, none = np.zeros(n, np.int64), np.zeros(n), np.zeros(0, np.int64)
    return Truth(ints, ints, floats, floats, floats, floats, floats, floats, none, none)


def concat_truth(parts: Sequence[Truth]) -> Truth:
    """One table out of several, rows in the order given."""
    return Truth(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else make_truth(0)
