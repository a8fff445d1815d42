"""What is measured: one file a kind of sensor. The union is the registry that configuration files decode into.

The tracker's kernels know a `SensorModel` and the kernels below, which hand on to those of the sensor's kind. A kind
gates in two coordinates of its own, u and v: a radar's azimuth and range, a position's x and y from its area's corner.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from farwatch.kernels import kernel
from farwatch.sensors.place import Place
from farwatch.sensors.position import (
    BANDS,
    NO_POSITION,
    Area,
    PositionModel,
    PositionSensor,
    fix,
    fix_table,
    position_model,
)
from farwatch.sensors.position import correct as correct_by_fix
from farwatch.sensors.position import coverage as area_coverage
from farwatch.sensors.position import further_space as space_of_fix
from farwatch.sensors.position import place as place_fix
from farwatch.sensors.position import sane as sane_fix
from farwatch.sensors.position import window as area_window
from farwatch.sensors.radar import NO_RADAR, Radar, RadarModel, RadarSigma, measurement, radar_model
from farwatch.sensors.radar import correct as correct_by_radar
from farwatch.sensors.radar import coverage as radar_coverage
from farwatch.sensors.radar import further_space as space_of_radar
from farwatch.sensors.radar import measurement_table as radar_table
from farwatch.sensors.radar import place as place_radar
from farwatch.sensors.radar import sane as sane_radar
from farwatch.sensors.radar import window as radar_window

Sensor = Radar | PositionSensor

RADAR, POSITION = 0, 1
BAND_M = 10_000.0


class SensorModel(NamedTuple):
    """A sensor as the kernels read it: what all kinds have, and one member a kind, of which its own counts."""

    kind: int
    flat: bool
    snapshot: bool  # no beam: it looks at everything at once
    learns_clutter: bool
    detection: float
    turn_u: float  # after which u comes round again; 0 where it never does
    span_u: float
    span_v: float
    band_v: float  # width of the bands that gating sorts plots into
    radar: RadarModel
    position: PositionModel


def sensor_model(sensor: Sensor, flat: bool) -> SensorModel:
    """Compile the options of one sensor for the kernels."""
    if isinstance(sensor, PositionSensor):
        a = sensor.area
        width_m, height_m = float(a.max_x_m - a.min_x_m), float(a.max_y_m - a.min_y_m)
        return SensorModel(
            kind=POSITION,
            flat=flat,
            snapshot=True,
            learns_clutter=sensor.learn_clutter,
            detection=float(sensor.detection),
            turn_u=0.0,
            span_u=width_m,
            span_v=height_m,
            band_v=height_m / BANDS,
            radar=NO_RADAR,
            position=position_model(sensor, flat),
        )
    return SensorModel(
        kind=RADAR,
        flat=flat,
        snapshot=False,
        learns_clutter=True,
        detection=float(sensor.detection),
        turn_u=2.0 * math.pi,
        span_u=2.0 * math.pi,
        span_v=sensor.max_range_km * 1e3,
        band_v=BAND_M,
        radar=radar_model(sensor, flat),
        position=NO_POSITION,
    )


@kernel
def measurement_table(model, plots):  # type: ignore[no-untyped-def]
    """Plots as rows of what the kind's kernels read, with the sensor's own noise where a plot brings none."""
    if model.kind == POSITION:
        return fix_table(model.position, plots)
    return radar_table(model.radar, plots)


@kernel
def gate_coordinates(model, z, j):  # type: ignore[no-untyped-def]
    """u and v of row j of the plots' z."""
    if model.kind == POSITION:
        return z[j, 0] - model.position.min_x_m, z[j, 1] - model.position.min_y_m
    return z[j, 1], z[j, 0]


@kernel
def window(model, x, P, sigmas):  # type: ignore[no-untyped-def]
    """u, v and the half widths in both of a gate of so many sigmas about one Gaussian."""
    if model.kind == POSITION:
        return area_window(model.position, x, P, sigmas)
    return radar_window(model.radar, x, P, sigmas)


@kernel
def coverage(model, x):  # type: ignore[no-untyped-def]
    """Share of the detection probability that coverage leaves at a state; whether a cone of silence hides it."""
    if model.kind == POSITION:
        return area_coverage(model.position, x[0], x[1]), False
    return radar_coverage(model.radar, x[0], x[1], x[2])


@kernel
def sane(model, z, j):  # type: ignore[no-untyped-def]
    """Whether the first two coordinates of row j of the plots' z are ones that the sensor can report."""
    if model.kind == POSITION:
        return sane_fix(model.position, z, j)
    return sane_radar(model.radar, z, j)


@kernel
def further_space(model, measured, height_m):  # type: ignore[no-untyped-def]
    """One over the size of what a plot measures besides u and v."""
    if model.kind == POSITION:
        return space_of_fix(measured)
    return space_of_radar(measured, height_m)


@kernel
def components(model, table, j):  # type: ignore[no-untyped-def]
    """How many of a state's components the likelihood of row j depends on."""
    return 6 if model.kind == RADAR and int(table[j, 0]) & 8 else 3


@kernel
def correct(model, table, j, x, P, n, g):  # type: ignore[no-untyped-def]
    """Correct one Gaussian in place by row j; return its log-likelihood, chi^2 and number of measurements."""
    if model.kind == POSITION:
        return correct_by_fix(fix(table, j), x, P, n, g)
    return correct_by_radar(model.radar, measurement(table, j), x, P, n, g)


@kernel
def place(model, table, j, prior_height, prior_sigma, x, P):  # type: ignore[no-untyped-def]
    """Position (x[:3]) and its covariance (P[:3, :3]) from row j alone; False where it cannot give one."""
    if model.kind == POSITION:
        return place_fix(fix(table, j), prior_height, prior_sigma, x, P)
    return place_radar(model.radar, measurement(table, j), prior_height, prior_sigma, x, P)


__all__ = ["Area", "Place", "PositionSensor", "Radar", "RadarSigma", "Sensor", "SensorModel", "sensor_model"]
