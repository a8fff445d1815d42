"""Numbers of decoded records -> the buffers of Arrow columns (values, validity bits, text, lists)."""

from __future__ import annotations

import numpy as np

from farwatch.formats.asterix.fields import ABSENT, bits_at
from farwatch.formats.asterix.text import icao_code
from farwatch.kernels import leaf

_ASCII, _ICAO = 2, 3  # as in layout.py
_BLANK, _DIGIT, _LETTER = 32, 48, 64


@leaf
def columns_of(offsets, n, slots, out):  # type: ignore[no-untyped-def]
    """Fills out (slots, n) with the offsets (rows, all slots) of some slots, each slot's in one piece."""
    for first in range(0, n, 64):  # so many lines of either side stay in the cache
        stop = min(n, first + 64)
        for k in range(len(slots)):
            for r in range(first, stop):
                out[k, r] = offsets[r, slots[k]]


@leaf
def most_extensions(data, offsets, n, slot, first, most):  # type: ignore[no-untyped-def]
    """How many extension bits in a row, from byte `first` of item `slot` on, any of n records has set; to `most`."""
    found = 0
    for r in range(n):
        p = offsets[r, slot]
        if p >= 0:
            k = 0
            while k < most and data[p + first + k] & 1:
                k += 1
            found = max(found, k)
            if found == most:
                break
    return found


@leaf
def decode_column(data, at, bits, lsb, values, valid):  # type: ignore[no-untyped-def]
    """Fills values (n,) with a number of the item at each of at (n,), -1: absent; valid (ceil(n / 8),) is Arrow's.

    bits: first extension byte, extension bytes, first byte, bytes, shift, mask, sign bit (0: none), of the number. It
    is multiplied by `lsb` where that is not 0. Returns how many are absent. One loop a column: its bytes stay in the
    cache, and nothing is written twice.
    """
    first_fx, n_fx, byte, n_bytes, shift, mask, sign = bits
    absent, flags, n = 0, np.uint8(0), len(at)
    for i in range(n):
        offset = np.int64(at[i])
        there = offset >= 0
        if n_fx and there:
            for k in range(n_fx):
                there = there and data[offset + first_fx + k] & 1 == 1
        if there:
            p = offset + byte
            value = np.int64(data[p])
            for k in range(1, n_bytes):
                value = value << 8 | np.int64(data[p + k])
            value = value >> shift & mask
            if value & sign:
                value -= sign << 1
            if lsb != 0.0:
                values[i] = value * lsb
            else:
                values[i] = value
            flags |= 1 << (i & 7)
        else:
            values[i] = 0
            absent += 1
        if i & 7 == 7:
            valid[i >> 3] = flags
            flags = np.uint8(0)
    if n & 7:
        valid[n >> 3] = flags
    return absent


@leaf
def raw_column(data, at, bits, out):  # type: ignore[no-untyped-def]
    """The same numbers as they are: fills out (n,) int64, ABSENT where there is none."""
    first_fx, n_fx, byte, n_bytes, shift, mask, sign = bits
    for i in range(len(at)):
        offset = np.int64(at[i])
        there = offset >= 0
        if n_fx and there:
            for k in range(n_fx):
                there = there and data[offset + first_fx + k] & 1 == 1
        out[i] = ABSENT
        if there:
            p = offset + byte
            value = np.int64(data[p])
            for k in range(1, n_bytes):
                value = value << 8 | np.int64(data[p + k])
            value = value >> shift & mask
            out[i] = value - ((value & sign) << 1)


@leaf
def to_values(raw, lsb, values, valid):  # type: ignore[no-untyped-def]
    """The same for raw (n,) numbers, ABSENT where absent."""
    absent = 0
    valid[:] = 0
    for i in range(len(raw)):
        if raw[i] == ABSENT:
            values[i] = 0
            absent += 1
            continue
        if lsb != 0.0:
            values[i] = raw[i] * lsb
        else:
            values[i] = raw[i]
        valid[i >> 3] |= 1 << (i & 7)
    return absent


