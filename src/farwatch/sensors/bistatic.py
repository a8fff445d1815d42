"""Bistatic: what a passive radar measures of a transmitter, how much longer the way over the aircraft is, and its rate.

One plot says that the aircraft is somewhere on an ellipsoid about the two places, so no plot alone begins a track: a
state is fitted to the plots of several transmitters or receivers (`bistatic_start.py`).
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.geodesy import to_ecef
from farwatch.plots import Floats
from farwatch.sensors.place import Place

Positive = Annotated[float, Meta(gt=0, le=1e9)]
LIGHT_MPS = 299_792_458.0


class Bistatic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receiver and a transmitter that it listens to; the standard deviations are those of one plot."""

    receiver: Place
    transmitter: Place
    frequency_mhz: Annotated[float, Meta(gt=1, le=40_000)]
    sigma_range_m: Positive = 200.0
    sigma_doppler_hz: Positive = 1.0

    @property
    def sigma_rate_mps(self) -> float:
        """Standard deviation of the rate of the bistatic range."""
        return self.sigma_doppler_hz * LIGHT_MPS / (self.frequency_mhz * 1e6)


class Pair(NamedTuple):
    """The places of a receiver and a transmitter, Earth-centred, and the way between them (m)."""

    receiver: Floats
    transmitter: Floats
    baseline_m: float


def pair_of(radar: Bistatic) -> Pair:
    """The places of a bistatic radar."""
    receiver, transmitter = (
        np.array(to_ecef(math.radians(place.lat_deg), math.radians(place.lon_deg), place.ellipsoidal_height_m))
        for place in (radar.receiver, radar.transmitter)
    )
    return Pair(receiver, transmitter, float(np.linalg.norm(receiver - transmitter)))


def measured_by(pair: Pair, x: Floats) -> tuple[Floats, Floats]:
    """Bistatic ranges (m) and their rates (m/s) of states x (n, 6)."""
    to_r, to_t = x[:, :3] - pair.receiver, x[:, :3] - pair.transmitter
    r, t = np.linalg.norm(to_r, axis=1), np.linalg.norm(to_t, axis=1)
    along = to_r / r[:, None] + to_t / t[:, None]
    return r + t - pair.baseline_m, np.einsum("ij,ij->i", along, x[:, 3:6])


def jacobian(pair: Pair, x: Floats) -> Floats:
    """Derivatives (n, 2, 6) of range and rate by the states x (n, 6)."""
    out = np.zeros((len(x), 2, 6))
    for place in (pair.receiver, pair.transmitter):
        to = x[:, :3] - place
        distance = np.linalg.norm(to, axis=1)[:, None]
        unit = to / distance
        speed = np.einsum("ij,ij->i", unit, x[:, 3:6])[:, None]
        out[:, 0, :3] += unit
        out[:, 1, :3] += (x[:, 3:6] - speed * unit) / distance
        out[:, 1, 3:] += unit
    return out
