"""Numbers out of the items of decoded records."""

from __future__ import annotations

import numpy as np

from farwatch.kernels import inlined, kernel, leaf

ABSENT = -(2**63)  # what a number is where its item or extension is not there


@leaf
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
    """What `record_numbers` does for each of fields (n, 6), worked out once: (n, 9) slot, first extension byte,
    extension bytes, first byte, last byte, shift, mask, sign bit (0: none), and 1 where the bytes are those of the
    field before: neighbours in one item are taken out of one number of up to 8 bytes.
    """
    out = np.empty((len(fields), 9), np.int64)
    first = 0  # field of those that share their bytes
    for f in range(len(fields)):
        low, high = fields[f, 3] >> 3, (fields[f, 3] + fields[f, 4] - 1) >> 3
        shared = 0
        if f > 0 and 0 <= fields[f, 0] == fields[first, 0] and fields[f, 2] == fields[first, 2]:
            low, high = min(low, out[first, 3]), max(high, out[first, 4])
            shared = 1 if high - low < 8 else 0
        if shared == 0:
            first, low, high = f, fields[f, 3] >> 3, (fields[f, 3] + fields[f, 4] - 1) >> 3
        out[f, :3] = fields[f, :3]
        out[f, 6] = (np.int64(1) << fields[f, 4]) - 1
        out[f, 7] = np.int64(1) << (fields[f, 4] - 1) if fields[f, 5] == 1 else 0
        out[f, 8] = shared
        for k in range(first, f + 1):
            out[k, 3], out[k, 4] = low, high
            out[k, 5] = 8 * (high + 1) - fields[k, 3] - fields[k, 4]
    return out


@inlined
def word_of(data, offsets, r, todo, f):  # type: ignore[no-untyped-def]
    """The bytes of record r that number f of todo (n, 9) and its neighbours lie in as one number; -1 where absent.

    For kernels that know what they want: `number_in` takes the numbers out of it. Seven bytes at most, for -1 must not
    be a word: `record_numbers`, whose words have up to eight, does the same by itself.
    """
    word = np.int64(-1)
    offset = np.int64(offsets[r, todo[f, 0]]) if todo[f, 0] >= 0 else np.int64(-1)
    if offset >= 0:
        there = 1
        for k in range(todo[f, 2]):
            there &= data[offset + todo[f, 1] + k]
        if there:
            p, last = offset + todo[f, 3], offset + todo[f, 4]
            word = np.int64(data[p])
            while p < last:
                p += 1
                word = word << 8 | np.int64(data[p])
    return word


@inlined
def number_in(word, todo, f):  # type: ignore[no-untyped-def]
    """Number f of todo (n, 9) out of a word that is there."""
    value = word >> todo[f, 5] & todo[f, 6]
    return value - ((value & todo[f, 7]) << 1)


@leaf
def record_numbers(data, offsets, r, todo, values):  # type: ignore[no-untyped-def]
    """Fills values (n,) int64 with the numbers that todo (n, 9), from `steps`, says of record r, ABSENT where none."""
    word, there = np.int64(0), 0
    for f in range(len(todo)):
        if todo[f, 8] == 0:
            offset = np.int64(offsets[r, todo[f, 0]]) if todo[f, 0] >= 0 else np.int64(-1)
            there = 1 if offset >= 0 else 0
            if there:
                for k in range(todo[f, 2]):
                    there &= data[offset + todo[f, 1] + k]
            if there:
                p, last = offset + todo[f, 3], offset + todo[f, 4]
                word = np.int64(data[p])
                while p < last:
                    p += 1
                    word = word << 8 | np.int64(data[p])
        if not there:
            values[f] = ABSENT
            continue
        value = word >> todo[f, 5] & todo[f, 6]
        if value & todo[f, 7]:
            value -= todo[f, 7] << 1
        values[f] = value


@kernel
def extract(data, offsets, n, fields, out):  # type: ignore[no-untyped-def]
    """Fills out (n, columns) int64 with every line of fields (columns, 6) for n records, ABSENT where there is none."""
    todo = steps(fields)
    for r in range(n):
        record_numbers(data, offsets, r, todo, out[r])


@leaf
def count_present(offsets, n, present):  # type: ignore[no-untyped-def]
    """Adds to present (slots,) in how many of n records each item is there."""
    for r in range(n):
        for slot in range(len(present)):
            present[slot] += np.int64(offsets[r, slot] >= 0)  # no branch: several slots at a time
