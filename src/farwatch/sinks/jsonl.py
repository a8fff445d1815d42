"""Tracks to JSON lines: one object a row; addresses as six hexadecimal digits, codes as four octal ones."""

from __future__ import annotations

import os
from typing import BinaryIO

import msgspec

from farwatch.picture import Picture
from farwatch.sinks.columns import track_table
from farwatch.sinks.file import FileSink


class JsonlSink(FileSink):
    """Every line is one track state with the columns of tracks.parquet."""

    def __init__(self, path: str | os.PathLike[str], sensors: tuple[str, ...]) -> None:
        super().__init__(path, sensors)
        self._out: BinaryIO | None = None
        self._encoder = msgspec.json.Encoder()

    def _write(self, picture: Picture) -> None:
        if self._out is None:
            self._out = self.file.part.open("wb")
        rows = track_table(picture, self.sensors).to_pylist()
        for row in rows:
            row["address"] = None if row["address"] is None else f"{row['address']:06X}"
            row["mode_a"] = None if row["mode_a"] is None else f"{row['mode_a']:04o}"
        self._out.write(self._encoder.encode_lines(rows))

    def _finish(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None
