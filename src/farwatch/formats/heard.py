"""Heard: what a reader of reports has made of some bytes; and what all of these readers have in common."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from farwatch.formats.asterix.statistics import Statistics
from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, NO_MODE_A, Floats, Kind, Measured, Plots, make_plots

KNOT_MPS = 1852.0 / 3600.0
FOOT_M = 0.3048
FEET_A_MINUTE_MPS = FOOT_M / 60.0
LONGEST_LINE = 1 << 16
BROKEN = "line that is not of the format"
CUT_OFF = "message cut off at the end"


class Heard(NamedTuple):
    """Plots with geodetic z (`sensor` 0: the source knows whose they are), and what their quality says of each."""

    plots: Plots
    sigma_m: Floats  # standard deviation of a coordinate, NaN where nothing is said


class Report(NamedTuple):
    """One position as it was reported; NaN, or the absent value, where something was not."""

    time_ns: int
    lat_deg: float
    lon_deg: float
    address: int = NO_ADDRESS
    height_wgs84_m: float = math.nan
    pressure_altitude_m: float = math.nan
    ground_speed_mps: float = math.nan
    track_deg: float = math.nan
    vertical_rate_mps: float = math.nan
    callsign: int = NO_CALLSIGN
    mode_a: int = NO_MODE_A
    nic: int = -1
    nacp: int = -1
    sil: int = -1
    flags: int = 0
    sigma_m: float = math.nan
    velocity_sigma_mps: float = math.nan
    height_sigma_m: float = math.nan
    kind: int = int(Kind.ADSB)
    received_ns: int = 0


def nanoseconds(seconds: float) -> int:
    """Seconds since 1970 as whole microseconds, in nanoseconds: a double does not hold more."""
    return round(seconds * 1e6) * 1000


_COLUMNS = {name: k for k, name in enumerate(Report._fields)}
_WHOLE = {"time_ns", "address", "callsign", "mode_a", "nic", "nacp", "sil", "flags", "kind", "received_ns"}


def heard(reports: list[Report], first_id: int = 0) -> Heard:
    """Reports as plots, in their order, with ids from `first_id` on."""
    n = len(reports)
    columns = list(zip(*reports, strict=True)) if n else [()] * len(Report._fields)

    def column(name: str) -> Any:
        return np.array(columns[_COLUMNS[name]], np.int64 if name in _WHOLE else np.float64)

    z = np.full((n, 6), np.nan)
    z[:, 0], z[:, 1] = np.radians(column("lat_deg")), np.radians(column("lon_deg"))
    z[:, 2] = column("height_wgs84_m")
    speed, track = column("ground_speed_mps"), np.radians(column("track_deg"))
    z[:, 3], z[:, 4], z[:, 5] = speed * np.sin(track), speed * np.cos(track), column("vertical_rate_mps")
    measured = np.full(n, int(Measured.POSITION_2D), np.uint8)
    measured[~np.isnan(z[:, 3])] |= np.uint8(Measured.VELOCITY_2D)
    measured[~np.isnan(z[:, 5])] |= np.uint8(32)
    time_ns, received_ns = column("time_ns"), column("received_ns")
    sigma = column("velocity_sigma_mps")
    covariance = np.full((n, 6), np.nan)
    covariance[:, 5] = column("height_sigma_m") ** 2
    plots = make_plots(
        n,
        id=np.arange(first_id, first_id + n),
        time_ns=time_ns,
        received_ns=np.where(received_ns > 0, received_ns, time_ns),
        z=z,
        measured=measured,
        covariance=covariance,
        velocity_sigma=np.repeat(sigma[:, None], 3, axis=1),
        **{
            name: column(name)
            for name in ("kind", "pressure_altitude_m", "address", "mode_a", "callsign", "nic", "nacp", "sil", "flags")
        },
    )
    return Heard(plots, column("sigma_m"))


class Reader(ABC):
    """Bytes of one receiver, in whatever portions -> reports. Nothing that they hold raises an error: it is counted.

    `kinds` counts what was read by its kind; `statistics` holds records, and what was skipped or rejected by reason.
    """

    name = ""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.statistics = Statistics()
        self._next_id = 0

    def take_statistics(self) -> Statistics:
        """What was counted since this was last called; the counts start anew."""
        taken = Statistics()
        taken.add(self.statistics)
        self.statistics.records = 0
        self.statistics.skipped.clear()
        self.statistics.rejected.clear()
        return taken

    @abstractmethod
    def _read(self, data: bytes, received_ns: int, last: bool) -> list[Report]:
        """Reports out of the next bytes."""

    def push(self, data: bytes, received_ns: int = 0) -> Heard:
        """The reports that are complete with the next bytes; `received_ns`, if known, is when they arrived."""
        return self._numbered(self._read(data, received_ns, False))

    def flush(self) -> Heard:
        """The reports that the end completes."""
        return self._numbered(self._read(b"", 0, True))

    def _numbered(self, reports: list[Report]) -> Heard:
        found = heard(reports, self._next_id)
        self._next_id += len(reports)
        return found


class LineReader(Reader):
    """A reader of a format that is made of lines of text."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""
        self._skipping = False  # the rest of a line that is too long

    @abstractmethod
    def _lines(self, lines: list[bytes], received_ns: int) -> list[Report]:
        """Reports out of whole lines, none of them empty."""

    def _read(self, data: bytes, received_ns: int, last: bool) -> list[Report]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        if self._skipping and whole:
            whole, self._skipping = whole[1:], False
        if len(self._rest) > LONGEST_LINE:
            self.skip(BROKEN)
            self._rest, self._skipping = b"", True
        if last and self._rest and not self._skipping:
            whole, self._rest = [*whole, self._rest], b""
        lines = [stripped for line in whole if (stripped := line.strip())]
        return self._lines(lines, received_ns) if lines else []

    def skip(self, reason: str) -> None:
        """Count something that could not be used."""
        self.statistics.skipped[reason] += 1
