"""What is measured: one file a kind of sensor. The union is the registry that configuration files decode into.

The tracker's kernels know a `SensorModel` and the kernels below, which hand on to those of the sensor's kind. A kind
gates in coordinates of its own, u, v and w: a radar's azimuth, range and elevation, a position's x and y from its
area's corner.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.association.gate import sort_into_bands
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
from farwatch.sensors.radar import (
    NO_RADAR,
    Radar,
    RadarModel,
    RadarSigma,
    elevation_edges,
    heights_along_elevation,
    measurement,
    radar_model,
)
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
    period_s: float
    echo_u: float  # size of a fixed echo in u, v and w: some four standard deviations
    echo_v: float
    echo_w: float
    edges_w: NDArray[np.float64]  # of the layers that clutter is learned in; empty where there is no w
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
            period_s=float(sensor.period_s),
            echo_u=4.0 * sensor.sigma_m,
            echo_v=4.0 * sensor.sigma_m,
            echo_w=1.0,
            edges_w=np.empty(0),
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
        period_s=float(sensor.rotation_s),
        echo_u=4.0 * math.radians(sensor.sigma.azimuth_deg),
        echo_v=4.0 * sensor.sigma.range_m,
        echo_w=4.0 * math.radians(sensor.sigma.elevation_deg or 0.0),
        edges_w=elevation_edges(sensor),
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
    """u, v and w of row j of the plots' z; w is NaN where it is not measured."""
    if model.kind == POSITION:
        return z[j, 0] - model.position.min_x_m, z[j, 1] - model.position.min_y_m, np.nan
    return z[j, 1], z[j, 0], z[j, 2]


@kernel
def sort_plots(model, z):  # type: ignore[no-untyped-def]
    """All rows of the plots' z sorted for gating."""
    u, v, w = np.empty(len(z)), np.empty(len(z)), np.empty(len(z))
    for j in range(len(z)):
        u[j], v[j], w[j] = gate_coordinates(model, z, j)
    return sort_into_bands(u, v, w, model.turn_u, model.band_v)


@kernel
def window(model, x, P, sigmas):  # type: ignore[no-untyped-def]
    """`Window` of a gate of so many sigmas about one Gaussian."""
    if model.kind == POSITION:
        return area_window(model.position, x, P, sigmas)
    return radar_window(model.radar, x, P, sigmas)


@kernel
def coverage(model, window):  # type: ignore[no-untyped-def]
    """Share of the detection probability that coverage leaves in the middle of a window; whether it is in a cone of
    silence."""
    if model.kind == POSITION:
        return area_coverage(model.position, window.u, window.v), False
    return radar_coverage(model.radar, window.v, window.w)


@kernel
def sane(model, z, j):  # type: ignore[no-untyped-def]
    """Whether the first two coordinates of row j of the plots' z are ones that the sensor can report."""
    if model.kind == POSITION:
        return sane_fix(model.position, z, j)
    return sane_radar(model.radar, z, j)


@kernel
def heights_along_w(model, v, w):  # type: ignore[no-untyped-def]
    """Density in w of new aircraft at v, their heights being anywhere below 20 km; 1 where there is no w."""
    if model.kind == POSITION or math.isnan(w):
        return 1.0
    return heights_along_elevation(model.radar, v, w)


@kernel
def further_space(model, measured, height_m):  # type: ignore[no-untyped-def]
    """One over the size of what a plot measures besides u, v and w."""
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
