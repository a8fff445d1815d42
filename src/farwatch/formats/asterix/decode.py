"""ASTERIX bytes -> where each item of each record lies: one pass, no recursion, then numbers out of the items.

Framing: a block is category (1 byte), length (2 bytes, of the whole block), records; a record is its FSPEC (bit 8 of
each byte says that another follows) and the items that it names (EUROCONTROL SPEC-0149, part 1).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from farwatch.formats.asterix.table import (
    COMPOUND,
    COUNT,
    EXPLICIT,
    EXTENDED,
    FIRST,
    FIXED,
    KIND,
    OPEN_END,
    RANDOM_SEQUENCE,
    REPETITIVE,
    SIZE,
)
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

_FIRST_BIT = np.array([8 - value.bit_length() for value in range(256)])  # of a byte, from the left


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
            category = np.int64(data[p])
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
def _simple_end(data, p, stop, slot, slots, lists):  # type: ignore[no-untyped-def]
    """End of an item that is neither fixed nor compound and starts at p, or a negative fault."""
    kind = slots[slot, KIND]
    if kind == EXTENDED:
        first, count = slots[slot, FIRST], slots[slot, COUNT]
        for part in range(count):
            p += lists[first + part]
            if p > stop:
                return _OVERRUN
            if data[p - 1] & 1 == 0 or (part == count - 1 and slots[slot, OPEN_END] == 1):
                return p
        return _EXTENSION
    if p >= stop:
        return _OVERRUN
    if kind == REPETITIVE:
        p += 1 + data[p] * slots[slot, SIZE]
        return p if p <= stop else _OVERRUN
    if kind == EXPLICIT:
        if data[p] == 0:
            return _EXPLICIT
        p += data[p]
        return p if p <= stop else _OVERRUN
    while True:  # repeated while the extension bit is set
        p += slots[slot, SIZE]
        if p > stop:
            return _OVERRUN
        if data[p - 1] & 1 == 0:
            return p


@kernel
def _item_end(data, p, stop, slot, slots, lists, offsets, n):  # type: ignore[no-untyped-def]
    """End of an item that starts at p, or a negative fault; notes where its subfields lie in offsets[n]."""
    if slots[slot, KIND] == FIXED:
        p += slots[slot, SIZE]
        return p if p <= stop else _OVERRUN
    if slots[slot, KIND] != COMPOUND:
        return _simple_end(data, p, stop, slot, slots, lists)
    fspec = p
    while True:
        if p >= stop:
            return _OVERRUN
        p += 1
        if data[p - 1] & 1 == 0:
            break
    n_fspec = p - fspec
    if n_fspec > slots[slot, SIZE]:
        return _FSPEC_LONG
    first, count = slots[slot, FIRST], slots[slot, COUNT]
    for byte in range(n_fspec):
        bits = data[fspec + byte]
        for bit in range(7):
            if bits & (128 >> bit):
                index = byte * 7 + bit
                sub = lists[first + index] if index < count else -1
                if sub < 0:
                    return _UNDEFINED
                offsets[n, sub] = p
                if slots[sub, KIND] == FIXED:
                    p += slots[sub, SIZE]
                    if p > stop:
                        return _OVERRUN
                else:
                    p = _simple_end(data, p, stop, sub, slots, lists)
                    if p < 0:
                        return p
    return p


@kernel
def _sequence_end(data, p, stop, profile, program, offsets, n):  # type: ignore[no-untyped-def]
    """End of a random field sequence (count, then number and item each), or a negative fault."""
    if p >= stop:
        return _OVERRUN
    count = data[p]
    p += 1
    for _ in range(count):
        if p >= stop:
            return _OVERRUN
        index = int(data[p])
        p += 1
        if index < 1 or index > program.profiles[profile, 1]:
            return _UNDEFINED
        slot = program.lists[program.profiles[profile, 0] + index - 1]
        if slot < 0:
            return _UNDEFINED
        if offsets[n, slot] < 0:
            offsets[n, slot] = p
        p = _item_end(data, p, stop, slot, program.slots, program.lists, offsets, n)
        if p < 0:
            return p
    return p


@kernel
def _record_end(data, p, stop, program, offsets, n):  # type: ignore[no-untyped-def]
    """(end of the record that starts at p or a negative fault, slot where it stopped); fills offsets[n].

    One loop serves the record and the compound item inside it: `outer_*` keep the record's place meanwhile.
    """
    slots, lists, profiles, choice = program.slots, program.lists, program.profiles, program.choice
    profile = 0
    first, count, longest = profiles[0, 0], profiles[0, 1], profiles[0, 3]
    compound = -1
    outer_fspec, outer_stop, outer_byte, outer_bits = p, p, 0, 0
    record_fspec_bytes = 0
    starting = True
    fspec, fspec_stop, byte, bits = p, p, 0, 0
    while True:
        if starting:
            starting = False
            fspec = p
            while True:
                if p >= stop:
                    return (_FSPEC_OVERRUN if compound < 0 else _OVERRUN), compound
                p += 1
                if data[p - 1] & 1 == 0:
                    break
            fspec_stop = p
            byte = 0
            bits = int(data[fspec]) & 254
            if p - fspec > longest:
                return _FSPEC_LONG, compound
            if compound < 0:
                record_fspec_bytes = p - fspec
        if bits == 0:
            byte += 1
            if fspec + byte < fspec_stop:
                bits = int(data[fspec + byte]) & 254
                continue
            if compound < 0:
                break
            fspec, fspec_stop, byte, bits = outer_fspec, outer_stop, outer_byte, outer_bits
            first, count = profiles[profile, 0], profiles[profile, 1]
            compound = -1
            continue
        bit = 0
        while bits & (128 >> bit) == 0:
            bit += 1
        bits ^= 128 >> bit
        index = byte * 7 + bit
        slot = lists[first + index] if index < count else -1
        if slot < 0:
            if slot != RANDOM_SEQUENCE:
                return _UNDEFINED, compound
            p = _sequence_end(data, p, stop, profile, program, offsets, n)
            if p < 0:
                return p, -1
            continue
        offsets[n, slot] = p
        kind = slots[slot, KIND]
        if kind == FIXED:
            p += slots[slot, SIZE]
            if p > stop:
                return _OVERRUN, slot
        elif kind == EXTENDED:
            part, parts = slots[slot, FIRST], slots[slot, COUNT]
            last = part + parts - 1
            while True:
                p += lists[part]
                if p > stop:
                    return _OVERRUN, slot
                if data[p - 1] & 1 == 0 or (part == last and slots[slot, OPEN_END] == 1):
                    break
                if part == last:
                    return _EXTENSION, slot
                part += 1
        elif kind == COMPOUND:
            outer_fspec, outer_stop, outer_byte, outer_bits = fspec, fspec_stop, byte, bits
            first, count, longest = slots[slot, FIRST], slots[slot, COUNT], slots[slot, SIZE]
            compound = slot
            starting = True
        elif p >= stop:
            return _OVERRUN, slot
        elif kind == REPETITIVE:
            p += 1 + data[p] * slots[slot, SIZE]
            if p > stop:
                return _OVERRUN, slot
        elif kind == EXPLICIT:
            if data[p] == 0:
                return _EXPLICIT, slot
            p += data[p]
            if p > stop:
                return _OVERRUN, slot
        else:
            while True:  # repeated while the extension bit is set
                p += slots[slot, SIZE]
                if p > stop:
                    return _OVERRUN, slot
                if data[p - 1] & 1 == 0:
                    break
        if slot == choice[0]:
            profile = choice[3 + _bits(data, offsets[n, slot], choice[1], choice[2])]
            first, count = profiles[profile, 0], profiles[profile, 1]
    if record_fspec_bytes > profiles[profile, 2]:
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
            for slot in range(offsets.shape[1]):
                offsets[n, slot] = -1
            end, slot = _record_end(data, p, stop, program, offsets, n)
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
def record_numbers(data, offsets, r, fields, values):  # type: ignore[no-untyped-def]
    """Fills values (n,) int64 with the numbers that fields (n, 6) describe in record r, ABSENT where it has none."""
    for f in range(len(fields)):
        values[f] = ABSENT
        slot = fields[f, 0]
        if slot < 0:
            continue
        offset = offsets[r, slot]
        if offset < 0:
            continue
        there = True
        for k in range(fields[f, 2]):
            there = there and data[offset + fields[f, 1] + k] & 1 == 1
        if not there:
            continue
        size = fields[f, 4]
        value = _bits(data, offset, fields[f, 3], size)
        if fields[f, 5] == 1 and value >> (size - 1):
            value -= np.int64(1) << size
        values[f] = value


@kernel
def extract(data, offsets, n, fields, out):  # type: ignore[no-untyped-def]
    """Fills out (n, columns) int64 with every line of `fields` for n records, ABSENT where a record has none."""
    for r in range(n):
        record_numbers(data, offsets, r, fields, out[r])


@kernel
def count_present(offsets, n, present):  # type: ignore[no-untyped-def]
    """Adds to present (slots,) in how many of n records each item is there."""
    for r in range(n):
        for slot in range(len(present)):
            if offsets[r, slot] >= 0:
                present[slot] += 1
