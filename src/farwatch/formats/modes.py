"""Raw Mode S messages of one receiver -> reports of positions, with what each aircraft has said of itself before.

The fields of a message are rs1090's; parity, positions and what belongs together are judged here. ICAO Annex 10,
volume IV, chapter 3; Doc 9871.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from farwatch.cooperative.accuracy import nic_of, position_sigma_m, velocity_sigma_mps
from farwatch.cooperative.cpr import AIRBORNE, SURFACE
from farwatch.cooperative.lineages import Addresses
from farwatch.cooperative.unfold import REASONS, UNFOLDED, unfold
from farwatch.errors import FormatError
from farwatch.formats.heard import FEET_A_MINUTE_MPS, FOOT_M, KNOT_MPS, Report
from farwatch.kernels import kernel
from farwatch.plots import NO_CALLSIGN, NO_MODE_A, Flag, Ints, pack_callsign

SHORT, LONG = 7, 14  # bytes of a message
BAD_PARITY, UNKNOWN_PARITY = "message with broken parity", "reply whose parity is of no aircraft that is known"
NOT_DECODED = "message that holds no such content"
GENERATOR = 0x1FFF409  # of the parity, Annex 10, 3.1.2.3.3
KNOWN_NS = 60_000_000_000  # so long an address is known from a message with plain parity
FRESH_NS = 10_000_000_000  # a velocity, or a difference of heights, older than that is not used
SURFACE_REACH_M = 45_000.0
_REBROADCAST = {"TISB_FINE": Flag.TRAFFIC_SERVICE, "TISB_COARSE": Flag.TRAFFIC_SERVICE,
                "TISB_ADSB_RELAY": Flag.TRAFFIC_SERVICE, "TISB_ADSB": Flag.REBROADCAST,
                "ADSB_ES_NT_ALT": Flag.NOT_ICAO}  # fmt: skip
_MANAGEMENT = ("TISB_MANAGE", "Reserved")


@kernel
def parities(messages, size, out):  # type: ignore[no-untyped-def]
    """Fills out (n,) with the remainder of each of messages (n, 14), of which size (n,) bytes count."""
    for k in range(len(messages)):
        remainder = np.int64(0)
        for j in range(size[k] - 3):
            remainder ^= np.int64(messages[k, j]) << 16
            for _ in range(8):
                remainder <<= 1
                if remainder & 0x1000000:
                    remainder ^= GENERATOR
        last = size[k] - 3
        sent = np.int64(messages[k, last]) << 16 | np.int64(messages[k, last + 1]) << 8 | messages[k, last + 2]
        out[k] = remainder ^ sent


@dataclass(slots=True)
class _Aircraft:
    """What one aircraft has said of itself."""

    heard_ns: int = 0
    callsign: int = NO_CALLSIGN
    mode_a: int = NO_MODE_A
    speed_mps: float = math.nan
    track_deg: float = math.nan
    climb_mps: float = math.nan
    velocity_ns: int = 0
    nacv: int = -1
    version: int = 0
    nacp: int = -1
    sil: int = -1
    nic_a: int = 0
    nic_c: int = 0
    emergency: bool = False
    geometric_above_m: float = math.nan
    geometric_ns: int = 0
    pressure_altitude_m: float = math.nan


def decoder() -> Any:
    """rs1090's decoder of a list of messages; raises FormatError where it is not installed."""
    try:
        from rs1090 import decode
    except ImportError:
        raise FormatError("raw Mode S needs the decoder rs1090: pip install 'farwatch[adsb]'") from None
    return decode


