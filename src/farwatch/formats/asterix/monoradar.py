"""CAT048 and CAT001 target reports of one radar -> Plots.

The two categories say the same things under different item numbers, so one kernel serves both; what differs is in
`_PATHS` and in the meaning of the detection type. The height measured by a 3-D radar (I048/110) is handed on as it is:
what elevation it was depends on where the radar stands. The radial speed is I048/120, CAL, where it is not marked as
doubtful, or I001/120, in its default steps of 1/256 NM/s. The airborne turn data are those of BDS register 5,0, where
`heading` is the true track angle and `speed` the ground speed; register 6,0 is relative to the air and to magnetic
north and is left.
Item meanings: EUROCONTROL SPEC-0149-4 (CAT048) and SPEC-0149-2a (CAT001); registers: ICAO Doc 9871.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.fields import ABSENT, number_in, steps, word_of
from farwatch.formats.asterix.table import ABSENT_FIELD, Field, Table
from farwatch.formats.asterix.text import icao_callsign
from farwatch.formats.asterix.time_of_day import DAY_TICKS
from farwatch.kernels import leaf
from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, NO_MODE_A, Flag, Kind, Measured

NOT_SAID = frozenset({"covariance", "velocity_sigma", "nic", "nacp", "sil"})  # columns of Plots
SKIPS = ("no detection", "no position", "no time", "absurd")
N_SKIPS = len(SKIPS)
_NO_DETECTION, _NO_POSITION, _NO_TIME, _ABSURD = range(4)

_NAMES = (
    *("sac", "sic", "time", "rho", "theta", "x", "y", "type", "simulated", "spi", "rab", "test", "emergency", "code"),
    *("a_invalid", "a_garbled", "mode_a", "c_invalid", "c_garbled", "level", "address", "callsign", "status"),
    *("psr_power", "ssr_power", "height_3d", "doppler", "doubtful"),
)
_SAC, _SIC, _TIME, _RHO, _THETA, _X, _Y, _TYPE, _SIMULATED, _SPI, _RAB, _TEST, _EMERGENCY, _CODE = range(14)
_A_INVALID, _A_GARBLED, _MODE_A, _C_INVALID, _C_GARBLED, _LEVEL, _ADDRESS, _CALLSIGN, _STATUS = range(14, 23)
_PSR_POWER, _SSR_POWER, _HEIGHT_3D, _DOPPLER, _DOUBTFUL = range(23, 28)

_COMMON = {
    "sac": "010/SAC",
    "sic": "010/SIC",
    "rho": "040/RHO",
    "theta": "040/THETA",
    "simulated": "020/SIM",
    "spi": "020/SPI",
    "rab": "020/RAB",
    "test": "020/TST",
    "emergency": "020/ME",
    "a_invalid": "070/V",
    "a_garbled": "070/G",
    "mode_a": "070/MODE3A",
    "c_invalid": "090/V",
    "c_garbled": "090/G",
}
_PATHS = {
    48: _COMMON
    | {
        "time": "140",
        "type": "020/TYP",
        "level": "090/FL",
        "address": "220",
        "callsign": "240",
        "status": "230/STAT",
        "psr_power": "130/PAM",
        "ssr_power": "130/SAM",
        "height_3d": "110/3DH",
        "doppler": "120/CAL/CAL",
        "doubtful": "120/CAL/D",
    },
    1: _COMMON
    | {
        "time": "141",
        "x": "042/X",
        "y": "042/Y",
        "type": "020/SSRPSR",
        "code": "020/DS1DS2",
        "level": "090/HGT",
        "ssr_power": "131",
        "doppler": "120",
    },
}
_NOTHING = 255
_KINDS = {
    48: [_NOTHING, Kind.PSR, Kind.SSR, Kind.PSR_SSR, Kind.MODE_S, Kind.MODE_S, Kind.PSR_MODE_S, Kind.PSR_MODE_S],
    1: [_NOTHING, Kind.PSR, Kind.SSR, Kind.PSR_SSR],
}

# Plain numbers for the kernel.
_ON_GROUND, _TEST_FLAG, _SIMULATED_FLAG = int(Flag.ON_GROUND), int(Flag.TEST), int(Flag.SIMULATED)
_FIXED, _SPECIAL, _EMERGENCY_FLAG = int(Flag.FIXED_TRANSPONDER), int(Flag.SPECIAL_POSITION), int(Flag.EMERGENCY)
_A_INVALID_FLAG, _A_GARBLED_FLAG = int(Flag.MODE_A_INVALID), int(Flag.MODE_A_GARBLED)
_C_INVALID_FLAG, _C_GARBLED_FLAG = int(Flag.MODE_C_INVALID), int(Flag.MODE_C_GARBLED)
_NM_M, _FL_M, _KNOT_MPS = 1852.0, 30.48, 1852.0 / 3600.0
_DEGREE = math.pi / 180.0
_RANGE_FULL = 65_535  # the largest range that I048/040 can say: the true one lies beyond, in RE/ERR in the same steps
_RANGE_AND_AZIMUTH = int(Measured.RANGE | Measured.AZIMUTH)
_RANGE_RATE = int(Measured.RANGE_RATE)
_BDS_50 = 0x50
_ALL_ONES = 0xFFFFFF  # this address and 0 are given to no aircraft
_HIJACK, _RADIO_FAILURE, _DISTRESS = 0o7500, 0o7600, 0o7700


class Layout(NamedTuple):
    """Where the kernel finds its numbers in one category and edition."""

    todo: NDArray[np.int64]  # (names, 9) from `steps`
    lsb: NDArray[np.float64]  # (names,) of one step; 1 where it is no quantity
    kinds: NDArray[np.uint8]  # plot kind by detection type, 255: none
    registers: int  # slot of the Mode S registers (I048/250), -1: none
    truncated: bool  # the time is I001/141: 16 bits, and may be left out
    rate_mps: float  # one unit of the radial speed: I048/120 is in m/s, I001/120 in NM/s


@cache
def layout(table: Table) -> Layout:
    """The layout of CAT048 or CAT001 in the edition of `table`."""
    paths = _PATHS[table.category]
    fields: list[Field] = [table.field(paths[name]) if name in paths else ABSENT_FIELD for name in _NAMES]
    return Layout(
        steps(np.array([found.row for found in fields], np.int64)),
        np.array([found.lsb or 1.0 for found in fields]),
        np.array(_KINDS[table.category], np.uint8),
        table.slots.get("250", -1),
        table.category == 1,
        _NM_M if table.category == 1 else 1.0,
    )


@leaf
def _register(word, first, size, signed):  # type: ignore[no-untyped-def]
    """Bits first .. first + size - 1 (counted from 1, as ICAO does) of a register of 56 bits."""
    value = word >> (57 - first - size) & ((1 << size) - 1)
    if signed and value >> (size - 1):
        value -= 1 << size
    return value


@leaf
def _track_and_turn(data, p):  # type: ignore[no-untyped-def]
    """(roll_rad, track_rad, speed_mps, track_rate_rps) of the BDS 5,0 register at p, NaN where a status bit is 0."""
    roll, track, speed, rate = math.nan, math.nan, math.nan, math.nan
    word = np.int64(0)
    for k in range(7):
        word = word << 8 | np.int64(data[p + k])
    if _register(word, 1, 1, False):
        roll = _register(word, 2, 10, True) * (45.0 / 256.0) * _DEGREE
    if _register(word, 12, 1, False):
        track = _register(word, 13, 11, True) * (90.0 / 512.0) * _DEGREE
        if track < 0.0:
            track += 2.0 * math.pi
    if _register(word, 24, 1, False):
        speed = _register(word, 25, 10, False) * 2.0 * _KNOT_MPS
    if _register(word, 35, 1, False):
        rate = _register(word, 36, 10, True) * (8.0 / 256.0) * _DEGREE
    return roll, track, speed, rate


@leaf
def _flags_of_type(word, extension, todo):  # type: ignore[no-untyped-def]
    """Flags of what I048/020 or I001/020 says in its first byte and in its first extension (-1: none)."""
    flags = number_in(word, todo, _SIMULATED) * _SIMULATED_FLAG
    flags |= number_in(word, todo, _RAB) * _FIXED
    flags |= number_in(word, todo, _SPI) * _SPECIAL
    if extension >= 0:
        flags |= number_in(extension, todo, _TEST) * _TEST_FLAG
        if number_in(extension, todo, _EMERGENCY) or number_in(extension, todo, _CODE):
            flags |= _EMERGENCY_FLAG
    return flags


@leaf
def _flags_of_status(status):  # type: ignore[no-untyped-def]
    """Flags of a flight status (I048/230, STAT)."""
    flags = 0
    if status in (1, 3):
        flags |= _ON_GROUND
    if status in (4, 5):
        flags |= _SPECIAL
    return flags


@leaf
def _polar(x, y, lsb):  # type: ignore[no-untyped-def]
    """(range_m, azimuth_rad) of I001/042."""
    east_m, north_m = x * lsb[_X] * _NM_M, y * lsb[_Y] * _NM_M
    azimuth = math.atan2(east_m, north_m)
    return math.sqrt(east_m * east_m + north_m * north_m), azimuth if azimuth >= 0.0 else azimuth + 2.0 * math.pi


@leaf
def source_of(given, block, last):  # type: ignore[no-untyped-def]
    """SAC * 256 + SIC of a record; one that gives none (-1) takes that of the record before it in its block, else -1.

    last (2,): block and source of the record before.
    """
    if given >= 0:
        last[1] = given
    elif last[0] != block:
        last[1] = -1
    last[0] = block
    return last[1]


@leaf
def fill_plots(data, offsets, where, n, spec, sensor_of, beyond, unknown, skips, last, plots, at, m):  # type: ignore[no-untyped-def]
    """Fills `plots` (all but id, times and NOT_SAID) from n records from row m on; returns the next row.

    offsets (n, slots), where (n, 3): from `decode_records`; spec: the Layout; sensor_of (65536,): sensor by
    SAC * 256 + SIC, -1 unknown; beyond (n,): ranges that I048/040 cannot say, (0,) where there are none. Filled beside:
    unknown (65537,) records of each unknown source (the last: none given), skips (4,), last (2,): see `source_of`, at
    (5, rows): byte in `data`, time of day in ticks (-1 none), block, number of the record, I048/110 in steps.
    """
    todo, lsb, kinds, registers = spec.todo, spec.lsb, spec.kinds, spec.registers
    for r in range(n):
        word = word_of(data, offsets, r, todo, _SAC)
        given = number_in(word, todo, _SAC) * 256 + number_in(word, todo, _SIC) if word >= 0 else np.int64(-1)
        source = source_of(given, where[r, 2], last)
        sensor = sensor_of[source] if source >= 0 else -1
        if sensor < 0:
            unknown[source] += 1
            continue
        report = word_of(data, offsets, r, todo, _TYPE)
        kind = kinds[number_in(report, todo, _TYPE)] if report >= 0 else _NOTHING
        if kind == _NOTHING:
            skips[_NO_DETECTION] += 1
            continue
        ticks = word_of(data, offsets, r, todo, _TIME)
        if ticks < 0:
            if not spec.truncated:
                skips[_NO_TIME] += 1
                continue
        elif ticks >= DAY_TICKS:
            skips[_ABSURD] += 1
            continue
        word = word_of(data, offsets, r, todo, _RHO)
        if word >= 0:
            rho = number_in(word, todo, _RHO)
            if rho == _RANGE_FULL:
                rho = beyond[r] if r < len(beyond) and beyond[r] >= _RANGE_FULL else np.int64(0)
            if rho == 0:
                skips[_ABSURD] += 1
                continue
            range_m, azimuth_rad = rho * lsb[_RHO] * _NM_M, number_in(word, todo, _THETA) * lsb[_THETA] * _DEGREE
        else:
            word = word_of(data, offsets, r, todo, _X)
            if word < 0:
                skips[_NO_POSITION] += 1
                continue
            x, y = number_in(word, todo, _X), number_in(word, todo, _Y)
            if x == 0 and y == 0:
                skips[_ABSURD] += 1
                continue
            range_m, azimuth_rad = _polar(x, y, lsb)
        at[0, m], at[1, m], at[2, m], at[3, m] = where[r, 0], ticks, where[r, 2], r
        word = word_of(data, offsets, r, todo, _HEIGHT_3D)
        at[4, m] = number_in(word, todo, _HEIGHT_3D) if word >= 0 else np.int64(ABSENT)
        plots.sensor[m] = sensor
        plots.kind[m] = kind
        measured, rate_mps = _RANGE_AND_AZIMUTH, math.nan
        word = word_of(data, offsets, r, todo, _DOPPLER)
        if word >= 0 and number_in(word, todo, _DOUBTFUL) == 0:
            measured |= _RANGE_RATE
            rate_mps = number_in(word, todo, _DOPPLER) * lsb[_DOPPLER] * spec.rate_mps
        plots.measured[m] = measured
        plots.z[m, 0], plots.z[m, 1], plots.z[m, 2], plots.z[m, 3] = range_m, azimuth_rad, math.nan, rate_mps
        plots.z[m, 4], plots.z[m, 5] = math.nan, math.nan
        flags = _flags_of_type(report, word_of(data, offsets, r, todo, _TEST), todo)
        word, mode_a = word_of(data, offsets, r, todo, _MODE_A), np.int64(NO_MODE_A)
        if word >= 0:
            mode_a, invalid = number_in(word, todo, _MODE_A), number_in(word, todo, _A_INVALID)
            flags |= invalid * _A_INVALID_FLAG | number_in(word, todo, _A_GARBLED) * _A_GARBLED_FLAG
            if invalid == 0 and mode_a in (_HIJACK, _RADIO_FAILURE, _DISTRESS):
                flags |= _EMERGENCY_FLAG
        plots.mode_a[m] = mode_a
        word, altitude_m = word_of(data, offsets, r, todo, _LEVEL), math.nan
        if word >= 0:
            altitude_m = number_in(word, todo, _LEVEL) * lsb[_LEVEL] * _FL_M
            flags |= number_in(word, todo, _C_INVALID) * _C_INVALID_FLAG
            flags |= number_in(word, todo, _C_GARBLED) * _C_GARBLED_FLAG
        plots.pressure_altitude_m[m] = altitude_m
        word = word_of(data, offsets, r, todo, _STATUS)
        if word >= 0:
            flags |= _flags_of_status(number_in(word, todo, _STATUS))
        plots.flags[m] = flags
        address = word_of(data, offsets, r, todo, _ADDRESS)
        plots.address[m] = address if address > 0 and address != _ALL_ONES else NO_ADDRESS
        word, callsign = word_of(data, offsets, r, todo, _CALLSIGN), np.int64(ABSENT)
        if word >= 0:
            callsign = icao_callsign(word)
        plots.callsign[m] = callsign if callsign != ABSENT else NO_CALLSIGN
        power, amplitude_dbm = _PSR_POWER, math.nan
        word = word_of(data, offsets, r, todo, _PSR_POWER)
        if word < 0:
            power, word = _SSR_POWER, word_of(data, offsets, r, todo, _SSR_POWER)
        if word >= 0:
            amplitude_dbm = float(number_in(word, todo, power))
        plots.amplitude_dbm[m] = amplitude_dbm
        roll, track, speed, rate = math.nan, math.nan, math.nan, math.nan
        if registers >= 0 and offsets[r, registers] >= 0:
            p = offsets[r, registers] + 1
            for k in range(data[p - 1]):
                if data[p + 8 * k + 7] == _BDS_50:
                    roll, track, speed, rate = _track_and_turn(data, p + 8 * k)
        plots.roll_rad[m] = roll
        plots.heading_rad[m] = track
        plots.speed_mps[m] = speed
        plots.track_rate_rps[m] = rate
        m += 1
    return m
