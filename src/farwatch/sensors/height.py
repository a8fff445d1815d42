"""Elevation as a radar measures it <-> the height that ASTERIX has for it (I048/110), along the radar's own bent ray.

ASTERIX counts that height from mean sea level; the ellipsoid stands for it where the site file does not say how far
apart the two are (`geoid_m`).
"""

from __future__ import annotations

import math

import numpy as np

from farwatch.frame import vertical
from farwatch.kernels import kernel
from farwatch.plots import Floats
from farwatch.sensors.measurement import Measurement
from farwatch.sensors.radar import Radar, RadarModel, place, polar, radar_model

_RANGE_AND_AZIMUTH, _ELEVATION = 3, 4


@kernel
def _place(radar, range_m, azimuth, elevation, height_m, x, P):  # type: ignore[no-untyped-def]
    """Position x (3) of a plot with an elevation, or with a height where that is NaN; P (3, 3) is scratch."""
    measured = _RANGE_AND_AZIMUTH if math.isnan(elevation) else _RANGE_AND_AZIMUTH | _ELEVATION
    m = Measurement(measured, range_m, azimuth, elevation, 0.0, height_m, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0)
    return place(radar, m, 0.0, 1.0, x, P)


@kernel
def _heights(radar, z, out):  # type: ignore[no-untyped-def]
    x, P = np.empty(3), np.empty((3, 3))
    for k in range(len(z)):
        out[k] = math.nan
        if not math.isnan(z[k, 2]) and _place(radar, z[k, 0], z[k, 1], z[k, 2], math.nan, x, P):
            out[k] = vertical(radar.flat, x[0], x[1], x[2])[0]


@kernel
def _elevations(radar, z, height_m, out):  # type: ignore[no-untyped-def]
    x, P = np.empty(3), np.empty((3, 3))
    for k in range(len(z)):
        out[k] = math.nan
        if not math.isnan(height_m[k]) and _place(radar, z[k, 0], z[k, 1], math.nan, height_m[k], x, P):
            out[k] = polar(radar, x[0], x[1], x[2])[2]


class HeightFinder:
    """One radar's elevations and heights above mean sea level."""

    def __init__(self, radar: Radar, flat: bool) -> None:
        self.measures = radar.sigma.elevation_deg is not None
        self._model: RadarModel = radar_model(radar, flat)
        self._geoid_m = radar.position.geoid_m or 0.0

    def heights_m(self, z: Floats) -> Floats:
        """Heights of plots z (n, 6); NaN where no elevation was measured."""
        out = np.empty(len(z))
        _heights(self._model, np.ascontiguousarray(z), out)
        return out - self._geoid_m

    def elevations(self, z: Floats, height_m: Floats) -> Floats:
        """Elevations (rad) of plots z (n, 6) at heights; NaN where there is none."""
        out = np.empty(len(z))
        _elevations(self._model, np.ascontiguousarray(z), height_m + self._geoid_m, out)
        return out
