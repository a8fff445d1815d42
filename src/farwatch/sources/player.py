"""A recording as datagrams with the times at which they were, so that it can be sent again at its own pace."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from farwatch.errors import FormatError
from farwatch.formats.asterix.editions import Choice, Editions, time_fields
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.records import batches, blocks_of, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Field, Table
from farwatch.formats.asterix.time_of_day import DAY_TICKS, TICK_NS
from farwatch.formats.containers import NO_TIME, Piece, open_container, pieces
from farwatch.plots import Ints

_CHUNK_BYTES = 1 << 20
_HALF_DAY = DAY_TICKS // 2
_TRUNCATED = {1: ("141",)}  # times of day of which only the low 16 bits are sent


class Due(NamedTuple):
    """A datagram and when it was: ns since some midnight or since 1970, rising."""

    time_ns: int
    data: bytes


class Player:
    """The datagrams of a recording in its order; of a plain file each block is one.

    A datagram's time is that of its receipt where the recording has it, else that of its last record. `unmoved` counts
    records without a time of day that could be moved. Raises `FormatError`: no file to be read.
    """

    def __init__(self, path: str | os.PathLike[str], editions: Editions | None = None) -> None:
        self.container = open_container(path)
        self.statistics = Statistics()
        self.unmoved: Counter[int] = Counter()  # by category
        self._choice = Choice(editions)
        self._last_ticks: int | None = None
        self._days = 0
        self._due_ns = 0

    def datagrams(self, shift_ticks: int | None = None) -> Iterator[Due]:
        """All of them, times of day moved by `shift_ticks` of 1/128 s where that is given."""
        for piece in pieces(self.container, _CHUNK_BYTES):
            blocks = blocks_of(piece, self.statistics)
            timed = self._times(piece, blocks, shift_ticks)
            recorded = bool((piece.received_ns != NO_TIME).all())
            if recorded:
                for start, stop, at_ns in zip(piece.start.tolist(), piece.stop.tolist(), piece.received_ns.tolist()):
                    self._due_ns = max(self._due_ns, at_ns)
                    yield Due(self._due_ns, piece.data[start:stop].tobytes())
                continue
            for (_, start, stop, _), ticks in zip(blocks.tolist(), timed.tolist()):
                yield Due(self._advanced(ticks), piece.data[start:stop].tobytes())

    def first_ticks(self) -> int:
        """The recording's first time of day (1/128 s). Raises `FormatError`: it has none."""
        for piece in pieces(self.container, _CHUNK_BYTES):
            timed = self._times(piece, blocks_of(piece, Statistics()), None)
            known = timed[timed != ABSENT]
            if len(known):
                return int(known[0])
        raise FormatError(f"{self.container.path}: holds no time of day, so it cannot be moved to now")

    def _advanced(self, ticks: int) -> int:
        """The time of a block of a plain file: it never goes back, and passes midnight."""
        if ticks != ABSENT:
            if self._last_ticks is not None and ticks - self._last_ticks < -_HALF_DAY:
                self._days += 1
            elif self._last_ticks is not None and ticks - self._last_ticks > _HALF_DAY:
                return self._due_ns  # of the day before
            self._last_ticks = ticks
            self._due_ns = max(self._due_ns, (self._days * DAY_TICKS + ticks) * TICK_NS)
        return self._due_ns

    def _times(self, piece: Piece, blocks: Ints, shift_ticks: int | None) -> Ints:
        """(blocks,) the time of day of the last record of each that has one, ABSENT; moves them all in `piece.data`."""
        timed = np.full(len(blocks), ABSENT, np.int64)
        for category in np.unique(blocks[blocks[:, 0] >= 0, 0]).tolist():
            rows = np.flatnonzero(blocks[:, 0] == category)
            numbered = np.column_stack([blocks[rows], rows])
            for mine, table in self._choice.split(piece, numbered, category):
                self._times_of(piece, mine[:, :4], mine[:, 4], table, shift_ticks, timed)
        return timed

    def _times_of(
        self, piece: Piece, blocks: Ints, rows: Ints, table: Table, shift_ticks: int | None, timed: Ints
    ) -> None:
        """The same for blocks of one edition, `rows` being theirs in `timed`."""
        fields = time_fields(table)
        short = [table.optional(path) for path in _TRUNCATED.get(table.category, ())]
        for batch in batches(piece, np.ascontiguousarray(blocks), table, self.statistics):
            found = numbers(piece, batch, [*fields, *short])
            of_block = rows[batch.where[: batch.n, 2]]
            for k in range(len(fields)):
                there = found[:, k] != ABSENT
                timed[of_block[there]] = found[there, k]
            if shift_ticks is not None:
                for k, field in enumerate([*fields, *short]):
                    _move(piece, batch.offsets[: batch.n], field, found[:, k], shift_ticks)
                self.unmoved[table.category] += int((found == ABSENT).all(axis=1).sum())


def _move(piece: Piece, offsets: np.ndarray, field: Field, ticks: Ints, shift: int) -> None:
    """Write the times of one field again, later by `shift`; those that are no time of day stay."""
    size = field.row[4]
    rows = np.flatnonzero((ticks != ABSENT) & (ticks < DAY_TICKS))
    moved = (ticks[rows] + shift) % (DAY_TICKS if size == 24 else 1 << size)
    at = offsets[rows, field.row[0]].astype(np.int64) + field.row[3] // 8
    for byte in range(size // 8):
        piece.data[at + byte] = (moved >> (size - 8 - 8 * byte) & 255).astype(np.uint8)
