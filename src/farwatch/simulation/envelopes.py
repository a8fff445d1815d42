"""Envelopes: what each type of aircraft can do, and how large a radar sees it.

Published figures, rounded: an airliner cruises at Mach 0.78 to 0.85 and banks by 25 to 30 degrees; the two fighters
turn at up to 9 g.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from farwatch.kernels import kernel
from farwatch.plots import Floats
from farwatch.truth import AircraftType

GRAVITY_MPS2 = 9.80665

TypeName = Literal["airliner", "business_jet", "propeller", "helicopter", "fighter", "heavy_fighter", "other"]


class Envelope(NamedTuple):
    """Limits of a type, what it usually does, and its mean radar cross section (m^2)."""

    min_speed_mps: float
    max_speed_mps: float
    ceiling_m: float
    climb_mps: float
    max_load_g: float
    accelerate_mps2: float
    cross_section_m2: float
    bank_deg: tuple[float, float]  # in the turns at its waypoints
    speeds_mps: tuple[float, float]
    heights_m: tuple[float, float]


ENVELOPES: dict[AircraftType, Envelope] = {
    AircraftType.OTHER: Envelope(0, 700, 30_000, 330, 9.0, 10, 10, (25, 30), (150, 250), (1_000, 12_000)),
    AircraftType.AIRLINER: Envelope(70, 275, 13_100, 20, 1.4, 1.0, 20, (25, 30), (210, 255), (9_000, 12_500)),
    AircraftType.BUSINESS_JET: Envelope(65, 275, 15_500, 25, 1.6, 1.5, 8, (25, 30), (200, 250), (9_500, 14_000)),
    AircraftType.PROPELLER: Envelope(40, 170, 9_000, 10, 2.0, 1.0, 5, (20, 30), (70, 140), (1_500, 7_000)),
    AircraftType.HELICOPTER: Envelope(0, 90, 5_000, 10, 2.0, 1.5, 5, (15, 25), (40, 75), (600, 2_500)),
    AircraftType.FIGHTER: Envelope(80, 660, 18_000, 330, 9.0, 10, 3, (45, 70), (200, 290), (4_000, 12_000)),
    AircraftType.HEAVY_FIGHTER: Envelope(80, 560, 17_300, 300, 9.0, 10, 3, (45, 70), (210, 300), (4_000, 12_000)),
}


def envelope_of(name: str) -> Envelope:
    """The envelope of a type by its name in a scenario."""
    return ENVELOPES[AircraftType[name.upper()]]


def envelope_table() -> Floats:
    """Rows by type: least and greatest speed (m/s), ceiling (m), climb (m/s), load (g), acceleration (m/s^2)."""
    table = np.zeros((len(AircraftType), 6))
    for kind, limits in ENVELOPES.items():
        table[int(kind)] = limits[:6]
    return table


def cross_sections() -> Floats:
    """Mean radar cross section (m^2) by type."""
    table = np.zeros(len(AircraftType))
    for kind, limits in ENVELOPES.items():
        table[int(kind)] = limits.cross_section_m2
    return table


@kernel
def turn_rate_of_load(load_g, speed_mps):  # type: ignore[no-untyped-def]
    """Turn rate (rad/s) of a level coordinated turn at a load factor: g sqrt(n^2 - 1) / v."""
    return GRAVITY_MPS2 * math.sqrt(max(load_g * load_g - 1.0, 0.0)) / max(speed_mps, 1.0)


def turn_rate_of_bank(bank_rad: Floats, speed_mps: Floats) -> Floats:
    """Turn rates (rad/s) of level coordinated turns at bank angles: g tan(bank) / v."""
    return np.asarray(GRAVITY_MPS2 * np.tan(bank_rad) / np.maximum(speed_mps, 1.0))


def load_of_turn(turn_rate_rps: Floats, speed_mps: Floats) -> Floats:
    """Load factors (g) of level coordinated turns: the inverse of `turn_rate_of_load`."""
    return np.sqrt(1.0 + (turn_rate_rps * speed_mps / GRAVITY_MPS2) ** 2)
