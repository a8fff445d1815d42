"""Positions by multilateration as mlat-server writes them: CSV without a heading.

time (s since 1970), address, callsign, squawk, latitude, longitude, height (ft above the ellipsoid), error (m, of all
three coordinates together; negative: not known), receivers, how many of them apart, their names; then, of its filter,
latitude, longitude, height (ft), heading, speed (kt), vertical rate (ft/min), error.
"""

from __future__ import annotations

import csv
import math

from farwatch.formats.heard import BROKEN, FEET_A_MINUTE_MPS, FOOT_M, KNOT_MPS, LineReader, Report, nanoseconds
from farwatch.plots import NO_MODE_A, Flag, Kind, pack_callsign

LATEST_S = 4e9
HEIGHT_SIGMA_M = 150.0  # the height follows the pressure altitude that the transponder gave: weather, mostly
_FIELDS, _WITH_FILTER = 11, 18


class MlatCsv(LineReader):
    """Reads lines of one server."""

    name = "mlat_csv"

    def __init__(self, receiver: tuple[float, float] | None = None, day_ns: int = 0) -> None:
        super().__init__()

    def _lines(self, lines: list[bytes], received_ns: int) -> list[Report]:
        reports = []
        for line in lines:
            try:
                reports.append(_report(_fields(line), received_ns))
            except (ValueError, csv.Error):
                self.skip(BROKEN)
                continue
            self.statistics.records += 1
            self.kinds["position"] += 1
        return reports


def _fields(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8", "replace")]), [])


def _report(fields: list[str], received_ns: int) -> Report:
    """The report of a line. Raises ValueError."""
    if len(fields) < _FIELDS - 1 or len(fields[1]) != 6:
        raise ValueError("fields")
    time_s = float(fields[0])
    if not 0.0 < time_s < LATEST_S:
        raise ValueError("time")
    error_m = float(fields[7])
    speed = track = climb = math.nan
    if len(fields) >= _WITH_FILTER:
        track, speed, climb = (float(field) for field in fields[14:17])
    squawk = fields[3]
    return Report(
        nanoseconds(time_s),
        float(fields[4]),
        float(fields[5]),
        int(fields[1], 16),
        float(fields[6]) * FOOT_M,
        ground_speed_mps=speed * KNOT_MPS,
        track_deg=track,
        vertical_rate_mps=climb * FEET_A_MINUTE_MPS,
        callsign=pack_callsign(fields[2]),
        mode_a=int(squawk, 8) if len(squawk) == 4 and not set(squawk) - set("01234567") else NO_MODE_A,
        flags=int(Flag(0)),
        sigma_m=error_m / math.sqrt(3.0) if error_m > 0.0 else math.nan,
        velocity_sigma_mps=math.nan if math.isnan(speed) else 10.0,
        height_sigma_m=HEIGHT_SIGMA_M,
        kind=int(Kind.MLAT),
        received_ns=received_ns,
    )


def is_mlat_csv(head: bytes) -> bool:
    """Whether the first line of a file is one."""
    try:
        _report(_fields(head.split(b"\n", 1)[0].strip()), 0)
    except (ValueError, csv.Error):
        return False
    return True
