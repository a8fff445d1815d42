"""Filtered ASTERIX: the records that are kept, byte for byte, in blocks of their own."""

from __future__ import annotations

import numpy as np

from farwatch.convert.writer import OneFile
from farwatch.formats.asterix.sequence import Records
from farwatch.formats.asterix.statistics import Statistics
from farwatch.kernels import kernel

_HEADER = 3
_ORPHANS = "record whose source stood in a record left out"


class Blocks(OneFile):
    """Plain blocks one after another; neighbours that came in one block stay in one."""

    def write(self, records: Records, statistics: Statistics) -> None:
        where = records.where
        out = np.empty(int((where[:, 1] - where[:, 0]).sum()) + _HEADER * records.n, np.uint8)
        size = frame(records.piece.data, where, records.table.category, out)
        self.put(out[:size].tobytes())
        orphans = self._orphans(records)
        if orphans:
            self.notes[_ORPHANS] += orphans

    def _orphans(self, records: Records) -> int:
        """Records at the start of a block that name no source, though they had one from a record before them."""
        slot = records.table.slots.get("010", -1)
        if slot < 0:
            return 0
        first = np.ones(records.n, np.bool_)
        first[1:] = records.where[1:, 2] != records.where[:-1, 2]
        return int((first & (records.offsets[:, slot] < 0) & (records.source >= 0)).sum())


@kernel
def frame(data, where, category, out):  # type: ignore[no-untyped-def]
    """Fills out with the records data[where[i, 0]:where[i, 1]], those of one block (where[i, 2]) in one; its size."""
    p, start = 0, 0
    for r in range(len(where)):
        if r == 0 or where[r, 2] != where[r - 1, 2]:
            start = p
            out[p] = category
            p += 3
        for k in range(where[r, 0], where[r, 1]):
            out[p] = data[k]
            p += 1
        out[start + 1] = (p - start) >> 8
        out[start + 2] = (p - start) & 255
    return p
