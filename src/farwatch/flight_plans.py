"""Flight plans: which flight a track is, by what it says of itself and a list of the flights that are expected.

An address decides, then a callsign, then a Mode A code. A code names a flight only where nobody else may have it: it is
no conspicuity code, one plan alone has it at the time, and one track alone shows it.
"""

from __future__ import annotations

import csv
import datetime
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from farwatch.errors import ConfigError
from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, NO_MODE_A, Ints, pack_callsign

COLUMNS = ("callsign", "address", "mode_a", "departure", "destination", "aircraft_type", "wake", "begin", "end")
CODES = 4096
MOST_BYTES = 100_000_000
_CALLSIGN, _PLACE, _TYPE = re.compile(r"[A-Z0-9]{2,7}"), re.compile(r"[A-Z0-9]{4}"), re.compile(r"[A-Z0-9]{2,4}")
_EVER = np.iinfo(np.int64)


class FlightPlanOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A CSV file of flight plans with a line of headings: `callsign`, and as far as known the others of `COLUMNS`.

    `begin` and `end` are ISO 8601 times with a zone, between which the plan's code is its own.
    """

    file: str


class FlightPlans(NamedTuple):
    """One row a plan, by callsign. Texts are ASCII as one number, as CAT062 has them; 0 where not known."""

    callsign: Ints  # packed, six bits a character
    name: Ints  # the callsign as a text of seven characters
    address: NDArray[np.int32]
    mode_a: NDArray[np.int16]
    departure: Ints  # four characters, as the next two
    destination: Ints
    aircraft_type: Ints
    wake: Ints
    begin_ns: Ints
    end_ns: Ints
    by_address: Ints  # the rows in the order of their addresses

    def row_of(self, callsign: Ints) -> Ints:
        """Row (n,) of each packed callsign, -1 where no plan has it."""
        return _found(self.callsign, callsign, callsign != NO_CALLSIGN)

    def correlate(
        self,
        address: NDArray[np.int32],
        callsign: Ints,
        mode_a: NDArray[np.int16],
        shown: Ints,
        now_ns: int,
    ) -> Ints:
        """Packed callsign (n,) of the flight plan of each of n tracks, NO_CALLSIGN where none is.

        `shown` (4096,) says how many tracks show each code, whether among the n or not.
        """
        if not len(self.callsign):
            return np.full(len(callsign), NO_CALLSIGN)
        at = _found(self.address[self.by_address], address, address != NO_ADDRESS)
        row = np.where(at >= 0, self.by_address[at], self.row_of(callsign))
        open_ = np.flatnonzero((row < 0) & (callsign == NO_CALLSIGN) & ~conspicuous(mode_a))
        if len(open_):
            row[open_] = self._by_code(mode_a[open_], shown, now_ns)
        return np.where(row >= 0, self.callsign[row], NO_CALLSIGN)

    def _by_code(self, mode_a: NDArray[np.int16], shown: Ints, now_ns: int) -> Ints:
        """Row of the plan that alone has each code now, -1 where none or several have it, or several tracks show it."""
        ours = np.flatnonzero((self.begin_ns <= now_ns) & (now_ns <= self.end_ns) & (self.mode_a != NO_MODE_A))
        plan, times = np.full(CODES, -1), np.zeros(CODES, np.int64)
        np.add.at(times, self.mode_a[ours], 1)
        plan[self.mode_a[ours]] = ours
        return np.where((times[mode_a] == 1) & (shown[mode_a] == 1), plan[mode_a], -1)


def plans_of(options: FlightPlanOptions | None) -> FlightPlans | None:
    """The flight plans that a scenario names, None where it names none; raises `ConfigError` as `load_plans` does."""
    return None if options is None else load_plans(options.file)


def conspicuous(mode_a: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Codes that many aircraft show at once: those that end in 00, and none at all."""
    result: NDArray[np.bool_] = (mode_a == NO_MODE_A) | (mode_a & 0o77 == 0)
    return result


def _found(keys: NDArray[Any], wanted: NDArray[Any], asked: NDArray[np.bool_]) -> Ints:
    """Where in sorted keys each wanted one stands, -1 where it does not or is not asked for."""
    if not len(keys):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(asked & (keys[at] == wanted), at, -1)