@leaf
def to_text(raw, size, kind, starts, text, valid):  # type: ignore[no-untyped-def]
    """Fills text and starts (n + 1,) with the strings in raw (n,) numbers of `size` bits; returns how many are absent.

    A character that its alphabet does not allow is a blank (ASCII: 32 to 126; ICAO Annex 10: A to Z, 0 to 9, blank),
    blanks at the end are left out, and what is all blanks is absent. Octal digits are kept, leading zeros included.
    """
    absent, p = 0, 0
    valid[:] = 0
    width = 8 if kind == _ASCII else 6 if kind == _ICAO else 3
    starts[0] = 0
    for i in range(len(raw)):
        if raw[i] == ABSENT:
            starts[i + 1] = p
            absent += 1
            continue
        end = p
        for k in range(size // width):
            code = (raw[i] >> (size - width * (k + 1))) & ((1 << width) - 1)
            if kind == _ASCII:
                character = code if _BLANK <= code <= 126 else _BLANK
            elif kind == _ICAO:
                character = icao_code(code)
                if character <= 26:
                    character += _LETTER
            else:
                character = _DIGIT + code
            text[p + k] = character
            if character != _BLANK:
                end = p + k + 1
        if end == p:
            absent += 1
        else:
            valid[i >> 3] |= 1 << (i & 7)
        p = end
        starts[i + 1] = p
    return absent


@leaf
def count_repetitions(data, offsets, n, slot, size, until_fx, starts):  # type: ignore[no-untyped-def]
    """Fills starts (n + 1,) with the running number of repetitions of the item `slot`; returns them all."""
    total = 0
    starts[0] = 0
    for r in range(n):
        p = offsets[r, slot]
        if p >= 0:
            if until_fx:
                total += 1
                while data[p + size - 1] & 1:
                    total += 1
                    p += size
            else:
                total += int(data[p])
        starts[r + 1] = total
    return total


@leaf
def gather_repeated(data, offsets, n, slot, size, until_fx, bit, width, signed, starts, out):  # type: ignore[no-untyped-def]
    """Fills out (starts[n],) with one number of each repetition: `width` bits, `bit` bits after its start."""
    for r in range(n):
        p = np.int64(offsets[r, slot]) + (0 if until_fx else 1)
        for k in range(starts[r], starts[r + 1]):
            value = bits_at(data, p, bit, width)
            if signed == 1 and value >> (width - 1):
                value -= np.int64(1) << width
            out[k] = value
            p += size


@leaf
def count_bytes(data, offsets, n, slot, starts):  # type: ignore[no-untyped-def]
    """Fills starts (n + 1,) with the running number of content bytes of the explicit item `slot`; returns them all."""
    total = 0
    starts[0] = 0
    for r in range(n):
        p = offsets[r, slot]
        if p >= 0:
            total += int(data[p]) - 1
        starts[r + 1] = total
    return total


@leaf
def copy_bytes(data, places, size, out):  # type: ignore[no-untyped-def]
    """Fills out with `size` bytes from each of places (n,), one after another."""
    for i in range(len(places)):
        for k in range(size):
            out[i * size + k] = data[places[i] + k]


@leaf
def copy_explicit(data, offsets, n, slot, starts, out):  # type: ignore[no-untyped-def]
    """Fills out (starts[n],) with the content of each record's explicit item, its length byte left out."""
    for r in range(n):
        for k in range(starts[r + 1] - starts[r]):
            out[starts[r] + k] = data[offsets[r, slot] + 1 + k]


@leaf
def repetition_places(offsets, n, slot, size, until_fx, first_byte, starts, places):  # type: ignore[no-untyped-def]
    """Fills places (starts[n],) with where in the data each repetition's field starts, `first_byte` bytes into it."""
    for r in range(n):
        p = np.int64(offsets[r, slot]) + (0 if until_fx else 1) + first_byte
        for k in range(starts[r], starts[r + 1]):
            places[k] = p
            p += size
