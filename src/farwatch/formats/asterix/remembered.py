"""Records by the presence fields seen before: what an FSPEC says stands worked out, so that no bit is looked at again.

Radars and trackers use few different FSPECs. Each one, and each presence field of a compound item, is worked out once
into the items that it names; a field of another pattern that falls on the same place takes it over. What is not plain
(a fault, a random field sequence, a choice of layouts, an FSPEC of more than seven bytes) is left to `decode`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.table import (
    COMPOUND,
    COUNT,
    EXPLICIT,
    EXTENDED,
    FIRST,
    FIXED,
    KIND,
    OPEN_END,
    REPETITIVE,
    SIZE,
)
from farwatch.kernels import inlined, leaf

NOT_PLAIN = -1
_PLACES = 256
_FACTOR, _OF_FACTOR = 0x1E3779B97F4A7C15, 0x2545F4914F6CDD1D  # odd, and without a pattern: they scatter patterns
_MOST_BYTES = 7
_MOST_ITEMS = 7 * _MOST_BYTES
_RECORD = -1  # what a pattern is of, where it is no compound item's slot
_NOTHING = -2
# Columns of `items`.
_SLOT, _FROM, _KIND, _SIZE = range(4)  # _FROM: bytes after the end of the last item that is not of fixed size


class Memory(NamedTuple):
    """The presence fields seen, by a digest of them."""

    bits: NDArray[np.int64]  # (places,) bytes of the field, as one number
    of: NDArray[np.int64]  # (places,) slot of the compound item that it is of, _RECORD: a record's
    n_items: NDArray[np.int64]  # (places,) items that it names
    rest: NDArray[np.int64]  # (places,) bytes of fixed items at its end
    items: NDArray[np.int32]  # (places, items, 4)


def new_memory() -> Memory:
    """One that has seen nothing; for one program only."""
    nothing = np.full(_PLACES, _NOTHING, np.int64)
    zeros = np.zeros(_PLACES, np.int64)
    return Memory(zeros.copy(), nothing, zeros.copy(), zeros.copy(), np.empty((_PLACES, _MOST_ITEMS, 4), np.int32))


@leaf
def _work_out(bits, n_bytes, of, program, memory, place):  # type: ignore[no-untyped-def]
    """Fills one place of the memory; False where the field is not plain."""
    slots, lists, profiles = program.slots, program.lists, program.profiles
    if of == _RECORD:
        first, count, longest = profiles[0, 0], profiles[0, 1], profiles[0, 2]
    else:
        first, count, longest = slots[of, FIRST], slots[of, COUNT], slots[of, SIZE]
    if n_bytes > longest:
        return False
    memory.of[place] = _NOTHING
    found, start = 0, 0
    for index in range(7 * n_bytes):
        byte, bit = index // 7, index % 7
        if bits >> (8 * (n_bytes - 1 - byte) + 7 - bit) & 1 == 0:
            continue
        slot = lists[first + index] if index < count else -1
        if slot < 0:
            return False
        kind, size = slots[slot, KIND], slots[slot, SIZE]
        item = memory.items[place, found]
        item[_SLOT], item[_FROM], item[_KIND], item[_SIZE] = slot, start, kind, size
        if kind == EXTENDED:
            item[_SIZE] = lists[slots[slot, FIRST]]
        elif kind == COMPOUND:
            item[_SIZE] = 0
        start = start + size if kind == FIXED else 0
        found += 1
    memory.bits[place], memory.of[place], memory.n_items[place], memory.rest[place] = bits, of, found, start
    return True


@leaf
def _extended_end(data, p, stop, program, slot):  # type: ignore[no-untyped-def]
    """Where an extended item ends whose first part, with its extension bit set, ends at p; or NOT_PLAIN."""
    for part in range(1, program.slots[slot, COUNT]):
        if p >= stop:
            return NOT_PLAIN
        p += 1  # only the first part may be longer than a byte
        if data[p - 1] & 1 == 0 or (part == program.slots[slot, COUNT] - 1 and program.slots[slot, OPEN_END] == 1):
            return p
    return NOT_PLAIN


@inlined
def plain_end(data, p, stop, program, memory, offsets, n):  # type: ignore[no-untyped-def]
    """Where the record that starts at p ends, and its items' places in offsets[n]; NOT_PLAIN: see above."""
    of, outer, outer_next = np.int64(_RECORD), np.int64(0), 0
    place, k = np.int64(0), 0
    opening = True
    items, n_items, rest = memory.items, memory.n_items, memory.rest
    while True:
        if opening:
            opening = False
            bits, start = np.int64(0), p
            while True:
                if p >= stop or p - start == _MOST_BYTES:
                    return NOT_PLAIN
                bits = bits << 8 | np.int64(data[p])
                p += 1
                if data[p - 1] & 1 == 0:
                    break
            place = (bits + of * _OF_FACTOR) * _FACTOR >> 32 & (_PLACES - 1)
            seen = memory.bits[place] == bits and memory.of[place] == of
            if not seen and not _work_out(bits, p - start, of, program, memory, place):
                return NOT_PLAIN
            k = 0
        count = n_items[place]
        while k < count:
            slot = items[place, k, _SLOT]
            at = p + items[place, k, _FROM]
            offsets[n, slot] = at
            kind, size = items[place, k, _KIND], items[place, k, _SIZE]
            k += 1
            if kind == FIXED:
                continue
            if at + size > stop or at >= stop:
                return NOT_PLAIN
            if kind == EXTENDED:
                p = at + size
                if data[p - 1] & 1:
                    p = _extended_end(data, p, stop, program, slot)
                    if p < 0:
                        return NOT_PLAIN
            elif kind == COMPOUND:
                outer, outer_next, of, p, opening = place, k, np.int64(slot), at, True
                break
            elif kind == REPETITIVE:
                p = at + 1 + int(data[at]) * size
            elif kind == EXPLICIT:
                if data[at] == 0:
                    return NOT_PLAIN
                p = at + int(data[at])
            else:  # repeated while the extension bit is set
                p = at + size
                while data[p - 1] & 1:
                    p += size
                    if p > stop:
                        return NOT_PLAIN
        if opening:
            continue
        p += rest[place]
        if p > stop:
            return NOT_PLAIN
        if of == _RECORD:
            return p
        place, k, of = outer, outer_next, np.int64(_RECORD)
        if memory.of[place] != _RECORD or k > n_items[place]:
            return NOT_PLAIN
