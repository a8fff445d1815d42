"""ASTERIX bytes -> where each item of each record lies: one pass, no recursion, then numbers out of the items.

Framing: a block is category (1 byte), length (2 bytes, of the whole block), records; a record is its FSPEC (bit 8 of
each byte says that another follows) and the items that it names (EUROCONTROL SPEC-0149, part 1).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from farwatch.formats.asterix.table import COMPOUND, EXPLICIT, EXTENDED, FIXED, RANDOM_SEQUENCE, REPETITIVE
from farwatch.kernels import kernel


class Fault(IntEnum):
    """What can be wrong with bytes that should be ASTERIX. The first two end a datagram, the others a block."""

    BLOCK_LENGTH = 0
    TRUNCATED_BLOCK = 1
    UNKNOWN_CATEGORY = 2
    FSPEC_OVERRUN = 3
    FSPEC_TOO_LONG = 4
    UNDEFINED_ITEM = 5
    ITEM_OVERRUN = 6
    EXTENSION_OVERRUN = 7
    EXPLICIT_LENGTH = 8


N_FAULTS = len(Fault)
FAULT_TEXT = {
    Fault.BLOCK_LENGTH: "block length below 3",
    Fault.TRUNCATED_BLOCK: "block longer than what holds it",
    Fault.UNKNOWN_CATEGORY: "category without a table",
    Fault.FSPEC_OVERRUN: "FSPEC runs past its block",
    Fault.FSPEC_TOO_LONG: "FSPEC longer than the edition allows",
    Fault.UNDEFINED_ITEM: "FSPEC names an item that the edition does not have",
    Fault.ITEM_OVERRUN: "item runs past its block",
    Fault.EXTENSION_OVERRUN: "item extended beyond what the edition has",
    Fault.EXPLICIT_LENGTH: "explicit item of length 0",
}

# What the kernels know the faults by: a negative position is -1 - fault.
_LENGTH, _TRUNCATED, _UNKNOWN = 0, 1, 2
_FSPEC_OVERRUN, _FSPEC_LONG, _UNDEFINED = -4, -5, -6
_OVERRUN, _EXTENSION, _EXPLICIT = -7, -8, -9

ABSENT = -(2**63)


@kernel
def note_fault(faults, fault, where, block, record, slot):  # type: ignore[no-untyped-def]
    """Counts a fault; keeps place of the first of its kind: faults (kinds, 5) count, byte, block, record, slot."""
    if faults[fault, 0] == 0:
        faults[fault, 1] = where
        faults[fault, 2] = block
        faults[fault, 3] = record
        faults[fault, 4] = slot
    faults[fault, 0] += 1


@kernel
def count_blocks(data, start, stop):  # type: ignore[no-untyped-def]
    """How many whole blocks the datagrams data[start[i]:stop[i]] hold."""
    n = 0
    for d in range(len(start)):
        p = start[d]
        while p + 3 <= stop[d]:
            length = data[p + 1] * 256 + data[p + 2]
            if length < 3 or p + length > stop[d]:
                break
            n += 1
            p += length
    return n


@kernel
def find_blocks(data, start, stop, known, base, blocks, faults):  # type: ignore[no-untyped-def]
    """Fills blocks (n, 4): category, start, stop, datagram. Faults are counted at file position `base` + byte.

    `known` (256,) says which categories have a table; a block of another one is counted and left out of `blocks` by
    a negative category, so that the number of blocks stays that of `count_blocks`.
    """
    n = 0
    for d in range(len(start)):
        p = start[d]
        while p < stop[d]:
            if p + 3 > stop[d]:
                note_fault(faults, _TRUNCATED, base + p, base + p, 0, -1)
                break
            length = data[p + 1] * 256 + data[p + 2]
            if length < 3:
                note_fault(faults, _LENGTH, base + p, base + p, 0, -1)
                break
            if p + length > stop[d]:
                note_fault(faults, _TRUNCATED, base + p, base + p, 0, -1)
                break
            category = int(data[p])
            if not known[category]:
                note_fault(faults, _UNKNOWN, base + p, base + p, 0, -1)
                category = -category - 1
            blocks[n, 0] = category
            blocks[n, 1] = p
            blocks[n, 2] = p + length
            blocks[n, 3] = d
            n += 1
            p += length
    return n


@kernel
def _simple_end(data, p, stop, slot, program):  # type: ignore[no-untyped-def]
    """End of an item that is not compound and starts at p, or a negative fault."""
    kind = program.kind[slot]
    if kind == FIXED:
        p += program.size[slot]
        return p if p <= stop else _OVERRUN
    if kind == EXTENDED:
        first, count = program.first[slot], program.count[slot]
        for part in range(count):
            p += program.parts[first + part]
            if p > stop:
                return _OVERRUN
            if (part == count - 1 and program.open_end[slot] == 1) or data[p - 1] & 1 == 0:
                return p
        return _EXTENSION
    if p >= stop:
        return _OVERRUN
    if kind == REPETITIVE:
        p += 1 + data[p] * program.size[slot]
        return p if p <= stop else _OVERRUN
    if kind == EXPLICIT:
        if data[p] == 0:
            return _EXPLICIT
        p += data[p]
        return p if p <= stop else _OVERRUN
    while True:  # repeated while the extension bit is set
        p += program.size[slot]
        if p > stop:
            return _OVERRUN
        if data[p - 1] & 1 == 0:
            return p


@kernel
def _item_end(data, p, stop, slot, program, row):  # type: ignore[no-untyped-def]
    """End of an item that starts at p, or a negative fault; notes where its subfields lie in `row`."""
    if program.kind[slot] != COMPOUND:
        return _simple_end(data, p, stop, slot, program)
    fspec = p
    while True:
        if p >= stop:
            return _OVERRUN
        p += 1
        if data[p - 1] & 1 == 0:
            break
    n_fspec = p - fspec
    if n_fspec > program.size[slot]:
        return _FSPEC_LONG
    first, count = program.first[slot], program.count[slot]
    for byte in range(n_fspec):
        bits = data[fspec + byte]
        for bit in range(7):
            if bits & (128 >> bit):
                index = byte * 7 + bit
                sub = program.subs[first + index] if index < count else -1
                if sub < 0:
                    return _UNDEFINED
                row[sub] = p
                p = _simple_end(data, p, stop, sub, program)
                if p < 0:
                    return p
    return p


@kernel
def _sequence_end(data, p, stop, profile, program, row):  # type: ignore[no-untyped-def]
    """End of a random field sequence (count, then number and item each), or a negative fault."""
    if p >= stop:
        return _OVERRUN
    count = data[p]
    p += 1
    for _ in range(count):
        if p >= stop:
            return _OVERRUN
        index = int(data[p]) - 1
        p += 1
        if index < 0 or index >= program.profiles.shape[1]:
            return _UNDEFINED
        slot = program.profiles[profile, index]
        if slot < 0:
            return _UNDEFINED
        if row[slot] < 0:
            row[slot] = p
        p = _item_end(data, p, stop, slot, program, row)
        if p < 0:
            return p
    return p


@kernel
def _record_end(data, p, stop, program, row):  # type: ignore[no-untyped-def]
    """End of the record that starts at p, or a negative fault; (end, slot where it stopped)."""
    fspec = p
    while True:
        if p >= stop:
            return _FSPEC_OVERRUN, -1
        p += 1
        if data[p - 1] & 1 == 0:
            break
    n_fspec = p - fspec
    profile = 0
    if n_fspec * 7 > program.profiles.shape[1]:
        return _FSPEC_LONG, -1
    for byte in range(n_fspec):
        bits = data[fspec + byte]
        if bits & 254 == 0:
            continue
        for bit in range(7):
            if bits & (128 >> bit):
                slot = program.profiles[profile, byte * 7 + bit]
                if slot >= 0:
                    row[slot] = p
                    p = _item_end(data, p, stop, slot, program, row)
                    if p >= 0 and slot == program.selector[0]:
                        value = _bits(data, row[slot], program.selector[1], program.selector[2])
                        profile = program.selected[value]
                elif slot == RANDOM_SEQUENCE:
                    p = _sequence_end(data, p, stop, profile, program, row)
                else:
                    return _UNDEFINED, -1
                if p < 0:
                    return p, slot
    if n_fspec > program.fspec_bytes[profile]:
        return _FSPEC_LONG, -1
    return p, -1


@kernel
def decode_records(data, blocks, program, base, at, offsets, where, faults):  # type: ignore[no-untyped-def]
    """Fills offsets (capacity, slots) and where (capacity, 3: start, stop, block); returns how many records.

    data: bytes; blocks (n, 4) of one category; `at` (4,): block and byte to go on from, the number of the record in
    its block, broken blocks so far; kept up to date, so a full buffer is emptied and the call made again until
    at[0] == n. offsets: int32 position of each item in `data`, -1 absent. A broken record ends its block.
    """
    n, capacity = 0, offsets.shape[0]
    while at[0] < len(blocks):
        start, stop = blocks[at[0], 1], blocks[at[0], 2]
        p = at[1] if at[1] > 0 else start + 3
        while p < stop:
            if n == capacity:
                at[1] = p
                return n
            row = offsets[n]
            row[:] = -1
            end, slot = _record_end(data, p, stop, program, row)
            if end < 0:
                note_fault(faults, -1 - end, base + p, base + start, at[2], slot)
                at[3] += 1
                break
            where[n, 0] = p
            where[n, 1] = end
            where[n, 2] = at[0]
            at[2] += 1
            n += 1
            p = end
        at[0] += 1
        at[1] = 0
        at[2] = 0
    return n


@kernel
def _bits(data, offset, bit, size):  # type: ignore[no-untyped-def]
    """The unsigned number of `size` bits that starts `bit` bits after `offset`."""
    byte = offset + bit // 8
    last = offset + (bit + size - 1) // 8
    value = np.int64(data[byte] & (255 >> (bit % 8)))
    while byte < last:
        byte += 1
        value = (value << 8) | np.int64(data[byte])
    return value >> (7 - (bit + size - 1) % 8)


@kernel
def field(data, row, fields, f):  # type: ignore[no-untyped-def]
    """The number that line f of fields (n, 6) describes in the record whose item offsets are `row`, or ABSENT."""
    slot = fields[f, 0]
    if slot < 0:
        return ABSENT
    offset = row[slot]
    if offset < 0:
        return ABSENT
    for k in range(fields[f, 2]):
        if data[offset + fields[f, 1] + k] & 1 == 0:
            return ABSENT
    size = fields[f, 4]
    value = _bits(data, offset, fields[f, 3], size)
    if fields[f, 5] == 1 and value >> (size - 1):
        value -= np.int64(1) << size
    return value


@kernel
def extract(data, offsets, n, fields, out):  # type: ignore[no-untyped-def]
    """Fills out (columns, n) int64 with every line of `fields`, ABSENT where the record has none."""
    for r in range(n):
        for f in range(len(fields)):
            out[f, r] = field(data, offsets[r], fields, f)
