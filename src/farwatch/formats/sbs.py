"""SBS, or BaseStation: what each message has said, as text with commas (port 30003).

MSG, kind, two numbers, address, number, date and time made, date and time written, callsign, altitude (ft), speed (kt),
track, latitude, longitude, vertical rate (ft/min), squawk, four marks: alert, emergency, ident, on the ground. Where
positions are by multilateration, the line begins with MLAT, or alert holds how many receivers took part and emergency
the error in metres. Some write the receiver's uptime in nanoseconds before MSG, and no date.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from farwatch.formats.heard import BROKEN, FEET_A_MINUTE_MPS, FOOT_M, KNOT_MPS, LineReader, Report
from farwatch.plots import NO_CALLSIGN, NO_MODE_A, Flag, Kind, pack_callsign

OTHER = frozenset((b"SEL", b"ID", b"AIR", b"STA", b"CLK"))  # what is not about where an aircraft is
LATEST_NS = 4_000_000_000_000_000_000
FRESH_NS = 10_000_000_000
CLOCK_NS = 5_000_000_000  # a time that is further from its arrival is not of this clock, or of another time zone
WRONG_CLOCK = "time far from that of its arrival: the arrival's is taken"
NO_TIME = "line without a time"

RECEIVERS = 2  # so many at least in a multilateration
_HEX, _MADE, _CALLSIGN, _ALTITUDE, _SPEED, _TRACK, _LAT, _LON, _CLIMB, _SQUAWK = 4, 6, 10, 11, 12, 13, 14, 15, 16, 17
_ALERT, _EMERGENCY, _IDENT, _GROUND = 18, 19, 20, 21
_FIELDS = 22


@dataclass(slots=True)
class _Aircraft:
    """What the last messages of one aircraft have said."""

    callsign: int = NO_CALLSIGN
    mode_a: int = NO_MODE_A
    speed_mps: float = math.nan
    track_deg: float = math.nan
    climb_mps: float = math.nan
    velocity_ns: int = 0


class Sbs(LineReader):
    """Reads one receiver. Its times are taken for UTC, unless they are far from those of arrival."""

    name = "sbs"

    def __init__(self, receiver: tuple[float, float] | None = None, day_ns: int = 0) -> None:
        super().__init__()
        self._aircraft: dict[tuple[int, bool], _Aircraft] = {}
        self._base_ns = max(day_ns, 1)  # of lines that hold an uptime
        self._dated: dict[tuple[bytes, bytes], int] = {}

    def _lines(self, lines: list[bytes], received_ns: int) -> list[Report]:
        reports = []
        for line in lines:
            fields = line.split(b",")
            uptime = fields[0] if fields[0].isdigit() and len(fields) > 1 else b""
            if uptime:
                fields = fields[1:]
            if fields[0] in OTHER:
                self.kinds[fields[0].decode()] += 1
                continue
            if fields[0] == b"START" and len(fields) == 2:
                self._begin(fields[1])
                continue
            if fields[0] not in (b"MSG", b"MLAT") or len(fields) < (_FIELDS - 1 if uptime else 17):
                self.skip(BROKEN)
                continue
            try:
                report = self._line(fields, uptime, received_ns)
            except ValueError:
                self.skip(BROKEN)
                continue
            self.statistics.records += 1
            self.kinds[f"{fields[0].decode()} {fields[1].decode('ascii', 'replace')[:2]}"] += 1
            if report is not None:
                reports.append(report)
        return reports

    def _begin(self, text: bytes) -> None:
        """The date that uptimes count from."""
        words = text.decode("ascii", "replace").split()
        try:
            began = datetime.strptime(" ".join([*words[1:5], words[-1]]), "%b %d %H:%M:%S %z %Y")
        except (ValueError, IndexError):
            self.skip(BROKEN)
            return
        self._base_ns = round(began.timestamp()) * 1_000_000_000

    def _line(self, fields: list[bytes], uptime: bytes, received_ns: int) -> Report | None:
        """The report that a line holds, None where it holds no position. Raises ValueError."""
        fields += [b""] * (_FIELDS - len(fields))
        text = fields[_HEX].strip()
        other = text.startswith(b"~")
        address = int(text.lstrip(b"~"), 16)
        if not 0 <= address <= 0xFFFFFF:
            raise ValueError("address")
        receivers = _number(fields[_ALERT])
        by_mlat = fields[0] == b"MLAT" or receivers >= RECEIVERS
        aircraft = self._aircraft.setdefault((address, by_mlat), _Aircraft())
        time_ns = self._time_ns(fields, uptime, received_ns)
        if callsign := pack_callsign(fields[_CALLSIGN].decode("ascii", "replace").strip()):
            aircraft.callsign = callsign
        if len(squawk := fields[_SQUAWK].strip()) == 4 and not set(squawk) - set(b"01234567"):
            aircraft.mode_a = int(squawk, 8)
        if fields[_SPEED].strip():
            aircraft.speed_mps, aircraft.track_deg = _number(fields[_SPEED]) * KNOT_MPS, _number(fields[_TRACK])
            aircraft.climb_mps, aircraft.velocity_ns = _number(fields[_CLIMB]) * FEET_A_MINUTE_MPS, time_ns
        if not fields[_LAT].strip() or not fields[_LON].strip():
            return None
        if time_ns == 0:
            self.statistics.skipped[NO_TIME] += 1
            return None
        fresh = abs(time_ns - aircraft.velocity_ns) <= FRESH_NS
        flags = Flag.NOT_ICAO if other else Flag(0)
        flags |= Flag.ON_GROUND if _is_set(fields[_GROUND]) else Flag(0)
        flags |= Flag.SPECIAL_POSITION if _is_set(fields[_IDENT]) else Flag(0)
        error_m = _number(fields[_EMERGENCY]) if by_mlat else math.nan
        altitude_m = _number(fields[_ALTITUDE]) * FOOT_M
        return Report(
            time_ns,
            _number(fields[_LAT]),
            _number(fields[_LON]),
            address,
            pressure_altitude_m=math.nan if flags & Flag.ON_GROUND else altitude_m,
            ground_speed_mps=aircraft.speed_mps if fresh else math.nan,
            track_deg=aircraft.track_deg if fresh else math.nan,
            vertical_rate_mps=aircraft.climb_mps if fresh else math.nan,
            callsign=aircraft.callsign,
            mode_a=aircraft.mode_a,
            flags=int(flags),
            sigma_m=error_m / math.sqrt(2.0) if error_m > 0.0 else math.nan,
            kind=int(Kind.MLAT if by_mlat else Kind.ADSB),
            received_ns=received_ns,
        )

    def _time_ns(self, fields: list[bytes], uptime: bytes, received_ns: int) -> int:
        """When a line was made; 0 where that is not known."""
        if uptime:
            made_ns = self._base_ns + int(uptime)
            if made_ns > LATEST_NS:
                raise ValueError("uptime")
        elif fields[_MADE].strip() and fields[_MADE + 1].strip():
            made_ns = self._day_ns(fields[_MADE], fields[_MADE + 1])
        else:
            return received_ns
        if received_ns and abs(made_ns - received_ns) > CLOCK_NS:
            self.statistics.rejected[WRONG_CLOCK] += 1
            return received_ns
        return made_ns

    def _day_ns(self, date: bytes, time: bytes) -> int:
        """A date (2018/04/03) and a time of day (19:02:28.136) as UTC. Raises ValueError."""
        hours, minutes, seconds = time.split(b":")
        whole, _, fraction = seconds.partition(b".")
        if (key := (date, b"")) not in self._dated:
            year, month, day = (int(word) for word in date.split(b"/"))
            if len(self._dated) > 100:
                self._dated.clear()
            self._dated[key] = int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1_000_000_000
        of_day = (int(hours) * 60 + int(minutes)) * 60 + int(whole)
        if not 0 <= of_day <= 86_400:
            raise ValueError("time of day")
        return self._dated[key] + of_day * 1_000_000_000 + int(fraction.ljust(9, b"0")[:9] or b"0")


def _number(field: bytes) -> float:
    """A number, NaN where the field is empty. Raises ValueError."""
    field = field.strip()
    return float(field) if field else math.nan


def _is_set(field: bytes) -> bool:
    return field.strip() in (b"-1", b"1")


def is_sbs(head: bytes) -> bool:
    """Whether one of the first lines of a file is one."""
    for line in head.split(b"\n")[:5]:
        fields = line.strip().split(b",")
        if fields[0].isdigit():
            fields = fields[1:]
        if len(fields) >= 10 and fields[0] in (b"MSG", b"MLAT", *OTHER):
            return True
    return False
