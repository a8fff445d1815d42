"""Numbers out of the items of decoded records."""

from __future__ import annotations

import numpy as np

from farwatch.kernels import kernel

ABSENT = -(2**63)  # what a number is where its item or extension is not there


@kernel
def bits_at(data, offset, bit, size):  # type: ignore[no-untyped-def]
    """The unsigned number of `size` bits that starts `bit` bits after `offset`."""
    end = bit + size - 1
    byte = offset + (bit >> 3)
    last = offset + (end >> 3)
    value = np.int64(data[byte] & (255 >> (bit & 7)))
    while byte < last:
        byte += 1
        value = (value << 8) | np.int64(data[byte])
    return value >> (7 - (end & 7))


@kernel
def steps(fields):  # type: ignore[no-untyped-def]
    """What `record_numbers` does for each of fields (n, 6), worked out once: (n, 8) slot, first extension byte,
    extension bytes, first byte, last byte, shift, mask, sign bit (0: none).
    """
    out = np.empty((len(fields), 8), np.int64)
    for f in range(len(fields)):
        last = fields[f, 3] + fields[f, 4] - 1
        out[f, 0] = fields[f, 0]
        out[f, 1] = fields[f, 1]
        out[f, 2] = fields[f, 2]
        out[f, 3] = fields[f, 3] >> 3
        out[f, 4] = last >> 3
        out[f, 5] = 7 - (last & 7)
        out[f, 6] = (np.int64(1) << fields[f, 4]) - 1
        out[f, 7] = np.int64(1) << (fields[f, 4] - 1) if fields[f, 5] == 1 else 0
    return out


@kernel
def record_numbers(data, offsets, r, todo, values):  # type: ignore[no-untyped-def]
    """Fills values (n,) int64 with the numbers that todo (n, 8), from `steps`, says of record r, ABSENT where none."""
    for f in range(len(todo)):
        values[f] = ABSENT
        if todo[f, 0] < 0:
            continue
        offset = np.int64(offsets[r, todo[f, 0]])
        if offset < 0:
            continue
        there = True
        for k in range(todo[f, 2]):
            there = there and data[offset + todo[f, 1] + k] & 1 == 1
        if not there:
            continue
        p, last = offset + todo[f, 3], offset + todo[f, 4]
        value = np.int64(data[p])
        while p < last:
            p += 1
            value = value << 8 | np.int64(data[p])
        value = value >> todo[f, 5] & todo[f, 6]
        if value & todo[f, 7]:
            value -= todo[f, 7] << 1
        values[f] = value


@kernel
def extract(data, offsets, n, fields, out):  # type: ignore[no-untyped-def]
    """Fills out (n, columns) int64 with every line of fields (columns, 6) for n records, ABSENT where there is none."""
    todo = steps(fields)
    for r in range(n):
        record_numbers(data, offsets, r, todo, out[r])


@kernel
def count_present(offsets, n, present):  # type: ignore[no-untyped-def]
    """Adds to present (slots,) in how many of n records each item is there."""
    for r in range(n):
        for slot in range(len(present)):
            if offsets[r, slot] >= 0:
                present[slot] += 1
