"""Every item and subfield of an edition as a column: what it is called, where its bits lie, what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property

import pyarrow as pa

from farwatch.formats.asterix.table import Table, load_expansion

NUMBER, QUANTITY, ASCII, ICAO, OCTAL, BYTES = range(6)
TEXT = (ASCII, ICAO, OCTAL)
_TEXTS = {"ascii": ASCII, "icao": ICAO, "octal": OCTAL}
_WIDEST = 48  # bits of what counts as a number; registers and messages are bytes
_SHORT = 16  # bits of a quantity that a float32 holds with digits to spare


@dataclass(frozen=True)
class Column:
    """One column. The number in `row` is as `Field.row`; a column of an item that is repeated is a list."""

    name: str  # "040/RHO", "250/MBDATA", "RE/ERR"
    row: tuple[int, int, int, int, int, int]
    kind: int  # NUMBER .. BYTES
    lsb: float
    unit: str
    title: str
    type: pa.DataType  # of one value
    repeated_bytes: int = 0  # of one repetition, 0: not repeated
    until_fx: bool = False  # repeated while the low bit is set, else as often as its first byte says
    only_where: tuple[int, int] | None = None  # (column of the same layout, value) that this one's step holds for

    @property
    def bits(self) -> tuple[int, int, int, int, int, int, int]:
        """First extension byte, extension bytes, first byte, bytes, shift, mask and sign bit of its number."""
        _, first_fx, n_fx, bit, size, signed = self.row
        last = (bit + size - 1) // 8
        shift = 7 - (bit + size - 1) % 8
        mask, sign = (1 << size) - 1, 1 << (size - 1) if signed else 0
        return first_fx, n_fx, bit // 8, last - bit // 8 + 1, shift, mask, sign

    @cached_property
    def field(self) -> pa.Field:
        """The Arrow field."""
        what = pa.list_(self.type) if self.repeated_bytes else self.type
        metadata = {"title": self.title} | ({"unit": self.unit} if self.unit else {})
        return pa.field(self.name, what, metadata=metadata)


@dataclass(frozen=True)
class Layout:
    """The columns of one edition; `inner` are those of its Reserved Expansion Field."""

    table: Table
    columns: tuple[Column, ...]
    extended: dict[int, tuple[int, int]]  # by slot of an extended item: its first extension byte, how many it can have
    inner: Layout | None


@cache
def layout(table: Table, prefix: str = "") -> Layout:
    """All columns of an edition, in the order of its items."""
    inner_table = None if prefix else load_expansion(table.category)
    inner = layout(inner_table, "RE/") if inner_table and "RE" in table.slots else None
    columns: list[Column] = []
    for path in sorted(table.slots, key=lambda path: (list(table.titles).index(path.split("/")[0]),)):
        if not (path == "RE" and inner):
            columns += _columns(table, path, prefix, len(columns))
    extended: dict[int, tuple[int, int]] = {}
    for column in columns:
        slot, first, count = column.row[:3]
        if count:
            extended[slot] = first, max(count, extended.get(slot, (0, 0))[1])
    return Layout(table, tuple(columns), extended, inner)


def _columns(table: Table, path: str, prefix: str, first: int) -> list[Column]:
    slot = table.slots[path]
    item = table.item(slot)
    title = table.titles[path.split("/")[0]]
    if item.kind == "explicit":
        return [Column(prefix + path, (slot, 0, 0, 0, 0, 0), BYTES, 1.0, "", title, pa.binary())]
    if item.kind == "compound":
        return []
    repeated = item.bytes if item.kind.startswith("repetitive") else 0
    columns: list[Column] = []
    for field in item.fields:
        name = f"{prefix}{path}/{field.path}".rstrip("/")
        first_fx, n_fx = (0, 0) if repeated else table.extension(slot, field.bit)
        row = (slot, first_fx, n_fx, field.bit, field.size, field.signed)
        more = (repeated, item.kind == "repetitive_fx")
        if field.depends and any(case[2] is not None for case in field.depends[1]):
            # The step depends on another bit of the item: a column for each, null where the other holds.
            (on,), cases = field.depends
            bit = next(k for k, column in enumerate(columns) if column.name == f"{prefix}{on}")
            for (value,), _, lsb, unit in cases:
                one = Column(f"{name}:{unit}", row, QUANTITY, lsb, unit, title, pa.float32(), *more)
                columns.append(_only_where(one, first + bit, value))
            continue
        columns.append(_column(name, row, field.lsb, field.unit, title, *more))
    return columns


def _only_where(column: Column, other: int, value: int) -> Column:
    return replace(column, only_where=(other, value))


def _column(
    name: str, row: tuple[int, ...], lsb: float | None, unit: str, title: str, repeated: int, until_fx: bool
) -> Column:
    size, signed = row[4], row[5]
    kind, what = NUMBER, _integer(size, bool(signed))
    if unit in _TEXTS and size < 64:
        kind, what, unit = _TEXTS[unit], pa.string(), ""
    elif lsb is not None:
        kind, what = QUANTITY, pa.float32() if size <= _SHORT else pa.float64()
    elif size > _WIDEST:
        kind, what = BYTES, pa.binary()
    return Column(name, row, kind, lsb or 1.0, unit, title, what, repeated, until_fx)  # type: ignore[arg-type]


def _integer(size: int, signed: bool) -> pa.DataType:
    if signed:
        return pa.int16() if size <= 16 else pa.int32() if size <= 32 else pa.int64()
    return pa.uint8() if size <= 8 else pa.uint16() if size <= 16 else pa.uint32() if size <= 32 else pa.int64()
