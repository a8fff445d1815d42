"""Decoded records of one category -> an Arrow record batch of all their items, in physical units, null where absent."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farwatch.formats.asterix import values as v
from farwatch.formats.asterix.fields import ABSENT, count_present, extract
from farwatch.formats.asterix.layout import BYTES, QUANTITY, TEXT, Column, Layout, layout
from farwatch.formats.asterix.records import expansion
from farwatch.formats.asterix.sequence import Records
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Table

Ints = NDArray[np.int64]

COMMON = (
    pa.field("time_ns", pa.int64(), metadata={"title": "Time (UTC) of the record's time of day"}),
    pa.field("received_ns", pa.int64(), metadata={"title": "Time (UTC) at which the recorder received it"}),
    pa.field("byte", pa.int64(), metadata={"title": "Position of the record in the file"}),
    pa.field("lat_deg", pa.float64(), metadata={"title": "Latitude (WGS-84)"}),
    pa.field("lon_deg", pa.float64(), metadata={"title": "Longitude (WGS-84)"}),
)


@cache
def schema(table: Table) -> pa.Schema:
    """The columns of an edition: those of COMMON, then its items by their paths; units are metadata of the fields."""
    chosen = layout(table)
    inner = chosen.inner.columns if chosen.inner else ()
    what = {"farwatch": "asterix", "category": f"{table.category:03d}", "edition": table.edition}
    return pa.schema([*COMMON, *(column.field for column in (*chosen.columns, *inner))], metadata=what)


def columns_in(records: Records) -> set[str]:
    """The names of the columns that hold anything, expansion fields apart: those are all there or none is."""
    present = np.zeros(len(records.table.slots), np.int64)
    count_present(records.offsets, records.n, present)
    chosen = layout(records.table)
    longest = {
        slot: v.most_extensions(records.piece.data, records.offsets, records.n, slot, first, most)
        for slot, (first, most) in chosen.extended.items()
        if present[slot]
    }
    names = {
        column.name
        for column in chosen.columns
        if present[column.row[0]] and column.row[2] <= longest.get(column.row[0], 0)
    }
    if chosen.inner and present[records.table.slots["RE"]]:
        names |= {column.name for column in chosen.inner.columns}
    return names


def record_batch(records: Records, statistics: Statistics, only: frozenset[str] | None = None) -> pa.RecordBatch:
    """The columns of `schema(records.table)`, those of COMMON and of `only` where it is given.

    An expansion field that does not fit its definition is counted.
    """
    n = records.n
    chosen = layout(records.table)
    arrays: list[pa.Array] = [
        _nullable(records.time_ns, ABSENT),
        _nullable(records.received_ns, ABSENT),
        pa.array(records.piece.places(records.where[:, 0])),
        *(_degrees(angle, n) for angle in records.position()),
    ]
    arrays += _arrays(records.piece.data, records.offsets, n, chosen, only)
    if chosen.inner:
        found = expansion(records.piece, records.batch, records.table, statistics)
        none = np.empty((0, len(chosen.inner.table.slots)), np.int32)
        arrays += _arrays(records.piece.data, none if found is None else found.offsets, n, chosen.inner, only)
    return pa.RecordBatch.from_arrays(arrays, schema=chosen_schema(records.table, only))


@cache
def chosen_schema(table: Table, only: frozenset[str] | None) -> pa.Schema:
    """`schema(table)` with the columns of COMMON and `only`."""
    everything = schema(table)
    if only is None:
        return everything
    kept = [column for k, column in enumerate(everything) if k < len(COMMON) or column.name in only]
    return pa.schema(kept, metadata=everything.metadata)


def _nullable(ns: Ints, absent: int) -> pa.Array:
    none = ns == absent
    if not none.any():
        return pa.array(ns)
    return _nulls(pa.int64(), len(ns)) if none.all() else pa.array(ns, mask=none)


def _degrees(angle_rad: NDArray[np.float64] | None, n: int) -> pa.Array:
    if angle_rad is None:
        return _nulls(pa.float64(), n)
    return pa.array(np.degrees(angle_rad), mask=np.isnan(angle_rad))


def _arrays(
    data: NDArray[np.uint8], offsets: NDArray[np.int32], n: int, chosen: Layout, only: frozenset[str] | None
) -> list[pa.Array]:
    """The columns of a layout; those of items that no record has cost nothing. offsets (0, slots): none at all."""
    present = np.zeros(len(chosen.table.slots), np.int64)
    if len(offsets):
        count_present(offsets, n, present)
    slots = np.flatnonzero(present)
    places = np.empty((len(slots), n), np.int32)
    v.columns_of(offsets, n, slots, places)
    row_of = dict(zip(slots.tolist(), range(len(slots))))
    repeats: dict[int, _Repeats] = {}
    arrays = []
    for column in chosen.columns:
        if only is not None and column.name not in only:
            continue
        slot = column.row[0]
        if slot not in row_of:
            arrays.append(_nulls(column.field.type, n))
        elif column.repeated_bytes:
            if slot not in repeats:
                repeats[slot] = _repeats(data, offsets, n, column)
            arrays.append(_list(data, offsets, n, column, repeats[slot]))
        elif column.kind == BYTES:
            at = places[row_of[slot]]
            arrays.append(_fixed_bytes(data, at, column) if column.row[4] else _explicit(data, offsets, n, column))
        elif column.only_where:
            arrays.append(_array(column, _raw_where(data, offsets, n, chosen, column)))
        elif column.kind in TEXT:
            raw = np.empty(n, np.int64)
            v.raw_column(data, places[row_of[slot]], column.bits, raw)
            arrays.append(_array(column, raw))
        else:
            arrays.append(_plain(data, places[row_of[slot]], column))
    return arrays


def _plain(data: NDArray[np.uint8], at: NDArray[np.int32], column: Column) -> pa.Array:
    """A number or quantity of the items at `at` (n,), -1: absent."""
    n = len(at)
    values, valid = np.empty(n, _NUMPY[column.type]), np.empty((n + 7) // 8, np.uint8)
    lsb = column.lsb if column.kind == QUANTITY else 0.0
    absent = v.decode_column(data, at, column.bits, lsb, values, valid)
    return pa.Array.from_buffers(column.type, n, [_bits(valid, absent), pa.py_buffer(values)], absent)


def _raw_where(data: NDArray[np.uint8], offsets: NDArray[np.int32], n: int, chosen: Layout, column: Column) -> Ints:
    """The numbers of a column that holds only beside a value of another one."""
    assert column.only_where is not None
    beside, wanted = column.only_where
    raw = np.empty((n, 2), np.int64)
    extract(data, offsets, n, np.array([column.row, chosen.columns[beside].row], np.int64), raw)
    return np.where(raw[:, 1] == wanted, raw[:, 0], ABSENT)


def _fixed_bytes(data: NDArray[np.uint8], at: NDArray[np.int32], column: Column) -> pa.Array:
    bit, width = column.row[3:5]
    there = at >= 0
    content = np.empty(int(there.sum()) * (width // 8), np.uint8)
    v.copy_bytes(data, at[there].astype(np.int64) + bit // 8, width // 8, content)
    starts = np.zeros(len(at) + 1, np.int32)
    np.cumsum(there * (width // 8), out=starts[1:])
    return _with_nulls(pa.binary(), starts, ~there, content)


@cache
def _null_column(what: pa.DataType, n: int) -> pa.Array:
    return pa.nulls(n, what)


def _nulls(what: pa.DataType, n: int) -> pa.Array:
    room = 1 << max(13, (n - 1).bit_length())
    return _null_column(what, room).slice(0, n)


_NUMPY = {
    pa.uint8(): np.uint8,
    pa.uint16(): np.uint16,
    pa.uint32(): np.uint32,
    pa.int16(): np.int16,
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.float32(): np.float32,
    pa.float64(): np.float64,
}


def _array(column: Column, raw: Ints) -> pa.Array:
    n = len(raw)
    valid = np.empty((n + 7) // 8, np.uint8)
    if column.kind in TEXT:
        size = column.row[4]
        starts, text = np.empty(n + 1, np.int32), np.empty(n * (size // 3) + 1, np.uint8)
        absent = v.to_text(raw, size, column.kind, starts, text, valid)
        buffers = [_bits(valid, absent), pa.py_buffer(starts), pa.py_buffer(text[: starts[-1]])]
        return pa.Array.from_buffers(pa.string(), n, buffers, absent)
    values = np.empty(n, _NUMPY[column.type])
    absent = v.to_values(raw, column.lsb if column.kind == QUANTITY else 0.0, values, valid)
    return pa.Array.from_buffers(column.type, n, [_bits(valid, absent), pa.py_buffer(values)], absent)


def _bits(valid: NDArray[np.uint8], absent: int) -> pa.Buffer | None:
    return pa.py_buffer(valid) if absent else None


class _Repeats(NamedTuple):
    """What the columns of a repeated item share."""

    starts: NDArray[np.int32]  # (n + 1,) running number of repetitions
    valid: pa.Buffer
    absent: int


def _repeats(data: NDArray[np.uint8], offsets: NDArray[np.int32], n: int, column: Column) -> _Repeats:
    slot, starts = column.row[0], np.empty(n + 1, np.int32)
    v.count_repetitions(data, offsets, n, slot, column.repeated_bytes, column.until_fx, starts)
    absent = offsets[:n, slot] < 0
    return _Repeats(starts, pa.py_buffer(np.packbits(~absent, bitorder="little")), int(absent.sum()))


def _list(data: NDArray[np.uint8], offsets: NDArray[np.int32], n: int, column: Column, repeats: _Repeats) -> pa.Array:
    slot, _, _, bit, width, signed = column.row
    size, until_fx, starts = column.repeated_bytes, column.until_fx, repeats.starts
    total = int(starts[-1])
    if column.kind == BYTES:
        places = np.empty(total, np.int64)
        v.repetition_places(offsets, n, slot, size, until_fx, bit // 8, starts, places)
        content = np.empty(total * (width // 8), np.uint8)
        v.copy_bytes(data, places, width // 8, content)
        bounds = np.arange(total + 1, dtype=np.int32) * (width // 8)
        inner = pa.Array.from_buffers(pa.binary(), total, [None, pa.py_buffer(bounds), pa.py_buffer(content)], 0)
    else:
        raw = np.empty(total, np.int64)
        v.gather_repeated(data, offsets, n, slot, size, until_fx, bit, width, signed, starts, raw)
        inner = _array(column, raw)
    heads = [repeats.valid, pa.py_buffer(starts)]
    return pa.Array.from_buffers(pa.list_(column.type), n, heads, repeats.absent, children=[inner])


def _explicit(data: NDArray[np.uint8], offsets: NDArray[np.int32], n: int, column: Column) -> pa.Array:
    slot = column.row[0]
    starts = np.empty(n + 1, np.int32)
    content = np.empty(v.count_bytes(data, offsets, n, slot, starts), np.uint8)
    v.copy_explicit(data, offsets, n, slot, starts, content)
    return _with_nulls(pa.binary(), starts, offsets[:n, slot] < 0, content)


def _with_nulls(
    what: pa.DataType,
    starts: NDArray[np.int32],
    absent: NDArray[np.bool_],
    content: NDArray[np.uint8],
) -> pa.Array:
    valid = pa.py_buffer(np.packbits(~absent, bitorder="little"))
    heads = [valid, pa.py_buffer(starts), pa.py_buffer(content)]
    return pa.Array.from_buffers(what, len(absent), heads, int(absent.sum()))
