"""The world that trackers are tried in: flights, and radars that observe them."""

from __future__ import annotations

from farwatch.simulation.adsb import SimulatedAdsb
from farwatch.simulation.adsb_options import Adsb, AdsbStation
from farwatch.simulation.figures import Figures
from farwatch.simulation.options import Flight, Leg, Place, Simulation, Traffic
from farwatch.simulation.sensing import Sensing
from farwatch.simulation.simulate import START_NS, STEP_S, simulate, stream

__all__ = [
    "START_NS",
    "STEP_S",
    "Adsb",
    "AdsbStation",
    "Figures",
    "Flight",
    "Leg",
    "Place",
    "Sensing",
    "SimulatedAdsb",
    "Simulation",
    "Traffic",
    "simulate",
    "stream",
]
