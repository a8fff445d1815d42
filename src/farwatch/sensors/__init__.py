"""What is measured: one file a kind of sensor. The union is the registry that configuration files decode into.

The tracker's kernels know a `SensorModel` and the kernels below, which hand on to those of the sensor's kind. A kind
gates in coordinates of its own, u, v and w: a radar's azimuth, range and elevation, a position's x and y from its
area's corner, east and north about a geodetic sensor's place. The radar's model holds arrays, and arrays cost reference
counts wherever they are handed on or taken out of a tuple: so it goes beside the `SensorModel`, which holds numbers
alone. It is `NO_RADAR` for the other kinds.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.association.gate import sort_into_bands
from farwatch.kernels import inlined, kernel, leaf
from farwatch.sensors.geodetic import (
    NO_GEODETIC,
    AdsB,
    GeodeticModel,
    GeodeticSensor,
    Mlat,
    SurfaceRadar,
    gate_place,
    geodetic_model,
)
from farwatch.sensors.geodetic import correct as correct_by_geodetic
from farwatch.sensors.geodetic import coverage as geodetic_coverage
from farwatch.sensors.geodetic import further_space as space_of_geodetic
from farwatch.sensors.geodetic import place as place_geodetic
from farwatch.sensors.geodetic import window as geodetic_window
from farwatch.sensors.place import Place
from farwatch.sensors.position import (
    BANDS,
    MARGIN,
    NO_POSITION,
    Area,
    PositionModel,
    PositionSensor,
    position_model,
)
from farwatch.sensors.position import correct as correct_by_position
from farwatch.sensors.position import coverage as area_coverage
from farwatch.sensors.position import further_space as space_of_position
from farwatch.sensors.position import place as place_position
from farwatch.sensors.position import window as area_window
from farwatch.sensors.radar import (
    FARTHEST,
    LEAST_RANGE_M,
    NO_RADAR,
    TWO_PI,
    WIDEST_AZIMUTH,
    Radar,
    RadarModel,
    RadarSigma,
    ResolutionCell,
    elevation_edges,
    heights_along_elevation,
    radar_model,
    shares_along_elevation,
)
from farwatch.sensors.radar import coverage as radar_coverage
from farwatch.sensors.radar import further_space as space_of_radar
from farwatch.sensors.radar import place as place_radar
from farwatch.sensors.radar import window as radar_window
from farwatch.sensors.radar_correct import correct as correct_by_radar
from farwatch.sensors.radar_correct import correct_by_rate

Sensor = Radar | AdsB | Mlat | SurfaceRadar | PositionSensor

RADAR, POSITION, GEODETIC = 0, 1, 2
BAND_M = 10_000.0


class SensorModel(NamedTuple):
    """A sensor as the kernels read it, numbers alone: what all kinds have, and what a kind has of its own."""

    kind: int
    flat: bool
    snapshot: bool  # no beam: it looks at everything at once
    silent: bool  # that it reports nothing of an aircraft says nothing
    learns_clutter: bool
    detection: float
    turn_u: float  # after which u comes round again; 0 where it never does
    span_u: float
    span_v: float
    band_v: float  # width of the bands that gating sorts plots into
    period_s: float
    echo_u: float  # size of a fixed echo in u, v and w: some four standard deviations
    echo_v: float
    echo_w: float
    split_u: float  # half of the width in u within which one aircraft may give two plots: a radar's beam
    cell_u: float  # two targets closer than this in u and v give one plot without identity
    cell_v: float  # 0: every target gives a plot of its own
    variances: tuple[float, float, float]  # of the first three coordinates, where a plot brings none
    min_first: float  # limits of what it can report as first and second coordinate
    max_first: float
    min_second: float
    max_second: float
    position: PositionModel
    geodetic: GeodeticModel


def sensor_model(sensor: Sensor, flat: bool) -> tuple[SensorModel, RadarModel]:
    """Compile the options of one sensor for the kernels."""
    if isinstance(sensor, PositionSensor):
        return _position_model(sensor, flat), NO_RADAR
    if isinstance(sensor, GeodeticSensor):
        return _geodetic_model(sensor, flat), NO_RADAR
    radar = radar_model(sensor, flat)
    model = SensorModel(
        kind=RADAR,
        flat=flat,
        snapshot=False,
        silent=False,
        learns_clutter=True,
        detection=radar.detection,
        turn_u=TWO_PI,
        span_u=TWO_PI,
        span_v=radar.max_range_m,
        band_v=BAND_M,
        period_s=float(sensor.rotation_s),
        echo_u=4.0 * math.radians(sensor.sigma.azimuth_deg),
        echo_v=4.0 * sensor.sigma.range_m,
        echo_w=4.0 * math.radians(sensor.sigma.elevation_deg or 0.0),
        split_u=0.5 * math.radians(sensor.beam_deg),
        cell_u=math.radians(sensor.resolution.azimuth_deg or sensor.beam_deg),
        cell_v=float(sensor.resolution.range_m),
        variances=(radar.variance_range, radar.variance_azimuth, radar.variance_elevation),
        min_first=LEAST_RANGE_M,
        max_first=FARTHEST * radar.max_range_m,
        min_second=-WIDEST_AZIMUTH,
        max_second=WIDEST_AZIMUTH,
        position=NO_POSITION,
        geodetic=NO_GEODETIC,
    )
    return model, radar


def _position_model(sensor: PositionSensor, flat: bool) -> SensorModel:
    position = position_model(sensor, flat)
    width_m, depth_m = position.max_x_m - position.min_x_m, position.max_y_m - position.min_y_m
    return SensorModel(
        kind=POSITION,
        flat=flat,
        snapshot=True,
        silent=False,
        learns_clutter=sensor.learn_clutter,
        detection=float(sensor.detection),
        turn_u=0.0,
        span_u=width_m,
        span_v=depth_m,
        band_v=depth_m / BANDS,
        period_s=float(sensor.period_s),
        echo_u=4.0 * sensor.sigma_m,
        echo_v=4.0 * sensor.sigma_m,
        echo_w=1.0,
        split_u=0.0,
        cell_u=0.0,
        cell_v=0.0,
        variances=(position.variance, position.variance, position.variance),
        min_first=position.min_x_m - MARGIN * width_m,
        max_first=position.max_x_m + MARGIN * width_m,
        min_second=position.min_y_m - MARGIN * depth_m,
        max_second=position.max_y_m + MARGIN * depth_m,
        position=position,
        geodetic=NO_GEODETIC,
    )


def _geodetic_model(sensor: GeodeticSensor, flat: bool) -> SensorModel:
    geodetic = geodetic_model(sensor, flat)
    width_m = 2.0 * geodetic.half_m
    return SensorModel(
        kind=GEODETIC,
        flat=flat,
        snapshot=True,
        silent=geodetic.silent,
        learns_clutter=not geodetic.silent,
        detection=float(sensor.detection),
        turn_u=0.0,
        span_u=width_m,
        span_v=width_m,
        band_v=width_m / BANDS,
        period_s=float(sensor.period_s),
        echo_u=4.0 * sensor.sigma_m,
        echo_v=4.0 * sensor.sigma_m,
        echo_w=1.0,
        split_u=0.0,
        cell_u=0.0,
        cell_v=0.0,
        variances=(sensor.sigma_m**2, sensor.sigma_m**2, sensor.sigma_m**2),
        min_first=-0.5 * math.pi,
        max_first=0.5 * math.pi,
        min_second=-TWO_PI,
        max_second=TWO_PI,
        position=NO_POSITION,
        geodetic=geodetic,
    )


@inlined
def gate_coordinates(model, z, j):  # type: ignore[no-untyped-def]
    """u, v and w of row j of the plots' z; w is NaN where it is not measured."""
    if model.kind == GEODETIC:
        u, v = gate_place(model.geodetic, z[j, 0], z[j, 1])
        return u, v, np.nan
    if model.kind == POSITION:
        return z[j, 0] - model.position.min_x_m, z[j, 1] - model.position.min_y_m, np.nan
    return z[j, 1], z[j, 0], z[j, 2]


