"""AVR: Mode S messages as hexadecimal text (port 30002). *8D...; or with a receiver's counter @0123456789AB8D...;

Lines without a counter say nothing of their time: it is that of their arrival, and recordings of them have none.
"""

from __future__ import annotations

import re

from farwatch.formats.heard import BROKEN, LineReader, Report
from farwatch.formats.modes import ModeS
from farwatch.formats.receiver_clock import ReceiverClock

NO_TIME = "message without a time"
# %: the counter and then the strength of the signal, as some receivers write it.
_LINE = re.compile(rb"(?:(\*)|(@|%)([0-9A-Fa-f]{12}))([0-9A-Fa-f]{4}|[0-9A-Fa-f]{14}|[0-9A-Fa-f]{28});?")
_SIGNAL = re.compile(rb"<([0-9A-Fa-f]{12})[0-9A-Fa-f]{2}([0-9A-Fa-f]{4}|[0-9A-Fa-f]{14}|[0-9A-Fa-f]{28});?")


class Avr(LineReader):
    """Reads one receiver; the arguments are those of `Beast`."""

    name = "avr"

    def __init__(self, receiver: tuple[float, float] | None = None, day_ns: int = 0, *, gps: bool = False) -> None:
        super().__init__()
        self._clock = ReceiverClock(self.statistics.rejected, day_ns, gps)
        self._modes = ModeS(self.kinds, self.statistics.rejected, receiver)

    def _lines(self, lines: list[bytes], received_ns: int) -> list[Report]:
        messages, times = [], []
        for line in lines:
            found, counter = _parsed(line)
            if found is None:
                self.skip(BROKEN)
                continue
            self.statistics.records += 1
            if len(found) == 2:
                self.kinds["Mode A/C"] += 1
                continue
            if counter is None and not received_ns:
                self.statistics.skipped[NO_TIME] += 1
                continue
            messages.append(found)
            times.append(received_ns if counter is None else self._clock.time_ns(counter, received_ns))
        return self._modes.reports(messages, times, received_ns)


def _parsed(line: bytes) -> tuple[bytes | None, int | None]:
    """(message, counter) of a line; None, None where it is none, a counter of None where it has none."""
    if found := _LINE.fullmatch(line):
        return bytes.fromhex(found[4].decode()), int(found[3], 16) if found[3] else None
    if found := _SIGNAL.fullmatch(line):
        return bytes.fromhex(found[2].decode()), int(found[1], 16)
    return None, None


def is_avr(head: bytes) -> bool:
    """Whether the first line of a file is one."""
    return _parsed(head.split(b"\n", 1)[0].strip())[0] is not None
