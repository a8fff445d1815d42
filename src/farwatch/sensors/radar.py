"""Radar: a rotating sensor that measures range, azimuth and, where it can, elevation and range rate."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from farwatch.association.gate import Window
from farwatch.frame import vertical
from farwatch.geodesy import enu_axes, to_ecef
from farwatch.kernels import leaf
from farwatch.refraction import RefractionTable, bend, refraction_table
from farwatch.sensors.place import Place

TWO_PI = 2.0 * math.pi
EARTH_RADIUS_M = 6_371_000.0
WIDEST = math.radians(80.0)  # half a gate's width in azimuth
OUT_OF_COVERAGE = 0.1  # share of the detection probability that is left where coverage says none

Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Probability = Annotated[float, Meta(gt=0, lt=1)]


class RadarSigma(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Standard deviations of one measurement; without `elevation_deg` the radar is two-dimensional."""

    range_m: Positive = 50.0
    azimuth_deg: Positive = 0.08
    elevation_deg: Positive | None = None
    range_rate_mps: Positive | None = None
    pressure_altitude_m: Positive = 30.0


class ResolutionCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two aircraft closer than this in range and in azimuth give one primary plot; without `azimuth_deg`, the beam's
    width counts. `range_m = 0`: every aircraft gives a plot of its own."""

    range_m: NotNegative = 150.0
    azimuth_deg: Annotated[float, Meta(gt=0, le=90)] | None = None


class Radar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="radar"):
    """A rotating radar.

    `sac_sic` names its ASTERIX source as "20/129". `detection` is the probability of a plot a scan on a target in
    coverage, `clutter` the expected number of false plots a scan before the tracker has learned them. The time of a
    plot is that at which the beam crossed it. Range rates are ambiguous by multiples of `range_rate_fold_mps`.
    """

    id: str
    position: Place
    rotation_s: Annotated[float, Meta(gt=0.1, le=120)]
    max_range_km: Annotated[float, Meta(gt=0, le=1000)]
    sac_sic: Annotated[str, Meta(pattern=r"^\d{1,3}/\d{1,3}$")] | None = None
    min_range_km: NotNegative = 0.0
    min_elevation_deg: Annotated[float, Meta(ge=-10, le=90)] = -2.0
    max_elevation_deg: Annotated[float, Meta(ge=0, le=90)] = 60.0
    sigma: RadarSigma = RadarSigma()
    detection: Probability = 0.9
    clutter: Positive = 30.0
    beam_deg: Positive = 1.4
    resolution: ResolutionCell = ResolutionCell()
    refraction: Literal["exponential", "four-thirds", "none"] = "exponential"
    range_rate_fold_mps: Positive | None = None

    @property
    def period_s(self) -> float:
        """Time between two looks at one aircraft."""
        return self.rotation_s


class RadarModel(NamedTuple):
    """A radar as the kernels read it: metres, radians, seconds. Tuples, not arrays: they cost nothing to hand on."""

    flat: bool
    origin: tuple[float, float, float]
    east: tuple[float, float, float]
    north: tuple[float, float, float]
    up: tuple[float, float, float]
    height_m: float
    height_mean_m: float  # what is believed of a height that no sensor has measured
    variance_height_prior: float
    sigma_range: float
    variance_range: float
    variance_azimuth: float
    variance_elevation: float
    variance_rate: float
    rate_fold_mps: float  # range rates are known but for multiples of it; 0: they are known
    variance_height: float
    min_range_m: float
    max_range_m: float
    min_elevation: float
    max_elevation: float
    detection: float
    rotation_s: float
    refraction: RefractionTable


LEAST_RANGE_M = 1e-9
FARTHEST = 1.1  # times the configured range: a plot from beyond is a unit mistaken or a bit fallen over
WIDEST_AZIMUTH = 7.0  # an azimuth of more is in other units
# A plot that carries a height, an elevation or a range rate lies in a larger measurement space.
HEIGHT_SPAN_M = 15_000.0
LAYERS_DEG = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
HIGHEST_M = 20_000.0  # no aircraft flies higher
HIGHEST_PLOT_M = 30_000.0  # extractors drop what is higher, but for a share
HIGHER_SHARE = 0.05
RATE_SPAN_MPS = 600.0
HEIGHT_MEAN_M, HEIGHT_SIGMA_M = 6000.0, 4000.0  # of aircraft of which nothing is known


def radar_model(radar: Radar, flat: bool) -> RadarModel:
    """Compile the options of one radar for the kernels; in the flat frame the position's height counts alone."""
    p, s = radar.position, radar.sigma
    lat, lon, height_m = math.radians(p.lat_deg), math.radians(p.lon_deg), p.ellipsoidal_height_m
    axes = np.eye(3) if flat else enu_axes(lat, lon)
    east, north, up = ((float(row[0]), float(row[1]), float(row[2])) for row in axes)
    return RadarModel(
        flat=flat,
        origin=(0.0, 0.0, height_m) if flat else to_ecef(lat, lon, height_m),
        east=east,
        north=north,
        up=up,
        height_m=float(height_m),
        height_mean_m=HEIGHT_MEAN_M,
        variance_height_prior=HEIGHT_SIGMA_M**2,
        sigma_range=float(s.range_m),
        variance_range=float(s.range_m) ** 2,
        variance_azimuth=math.radians(s.azimuth_deg) ** 2,
        variance_elevation=math.radians(s.elevation_deg or 0.0) ** 2,
        variance_rate=float(s.range_rate_mps or 0.0) ** 2,
        rate_fold_mps=float(radar.range_rate_fold_mps or 0.0),
        variance_height=float(s.pressure_altitude_m) ** 2,
        min_range_m=radar.min_range_km * 1e3,
        max_range_m=radar.max_range_km * 1e3,
        min_elevation=math.radians(radar.min_elevation_deg),
        max_elevation=math.radians(radar.max_elevation_deg),
        detection=float(radar.detection),
        rotation_s=float(radar.rotation_s),
        refraction=refraction_table("none" if flat else radar.refraction, height_m, radar.max_range_km * 1e3),
    )


