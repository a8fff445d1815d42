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
        value = bits_at(data, offset, fields[f, 3], size)
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
