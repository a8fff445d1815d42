"""ASTERIX framing, and what can be wrong with bytes that should be ASTERIX.

A block is category (1 byte), length (2 bytes, of the whole block) and records (EUROCONTROL SPEC-0149, part 1).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from farwatch.kernels import leaf


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


LARGEST_TRAILER = 16  # bytes
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

_LENGTH, _TRUNCATED, _UNKNOWN = 0, 1, 2  # the same as plain numbers, for the kernels


@leaf
def note_fault(faults, fault, where, block, record, slot):  # type: ignore[no-untyped-def]
    """Counts a fault; keeps place of the first of its kind: faults (kinds, 5) count, byte, block, record, slot."""
    if faults[fault, 0] == 0:
        faults[fault, 1] = where
        faults[fault, 2] = block
        faults[fault, 3] = record
        faults[fault, 4] = slot
    faults[fault, 0] += 1


@leaf
def count_blocks(data, start, stop):  # type: ignore[no-untyped-def]
    """How many whole blocks the datagrams data[start[i]:stop[i]] hold."""
    n = 0
    for d in range(len(start)):
        p = start[d]
        while p + 3 <= stop[d]:
            length = int(data[p + 1]) * 256 + int(data[p + 2])
            if length < 3 or p + length > stop[d]:
                break
            n += 1
            p += length
    return n


@leaf
def _is_trailer(data, p, stop, known):  # type: ignore[no-untyped-def]
    """True where data[p:stop], the end of a packet behind whole blocks, is what a network appends: no block at all."""
    length = int(data[p + 1]) * 256 + int(data[p + 2]) if p + 3 <= stop else 0
    whole = 3 <= length <= stop - p
    return not whole and (stop - p <= LARGEST_TRAILER or not known[data[p]])


@leaf
def find_blocks(data, start, stop, known, in_packets, blocks, faults):  # type: ignore[no-untyped-def]
    """Fills blocks (n, 4): category, start, stop, datagram; returns how many packets end with a network's trailer.

    `known` (256,) says which categories have a table; a block of another one is counted and left out of `blocks` by
    a negative category, so that the number of blocks stays that of `count_blocks`.
    """
    n, trailers = 0, 0
    for d in range(len(start)):
        p = start[d]
        while p < stop[d]:
            if in_packets and p > start[d] and _is_trailer(data, p, stop[d], known):
                trailers += 1
                break
            if p + 3 > stop[d]:
                note_fault(faults, _TRUNCATED, p, p, 0, -1)
                break
            length = int(data[p + 1]) * 256 + int(data[p + 2])
            if length < 3:
                note_fault(faults, _LENGTH, p, p, 0, -1)
                break
            if p + length > stop[d]:
                note_fault(faults, _TRUNCATED, p, p, 0, -1)
                break
            category = np.int64(data[p])
            if not known[category]:
                note_fault(faults, _UNKNOWN, p, p, 0, -1)
                category = -category - 1
            blocks[n, 0] = category
            blocks[n, 1] = p
            blocks[n, 2] = p + length
            blocks[n, 3] = d
            n += 1
            p += length
    return trailers
