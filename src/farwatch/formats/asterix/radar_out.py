"""Plots and Progress of radars -> CAT048 and CAT034, or CAT001 and CAT002; the way back of `monoradar` and `service`.

An elevation has no item: it goes as the height that it means (I048/110), which `sensors.height` finds. Ranges that
I048/040 cannot say go into the Reserved Expansion Field (RE/ERR). The radial speed (I048/120, CAL) is positive where
the aircraft goes away, as `range_rate_mps` is. What a plot does not say is left out. CAT001 has no place for addresses,
callsigns, heights that radars measure and how an aircraft turns, its radial speeds (I001/120) are in steps of 7.2 m/s,
and its times are cut: the messages tell the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import FormatError
from farwatch.formats.asterix.blocks import LARGEST_BLOCK, Blocks, Part, pack_by_time
from farwatch.formats.asterix.encode import Encoded, Repeated, encode, source_columns
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.table import load_expansion, load_table
from farwatch.formats.asterix.text import icao_text
from farwatch.formats.asterix.time_of_day import TRUNCATION, ticks_of
from farwatch.plots import NO_ADDRESS, NO_MODE_A, Flag, Floats, Kind, Measured, Plots, Progress, ProgressKind

_NM_M, _FL_M, _FOOT_M = 1852.0, 30.48, 0.3048
_KNOT_MPS = _NM_M / 3600.0
_BDS_50, _REGISTER_BITS = (5, 0), 56
_RANGE_FULL = 65_535  # I048/040 at its end: the range is in RE/ERR
_RANGE_STEP_M = _NM_M / 256.0
_CONVENTIONAL_STEP_M = _NM_M / 128.0
_HIGHEST_M = 8191 * 25 * _FOOT_M
_TYPES = {Kind.PSR: 1, Kind.SSR: 2, Kind.PSR_SSR: 3, Kind.MODE_S: 5, Kind.PSR_MODE_S: 7}
_TYPE_OF = np.array([_TYPES.get(kind, 0) for kind in Kind])
_WITH_PRIMARY = np.isin(np.arange(len(Kind)), [Kind.PSR, Kind.PSR_SSR, Kind.PSR_MODE_S])
_CONVENTIONAL = np.array([0, 1, 2, 3, 0, 2, 0, 3])  # I001/020, SSR/PSR, by I048/020, TYP
_DISTRESS = (0o7500, 0o7600, 0o7700)
_MESSAGES = {ProgressKind.NORTH: 1, ProgressKind.SECTOR: 2}

Columns = dict[str, NDArray[Any]]


class Station(NamedTuple):
    """One radar as others see it."""

    sac: int
    sic: int
    lat_deg: float
    lon_deg: float
    height_wgs84_m: float


def radar_blocks(
    plots: Plots,
    progress: Progress,
    stations: Sequence[Station],
    height_m: Floats | None = None,
    editions: Mapping[int, str] | None = None,
    largest: int = LARGEST_BLOCK,
    *,
    conventional: bool = False,
) -> Blocks:
    """Blocks of the plots and messages of all radars in the order of their times, one radar a block.

    stations: by sensor; height_m: (plots,) of 3-D radars above mean sea level, NaN none; conventional: CAT001 and 002
    instead of CAT048 and 034. Raises FormatError: plots that are no radar's, values that do not fit.
    """
    return pack_by_time(radar_parts(plots, progress, stations, height_m, editions, conventional=conventional), largest)


def radar_parts(
    plots: Plots,
    progress: Progress,
    stations: Sequence[Station],
    height_m: Floats | None = None,
    editions: Mapping[int, str] | None = None,
    *,
    conventional: bool = False,
) -> list[Part]:
    """The same as records that can be packed together with those of other categories."""
    chosen = editions or {}
    messages = progress.take(np.isin(progress.kind, list(_MESSAGES)))
    of_messages, of_plots = (2, 1) if conventional else (34, 48)
    said = message_records(messages, stations, chosen.get(of_messages), of_messages)
    if conventional:
        found = conventional_records(plots, stations, chosen.get(1))
    else:
        found = plot_records(plots, stations, height_m, chosen.get(48))
    return [
        Part(of_messages, said, messages.time_ns, messages.sensor.astype(np.int64)),
        Part(of_plots, found, plots.time_ns, plots.sensor.astype(np.int64)),
    ]


def plot_records(
    plots: Plots, stations: Sequence[Station], height_m: Floats | None = None, edition: str | None = None
) -> Encoded:
    """CAT048 records of plots."""
    table = load_table(48, edition)
    kinds = _kinds(plots, 48)
    code = mode_a_of(plots)
    range_steps = np.maximum(np.rint(plots.z[:, 0] / _RANGE_STEP_M), 1.0)
    far = range_steps >= _RANGE_FULL
    rate = _radial(plots)
    power = np.rint(plots.amplitude_dbm.astype(np.float64))
    primary = _WITH_PRIMARY[plots.kind]
    columns: Columns = {
        "140": ticks_of(plots.time_ns),
        "040/RHO": np.minimum(range_steps, _RANGE_FULL).astype(np.int64),
        "040/THETA": np.degrees(plots.z[:, 1]),
        "130/PAM": np.where(primary, power, np.nan),
        "130/SAM": np.where(primary, np.nan, power),
        "220": np.where(plots.address == NO_ADDRESS, ABSENT, plots.address.astype(np.int64)),
        "240": icao_text(plots.callsign),
        "120/CAL/D": np.where(np.isnan(rate), ABSENT, 0),
        "120/CAL/CAL": rate,
        "230/STAT": np.where(_flag(plots, Flag.ON_GROUND), 1, ABSENT),
    }
    columns |= (
        source_columns(plots.sensor, stations) | _codes(plots, code, "090/FL") | _descriptor(plots, kinds, code, far)
    )
    if height_m is not None:
        # A false plot may point far above what I048/110 can say: then it goes without, rather than with another height.
        columns["110"] = np.where(np.abs(height_m) < _HIGHEST_M, height_m, np.nan) / _FOOT_M
    extra = (_beyond(range_steps, far) if far.any() else {}) | _turn(plots)
    return encode(table, columns, extra)


def conventional_records(plots: Plots, stations: Sequence[Station], edition: str | None = None) -> Encoded:
    """CAT001 records of plots; raises FormatError for one beyond the 512 NM that I001/040 can say."""
    kinds = _CONVENTIONAL[_kinds(plots, 1)]
    code = mode_a_of(plots)
    range_steps = np.maximum(np.rint(plots.z[:, 0] / _CONVENTIONAL_STEP_M), 1.0)
    if range_steps.max(initial=0.0) > _RANGE_FULL:
        raise FormatError(f"a plot at {plots.z[:, 0].max() / 1000:.0f} km is beyond what CAT001 can say")
    valid = ~_flag(plots, Flag.MODE_A_INVALID)
    distress = np.sum([(k + 1) * ((code == said) & valid) for k, said in enumerate(_DISTRESS)], axis=0)
    emergency, test = _flag(plots, Flag.EMERGENCY) & (distress == 0), _flag(plots, Flag.TEST)
    more = test | emergency | (distress > 0)
    columns: Columns = {
        "020/TYP": np.zeros(plots.n, np.int64),
        "020/SIM": _flag(plots, Flag.SIMULATED),
        "020/SSRPSR": kinds,
        "020/SPI": _flag(plots, Flag.SPECIAL_POSITION),
        "020/RAB": _flag(plots, Flag.FIXED_TRANSPONDER),
        "020/TST": _where(more, test),
        "020/DS1DS2": np.where(more, distress, ABSENT),
        "020/ME": _where(more, emergency),
        "040/RHO": range_steps.astype(np.int64),
        "040/THETA": np.degrees(plots.z[:, 1]),
        "120": _radial(plots) / _NM_M,
        "131": np.rint(plots.amplitude_dbm.astype(np.float64)),
        "141": ticks_of(plots.time_ns) % TRUNCATION,
    }
    columns |= source_columns(plots.sensor, stations) | _codes(plots, code, "090/HGT")
    return encode(load_table(1, edition), columns)


def message_records(
    progress: Progress, stations: Sequence[Station], edition: str | None = None, category: int = 34
) -> Encoded:
    """CAT034 or CAT002 records of north and sector messages; CAT034's north message says where the radar stands."""
    message = np.zeros(progress.n, np.int64)
    for kind, number in _MESSAGES.items():
        message[progress.kind == kind] = number
    if (message == 0).any():
        raise FormatError(f"only north and sector messages can be written as CAT{category:03d}")
    north = message == _MESSAGES[ProgressKind.NORTH]
    place = np.array([station[2:] for station in stations], np.float64).reshape(-1, 3)[progress.sensor]
    columns = source_columns(progress.sensor, stations) | {
        "000": message,
        "030": ticks_of(progress.time_ns),
        "020": np.where(north, np.nan, np.degrees(progress.azimuth_rad)),
        "041": progress.rotation_s,
    }
    if category == 34:
        columns |= {
            "120/HGT": np.where(north, place[:, 2], np.nan),
            "120/LAT": np.where(north, place[:, 0], np.nan),
            "120/LON": np.where(north, place[:, 1], np.nan),
        }
    return encode(load_table(category, edition), columns)


