"""Records as CSV: the columns of the Parquet output; lists are numbers with blanks between them, bytes are hex."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from farwatch.convert.writer import PerCategory

_HEX = np.frombuffer(bytes.fromhex("".join(f"{ord(a):02x}" for b in range(256) for a in f"{b:02x}")), np.uint16)


class Csv(PerCategory):
    """One CSV file a category."""

    def open(self, schema: Any, path: Path) -> Any:
        columns = pa.schema([pa.field(column.name, _plain(column.type)) for column in schema])
        return pyarrow.csv.CSVWriter(path, columns)

    def add(self, sink: Any, batch: Any) -> None:
        arrays = [plain(column) for column in batch.columns]
        sink.write_batch(pa.RecordBatch.from_arrays(arrays, names=batch.schema.names))

    def close(self, sink: Any) -> None:
        sink.close()


def _plain(what: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_list(what) or pa.types.is_binary(what) else what


def plain(column: pa.Array) -> pa.Array:
    """Lists and bytes as text, other columns as they are."""
    if pa.types.is_binary(column.type):
        return as_hex(column)
    if not pa.types.is_list(column.type):
        return column
    if column.null_count == len(column):
        return pa.nulls(len(column), pa.string())
    inner = column.values
    words = as_hex(inner) if pa.types.is_binary(inner.type) else pc.cast(inner, pa.string())
    lists = pa.Array.from_buffers(
        pa.list_(pa.string()), len(column), column.buffers()[:2], column.null_count, column.offset, [words]
    )
    return pc.binary_join(lists, " ")


def as_hex(column: pa.Array) -> pa.Array:
    """Bytes as hexadecimal text."""
    n = len(column)
    if column.null_count == n:
        return pa.nulls(n, pa.string())
    valid, starts, content = column.buffers()
    bounds = np.frombuffer(starts, np.int32)[: column.offset + n + 1]
    text = _HEX[np.frombuffer(content or b"", np.uint8)[: bounds[-1]]].tobytes()
    buffers = [valid, pa.py_buffer(bounds * 2), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string(), n, buffers, column.null_count, column.offset)