# Stands where a sensor is none.
NO_RADAR = radar_model(Radar(id="", position=Place(lat_deg=0.0, lon_deg=0.0), rotation_s=1.0, max_range_km=1.0), True)


@leaf
def local(radar, x, y, z):  # type: ignore[no-untyped-def]
    """East, north, up (m) of a point from the radar."""
    dx, dy, dz = x - radar.origin[0], y - radar.origin[1], z - radar.origin[2]
    return (
        radar.east[0] * dx + radar.east[1] * dy + radar.east[2] * dz,
        radar.north[0] * dx + radar.north[1] * dy + radar.north[2] * dz,
        radar.up[0] * dx + radar.up[1] * dy + radar.up[2] * dz,
    )


@leaf
def turned(radar, e, n, u):  # type: ignore[no-untyped-def]
    """The frame's components of a vector given as east, north, up of the radar."""
    return (
        e * radar.east[0] + n * radar.north[0] + u * radar.up[0],
        e * radar.east[1] + n * radar.north[1] + u * radar.up[1],
        e * radar.east[2] + n * radar.north[2] + u * radar.up[2],
    )


@leaf
def polar(radar, x, y, z):  # type: ignore[no-untyped-def]
    """Slant range (m), azimuth [0, 2 pi) and elevation (rad) of a point as the radar sees it, along the bent ray."""
    e, n, u = local(radar, x, y, z)
    ground = math.hypot(e, n)
    azimuth = math.atan2(e, n)
    if azimuth < 0.0:
        azimuth += TWO_PI
    r = math.hypot(ground, u)
    longer, higher = bend(radar.refraction, r, vertical(radar.flat, x, y, z)[0])
    return r + longer, azimuth, math.atan2(u, ground) + higher


@leaf
def wrap(angle):  # type: ignore[no-untyped-def]
    """An angle in [-pi, pi)."""
    return angle - TWO_PI * math.floor((angle + math.pi) / TWO_PI)


