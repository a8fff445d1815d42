"""CAT048 and CAT001 target reports of one radar -> Plots.

The two categories say the same things under different item numbers, so one kernel serves both; what differs is in
`_PATHS` and in the meaning of the detection type. The height measured by a 3-D radar (I048/110) is handed on as it is:
what elevation it was depends on where the radar stands. The radial speed is I048/120, CAL, where it is not marked as
doubtful; that of I001/120 is not read. The airborne turn data are those of BDS register 5,0, where `heading` is the
true track angle and `speed` the ground speed; register 6,0 is relative to the air and to magnetic north and is left.
Item meanings: EUROCONTROL SPEC-0149-4 (CAT048) and SPEC-0149-2a (CAT001); registers: ICAO Doc 9871.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.fields import ABSENT, record_numbers, steps
from farwatch.formats.asterix.table import ABSENT_FIELD, Field, Table
from farwatch.formats.asterix.text import icao_callsign
from farwatch.formats.asterix.time_of_day import DAY_TICKS
from farwatch.kernels import kernel
from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, NO_MODE_A, Flag, Kind, Measured

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
    )


@kernel
def _register(word, first, size, signed):  # type: ignore[no-untyped-def]
    """Bits first .. first + size - 1 (counted from 1, as ICAO does) of a register of 56 bits."""
    value = word >> (57 - first - size) & ((1 << size) - 1)
    if signed and value >> (size - 1):
        value -= 1 << size
    return value


@kernel
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


@kernel
def _flags(v):  # type: ignore[no-untyped-def]
    """Flags of the numbers `v` of one record."""
    flags = 0
    if v[_TEST] == 1:
        flags |= _TEST_FLAG
    if v[_SIMULATED] == 1:
        flags |= _SIMULATED_FLAG
    if v[_RAB] == 1:
        flags |= _FIXED
    if v[_SPI] == 1 or v[_STATUS] == 4 or v[_STATUS] == 5:
        flags |= _SPECIAL
    if v[_STATUS] == 1 or v[_STATUS] == 3:
        flags |= _ON_GROUND
    if v[_A_INVALID] == 1:
        flags |= _A_INVALID_FLAG
    if v[_A_GARBLED] == 1:
        flags |= _A_GARBLED_FLAG
    if v[_C_INVALID] == 1:
        flags |= _C_INVALID_FLAG
    if v[_C_GARBLED] == 1:
        flags |= _C_GARBLED_FLAG
    distress_code = v[_A_INVALID] == 0 and v[_MODE_A] in (_HIJACK, _RADIO_FAILURE, _DISTRESS)
    if distress_code or v[_EMERGENCY] == 1 or v[_CODE] > 0:
        flags |= _EMERGENCY_FLAG
    return flags


@kernel
def _position(v, lsb):  # type: ignore[no-untyped-def]
    """(range_m, azimuth_rad, 0), or the last one _NO_POSITION or _ABSURD where there is none to use."""
    if v[_RHO] != ABSENT and v[_THETA] != ABSENT:
        if v[_RHO] == 0:
            return 0.0, 0.0, _ABSURD
        return v[_RHO] * lsb[_RHO] * _NM_M, v[_THETA] * lsb[_THETA] * _DEGREE, 0
    if v[_X] == ABSENT or v[_Y] == ABSENT:
        return 0.0, 0.0, _NO_POSITION
    if v[_X] == 0 and v[_Y] == 0:
        return 0.0, 0.0, _ABSURD
    east_m, north_m = v[_X] * lsb[_X] * _NM_M, v[_Y] * lsb[_Y] * _NM_M
    azimuth = math.atan2(east_m, north_m)
    return math.sqrt(east_m * east_m + north_m * north_m), azimuth if azimuth >= 0.0 else azimuth + 2.0 * math.pi, 0


@kernel
def source_of(v, block, last):  # type: ignore[no-untyped-def]
    """SAC * 256 + SIC of a record (its first two numbers); one without takes that of the record before it in its
    block, else -1. last (2,): block and source of the record before.
    """
    if v[0] != ABSENT:
        last[1] = v[0] * 256 + v[1]
    elif last[0] != block:
        last[1] = -1
    last[0] = block
    return last[1]


@kernel
def fill_plots(data, offsets, where, n, spec, sensor_of, beyond, unknown, skips, last, plots, at, m):  # type: ignore[no-untyped-def]
    """Fills `plots` (all but id and times) from n decoded records from row m on; returns the row after the last.

    offsets (n, slots), where (n, 3): from `decode_records`; spec: the Layout; sensor_of (65536,): sensor by
    SAC * 256 + SIC, -1 unknown; beyond (n,): ranges that I048/040 cannot say, (0,) where there are none. Filled beside:
    unknown (65537,) records of each unknown source (the last: none given), skips (4,), last (2,): see `source_of`, at
    (rows, 5): byte in `data`, time of day in ticks (-1 none), block, number of the record, I048/110 in steps.
    """
    todo, lsb, kinds, registers = spec.todo, spec.lsb, spec.kinds, spec.registers
    v = np.empty(len(todo), np.int64)
    for r in range(n):
        record_numbers(data, offsets, r, todo, v)
        source = source_of(v, where[r, 2], last)
        sensor = sensor_of[source] if source >= 0 else -1
        if sensor < 0:
            unknown[source] += 1
            continue
        kind = kinds[v[_TYPE]] if v[_TYPE] != ABSENT else _NOTHING
        if kind == _NOTHING:
            skips[_NO_DETECTION] += 1
            continue
        ticks = v[_TIME]
        if ticks == ABSENT:
            if not spec.truncated:
                skips[_NO_TIME] += 1
                continue
            ticks = -1
        elif ticks >= DAY_TICKS:
            skips[_ABSURD] += 1
            continue
        if v[_RHO] == _RANGE_FULL:
            v[_RHO] = beyond[r] if r < len(beyond) and beyond[r] >= _RANGE_FULL else 0
        range_m, azimuth_rad, wrong = _position(v, lsb)
        if wrong != 0:
            skips[wrong] += 1
            continue
        at[m, 0] = where[r, 0]
        at[m, 1] = ticks
        at[m, 2] = where[r, 2]
        at[m, 3] = r
        at[m, 4] = v[_HEIGHT_3D]
        plots.sensor[m] = sensor
        plots.kind[m] = kind
        plots.z[m, 0] = range_m
        plots.z[m, 1] = azimuth_rad
        plots.z[m, 2:] = math.nan
        plots.covariance[m, :] = math.nan
        plots.velocity_sigma[m, :] = math.nan
        plots.measured[m] = _RANGE_AND_AZIMUTH
        if v[_DOPPLER] != ABSENT and v[_DOUBTFUL] == 0:
            plots.z[m, 3] = v[_DOPPLER] * lsb[_DOPPLER]
            plots.measured[m] |= _RANGE_RATE
        plots.flags[m] = _flags(v)
        plots.mode_a[m] = v[_MODE_A] if v[_MODE_A] != ABSENT else NO_MODE_A
        plots.pressure_altitude_m[m] = v[_LEVEL] * lsb[_LEVEL] * _FL_M if v[_LEVEL] != ABSENT else math.nan
        plots.address[m] = v[_ADDRESS] if v[_ADDRESS] > 0 and v[_ADDRESS] != _ALL_ONES else NO_ADDRESS
        callsign = icao_callsign(v[_CALLSIGN])
        plots.callsign[m] = callsign if callsign != ABSENT else NO_CALLSIGN
        plots.nic[m] = -1
        plots.nacp[m] = -1
        plots.sil[m] = -1
        power = v[_PSR_POWER] if v[_PSR_POWER] != ABSENT else v[_SSR_POWER]
        plots.amplitude_dbm[m] = power if power != ABSENT else math.nan
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
