"""Geodetic: sensors that give positions on the Earth: ADS-B, multilateration, and surface movement radar.

Positions come at any time, and are moved to common times before the tracker has them (`cooperative/conditioner.py`):
all of one period are one snapshot. Gates are reckoned in a plane about the sensor's place, east and north.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from farwatch.association.gate import Window
from farwatch.errors import ConfigError
from farwatch.frame import vertical
from farwatch.geodesy import E2, A, enu_axes, to_ecef
from farwatch.kernels import leaf
from farwatch.sensors.place import Place
from farwatch.sensors.scalar import scalar_correction

Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Probability = Annotated[float, Meta(gt=0, lt=1)]
Source = Annotated[str, Meta(pattern=r"^\d{1,3}/\d{1,3}$")]

SILENT_SHARE = (
    1e-3  # of the detection probability: that an aircraft is not reported says nothing of whether it is there
)
OUTSIDE = 0.1
HEIGHT_SPAN_M = 15_000.0
BANDS = 64
WIDEST_SIGMA_M = 1000.0  # of reports that say how uncertain they are: windows must hold the least certain too
# One standard deviation of pressure altitude: of the altimeter, and of the weather against the ellipsoid. The second is
# common to all reports, so it is never averaged away: no height is taken for better known than that.
MLAT_COMMON = 0.25  # half of a sigma: the receivers' places and clocks
PRESSURE_SIGMA_M, WEATHER_SIGMA_M = 30.0, 100.0


class GeodeticSensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all of them have.

    `position` is the receiver's place, or the middle of the area: what is further than `max_range_km` from it is not
    believed. `sac_sic` names its ASTERIX source. Of one aircraft a report each `period_s` is used. `sigma_m` is the
    standard deviation of a coordinate where a report does not say better, and what it never falls below, growing by
    `sigma_m_per_km` of distance; `latency_s` how old positions are when they are stamped, and `latency_sigma_s` how
    uncertain that is. `surface`: what taxies is tracked too. `height`: by which of
    both the tracks stand where reports have both; radars know that by pressure alone.
    """

    id: str
    position: Place
    max_range_km: Annotated[float, Meta(gt=0, le=2000)] = 500.0
    sac_sic: Source | None = None
    period_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    sigma_m: Positive = 30.0
    sigma_m_per_km: NotNegative = 0.0
    latency_s: Annotated[float, Meta(ge=0, le=10)] = 0.0
    latency_sigma_s: Annotated[float, Meta(ge=0, le=10)] = 0.1
    detection: Probability = 0.9
    clutter: Positive = 0.1
    surface: bool = False
    height: Literal["pressure", "geometric"] = "pressure"


class AdsB(GeodeticSensor, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="adsb"):
    """ADS-B ground stations or receivers: positions that aircraft send, each with what they say of its quality."""

    sigma_m: Positive = 10.0


class Mlat(GeodeticSensor, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="mlat"):
    """Multilateration: positions out of the times at which several receivers have heard a transponder."""

    sigma_m: Positive = 30.0
    sigma_m_per_km: NotNegative = 2.0
    latency_sigma_s: Annotated[float, Meta(ge=0, le=10)] = 0.05


class SurfaceRadar(GeodeticSensor, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="smr"):
    """A surface movement radar: positions of all that stands or moves on an airport, without identity.

    `position` is the antenna's; the height of the field is taken to be that of its foot, `antenna_m` lower.
    """

    max_range_km: Annotated[float, Meta(gt=0, le=2000)] = 10.0
    sigma_m: Positive = 10.0
    latency_sigma_s: Annotated[float, Meta(ge=0, le=10)] = 0.05
    clutter: Positive = 20.0
    surface: bool = True
    antenna_m: NotNegative = 0.0


class GeodeticModel(NamedTuple):
    """A geodetic sensor as the kernels read it."""

    origin: tuple[float, float, float]
    east: tuple[float, float, float]
    north: tuple[float, float, float]
    half_m: float
    variance: float
    silent: bool
    common: float  # share of a report's variance that all reports of an aircraft have in common


