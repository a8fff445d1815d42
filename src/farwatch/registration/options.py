"""Options of registration, as a scenario's [registration] table gives them; without the table there is none."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0, le=1e9)]


class Priors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One standard deviation of each error of a sensor, before it has been compared with others."""

    range_m: Positive = 150.0
    range_gain: Positive = 5e-4
    azimuth_deg: Positive = 0.3
    time_s: Positive = 0.3
    pressure_m: Positive = 150.0  # of pressure altitude against height at 11 km, over the whole area


class RegistrationOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the sensors' systematic errors are found, and whether what is found is taken off their plots.

    Times are counted from the clock of the sensor `reference`. Where a sensor reports positions (ADS-B,
    multilateration), places are taken from it; where none does, the reference radar is taken as right in all. Without
    a `reference` it is the first multilateration, else the first ADS-B, else the first radar. Sensors are compared over
    windows of `window_s`, by at most `most_aircraft`; what is older than `memory_s` counts less and less.
    """

    reference: str | None = None
    correct: bool = True
    window_s: Annotated[float, Meta(ge=5, le=120)] = 30.0
    memory_s: Annotated[float, Meta(ge=60, le=1e6)] = 3600.0
    most_aircraft: Annotated[int, Meta(ge=10, le=100_000)] = 1000
    priors: Priors = Priors()
