"""Plots and messages of radars as an ASTERIX recording (CAT048 and 034, or 001 and 002), as they would give it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from farwatch.errors import ConfigError
from farwatch.formats.asterix.blocks import Blocks
from farwatch.formats.asterix.radar_out import Station, radar_blocks
from farwatch.plots import Plots, Progress
from farwatch.recording import NewFile
from farwatch.sensors import Radar, Sensor
from farwatch.sensors.height import HeightFinder
from farwatch.sinks.asterix62 import source_of


def encode_radars(
    plots: Plots,
    progress: Progress,
    sensors: Sequence[Sensor],
    *,
    flat: bool = False,
    editions: Mapping[int, str] | None = None,
    conventional: bool = False,
) -> Blocks:
    """Data blocks in the order of the times; raises `ConfigError` for a radar without `sac_sic`.

    conventional: CAT001 and 002 instead of CAT048 and 034.
    """
    height_m = np.full(plots.n, np.nan)
    for number, sensor in enumerate(sensors):
        rows = np.flatnonzero(plots.sensor == number)
        if len(rows) and isinstance(sensor, Radar) and sensor.sigma.elevation_deg is not None:
            height_m[rows] = HeightFinder(sensor, flat).heights_m(plots.z[rows])
    stations = [station(sensor) for sensor in sensors]
    return radar_blocks(plots, progress, stations, height_m, editions, conventional=conventional)


def write_radars(
    path: str | os.PathLike[str],
    plots: Plots,
    progress: Progress,
    sensors: Sequence[Sensor],
    *,
    flat: bool = False,
    conventional: bool = False,
) -> Blocks:
    """Write a recording, whole or not at all; returns its blocks. Raises `FarwatchError`."""
    blocks = encode_radars(plots, progress, sensors, flat=flat, conventional=conventional)
    file = NewFile(path)
    try:
        file.part.write_bytes(blocks.data.tobytes())
        file.commit()
    except OSError as error:
        file.discard()
        raise file.failed(error) from None
    return blocks


def station(sensor: Sensor) -> Station:
    """A radar as its records name it; raises `ConfigError` for other sensors, and where it has no ASTERIX source."""
    if not isinstance(sensor, Radar):
        raise ConfigError(f"sensor {sensor.id!r} is no radar: CAT048 has no place for what it reports")
    if sensor.sac_sic is None:
        raise ConfigError(f"sensor {sensor.id!r} has no `sac_sic`: its ASTERIX records could not say whose they are")
    place = sensor.position
    lon_deg = (place.lon_deg + 180.0) % 360.0 - 180.0
    return Station(*source_of(sensor.sac_sic), place.lat_deg, lon_deg, place.ellipsoidal_height_m)
