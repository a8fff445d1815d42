"""What is measured: one file a kind of sensor. The union is the registry that configuration files decode into.

The tracker's kernels know a `SensorModel` and the kernels below, which hand on to those of the sensor's kind. A kind
gates in two coordinates of its own, u and v: a radar's azimuth and range, a position's x and y from its area's corner.
The radar's model holds arrays, and arrays cost reference counts wherever they are handed on or taken out of a tuple: so
it goes beside the `SensorModel`, which holds numbers alone. It is `NO_RADAR` for the other kinds.
"""

from __future__ import annotations

from typing import NamedTuple

from farwatch.kernels import inlined
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
    radar_model,
)
from farwatch.sensors.radar import correct as correct_by_radar
from farwatch.sensors.radar import coverage as radar_coverage
from farwatch.sensors.radar import further_space as space_of_radar
from farwatch.sensors.radar import place as place_radar
from farwatch.sensors.radar import window as radar_window

Sensor = Radar | PositionSensor

RADAR, POSITION = 0, 1
BAND_M = 10_000.0


class SensorModel(NamedTuple):
    """A sensor as the kernels read it, numbers alone: what all kinds have, and what a kind has of its own."""

    kind: int
    flat: bool
    snapshot: bool  # no beam: it looks at everything at once
    learns_clutter: bool
    detection: float
    turn_u: float  # after which u comes round again; 0 where it never does
    span_u: float
    span_v: float
    band_v: float  # width of the bands that gating sorts plots into
    variances: tuple[float, float, float]  # of the first three coordinates, where a plot brings none
    min_first: float  # limits of what it can report as first and second coordinate
    max_first: float
    min_second: float
    max_second: float
    position: PositionModel


def sensor_model(sensor: Sensor, flat: bool) -> tuple[SensorModel, RadarModel]:
    """Compile the options of one sensor for the kernels."""
    if isinstance(sensor, PositionSensor):
        return _position_model(sensor, flat), NO_RADAR
    radar = radar_model(sensor, flat)
    model = SensorModel(
        kind=RADAR,
        flat=flat,
        snapshot=False,
        learns_clutter=True,
        detection=radar.detection,
        turn_u=TWO_PI,
        span_u=TWO_PI,
        span_v=radar.max_range_m,
        band_v=BAND_M,
        variances=(radar.variance_range, radar.variance_azimuth, radar.variance_elevation),
        min_first=LEAST_RANGE_M,
        max_first=FARTHEST * radar.max_range_m,
        min_second=-WIDEST_AZIMUTH,
        max_second=WIDEST_AZIMUTH,
        position=NO_POSITION,
    )
    return model, radar


def _position_model(sensor: PositionSensor, flat: bool) -> SensorModel:
    position = position_model(sensor, flat)
    width_m, depth_m = position.max_x_m - position.min_x_m, position.max_y_m - position.min_y_m
    return SensorModel(
        kind=POSITION,
        flat=flat,
        snapshot=True,
        learns_clutter=sensor.learn_clutter,
        detection=float(sensor.detection),
        turn_u=0.0,
        span_u=width_m,
        span_v=depth_m,
        band_v=depth_m / BANDS,
        variances=(position.variance, position.variance, position.variance),
        min_first=position.min_x_m - MARGIN * width_m,
        max_first=position.max_x_m + MARGIN * width_m,
        min_second=position.min_y_m - MARGIN * depth_m,
        max_second=position.max_y_m + MARGIN * depth_m,
        position=position,
    )


@inlined
def gate_coordinates(model, z, j):  # type: ignore[no-untyped-def]
    """u and v of row j of the plots' z."""
    if model.kind == POSITION:
        return z[j, 0] - model.position.min_x_m, z[j, 1] - model.position.min_y_m
    return z[j, 1], z[j, 0]


@inlined
def window(model, radar, x, P, sigmas):  # type: ignore[no-untyped-def]
    """u, v and the half widths in both of a gate of so many sigmas about one Gaussian."""
    if model.kind == POSITION:
        return area_window(model.position, x, P, sigmas)
    return radar_window(radar, x, P, sigmas)


@inlined
def coverage(model, radar, x):  # type: ignore[no-untyped-def]
    """Share of the detection probability that coverage leaves at a state; whether a cone of silence hides it."""
    if model.kind == POSITION:
        return area_coverage(model.position, x[0], x[1]), False
    return radar_coverage(radar, x[0], x[1], x[2])


@inlined
def further_space(model, measured, height_m):  # type: ignore[no-untyped-def]
    """One over the size of what a plot measures besides u and v."""
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
    if model.kind == POSITION:
        return correct_by_position(m, x, P, n, g)
    return correct_by_radar(radar, m, x, P, n, g)


@inlined
def place(model, radar, m, prior_height, prior_sigma, x, P):  # type: ignore[no-untyped-def]
    """Position (x[:3]) and its covariance (P[:3, :3]) from m alone; False where it cannot give one."""
    if model.kind == POSITION:
        return place_position(m, prior_height, prior_sigma, x, P)
    return place_radar(radar, m, prior_height, prior_sigma, x, P)


__all__ = ["Area", "Place", "PositionSensor", "Radar", "RadarSigma", "Sensor", "SensorModel", "sensor_model"]
