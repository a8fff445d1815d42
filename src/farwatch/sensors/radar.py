"""Radar: a rotating sensor that measures range, azimuth and, where it can, elevation and range rate."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Probability = Annotated[float, Meta(gt=0, lt=1)]


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place on the Earth; `height_m` above the WGS-84 ellipsoid, or above mean sea level where `msl` is true."""

    lat_deg: Annotated[float, Meta(ge=-90, le=90)]
    lon_deg: Annotated[float, Meta(ge=-180, le=360)]
    height_m: Annotated[float, Meta(ge=-500, le=20_000)] = 0.0
    msl: bool = False


class RadarSigma(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Standard deviations of one measurement; without `elevation_deg` the radar is two-dimensional."""

    range_m: Positive = 50.0
    azimuth_deg: Positive = 0.08
    elevation_deg: Positive | None = None
    range_rate_mps: Positive | None = None
    pressure_altitude_m: Positive = 30.0


class Radar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="radar"):
    """A rotating radar.

    `sac_sic` names its ASTERIX source as "20/129". `detection` is the probability of a plot a scan on a target in
    coverage, `clutter` the expected number of false plots a scan before the tracker has learned them. `timing` says
    whether a plot's time is that at which the beam crossed it ("beam") or the end of the scan ("scan").
    """

    id: str
    position: Position
    rotation_s: Annotated[float, Meta(gt=0.1, le=120)]
    max_range_km: Annotated[float, Meta(gt=0, le=1000)]
    sac_sic: Annotated[str, Meta(pattern=r"^\d{1,3}/\d{1,3}$")] | None = None
    min_range_km: NotNegative = 0.0
    min_elevation_deg: Annotated[float, Meta(ge=-10, le=90)] = -0.5
    max_elevation_deg: Annotated[float, Meta(ge=0, le=90)] = 60.0
    sigma: RadarSigma = RadarSigma()
    detection: Probability = 0.9
    clutter: Positive = 30.0
    beam_deg: Positive = 1.4
    refraction: Literal["exponential", "four-thirds", "none"] = "exponential"
    timing: Literal["beam", "scan"] = "beam"
