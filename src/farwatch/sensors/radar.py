"""Radar: a rotating sensor that measures range, azimuth and, where it can, elevation and range rate."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from farwatch.frame import vertical
from farwatch.geodesy import enu_axes, to_ecef
from farwatch.kernels import kernel
from farwatch.refraction import RefractionTable, bend, refraction_table

TWO_PI = 2.0 * math.pi
LOG_TWO_PI = math.log(TWO_PI)
EARTH_RADIUS_M = 6_371_000.0

Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Probability = Annotated[float, Meta(gt=0, lt=1)]


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place on the Earth; `height_m` above the WGS-84 ellipsoid, or above mean sea level where `msl` is true.

    Where `msl` is true, `geoid_m` must say how far mean sea level lies above the ellipsoid there (EGM96).
    """

    lat_deg: Annotated[float, Meta(ge=-90, le=90)]
    lon_deg: Annotated[float, Meta(ge=-180, le=360)]
    height_m: Annotated[float, Meta(ge=-500, le=20_000)] = 0.0
    msl: bool = False
    geoid_m: Annotated[float, Meta(ge=-120, le=120)] | None = None

    def __post_init__(self) -> None:
        if self.msl and self.geoid_m is None:
            raise ValueError("`msl = true` needs `geoid_m`, the height of mean sea level above the ellipsoid there")

    @property
    def ellipsoidal_height_m(self) -> float:
        """Height above the WGS-84 ellipsoid."""
        return self.height_m + (self.geoid_m or 0.0) if self.msl else self.height_m


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
    coverage, `clutter` the expected number of false plots a scan before the tracker has learned them. The time of a
    plot is that at which the beam crossed it.
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


class RadarModel(NamedTuple):
    """A radar as the kernels read it: metres, radians, seconds; axes are the rows east, north, up."""

    flat: bool
    origin: NDArray[np.float64]
    axes: NDArray[np.float64]
    height_m: float
    variance_range: float
    variance_azimuth: float
    variance_elevation: float
    variance_rate: float
    variance_height: float
    min_range_m: float
    max_range_m: float
    min_elevation: float
    max_elevation: float
    detection: float
    rotation_s: float
    refraction: RefractionTable


# One standard deviation of pressure altitude against geometric height: weather, not the altimeter. It is common to
# all plots of a track, so it must not be averaged away: it enters the slant range, where the height is a nuisance.
PRESSURE_HEIGHT_SIGMA_M = 100.0


def radar_model(radar: Radar, flat: bool) -> RadarModel:
    """Compile the options of one radar for the kernels; in the flat frame the position's height counts alone."""
    p = radar.position
    if flat:
        origin, axes = np.array([0.0, 0.0, p.ellipsoidal_height_m]), np.eye(3)
    else:
        lat, lon = math.radians(p.lat_deg), math.radians(p.lon_deg)
        origin, axes = np.array(to_ecef(lat, lon, p.ellipsoidal_height_m)), enu_axes(lat, lon)
    s = radar.sigma
    return RadarModel(
        flat=flat,
        origin=origin,
        axes=axes,
        height_m=p.ellipsoidal_height_m,
        variance_range=s.range_m**2,
        variance_azimuth=math.radians(s.azimuth_deg) ** 2,
        variance_elevation=math.radians(s.elevation_deg or 0.0) ** 2,
        variance_rate=(s.range_rate_mps or 0.0) ** 2,
        variance_height=s.pressure_altitude_m**2,
        min_range_m=radar.min_range_km * 1e3,
        max_range_m=radar.max_range_km * 1e3,
        min_elevation=math.radians(radar.min_elevation_deg),
        max_elevation=math.radians(radar.max_elevation_deg),
        detection=radar.detection,
        rotation_s=radar.rotation_s,
        refraction=refraction_table("none" if flat else radar.refraction, p.ellipsoidal_height_m, radar.max_range_km * 1e3),
    )


@kernel
def local(radar, x, y, z):  # type: ignore[no-untyped-def]
    """East, north, up (m) of a point from the radar."""
    a = radar.axes
    dx, dy, dz = x - radar.origin[0], y - radar.origin[1], z - radar.origin[2]
    return (
        a[0, 0] * dx + a[0, 1] * dy + a[0, 2] * dz,
        a[1, 0] * dx + a[1, 1] * dy + a[1, 2] * dz,
        a[2, 0] * dx + a[2, 1] * dy + a[2, 2] * dz,
    )


