"""Small networks for tests of registration: the built-in one with fewer aircraft, as batches and as windows."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from farwatch.api import simulate
from farwatch.picture import make_picture
from farwatch.plots import Batch
from farwatch.registration import Registrar
from farwatch.scenario import Scenario, load
from farwatch.simulation import Traffic


@functools.cache
def network(aircraft: int = 150, radars: int = 6, positions: bool = True) -> Scenario:
    """The built-in network with so many aircraft, of its first so many radars, with or without WAM and ADS-B."""
    scenario = load("network")
    sensors = scenario.sensors[:radars] + (scenario.sensors[6:] if positions else ())
    registration = msgspec.structs.replace(scenario.registration, reference="WAM" if positions else "RAD1")
    simulation = msgspec.structs.replace(scenario.simulation, traffic=(Traffic(count=aircraft, radius_km=250.0),))
    return msgspec.structs.replace(scenario, sensors=sensors, registration=registration, simulation=simulation)


_SAID: dict[tuple[int, float, int], tuple[Batch, ...]] = {}


def batches(scenario: Scenario, seconds: float, seed: int) -> tuple[Batch, ...]:
    """What the sensors of a network say, simulated once."""
    key = id(scenario), seconds, seed
    if key not in _SAID:
        _SAID[key] = tuple(simulate(scenario, seconds, seed)[1])
    return _SAID[key]


def heard(scenario: Scenario, given: Iterable[Batch]) -> Registrar:
    """A registrar that has heard all of it; identity by address alone."""
    registrar = Registrar(scenario.sensors, scenario.registration, False)
    for batch in given:
        registrar.hear(batch, make_picture(0))
    return registrar


def true_errors(scenario: Scenario) -> NDArray[np.float64]:
    """What is true of the radars (radars, 4): m, parts, rad, s, times relative to the reference."""
    bias = [scenario.simulation.sensors[sensor.id].bias for sensor in scenario.sensors if sensor.id.startswith("RAD")]
    out = np.array([[b.range_m, b.range_gain, np.radians(b.azimuth_deg), b.time_s] for b in bias])
    if scenario.registration.reference == "RAD1":
        out[:, 3] -= out[0, 3]
    return out
