"""16-bit track numbers for clients that know no others (I062/040), lent to the tracker's own 64-bit numbers.

A number goes back when its track has ended, or has not been heard of for a while, and rests before it is lent again, so
that no client takes two aircraft for one. Time is that of the data.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from farwatch.errors import FarwatchError
from farwatch.picture import Picture, Status
from farwatch.plots import Ints

HIGHEST = 65_535
NO_NUMBER = -1
SNAPSHOT_VERSION = 1
_SECOND_NS = 1_000_000_000


class Lent(NamedTuple):
    """What each row of a picture is called."""

    number: Ints  # (n,) 1 .. HIGHEST; NO_NUMBER: none was free, or a track has ended that was never reported
    first: NDArray[np.bool_]  # (n,) the track's first report
    since_ns: Ints  # (n,) time of the track's first report

    def take(self, rows: Ints) -> Lent:
        """The rows given."""
        return Lent(self.number[rows], self.first[rows], self.since_ns[rows])


class _State(msgspec.Struct):
    """All that goes into a snapshot."""

    version: int
    number: dict[int, int] = {}  # by track
    since_ns: dict[int, int] = {}
    heard_ns: dict[int, int] = {}
    resting: list[tuple[int, int]] = []  # (number, free from, ns), oldest first
    fresh: int = 1  # the lowest number that was never lent
    swept_ns: int = 0
    exhausted: int = 0


class TrackNumbers:
    """Lends numbers. `exhausted` counts the rows that got none because all were lent or resting."""

    def __init__(self, quarantine_s: float = 60.0, silence_s: float = 300.0, highest: int = HIGHEST) -> None:
        self.quarantine_ns = round(quarantine_s * _SECOND_NS)
        self.silence_ns = round(silence_s * _SECOND_NS)
        self.highest = highest
        self._state = _State(SNAPSHOT_VERSION)
        self._resting: deque[tuple[int, int]] = deque()

    @property
    def exhausted(self) -> int:
        """Rows that got no number because none was free."""
        return self._state.exhausted

    @property
    def lent(self) -> int:
        """Numbers in use."""
        return len(self._state.number)

    def lend(self, picture: Picture) -> Lent:
        """Numbers for the rows of a picture; those of tracks that have ended go back behind it."""
        state = self._state
        number, first = np.full(picture.n, NO_NUMBER, np.int64), np.zeros(picture.n, np.bool_)
        since_ns = picture.time_ns.copy()
        if picture.n == 0:
            return Lent(number, first, since_ns)
        tracks, at, of_row = np.unique(picture.track, return_index=True, return_inverse=True)
        last_ns = np.full(len(tracks), picture.time_ns.min())
        np.maximum.at(last_ns, of_row, picture.time_ns)
        lent, began_ns = np.empty(len(tracks), np.int64), np.empty(len(tracks), np.int64)
        for k in np.argsort(at).tolist():  # in the order in which they appear
            track, row = int(tracks[k]), int(at[k])
            if track not in state.number:
                given = self._take(int(picture.time_ns[row])) if picture.status[row] != Status.ENDED else NO_NUMBER
                if given != NO_NUMBER:
                    state.number[track], state.since_ns[track] = given, int(picture.time_ns[row])
                    first[row] = True
                elif picture.status[row] != Status.ENDED:
                    state.exhausted += int(np.count_nonzero(of_row == k))
            lent[k], began_ns[k] = state.number.get(track, NO_NUMBER), state.since_ns.get(track, 0)
            if lent[k] != NO_NUMBER:
                state.heard_ns[track] = int(last_ns[k])
        number, since_ns = lent[of_row], began_ns[of_row]
        for row in np.flatnonzero(picture.status == Status.ENDED).tolist():
            self._give_back(int(picture.track[row]), int(picture.time_ns[row]))
        self._sweep(int(picture.time_ns.max()))
        return Lent(number, first, since_ns)

    def _take(self, now_ns: int) -> int:
        if self._state.fresh <= self.highest:
            self._state.fresh += 1
            return self._state.fresh - 1
        if self._resting and self._resting[0][1] <= now_ns:
            return self._resting.popleft()[0]
        return NO_NUMBER

    def _give_back(self, track: int, now_ns: int) -> None:
        number = self._state.number.pop(track, NO_NUMBER)
        if number != NO_NUMBER:
            del self._state.since_ns[track], self._state.heard_ns[track]
            self._resting.append((number, now_ns + self.quarantine_ns))

    def _sweep(self, now_ns: int) -> None:
        """Take back the numbers of tracks that nothing was heard of."""
        if now_ns - self._state.swept_ns < self.silence_ns // 4:
            return
        self._state.swept_ns = now_ns
        silent = [track for track, heard in self._state.heard_ns.items() if now_ns - heard > self.silence_ns]
        for track in silent:
            self._give_back(track, now_ns)

    def snapshot(self) -> bytes:
        """The whole state as bytes."""
        self._state.resting = list(self._resting)
        return msgspec.msgpack.encode(self._state)

    def restore(self, snapshot: bytes) -> None:
        """Take over the state of `snapshot()`; raises `FarwatchError` for bytes that are none or of another version."""
        try:
            state = msgspec.msgpack.decode(snapshot, type=_State)
        except msgspec.DecodeError as error:
            raise FarwatchError(f"no snapshot of track numbers ({error}): take one with snapshot()") from None
        if state.version != SNAPSHOT_VERSION:
            raise FarwatchError(
                f"snapshot of version {state.version}, this farwatch reads {SNAPSHOT_VERSION}: start anew"
            )
        self._state = state
        self._resting = deque(state.resting)
