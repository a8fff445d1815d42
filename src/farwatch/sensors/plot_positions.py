"""Where plots lie on the map, each by itself: latitude and longitude, whatever its sensor measures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from farwatch.errors import FarwatchError
from farwatch.frame import Frame
from farwatch.geodesy import to_geodetic
from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints, Plots
from farwatch.sensors import GeodeticSensor, Sensor
from farwatch.sensors.measurement import Measurement
from farwatch.sensors.radar import Radar, RadarModel, place, radar_model

# A plot without a height: that of a bystander, but never steeper than one to five, so that it lands on the map.
USUAL_HEIGHT_M = 8000.0
STEEPEST = 0.2


@kernel
def _radar_rows(radar, rows, z, measured, height_m, out):  # type: ignore[no-untyped-def]
    """Fill columns (2, n) of `out` with the latitudes and longitudes (deg) of a radar's plots that have a place."""
    x, P = np.empty(3), np.empty((3, 3))
    for k in range(len(rows)):
        j = rows[k]
        prior = radar.height_m + min(USUAL_HEIGHT_M, STEEPEST * z[j, 0])
        m = Measurement(
            measured[j], z[j, 0], z[j, 1], z[j, 2], 0.0, height_m[j], radar.variance_range, 0.0, 0.0,
            radar.variance_azimuth, 0.0, max(radar.variance_elevation, 1e-12), 0.0,
        )  # fmt: skip
        if place(radar, m, prior, 1.0, x, P):
            lat, lon, _ = to_geodetic(x[0], x[1], x[2])
            out[0, j], out[1, j] = math.degrees(lat), math.degrees(lon)


class PlotPlacer:
    """The sensors of a scenario on the round Earth, ready to place plots; raises `FarwatchError` in a flat frame."""

    def __init__(self, sensors: Sequence[Sensor], frame: Frame) -> None:
        if frame.flat:
            raise FarwatchError('plots of a flat frame have no place on the Earth: set [frame] kind = "wgs84"')
        self._models: list[RadarModel | None] = [
            radar_model(sensor, False) if isinstance(sensor, Radar) else None for sensor in sensors
        ]
        self._placed = np.array([isinstance(sensor, GeodeticSensor) for sensor in sensors], np.bool_)

    def __call__(self, plots: Plots, track_height_m: Floats | None = None) -> Floats:
        """Latitudes and longitudes (2, n) in degrees; NaN where a plot has no place of its own.

        A reported position stands where it says. A radar's plot stands at its elevation, else at its pressure altitude,
        else at the height of its track (`track_height_m` (n,), NaN where it has none), else at one that is usual for
        its range.
        """
        out = np.full((2, plots.n), np.nan)
        height_m = plots.pressure_altitude_m
        if track_height_m is not None:
            height_m = np.where(np.isnan(height_m), track_height_m, height_m)
        z = np.ascontiguousarray(plots.z)
        measured = plots.measured.astype(np.int64)
        out[:, self._placed[plots.sensor]] = np.degrees(plots.z[self._placed[plots.sensor], :2]).T
        for number, model in enumerate(self._models):
            rows: Ints = np.flatnonzero(plots.sensor == number)
            if model is not None and len(rows):
                _radar_rows(model, rows, z, measured, np.ascontiguousarray(height_m), out)
        return out


def plot_positions(plots: Plots, sensors: Sequence[Sensor], frame: Frame) -> Floats:
    """Latitudes and longitudes (2, n) of plots in degrees; whoever places often keeps a `PlotPlacer`."""
    return PlotPlacer(sensors, frame)(plots)
