"""ADS-B reports of ground stations -> CAT021, with their status as CAT023.

Item meanings: EUROCONTROL SPEC-0149-12 (CAT021) and SPEC-0149-18 (CAT023). Editions before 1.0 have other items: one
time, a figure of merit for the quality, and no times of receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.encode import Encoded, encode
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.table import load_table
from farwatch.formats.asterix.text import icao_text
from farwatch.formats.asterix.time_of_day import ticks_of
from farwatch.plots import NO_ADDRESS, NO_MODE_A, Floats, Ints
from farwatch.truth import AircraftType

_NM_M, _FL_M, _FOOT_M = 1852.0, 30.48, 0.3048
_EMITTERS = {
    AircraftType.AIRLINER: 3,
    AircraftType.BUSINESS_JET: 2,
    AircraftType.PROPELLER: 1,
    AircraftType.HELICOPTER: 10,
    AircraftType.FIGHTER: 6,
    AircraftType.HEAVY_FIGHTER: 6,
}
_EMITTER_OF = np.array([_EMITTERS.get(kind, 0) for kind in AircraftType])
_DISTRESS = {0o7500: 5, 0o7600: 4, 0o7700: 1}  # Mode A -> I021/200, PS
_VERSION_2, _EXTENDED_SQUITTER = 2, 2
_VELOCITY_WITHIN_3_MPS = 2  # NACv
_VERTICAL_WITHIN_45_M = 2  # GVA
_STATION_STATUS = 1  # I023/000

Columns = dict[str, NDArray[Any]]


class Reports(NamedTuple):
    """One row a report; `time_ns` is when the position was so."""

    time_ns: Ints
    sent_ns: Ints  # by the station
    station: Ints  # index of the station that heard it
    aircraft: Ints  # the station's number of the aircraft
    address: NDArray[np.int32]
    mode_a: NDArray[np.int16]
    callsign: Ints
    type: NDArray[np.uint8]  # AircraftType
    lat_deg: Floats
    lon_deg: Floats
    height_wgs84_m: Floats  # by GNSS
    pressure_altitude_m: Floats
    ground_speed_mps: Floats
    track_angle_deg: Floats
    vertical_rate_mps: Floats  # of the pressure altitude
    nic: Ints
    nacp: Ints
    sil: Ints

    @property
    def n(self) -> int:
        return len(self.time_ns)

    def take(self, rows: Any) -> Reports:
        """The rows given by an index array, mask or slice."""
        return Reports(*(column[rows] for column in self))


def report_records(reports: Reports, sources: Sequence[tuple[int, int]], edition: str | None = None) -> Encoded:
    """CAT021 records; `sources` are the stations' (SAC, SIC). Raises `FormatError`."""
    table = load_table(21, edition)
    r, n = reports, reports.n
    code = np.where(r.mode_a == NO_MODE_A, ABSENT, r.mode_a.astype(np.int64) & 0o7777)
    distress = np.zeros(n, np.int64)
    for said, status in _DISTRESS.items():
        distress[code == said] = status
    zeros = np.zeros(n, np.int64)
    columns: Columns = _source(r.station, sources) | {
        "040/ATP": zeros,
        "080": np.where(r.address == NO_ADDRESS, ABSENT, r.address.astype(np.int64)),
        "130/LAT": r.lat_deg,
        "130/LON": (r.lon_deg + 180.0) % 360.0 - 180.0,
        "140": r.height_wgs84_m / _FOOT_M,
        "145": r.pressure_altitude_m / _FL_M,
        "160/GS": r.ground_speed_mps / _NM_M,
        "160/TA": r.track_angle_deg,
        "170": icao_text(r.callsign),
        "020": _EMITTER_OF[r.type],
    }
    rate = r.vertical_rate_mps * 60.0 / _FOOT_M
    if table.has("070/MODE3A"):
        columns["070/MODE3A"] = code
    elif table.has("070"):
        columns["070"] = code
    if table.has("071"):
        columns |= {
            "161": r.aircraft & 0xFFF,
            "071": ticks_of(r.time_ns),
            "073": ticks_of(r.time_ns),
            "077": ticks_of(r.sent_ns),
            "131/LAT": columns["130/LAT"],
            "131/LON": columns["130/LON"],
            "090/NUCRNACV": np.full(n, _VELOCITY_WITHIN_3_MPS),
            "090/NUCPNIC": r.nic,
            "090/NICBARO": np.ones(n, np.int64),
            "090/SIL": r.sil,
            "090/NACP": r.nacp,
            "090/SDA": np.full(n, 2),
            "090/GVA": np.full(n, _VERTICAL_WITHIN_45_M),
            "210/VN": np.full(n, _VERSION_2),
            "210/LTT": np.full(n, _EXTENDED_SQUITTER),
            "155/BVR": rate,
            "200/PS": distress,
        }
    else:
        columns |= {
            "030": ticks_of(r.time_ns),
            "090/PA": np.minimum(r.nic, 7),
            "210/MDS": np.ones(n, np.int64),
            "155": rate,
            "200": distress,
        }
    return encode(table, columns)


def station_records(time_ns: Ints, station: Ints, sources: Sequence[tuple[int, int]]) -> Encoded:
    """CAT023 records (n,): the stations are at work."""
    zeros = np.zeros(len(time_ns), np.int64)
    columns = _source(station, sources) | {
        "000": np.full(len(time_ns), _STATION_STATUS),
        "070": ticks_of(time_ns),
        "100/NOGO": zeros,
        "100/MSC": zeros + 1,
    }
    return encode(load_table(23), columns)


def _source(station: Ints, sources: Sequence[tuple[int, int]]) -> Columns:
    named = np.array(sources, np.int64).reshape(-1, 2)[station]
    return {"010/SAC": named[:, 0], "010/SIC": named[:, 1]}
