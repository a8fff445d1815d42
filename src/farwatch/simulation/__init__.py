"""The world that trackers are tried in: flights, and radars that observe them."""

from __future__ import annotations

from farwatch.simulation.figures import Figures
from farwatch.simulation.options import Flight, Leg, Place, Simulation, Traffic
from farwatch.simulation.sensing import Sensing
from farwatch.simulation.simulate import simulate, stream

__all__ = ["Figures", "Flight", "Leg", "Place", "Sensing", "Simulation", "Traffic", "simulate", "stream"]
