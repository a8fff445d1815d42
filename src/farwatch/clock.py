"""Clocks: how fast data time may pass. The only place that reads the wall clock."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Waits until a moment of data time has come."""

    def wait_until(self, time_ns: int) -> None:
        """Return when data time `time_ns` may be handled."""


class AsFast:
    """No waiting: a recording goes through as fast as the machine can."""

    def wait_until(self, time_ns: int) -> None:
        """Return at once."""


class Paced:
    """Data time passes at `speed` times real time, from the first moment asked for."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._first_ns: int | None = None
        self._start_s = 0.0

    def wait_until(self, time_ns: int) -> None:
        """Sleep until `time_ns` is due; never waits where the machine is behind."""
        now_s = time.monotonic()
        if self._first_ns is None:
            self._first_ns, self._start_s = time_ns, now_s
        due_s = self._start_s + (time_ns - self._first_ns) * 1e-9 / self._speed
        if due_s > now_s:
            time.sleep(due_s - now_s)


class Wall:
    """Data time is the time of day: live data."""

    def wait_until(self, time_ns: int) -> None:
        """Sleep until the time of day is `time_ns`."""
        ahead_s = (time_ns - time.time_ns()) * 1e-9
        if ahead_s > 0:
            time.sleep(ahead_s)


def now_ns() -> int:
    """The time of day, UTC: for what is received now."""
    return time.time_ns()


class Steady:
    """Notices that the time of day is set back, by the clock that only goes on."""

    def __init__(self) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()

    def behind_ns(self) -> int:
        """How much (ns) the time of day has been set back; 0 where it has not. Set forward, it starts anew."""
        ahead_ns = time.time_ns() - time.monotonic_ns()
        self._ahead_ns = max(self._ahead_ns, ahead_ns)
        return self._ahead_ns - ahead_ns
