"""System tracks as ASTERIX CAT062: data blocks one after another, as `farwatch inspect` and every client reads them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, BinaryIO

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.errors import ConfigError
from farwatch.flight_plans import FlightPlans
from farwatch.formats.asterix.blocks import LARGEST_BLOCK, Blocks, pack
from farwatch.formats.asterix.encode import encode
from farwatch.formats.asterix.system_tracks import (
    NO_HEIGHT_SOURCE,
    RADAR_3D,
    Numbering,
    Origin,
    track_columns,
)
from farwatch.formats.asterix.table import Table, load_table
from farwatch.frame import Frame
from farwatch.geodesy import ecef_to_geodetic, geodetic_to_ecef
from farwatch.picture import Picture
from farwatch.registration.measured import LastMeasured
from farwatch.sensors import GeodeticSensor, Radar, Sensor
from farwatch.sinks.file import FileSink
from farwatch.sinks.measured_item import measured_columns, sources_of
from farwatch.sinks.track_numbers import NO_NUMBER, Lent, TrackNumbers
from farwatch.stereographic import plane_at

Byte = Annotated[int, Meta(ge=0, le=255)]


class Asterix62Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How tracks are sent: who sends them (`sac_sic` as "1/200", `service`), in which edition and about which centre.

    Without a centre the system plane touches the Earth at the mean of the sensors' positions.
    """

    sac_sic: Annotated[str, Meta(pattern=r"^\d{1,3}/\d{1,3}$")] = "0/1"
    service: Byte | None = 1
    edition: str = "1.18"
    centre_lat_deg: Annotated[float, Meta(ge=-90, le=90)] | None = None
    centre_lon_deg: Annotated[float, Meta(ge=-180, le=360)] | None = None
    quarantine_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    largest_block: Annotated[int, Meta(ge=100, le=65_535)] = LARGEST_BLOCK


class TrackEncoder:
    """Pictures -> data blocks of CAT062. What it needs between pictures is in `numbers`.

    `clamped` counts quantities beyond their items, by item; `unnumbered` rows that could not be sent for want of a free
    track number. `measured`, where given, tells what was last measured of tracks. Raises `ConfigError` for a source
    that cannot be, `FormatError` for an edition that there is none of.
    """

    def __init__(
        self,
        options: Asterix62Options,
        sensors: Sequence[Sensor],
        frame: Frame,
        plans: FlightPlans | None = None,
        measured: LastMeasured | None = None,
    ) -> None:
        self.options = options
        self._measured, self._sources = measured, sources_of(sensors)
        self.table: Table = load_table(62, options.edition)
        self.numbers = TrackNumbers(options.quarantine_s)
        self.clamped: Counter[str] = Counter()
        self.records = 0
        sac, sic = source_of(options.sac_sic)
        plane = None if frame.flat else plane_at(*centre_of(options, sensors))
        heights = tuple(_height_source(sensor) for sensor in sensors)
        self._origin = Origin(sac, sic, options.service, plane, heights, plans)

    @property
    def unnumbered(self) -> int:
        """Rows that could not be sent because every track number was in use or resting."""
        return self.numbers.exhausted

    def encode(self, picture: Picture) -> Blocks:
        """The blocks of one picture."""
        return self.encode_as(picture, self.numbers.lend(picture))

    def encode_as(self, picture: Picture, lent: Lent) -> Blocks:
        """The same under track numbers that are lent already, by `TrackNumbers` that several encoders share."""
        if (lent.number == NO_NUMBER).any():
            rows = np.flatnonzero(lent.number != NO_NUMBER)
            picture = picture.take(rows)
            lent = lent.take(rows)
        columns = track_columns(picture, Numbering(*lent), self._origin, self.table)
        if self._measured is not None:
            columns |= measured_columns(self._measured.at(picture.track), self._sources, self.table)
        records = encode(self.table, columns)
        self.clamped.update(records.clamped)
        self.records += records.n
        return pack(62, records, self.options.largest_block)


class Asterix62Sink(FileSink):
    """Every record is one track state."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        sensors: tuple[str, ...],
        encoder: TrackEncoder,
    ) -> None:
        super().__init__(path, sensors)
        self.encoder = encoder
        self._out: BinaryIO | None = None

    def _write(self, picture: Picture) -> None:
        if self._out is None:
            self._out = self.file.part.open("wb")
        before = self.encoder.records
        self._out.write(self.encoder.encode(picture).data.data)
        self.rows -= picture.n - (self.encoder.records - before)

    def _finish(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None

    def losses(self) -> list[str]:
        """What could not be written as it is, in words."""
        lost = []
        if self.encoder.unnumbered:
            lost.append(f"{self.encoder.unnumbered} track states had no free 16-bit track number: left out")
        return lost


def source_of(sac_sic: str) -> tuple[int, int]:
    """SAC and SIC out of "1/200"; raises `ConfigError`."""
    sac, _, sic = sac_sic.partition("/")
    if not (sac.isdecimal() and sic.isdecimal() and int(sac) < 256 and int(sic) < 256):
        raise ConfigError(f"SAC/SIC {sac_sic}: give two numbers from 0 to 255, as 1/200")
    return int(sac), int(sic)


def centre_of(options: Asterix62Options, sensors: Sequence[Sensor]) -> tuple[float, float]:
    """Latitude and longitude (deg) of the system plane's centre; raises `ConfigError` where only one is given."""
    lat, lon = options.centre_lat_deg, options.centre_lon_deg
    if (lat is None) != (lon is None):
        raise ConfigError("the centre of the system plane needs both its latitude and its longitude")
    if lat is not None and lon is not None:
        return lat, lon
    places = [sensor.position for sensor in sensors if isinstance(sensor, Radar | GeodeticSensor)]
    if not places:
        raise ConfigError(
            "no sensor has a position: give the centre of the system plane (centre_lat_deg, centre_lon_deg)"
        )
    degrees = np.radians([[place.lat_deg, place.lon_deg] for place in places])
    mean = geodetic_to_ecef(degrees[:, 0], degrees[:, 1], np.zeros(len(degrees))).mean(axis=0)
    found = np.degrees(ecef_to_geodetic(mean)[0])
    return float(found[0]), float(found[1])


def _height_source(sensor: Sensor) -> int:
    """Where the geometric height of a track that the sensor contributes to comes from."""
    three_dimensional = isinstance(sensor, Radar) and sensor.sigma.elevation_deg is not None
    return RADAR_3D if three_dimensional else NO_HEIGHT_SOURCE
