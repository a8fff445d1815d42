"""What is measured: one file a kind of sensor. The union is the registry that configuration files decode into."""

from __future__ import annotations

from farwatch.sensors.radar import Position, Radar, RadarSigma

Sensor = Radar

__all__ = ["Position", "Radar", "RadarSigma", "Sensor"]
