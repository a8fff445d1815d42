"""Records as Parquet: one row a record, columns of `farwatch.formats.asterix.arrow.schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from farwatch.convert.writer import PerCategory

TIME = "time_ns"  # the column whose extremes each row group says, so that readers can skip by time
_ROWS = 1 << 16  # in a row group: what is held in memory


class _Sink:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        # Dictionaries pay where values repeat, which numbers of more than 8 bits seldom do; they cost the most time.
        self.writer = pq.ParquetWriter(
            path,
            schema,
            compression="lz4",
            use_dictionary=_repeating(schema),
            column_encoding=_encodings(schema),
            write_statistics=[TIME],
            write_batch_size=1 << 14,
        )
        self.waiting: list[pa.RecordBatch] = []
        self.rows = 0

    def flush(self) -> None:
        if self.waiting:
            self.writer.write_table(pa.Table.from_batches(self.waiting), self.rows)
        self.waiting, self.rows = [], 0


def _repeating(schema: pa.Schema) -> list[str]:
    """The columns that are written with a dictionary: text."""
    return [column.name for column in schema if pa.types.is_string(column.type)]


def _encodings(schema: pa.Schema) -> dict[str, str]:
    """How other columns than text are written, where not plainly: smaller, and so also faster to compress."""
    growing = {column.name: "DELTA_BINARY_PACKED" for column in schema if pa.types.is_int64(column.type)}
    floats = {column.name: "BYTE_STREAM_SPLIT" for column in schema if pa.types.is_floating(column.type)}
    return growing | floats


class Parquet(PerCategory):
    """One Parquet file a category."""

    def open(self, schema: Any, path: Path) -> Any:
        return _Sink(path, schema)

    def add(self, sink: Any, batch: Any) -> None:
        sink.waiting.append(batch)
        sink.rows += batch.num_rows
        if sink.rows >= _ROWS:
            sink.flush()

    def close(self, sink: Any) -> None:
        if sink.writer.is_open:
            try:
                sink.flush()
            finally:
                sink.writer.close()
