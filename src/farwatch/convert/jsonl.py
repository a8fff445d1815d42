"""Records as JSON lines: an object each with its category and what it holds; what is absent is left out."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

from farwatch.convert.csv import as_hex
from farwatch.convert.writer import OneFile
from farwatch.formats.asterix.arrow import record_batch
from farwatch.formats.asterix.sequence import Records
from farwatch.formats.asterix.statistics import Statistics


class Jsonl(OneFile):
    """All categories in one file, in file order within a part of the recording."""

    def write(self, records: Records, statistics: Statistics) -> None:
        batch = record_batch(records, statistics)
        # Column by column as text, then row by row by Arrow: objects of Python would take twenty times as long.
        members = [pa.repeat(f'{{"category":{records.table.category}', batch.num_rows)]
        for name, column in zip(batch.schema.names, batch.columns):
            if column.null_count < len(column):
                members.append(pc.binary_join_element_wise(f"{json.dumps(name)}:", _text(column), ""))
        lines = pc.binary_join_element_wise(*members, ",", null_handling="skip")
        self.put(("}\n".join(lines.to_pylist()) + "}\n").encode())


def _text(column: pa.Array) -> pa.Array:
    """Each value as JSON, null where it is null."""
    what = column.type
    if pa.types.is_binary(what):
        return _quoted(as_hex(column))
    if pa.types.is_string(what):
        return _quoted(pc.replace_substring(pc.replace_substring(column, "\\", "\\\\"), '"', '\\"'))
    if pa.types.is_list(what):
        inner = _text(column.values)
        buffers = column.buffers()[:2]
        lists = pa.Array.from_buffers(
            pa.list_(pa.string()), len(column), buffers, column.null_count, column.offset, [inner]
        )
        return pc.binary_join_element_wise("[", pc.binary_join(lists, ","), "]", "")
    return pc.cast(column, pa.string())


def _quoted(column: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', column, '"', "")
