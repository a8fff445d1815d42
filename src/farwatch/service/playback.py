"""Playback: a client's own place in time among the pictures that are kept. Pure: it is told what time it is.

`times_ns` are the times of the pictures that are kept, in order; they may grow and lose their oldest between two calls.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from farwatch.plots import Ints
from farwatch.service.frames import GAP_NS

State = Literal["live", "playing", "paused"]

SLOWEST, FASTEST = 0.1, 60.0
LEAST_STEP_S = 0.1  # pictures come no faster than that: at greater speeds some are left out
PATIENCE_S = 1.0  # of data time before a gap is jumped over


class Show(NamedTuple):
    """Picture `k` of those kept is due; `jump`: it does not follow the one before, else it follows `after`."""

    k: int
    jump: bool
    after: int  # the pictures between, exclusive, are left out


class Playback:
    """Live until told otherwise. What `due` gives has been shown, as far as this knows."""

    def __init__(self) -> None:
        self.state: State = "live"
        self.speed = 1.0
        self.shown_ns: int | None = None  # the picture that the client sees
        self._place_ns = 0  # where it was at `_since_s`, while playing
        self._since_s = 0.0
        self._asked_ns: int | None = None  # a picture to be shown whatever the time
        self._jump = False
        self._next_s = 0.0

    def saw(self, time_ns: int) -> None:
        """A live picture has been sent."""
        self.shown_ns = time_ns

    def live(self) -> None:
        """To the newest."""
        self.state, self.speed, self._asked_ns = "live", 1.0, None

    def play(self, now_s: float, times_ns: Ints, time_ns: int | None = None, speed: float | None = None) -> str | None:
        """From a time, or from where it is, at a speed, or the speed that it has; says why where it cannot."""
        if not len(times_ns):
            return "nothing is kept yet to go back to"
        if speed is not None:
            self.speed = min(max(speed, SLOWEST), FASTEST)
        said = None
        if time_ns is None:
            start_ns = self._place(now_s, times_ns)
        else:
            start_ns = min(max(time_ns, int(times_ns[0])), int(times_ns[-1]))
            if time_ns < int(times_ns[0]):
                said = "nothing so old is kept; this is the oldest"
            self._asked_ns, self._jump = int(times_ns[_at(times_ns, start_ns)]), True
        self._place_ns, self._since_s, self.state = start_ns, now_s, "playing"
        return said

    def pause(self, now_s: float, times_ns: Ints) -> None:
        """Stay with the picture that is shown."""
        if self.state == "playing":
            self._place_ns = self._place(now_s, times_ns)
        self.state = "paused"

    def step(self, now_s: float, times_ns: Ints, pictures: int) -> str | None:
        """So many pictures on, or back, and stay there; says why where it cannot."""
        if not len(times_ns):
            return "nothing is kept yet to go back to"
        self.pause(now_s, times_ns)
        start_ns = self._asked_ns if self._asked_ns is not None else self.shown_ns
        at = len(times_ns) - 1 if start_ns is None else _at(times_ns, start_ns)
        wanted = min(max(at + pictures, 0), len(times_ns) - 1)
        if wanted == at:
            return "there is no picture beyond this one"
        gap = abs(int(times_ns[wanted]) - int(times_ns[at])) > GAP_NS
        self._jump = self._jump or pictures != 1 or gap or self._asked_ns is not None
        self._asked_ns = int(times_ns[wanted])
        return None

    def time_ns(self, now_s: float, times_ns: Ints) -> int:
        """The place in time: that of the picture shown, or what is played at."""
        if self.state == "playing" and len(times_ns):
            return min(self._place(now_s, times_ns), int(times_ns[-1]))
        return self._asked_ns or self.shown_ns or 0

    def due(self, now_s: float, times_ns: Ints) -> Show | None:
        """The picture to be shown now, if any; live, none is ever due. Playing past the newest, it goes live."""
        if self.state == "live" or not len(times_ns):
            return None
        if self._asked_ns is not None:
            if now_s < self._next_s:
                return None
            k, jump = _at(times_ns, self._asked_ns), self._jump
            self._asked_ns, self._jump = None, False
            return self._show(k, times_ns, now_s, jump)
        if self.state != "playing":
            return None
        place_ns = self._place(now_s, times_ns)
        if place_ns < int(times_ns[0]) and (self.shown_ns is None or self.shown_ns < int(times_ns[0])):
            self._place_ns, self._since_s = int(times_ns[0]), now_s  # what was there has been let go
            return self._show(0, times_ns, now_s, True)
        shown = -1 if self.shown_ns is None else int(np.searchsorted(times_ns, self.shown_ns, "right")) - 1
        k = _at(times_ns, place_ns)
        if k <= shown:
            last = len(times_ns) - 1
            if shown == last:
                if place_ns > int(times_ns[last]) and self.speed >= 1.0:
                    self.live()
                return None
            if (
                place_ns - int(times_ns[shown]) < PATIENCE_S * 1e9
                or int(times_ns[shown + 1] - times_ns[shown]) <= GAP_NS
            ):
                return None
            k = shown + 1
            self._place_ns, self._since_s = int(times_ns[k]), now_s
            return self._show(k, times_ns, now_s, True)
        if now_s < self._next_s:
            return None
        return self._show(k, times_ns, now_s, shown < 0 or _has_gap(times_ns[shown : k + 1]))

    def wait_s(self, now_s: float, times_ns: Ints) -> float | None:
        """How long until a picture may be due; None: not before something changes."""
        if self.state == "live" or not len(times_ns):
            return None
        if self._asked_ns is not None:
            return max(self._next_s - now_s, 0.0)
        if self.state == "paused":
            return None
        place_ns = self._place(now_s, times_ns)
        next_k = _at(times_ns, self.shown_ns) + 1 if self.shown_ns is not None else 0
        if next_k >= len(times_ns):
            return 0.25 / self.speed
        ahead_ns = int(times_ns[next_k]) - place_ns
        if ahead_ns > GAP_NS:
            ahead_ns = round(PATIENCE_S * 1e9)
        return min(max(ahead_ns * 1e-9 / self.speed, self._next_s - now_s, 0.01), 1.0)

    def _show(self, k: int, times_ns: Ints, now_s: float, jump: bool) -> Show:
        after = k - 1
        if not jump and self.shown_ns is not None:
            after = min(int(np.searchsorted(times_ns, self.shown_ns, "right")) - 1, k - 1)
        self.shown_ns = int(times_ns[k])
        self._next_s = now_s + LEAST_STEP_S
        if self.state == "paused":
            self._place_ns = self.shown_ns
        return Show(k, jump, after)

    def _place(self, now_s: float, times_ns: Ints) -> int:
        if self.state == "playing":
            return self._place_ns + round(max(now_s - self._since_s, 0.0) * self.speed * 1e9)
        if self._asked_ns is not None:
            return self._asked_ns
        return self.shown_ns if self.shown_ns is not None else int(times_ns[-1]) if len(times_ns) else 0


def _at(times_ns: Ints, time_ns: int) -> int:
    """The picture at a time or the last before it; the first where there is none before."""
    return max(int(np.searchsorted(times_ns, time_ns, "right")) - 1, 0)


def _has_gap(times_ns: Ints) -> bool:
    return bool((np.diff(times_ns) > GAP_NS).any())
