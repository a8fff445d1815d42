"""Numbers -> ASTERIX records: the way back of `decode` and `fields`, by the same tables.

A column is one number of every record, by its path as `Table.field` knows it ("040", "080/CNF", "380/ADR"). An item is
written where any of its numbers is there, and the record's FSPEC, those of its compound items and the extensions of its
extended ones are as short as what they hold allows (EUROCONTROL SPEC-0149, part 1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farwatch.errors import FormatError
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.plan import (
    BIT,
    BITS,
    BYTE,
    COMPOUND,
    FIRST_COLUMN,
    FLAG,
    KIND,
    LAST_COLUMN,
    LAST_FX,
    MASK,
    REPEATED,
    SHIFT,
    SIZE,
    START,
    SUB_BIT,
    SUB_BYTE,
    SUB_FLAG,
    WORD,
    Plan,
    make_plan,
)
from farwatch.formats.asterix.quantise import codes, steps
from farwatch.formats.asterix.table import EXPLICIT, EXTENDED, FIXED, REPETITIVE, REPETITIVE_FX, Field, Table
from farwatch.kernels import leaf

Ints = NDArray[np.int64]

_BATCH = 2048  # records whose steps are held at a time: they stay in the processor's cache
_MOST = {REPETITIVE: 255, EXPLICIT: 254, REPETITIVE_FX: 1 << 16}  # repetitions of one item, or bytes of an explicit one


class Repeated(NamedTuple):
    """What stands in a repetitive item: rows first[r]:first[r + 1] of `values` are the repetitions of record r.

    values (rows, numbers of one repetition), in the order of the definition. An explicit item (RE, SP) is its bytes,
    one a row. A record without a row has no such item.
    """

    first: Ints  # (records + 1,)
    values: Ints  # (rows, numbers)


class Encoded(NamedTuple):
    """Records one after another: record r is data[ends[r - 1]:ends[r]]."""

    data: NDArray[np.uint8]
    ends: Ints
    clamped: Counter[str]  # quantities beyond what their item can say, by path: they say the last that it can

    @property
    def n(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> Ints:
        """Where each record starts."""
        return np.concatenate([np.zeros(1, np.int64), self.ends[:-1]]) if len(self.ends) else self.ends

    def as_explicit(self) -> Repeated:
        """These records as the contents of an explicit item: a Reserved Expansion Field of each record."""
        return Repeated(np.concatenate([np.zeros(1, np.int64), self.ends]), self.data.astype(np.int64)[:, None])


def source_columns(index: NDArray[np.int32], sources: Sequence[tuple[Any, ...]]) -> dict[str, Ints]:
    """Item 010 of records (n,) of the sources with these indices, whose first two members are SAC and SIC."""
    named = np.array([source[:2] for source in sources], np.int64).reshape(-1, 2)[index]
    return {"010/SAC": named[:, 0], "010/SIC": named[:, 1]}


def encode(table: Table, columns: Mapping[str, ArrayLike], repeated: Mapping[str, Repeated] | None = None) -> Encoded:
    """The records of one category and edition.

    columns: (n,) each. Floats are in the unit of the item, NaN where absent, and clamped to what it can say; integers
    and booleans are its steps or codes, ABSENT where absent. Raises FormatError: no such item in this edition, columns
    of unequal length, an infinite value, a code that does not fit, or too many repetitions.

    Where an item chooses one of several layouts (CAT001: plots and tracks), all records of a call are of one.
    """
    given = {path: np.asarray(column) for path, column in columns.items()}
    extra = dict(repeated or {})
    lengths = {len(column) for column in given.values()} | {len(item.first) - 1 for item in extra.values()}
    if len(lengths) != 1:
        raise FormatError(f"columns for CAT{table.category:03d} must be of one length; there are {sorted(lengths)}")
    n = lengths.pop()
    plan = make_plan(table, tuple(given), tuple(extra), _profile(table, given))
    clamped: Counter[str] = Counter()
    first, rows = _repetitions(table, plan, extra, n)
    room = n * plan.longest + sum(
        len(item.values) * size + n for item, size in zip(extra.values(), plan.repetition_bytes)
    )
    data, ends = np.empty(room, np.uint8), np.empty(n, np.int64)
    values = np.empty((min(n, _BATCH), len(given)), np.int64)
    layout = (first, rows, plan.leaves, plan.numbers, plan.width)
    there, last_sub = np.zeros(len(plan.leaves), np.int64), np.empty(max(plan.compounds, 1), np.int64)
    used = 0
    for begin in range(0, n, _BATCH):
        end = min(n, begin + _BATCH)
        for path, place, field in zip(given, plan.places, plan.fields):
            name = f"CAT{table.category:03d} {path}"
            beyond = _fill(values, place, name, field, given[path][begin:end], begin)
            if beyond:
                clamped[path] += beyond
        used = encode_records(values, *layout, there, last_sub, begin, data, used, ends[begin:end])
    return Encoded(data[:used], ends, clamped)


def _profile(table: Table, given: Mapping[str, NDArray[np.generic]]) -> int:
    """Which layout of an edition the records have, by the number that chooses it (0 where it is not given)."""
    slot, bit, size, *chosen = table.program.choice.tolist()
    if slot < 0:
        return 0
    profiles = {0}
    for path, column in given.items():
        if table.field(path).row[0] == slot and table.field(path).row[3:5] == (bit, size):
            values = np.unique(np.where(column == ABSENT, 0, column)).astype(np.int64)
            profiles = {chosen[value] for value in values.tolist() if 0 <= value < len(chosen)} or {0}
    if len(profiles) > 1:
        raise FormatError(f"CAT{table.category:03d}: records of several layouts; encode those of each by themselves")
    return int(profiles.pop())


def _fill(values: Ints, place: int, name: str, field: Field, column: NDArray[np.generic], begin: int) -> int:
    """Fills one column of steps with those of the records from `begin` on; returns how many of them were clamped."""
    size, (low, high) = field.row[4], _limits(field)
    if column.dtype.kind == "f":
        lsb = field.lsb or 1.0
        circle = field.unit == "°" and lsb * (1 << size) == 360.0
        clamped, wrong = steps(column.astype(np.float64, copy=False), lsb, low, high, circle, place, values)
        if wrong >= 0:
            raise FormatError(
                f"{name} of record {begin + wrong} is {column[wrong]}: give a finite number, or NaN for none"
            )
        if clamped and field.lsb is None:
            raise FormatError(f"{name}: {clamped} values do not fit {size} bits")
        return int(clamped)
    wrong = codes(column.astype(np.int64, copy=False), low, high, place, values)
    if wrong >= 0:
        raise FormatError(
            f"{name} of record {begin + wrong} is {column[wrong]}: it must be in {low} .. {high}, or ABSENT"
        )
    return 0


def _limits(field: Field) -> tuple[int, int]:
    """The least and the greatest step that a field holds."""
    size, signed = field.row[4], field.row[5]
    return (-(1 << (size - 1)), (1 << (size - 1)) - 1) if signed else (0, (1 << size) - 1)


def _repetitions(table: Table, plan: Plan, extra: dict[str, Repeated], n: int) -> tuple[Ints, Ints]:
    """(items, records + 1) where the repetitions of each record start in all values put one after another."""
    first, rows, base = np.zeros((len(extra), n + 1), np.int64), [np.empty(0, np.int64)], 0
    for k, (path, item) in enumerate(extra.items()):
        kind, fields = plan.repeated_kinds[k], plan.repeated_fields[k]
        width = len(fields)
        if item.values.ndim != 2 or item.values.shape[1] != width:
            raise FormatError(f"CAT{table.category:03d} {path}: a repetition holds {width} numbers")
        counts = np.diff(item.first)
        if (counts < 0).any() or item.first[0] != 0 or item.first[-1] != len(item.values):
            raise FormatError(f"CAT{table.category:03d} {path}: `first` must rise from 0 to the number of rows")
        if counts.max(initial=0) > _MOST[kind]:
            raise FormatError(f"CAT{table.category:03d} {path}: at most {_MOST[kind]} repetitions a record")
        for column, field in zip(item.values.T, fields):
            low, high = _limits(field)
            if field.row[4] < 64 and ((column < low) | (column > high)).any():
                raise FormatError(f"CAT{table.category:03d} {path}: a repetition holds a number beyond {low} .. {high}")
        first[k] = base + item.first * width
        rows.append(np.ascontiguousarray(item.values, np.int64).reshape(-1))
        base += item.values.size
    return first, np.concatenate(rows)


@leaf
def put_bits(out, offset, bit, size, value):  # type: ignore[no-untyped-def]
    """Puts the low `size` bits of `value` where `bits_at` reads them; what is there must be 0."""
    end = bit + size - 1
    first, byte = offset + (bit >> 3), offset + (end >> 3)
    shift = 7 - (end & 7)
    if size < 64:
        value &= (np.int64(1) << size) - 1
    out[byte] |= np.uint8((value << shift) & 255)
    value >>= 8 - shift
    while byte > first:
        byte -= 1
        out[byte] |= np.uint8(value & 255)
        value >>= 8


@leaf
def _presence(values, first, leaves, numbers, r, record, there, last_sub):  # type: ignore[no-untyped-def]
    """Fills there (leaves,): extensions of an item + 1, or its repetitions, 0 absent; last_sub (compounds,): the last
    subfield's bit, -1 none. Returns the last FSPEC bit."""
    last = -1
    last_sub[:] = -1
    for k in range(len(leaves)):
        found = 0
        if leaves[k, REPEATED] >= 0:
            item = leaves[k, REPEATED]
            width = leaves[k, LAST_COLUMN] - leaves[k, FIRST_COLUMN]
            found = (first[item, record + 1] - first[item, record]) // width
        else:
            for c in range(leaves[k, FIRST_COLUMN], leaves[k, LAST_COLUMN]):
                if values[r, c] != ABSENT and found <= numbers[c, LAST_FX]:
                    found = numbers[c, LAST_FX] + 1
                    if leaves[k, KIND] == FIXED:
                        break
        there[k] = found
        if found > 0:
            last = max(last, leaves[k, BIT])
            if leaves[k, COMPOUND] >= 0:
                last_sub[leaves[k, COMPOUND]] = max(last_sub[leaves[k, COMPOUND]], leaves[k, SUB_BIT])
    return last


