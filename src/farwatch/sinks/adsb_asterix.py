"""Reports of ADS-B ground stations as ASTERIX records (CAT021, and CAT023 for the stations themselves)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.adsb_out import GroundStation, report_records, station_records
from farwatch.formats.asterix.blocks import Part
from farwatch.reports import Reports, StationStates
from farwatch.simulation import AdsbStation
from farwatch.sinks.asterix62 import source_of

_BEHIND_SENSORS = 1 << 20  # numbers of groups that no sensor has


def adsb_parts(
    reports: Reports,
    states: StationStates,
    stations: Sequence[GroundStation],
    editions: Mapping[int, str] | None = None,
) -> list[Part]:
    """Records of both categories with the times at which they are sent; raises FormatError for an unknown edition."""
    chosen = editions or {}
    told, said = station_records(states, stations, chosen.get(23)), report_records(reports, stations, chosen.get(21))
    return [
        Part(23, told, states.time_ns.repeat(3), _groups(states.station.repeat(3))),
        Part(21, said, reports.sent_ns, _groups(reports.station)),
    ]


def ground_stations(options: Sequence[AdsbStation]) -> list[GroundStation]:
    """A scenario's stations as their records name them; raises `ConfigError` for a source that cannot be."""
    return [GroundStation(*source_of(one.sac_sic), one.every_s, one.range_km * 1e3, one.status_s) for one in options]


def _groups(station: NDArray[np.int32]) -> NDArray[np.int64]:
    return _BEHIND_SENSORS + station.astype(np.int64)
