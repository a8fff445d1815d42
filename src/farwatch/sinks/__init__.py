"""Where pictures go: one file a format. The table of suffixes is the registry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from farwatch.errors import FarwatchError
from farwatch.picture import Picture
from farwatch.sinks.csv import CsvSink
from farwatch.sinks.file import FileSink
from farwatch.sinks.jsonl import JsonlSink
from farwatch.sinks.parquet import ParquetSink

SUFFIXES: dict[str, type[FileSink]] = {".parquet": ParquetSink, ".jsonl": JsonlSink, ".csv": CsvSink}


class Sink(Protocol):
    """What the pipeline asks of a sink."""

    def write(self, picture: Picture) -> None:
        """Take in one picture."""


def open_sink(path: str | os.PathLike[str], sensors: Sequence[str]) -> FileSink:
    """A sink to a file, its format told by its suffix; `sensors` are the ids of the scenario's sensors."""
    kind = SUFFIXES.get(Path(path).suffix.lower())
    if kind is None:
        raise FarwatchError(f"{path}: no such format of tracks; give a name that ends in {', '.join(SUFFIXES)}")
    return kind(path, tuple(sensors))


__all__ = ["SUFFIXES", "CsvSink", "FileSink", "JsonlSink", "ParquetSink", "Sink", "open_sink"]
