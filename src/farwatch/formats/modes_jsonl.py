"""Raw Mode S as JSON lines, as rs1090's own tools write them: {"timestamp": 1717664319.14, "frame": "8c34..."}."""

from __future__ import annotations

import msgspec

from farwatch.formats.heard import BROKEN, LineReader, Report, nanoseconds
from farwatch.formats.modes import LONG, SHORT, ModeS


class _Line(msgspec.Struct):
    timestamp: float
    frame: str


_DECODER = msgspec.json.Decoder(_Line)
LATEST_S = 4e9


class ModeSJsonl(LineReader):
    """Reads one receiver; `receiver` is its latitude and longitude (deg)."""

    name = "modes_jsonl"

    def __init__(self, receiver: tuple[float, float] | None = None, day_ns: int = 0) -> None:
        super().__init__()
        self._modes = ModeS(self.kinds, self.statistics.rejected, receiver)

    def _lines(self, lines: list[bytes], received_ns: int) -> list[Report]:
        messages, times = [], []
        for line in lines:
            try:
                found = _DECODER.decode(line)
                message = bytes.fromhex(found.frame)
            except ValueError:  # msgspec's too
                self.skip(BROKEN)
                continue
            if len(message) not in (SHORT, LONG) or not 0 < found.timestamp < LATEST_S:
                self.skip(BROKEN)
                continue
            self.statistics.records += 1
            messages.append(message)
            times.append(nanoseconds(found.timestamp))
        return self._modes.reports(messages, times, received_ns)


def is_modes_jsonl(head: bytes) -> bool:
    """Whether the first line of a file is one."""
    try:
        _DECODER.decode(head.split(b"\n", 1)[0])
    except ValueError:
        return False
    return True
