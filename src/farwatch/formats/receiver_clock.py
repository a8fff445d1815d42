"""ReceiverClock: the counter of a Mode S receiver (12 MHz, from whenever it was switched on) -> UTC.

Where the times of arrival are known, the counter is tied to the earliest of them, for a message is late by the network
and never early; where they are not, to the start of the recording's day. A counter that jumps is tied anew, and that is
counted.
"""

from __future__ import annotations

from collections import Counter

MEGAHERTZ = 12
JUMPED = "jump of the receiver's clock"
DRIFT = 200e-6  # what a counter may be fast or slow by
FARTHEST_NS = 2_000_000_000  # from the time of arrival
LONGEST_SILENCE_NS = 3_600_000_000_000
BACK_NS = 1_000_000_000  # frames of one moment may be out of order
GPS_SECONDS_SHIFT = 30


class ReceiverClock:
    """Times of one receiver's messages; `rejected` counts its jumps. `gps`: the counter is the time of day (seconds and
    nanoseconds, as receivers with a GPS clock give it)."""

    def __init__(self, rejected: Counter[str], day_ns: int = 0, gps: bool = False) -> None:
        self._rejected = rejected
        self._gps = gps
        self._base_ns = max(day_ns, 1)
        self._last_ns: int | None = None  # by the counter
        self._offset_ns: float | None = None  # of UTC against the counter

    def time_ns(self, counter: int, received_ns: int) -> int:
        """UTC of a counter's reading; `received_ns` is 0 where it is not known. A reading of 0 says nothing."""
        if counter == 0 and (received_ns or self._last_ns is not None):
            return received_ns or round((self._last_ns or 0) + (self._offset_ns or 0))
        now_ns = self._nanoseconds(counter)
        last_ns, self._last_ns = self._last_ns, now_ns
        if last_ns is None or self._offset_ns is None:
            self._offset_ns = (received_ns or self._base_ns) - (now_ns if received_ns or not self._gps else 0)
            return round(now_ns + self._offset_ns)
        step_ns = now_ns - last_ns
        if received_ns:
            behind_ns = received_ns - now_ns
            if abs(behind_ns - self._offset_ns) > FARTHEST_NS:
                self._rejected[JUMPED] += 1
                self._offset_ns = behind_ns
            else:
                self._offset_ns = min(self._offset_ns + DRIFT * max(step_ns, 0), behind_ns)
        elif not -BACK_NS <= step_ns <= LONGEST_SILENCE_NS:
            self._rejected[JUMPED] += 1
            self._offset_ns -= step_ns
        return round(now_ns + self._offset_ns)

    def _nanoseconds(self, counter: int) -> int:
        if self._gps:
            return (counter >> GPS_SECONDS_SHIFT) * 1_000_000_000 + (counter & ((1 << GPS_SECONDS_SHIFT) - 1))
        return counter * 1000 // MEGAHERTZ
