"""What ground stations hear of ADS-B as ASTERIX: CAT021, and CAT023 for their status."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from farwatch.errors import ConfigError
from farwatch.formats.asterix.adsb_out import Reports, report_records, station_records
from farwatch.formats.asterix.blocks import Timed
from farwatch.sensors import Radar, Sensor
from farwatch.simulation.adsb import GroundStation
from farwatch.sinks.asterix62 import source_of

STATUS_EVERY_NS = 1_000_000_000


def stations_of(given: Sequence[GroundStation], sensors: Sequence[Sensor]) -> tuple[GroundStation, ...]:
    """The ground stations given, or one at each radar under its name; raises `ConfigError` where there is none."""
    radars = [sensor for sensor in sensors if isinstance(sensor, Radar) and sensor.sac_sic]
    stations = tuple(given) or tuple(GroundStation(sac_sic=r.sac_sic or "", position=r.position) for r in radars)
    if not stations:
        raise ConfigError("no ground station hears ADS-B: add [[simulation.adsb]] with `sac_sic` and `position`")
    return stations


def adsb_records(reports: Reports, stations: Sequence[GroundStation], edition: str | None = None) -> list[Timed]:
    """The reports in the order in which the stations send them, and the stations' status once a second."""
    sources = [source_of(station.sac_sic) for station in stations]
    reports = reports.take(np.argsort(reports.sent_ns, kind="stable"))
    first, last = (int(reports.sent_ns[k]) if reports.n else 0 for k in (0, -1))
    every = np.arange(first, last + 1, STATUS_EVERY_NS)
    time_ns, station = np.repeat(every, len(stations)), np.tile(np.arange(len(stations)), len(every))
    return [
        Timed(23, station_records(time_ns, station, sources), time_ns, station),
        Timed(21, report_records(reports, sources, edition), reports.sent_ns, reports.station.astype(np.int64)),
    ]
