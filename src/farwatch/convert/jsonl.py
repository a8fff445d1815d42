"""Records as JSON lines: an object each with its category and what it holds; what is absent is left out."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from farwatch.convert.csv import as_hex
from farwatch.convert.writer import OneFile
from farwatch.formats.asterix.arrow import record_batch
from farwatch.formats.asterix.sequence import Records
from farwatch.formats.asterix.statistics import Statistics


class Jsonl(OneFile):
    """All categories in one file, in file order within a part of the recording."""

    def write(self, records: Records, statistics: Statistics) -> None:
        batch = record_batch(records, statistics)
        rows: list[dict[str, object]] = [{"category": records.table.category} for _ in range(batch.num_rows)]
        for name, column in zip(batch.schema.names, batch.columns):
            if column.null_count == len(column):
                continue
            for row, value in zip(rows, _values(column)):
                if value is not None:
                    row[name] = value
        encode = msgspec.json.Encoder().encode_lines
        self.put(encode(rows))


def _values(column: pa.Array) -> list[object]:
    if pa.types.is_binary(column.type):
        return as_hex(column).to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_list(column.type) and pa.types.is_binary(column.type.value_type):
        return [None if value is None else [one.hex() for one in value] for value in column.to_pylist()]
    if pa.types.is_float32(column.type):
        # Written as short as it is exact, not with the digits that a wider number would have.
        return [None if value is None else float(f"{value:.9g}") for value in column.to_pylist()]
    return column.to_pylist()  # type: ignore[no-any-return]
