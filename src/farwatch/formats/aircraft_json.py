"""aircraft.json of readsb, dump1090 and tar1090: all aircraft at one moment; one document, or one a line.

Both spellings are read: today's (alt_baro, gs, baro_rate, nac_p) and that of dump1090-mutability (altitude, speed,
vert_rate, nucp).
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from farwatch.cooperative.accuracy import position_sigma_m, velocity_sigma_mps
from farwatch.formats.heard import BROKEN, FEET_A_MINUTE_MPS, FOOT_M, KNOT_MPS, LineReader, Report, nanoseconds
from farwatch.plots import NO_CALLSIGN, NO_MODE_A, Flag, Kind, pack_callsign

LARGEST = 64 << 20  # bytes of a document that is written over several lines
LATEST_S = 4e9
NO_PLACE = "aircraft without a position"
_SENT_ON = {"tisb": Flag.TRAFFIC_SERVICE, "adsr": Flag.REBROADCAST}
_CALM = (None, "none", "reserved")


class AircraftJson(LineReader):
    """Reads documents. Positions that have not changed since the last one are left to the conditioner."""

    name = "aircraft_json"

    def __init__(self, receiver: tuple[float, float] | None = None, day_ns: int = 0) -> None:
        super().__init__()
        self._document = b""  # one that goes over several lines

    def _read(self, data: bytes, received_ns: int, last: bool) -> list[Report]:
        # A document may be one line of any length, so the limit of lines does not hold here.
        *whole, self._rest = (self._rest + data).split(b"\n")
        if last or _is_whole(self._rest):
            whole, self._rest = [*whole, self._rest], b""
        reports = self._lines([line for line in whole if line.strip()], received_ns)
        if len(self._rest) + len(self._document) > LARGEST or (last and self._document):
            self.skip(BROKEN)
            self._rest = self._document = b""
        return reports

    def _lines(self, lines: list[bytes], received_ns: int) -> list[Report]:
        reports: list[Report] = []
        for line in lines:
            self._document += line + b"\n"
            if not line.rstrip().endswith((b"}", b"]")):
                continue
            try:
                found = msgspec.json.decode(self._document)
            except (ValueError, RecursionError):  # msgspec's errors are ValueErrors, as those of text that is not UTF-8
                if line.lstrip().startswith(b'{"now"') or (len(self._document) == len(line) + 1 and b'"now"' in line):
                    self.skip(BROKEN)
                    self._document = b""
                continue
            self._document = b""
            reports += self._aircraft(found, received_ns)
        return reports

    def _aircraft(self, found: Any, received_ns: int) -> list[Report]:
        """The reports of one document."""
        now_s = _number(found.get("now")) if isinstance(found, dict) else math.nan
        listed = (found.get("aircraft") or found.get("ac") or []) if isinstance(found, dict) else None
        now_s = now_s / 1000.0 if now_s > 1e11 else now_s
        if not 0.0 < now_s < LATEST_S or not isinstance(listed, list):
            self.skip(BROKEN)
            return []
        self.kinds["document"] += 1
        reports = []
        for one in listed:
            if not isinstance(one, dict):
                self.skip(BROKEN)
                continue
            self.statistics.records += 1
            try:
                report = _report(one, now_s, received_ns)
            except ValueError:
                self.skip(BROKEN)
                continue
            self.kinds[_kind_of(one)] += 1
            if report is not None:
                reports.append(report)
        return reports


def _kind_of(one: dict[str, Any]) -> str:
    """What the position comes of."""
    if isinstance(kind := one.get("type"), str):
        return kind[:20]
    for name in ("mlat", "tisb"):
        if isinstance(fields := one.get(name), list) and "lat" in fields:
            return name
    return "adsb_icao" if "lat" in one else "mode_s"


def _report(one: dict[str, Any], now_s: float, received_ns: int) -> Report | None:
    """One aircraft, None without a position. Raises ValueError where its address is none."""
    text = str(one.get("hex", "")).strip()
    address = int(text.lstrip("~"), 16)
    if not 0 <= address <= 0xFFFFFF:
        raise ValueError("address")
    lat, lon = _number(one.get("lat")), _number(one.get("lon"))
    if math.isnan(lat) or math.isnan(lon):
        return None
    kind = _kind_of(one)
    age_s = _number(one.get("seen_pos"))
    age_s = _number(one.get("seen", 0.0)) if math.isnan(age_s) else age_s
    if not 0.0 <= age_s < 86_400.0:
        raise ValueError("age")
    altitude = one.get("alt_baro", one.get("altitude"))
    on_ground = altitude == "ground"
    flags = next((flag for start, flag in _SENT_ON.items() if kind.startswith(start)), Flag(0))
    if text.startswith("~") or kind.endswith(("_other", "_trackfile")):
        flags |= Flag.NOT_ICAO
    flags |= Flag.ON_GROUND if on_ground else Flag(0)
    flags |= Flag.EMERGENCY if one.get("emergency") not in _CALM else Flag(0)
    speed, track = _number(one.get("gs", one.get("speed"))), _number(one.get("track"))
    rate = _number(one.get("baro_rate", one.get("geom_rate", one.get("vert_rate"))))
    by_mlat = kind == "mlat"
    version = _whole(one.get("version"))
    nic, nacp = _whole(one.get("nic", one.get("nucp"))), _whole(one.get("nac_p"))
    if "nic" not in one and nic >= 0:
        version = 0  # what is given is the NUCp
    elif version < 0:
        version = 1
    told = not by_mlat and (nic >= 0 or nacp >= 0)
    squawk = str(one.get("squawk", ""))
    return Report(
        nanoseconds(now_s - age_s),
        lat,
        lon,
        address,
        _number(one.get("alt_geom")) * FOOT_M,
        math.nan if on_ground else _number(altitude) * FOOT_M,
        speed * KNOT_MPS,
        track,
        rate * FEET_A_MINUTE_MPS,
        pack_callsign(str(one.get("flight", ""))) or NO_CALLSIGN,
        int(squawk, 8) if len(squawk) == 4 and not set(squawk) - set("01234567") else NO_MODE_A,
        nic,
        nacp,
        _whole(one.get("sil")),
        int(flags),
        position_sigma_m(version, nacp, nic) if told else math.nan,
        velocity_sigma_mps(_whole(one.get("nac_v"))) if "nac_v" in one and not by_mlat else math.nan,
        kind=int(Kind.MLAT if by_mlat else Kind.ADSB),
        received_ns=received_ns,
    )


def _number(value: Any) -> float:
    """A number, NaN where it is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _whole(value: Any) -> int:
    """A small whole number, -1 where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 128 else -1


def _is_whole(text: bytes) -> bool:
    """Whether an unended line is a document all the same."""
    return text.rstrip().endswith(b"}") and text.count(b"{") == text.count(b"}")


def is_aircraft_json(head: bytes) -> bool:
    """Whether a file begins as such a document."""
    return head.lstrip()[:1] == b"{" and b'"now"' in head[:4096] and (b'"aircraft"' in head or b'"ac"' in head)