@leaf
def along(S, hx, hy, hz):  # type: ignore[no-untyped-def]
    """Variance along a vector h of a position with covariance S, packed 00 01 02 11 12 22."""
    return hx * (S[0] * hx + 2.0 * (S[1] * hy + S[2] * hz)) + hy * (S[3] * hy + 2.0 * S[4] * hz) + hz * S[5] * hz


@leaf
def bent(radar, ground, u):  # type: ignore[no-untyped-def]
    """What `bend` says of a point so far out and up (m), its height taken over a sphere: good enough for windows."""
    height = 0.0 if radar.flat else radar.height_m + u + ground * ground / (2.0 * EARTH_RADIUS_M)
    return bend(radar.refraction, math.sqrt(ground * ground + u * u), height)


@leaf
def window(radar, x, y, z, S, sigmas):  # type: ignore[no-untyped-def]
    """`Window` in azimuth, range and elevation (rad, m, rad) of so many sigmas about a position; S as for `along`."""
    e, n, u = local(radar, x, y, z)
    ground = math.sqrt(max(e * e + n * n, 1.0))
    r = math.sqrt(ground * ground + u * u)
    longer, higher = bent(radar, ground, u)
    rx, ry, rz = turned(radar, e / r, n / r, u / r)
    ax, ay, az = turned(radar, n / ground, -e / ground, 0.0)
    ux, uy, uz = turned(radar, -u * e / (ground * r), -u * n / (ground * r), ground / r)
    across = sigmas * math.sqrt(max(along(S, ax, ay, az), 0.0))
    half_azimuth = math.atan2(across, max(ground - across, 1.0)) + sigmas * math.sqrt(radar.variance_azimuth)
    return Window(
        math.atan2(e, n),
        min(half_azimuth, WIDEST),
        r + longer,
        sigmas * math.sqrt(max(along(S, rx, ry, rz), 0.0) + radar.variance_range),
        math.atan2(u, ground) + higher,
        sigmas * math.sqrt(max(along(S, ux, uy, uz), 0.0) / (r * r) + radar.variance_elevation),
    )


@leaf
def coverage(radar, range_m, elevation):  # type: ignore[no-untyped-def]
    """Share of the detection probability that coverage leaves there; whether it is in the cone of silence."""
    in_range = radar.min_range_m <= range_m <= radar.max_range_m
    if not in_range or not radar.min_elevation <= elevation <= radar.max_elevation:
        return OUT_OF_COVERAGE, elevation > radar.max_elevation
    return 1.0, elevation > radar.max_elevation


def elevation_edges(radar: Radar) -> NDArray[np.float64]:
    """Edges (rad) of the layers that clutter is learned in, thin about the horizon; none without elevation."""
    if radar.sigma.elevation_deg is None:
        return np.empty(0)
    low, high = radar.min_elevation_deg, radar.max_elevation_deg
    return np.radians([low, *(edge for edge in LAYERS_DEG if low < edge < high), high])


def shares_along_elevation(radar: Radar, flat: bool, rows: int) -> NDArray[np.float64]:
    """Share of the false plots of each of so many rows of range that lies in each layer of elevation (rows, layers).

    Noise comes evenly from all elevations; extractors drop what would be higher than anything flies.
    """
    edges = elevation_edges(radar)
    range_m = (np.arange(rows) + 0.5)[:, None] * radar.max_range_km * 1e3 / rows
    drop = 0.0 if flat else range_m / (2.0 * EARTH_RADIUS_M * 4.0 / 3.0)
    top = np.arcsin(np.clip((HIGHEST_PLOT_M - radar.position.ellipsoidal_height_m) / range_m - drop, -1.0, 1.0))
    inside = np.clip(np.minimum(edges[1:], top) - edges[:-1], 0.0, None)
    even = np.diff(edges) / np.ptp(edges)
    total = inside.sum(axis=1, keepdims=True)
    share = np.divide(inside, total, out=np.broadcast_to(even, inside.shape).copy(), where=total > 0.0)
    return np.asarray((1.0 - HIGHER_SHARE) * share + HIGHER_SHARE * even)


