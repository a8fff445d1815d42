"""Records as Parquet: one row a record, columns of `farwatch.formats.asterix.arrow.schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from farwatch.convert.writer import PerCategory

TIME = "time_ns"  # the column whose extremes each row group says, so that readers can skip by time
_ROWS = 1 << 17  # in a row group: what is held in memory


def writing(schema: pa.Schema) -> dict[str, Any]:
    """The options that pyarrow is given to write a table of this schema.

    Dictionaries pay where values repeat, which numbers of more than 8 bits seldom do; they cost the most time. Other
    encodings than the plain one are smaller before they are compressed, so that compressing them is faster too.
    """
    texts = [column.name for column in schema if pa.types.is_string(column.type)]
    growing = {column.name: "DELTA_BINARY_PACKED" for column in schema if pa.types.is_int64(column.type)}
    floats = {column.name: "BYTE_STREAM_SPLIT" for column in schema if pa.types.is_floating(column.type)}
    return {
        "compression": "lz4",
        "use_dictionary": texts,
        "column_encoding": growing | floats,
        "write_statistics": [TIME],
        "write_batch_size": 1 << 16,
    }


class _Sink:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.writer = pq.ParquetWriter(path, schema, **writing(schema))
        self.waiting: list[pa.RecordBatch] = []
        self.rows = 0

    def flush(self) -> None:
        if self.waiting:
            self.writer.write_table(pa.Table.from_batches(self.waiting), self.rows)
        self.waiting, self.rows = [], 0


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
