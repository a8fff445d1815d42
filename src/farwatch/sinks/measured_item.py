"""What was last measured of tracks -> the numbers of I062/340: range, azimuth, level and code, free of known errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.system_tracks import Columns
from farwatch.formats.asterix.table import Table
from farwatch.plots import NO_MODE_A, Kind
from farwatch.registration.measured import Measured
from farwatch.sensors import Radar, Sensor

MILE_M, FL_M = 1852.0, 30.48
FARTHEST_M = 65_535 / 256 * MILE_M  # that I062/340 can say
# I062/340 TYP: what the report was; a roll-call is the usual answer in Mode S.
_TYPES = {Kind.PSR: 1, Kind.SSR: 2, Kind.PSR_SSR: 3, Kind.MODE_S: 5, Kind.PSR_MODE_S: 7}
TYPE_OF = np.array([_TYPES.get(kind, 0) for kind in Kind])


def sources_of(sensors: Sequence[Sensor]) -> np.ndarray:
    """SAC and SIC (sensors, 2) of the radars; -1 of what is none, or has no name in ASTERIX."""
    out = np.full((len(sensors), 2), -1, np.int64)
    for number, sensor in enumerate(sensors):
        if isinstance(sensor, Radar) and sensor.sac_sic:
            out[number] = [int(part) for part in sensor.sac_sic.split("/")]
    return out


def measured_columns(measured: Measured, sources: np.ndarray, table: Table) -> Columns:
    """Columns for `encode`; the item is left out of tracks whose last plot was no radar's."""
    source = np.where((measured.sensor >= 0)[:, None], sources[np.maximum(measured.sensor, 0)], -1)
    told = source[:, 0] >= 0
    near = told & (measured.range_m <= FARTHEST_M)
    has_code = told & (measured.mode_a != NO_MODE_A)
    has_level = told & np.isfinite(measured.pressure_altitude_m)
    columns: Columns = {
        "340/SID/SAC": np.where(told, source[:, 0], ABSENT),
        "340/SID/SIC": np.where(told, source[:, 1], ABSENT),
        "340/POS/RHO": np.where(near, measured.range_m / MILE_M, np.nan),
        "340/POS/THETA": np.where(near, np.degrees(measured.azimuth_rad) % 360.0, np.nan),
        "340/MDC/V": np.where(has_level, 0, ABSENT),
        "340/MDC/G": np.where(has_level, 0, ABSENT),
        "340/MDC/LMC": np.where(has_level, measured.pressure_altitude_m / FL_M, np.nan),
        "340/MDA/V": np.where(has_code, 0, ABSENT),
        "340/MDA/G": np.where(has_code, 0, ABSENT),
        "340/MDA/L": np.where(has_code, 0, ABSENT),
        "340/MDA/MODE3A": np.where(has_code, measured.mode_a.astype(np.int64) & 0o7777, ABSENT),
        "340/TYP/TYP": np.where(told, TYPE_OF[measured.kind], ABSENT),
        "340/TYP/SIM": np.where(told, 0, ABSENT),
        "340/TYP/RAB": np.where(told, 0, ABSENT),
        "340/TYP/TST": np.where(told, 0, ABSENT),
    }
    return {path: column for path, column in columns.items() if table.has(path)}
