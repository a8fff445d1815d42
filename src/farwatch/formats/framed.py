"""Recorders' own formats: a frame around each ASTERIX block or datagram, with a time.

GPS     2,200-byte header; a block, then 10 bytes of which 6..8 are the time of day in 1/128 s
final   (IOSS) length of all (2 bytes), board, line, day, time of day in 10 ms (3 bytes); a datagram; 4 times A5
RFF     (Comsoft) 128-byte header that starts with the times of begin and end as text; frames of milliseconds since the
        begin (4 bytes), length (2 bytes, the lower first) and a datagram
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np

from farwatch.formats.captures import word
from farwatch.kernels import kernel

GPS, FINAL, RFF = 1, 2, 3
KINDS = {"gps": GPS, "final": FINAL, "rff": RFF}
HEADER_BYTES = {"gps": 2200, "final": 0, "rff": 128}
SMALLEST_FRAME = 6
LARGEST_FRAME = 65_535 + 16
HEAD_BYTES = 2200 + 3 * LARGEST_FRAME  # what telling them apart may need

_GPS_TRAILER, _FINAL_HEADER, _FINAL_TRAILER, _RFF_HEADER = 10, 8, 4, 6
_TICK_NS, _CENTI_NS, _MILLI_NS = 7_812_500, 10_000_000, 1_000_000
_DAY_NS = 86_400 * 1_000_000_000
_TRIED = 3  # frames that must be in order before a file counts as one of these


@kernel
def find_frames(data, kind, little, clock, start, stop, received_ns):  # type: ignore[no-untyped-def]
    """Fills start, stop, received_ns with the datagrams of the whole frames at the start of `data`.

    little: byte order of RFF's times; clock (3,): last time of day in ns (-1: none), days since the first, ns of the
    begin; kept up to date. Returns (datagrams, bytes used, True where a frame is impossible).
    """
    n, p, size = 0, 0, len(data)
    while p < size:
        if kind == GPS:
            if p + 3 > size:
                break
            length = word(data, p + 1, 2, False)
            if length < 3:
                return n, p, True
            first, last, end = p, p + length, p + length + _GPS_TRAILER
            if end > size:
                break
            time_ns = word(data, last + 6, 3, False) * _TICK_NS
        elif kind == FINAL:
            if p + 2 > size:
                break
            length = word(data, p, 2, False)
            if length < _FINAL_HEADER + _FINAL_TRAILER:
                return n, p, True
            first, last, end = p + _FINAL_HEADER, p + length - _FINAL_TRAILER, p + length
            if end > size:
                break
            for k in range(_FINAL_TRAILER):
                if data[last + k] != 0xA5:
                    return n, p, True
            time_ns = word(data, p + 5, 3, False) * _CENTI_NS
        else:
            if p + _RFF_HEADER > size:
                break
            first = p + _RFF_HEADER
            last = first + word(data, p + 4, 2, True)
            end = last
            if end > size:
                break
            time_ns = word(data, p, 4, little) * _MILLI_NS
        if kind != RFF:
            if clock[0] >= 0 and time_ns - clock[0] < -_DAY_NS // 2:
                clock[1] += 1
            elif clock[0] >= 0 and time_ns - clock[0] > _DAY_NS // 2:
                clock[1] -= 1
            clock[0] = time_ns
        if last > first:
            start[n] = first
            stop[n] = last
            received_ns[n] = clock[2] + clock[1] * _DAY_NS + time_ns
            n += 1
        p = end
    return n, p, False


def kind_of(head: bytes) -> str:
    """ "final", "rff", "gps" or "" by the first HEAD_BYTES of a file."""
    if _chain(head, 0, _final_end):
        return "final"
    text = head[:40]
    if len(head) > 128 and re.search(rb"\d\d", text[:20]) and _is_text(text) and _chain(head, 128, _rff_end):
        return "rff"
    filled = len(set(head[: HEADER_BYTES["gps"]])) == 1  # with one character, where nothing was written into it
    if (filled or not _chain(head, 0, _block_end)) and _chain(head, HEADER_BYTES["gps"], _gps_end):
        return "gps"
    return ""


def _chain(head: bytes, at: int, end_of: object) -> bool:
    """True where the first frames (fewer where the file ends) follow one another."""
    assert callable(end_of)
    found = 0
    while found < _TRIED and at < len(head):
        at = end_of(head, at)
        if at < 0 or at > len(head):
            return False
        found += 1
    return found > 0


def _block_end(head: bytes, at: int) -> int:
    length = int.from_bytes(head[at + 1 : at + 3], "big")
    return at + length if length >= 3 and head[at] else -1


def _gps_end(head: bytes, at: int) -> int:
    end = _block_end(head, at)
    return end + _GPS_TRAILER if end >= 0 else -1


def _final_end(head: bytes, at: int) -> int:
    end = at + int.from_bytes(head[at : at + 2], "big")
    return end if end - at >= 12 and head[end - 4 : end] == b"\xa5\xa5\xa5\xa5" else -1


def _rff_end(head: bytes, at: int) -> int:
    first = at + _RFF_HEADER
    end = first + int.from_bytes(head[at + 4 : first], "little")
    return end if end > first and _block_end(head, first) in range(first + 1, end + 1) else -1


def _is_text(content: bytes) -> bool:
    return all(byte in (0, 9) or 32 <= byte < 127 for byte in content)


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_YEAR_FIRST = re.compile(r"(\d{4})\D?(\d\d)\D?(\d\d)\D{0,2}(\d\d)\D?(\d\d)\D?(\d\d)")
_DAY_FIRST = re.compile(r"(\d\d?)\W?(\d\d|[a-z]{3})\W?(\d{4})\W{1,2}(\d\d)\D?(\d\d)\D?(\d\d)")


def begin_ns(header: bytes) -> int | None:
    """The time (ns, UTC) that an RFF header starts with, None where it cannot be understood."""
    text = header[:20].decode("ascii", "replace").strip("\0 ").lower()
    if found := _YEAR_FIRST.search(text):
        year, month, day = int(found[1]), int(found[2]), int(found[3])
    elif found := _DAY_FIRST.search(text):
        named = found[2] in _MONTHS
        if not named and not found[2].isdigit():
            return None
        year, month, day = int(found[3]), _MONTHS.index(found[2]) + 1 if named else int(found[2]), int(found[1])
    else:
        return None
    try:
        begin = datetime(year, month, day, int(found[4]), int(found[5]), int(found[6]), tzinfo=UTC)
    except ValueError:
        return None
    return int(begin.timestamp()) * 1_000_000_000


def times_are_little(head: bytes) -> bool:
    """True where the times of an RFF file rise more steadily with the lower byte first."""
    at = HEADER_BYTES["rff"]
    times: list[bytes] = []
    while at + _RFF_HEADER <= len(head) and len(times) < 1000:
        times.append(head[at : at + 4])
        at += _RFF_HEADER + int.from_bytes(head[at + 4 : at + 6], "little")

    def restless(order: str) -> int:
        values = np.array([int.from_bytes(time, order) for time in times], np.int64)  # type: ignore[arg-type]
        return int(np.abs(np.diff(values, prepend=0)).sum())

    return restless("little") <= restless("big")