def geodetic_model(sensor: GeodeticSensor, flat: bool) -> GeodeticModel:
    """Compile the options of one sensor for the kernels; raises `ConfigError` in the flat frame."""
    if flat:
        raise ConfigError(f'sensor {sensor.id!r} gives positions on the Earth: set [frame] kind = "wgs84"')
    lat, lon = math.radians(sensor.position.lat_deg), math.radians(sensor.position.lon_deg)
    axes = enu_axes(lat, lon)
    east, north = ((float(row[0]), float(row[1]), float(row[2])) for row in axes[:2])
    return GeodeticModel(
        to_ecef(lat, lon, 0.0),
        east,
        north,
        sensor.max_range_km * 1e3,
        (sensor.sigma_m if isinstance(sensor, SurfaceRadar) else WIDEST_SIGMA_M) ** 2,
        not isinstance(sensor, SurfaceRadar),
        1.0 if isinstance(sensor, AdsB) else (MLAT_COMMON if isinstance(sensor, Mlat) else 0.0),
    )


_NOWHERE = (0.0, 0.0, 0.0)
NO_GEODETIC = GeodeticModel(_NOWHERE, _NOWHERE, _NOWHERE, 0.0, 0.0, False, 0.0)  # in the models of other kinds


@leaf
def on_plane(geodetic, x, y, z, height):  # type: ignore[no-untyped-def]
    """Coordinates from the area's corner (m) of an Earth-centred place, as if it were on the ellipsoid below it."""
    dx, dy, dz = x - geodetic.origin[0], y - geodetic.origin[1], z - geodetic.origin[2]
    share = A / (A + height)
    u = (geodetic.east[0] * dx + geodetic.east[1] * dy + geodetic.east[2] * dz) * share
    v = (geodetic.north[0] * dx + geodetic.north[1] * dy + geodetic.north[2] * dz) * share
    return u + geodetic.half_m, v + geodetic.half_m


@leaf
def gate_place(geodetic, lat, lon):  # type: ignore[no-untyped-def]
    """Coordinates from the area's corner (m) of a latitude and a longitude (rad)."""
    x, y, z = to_ecef(lat, lon, 0.0)
    return on_plane(geodetic, x, y, z, 0.0)


@leaf
def along(S, h):  # type: ignore[no-untyped-def]
    """Variance along a vector h of a position with covariance S, packed 00 01 02 11 12 22."""
    return (
        h[0] * (S[0] * h[0] + 2.0 * (S[1] * h[1] + S[2] * h[2]))
        + h[1] * (S[3] * h[1] + 2.0 * S[4] * h[2])
        + h[2] * S[5] * h[2]
    )


@leaf
def window(geodetic, x, y, z, S, sigmas):  # type: ignore[no-untyped-def]
    """`Window` in the plane of a gate of so many sigmas about a position; S as for `along`."""
    height, _, _, _ = vertical(False, x, y, z)
    u, v = on_plane(geodetic, x, y, z, height)
    half_u = sigmas * math.sqrt(max(along(S, geodetic.east), 0.0) + geodetic.variance)
    half_v = sigmas * math.sqrt(max(along(S, geodetic.north), 0.0) + geodetic.variance)
    return Window(u, half_u, v, half_v, 0.0, 1e30)


@leaf
def coverage(geodetic, u, v):  # type: ignore[no-untyped-def]
    """Share of the detection probability that is left at a point, given from the area's corner (m)."""
    if geodetic.silent:
        return SILENT_SHARE
    east, north = u - geodetic.half_m, v - geodetic.half_m
    return 1.0 if east * east + north * north <= geodetic.half_m * geodetic.half_m else OUTSIDE


@leaf
def further_space(measured, height_m):  # type: ignore[no-untyped-def]
    """One over the size of what a plot measures besides latitude and longitude."""
    return 1.0 / HEIGHT_SPAN_M if measured & 4 or not math.isnan(height_m) else 1.0


@leaf
def axes_at(lat, lon):  # type: ignore[no-untyped-def]
    """Unit vectors north, east and up at a latitude and a longitude (rad), and the radius of the prime vertical (m)."""
    sa, ca, so, co = math.sin(lat), math.cos(lat), math.sin(lon), math.cos(lon)
    radius = A / math.sqrt(1.0 - E2 * sa * sa)
    return (-sa * co, -sa * so, ca), (-so, co, 0.0), (ca * co, ca * so, sa), radius


