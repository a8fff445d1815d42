"""The world that trackers are tried in: flights, and radars that observe them."""

from __future__ import annotations

from farwatch.simulation.flights import Simulation
from farwatch.simulation.simulate import simulate, stream

__all__ = ["Simulation", "simulate", "stream"]
