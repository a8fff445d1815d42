"""Pictures and plots as the binary messages of docs/api.md: a head of 24 bytes, then columns, little-endian."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.picture import Picture
from farwatch.plots import Floats, Ints
from farwatch.service.identities import has_none

HEAD = struct.Struct("<2sBBIdII")
MAGIC, VERSION = b"FW", 1
PICTURE, PLOTS = 1, 2
JUMP = 1  # flag of the head
NONE = -32768
STEP_M = 25 * 0.3048  # of levels
DEGREES = 1e7  # steps to one
SPEED_MPS, CLIMB_MPS = 0.1, 0.05
TURN = 65536 / 360.0  # steps of an angle to a degree
STATUS, NAMELESS, GEOMETRIC, SUSPECT, NEW = 3, 4, 8, 16, 32  # flags of a track

PICTURE_COLUMNS = ("<u4", "<i4", "<i4", "<i2", "<u2", "<u2", "<i2", "<u2", "<u2")
PLOT_COLUMNS = ("<i4", "<i4", "<u4", "<u2", "u1", "u1")
PICTURE_BYTES, PLOT_BYTES = 24, 16


class PictureColumns(NamedTuple):
    """A picture as it goes over the wire."""

    id: NDArray[np.uint32]
    latitude: NDArray[np.int32]
    longitude: NDArray[np.int32]
    level: NDArray[np.int16]
    speed: NDArray[np.uint16]
    angle: NDArray[np.uint16]
    climb: NDArray[np.int16]
    flags: NDArray[np.uint16]
    sensors: NDArray[np.uint16]


class PlotColumns(NamedTuple):
    """Plots as they go over the wire."""

    latitude: NDArray[np.int32]
    longitude: NDArray[np.int32]
    age: NDArray[np.uint32]
    sensor: NDArray[np.uint16]
    kind: NDArray[np.uint8]
    used: NDArray[np.uint8]


def picture_columns(p: Picture, new: NDArray[np.bool_]) -> PictureColumns:
    """The columns of tracks in rising id; `new` (n,) are in a picture for the first time."""
    by_pressure = np.isfinite(p.pressure_altitude_m)
    flags = (p.status & STATUS).astype(np.uint16)
    flags[has_none(p)] |= NAMELESS
    flags[~by_pressure] |= GEOMETRIC
    flags[new] |= NEW
    sensors = (p.sensors & 0x7FFF) | np.where(p.sensors >> 15, 0x8000, 0)
    return PictureColumns(
        (p.track & 0xFFFFFFFF).astype(np.uint32),
        degrees(p.lat_deg),
        degrees((p.lon_deg + 180.0) % 360.0 - 180.0),
        _short(np.where(by_pressure, p.pressure_altitude_m, p.height_wgs84_m), STEP_M),
        np.clip(np.rint(np.nan_to_num(p.ground_speed_mps) / SPEED_MPS), 0, 65535).astype(np.uint16),
        np.rint(np.nan_to_num(p.track_angle_deg) * TURN).astype(np.int64).astype(np.uint16),
        _short(p.vertical_rate_mps, CLIMB_MPS),
        flags,
        sensors.astype(np.uint16),
    )


def degrees(values: Floats) -> NDArray[np.int32]:
    """Degrees in steps of the wire."""
    return np.rint(np.clip(np.nan_to_num(values), -180.0, 180.0) * DEGREES).astype(np.int32)


def _short(values: Floats, step: float) -> NDArray[np.int16]:
    """Rounded to steps, as far as they reach; NONE for what is not finite."""
    known = np.isfinite(values)
    steps = np.clip(np.rint(np.where(known, values, 0.0) / step), -32767, 32767)
    return np.where(known, steps, NONE).astype(np.int16)


def message(
    kind: int, time_ns: int, sequence: int, columns: Sequence[NDArray[np.generic]], jump: bool = False
) -> bytes:
    """A binary message of columns of one length."""
    head = HEAD.pack(MAGIC, VERSION, kind, len(columns[0]), time_ns / 1e6, sequence & 0xFFFFFFFF, JUMP if jump else 0)
    return b"".join([head, *(np.ascontiguousarray(column).data.cast("B") for column in columns if len(column))])


def with_jump(data: bytes, jump: bool) -> bytes:
    """The same message with the mark that it does not follow the one before, or without it."""
    magic, version, kind, n, time_ms, sequence, flags = HEAD.unpack_from(data)
    wanted = flags | JUMP if jump else flags & ~JUMP
    if wanted == flags:
        return data
    return HEAD.pack(magic, version, kind, n, time_ms, sequence, wanted) + data[HEAD.size :]


def split(data: bytes, columns: Sequence[str]) -> list[NDArray[np.generic]]:
    """The columns of a message, by their types."""
    n = HEAD.unpack_from(data)[3]
    found, start = [], HEAD.size
    for dtype in columns:
        found.append(np.frombuffer(data, dtype, n, start))
        start += n * np.dtype(dtype).itemsize
    return found


def split_picture(data: bytes) -> PictureColumns:
    """The columns of a picture's message."""
    return PictureColumns(*split(data, PICTURE_COLUMNS))  # type: ignore[arg-type]


def joined_plots(parts: Sequence[bytes]) -> bytes:
    """Plots of pictures that follow each other as those of the last of them: where pictures are left out."""
    if len(parts) == 1:
        return parts[0]
    *_, time_ms, sequence, flags = HEAD.unpack_from(parts[-1])
    columns = []
    for part in parts:
        plots = PlotColumns(*split(part, PLOT_COLUMNS))  # type: ignore[arg-type]
        older_ms = max(round(time_ms - HEAD.unpack_from(part)[4]), 0)
        columns.append(plots._replace(age=_ages(plots.age.astype(np.int64) + older_ms)))
    joined = [np.concatenate(column) for column in zip(*columns, strict=True)]
    return message(PLOTS, round(time_ms * 1e6), sequence, joined, bool(flags & JUMP))


def _ages(values_ms: Ints) -> NDArray[np.uint32]:
    return np.clip(values_ms, 0, 0xFFFFFFFF).astype(np.uint32)


def plot_columns(
    places: Floats, time_ns: Ints, sensor: Ints, kind: NDArray[np.uint8], used: NDArray[np.bool_], now_ns: int
) -> PlotColumns:
    """The columns of plots at latitudes and longitudes `places` (2, n; deg); those without a place are left out."""
    placed = np.isfinite(places[0])
    ages = _ages((now_ns - time_ns[placed]) // 1_000_000)
    lat, lon = degrees(places[0, placed]), degrees(places[1, placed])
    return PlotColumns(
        lat, lon, ages, sensor[placed].astype(np.uint16), kind[placed].astype(np.uint8), used[placed].astype(np.uint8)
    )


assert sum(np.dtype(one).itemsize for one in PICTURE_COLUMNS) == PICTURE_BYTES
assert sum(np.dtype(one).itemsize for one in PLOT_COLUMNS) == PLOT_BYTES