def load_plans(path: str | os.PathLike[str]) -> FlightPlans:
    """Read a CSV file of flight plans; raises `ConfigError` that names the line and what is wrong with it."""
    file = Path(path)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{file}: larger than {MOST_BYTES // 10**6} MB; give the flights of a day or two")
        lines = file.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 text (byte {error.start})") from None
    reader = csv.DictReader(lines)
    headings = [name.strip() for name in reader.fieldnames or []]
    unknown = [name for name in headings if name not in COLUMNS]
    if "callsign" not in headings or unknown:
        said = f"unknown column `{unknown[0]}`" if unknown else "no column `callsign`"
        raise ConfigError(f"{file}: {said} in the first line; it may name {', '.join(COLUMNS)}")
    reader.fieldnames = headings
    plans: dict[str, tuple[int, ...]] = {}
    try:
        for fields in reader:
            if None in fields:
                raise ConfigError(f"line {reader.line_num} has more fields than the first line names")
            one = {name: (value or "").strip() for name, value in fields.items()}
            if not any(one.values()):
                continue
            try:
                row = _plan(one)
            except ValueError as error:
                raise ConfigError(f"line {reader.line_num}: {error}") from None
            if one["callsign"] in plans:
                raise ConfigError(f"line {reader.line_num}: `callsign` {one['callsign']} has a plan already; keep one")
            plans[one["callsign"]] = row
    except (ConfigError, csv.Error) as error:
        raise ConfigError(f"{file}: {error}") from None
    rows = np.array(sorted(plans.values()), np.int64).reshape(-1, len(FlightPlans._fields) - 1)
    columns = list(np.ascontiguousarray(rows.T))
    columns[2], columns[3] = columns[2].astype(np.int32), columns[3].astype(np.int16)
    return FlightPlans._make([*columns, np.argsort(columns[2], kind="stable")])


def _plan(one: dict[str, str]) -> tuple[int, ...]:
    """The numbers of one plan; raises `ValueError` that says what is wrong with which field."""

    def checked(name: str, pattern: re.Pattern[str], what: str) -> str:
        text = one.get(name, "").upper()
        if text and not pattern.fullmatch(text):
            raise ValueError(f"`{name}` {text!r} is none: give {what}")
        return text

    if not one["callsign"]:
        raise ValueError("no `callsign`: a plan needs one")
    callsign = checked("callsign", _CALLSIGN, "two to seven letters and digits, as DLH4AB")
    address = checked("address", re.compile("[0-9A-F]{6}"), "six hexadecimal digits, as 3C65A1")
    mode_a = checked("mode_a", re.compile("[0-7]{4}"), "four octal digits, as 2354")
    places = [checked(name, _PLACE, "four letters, as EDDM") for name in ("departure", "destination")]
    kind = checked("aircraft_type", _TYPE, "a type designator of ICAO's, as A320")
    wake = checked("wake", re.compile("[LMHJ]"), "L, M, H or J")
    begin_ns, end_ns = _time_ns(one, "begin", _EVER.min), _time_ns(one, "end", _EVER.max)
    if begin_ns > end_ns:
        raise ValueError("`begin` is after `end`")
    return (
        pack_callsign(callsign),
        _ascii(callsign, 7),
        int(address, 16) if address else NO_ADDRESS,
        int(mode_a, 8) if mode_a else NO_MODE_A,
        *(_ascii(text, 4) for text in (*places, kind)),
        _ascii(wake, 1),
        begin_ns,
        end_ns,
    )


def _time_ns(one: dict[str, str], name: str, absent: int) -> int:
    text = one.get(name, "")
    if not text:
        return absent
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{name}` {text!r} is no time: give one as 2026-01-01T12:30:00Z") from None
    if time.tzinfo is None:
        raise ValueError(f"`{name}` {text!r} has no zone: add Z for UTC")
    return round(time.timestamp()) * 10**9


def _ascii(text: str, width: int) -> int:
    return int.from_bytes(text.ljust(width).encode("ascii"), "big") if text else 0