@kernel
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


@kernel
def wrap(angle):  # type: ignore[no-untyped-def]
    """An angle in [-pi, pi)."""
    return angle - TWO_PI * math.floor((angle + math.pi) / TWO_PI)


@kernel
def scalar_correction(x, P, n, h0, h1, h2, offset, residual, variance):  # type: ignore[no-untyped-def]
    """Correct mean (n) and covariance (n, n) in place by one scalar measurement; return its log-likelihood and chi^2.

    The measurement depends on three state components from `offset` on, with the derivatives h0, h1, h2.
    """
    g = np.empty(7)
    for a in range(n):
        g[a] = P[a, offset] * h0 + P[a, offset + 1] * h1 + P[a, offset + 2] * h2
    s = g[offset] * h0 + g[offset + 1] * h1 + g[offset + 2] * h2 + variance
    inverse = 1.0 / s
    scaled = residual * inverse
    for a in range(n):
        x[a] += g[a] * scaled
        k = g[a] * inverse
        for b in range(a + 1):
            P[a, b] -= k * g[b]
            P[b, a] = P[a, b]
    chi2 = residual * scaled
    return -0.5 * (chi2 + math.log(s) + LOG_TWO_PI), chi2


@kernel
def correct(radar, plots, j, x, P, n):  # type: ignore[no-untyped-def]
    """Correct one Gaussian in place by plot `j`; return its log-likelihood, chi^2 and number of measurements.

    Scalars in turn, azimuth, elevation, height, range, range rate, each linearised where the last one left the state:
    at 600 km this reaches the bound where a joint update or converted measurements do not.
    """
    a = radar.axes
    z = plots.z
    has = plots.measured[j]
    log_likelihood = 0.0
    chi2 = 0.0
    count = 0
    e, nn, u = local(radar, x[0], x[1], x[2])
    longer, higher = bend(
        radar.refraction, math.sqrt(e * e + nn * nn + u * u), vertical(radar.flat, x[0], x[1], x[2])[0]
    )
    if has & 2:
        ground2 = max(e * e + nn * nn, 1.0)
        je, jn = nn / ground2, -e / ground2
        variance = plots.covariance[j, 3]
        if math.isnan(variance):
            variance = radar.variance_azimuth
        ll, c = scalar_correction(
            x,
            P,
            n,
            je * a[0, 0] + jn * a[1, 0],
            je * a[0, 1] + jn * a[1, 1],
            je * a[0, 2] + jn * a[1, 2],
            0,
            wrap(z[j, 1] - math.atan2(e, nn)),
            variance,
        )
        log_likelihood += ll
        chi2 += c
        count += 1
    if has & 4:
        e, nn, u = local(radar, x[0], x[1], x[2])
        ground = max(math.hypot(e, nn), 1.0)
        r2 = ground * ground + u * u
        je, jn, ju = -u * e / (ground * r2), -u * nn / (ground * r2), ground / r2
        variance = plots.covariance[j, 5]
        if math.isnan(variance):
            variance = radar.variance_elevation
        ll, c = scalar_correction(
            x,
            P,
            n,
            je * a[0, 0] + jn * a[1, 0] + ju * a[2, 0],
            je * a[0, 1] + jn * a[1, 1] + ju * a[2, 1],
            je * a[0, 2] + jn * a[1, 2] + ju * a[2, 2],
            0,
            z[j, 2] - math.atan2(u, ground) - higher,
            variance,
        )
        log_likelihood += ll
        chi2 += c
        count += 1
    height = plots.pressure_altitude_m[j]
    if not math.isnan(height):
        h, ux, uy, uz = vertical(radar.flat, x[0], x[1], x[2])
        ll, c = scalar_correction(x, P, n, ux, uy, uz, 0, height - h, radar.variance_height)
        log_likelihood += ll
        chi2 += c
        count += 1
    if has & 1:
        e, nn, u = local(radar, x[0], x[1], x[2])
        r = max(math.sqrt(e * e + nn * nn + u * u), 1.0)
        variance = plots.covariance[j, 0]
        if math.isnan(variance):
            variance = radar.variance_range
        if not math.isnan(height):
            variance += (PRESSURE_HEIGHT_SIGMA_M * u / r) ** 2
        ll, c = scalar_correction(
            x,
            P,
            n,
            (x[0] - radar.origin[0]) / r,
            (x[1] - radar.origin[1]) / r,
            (x[2] - radar.origin[2]) / r,
            0,
            z[j, 0] - r - longer,
            variance,
        )
        log_likelihood += ll
        chi2 += c
        count += 1
    if has & 8 and radar.variance_rate > 0.0:
        dx, dy, dz = x[0] - radar.origin[0], x[1] - radar.origin[1], x[2] - radar.origin[2]
        r = max(math.sqrt(dx * dx + dy * dy + dz * dz), 1.0)
        rate = (dx * x[3] + dy * x[4] + dz * x[5]) / r
        ll, c = scalar_correction(x, P, n, dx / r, dy / r, dz / r, 3, z[j, 3] - rate, radar.variance_rate)
        log_likelihood += ll
        chi2 += c
        count += 1
    return log_likelihood, chi2, count


