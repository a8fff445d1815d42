"""Track states -> the numbers of CAT062 records (EUROCONTROL SPEC-0149-9).

What a picture does not know is left out, never made up: accelerations, and the geometric height of a
track that no sensor measures the height of. Times are rounded to the item's 1/128 s and go round at midnight. The
system plane is stereographic about a configured centre; velocities and standard deviations are true (not stretched as
the plane is) and turned into its axes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.flight_plans import FlightPlans
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.table import Table
from farwatch.formats.asterix.text import icao_text
from farwatch.formats.asterix.time_of_day import ticks_of
from farwatch.geodesy import E2, A
from farwatch.picture import Picture, Status
from farwatch.plots import NO_ADDRESS, NO_MODE_A, Ints, Technology
from farwatch.stereographic import Plane, project

NO_HEIGHT_SOURCE, GNSS, RADAR_3D, MULTILATERATION = 0, 1, 2, 7  # I062/080 SRC: where I062/130 comes from
_FL_M, _FOOT_M = 30.48, 0.3048
_PLANE_REACH_M = ((1 << 23) - 1) * 0.5  # what I062/100 can say
_BAROMETRIC, _GEOMETRIC = 0, 1
_AGES = {
    "PSR": Technology.PSR,
    "SSR": Technology.SSR,
    "MDS": Technology.MODE_S,
    "ES": Technology.ADSB,
    "MLT": Technology.MLAT,
}
_OLDEST_S = 63.75  # what I062/290 can say, and stands for all that is older

Columns = dict[str, NDArray[Any]]


class Numbering(NamedTuple):
    """What a picture's rows are called outside: see `sinks.track_numbers`."""

    number: Ints  # (n,) 16 bits
    first: NDArray[np.bool_]  # the track's first report
    since_ns: Ints  # time of the track's first report


class Origin(NamedTuple):
    """Who reports: the data source, its service, its plane, and where each sensor's heights come from."""

    sac: int
    sic: int
    service: int | None
    plane: Plane | None  # None: the frame is flat, and its own plane is the system's
    height_source: tuple[int, ...]  # by sensor: NO_HEIGHT_SOURCE, GNSS, RADAR_3D or MULTILATERATION
    plans: FlightPlans | None = None


def track_columns(picture: Picture, numbering: Numbering, origin: Origin, table: Table) -> Columns:
    """Columns for `encode`: those that the table's edition has."""
    n = picture.n
    columns: Columns = {
        "010/SAC": np.full(n, origin.sac),
        "010/SIC": np.full(n, origin.sic),
        "070": ticks_of(picture.time_ns),
        "040": numbering.number,
    }
    if origin.service is not None:
        columns["015"] = np.full(n, origin.service)
    source = _height_source(picture.sensors, origin.height_source)
    columns |= _place(picture, origin.plane) | _identity(picture) | _heights(picture, source)
    columns |= _status(picture, numbering, source)
    columns |= _ages(picture)
    if origin.plans is not None:
        columns |= _flight_plan(picture, origin.plans)
    columns["290/TRK"] = np.maximum(picture.time_ns - numbering.since_ns, 0) * 1e-9
    return {path: column for path, column in columns.items() if table.has(path)}


def _place(p: Picture, plane: Plane | None) -> Columns:
    """Position and velocity in both systems, and how good they are."""
    columns: Columns = {}
    if plane is None:
        x, y, north_x, north_y = p.lon_deg, p.lat_deg, np.zeros(p.n), np.ones(p.n)
    else:
        x, y, north_x, north_y = np.ascontiguousarray(project(plane, p.lat_deg, p.lon_deg).T)
        sine = np.sin(np.radians(p.lat_deg))
        bend = 1.0 - E2 * sine * sine
        across_m = A / np.sqrt(bend)  # radius of curvature in the prime vertical; along the meridian, below
        cosine = np.sqrt(np.maximum(1.0 - sine * sine, 1e-12))
        along_m = across_m * (1.0 - E2) / bend
        columns["105/LAT"] = p.lat_deg
        columns["105/LON"] = (p.lon_deg + 180.0) % 360.0 - 180.0
        columns["500/APW/LAT"] = np.degrees(p.sigma_north_m / along_m)
        columns["500/APW/LON"] = np.degrees(p.sigma_east_m / (across_m * cosine))
    reached = (np.abs(x) <= _PLANE_REACH_M) & (np.abs(y) <= _PLANE_REACH_M)
    columns["100/X"], columns["100/Y"] = np.where(reached, x, np.nan), np.where(reached, y, np.nan)
    track = np.radians(p.track_angle_deg)
    east, north = p.ground_speed_mps * np.sin(track), p.ground_speed_mps * np.cos(track)
    # East is north turned clockwise by a right angle.
    columns["185/VX"] = east * north_y + north * north_x
    columns["185/VY"] = north * north_y - east * north_x
    ee, nn = p.sigma_east_m**2, p.sigma_north_m**2
    en = p.correlation_east_north * p.sigma_east_m * p.sigma_north_m
    a, b = north_y, north_x
    columns["500/APC/X"] = np.sqrt(np.maximum(a * a * ee + b * b * nn + 2.0 * a * b * en, 0.0))
    columns["500/APC/Y"] = np.sqrt(np.maximum(a * a * nn + b * b * ee - 2.0 * a * b * en, 0.0))
    covariance = a * b * (nn - ee) + (a * a - b * b) * en
    columns["500/COV"] = np.sign(covariance) * np.sqrt(np.abs(covariance))
    # The covariance of the two components of velocity is not in the picture: they are taken as independent.
    v_ee, v_nn = p.sigma_v_east_mps**2, p.sigma_v_north_mps**2
    columns["500/ATV/X"] = np.sqrt(a * a * v_ee + b * b * v_nn)
    columns["500/ATV/Y"] = np.sqrt(a * a * v_nn + b * b * v_ee)
    return columns


