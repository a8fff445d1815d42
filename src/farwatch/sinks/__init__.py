"""Where pictures go: one file a format. The table of suffixes is the registry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from farwatch.errors import FarwatchError
from farwatch.flight_plans import FlightPlans
from farwatch.frame import Frame
from farwatch.picture import Picture
from farwatch.sensors import Sensor
from farwatch.sinks.asterix62 import Asterix62Options, Asterix62Sink, TrackEncoder
from farwatch.sinks.asterix_udp import AsterixOutput, AsterixOutputs, Health, health_of
from farwatch.sinks.csv import CsvSink
from farwatch.sinks.file import FileSink
from farwatch.sinks.jsonl import JsonlSink
from farwatch.sinks.parquet import ParquetSink

SUFFIXES: dict[str, type[FileSink]] = {
    ".parquet": ParquetSink,
    ".jsonl": JsonlSink,
    ".csv": CsvSink,
    ".ast": Asterix62Sink,
}


class SinkOptions(NamedTuple):
    """What some sinks must know besides the sensors' ids: the sensors, the frame, flight plans, their own options."""

    sensors: Sequence[Sensor] = ()
    frame: Frame = Frame()
    asterix62: Asterix62Options = Asterix62Options()
    plans: FlightPlans | None = None


NO_OPTIONS = SinkOptions()


class Sink(Protocol):
    """What the pipeline asks of a sink."""

    def write(self, picture: Picture) -> None:
        """Take in one picture."""


def open_sink(path: str | os.PathLike[str], sensors: Sequence[str], options: SinkOptions = NO_OPTIONS) -> FileSink:
    """A sink to a file, its format told by its suffix; `sensors` are the ids of the scenario's sensors."""
    kind = SUFFIXES.get(Path(path).suffix.lower())
    if kind is None:
        raise FarwatchError(f"{path}: no such format of tracks; give a name that ends in {', '.join(SUFFIXES)}")
    if kind is Asterix62Sink:
        encoder = TrackEncoder(options.asterix62, options.sensors, options.frame, options.plans)
        return Asterix62Sink(path, tuple(sensors), encoder)
    return kind(path, tuple(sensors))


__all__ = [
    "SUFFIXES",
    "Asterix62Options",
    "Asterix62Sink",
    "AsterixOutput",
    "AsterixOutputs",
    "CsvSink",
    "FileSink",
    "Health",
    "JsonlSink",
    "ParquetSink",
    "Sink",
    "SinkOptions",
    "TrackEncoder",
    "health_of",
    "open_sink",
]
