"""Where records say that something is: WGS-84 positions of any category, or polar and local ones about a known site."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.table import ABSENT_FIELD, Field, Table
from farwatch.geodesy import MEAN_RADIUS_M, ecef_to_geodetic, enu_axes, geodetic_to_ecef, polar_to_ecef

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Sites = Mapping[tuple[int, int], tuple[float, float, float]]  # latitude, longitude (rad), height (m) by (SAC, SIC)

# In order of preference.
_GEODETIC: dict[int, tuple[str, ...]] = {
    4: ("170/CPW",),
    7: ("085/POS",),
    10: ("041",),
    11: ("041",),
    15: ("600/P84",),
    17: ("045",),
    20: ("041",),
    21: ("131", "130"),
    62: ("105",),
    205: ("050",),
}
_POLAR = {1: "040", 7: "040", 10: "040", 18: "014", 48: "040"}
_CARTESIAN = {1: "042", 7: "042", 10: "042", 11: "042", 18: "015", 20: "042", 48: "042"}
_LEVEL = {1: "090/HGT", 7: "090/FL", 10: "090/FL", 11: "093", 20: "090/FL", 21: "145", 48: "090/FL", 62: "136"}
_ADDRESS = {7: "220", 10: "220", 11: "380/ADR", 17: "220", 18: "005", 20: "220", 21: "080", 48: "220", 62: "380/ADR"}
_NUMBER = {1: "161", 7: "161", 10: "161", 11: "161", 20: "161", 21: "161", 48: "161", 62: "040"}
_METRES = {"NM": 1852.0, "m": 1.0, "FL": 30.48, "ft": 0.3048}
_BEYOND_POLE, _ONCE_ROUND = math.pi / 2, math.pi


class Places(NamedTuple):
    """Where the numbers lie in one edition; an empty list or ABSENT_FIELD where it has none."""

    geodetic: list[tuple[Field, Field]]
    polar: tuple[Field, Field] | None
    cartesian: tuple[Field, Field] | None
    level: Field
    address: Field
    number: Field


@cache
def places(table: Table) -> Places:
    """The positions and identities of an edition."""
    number = table.category

    def pair(path: str | None, *names: str) -> tuple[Field, Field] | None:
        found = [table.optional(f"{path}/{name}") for name in names] if path else []
        return (found[0], found[1]) if len(found) == 2 and ABSENT_FIELD not in found else None

    def one(path: str | None) -> Field:
        return table.optional(path) if path else ABSENT_FIELD

    geodetic = [
        found
        for path in _GEODETIC.get(number, ())
        if (found := pair(path, "LAT", "LON") or pair(path, "LATITUDE", "LONGITUDE"))
    ]
    return Places(
        geodetic,
        pair(_POLAR.get(number), "RHO", "THETA"),
        pair(_CARTESIAN.get(number), "X", "Y"),
        one(_LEVEL.get(number)),
        one(_ADDRESS.get(number)),
        one(_NUMBER.get(number)),
    )


def needs_site(table: Table) -> bool:
    """True where an edition gives positions only about its sensor."""
    found = places(table)
    return not found.geodetic and (found.polar is not None or found.cartesian is not None)


def has_position(table: Table) -> bool:
    """True where an edition gives positions of any kind."""
    found = places(table)
    return bool(found.geodetic) or needs_site(table)


def geodetic(numbers: Any, source: Ints, table: Table, sites: Sites) -> tuple[Floats, Floats] | tuple[None, None]:
    """Latitude and longitude (rad) of each record, NaN where it has none or one that cannot be; None, None: none can.

    numbers(fields) gives int64 (n, fields), ABSENT where absent; source (n,) is SAC * 256 + SIC, -1 unknown.
    """
    found = places(table)
    n = len(source)
    local = bool(sites) and (found.polar is not None or found.cartesian is not None)
    if not found.geodetic and not local:
        return None, None
    lat, lon = np.full(n, np.nan), np.full(n, np.nan)
    for fields in found.geodetic:
        out = numbers(list(fields))
        new = np.isnan(lat) & (out != ABSENT).all(axis=1)
        angles = np.radians(out[new] * np.array([field.lsb for field in fields]))
        possible = (np.abs(angles[:, 0]) <= _BEYOND_POLE) & (np.abs(angles[:, 1]) <= _ONCE_ROUND)
        lat[new], lon[new] = np.where(possible, angles[:, 0], np.nan), np.where(possible, angles[:, 1], np.nan)
    if local and np.isnan(lat).any():
        _about_sites(numbers, source, found, sites, lat, lon)
    return lat, lon


def _about_sites(numbers: Any, source: Ints, found: Places, sites: Sites, lat: Floats, lon: Floats) -> None:
    """Fills what is NaN of lat, lon from polar, else Cartesian positions about the site of each record's source."""
    pairs = [pair for pair in (found.polar, found.cartesian) if pair]
    out = numbers([field for pair in pairs for field in pair] + [found.level])
    level_m = scaled(out[:, -1], found.level)
    for (sac, sic), (site_lat, site_lon, site_height_m) in sites.items():
        for k, pair in enumerate(pairs):
            own = out[:, 2 * k : 2 * k + 2]
            new = np.isnan(lat) & (source == sac * 256 + sic) & (own != ABSENT).all(axis=1)
            if not new.any():
                continue
            first, second = scaled(own[new, 0], pair[0]), scaled(own[new, 1], pair[1])
            if pair is found.polar:
                height_m = np.where(np.isnan(level_m[new]), site_height_m, level_m[new])
                elevation = _elevation(first, height_m, site_height_m)
                points = polar_to_ecef(site_lat, site_lon, site_height_m, first, second, elevation)
            else:
                axes = enu_axes(site_lat, site_lon)
                points = geodetic_to_ecef(site_lat, site_lon, site_height_m) + np.outer(first, axes[0])
                points += np.outer(second, axes[1])
            there = ecef_to_geodetic(points)
            lat[new], lon[new] = there[:, 0], there[:, 1]


def _elevation(range_m: Floats, height_m: Floats, site_height_m: float) -> Floats:
    """Elevation (rad) at which a target at a height and slant range stands, over a sphere (law of cosines)."""
    site, target = MEAN_RADIUS_M + site_height_m, MEAN_RADIUS_M + height_m
    sine = (target**2 - site**2 - range_m**2) / (2.0 * np.maximum(range_m, 1.0) * site)
    return np.arcsin(np.clip(sine, -1.0, 1.0))


def scaled(raw: Ints, field: Field) -> Floats:
    """Numbers in metres or radians, NaN where absent."""
    factor = math.pi / 180.0 if field.unit == "°" else _METRES.get(field.unit, 1.0)
    return np.where(raw == ABSENT, np.nan, raw * ((field.lsb or 1.0) * factor))
