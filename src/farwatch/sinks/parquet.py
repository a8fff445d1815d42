"""Tracks to Parquet, a row group at a time."""

from __future__ import annotations

import os

import pyarrow.parquet as pq

from farwatch.picture import Picture
from farwatch.recording import header
from farwatch.sinks.columns import track_table
from farwatch.sinks.file import FileSink


class ParquetSink(FileSink):
    """Writes a row group whenever enough rows have come, so that memory stays bounded and files read fast."""

    def __init__(self, path: str | os.PathLike[str], sensors: tuple[str, ...]) -> None:
        super().__init__(path, sensors)
        self._writer: pq.ParquetWriter | None = None

    def _write(self, picture: Picture) -> None:
        table = track_table(picture, self.sensors)
        if self._writer is None:
            schema = table.schema.with_metadata(header("tracks", {"sensors": "\n".join(self.sensors)}))
            self._writer = pq.ParquetWriter(self.file.part, schema, compression="zstd")
        self._writer.write_table(table)

    def _finish(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
