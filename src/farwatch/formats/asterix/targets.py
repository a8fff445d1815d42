"""CAT021, 020 and 010: reports that hold positions, of ADS-B stations, multilateration and surface movement radars."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.cooperative.accuracy import CIRCULAR_95, SPEED_95_BY_NACV, sigmas_m
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.positions import geodetic
from farwatch.formats.asterix.records import Batch, batches, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import ABSENT_FIELD, Field, Table
from farwatch.formats.asterix.text import icao_text
from farwatch.formats.asterix.time_of_day import MISSING
from farwatch.formats.containers import Piece
from farwatch.plots import NO_ADDRESS, NO_MODE_A, Flag, Floats, Ints, Kind, Measured, Plots, make_plots

CATEGORIES = (21, 20, 10)
KNOT_MPS = 1852.0 / 3600.0
FEET_A_MINUTE_MPS = 0.3048 / 60.0

NO_TARGET, NO_POSITION, DOUBTED = "message without a target", "target without a position", "position its station doubts"

Site = tuple[float, float, float]  # latitude, longitude (rad), height (m)


class Wanted(NamedTuple):
    """Whose targets are wanted: sensors' indexes by category and (SAC, SIC), and where each of them is."""

    sources: Mapping[int, Mapping[tuple[int, int], int]]
    sites: Mapping[int, Site]


NONE_WANTED = Wanted({}, {})

_Paths = dict[str, tuple[str, ...]]
_DESCRIPTOR = {"ground": "GBS", "simulated": "SIM", "test": "TST", "fixed": "RAB", "ident": "SPI"}
_SOURCE: _Paths = {"sac": ("010/SAC",), "sic": ("010/SIC",)}
_REPLY: _Paths = {
    "address": ("220",),
    "callsign": ("245/CHR",),
    "level": ("090/FL",),
    "level_invalid": ("090/V",),
    "level_garbled": ("090/G",),
    "vx": ("202/VX",),
    "vy": ("202/VY",),
}
_PATHS: dict[int, _Paths] = {  # what is read, by the first of these paths that an edition has
    10: _SOURCE
    | _REPLY
    | {name: (f"020/{bit}",) for name, bit in _DESCRIPTOR.items()}
    | {
        "message": ("000",),
        "number": ("161/TRK",),
        "mode_a": ("060/MODE3A",),
        "mode_a_invalid": ("060/V",),
        "mode_a_garbled": ("060/G",),
        "technique": ("020/TYP",),
        "sigma_x": ("500/DEVX",),
        "sigma_y": ("500/DEVY",),
    },
    20: _SOURCE
    | _REPLY
    | {name: (f"020/{bit}",) for name, bit in _DESCRIPTOR.items()}
    | {
        "number": ("161/TRN",),
        "mode_a": ("070/MODE3A",),
        "mode_a_invalid": ("070/V",),
        "mode_a_garbled": ("070/G",),
        "height": ("105",),
        "sigma_x": ("500/SDP/X",),
        "sigma_y": ("500/SDP/Y",),
    },
    21: _SOURCE
    | {name: (f"040/{bit}",) for name, bit in _DESCRIPTOR.items()}
    | {
        "address": ("080",),
        "address_type": ("040/ATP",),
        "callsign": ("170",),
        "number": ("161/TRNUM", "161"),
        "mode_a": ("070/MODE3A", "070"),
        "level": ("145",),
        "height": ("140",),
        "speed": ("160/GS",),
        "angle": ("160/TA",),
        "climb": ("157/GVR", "157"),
        "pressure_climb": ("155/BVR", "155"),
        "wrong_cpr": ("040/CPR",),
        "jump": ("040/LDPJ",),
        "version": ("210/VN",),
        "nic": ("090/NUCPNIC",),
        "nacp": ("090/NACP", "090/PA"),
        "nacv": ("090/NUCRNACV",),
        "sil": ("090/SIL",),
        "amplitude": ("132",),
    },
}
_TIMES = {10: ("140",), 20: ("140",), 21: ("071", "073", "030", "077")}
_TECHNIQUES = {0: Kind.MLAT, 1: Kind.MLAT, 2: Kind.ADSB, 5: Kind.MLAT}  # I010/020 TYP; the others see the body itself
_ANONYMOUS = 3


