"""Smoother: the tracker's pictures again, some time later, each state improved by what came after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.motion.imm import ImmModel
from farwatch.picture import Picture, concat_pictures
from farwatch.plots import Floats, Ints
from farwatch.tracker.report import state_columns
from farwatch.tracker.smooth import smooth

if TYPE_CHECKING:
    from farwatch.tracker.tracker import Tracker

HORIZON_S = 600.0  # what comes so much later says nothing any more
BLOCKS = 4  # a lag is waited for in so many parts: each row is smoothed in this many passes and one


class Filtered(NamedTuple):
    """What the filter had after each look of a picture, row by row."""

    agile: NDArray[np.bool_]  # by which class the track was predicted
    probability: Floats  # (n, MODES)
    mean: Floats  # (n, MODES, STATE)
    covariance: Floats  # (n, MODES, STATE, STATE)

    def take(self, rows: slice) -> Filtered:
        """The rows of a slice."""
        return Filtered(self.agile[rows], self.probability[rows], self.mean[rows], self.covariance[rows])


class Smoother:
    """Delays a tracker's pictures by `lag_s` and improves them by what came in that time.

    With the lag left out it is so long that no more can be learned: reference trajectories. Give each picture of
    `tracker.update` to `push`, and take what is left with `flush`; rows come in the order of the tracker's pictures.
    """

    def __init__(self, tracker: Tracker, lag_s: float = HORIZON_S) -> None:
        self.lag_ns = round(lag_s * 1e9)
        self._tracker = tracker
        self._kept: list[Filtered] = []
        self._pictures: list[Picture] = []
        self._rows = self._given_ns = 0
        tracker.on_filtered = self._kept.append

    def push(self, picture: Picture) -> Picture | None:
        """Take in a picture; what has waited for long enough comes back, from time to time."""
        self._pictures.append(picture)
        self._rows += picture.n
        self._given_ns = self._given_ns or picture.until_ns
        waits = max(self.lag_ns // BLOCKS, 1)
        if not self._rows or picture.until_ns - self._given_ns < self.lag_ns + waits:
            return None
        self._given_ns = picture.until_ns - self.lag_ns
        return self._smoothed(self._given_ns)

    def flush(self) -> Picture | None:
        """All that is left."""
        return self._smoothed(np.iinfo(np.int64).max) if self._rows else None

    def _smoothed(self, before_ns: int) -> Picture:
        """The rows of the pictures that answer to times up to `before_ns`, smoothed by all; the later ones are kept."""
        picture = concat_pictures(self._pictures)
        filtered = Filtered(*(np.concatenate(column) for column in zip(*self._kept, strict=True)))
        done = sum(part.n for part in self._pictures if part.until_ns <= before_ns)
        better = smoothed(picture, filtered, self._tracker.motion, self._tracker.flat)
        self._pictures = [part for part in self._pictures if part.until_ns > before_ns]
        self._kept[:] = [filtered.take(slice(done, None))]
        self._rows = picture.n - done
        return better.take(slice(done))._replace(until_ns=min(before_ns, picture.until_ns))


def smoothed(picture: Picture, filtered: Filtered, motion: ImmModel, flat: bool) -> Picture:
    """A picture of many looks with the states smoothed, track by track; a row is at its own time."""
    order = np.lexsort((picture.time_ns, picture.track))
    track = picture.track[order]
    first: Ints = np.flatnonzero(np.concatenate([[True], track[1:] != track[:-1], [True]])).astype(np.int64)
    mean, covariance = smooth(
        first, picture.time_ns[order], *(np.ascontiguousarray(column[order]) for column in filtered), motion, flat
    )
    columns = np.empty((16, picture.n))
    state_columns(np.argsort(order), mean, covariance, flat, columns)
    return picture._replace(
        lat_deg=columns[0],
        lon_deg=columns[1],
        height_wgs84_m=columns[2],
        ground_speed_mps=columns[3],
        track_angle_deg=columns[4],
        vertical_rate_mps=columns[5],
        sigma_horizontal_m=columns[6],
        sigma_height_m=columns[7],
        sigma_east_m=columns[8],
        sigma_north_m=columns[9],
        correlation_east_north=columns[10],
        sigma_v_east_mps=columns[11],
        sigma_v_north_mps=columns[12],
        sigma_vertical_rate_mps=columns[13],
    )
