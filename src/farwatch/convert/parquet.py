"""Records as Parquet: one row a record, columns of `farwatch.formats.asterix.arrow.schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from farwatch.convert.writer import PerCategory
from farwatch.formats.asterix.arrow import schema
from farwatch.formats.asterix.table import Table

_ROWS = 1 << 16  # in a row group: what is held in memory


class _Sink:
    def __init__(self, path: Path, table: Table) -> None:
        self.writer = pq.ParquetWriter(path, schema(table), compression="zstd", compression_level=1)
        self.waiting: list[pa.RecordBatch] = []
        self.rows = 0

    def flush(self) -> None:
        if self.waiting:
            self.writer.write_table(pa.Table.from_batches(self.waiting), self.rows)
        self.waiting, self.rows = [], 0


class Parquet(PerCategory):
    """One Parquet file a category."""

    def open(self, table: Table, path: Path) -> Any:
        return _Sink(path, table)

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
