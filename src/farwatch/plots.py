"""Plots: a batch of measurements, and Progress: what a sensor says besides plots. Structure of arrays.

A plot is measured in its sensor's own coordinates. `z` holds up to six of them and `measured` says which are there:

    radar     range_m, azimuth_rad, elevation_rad, range_rate_mps
    position  x_m, y_m, z_m, vx_mps, vy_mps, vz_mps           (Earth-centred, or the flat frame's own axes)
    geodetic  lat_rad, lon_rad, height_wgs84_m, v_east_mps, v_north_mps, v_up_mps   (ADS-B, multilateration; the
              covariance is that of north, east and up in metres)

Angles are radians, azimuth clockwise from true north; time is int64 nanoseconds since 1970 UTC.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_ADDRESS = -1
NO_MODE_A = -1
NO_CALLSIGN = 0


class Kind(IntEnum):
    """What produced a plot. Each has a clutter density of its own."""

    PSR = 0
    SSR = 1
    MODE_S = 2
    PSR_SSR = 3
    PSR_MODE_S = 4
    ADSB = 5
    MLAT = 6
    PASSIVE = 7


N_KINDS = len(Kind)


class Technology(IntEnum):
    """How aircraft are seen; a combined plot is two of them."""

    PSR = 0
    SSR = 1
    MODE_S = 2
    ADSB = 3
    MLAT = 4


N_TECHNOLOGIES = len(Technology)


class Measured(IntFlag):
    """Which columns of `z` hold a measurement: bit k for column k."""

    RANGE = 1
    AZIMUTH = 2
    ELEVATION = 4
    RANGE_RATE = 8
    POSITION_2D = 3
    POSITION_3D = 7
    VELOCITY_2D = 24
    VELOCITY_3D = 56


class Flag(IntFlag):
    """Marks on a plot. Those in NOT_AIRCRAFT are recorded and counted, never tracked."""

    ON_GROUND = 1
    TEST = 2
    SIMULATED = 4
    FIXED_TRANSPONDER = 8
    SPECIAL_POSITION = 16
    MODE_A_INVALID = 32
    MODE_A_GARBLED = 64
    MODE_C_INVALID = 128
    MODE_C_GARBLED = 256
    EMERGENCY = 512
    SURFACE = 1024  # on the ground, where its sensor is to track what taxies; ON_GROUND is then not set
    REBROADCAST = 2048  # ADS-R: an ADS-B message that a ground station has sent on
    TRAFFIC_SERVICE = 4096  # TIS-B: what a ground station's own surveillance has seen
    NOT_ICAO = 8192  # the address is of the sender's own choice
    NOT_AIRCRAFT = 15
    OF_REPORTS = 15_360  # those that radars' plots do not have


class Plots(NamedTuple):
    """A batch of n plots, one row each; absent values are NaN, NO_ADDRESS, NO_MODE_A or NO_CALLSIGN."""

    id: Ints
    time_ns: Ints
    received_ns: Ints
    sensor: NDArray[np.int32]  # index into the scenario's sensors
    kind: NDArray[np.uint8]
    z: Floats  # (n, 6)
    measured: NDArray[np.uint8]
    covariance: Floats  # (n, 6) packed 00 01 02 11 12 22 of z[:3]; NaN: the sensor's own noise model
    velocity_sigma: Floats  # (n, 3) m/s
    pressure_altitude_m: Floats
    address: NDArray[np.int32]  # 24-bit ICAO address
    mode_a: NDArray[np.int16]  # 12 bits
    callsign: Ints  # eight 6-bit characters, first in the high bits
    nic: NDArray[np.int8]
    nacp: NDArray[np.int8]
    sil: NDArray[np.int8]
    amplitude_dbm: NDArray[np.float32]
    roll_rad: NDArray[np.float32]
    track_rate_rps: NDArray[np.float32]
    heading_rad: NDArray[np.float32]
    speed_mps: NDArray[np.float32]
    flags: NDArray[np.uint32]

    @property
    def n(self) -> int:
        return len(self.time_ns)

    def take(self, rows: Any) -> Plots:
        """The rows given by an index array, mask or slice."""
        return Plots(*(column[rows] for column in self))


class ProgressKind(IntEnum):
    """What a sensor's service message says."""

    NORTH = 1
    SECTOR = 2
    STATUS = 3


class Progress(NamedTuple):
    """Service messages of sensors (CAT034, 002, 019, 023): how far the beam is, how the sensor is."""

    time_ns: Ints
    received_ns: Ints
    sensor: NDArray[np.int32]
    kind: NDArray[np.uint8]
    azimuth_rad: Floats  # of the beam at `time_ns`; NaN where not said
    rotation_s: Floats  # NaN where not said

    @property
    def n(self) -> int:
        return len(self.time_ns)

    def take(self, rows: Any) -> Progress:
        """The rows given by an index array, mask or slice."""
        return Progress(*(column[rows] for column in self))


class Batch(NamedTuple):
    """Plots and progress in time order, and the watermark: everything before `until_ns` has arrived."""

    plots: Plots
    progress: Progress
    until_ns: int


