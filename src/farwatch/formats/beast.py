"""Beast: the binary format of Mode S receivers (port 30005): 1A, a type, 6 bytes of counter, one of signal, a message.

Types: 31 Mode A/C (2 bytes), 32 short (7), 33 long (14), 34 the receiver's own state (14). A 1A in what follows is
written twice.
"""

from __future__ import annotations

from farwatch.formats.heard import CUT_OFF, Reader, Report
from farwatch.formats.modes import ModeS
from farwatch.formats.receiver_clock import ReceiverClock
from farwatch.plots import Kind

ESCAPE = 0x1A
SIZES = {0x31: 2, 0x32: 7, 0x33: 14, 0x34: 14}  # bytes of a message by its type
HEADER = 7
STRAY = "bytes between messages"
BROKEN = "message that ends too early"
MLAT_MARK = 0xFF004D4C4154  # in place of the counter: a position by multilateration, sent as if by the aircraft
_LONGEST = 2 + 2 * (HEADER + 14)


class Beast(Reader):
    """Reads one receiver. `receiver` is its latitude and longitude (deg); `day_ns` the start of a recording's day."""

    name = "beast"

    def __init__(self, receiver: tuple[float, float] | None = None, day_ns: int = 0, *, gps: bool = False) -> None:
        super().__init__()
        rejected = self.statistics.rejected
        self._clock = ReceiverClock(rejected, day_ns, gps)
        self._modes = ModeS(self.kinds, rejected, receiver)
        self._multilaterated = ModeS(self.kinds, rejected, receiver)
        self._rest = b""

    def _read(self, data: bytes, received_ns: int, last: bool) -> list[Report]:
        frames, self._rest = self._frames(self._rest + data, last)
        messages: tuple[list[bytes], list[bytes]] = [], []
        times: tuple[list[int], list[int]] = [], []
        for frame in frames:
            self.statistics.records += 1
            if len(frame) == HEADER + 2:
                self.kinds["Mode A/C"] += 1
                continue
            counter = int.from_bytes(frame[:6], "big")
            by_mlat = counter == MLAT_MARK
            times[by_mlat].append(self._clock.time_ns(0 if by_mlat else counter, received_ns))
            messages[by_mlat].append(frame[HEADER:])
        reports = self._modes.reports(messages[0], times[0], received_ns)
        found = self._multilaterated.reports(messages[1], times[1], received_ns)
        return reports + [one._replace(kind=int(Kind.MLAT)) for one in found]

    def _frames(self, data: bytes, last: bool) -> tuple[list[bytes], bytes]:
        """The whole frames without their marks, and what is left over."""
        frames: list[bytes] = []
        at, size, stray = 0, len(data), 0
        while True:
            start = data.find(ESCAPE, at)
            if start < 0:
                stray += size - at
                at = size
                break
            stray += start - at
            if start + 1 >= size:
                at = start
                break
            length = SIZES.get(data[start + 1], 0)
            if not length:
                at = start + 2 if data[start + 1] == ESCAPE else start + 1
                stray += at - start
                continue
            frame, at = self._frame(data, start + 2, HEADER + length)
            if frame is None:
                at = start
                break
            if len(frame) < HEADER + length:
                self.statistics.skipped[BROKEN] += 1
            elif data[start + 1] == 0x34:
                self.kinds["receiver state"] += 1
            else:
                frames.append(frame)
        if stray:
            self.statistics.skipped[STRAY] += stray
        if last and at < size:
            self.statistics.skipped[CUT_OFF] += 1
            at = size
        return frames, data[at:]

    @staticmethod
    def _frame(data: bytes, start: int, length: int) -> tuple[bytes | None, int]:
        """The `length` bytes that begin at `start`, fewer where a mark cuts them short, and the place after them.

        None: they have not all come.
        """
        plain = data[start : start + length]
        if len(plain) == length and ESCAPE not in plain:
            return plain, start + length
        out, at = bytearray(), start
        while len(out) < length:
            if at >= len(data):
                return None, start
            if data[at] == ESCAPE:
                if at + 1 >= len(data):
                    return None, start
                if data[at + 1] != ESCAPE:
                    return bytes(out), at
                at += 1
            out.append(data[at])
            at += 1
        return bytes(out), at


def is_beast(head: bytes) -> bool:
    """Whether the first bytes of a file hold frame upon frame."""
    frames, rest = Beast()._frames(head, False)
    held = sum(len(frame) + 2 for frame in frames)
    return len(frames) >= 1 and head[:1] == b"\x1a" and held + len(rest) > 0.8 * len(head)