def layer_edges(sensor: Sensor) -> NDArray[np.float64]:
    """Edges in w of the layers that clutter is learned in; empty where there is no w."""
    return elevation_edges(sensor) if isinstance(sensor, Radar) else np.empty(0)


def shares_along_w(sensor: Sensor, flat: bool, rows: int) -> NDArray[np.float64] | None:
    """Share of the false plots of each of so many rows in v that each layer holds; None where there is no w."""
    if not isinstance(sensor, Radar) or sensor.sigma.elevation_deg is None:
        return None
    return shares_along_elevation(sensor, flat, rows)


@kernel
def sort_plots(model, z):  # type: ignore[no-untyped-def]
    """All rows of the plots' z sorted for gating."""
    u, v, w = np.empty(len(z)), np.empty(len(z)), np.empty(len(z))
    for j in range(len(z)):
        u[j], v[j], w[j] = gate_coordinates(model, z, j)
    return sort_into_bands(u, v, w, model.turn_u, model.band_v)


@inlined
def window(model, radar, x, y, z, S, sigmas):  # type: ignore[no-untyped-def]
    """`Window` of a gate of so many sigmas about a position of covariance S, packed 00 01 02 11 12 22."""
    if model.kind == GEODETIC:
        return geodetic_window(model.geodetic, x, y, z, S, sigmas)
    if model.kind == POSITION:
        return area_window(model.position, x, y, S, sigmas)
    return radar_window(radar, x, y, z, S, sigmas)