class Targets(NamedTuple):
    """Reports of positions: plots, the sensor's own numbers of its targets (-1 none), and what their quality says."""

    plots: Plots
    number: Ints
    sigma_m: Floats  # of a coordinate, NaN where nothing is said

    def take(self, rows: Ints) -> Targets:
        """The rows given by an index array."""
        return Targets(self.plots.take(rows), self.number[rows], self.sigma_m[rows])


class Found(NamedTuple):
    """Targets of one batch before their times are known: file position, time of day (1/128 s), datagram of each."""

    targets: Targets
    at: Ints
    ticks: Ints
    datagram: Ints


class _Numbers:
    """The numbers of a batch by name; columns without a field are absent in every row."""

    def __init__(self, piece: Piece, batch: Batch, table: Table) -> None:
        fields: dict[str, Field] = {}
        for name, paths in _PATHS[table.category].items():
            found = next((field for path in paths if (field := table.optional(path)) is not ABSENT_FIELD), None)
            if found is not None:
                fields[name] = found
        self._fields = fields
        self._column = {name: k for k, name in enumerate(fields)}
        self._raw = numbers(piece, batch, list(fields.values()))
        self.n = batch.n

    def raw(self, name: str, absent: int = ABSENT) -> Ints:
        """Whole numbers (n,), `absent` where there is none."""
        if name not in self._column:
            return np.full(self.n, absent, np.int64)
        column = self._raw[:, self._column[name]]
        return np.where(column == ABSENT, absent, column)

    def value(self, name: str, unit: float = 1.0) -> Floats:
        """Quantities (n,) in the item's unit times `unit`, NaN where there is none."""
        column = self.raw(name)
        lsb = self._fields[name].lsb if name in self._fields else None
        return np.where(column == ABSENT, np.nan, column * ((lsb or 1.0) * unit))

    def is_set(self, name: str) -> NDArray[np.bool_]:
        """Where a bit is set."""
        return np.equal(self.raw(name, 0), 1)


def find(
    piece: Piece,
    blocks: Ints,
    table: Table,
    wanted: Wanted,
    statistics: Statistics,
    unknown: Ints,
) -> Iterator[Found]:
    """The targets in blocks (n, 4) of one category and edition."""
    first_times = [field for path in _TIMES[table.category] if (field := table.optional(path)) is not ABSENT_FIELD]
    sources = wanted.sources.get(table.category, {})
    sensor_of = np.full(65_537, -1, np.int32)  # the last is for those that name no source
    for (sac, sic), index in sources.items():
        sensor_of[sac * 256 + sic] = index
    sites = {source: wanted.sites[index] for source, index in sources.items()}
    for batch in batches(piece, blocks, table, statistics):
        if batch.n == 0:
            continue
        n = _Numbers(piece, batch, table)
        source = np.where(n.raw("sac") == ABSENT, 65_536, n.raw("sac") * 256 + n.raw("sic"))
        sensor = sensor_of[source]
        known = sensor >= 0
        unknown += np.bincount(source[~known], minlength=len(unknown))
        ticks = np.full(batch.n, MISSING, np.int64)
        for column in numbers(piece, batch, first_times).T:
            ticks = np.where((ticks == MISSING) & (column != ABSENT), column, ticks)
        given = np.where(known, source, -1)
        lat, lon = geodetic(lambda fields: numbers(piece, batch, fields), given, table, sites)  # noqa: B023
        lat, lon = (np.full(batch.n, np.nan) if part is None else part for part in (lat, lon))
        targets = _targets(n, table.category, sensor, lat, lon)
        doubted = n.is_set("wrong_cpr") | n.is_set("jump")
        is_target = n.raw("message", 1) == 1
        keep = known & is_target & ~np.isnan(lat) & ~doubted & (ticks != MISSING)
        statistics.skipped.update(_skipped(known & is_target, lat, ticks))
        if (known & doubted).any():
            statistics.rejected[DOUBTED] += int(np.sum(known & doubted))
        rows = np.flatnonzero(keep)
        where = batch.where[: batch.n][rows]
        yield Found(targets.take(rows), where[:, 0].copy(), ticks[rows], blocks[where[:, 2], 3])


def _skipped(wanted: NDArray[np.bool_], lat: Floats, ticks: Ints) -> Counter[str]:
    without = int(np.sum(wanted & np.isnan(lat)))
    timeless = int(np.sum(wanted & ~np.isnan(lat) & (ticks == MISSING)))
    return Counter({name: count for name, count in ((NO_POSITION, without), ("no time", timeless)) if count})