def mode_a_of(plots: Plots) -> NDArray[np.int64]:
    """Mode A codes, ABSENT where there is none."""
    return np.where(plots.mode_a == NO_MODE_A, ABSENT, plots.mode_a.astype(np.int64) & 0o7777)


def _kinds(plots: Plots, category: int) -> NDArray[np.int64]:
    """I048/020, TYP, of each plot. Raises FormatError for plots that a radar's category cannot hold."""
    kinds = _TYPE_OF[plots.kind]
    if (kinds == 0).any():
        raise FormatError(f"{int((kinds == 0).sum())} plots are no radar's: CAT{category:03d} cannot hold them")
    if (plots.measured & int(Measured.RANGE | Measured.AZIMUTH) != int(Measured.RANGE | Measured.AZIMUTH)).any():
        raise FormatError(f"a plot without range and azimuth cannot be written as CAT{category:03d}")
    wrong = np.flatnonzero(~np.isfinite(plots.z[:, :2]).all(axis=1))
    if len(wrong):
        raise FormatError(
            f"range or azimuth of plot {wrong[0]} is no finite number: it cannot be written as CAT{category:03d}"
        )
    return kinds


def _codes(plots: Plots, code: NDArray[np.int64], level_path: str) -> Columns:
    """Mode A and flight level with their marks: items 070 and 090 of both categories."""
    level = plots.pressure_altitude_m / _FL_M
    return {
        "070/V": _where(code != ABSENT, _flag(plots, Flag.MODE_A_INVALID)),
        "070/G": _where(code != ABSENT, _flag(plots, Flag.MODE_A_GARBLED)),
        "070/MODE3A": code,
        "090/V": _where(~np.isnan(level), _flag(plots, Flag.MODE_C_INVALID)),
        "090/G": _where(~np.isnan(level), _flag(plots, Flag.MODE_C_GARBLED)),
        level_path: level,
    }