@leaf
def heights_along_elevation(radar, range_m, elevation):  # type: ignore[no-untyped-def]
    """Density (1/rad) of elevations at a slant range, heights being uniform from the ground to HIGHEST_M."""
    _, higher = bent(radar, range_m, range_m * elevation)
    ray = elevation - higher
    ground = range_m * math.cos(ray)
    height = radar.height_m + range_m * math.sin(ray)
    if not radar.flat:
        height += ground * ground / (2.0 * EARTH_RADIUS_M)
    blur = math.sqrt(2.0 * radar.variance_elevation) * range_m + 1.0
    inside = math.erf(height / blur) - math.erf((height - HIGHEST_M) / blur)
    return max(0.5 * inside, 1e-6) / HIGHEST_M * max(ground, 1.0)


@leaf
def further_space(measured, height_m):  # type: ignore[no-untyped-def]
    """One over the size of what a plot measures besides range, azimuth and elevation."""
    space = 1.0
    if not math.isnan(height_m):
        space /= HEIGHT_SPAN_M
    if measured & 8:
        space /= RATE_SPAN_MPS
    return space


@leaf
def place(radar, m, prior_height, prior_sigma, x, P):  # type: ignore[no-untyped-def]
    """Position (x[:3]) and its covariance (P[:3, :3]) from one plot alone; False where the plot cannot give one.

    The third coordinate is the elevation where the radar measures it, else the pressure altitude, else a prior height.
    A height is met by Newton steps on the elevation along the sphere of the measured range.
    """
    if m.measured & 3 != 3:
        return False
    height, variance_height = m.height_m, radar.variance_height + m.variance_doubt
    if math.isnan(height):
        height, variance_height = prior_height, prior_sigma * prior_sigma
    by_elevation = m.measured & 4 != 0
    longer, higher = bend(radar.refraction, m.z0, height)
    r = m.z0 - longer
    if by_elevation:
        elevation = m.z2 - higher
    else:
        ratio = (height - radar.height_m) / max(r, 1.0)
        if not radar.flat:
            ratio -= r / (2.0 * EARTH_RADIUS_M)
        elevation = math.asin(min(max(ratio, -0.999), 0.999))
    sa, ca = math.sin(m.z1), math.cos(m.z1)
    for step in range(4):  # the last turn only places
        se, ce = math.sin(elevation), math.cos(elevation)
        ray = turned(radar, ce * sa, ce * ca, se)
        rise = turned(radar, -se * sa, -se * ca, ce)  # where the ray goes as the elevation grows
        x[0], x[1], x[2] = radar.origin[0] + r * ray[0], radar.origin[1] + r * ray[1], radar.origin[2] + r * ray[2]
        h, ux, uy, uz = vertical(radar.flat, x[0], x[1], x[2])
        slope = rise[0] * ux + rise[1] * uy + rise[2] * uz
        if step == 3 or slope < 0.05:
            break
        if by_elevation:
            longer, higher = bend(radar.refraction, m.z0, h)
            r, elevation = m.z0 - longer, m.z2 - higher
            continue
        elevation = min(max(elevation + (height - h) / (r * slope), -1.5), 1.5)
    slope = max(slope, 0.2)
    along = ray[0] * ux + ray[1] * uy + ray[2] * uz
    across = turned(radar, r * ce * ca, -r * ce * sa, 0.0)
    for a in range(3):
        for b in range(3):
            P[a, b] = across[a] * across[b] * m.c11
            if by_elevation:
                P[a, b] += ray[a] * ray[b] * m.c00 + rise[a] * rise[b] * r * r * m.c22
            else:
                # A longer range at the same height lowers the ray.
                level_a, level_b = ray[a] - rise[a] * along / slope, ray[b] - rise[b] * along / slope
                P[a, b] += level_a * level_b * m.c00
                P[a, b] += rise[a] * rise[b] / (slope * slope) * variance_height
    return True