def _targets(n: _Numbers, category: int, sensor: NDArray[np.int32], lat: Floats, lon: Floats) -> Targets:
    z = np.full((n.n, 6), np.nan)
    z[:, 0], z[:, 1], z[:, 2] = lat, lon, n.value("height", 0.3048)
    speed, angle = n.value("speed", 1852.0), n.value("angle", math.pi / 180.0)
    z[:, 3] = np.where(np.isnan(speed), n.value("vx"), speed * np.sin(angle))
    z[:, 4] = np.where(np.isnan(speed), n.value("vy"), speed * np.cos(angle))
    climb = n.value("climb", FEET_A_MINUTE_MPS)
    z[:, 5] = np.where(np.isnan(climb), n.value("pressure_climb", FEET_A_MINUTE_MPS), climb)
    measured = np.full(n.n, int(Measured.POSITION_2D), np.uint8)
    measured[~np.isnan(z[:, 3]) & ~np.isnan(z[:, 4])] |= np.uint8(Measured.VELOCITY_2D)
    measured[~np.isnan(z[:, 5])] |= np.uint8(32)
    covariance = np.full((n.n, 6), np.nan)
    sigma_x, sigma_y = n.value("sigma_x"), n.value("sigma_y")
    told = (sigma_x > 0.0) & (sigma_y > 0.0)
    covariance[told, 0], covariance[told, 3], covariance[told, 1] = sigma_y[told] ** 2, sigma_x[told] ** 2, 0.0
    flags = np.zeros(n.n, np.uint32)
    for name, flag in (
        ("ground", Flag.ON_GROUND),
        ("simulated", Flag.SIMULATED),
        ("test", Flag.TEST),
        ("fixed", Flag.FIXED_TRANSPONDER),
        ("ident", Flag.SPECIAL_POSITION),
        ("mode_a_invalid", Flag.MODE_A_INVALID),
        ("mode_a_garbled", Flag.MODE_A_GARBLED),
        ("level_invalid", Flag.MODE_C_INVALID),
        ("level_garbled", Flag.MODE_C_GARBLED),
    ):
        flags[n.is_set(name)] |= np.uint32(flag)
    kind = np.full(n.n, int({21: Kind.ADSB, 20: Kind.MLAT}.get(category, Kind.PSR)), np.uint8)
    if category == 10:
        for code, technique in _TECHNIQUES.items():
            kind[n.raw("technique") == code] = int(technique)
        flags[kind == Kind.PSR] |= np.uint32(Flag.ON_GROUND)
    if category == 21:
        flags[n.raw("address_type") == _ANONYMOUS] |= np.uint32(Flag.NOT_ICAO)
    nic, nacp, sil = n.raw("nic", -1), n.raw("nacp", -1), n.raw("sil", -1)
    version = n.raw("version", -1)
    version = np.where(version < 0, np.where(nacp >= 0, 1, 0), version)
    # An accuracy that is not said stands for none where a version 0 transponder's place is.
    quality = sigmas_m(version.astype(np.int8), nacp.astype(np.int8), nic.astype(np.int8))
    plots = make_plots(
        n.n,
        sensor=sensor,
        kind=kind,
        z=z,
        measured=measured,
        covariance=covariance,
        velocity_sigma=_velocity_sigma(n),
        pressure_altitude_m=n.value("level", 30.48),
        address=n.raw("address", NO_ADDRESS),
        mode_a=n.raw("mode_a", NO_MODE_A),
        callsign=np.where((text := icao_text(n.raw("callsign"))) == ABSENT, 0, text),
        nic=nic,
        nacp=nacp,
        sil=sil,
        amplitude_dbm=n.value("amplitude"),
        flags=flags,
    )
    return Targets(plots, n.raw("number", -1), np.where((nic >= 0) | (nacp >= 0), quality, np.nan))


def _velocity_sigma(n: _Numbers) -> Floats:
    """(n, 3) by NACv where it is given."""
    nacv = n.raw("nacv", -1)
    known = np.array(SPEED_95_BY_NACV)[np.clip(nacv, 0, len(SPEED_95_BY_NACV) - 1)] / CIRCULAR_95
    return np.repeat(np.where(nacv < 0, np.nan, known)[:, None], 3, axis=1)
