"""ADS-B reports and ground stations -> CAT021 and CAT023 records, in any edition that there are tables for.

Editions up to 0.26 and from 2.1 on differ in nearly every item; a column goes into the record where the edition has its
item. What a report does not know is left out. Item meanings: EUROCONTROL SPEC-0149-12 (CAT021), SPEC-0149-16 (CAT023).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.encode import Encoded, Repeated, encode, source_columns
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.table import load_table
from farwatch.formats.asterix.text import icao_text
from farwatch.formats.asterix.time_of_day import ticks_of
from farwatch.plots import NO_ADDRESS, NO_MODE_A, Ints
from farwatch.reports import NEVER, Emitter, Priority, Reports, StationStates

_NM_M, _FL_M, _FOOT_M = 1852.0, 30.48, 0.3048
_KNOT_MPS = _NM_M / 3600.0
_IAS_STEP_MPS = _NM_M / (1 << 14)  # of I021/150 where it holds an indicated airspeed
_VERSION, _LINK_1090 = 2, 2  # I021/210: DO-260B, Mode S extended squitter
_RESOLUTION_25_FT, _RESOLUTION_25_FT_OF_OLD = 0, 1  # I021/040, ARC
_ICAO_ADDRESS, _ICAO_ADDRESS_OF_OLD = 0, 1  # ATP
_PERMANENT_ALERT = 1
_PIC_OF = np.array([0, 1, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14])  # position integrity category by NIC of version 2
_OLD_EMITTERS = {Emitter.UNKNOWN: ABSENT, Emitter.SMALL: 3}  # before 2.1 light ends at 7 t, and medium follows
_STATION_STATUS, _SERVICE_STATUS, _STATISTICS = 1, 2, 3  # I023/000
_SERVICE, _EXTENDED_SQUITTER, _NORMAL = 1, 2, 4  # I023/015 SID and STYP, I023/110 STAT
_RECEIVED, _TRANSMITTED, _SINCE_LAST = 3, 4, 1  # I023/120 TYPE and REF

Columns = dict[str, NDArray[Any]]


class GroundStation(NamedTuple):
    """One station as its records name it, and how it is set up."""

    sac: int
    sic: int
    every_s: float  # 0: a report is sent when there is one
    range_m: float
    status_s: int


def report_records(reports: Reports, stations: Sequence[GroundStation], edition: str | None = None) -> Encoded:
    """CAT021 records; raises FormatError for an edition that there is none of."""
    table = load_table(21, edition)
    old = table.has("030")
    emitter = reports.emitter.astype(np.int64)
    columns = source_columns(reports.station, stations) | _times(reports) | _position(reports) | _motion(reports)
    columns |= _quality(reports) | _identity(reports)
    if old:
        for code, other in _OLD_EMITTERS.items():
            emitter = np.where(emitter == code, other, emitter)
        columns |= _descriptor_of_old(reports.n)
    else:
        columns |= _status(reports)
        columns["040/ATP"] = np.full(reports.n, _ICAO_ADDRESS)
        columns["040/ARC"] = np.full(reports.n, _RESOLUTION_25_FT)
        columns["040/RC"] = columns["040/RAB"] = np.zeros(reports.n, np.int64)
    columns["020"] = np.where(emitter < 0, ABSENT, emitter)
    columns["016"] = np.array([one.every_s for one in stations])[reports.station]
    return encode(table, {path: column for path, column in columns.items() if table.has(path)})


def station_records(states: StationStates, stations: Sequence[GroundStation], edition: str | None = None) -> Encoded:
    """CAT023 records, three a state: the station's status, its service's, and what it has heard and sent."""
    states = states.take(np.repeat(np.arange(states.n), 3))
    n = states.n
    kind = np.tile([_STATION_STATUS, _SERVICE_STATUS, _STATISTICS], n // 3)
    of_station, of_service = kind == _STATION_STATUS, kind == _SERVICE_STATUS
    every_s = np.array([one.every_s for one in stations])[states.station]
    range_nm = np.array([one.range_m for one in stations])[states.station] / _NM_M
    status_s = np.array([one.status_s for one in stations], np.int64)[states.station]
    columns = source_columns(states.station, stations) | {
        "000": kind,
        "015/SID": np.where(of_station, ABSENT, _SERVICE),
        "015/STYP": np.where(of_station, ABSENT, _EXTENDED_SQUITTER),
        "070": ticks_of(states.time_ns),
        "100/GSSP": np.where(of_station, status_s, ABSENT),
        "101/RP": np.where(of_service, every_s, np.nan),
        "101/SC": np.where(of_service, 0, ABSENT),
        "101/SSRP": np.where(of_service, status_s, ABSENT),
        "110/STAT": np.where(of_service, _NORMAL, ABSENT),
        "200": np.where(of_service, range_nm, np.nan),
    }
    columns |= {
        f"100/{name}": np.where(of_station, 0, ABSENT) for name in ("NOGO", "ODP", "OXT", "MSC", "TSV", "SPO", "RN")
    }
    counted = kind == _STATISTICS
    rows = np.array(
        [[code, _SINCE_LAST, 0] for code in (_RECEIVED, _TRANSMITTED)] * int(counted.sum()), np.int64
    ).reshape(-1, 3)
    rows[:, 2] = np.column_stack([states.heard[counted], states.sent[counted]]).reshape(-1)
    repeated = Repeated(np.concatenate([[0], 2 * np.cumsum(counted)]), rows)
    return encode(load_table(23, edition), columns, {"120": repeated})


def _ticks(time_ns: Ints) -> Ints:
    return np.where(time_ns == NEVER, ABSENT, ticks_of(time_ns))


def _times(r: Reports) -> Columns:
    received = _ticks(r.position_ns)
    return {
        "030": received,
        "071": _ticks(r.applicable_ns),
        "073": received,
        "075": _ticks(r.velocity_ns),
        "077": _ticks(r.sent_ns),
    }


def _position(r: Reports) -> Columns:
    return {
        "130/LAT": r.lat_deg,
        "130/LON": r.lon_deg,
        "131/LAT": r.lat_deg,
        "131/LON": r.lon_deg,
        "140": r.height_wgs84_m / _FOOT_M,
        "145": r.pressure_altitude_m / _FL_M,
    }


def _motion(r: Reports) -> Columns:
    """Velocities under the names that the items have before and from edition 2.1 on."""
    rate = r.vertical_rate_mps * 60.0 / _FOOT_M
    barometric, geometric = np.where(r.rate_is_geometric, np.nan, rate), np.where(r.rate_is_geometric, rate, np.nan)
    knots, indicated = r.true_airspeed_mps / _KNOT_MPS, r.indicated_airspeed_mps
    there = ~np.isnan(indicated)
    return {
        "160/RE": _zero(~np.isnan(r.ground_speed_mps)),
        "160/GS": r.ground_speed_mps / _NM_M,
        "160/TA": r.track_angle_deg,
        "150/IM": _zero(there),
        "150/AS": np.where(there, np.rint(np.where(there, indicated, 0.0) / _IAS_STEP_MPS), ABSENT).astype(np.int64),
        "151": knots,
        "151/RE": _zero(~np.isnan(knots)),
        "151/TAS": knots,
        "155": barometric,
        "155/RE": _zero(~np.isnan(barometric)),
        "155/BVR": barometric,
        "157": geometric,
        "157/RE": _zero(~np.isnan(geometric)),
        "157/GVR": geometric,
    }


def _quality(r: Reports) -> Columns:
    """I021/090 and 210; PA of the old editions is the NACp."""
    none = np.zeros(r.n, np.int64)
    return {
        "090/NUCRNACV": r.nacv.astype(np.int64),
        "090/NUCPNIC": r.nic.astype(np.int64),
        "090/NICBARO": none + 1,
        "090/SIL": r.sil.astype(np.int64),
        "090/NACP": r.nacp.astype(np.int64),
        "090/SILS": none,
        "090/SDA": r.sda.astype(np.int64),
        "090/GVA": r.gva.astype(np.int64),
        "090/PIC": _PIC_OF[r.nic],
        "090/AC": none,
        "090/MN": none,
        "090/DC": none,
        "090/PA": r.nacp.astype(np.int64),
        "210/VNS": none,
        "210/VN": none + _VERSION,
        "210/LTT": none + _LINK_1090,
        "210/DTI": none,
        "210/MDS": none + 1,
        "210/UAT": none,
        "210/VDL": none,
        "210/OTR": none,
    }


def _identity(r: Reports) -> Columns:
    code = np.where(r.mode_a == NO_MODE_A, ABSENT, r.mode_a.astype(np.int64) & 0o7777)
    priority = r.priority.astype(np.int64)
    return {
        "161/TRNUM": r.number.astype(np.int64),
        "080": np.where(r.address == NO_ADDRESS, ABSENT, r.address.astype(np.int64)),
        "070/V": _zero(code != ABSENT),
        "070/G": _zero(code != ABSENT),
        "070/L": _zero(code != ABSENT),
        "070/MODE3A": code,
        "170": icao_text(r.callsign),
        "200": np.where(priority < 0, ABSENT, priority),
    }


def _status(r: Reports) -> Columns:
    """I021/200 from edition 2.1 on, once the aircraft has told what it says there."""
    priority = r.priority.astype(np.int64)
    told = priority >= 0
    alert = np.where(priority > int(Priority.NONE), _PERMANENT_ALERT, 0)
    return {
        "200/ICF": _zero(told),
        "200/LNAV": np.where(told, 1, ABSENT),  # no aircraft here says that it follows a route
        "200/ME": _zero(told),
        "200/PS": np.where(told, priority, ABSENT),
        "200/SS": np.where(told, alert, ABSENT),
    }


def _descriptor_of_old(n: int) -> Columns:
    """I021/040 before edition 2.1."""
    columns: Columns = {f"040/{name}": np.zeros(n, np.int64) for name in ("DCR", "GBS", "SIM", "TST", "RAB", "SPI")}
    columns["040/SAA"] = np.ones(n, np.int64)  # the aircraft do not say which height they have selected
    columns["040/ATP"] = np.full(n, _ICAO_ADDRESS_OF_OLD)
    columns["040/ARC"] = np.full(n, _RESOLUTION_25_FT_OF_OLD)
    return columns


def _zero(there: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.where(there, 0, ABSENT)