def _identity(p: Picture) -> Columns:
    """What the aircraft says that it is."""
    code = np.where(p.mode_a == NO_MODE_A, ABSENT, p.mode_a.astype(np.int64) & 0o7777)
    given = np.where(code == ABSENT, ABSENT, 0)
    callsign = icao_text(p.callsign)
    return {
        "060/V": given,
        "060/G": given,
        "060/CH": given,
        "060/MODE3A": code,
        "245/STI": np.where(callsign == ABSENT, ABSENT, 0),  # 0: sent down by the aircraft
        "245/CHR": callsign,
        "380/ADR": np.where(p.address == NO_ADDRESS, ABSENT, p.address.astype(np.int64)),
        "380/ID": callsign,
    }


def _flight_plan(p: Picture, plans: FlightPlans) -> Columns:
    """What the flight plan of each track says: callsign, departure, destination, type and wake turbulence category."""
    row = plans.row_of(p.flight_plan)
    columns: Columns = {}
    for path, texts in (
        ("CS", plans.name),
        ("DEP", plans.departure),
        ("DST", plans.destination),
        ("TAC", plans.aircraft_type),
        ("WTC", plans.wake),
    ):
        values = np.append(texts, 0)[row]  # row -1: no plan, the one behind the last
        columns[f"390/{path}"] = np.where(values != 0, values, ABSENT)
    return columns


def _height_source(sensors: Ints, of_sensor: tuple[int, ...]) -> Ints:
    """I062/080 SRC of each row: the first of its sensors that measures heights."""
    source = np.zeros(len(sensors), np.int64)
    for bit, kind in enumerate(of_sensor):
        source = np.where((source == NO_HEIGHT_SOURCE) & (sensors >> bit & 1 == 1), kind, source)
    return source


def _heights(p: Picture, source: Ints) -> Columns:
    measured = source != NO_HEIGHT_SOURCE
    known = measured | ~np.isnan(p.pressure_altitude_m)  # of a track without either, the height is a guess
    return {
        "136": p.pressure_altitude_m / _FL_M,
        "130": np.where(measured, p.height_wgs84_m / _FOOT_M, np.nan),
        "500/AGA": np.where(measured, p.sigma_height_m / _FOOT_M, np.nan),
        "220": np.where(known, p.vertical_rate_mps * 60.0 / _FOOT_M, np.nan),
        "500/ARC": np.where(known, p.sigma_vertical_rate_mps * 60.0 / _FOOT_M, np.nan),
    }


def _ages(p: Picture) -> Columns:
    """How long ago each kind of sensor has last seen the track; one that never has is left out."""
    columns: Columns = {}
    for name, technology in _AGES.items():
        heard_ns = p.heard_ns[:, int(technology)]
        age_s = np.maximum(p.time_ns - heard_ns, 0) * 1e-9
        columns[f"290/{name}"] = np.where(heard_ns > 0, np.minimum(age_s, _OLDEST_S), np.nan)
    return columns


def _status(p: Picture, numbering: Numbering, source: Ints) -> Columns:
    ended, coasting = p.status == Status.ENDED, p.status == Status.COASTING
    turning = ended | numbering.first  # the first extension is sent where it says something
    return {
        "080/MON": (p.sensors & (p.sensors - 1)) == 0,
        "080/SPI": np.zeros(p.n, np.int64),
        "080/MRH": np.where((source != NO_HEIGHT_SOURCE) & np.isnan(p.pressure_altitude_m), _GEOMETRIC, _BAROMETRIC),
        "080/SRC": source,
        "080/CNF": p.status == Status.TENTATIVE,
        "080/TSE": np.where(turning, ended, ABSENT),
        "080/TSB": np.where(turning, numbering.first, ABSENT),
        "080/CST": np.where(coasting, 1, ABSENT),
    }
