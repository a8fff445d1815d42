"""The live service: sources, tracker and sinks in one process, with what it takes to leave it running."""

from __future__ import annotations

from farwatch.service.board import Board, Health, SensorHealth, Update
from farwatch.service.job import Job, default_state
from farwatch.service.service import Service

__all__ = ["Board", "Health", "Job", "SensorHealth", "Service", "Update", "default_state"]