def _descriptor(plots: Plots, kinds: NDArray[np.int64], code: NDArray[np.int64], far: NDArray[np.bool_]) -> Columns:
    """I048/020; its first extension only where it says something."""
    distress = np.isin(code, _DISTRESS) & ~_flag(plots, Flag.MODE_A_INVALID)
    emergency = _flag(plots, Flag.EMERGENCY) & ~distress
    test = _flag(plots, Flag.TEST)
    more = test | far | emergency
    return {
        "020/TYP": kinds,
        "020/SIM": _flag(plots, Flag.SIMULATED),
        "020/SPI": _flag(plots, Flag.SPECIAL_POSITION),
        "020/RAB": _flag(plots, Flag.FIXED_TRANSPONDER),
        "020/TST": _where(more, test),
        "020/ERR": _where(more, far),
        "020/ME": _where(more, emergency),
    }


def _beyond(range_steps: Floats, far: NDArray[np.bool_]) -> dict[str, Repeated]:
    """The Reserved Expansion Fields that hold ranges beyond 256 NM."""
    inner = load_expansion(48)
    assert inner is not None
    field = encode(inner, {"ERR": range_steps[far].astype(np.int64)})
    sizes = np.zeros(len(far), np.int64)
    sizes[far] = np.diff(field.ends, prepend=0)
    return {"RE": Repeated(np.concatenate([[0], np.cumsum(sizes)]), field.as_explicit().values)}


def _turn(plots: Plots) -> dict[str, Repeated]:
    """BDS register 5,0 (I048/250) of the aircraft that say how they turn: roll, track, ground speed, track rate."""
    said = (plots.roll_rad, plots.heading_rad, plots.track_rate_rps, plots.speed_mps)
    if all(np.isnan(column).all() for column in said):
        return {}
    roll, track, rate = np.degrees(np.array(said[:3], np.float64))
    track = (track + 180.0) % 360.0 - 180.0
    speed = plots.speed_mps.astype(np.float64) / _KNOT_MPS
    register = np.zeros(plots.n, np.int64)
    there = np.zeros(plots.n, np.bool_)
    # (value, one step, first bit after its status bit counted from 1 as ICAO does, bits, signed)
    layout = (
        (roll, 45 / 256, 2, 10, 1),
        (track, 90 / 512, 13, 11, 1),
        (speed, 2.0, 25, 10, 0),
        (rate, 1 / 32, 36, 10, 1),
    )
    for value, step, first, bits, signed in layout:
        known = np.isfinite(value)
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        steps = np.clip(np.rint(np.where(known, value, 0.0) / step), low, high).astype(np.int64) & ((1 << bits) - 1)
        register |= np.where(known, 1 << (_REGISTER_BITS - first + 1) | steps << (_REGISTER_BITS - first - bits + 1), 0)
        there |= known
    values = np.column_stack([register[there], np.full((there.sum(), 2), _BDS_50)])
    return {"250": Repeated(np.concatenate([[0], np.cumsum(there)]), values)}


def _radial(plots: Plots) -> Floats:
    """Radial speeds (m/s), NaN where none was measured."""
    return np.where(plots.measured & int(Measured.RANGE_RATE) != 0, plots.z[:, 3], np.nan)


def _flag(plots: Plots, flag: Flag) -> NDArray[np.bool_]:
    marked: NDArray[np.bool_] = plots.flags & np.uint32(flag) != 0
    return marked


def _where(there: NDArray[np.bool_], value: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.where(there, value.astype(np.int64), ABSENT)