_PLOT_COLUMNS: dict[str, tuple[Any, tuple[int, ...], Any]] = {
    "id": (np.int64, (), 0),
    "time_ns": (np.int64, (), 0),
    "received_ns": (np.int64, (), 0),
    "sensor": (np.int32, (), 0),
    "kind": (np.uint8, (), 0),
    "z": (np.float64, (6,), np.nan),
    "measured": (np.uint8, (), 0),
    "covariance": (np.float64, (6,), np.nan),
    "velocity_sigma": (np.float64, (3,), np.nan),
    "pressure_altitude_m": (np.float64, (), np.nan),
    "address": (np.int32, (), NO_ADDRESS),
    "mode_a": (np.int16, (), NO_MODE_A),
    "callsign": (np.int64, (), NO_CALLSIGN),
    "nic": (np.int8, (), -1),
    "nacp": (np.int8, (), -1),
    "sil": (np.int8, (), -1),
    "amplitude_dbm": (np.float32, (), np.nan),
    "roll_rad": (np.float32, (), np.nan),
    "track_rate_rps": (np.float32, (), np.nan),
    "heading_rad": (np.float32, (), np.nan),
    "speed_mps": (np.float32, (), np.nan),
    "flags": (np.uint32, (), 0),
}
_WIDTHS = {name: np.dtype(dtype).itemsize * math.prod(shape) for name, (dtype, shape, _) in _PLOT_COLUMNS.items()}
_ABSENT_ROWS = {name: np.full(shape, value, dtype) for name, (dtype, shape, value) in _PLOT_COLUMNS.items()}
for _row in _ABSENT_ROWS.values():
    _row.flags.writeable = False
_PROGRESS_COLUMNS: dict[str, tuple[Any, tuple[int, ...], Any]] = {
    "time_ns": (np.int64, (), 0),
    "received_ns": (np.int64, (), 0),
    "sensor": (np.int32, (), 0),
    "kind": (np.uint8, (), 0),
    "azimuth_rad": (np.float64, (), np.nan),
    "rotation_s": (np.float64, (), np.nan),
}


def _fill(spec: dict[str, tuple[Any, tuple[int, ...], Any]], n: int, given: dict[str, Any]) -> list[NDArray[Any]]:
    unknown = given.keys() - spec.keys()
    if unknown:
        raise TypeError(f"no such column: {', '.join(sorted(unknown))}")
    columns = []
    for name, (dtype, shape, absent) in spec.items():
        column = np.full((n, *shape), absent, dtype)
        if name in given:
            value = np.asarray(given[name])
            if shape and value.ndim == 2:
                column[:, : value.shape[1]] = value
            else:
                column[:] = value
        columns.append(column)
    return columns


def make_plots(n: int, **columns: Any) -> Plots:
    """n plots with the given columns; the others hold their absent value. `received_ns` defaults to `time_ns`."""
    columns.setdefault("received_ns", columns.get("time_ns", 0))
    return Plots(*_fill(_PLOT_COLUMNS, n, columns))


def empty_plots(n: int, absent: frozenset[str] = frozenset()) -> Plots:
    """Room for n plots whose columns the caller fills; nothing is written, absent values neither.

    The columns named in `absent` hold nothing else than their absent value: one row of it, read-only, seen n times.
    One piece of memory for the others: what is freed and asked for again as a whole is not given back in between.
    """
    own = {name: 0 if name in absent else _whole_lines(n * width) for name, width in _WIDTHS.items()}
    memory = np.empty(sum(own.values()), np.uint8)
    columns, start = [], 0
    for name, (dtype, shape, _) in _PLOT_COLUMNS.items():
        if name in absent:
            row = _ABSENT_ROWS[name]
            columns.append(np.ndarray((n, *shape), dtype, row, strides=(0, *row.strides)))
            continue
        columns.append(memory[start : start + n * _WIDTHS[name]].view(dtype).reshape(n, *shape))
        start += own[name]
    return Plots(*columns)


def _whole_lines(size: int) -> int:
    """Bytes of the cache lines that hold `size` bytes."""
    return -(-size // 64) * 64


def make_progress(n: int, **columns: Any) -> Progress:
    """n progress rows with the given columns; the others hold their absent value."""
    columns.setdefault("received_ns", columns.get("time_ns", 0))
    return Progress(*_fill(_PROGRESS_COLUMNS, n, columns))


def concat_plots(parts: Sequence[Plots]) -> Plots:
    """One batch out of several, rows in the order given."""
    return Plots(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else make_plots(0)


def concat_progress(parts: Sequence[Progress]) -> Progress:
    """One batch out of several, rows in the order given."""
    return Progress(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else make_progress(0)


def without_identity(plots: Plots) -> Plots:
    """The same plots with address, Mode A, callsign and the aircraft's own turn data taken out."""
    blank = make_plots(plots.n)
    names = ("address", "mode_a", "callsign", "roll_rad", "track_rate_rps", "heading_rad", "speed_mps")
    return plots._replace(**{name: getattr(blank, name) for name in names})


_ALPHABET = " ABCDEFGHIJKLMNOPQRSTUVWXYZ      " + " " * 15 + "0123456789      "


def callsign_text(packed: int) -> str:
    """A packed callsign as text without trailing blanks; '' for NO_CALLSIGN (ICAO Annex 10 six-bit alphabet)."""
    return "".join(_ALPHABET[(packed >> shift) & 63] for shift in range(42, -1, -6)).strip()


def pack_callsign(text: str) -> int:
    """Text of up to eight characters A..Z, 0..9 and blank as the 48-bit packed form."""
    packed = 0
    for character in text.upper().ljust(8)[:8]:
        if "A" <= character <= "Z":
            code = ord(character) - 64
        elif "0" <= character <= "9":
            code = ord(character)
        else:
            code = 32
        packed = packed << 6 | code
    return packed if text.strip() else NO_CALLSIGN
