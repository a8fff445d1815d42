"""Reports of aircraft made for tests."""

from __future__ import annotations

import math

import numpy as np

from farwatch.plots import Kind, Measured, Plots, make_plots
from farwatch.sensors import Place

SECOND = 10**9
START_NS = 1_767_225_600 * SECOND
PLACE = Place(lat_deg=47.0, lon_deg=8.0, height_m=500.0)
METRES = 111_195.0


def path(
    seconds: object,
    address: int = 0x3C6586,
    north_mps: float = 200.0,
    lat_deg: float = 47.0,
    lon_deg: float = 8.0,
    first_id: int = 0,
    **columns: object,
) -> Plots:
    """Reports of an aircraft that flies north, with its velocity."""
    t = np.asarray(seconds, float)
    z = np.full((len(t), 6), np.nan)
    z[:, 0], z[:, 1] = np.radians(lat_deg + north_mps * t / METRES), math.radians(lon_deg)
    z[:, 3], z[:, 4] = 0.0, north_mps
    given = {
        "kind": int(Kind.ADSB),
        "pressure_altitude_m": 10_000.0,
        "measured": int(Measured.POSITION_2D | Measured.VELOCITY_2D),
        "address": address,
    }
    time_ns = START_NS + np.round(t * SECOND).astype(np.int64)
    return make_plots(len(t), id=np.arange(len(t)) + first_id, time_ns=time_ns, z=z, **(given | columns))
