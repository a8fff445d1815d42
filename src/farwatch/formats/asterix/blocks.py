"""Records -> data blocks: category, length, records (EUROCONTROL SPEC-0149, part 1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import FormatError
from farwatch.formats.asterix.encode import Encoded
from farwatch.kernels import kernel

LARGEST_BLOCK = 1400  # bytes: a block in a UDP datagram of its own, below the 1,500 that Ethernet carries
HEADER = 3
_MOST = 65_535


class Blocks(NamedTuple):
    """Data blocks one after another: block k is data[ends[k - 1]:ends[k]]."""

    data: NDArray[np.uint8]
    ends: NDArray[np.int64]
    clamped: Counter[str]  # of all their records: see Encoded

    def datagrams(self) -> list[bytes]:
        """Each block by itself."""
        starts = [0, *self.ends[:-1].tolist()]
        return [self.data[start:stop].tobytes() for start, stop in zip(starts, self.ends.tolist())]


class Part(NamedTuple):
    """Records of one category, each with its time and the number of its source: blocks hold those of one source."""

    category: int
    records: Encoded
    time_ns: NDArray[np.int64]
    group: NDArray[np.int64]


@kernel
def pack_records(data, start, stop, category, group, largest, out, ends):  # type: ignore[no-untyped-def]
    """Writes blocks of the records data[start[i]:stop[i]] to `out` in the order given; returns how many blocks.

    A block ends where it would grow beyond `largest` bytes, or where the category or the group changes. A record that
    is longer than that by itself has a block of its own.
    """
    blocks, p, begin = 0, 0, 0
    for r in range(len(start)):
        size = stop[r] - start[r]
        fresh = r == 0 or category[r] != category[r - 1] or group[r] != group[r - 1]
        if fresh or p - begin + size > largest:
            if r > 0:
                ends[blocks] = p
                blocks += 1
            begin = p
            out[p] = category[r]
            p += 3
        out[p : p + size] = data[start[r] : stop[r]]
        p += size
        out[begin + 1] = (p - begin) >> 8
        out[begin + 2] = (p - begin) & 255
    if len(start) > 0:
        ends[blocks] = p
        blocks += 1
    return blocks


def pack(category: int, records: Encoded, largest: int = LARGEST_BLOCK) -> Blocks:
    """Blocks of the records of one category. Raises FormatError: no such size of a block, a record beyond 64 KiB."""
    return pack_parts({category: records}, np.arange(records.n), np.zeros(records.n, np.int64), largest)


def pack_by_time(parts: Sequence[Part], largest: int = LARGEST_BLOCK) -> Blocks:
    """Blocks of the records of several categories in the order of their times, of equal ones in that of the parts."""
    order = np.argsort(np.concatenate([part.time_ns for part in parts]), kind="stable")
    group = np.concatenate([part.group for part in parts]).astype(np.int64)
    return pack_parts({part.category: part.records for part in parts}, order, group, largest)


def pack_parts(
    parts: dict[int, Encoded], order: NDArray[np.int64], group: NDArray[np.int64], largest: int = LARGEST_BLOCK
) -> Blocks:
    """Blocks of the records of several categories, numbered in the order of `parts`, in the order given.

    Records of one block are of one `group` (records,), as of one source.
    """
    if not HEADER < largest <= _MOST:
        raise FormatError(f"a data block of at most {largest} bytes cannot be; give {HEADER + 1} .. {_MOST}")
    base, data, start, stop, category = 0, [], [], [], []
    for number, records in parts.items():
        data.append(records.data)
        start.append(records.starts + base)
        stop.append(records.ends + base)
        category.append(np.full(records.n, number, np.uint8))
        base += len(records.data)
    begin, end = np.concatenate(start)[order], np.concatenate(stop)[order]
    if (end - begin).max(initial=0) > _MOST - HEADER:
        raise FormatError(f"a record of {(end - begin).max()} bytes fits no data block")
    out = np.empty(base + HEADER * len(order), np.uint8)
    ends = np.empty(len(order), np.int64)
    whole = data[0] if len(data) == 1 else np.concatenate(data)
    n = pack_records(whole, begin, end, np.concatenate(category)[order], group[order], largest, out, ends)
    clamped = Counter(
        {f"CAT{number:03d} {path}": k for number, one in parts.items() for path, k in one.clamped.items()}
    )
    return Blocks(out[: ends[n - 1] if n else 0], ends[:n].copy(), clamped)
