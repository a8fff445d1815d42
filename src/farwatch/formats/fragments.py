"""IP fragments put together (RFC 791, 8200) in memory of fixed size: the longest-waiting datagram makes way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.kernels import kernel

WAITING = 32  # datagrams that may be incomplete at a time
LARGEST = 65_536
KEY = 38  # bytes: version, protocol, 4 of identification, 16 of each address
_USED, _TOTAL, _COVERED, _AGE = range(4)


class Fragments(NamedTuple):
    """Datagrams of which fragments are missing."""

    key: NDArray[np.uint8]  # (WAITING, KEY)
    held: NDArray[np.int64]  # (WAITING, 4) 1 where used, bytes in all (-1: the last is missing), bytes here, age
    content: NDArray[np.uint8]  # (WAITING, LARGEST)
    covered: NDArray[np.bool_]  # (WAITING, LARGEST // 8) which units of 8 bytes are here
    seen: NDArray[np.int64]  # (2,) fragments so far; datagrams given up


def new_fragments() -> Fragments:
    """Room for fragments; none is held."""
    return Fragments(
        np.zeros((WAITING, KEY), np.uint8),
        np.zeros((WAITING, 4), np.int64),
        np.empty((WAITING, LARGEST), np.uint8),
        np.zeros((WAITING, LARGEST // 8), np.bool_),
        np.zeros(2, np.int64),
    )


@kernel
def _slot_of(fragments, key):  # type: ignore[no-untyped-def]
    """The row of the datagram with this key; a new one takes a free row or that of the longest waiting."""
    oldest = 0
    for s in range(WAITING):
        if fragments.held[s, _USED] == 1:
            same = True
            for k in range(KEY):
                same = same and fragments.key[s, k] == key[k]
            if same:
                return s
    for s in range(WAITING):
        if fragments.held[s, _USED] == 0:
            oldest = s
            break
        if fragments.held[s, _AGE] < fragments.held[oldest, _AGE]:
            oldest = s
    if fragments.held[oldest, _USED] == 1:
        fragments.seen[1] += 1
    for k in range(KEY):
        fragments.key[oldest, k] = key[k]
    fragments.held[oldest, _USED] = 1
    fragments.held[oldest, _TOTAL] = -1
    fragments.held[oldest, _COVERED] = 0
    fragments.held[oldest, _AGE] = fragments.seen[0]
    fragments.covered[oldest, :] = False
    return oldest


@kernel
def add_fragment(fragments, key, data, p, stop, offset, more):  # type: ignore[no-untyped-def]
    """Adds data[p:stop] at byte `offset` of its datagram; returns its row where it is whole now (and free), else -1.

    A fragment that contradicts the others (beyond the end, a second end, a part that is no multiple of 8 bytes but
    not the last) is given up with its datagram.
    """
    fragments.seen[0] += 1
    size = stop - p
    s = _slot_of(fragments, key)
    held = fragments.held[s]
    wrong = size <= 0 or offset + size > LARGEST - 8 or (more and size % 8 != 0)
    if not wrong and not more:
        wrong = held[_TOTAL] >= 0 and held[_TOTAL] != offset + size
        held[_TOTAL] = offset + size
    if wrong or (held[_TOTAL] >= 0 and offset + size > held[_TOTAL]):
        held[_USED] = 0
        fragments.seen[1] += 1
        return -1
    for k in range(size):
        fragments.content[s, offset + k] = data[p + k]
    for unit in range(offset // 8, (offset + size + 7) // 8):
        if not fragments.covered[s, unit]:
            fragments.covered[s, unit] = True
            held[_COVERED] += 1
    if held[_TOTAL] >= 0 and held[_COVERED] == (held[_TOTAL] + 7) // 8:
        held[_USED] = 0
        return s
    return -1


@kernel
def total_bytes(fragments, s):  # type: ignore[no-untyped-def]
    """Bytes of the datagram of row s, once it is whole."""
    return fragments.held[s, _TOTAL]


def given_up(fragments: Fragments, *, at_end: bool) -> int:
    """Datagrams given up since the last call; at the end of a file those that still wait are among them."""
    lost = int(fragments.seen[1]) + (int(fragments.held[:, _USED].sum()) if at_end else 0)
    fragments.seen[1] = 0
    return lost