@kernel
def place(radar, plots, j, prior_height, prior_sigma, x, P):  # type: ignore[no-untyped-def]
    """Position (x[:3]) and its covariance (P[:3, :3]) from one plot alone; False where the plot cannot give one.

    The third coordinate is the elevation where the radar measures it, else the pressure altitude, else a prior height.
    A height is met by Newton steps on the elevation along the sphere of the measured range.
    """
    if plots.measured[j] & 3 != 3:
        return False
    a = radar.axes
    azimuth = plots.z[j, 1]
    height, variance_height = plots.pressure_altitude_m[j], radar.variance_height + PRESSURE_HEIGHT_SIGMA_M**2
    if math.isnan(height):
        height, variance_height = prior_height, prior_sigma * prior_sigma
    by_elevation = plots.measured[j] & 4 != 0
    longer, higher = bend(radar.refraction, plots.z[j, 0], height)
    r = plots.z[j, 0] - longer
    if by_elevation:
        elevation = plots.z[j, 2] - higher
    else:
        ratio = (height - radar.height_m) / max(r, 1.0)
        if not radar.flat:
            ratio -= r / (2.0 * EARTH_RADIUS_M)
        elevation = math.asin(min(max(ratio, -0.999), 0.999))
    sa, ca = math.sin(azimuth), math.cos(azimuth)
    ur, ue = np.empty(3), np.empty(3)  # along the ray, and along rising elevation
    ux, uy, uz = 0.0, 0.0, 1.0
    for step in range(4):
        se, ce = math.sin(elevation), math.cos(elevation)
        for k in range(3):
            ur[k] = ce * (sa * a[0, k] + ca * a[1, k]) + se * a[2, k]
            ue[k] = -se * (sa * a[0, k] + ca * a[1, k]) + ce * a[2, k]
            x[k] = radar.origin[k] + r * ur[k]
        h, ux, uy, uz = vertical(radar.flat, x[0], x[1], x[2])
        slope = ue[0] * ux + ue[1] * uy + ue[2] * uz
        if by_elevation or step == 3 or slope < 0.05:
            break
        elevation = min(max(elevation + (height - h) / (r * slope), -1.5), 1.5)
    slope = max(ue[0] * ux + ue[1] * uy + ue[2] * uz, 0.2)
    rise = ur[0] * ux + ur[1] * uy + ur[2] * uz
    sigma_range, sigma_azimuth = radar.variance_range, radar.variance_azimuth
    if not math.isnan(plots.covariance[j, 0]):
        sigma_range = plots.covariance[j, 0]
    if not math.isnan(plots.covariance[j, 3]):
        sigma_azimuth = plots.covariance[j, 3]
    ce = math.cos(elevation)
    for k in range(3):
        across = r * ce * (ca * a[0, k] - sa * a[1, k])
        for m in range(3):
            across_m = r * ce * (ca * a[0, m] - sa * a[1, m])
            if by_elevation:
                P[k, m] = ur[k] * ur[m] * sigma_range + ue[k] * ue[m] * r * r * radar.variance_elevation
            else:
                along_k, along_m = ur[k] - ue[k] * rise / slope, ur[m] - ue[m] * rise / slope
                P[k, m] = along_k * along_m * sigma_range + ue[k] * ue[m] / (slope * slope) * variance_height
            P[k, m] += across * across_m * sigma_azimuth
    return True
