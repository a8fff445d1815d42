"""Stations: the sensors as registration reads them, and where each error stands in the vector of all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import ConfigError
from farwatch.geodesy import ecef_to_geodetic, geodetic_to_ecef
from farwatch.plots import Floats, Ints
from farwatch.refraction import horizon_elevation
from farwatch.registration.options import RegistrationOptions
from farwatch.sensors.radar import NO_RADAR, Radar, RadarModel, radar_model

RANGE, GAIN, AZIMUTH, TIME = range(4)
ERRORS = 4  # of each sensor, in that order
FIELD = 6  # terms of the field of pressure against height: 1, east, north and their products
FIELD_SCALE_M = 300e3
RADAR, MULTILATERATION, ADSB = range(3)
_KINDS = {"radar": RADAR, "mlat": MULTILATERATION, "adsb": ADSB}


class Station(NamedTuple):
    """One sensor: a radar with its model, or one that reports positions; `sigma_m` of those where a plot says none."""

    id: str
    kind: int
    period_s: float
    radar: RadarModel
    horizon_rad: float
    detection: float
    sigma_m: float = 30.0


class Layout(NamedTuple):
    """All errors in one vector, four of each sensor and then the pressure field, each in units of its prior sigma."""

    scale: Floats  # (n,) what one stands for: m, 1, rad, s; m
    free: Ints  # those that are estimated; the others are zero by definition
    reference: int  # the sensor
    centre: tuple[float, float]  # latitude and longitude (rad) that the field is about

    def of(self, sensor: int) -> slice:
        """The errors of one sensor."""
        return slice(ERRORS * sensor, ERRORS * (sensor + 1))


def stations_of(sensors: Sequence[Any], flat: bool) -> tuple[Station, ...]:
    """The sensors of a scenario; raises `ConfigError` for those of a plane."""
    if flat:
        raise ConfigError('registration compares sensors on the round Earth: set [frame] kind = "wgs84"')
    return tuple(_station(sensor) for sensor in sensors)


def _station(sensor: Any) -> Station:
    kind = _KINDS.get(sensor.__struct_config__.tag)
    if kind is None:
        raise ConfigError(f"sensor {sensor.id!r} cannot be registered: radars, multilateration and ADS-B can")
    if not isinstance(sensor, Radar):
        detection, sigma_m = float(getattr(sensor, "detection", 0.9)), float(getattr(sensor, "sigma_m", 30.0))
        return Station(sensor.id, kind, float(sensor.period_s), NO_RADAR, 0.0, detection, sigma_m)
    model = radar_model(sensor, False)
    horizon = horizon_elevation(max(model.height_m, 0.0), sensor.refraction)
    return Station(sensor.id, kind, sensor.rotation_s, model, horizon, model.detection)


def layout_of(stations: Sequence[Station], options: RegistrationOptions) -> Layout:
    """Which errors there are; raises `ConfigError` where the reference is no sensor."""
    reference = _reference(stations, options.reference)
    p = options.priors
    own = [p.range_m, p.range_gain, math.radians(p.azimuth_deg), p.time_s]
    field = p.pressure_m * np.array([1.0, 0.5, 0.5, 0.5, 0.5, 0.5])
    free: list[int] = []
    for number, station in enumerate(stations):
        first = ERRORS * number
        if station.kind == RADAR:
            free += [first + RANGE, first + GAIN, first + AZIMUTH]
        if number != reference:
            free.append(first + TIME)
    n = ERRORS * len(stations)
    places = np.array([station.radar.origin for station in stations if station.kind == RADAR])
    middle = ecef_to_geodetic(places.mean(axis=0))[0] if len(places) else np.zeros(3)
    return Layout(
        np.array(own * len(stations) + list(field)),
        np.array([*free, *range(n, n + FIELD)], np.int64),
        reference,
        (float(middle[0]), float(middle[1])),
    )


def _reference(stations: Sequence[Station], name: str | None) -> int:
    ids = [station.id for station in stations]
    if name is not None:
        if name not in ids:
            raise ConfigError(f"$.registration.reference = {name!r} is no sensor; there are {', '.join(ids)}")
        return ids.index(name)
    by_rank = sorted(range(len(stations)), key=lambda n: ((1, 2, 0).index(stations[n].kind), n))
    return by_rank[0]


def field_terms(layout: Layout, lat: Floats, lon: Floats) -> NDArray[np.float64]:
    """The terms (n, FIELD) of the pressure field at places (rad)."""
    here = geodetic_to_ecef(lat, lon, 0.0)
    east, north, _ = local_axes(*layout.centre)
    middle = geodetic_to_ecef(*layout.centre, 0.0)[0]
    e, n = (here - middle) @ east / FIELD_SCALE_M, (here - middle) @ north / FIELD_SCALE_M
    return np.column_stack([np.ones_like(e), e, n, e * e, e * n, n * n])


def local_axes(lat: float, lon: float) -> NDArray[np.float64]:
    """Rows east, north, up (3, 3)."""
    sa, ca, so, co = math.sin(lat), math.cos(lat), math.sin(lon), math.cos(lon)
    return np.array([[-so, co, 0.0], [-sa * co, -sa * so, ca], [ca * co, ca * so, sa]])