class ModeS:
    """Decodes the messages of one receiver; `receiver` is its latitude and longitude (deg), if known.

    `kinds` counts messages by downlink format, `rejected` what is not believed.
    """

    def __init__(self, kinds: Counter[str], rejected: Counter[str], receiver: tuple[float, float] | None) -> None:
        self.kinds, self.rejected = kinds, rejected
        self._receiver = receiver or (math.nan, math.nan)
        self._aircraft: dict[int, _Aircraft] = {}
        self._addresses = Addresses()
        self._decode: Any = None

    def reports(self, messages: Sequence[bytes], time_ns: Sequence[int], received_ns: int) -> list[Report]:
        """The positions in messages of 7 or 14 bytes, in the order of their times of receipt."""
        if not messages:
            return []
        if self._decode is None:
            self._decode = decoder()
        good, addresses = self._with_parity(messages, np.array(time_ns, np.int64))
        fields = self._decode([messages[k].hex() for k in good])
        positions: list[tuple[int, int, _Aircraft, dict[str, Any]]] = []
        drafts: list[Report] = []
        for k, address, found in zip(good, addresses, fields, strict=True):
            if found is None:
                self.rejected[NOT_DECODED] += 1
                continue
            if draft := self._take(found, address, time_ns[k], received_ns):
                positions.append((time_ns[k], address, self._aircraft[address], found))
                drafts.append(draft)
        return self._placed(drafts, positions)

    def _with_parity(self, messages: Sequence[bytes], time_ns: Ints) -> tuple[list[int], list[int]]:
        """Numbers and addresses of the messages whose parity is right; known addresses are kept up to date."""
        table = np.zeros((len(messages), LONG), np.uint8)
        size = np.array([len(message) for message in messages], np.int64)
        whole = np.frombuffer(b"".join(message.ljust(LONG, b"\0") for message in messages), np.uint8)
        table[:] = whole.reshape(-1, LONG)
        remainder = np.empty(len(messages), np.int64)
        parities(table, size, remainder)
        formats = np.minimum(table[:, 0] >> 3, 24).astype(np.int64)
        announced = (table[:, 1].astype(np.int64) << 16) | (table[:, 2].astype(np.int64) << 8) | table[:, 3]
        good, addresses = [], []
        for k, (form, rest, address) in enumerate(zip(formats.tolist(), remainder.tolist(), announced.tolist())):
            self.kinds[f"DF{form}"] += 1
            if (size[k] == LONG) != (form >= 16):
                self.rejected[BAD_PARITY] += 1
                continue
            if form in (17, 18) or (form == 11 and rest & 0xFFFF80 == 0):
                # The parity of an all-call reply holds the code of who has asked, in its last seven bits.
                if rest and (form != 11 or not self._knows(address, int(time_ns[k]))):
                    self.rejected[BAD_PARITY] += 1
                    continue
                key = address | self._own_address(form, int(table[k, 0]), bytes(messages[k]))
                self._known(key).heard_ns = int(time_ns[k])
                if form == 11:
                    continue
            elif form in (4, 5, 20, 21):
                key = rest
                if not self._knows(key, int(time_ns[k])):
                    self.rejected[UNKNOWN_PARITY] += 1
                    continue
            else:
                if form == 11:
                    self.rejected[BAD_PARITY] += 1
                continue  # what airborne collision avoidance says to itself, and formats of other users
            good.append(k)
            addresses.append(key)
        return good, addresses

    @staticmethod
    def _own_address(form: int, first: int, message: bytes) -> int:
        """A bit above an address that is not ICAO's: DF18 with CF 1, or with CF 2, 3 or 5 and its IMF bit."""
        control = first & 7
        if form != 18:
            return 0
        code = message[4] >> 3
        flagged = (
            message[4] & 1 if 9 <= code <= 18 or 20 <= code <= 22 else message[6] >> 3 & 1 if 5 <= code <= 8 else 0
        )
        return 1 << 24 if control in (1, 5) or (control in (2, 3, 6) and flagged) else 0

    def _knows(self, address: int, time_ns: int) -> bool:
        aircraft = self._aircraft.get(address)
        return aircraft is not None and abs(time_ns - aircraft.heard_ns) < KNOWN_NS

    def _known(self, address: int) -> _Aircraft:
        aircraft = self._aircraft.get(address)
        if aircraft is None:
            aircraft = self._aircraft[address] = _Aircraft()
            if len(self._aircraft) > 20_000:
                self._forget()
        return aircraft

    def _forget(self) -> None:
        newest_ns = max(one.heard_ns for one in self._aircraft.values())
        self._aircraft = {
            key: one
            for key, one in self._aircraft.items()
            if newest_ns - one.heard_ns < 10 * KNOWN_NS or not one.heard_ns
        }

    def _take(self, found: dict[str, Any], address: int, time_ns: int, received_ns: int) -> Report | None:
        """Keep what a message says; the report that it becomes once its place is known, if it holds a position."""
        aircraft = self._aircraft[address]
        if found["df"] not in ("17", "18"):
            self._reply(found, aircraft)
            return None
        if found.get("tisb") in _MANAGEMENT:
            return None
        self.kinds[f"BDS {found['bds']}"] += 1
        kind = found["bds"]
        if kind == "08":
            text = str(found.get("callsign") or "").replace("#", " ")
            aircraft.callsign = pack_callsign(text) or aircraft.callsign
        elif kind == "09":
            self._velocity(found, aircraft, time_ns)
        elif kind == "61":
            aircraft.emergency = found.get("emergency_state", "none") not in ("none", "reserved")
            aircraft.mode_a = _mode_a(found) if found.get("subtype") == "emergency_priority" else aircraft.mode_a
        elif kind in ("62", "65"):
            aircraft.nacp = found.get("NACp", aircraft.nacp)
            aircraft.sil = found.get("SIL", aircraft.sil)
            if kind == "65":
                aircraft.version = found.get("version", aircraft.version)
                aircraft.nic_a, aircraft.nic_c = found.get("NICa", aircraft.nic_a), found.get("NICc", aircraft.nic_c)
        elif kind in ("05", "06"):
            return self._draft(found, aircraft, address, time_ns, received_ns)
        return None

    @staticmethod
    def _reply(found: dict[str, Any], aircraft: _Aircraft) -> None:
        """Altitudes, codes and callsigns that an aircraft has given when it was asked."""
        if "squawk" in found:
            aircraft.mode_a = _mode_a(found)
        told = found.get("bds20")
        if isinstance(told, dict) and "#" not in str(told.get("callsign", "#")):
            aircraft.callsign = pack_callsign(told["callsign"]) or aircraft.callsign

    @staticmethod
    def _velocity(found: dict[str, Any], aircraft: _Aircraft, time_ns: int) -> None:
        speed, track, climb = found.get("groundspeed"), found.get("track"), found.get("vertical_rate")
        aircraft.speed_mps = speed * KNOT_MPS if speed is not None and track is not None else math.nan
        aircraft.track_deg = track if track is not None else math.nan
        aircraft.climb_mps = climb * FEET_A_MINUTE_MPS if climb is not None else math.nan
        aircraft.velocity_ns, aircraft.nacv = time_ns, found.get("NACv", -1)
        if (above := found.get("geo_minus_baro")) is not None:
            aircraft.geometric_above_m, aircraft.geometric_ns = above * FOOT_M, time_ns

    @staticmethod
    def _draft(found: dict[str, Any], aircraft: _Aircraft, address: int, time_ns: int, received_ns: int) -> Report:
        """A report that lacks its place."""
        surface, code = found["bds"] == "06", int(found.get("tc", 0))
        altitude = found.get("altitude")
        altitude_m = altitude * FOOT_M if altitude is not None and not surface else math.nan
        by_satellite = str(found.get("source", "")).upper() == "GNSS"
        pressure_m = math.nan if by_satellite else altitude_m
        height_m = altitude_m if by_satellite else math.nan
        if not by_satellite and time_ns - aircraft.geometric_ns < FRESH_NS:
            height_m = pressure_m + aircraft.geometric_above_m
        speed, track, climb = aircraft.speed_mps, aircraft.track_deg, aircraft.climb_mps
        if surface:
            moving, heading = found.get("groundspeed"), found.get("track")
            speed = moving * KNOT_MPS if moving is not None and heading is not None else math.nan
            track, climb = heading if heading is not None else math.nan, math.nan
        elif time_ns - aircraft.velocity_ns > FRESH_NS:
            speed = track = climb = math.nan
        nic = nic_of(code, aircraft.version, aircraft.nic_a, int(found.get("NICb", 0) or 0), aircraft.nic_c)
        flags = int(_REBROADCAST.get(found.get("tisb", ""), 0)) | (Flag.NOT_ICAO if address >> 24 else 0)
        flags |= (Flag.ON_GROUND if surface else 0) | (Flag.EMERGENCY if aircraft.emergency else 0)
        nacp = aircraft.nacp if aircraft.version else -1
        return Report(
            time_ns,
            math.nan,
            math.nan,
            address & 0xFFFFFF,
            height_m,
            pressure_m,
            speed,
            track,
            climb,
            aircraft.callsign,
            aircraft.mode_a,
            nic,
            nacp,
            aircraft.sil if aircraft.version else -1,
            int(flags),
            position_sigma_m(aircraft.version, nacp, nic),
            velocity_sigma_mps(aircraft.nacv) if not math.isnan(speed) else math.nan,
            received_ns=received_ns,
        )

    def _placed(
        self, drafts: list[Report], positions: list[tuple[int, int, _Aircraft, dict[str, Any]]]
    ) -> list[Report]:
        """The reports whose places can be told."""
        if not drafts:
            return []
        time_ns = np.array([one[0] for one in positions], np.int64)
        rows = self._addresses.rows(np.array([one[1] for one in positions], np.int64), int(time_ns.max()))
        folded = np.array([_folded(one[3]) for one in positions], np.int64)
        place, verdict = np.empty((len(drafts), 2)), np.empty(len(drafts), np.int64)
        unfold(self._addresses.lineages, rows, time_ns, folded, *self._receiver, SURFACE_REACH_M, place, verdict)
        for code, count in enumerate(np.bincount(verdict, minlength=len(REASONS)).tolist()):
            if code != UNFOLDED and count:
                self.rejected[REASONS[code]] += count
        return [
            draft._replace(lat_deg=lat, lon_deg=lon)
            for draft, (lat, lon), code in zip(drafts, place.tolist(), verdict.tolist(), strict=True)
            if code == UNFOLDED
        ]


def _folded(found: dict[str, Any]) -> tuple[int, int, int, int, int]:
    kind = SURFACE if found["bds"] == "06" else AIRBORNE
    level_m = round((found.get("altitude") or 0) * FOOT_M)
    return kind, int(found["parity"] == "odd"), found["lat_cpr"], found["lon_cpr"], level_m


def _mode_a(found: dict[str, Any]) -> int:
    """The code as the number that its four octal digits make."""
    text = str(found.get("squawk", ""))
    return int(text, 8) if len(text) == 4 and set(text) <= set("01234567") else NO_MODE_A
