"""Pace: data time passes at a multiple of real time, and a stop is heard at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_LOOK_S = 0.25


class Pace:
    """A clock like `Paced` that a stop interrupts; `behind_s` is how far the machine is behind.

    `on_wait` is called while it waits. Where the machine falls behind by more than `most_s`, time starts anew there:
    it never runs after what it has lost. The first `head_start_s` of data time pass as fast as they can.
    """

    def __init__(
        self,
        speed: float,
        stopping: threading.Event,
        on_wait: Callable[[], object],
        most_s: float = 1.0,
        head_start_s: float = 0.0,
    ) -> None:
        self.behind_s = 0.0
        self._speed, self._most_s = speed, most_s
        self._stopping, self._on_wait = stopping, on_wait
        self._first_ns: int | None = None
        self._start_s = 0.0
        self._head_start_ns = round(head_start_s * 1e9)

    def wait_until(self, time_ns: int) -> None:
        """Return when `time_ns` is due, or a stop was asked for."""
        if self._first_ns is None:
            self._first_ns, self._start_s = time_ns, time.monotonic()
        if self._head_start_ns:
            if time_ns - self._first_ns < self._head_start_ns:
                return
            self._head_start_ns = 0
            self._first_ns, self._start_s = time_ns, time.monotonic()
        due_s = self._start_s + (time_ns - self._first_ns) * 1e-9 / self._speed
        self.behind_s = max(0.0, time.monotonic() - due_s)
        if self.behind_s > self._most_s:
            self._first_ns, self._start_s = time_ns, time.monotonic()
        while (ahead_s := due_s - time.monotonic()) > 0 and not self._stopping.is_set():
            self._stopping.wait(min(ahead_s, _LOOK_S))
            self._on_wait()
