"""Plots and messages of radars as an ASTERIX recording (CAT048 and 034, or 001 and 002), as they would give it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from farwatch.errors import ConfigError
from farwatch.formats.asterix.blocks import Blocks, Part, pack_by_time
from farwatch.formats.asterix.radar_out import Station, radar_parts
from farwatch.plots import Plots, Progress
from farwatch.recording import NewFile
from farwatch.sensors import GeodeticSensor, Radar, Sensor
from farwatch.sensors.height import HeightFinder
from farwatch.sinks.asterix62 import source_of

_NOBODY = Station(0, 0, 0.0, 0.0, 0.0)


class RadarEncoder:
    """Writes what radars say; raises `ConfigError` for a radar without `sac_sic`.

    conventional: CAT001 and 002 instead of CAT048 and 034.
    """

    def __init__(
        self,
        sensors: Sequence[Sensor],
        *,
        flat: bool = False,
        editions: Mapping[int, str] | None = None,
        conventional: bool = False,
    ) -> None:
        # What reports positions has categories of its own: it is passed over.
        self._others = np.array([isinstance(sensor, GeodeticSensor) for sensor in sensors], np.bool_)
        self._stations = [_NOBODY if isinstance(sensor, GeodeticSensor) else station(sensor) for sensor in sensors]
        self._editions = editions
        self._conventional = conventional
        self._finders = {
            number: HeightFinder(sensor, flat)
            for number, sensor in enumerate(sensors)
            if isinstance(sensor, Radar) and sensor.sigma.elevation_deg is not None and not conventional
        }

    def parts(self, plots: Plots, progress: Progress) -> list[Part]:
        """Records of both categories, to be packed together with those of others."""
        if self._others.any():
            plots = plots.take(~self._others[plots.sensor])
            progress = progress.take(~self._others[progress.sensor])
        height_m = np.full(plots.n, np.nan)
        for number, finder in self._finders.items():
            rows = np.flatnonzero(plots.sensor == number)
            if len(rows):
                height_m[rows] = finder.heights_m(plots.z[rows])
        return radar_parts(plots, progress, self._stations, height_m, self._editions, conventional=self._conventional)

    def encode(self, plots: Plots, progress: Progress) -> Blocks:
        """Data blocks in the order of the times."""
        return pack_by_time(self.parts(plots, progress))


def encode_radars(
    plots: Plots,
    progress: Progress,
    sensors: Sequence[Sensor],
    *,
    flat: bool = False,
    editions: Mapping[int, str] | None = None,
    conventional: bool = False,
) -> Blocks:
    """Data blocks of one batch; for several, `RadarEncoder` is made once."""
    return RadarEncoder(sensors, flat=flat, editions=editions, conventional=conventional).encode(plots, progress)


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
    return write_blocks(path, encode_radars(plots, progress, sensors, flat=flat, conventional=conventional))


def write_blocks(path: str | os.PathLike[str], blocks: Blocks) -> Blocks:
    """Write data blocks to a file, whole or not at all, and return them. Raises `FarwatchError`."""
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
