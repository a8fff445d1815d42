"""Tracks to CSV with a header: addresses in hexadecimal, codes in octal, sensors joined by semicolons."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from farwatch.picture import Picture
from farwatch.sinks.columns import track_table
from farwatch.sinks.file import FileSink


class CsvSink(FileSink):
    """Every line is one track state with the columns of tracks.parquet; absent values are empty."""

    def __init__(self, path: str | os.PathLike[str], sensors: tuple[str, ...]) -> None:
        super().__init__(path, sensors)
        self._writer: Any = None

    def _write(self, picture: Picture) -> None:
        table = track_table(picture, self.sensors)
        as_text = {
            "address": _digits(table["address"], "{:06X}"),
            "mode_a": _digits(table["mode_a"], "{:04o}"),
            "sensors": pa.array([";".join(names) for names in table["sensors"].to_pylist()], pa.string()),
        }
        for name, column in as_text.items():
            table = table.set_column(table.schema.get_field_index(name), name, column)
        if self._writer is None:
            self._writer = pc.CSVWriter(str(self.file.part), table.schema)
        self._writer.write_table(table)

    def _finish(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _digits(column: pa.ChunkedArray, form: str) -> pa.Array:
    values = column.to_numpy(zero_copy_only=False)
    distinct, where = np.unique(np.where(column.is_null().to_numpy(), -1, values), return_inverse=True)
    texts = pa.array([None if value < 0 else form.format(int(value)) for value in distinct], pa.string())
    return texts.take(pa.array(where))
