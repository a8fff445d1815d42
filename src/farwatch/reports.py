"""Reports: what ADS-B ground stations say of aircraft, put together from messages that they have heard.

Structure of arrays, one row a report. A report is made when a position is heard; velocity and identity are those last
heard. Unlike `Plots` it keeps what a surveillance system judges ADS-B by: every time, accuracy and integrity category.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, NO_MODE_A, Floats, Ints

NEVER = -1  # of a time that is not known


class Emitter(IntEnum):
    """What sends (ICAO Doc 9871, aircraft identification and category), in the codes of I021/020."""

    UNKNOWN = 0
    LIGHT = 1
    SMALL = 2
    MEDIUM = 3
    HEAVY = 5
    AGILE = 6
    ROTORCRAFT = 10


class Priority(IntEnum):
    """What an aircraft says of an emergency (I021/200, PS)."""

    NONE = 0
    EMERGENCY = 1
    NO_COMMUNICATIONS = 4
    UNLAWFUL = 5


class Reports(NamedTuple):
    """Reports in the order in which they were sent; what has not been heard is NaN, NEVER or its absent code."""

    sent_ns: Ints
    position_ns: Ints  # receipt of the position's message
    velocity_ns: Ints  # receipt of the velocity's message
    applicable_ns: Ints  # for which the position holds, where its sender is coupled to UTC
    station: NDArray[np.int32]
    number: NDArray[np.int16]  # 12 bits: the station's own track number
    address: NDArray[np.int32]
    mode_a: NDArray[np.int16]
    callsign: Ints
    emitter: NDArray[np.int16]  # Emitter, -1 not heard
    priority: NDArray[np.int16]  # Priority, -1 not heard
    lat_deg: Floats
    lon_deg: Floats
    height_wgs84_m: Floats
    pressure_altitude_m: Floats
    ground_speed_mps: Floats
    track_angle_deg: Floats
    true_airspeed_mps: Floats
    indicated_airspeed_mps: Floats
    vertical_rate_mps: Floats
    rate_is_geometric: NDArray[np.bool_]
    nic: NDArray[np.int8]
    nacp: NDArray[np.int8]
    nacv: NDArray[np.int8]
    sil: NDArray[np.int8]
    gva: NDArray[np.int8]
    sda: NDArray[np.int8]

    @property
    def n(self) -> int:
        return len(self.sent_ns)

    def take(self, rows: Any) -> Reports:
        """The rows given by an index array, mask or slice."""
        return Reports(*(column[rows] for column in self))


class StationStates(NamedTuple):
    """How stations are, one row a time and station, with what they have heard and sent since the row before."""

    time_ns: Ints
    station: NDArray[np.int32]
    heard: Ints
    sent: Ints

    @property
    def n(self) -> int:
        return len(self.time_ns)

    def take(self, rows: Any) -> StationStates:
        """The rows given by an index array, mask or slice."""
        return StationStates(*(column[rows] for column in self))


_REPORTS: dict[str, tuple[Any, Any]] = {
    "sent_ns": (np.int64, 0),
    "position_ns": (np.int64, NEVER),
    "velocity_ns": (np.int64, NEVER),
    "applicable_ns": (np.int64, NEVER),
    "station": (np.int32, 0),
    "number": (np.int16, 0),
    "address": (np.int32, NO_ADDRESS),
    "mode_a": (np.int16, NO_MODE_A),
    "callsign": (np.int64, NO_CALLSIGN),
    "emitter": (np.int16, -1),
    "priority": (np.int16, -1),
    "rate_is_geometric": (np.bool_, False),
} | dict.fromkeys(("nic", "nacp", "nacv", "sil", "gva", "sda"), (np.int8, -1))


def make_reports(n: int, **columns: Any) -> Reports:
    """n reports with the given columns; the others hold their absent value."""
    if unknown := columns.keys() - set(Reports._fields):
        raise TypeError(f"no such column: {', '.join(sorted(unknown))}")
    filled = []
    for name in Reports._fields:
        dtype, absent = _REPORTS.get(name, (np.float64, np.nan))
        filled.append(np.broadcast_to(np.asarray(columns.get(name, absent), dtype), n).copy())
    return Reports(*filled)


def make_station_states(n: int, **columns: Any) -> StationStates:
    """n rows with the given columns; the others are zero."""
    types = {"time_ns": np.int64, "station": np.int32, "heard": np.int64, "sent": np.int64}
    if unknown := columns.keys() - types.keys():
        raise TypeError(f"no such column: {', '.join(sorted(unknown))}")
    return StationStates(
        *(np.broadcast_to(np.asarray(columns.get(name, 0), dtype), n).copy() for name, dtype in types.items())
    )


def concat_reports(parts: Sequence[Reports]) -> Reports:
    """One table out of several, rows in the order given."""
    return Reports(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else make_reports(0)


def concat_station_states(parts: Sequence[StationStates]) -> StationStates:
    """One table out of several, rows in the order given."""
    if not parts:
        return make_station_states(0)
    return StationStates(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