@inlined
def coverage(model, radar, window):  # type: ignore[no-untyped-def]
    """Share of the detection probability that coverage leaves in the middle of a window; whether it is in a cone of
    silence."""
    if model.kind == GEODETIC:
        return geodetic_coverage(model.geodetic, window.u, window.v), False
    if model.kind == POSITION:
        return area_coverage(model.position, window.u, window.v), False
    return radar_coverage(radar, window.v, window.w)


@inlined
def heights_along_w(model, radar, v, w):  # type: ignore[no-untyped-def]
    """Density in w of new aircraft at v, their heights being anywhere below 20 km; 1 where there is no w."""
    if model.kind != RADAR or math.isnan(w):
        return 1.0
    return heights_along_elevation(radar, v, w)


@inlined
def further_space(model, measured, height_m):  # type: ignore[no-untyped-def]
    """One over the size of what a plot measures besides u, v and w."""
    if model.kind == GEODETIC:
        return space_of_geodetic(measured, height_m)
    if model.kind == POSITION:
        return space_of_position(measured)
    return space_of_radar(measured, height_m)


@inlined
def components(model, m):  # type: ignore[no-untyped-def]
    """How many of a state's components the likelihood of m depends on."""
    return 6 if model.kind == RADAR and m.measured & 8 else 3


@inlined
def correct(model, radar, m, x, P, n, g):  # type: ignore[no-untyped-def]
    """Correct one Gaussian in place by measurement m; return its log-likelihood, chi^2 and number of measurements."""
    if model.kind == GEODETIC:
        return correct_by_geodetic(model.geodetic, m, x, P, n, g)
    if model.kind == POSITION:
        return correct_by_position(m, x, P, n, g)
    return correct_by_radar(radar, m, x, P, n, g)


@inlined
def place(model, radar, m, prior_height, prior_sigma, x, P):  # type: ignore[no-untyped-def]
    """Position (x[:3]) and its covariance (P[:3, :3]) from m alone; False where it cannot give one."""
    if model.kind == GEODETIC:
        return place_geodetic(m, prior_height, prior_sigma, x, P)
    if model.kind == POSITION:
        return place_position(m, prior_height, prior_sigma, x, P)
    return place_radar(radar, m, prior_height, prior_sigma, x, P)


@leaf
def start_motion(model, radar, m, x, P, g):  # type: ignore[no-untyped-def]
    """Correct the velocity that a new aircraft is believed to have by what its first plot m says of it.

    That is its range rate. A register is not believed yet: one that lies would hide its aircraft from its own track.
    """
    if model.kind == RADAR and m.measured & 8 and radar.variance_rate > 0.0:
        correct_by_rate(radar, m.z3, x, P, 6, g)


__all__ = [
    "AdsB",
    "Area",
    "GeodeticSensor",
    "Mlat",
    "Place",
    "PositionSensor",
    "Radar",
    "RadarSigma",
    "ResolutionCell",
    "Sensor",
    "SensorModel",
    "SurfaceRadar",
    "sensor_model",
]
