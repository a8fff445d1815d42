"""ASTERIX records -> where each of their items lies: one pass over the bytes, no recursion.

A record is its FSPEC (bit 1 of each byte says that another follows) and the items that its other bits name; a compound
item is built in the same way (EUROCONTROL SPEC-0149, part 1).
"""

from __future__ import annotations

import numpy as np

from farwatch.formats.asterix.fields import bits_at
from farwatch.formats.asterix.framing import note_fault
from farwatch.formats.asterix.remembered import NOT_PLAIN, plain_end
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
    UNDEFINED,
)
from farwatch.kernels import leaf

# Faults as positions, which are never negative: -1 - fault.
_FSPEC_OVERRUN, _FSPEC_LONG, _UNDEFINED = -4, -5, -6
_OVERRUN, _EXTENSION, _EXPLICIT = -7, -8, -9

_FIRST_BIT = np.array([8] + [8 - n.bit_length() for n in range(1, 256)], np.int64)  # of a byte, from the left


@leaf
def _record_end(data, p, stop, program, offsets, n):  # type: ignore[no-untyped-def]
    """(end of the record that starts at p or a negative fault, slot where it stopped); fills offsets[n].

    One loop serves the record, the compound item inside it (`outer_*` keep the record's place meanwhile) and the random
    field sequence (so many pairs of bit number and item).
    """
    slots, lists, profiles, choice = program.slots, program.lists, program.profiles, program.choice
    profile = 0
    first, count, longest = profiles[0, 0], profiles[0, 1], profiles[0, 3]
    compound, width = -1, profiles[0, 4]
    outer_fspec, outer_stop, outer_byte, outer_bits = p, p, 0, 0
    record_fspec_bytes = 0
    sequence = 0
    starting = True
    fspec, fspec_stop, byte, bits = p, p, 0, 0
    while True:
        if starting:
            starting = False
            fspec = p
            if width == 8:
                p += longest
                if p > stop:
                    return _FSPEC_OVERRUN, -1
            while width == 7:
                if p >= stop:
                    return (_FSPEC_OVERRUN if compound < 0 else _OVERRUN), compound
                p += 1
                if data[p - 1] & 1 == 0:
                    break
            fspec_stop = p
            byte = 0
            bits = int(data[fspec]) & (254 if width == 7 else 255)
            if p - fspec > longest:
                return _FSPEC_LONG, compound
            if compound < 0:
                record_fspec_bytes = p - fspec
        if sequence > 0 and compound < 0:
            if p >= stop:
                return _OVERRUN, -1
            index = int(data[p]) - 1
            p += 1
            sequence -= 1
            slot = lists[first + index] if 0 <= index < count else UNDEFINED
            if slot < 0:
                return _UNDEFINED, -1
        elif bits == 0:
            byte += 1
            if fspec + byte < fspec_stop:
                bits = int(data[fspec + byte]) & (254 if width == 7 else 255)
                continue
            if compound < 0:
                break
            fspec, fspec_stop, byte, bits = outer_fspec, outer_stop, outer_byte, outer_bits
            first, count = profiles[profile, 0], profiles[profile, 1]
            compound, width = -1, profiles[profile, 4]
            continue
        else:
            bit = _FIRST_BIT[bits]
            bits ^= 128 >> bit
            index = byte * width + bit
            slot = lists[first + index] if index < count else UNDEFINED
            if slot == RANDOM_SEQUENCE:
                if p >= stop:
                    return _OVERRUN, -1
                sequence = int(data[p])
                p += 1
                continue
            if slot < 0:
                return _UNDEFINED, compound
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
            compound, width = slot, 7
            starting = True
        elif p >= stop:
            return _OVERRUN, slot
        elif kind == REPETITIVE:
            p += 1 + int(data[p]) * slots[slot, SIZE]
            if p > stop:
                return _OVERRUN, slot
        elif kind == EXPLICIT:
            if data[p] == 0:
                return _EXPLICIT, slot
            p += int(data[p])
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
            profile = choice[3 + bits_at(data, offsets[n, slot], choice[1], choice[2])]
            first, count = profiles[profile, 0], profiles[profile, 1]
    if record_fspec_bytes > profiles[profile, 2]:
        return _FSPEC_LONG, -1
    return p, -1


@leaf
def decode_records(data, blocks, program, base, at, memory, offsets, where, faults):  # type: ignore[no-untyped-def]
    """Fills offsets (capacity, slots) and where (capacity, 3: start, stop, block); returns how many records.

    data: bytes; blocks (n, 4) of one category; `at` (4,): block and byte to go on from, the number of the record in
    its block, broken blocks so far; kept up to date, so a full buffer is emptied and the call made again until
    at[0] == n. memory: of this program, see `remembered`. offsets: int32 position of each item in `data`, -1 absent.
    A broken record ends its block.
    """
    n, capacity = 0, offsets.shape[0]
    plain = program.choice[0] < 0 and program.profiles[0, 4] == 7
    while at[0] < len(blocks):
        start, stop = blocks[at[0], 1], blocks[at[0], 2]
        p = at[1] if at[1] > 0 else start + 3
        while p < stop:
            if n == capacity:
                at[1] = p
                return n
            offsets[n, :] = -1
            end = plain_end(data, p, stop, program, memory, offsets, n) if plain else np.int64(NOT_PLAIN)
            slot = -1
            if end == NOT_PLAIN:
                offsets[n, :] = -1
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


@leaf
def expand_records(data, offsets, n, slot, program, inner):  # type: ignore[no-untyped-def]
    """Fills inner (n, slots of `program`) with the places of the subfields of each record's explicit item `slot`.

    Returns how many such items do not hold what their program says; their rows stay -1.
    """
    broken = 0
    for r in range(n):
        inner[r, :] = -1
        p = offsets[r, slot]
        if p >= 0 and data[p] > 1:
            end, _ = _record_end(data, np.int64(p + 1), np.int64(p + int(data[p])), program, inner, r)
            if end < 0:
                inner[r, :] = -1
                broken += 1
    return broken