@leaf
def spread_along(P, axis):  # type: ignore[no-untyped-def]
    """Variance of a position along an axis."""
    variance = 0.0
    for a in range(3):
        for b in range(3):
            variance += axis[a] * axis[b] * P[a, b]
    return variance


@leaf
def keep_common(P, axis, before, common):  # type: ignore[no-untyped-def]
    """Raise the variance along an axis to what all reports of one kind have in common: that is never averaged away.

    Not beyond what it was before the report: others may know better.
    """
    lacking = min(before, common) - spread_along(P, axis)
    if lacking > 0.0:
        for a in range(3):
            for b in range(3):
                P[a, b] += lacking * axis[a] * axis[b]


@leaf
def correct(geodetic, m, x, P, n, g):  # type: ignore[no-untyped-def]
    """Correct one Gaussian in place by a geodetic position; return its log-likelihood, chi^2 and number of
    measurements.

    m's z are latitude, longitude (rad) and height above the ellipsoid; its covariance is that of north, east and up in
    metres. Scalars in turn: north, what east says besides, up; or the pressure altitude where no height is measured.
    A satellite receiver's error and a position's age last for minutes: a second's report brings the same again.
    """
    north, east, up, radius = axes_at(m.z0, m.z1)
    height = m.z2 if m.measured & 4 else m.height_m
    if math.isnan(height):
        height, _, _, _ = vertical(False, x[0], x[1], x[2])
    reach = radius + height
    px, py, pz = reach * up[0], reach * up[1], (radius * (1.0 - E2) + height) * up[2]
    dx, dy, dz = px - x[0], py - x[1], pz - x[2]
    ahead = north[0] * dx + north[1] * dy + north[2] * dz
    of_north, of_east, of_up = spread_along(P, north), spread_along(P, east), spread_along(P, up)
    log_likelihood, chi2 = scalar_correction(x, P, n, g, north, 0, ahead, m.c00)
    by_north = m.c01 / m.c00
    h = (east[0] - by_north * north[0], east[1] - by_north * north[1], east[2] - by_north * north[2])
    dx, dy, dz = px - x[0], py - x[1], pz - x[2]
    ll, c = scalar_correction(x, P, n, g, h, 0, h[0] * dx + h[1] * dy + h[2] * dz, m.c11 - by_north * m.c01)
    log_likelihood += ll
    chi2 += c
    if geodetic.common > 0.0:
        keep_common(P, north, of_north, geodetic.common * m.c00)
        keep_common(P, east, of_east, geodetic.common * m.c11)
    if m.measured & 4 == 0 and math.isnan(m.height_m):
        return log_likelihood, chi2, 2
    dx, dy, dz = px - x[0], py - x[1], pz - x[2]
    by_pressure = m.measured & 4 == 0
    variance = PRESSURE_SIGMA_M * PRESSURE_SIGMA_M if by_pressure else m.c22
    ll, c = scalar_correction(x, P, n, g, up, 0, up[0] * dx + up[1] * dy + up[2] * dz, variance)
    if by_pressure:
        keep_common(P, up, of_up, WEATHER_SIGMA_M * WEATHER_SIGMA_M)
    return log_likelihood + ll, chi2 + c, 3


@leaf
def place(m, prior_height, prior_sigma, x, P):  # type: ignore[no-untyped-def]
    """Position (x[:3]) and its covariance (P[:3, :3]) from one plot alone, with a prior where it has no height."""
    height, variance = prior_height, prior_sigma * prior_sigma
    if m.measured & 4:
        height, variance = m.z2, m.c22
    elif not math.isnan(m.height_m):
        height, variance = m.height_m, PRESSURE_SIGMA_M**2 + WEATHER_SIGMA_M**2
    north, east, up, radius = axes_at(m.z0, m.z1)
    x[0], x[1], x[2] = (radius + height) * up[0], (radius + height) * up[1], (radius * (1.0 - E2) + height) * up[2]
    for a in range(3):
        for b in range(3):
            P[a, b] = north[a] * north[b] * m.c00 + east[a] * east[b] * m.c11 + up[a] * up[b] * variance
            P[a, b] += (north[a] * east[b] + east[a] * north[b]) * m.c01
    return True
