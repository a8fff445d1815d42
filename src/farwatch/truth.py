"""Truth: what really flew, and what the sensors could see of it. Tables of their own: the tracker cannot peek."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.plots import Floats, Ints

NO_PLOT = -1
NO_FORMATION = 0


class AircraftType(IntEnum):
    """What an aircraft is; its envelope is the simulator's. OTHER where truth does not say."""

    OTHER = 0
    AIRLINER = 1
    BUSINESS_JET = 2
    PROPELLER = 3
    HELICOPTER = 4
    FIGHTER = 5
    HEAVY_FIGHTER = 6


class Outcome(IntEnum):
    """What came of a look. DETECTED, MERGED and MISSED are looks proper, one each; the others are further plots."""

    DETECTED = 0
    MERGED = 1  # one plot of several aircraft
    MISSED = 2
    SPLIT = 3  # a second plot of the same aircraft
    REFLECTION = 4
    SIDELOBE = 5
    FRUIT = 6  # a reply that another interrogator had asked for


LOOKS_PROPER = (Outcome.DETECTED, Outcome.MERGED, Outcome.MISSED)


class States(NamedTuple):
    """States of aircraft, one row a time and aircraft."""

    time_ns: Ints
    aircraft: Ints
    lat_deg: Floats  # in the flat frame: y_m, north
    lon_deg: Floats  # in the flat frame: x_m, east
    height_wgs84_m: Floats
    ground_speed_mps: Floats
    track_angle_deg: Floats
    vertical_rate_mps: Floats
    turn_rate_dps: Floats  # clockwise; 0 in straight flight
    type: NDArray[np.uint8]  # AircraftType
    formation: Ints  # those of one formation share a number; NO_FORMATION: alone

    @property
    def n(self) -> int:
        return len(self.time_ns)

    def take(self, rows: Any) -> States:
        """The rows given by an index array, mask or slice."""
        return States(*(column[rows] for column in self))


class Illuminations(NamedTuple):
    """What a sensor could see: one row each time its beam crosses an aircraft in its coverage, and what came of it.

    A merged plot stands in one row of each aircraft that it is made of; an aircraft that causes further plots
    (reflections, splits) has further rows. Plots of no aircraft stand in no row.
    """

    time_ns: Ints  # of the crossing
    aircraft: Ints
    sensor: NDArray[np.int32]
    outcome: NDArray[np.uint8]
    plot: Ints  # id of the plot, NO_PLOT where missed
    detection: Floats  # probability of a plot
    sigma_range_m: Floats  # standard deviations of the measurements; NaN where the sensor does not measure it
    sigma_azimuth_rad: Floats
    sigma_elevation_rad: Floats
    sigma_height_m: Floats

    @property
    def n(self) -> int:
        return len(self.time_ns)

    def take(self, rows: Any) -> Illuminations:
        """The rows given by an index array, mask or slice."""
        return Illuminations(*(column[rows] for column in self))


class Truth(NamedTuple):
    """Both tables."""

    states: States
    illuminations: Illuminations


_STATES: dict[str, tuple[Any, Any]] = {
    "time_ns": (np.int64, 0),
    "aircraft": (np.int64, 0),
    "lat_deg": (np.float64, 0.0),
    "lon_deg": (np.float64, 0.0),
    "height_wgs84_m": (np.float64, 0.0),
    "ground_speed_mps": (np.float64, 0.0),
    "track_angle_deg": (np.float64, 0.0),
    "vertical_rate_mps": (np.float64, 0.0),
    "turn_rate_dps": (np.float64, 0.0),
    "type": (np.uint8, int(AircraftType.OTHER)),
    "formation": (np.int64, NO_FORMATION),
}
_ILLUMINATIONS: dict[str, tuple[Any, Any]] = {
    "time_ns": (np.int64, 0),
    "aircraft": (np.int64, 0),
    "sensor": (np.int32, 0),
    "outcome": (np.uint8, int(Outcome.DETECTED)),
    "plot": (np.int64, NO_PLOT),
    "detection": (np.float64, np.nan),
    "sigma_range_m": (np.float64, np.nan),
    "sigma_azimuth_rad": (np.float64, np.nan),
    "sigma_elevation_rad": (np.float64, np.nan),
    "sigma_height_m": (np.float64, np.nan),
}


def _filled(spec: dict[str, tuple[Any, Any]], n: int, given: dict[str, Any]) -> list[NDArray[Any]]:
    if unknown := given.keys() - spec.keys():
        raise TypeError(f"no such column: {', '.join(sorted(unknown))}")
    return [
        np.broadcast_to(np.asarray(given.get(name, absent), dtype), n).copy() for name, (dtype, absent) in spec.items()
    ]


def make_states(n: int, **columns: Any) -> States:
    """n states with the given columns; the others are zero, unknown or none."""
    return States(*_filled(_STATES, n, columns))


def make_illuminations(n: int, **columns: Any) -> Illuminations:
    """n illuminations with the given columns; the others hold their absent value."""
    return Illuminations(*_filled(_ILLUMINATIONS, n, columns))


def make_truth() -> Truth:
    """Empty tables."""
    return Truth(make_states(0), make_illuminations(0))


def concat_states(parts: Sequence[States]) -> States:
    """One table out of several, rows in the order given."""
    return States(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else make_states(0)


def concat_illuminations(parts: Sequence[Illuminations]) -> Illuminations:
    """One table out of several, rows in the order given."""
    if not parts:
        return make_illuminations(0)
    return Illuminations(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def concat_truth(parts: Sequence[Truth]) -> Truth:
    """One truth out of several, rows in the order given."""
    return Truth(
        concat_states([part.states for part in parts]), concat_illuminations([part.illuminations for part in parts])
    )
