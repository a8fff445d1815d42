"""Weather: by how much pressure altitude differs from height, as a smooth field over the area."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.geodesy import MEAN_RADIUS_M
from farwatch.plots import Floats

REFERENCE_HEIGHT_M = 11_000.0


class Weather(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pressure altitude minus height: an offset and a wave over the area, in proportion to the height, as at 11 km."""

    offset_m: Annotated[float, Meta(ge=-2000, le=2000)] = 0.0
    amplitude_m: Annotated[float, Meta(ge=0, le=2000)] = 0.0
    wavelength_km: Annotated[float, Meta(gt=0, le=1e5)] = 1500.0


def pressure_altitude_m(weather: Weather, flat: bool, lat: Floats, lon: Floats, height_m: Floats) -> Floats:
    """Pressure altitudes at heights above places (rad; flat: y and x in m)."""
    if weather.offset_m == 0.0 and weather.amplitude_m == 0.0:
        return height_m
    scale = 2.0 * math.pi / (weather.wavelength_km * 1e3) * (1.0 if flat else MEAN_RADIUS_M)
    north, east = scale * lat, scale * (lon if flat else lon * np.cos(lat))
    field = weather.offset_m + weather.amplitude_m * np.sin(north + 0.7) * np.cos(east + 0.3)
    return np.asarray(height_m + field * height_m / REFERENCE_HEIGHT_M)