@leaf
def _open(out, p, last, width, fixed):  # type: ignore[no-untyped-def]
    """Starts a presence field at p for bits up to `last`, eight a byte or seven and one that says that another byte
    follows; returns where it ends."""
    count = fixed if width == 8 else last // 7 + 1
    for k in range(count):
        out[p + k] = 0 if width == 8 or k == count - 1 else 1
    return p + count


@leaf
def encode_records(values, first, rows, leaves, numbers, width, there, last_sub, since, out, p, ends):  # type: ignore[no-untyped-def]
    """Writes records to `out` from byte p on, where each ends to ends (n,); returns the end of the last.

    values (n or more, columns) steps, ABSENT where none; first (items, all records + 1), rows: repetitions, those of
    the first record here at `since`; leaves, numbers, width: those of the Plan; there, last_sub: see `_presence`.
    """
    for r in range(len(ends)):
        last = _presence(values, first, leaves, numbers, r, since + r, there, last_sub)
        fspec = p
        p = _open(out, p, max(last, 0), width[0], width[1])
        inner, compound = p, -1
        for k in range(len(leaves)):
            if there[k] == 0:
                continue
            out[fspec + leaves[k, BYTE]] |= np.uint8(leaves[k, FLAG])
            if leaves[k, COMPOUND] >= 0:
                if leaves[k, COMPOUND] != compound:
                    compound, inner = leaves[k, COMPOUND], p
                    p = _open(out, p, last_sub[compound], 7, 0)
                out[inner + leaves[k, SUB_BYTE]] |= np.uint8(leaves[k, SUB_FLAG])
            kind, size = leaves[k, KIND], leaves[k, SIZE]
            low, high = leaves[k, FIRST_COLUMN], leaves[k, LAST_COLUMN]
            if kind == FIXED and size <= WORD:
                word = np.int64(0)
                for c in range(low, high):
                    if values[r, c] != ABSENT:
                        word |= (values[r, c] & numbers[c, MASK]) << numbers[c, SHIFT]
                for b in range(size - 1, -1, -1):
                    out[p + b] = word & 255
                    word >>= 8
                p += size
                continue
            if kind in (FIXED, EXTENDED):
                parts = there[k]
                total = size + parts - 1
                for b in range(total):
                    out[p + b] = 0
                for c in range(low, high):
                    if values[r, c] != ABSENT:
                        put_bits(out, p, numbers[c, START], numbers[c, BITS], values[r, c])
                for part in range(parts - 1):
                    out[p + size - 1 + part] |= np.uint8(1)
                p += total
                continue
            item = leaves[k, REPEATED]
            if kind == REPETITIVE:
                out[p] = there[k]
                p += 1
            elif kind == EXPLICIT:
                out[p] = there[k] + 1
                p += 1
            at = first[item, since + r]
            for repetition in range(there[k]):
                for b in range(size):
                    out[p + b] = 0
                for c in range(low, high):
                    put_bits(out, p, numbers[c, START], numbers[c, BITS], rows[at])
                    at += 1
                if kind == REPETITIVE_FX and repetition < there[k] - 1:
                    out[p + size - 1] |= np.uint8(1)
                p += size
        ends[r] = p
    return p
