"""Batches of decoded records of one category -> rows of Plots or Progress, before their times are known."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix import monoradar, service
from farwatch.formats.asterix.records import Batch, expansion, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Table, load_expansion
from farwatch.formats.containers import Piece
from farwatch.kernels import leaf
from farwatch.plots import Ints, empty_plots, make_progress

TRUNCATED = 1  # the category whose times are cut to 16 bits
_SERVICE = (34, 2)
_MARGIN = 1.03
_NONE = np.empty(0, np.int64)


class Rows(NamedTuple):
    """Rows of one category, in file order."""

    category: int
    columns: Any  # Plots or Progress
    at: Ints  # (5, n) byte, ticks, block, number of the record in its category, and of plots the height of I048/110
    received_ns: Ints


class Fill:
    """Collects the rows of the blocks (n, 4) of one category in one piece of a file.

    The room for them is guessed from the first batch, so that they are rarely copied and seldom more than they need.
    """

    def __init__(
        self, piece: Piece, blocks: Ints, table: Table, sensor_of: NDArray[np.int32], first_record: int, unknown: Ints
    ) -> None:
        self.piece, self.blocks, self.table, self.category = piece, blocks, table, table.category
        self.sensor_of, self.next_record, self.unknown = sensor_of, first_record, unknown
        self.of_plots = table.category not in _SERVICE
        self.spec: Any = monoradar.layout(table) if self.of_plots else service.layout(table)
        self.names = monoradar.SKIPS if self.of_plots else service.SKIPS
        self.skips = np.zeros(len(self.names), np.int64)
        self.last = np.full(2, -1, np.int64)
        self.bytes_left = int(np.sum(blocks[:, 2] - blocks[:, 1]))
        self.full: list[Rows] = []
        self.columns: Any = None
        self.at = np.empty((5, 0), np.int64)
        self.used = 0

    def add(self, batch: Batch, statistics: Statistics) -> None:
        """Adds the rows of the next batch."""
        if batch.n == 0:
            return
        batch_bytes = int(np.sum(batch.where[: batch.n, 1] - batch.where[: batch.n, 0]))
        self.bytes_left = max(0, self.bytes_left - batch_bytes)
        if self.used + batch.n > self.at.shape[1]:
            self._make_room(batch.n, batch_bytes)
        decoded = (self.piece.data, batch.offsets, batch.where, batch.n, self.spec, self.sensor_of)
        counted = (self.unknown, self.skips, self.last, self.columns, self.at, self.used)
        before = self.used
        if self.of_plots:
            self.used = monoradar.fill_plots(*decoded, self._ranges_beyond(batch, statistics), *counted)
        else:
            self.used = service.fill_progress(*decoded, *counted)
        self.at[3, before : self.used] += self.next_record
        self.next_record += batch.n

    def rows(self) -> list[Rows]:
        """What has been collected."""
        self._close()
        return self.full

    def skipped(self) -> Counter[str]:
        """Records left out, by reason."""
        return Counter({name: int(count) for name, count in zip(self.names, self.skips) if count})

    def _ranges_beyond(self, batch: Batch, statistics: Statistics) -> Ints:
        """Each record's extended range (RE/ERR of CAT048), as I048/040 counts; empty where no record has one."""
        inside = expansion(self.piece, batch, self.table, statistics)
        inner = load_expansion(self.category)
        if inside is None or inner is None:
            return _NONE
        return numbers(self.piece, inside, [inner.field("ERR")])[:, 0]

    def _make_room(self, n: int, n_bytes: int) -> None:
        """Room for the n records at hand, which take n_bytes, and for as many as the bytes left over promise."""
        self._close()
        # No record that gives a plot is shorter than 8 bytes: those that claim more are nothing worth the room.
        size = n + min(int(self.bytes_left * n / n_bytes * _MARGIN), self.bytes_left // 8)
        self.columns = empty_plots(size, monoradar.NOT_SAID) if self.of_plots else make_progress(size)
        self.at, self.used = np.empty((5, size), np.int64), 0

    def _close(self) -> None:
        if self.used:
            at = self.at[:, : self.used]
            received_ns = np.empty(self.used, np.int64)
            _received(self.piece.received_ns, self.blocks, at[2], received_ns)
            if len(self.piece.moved):
                at[0] = self.piece.places(at[0]) - self.piece.base
            self.full.append(Rows(self.category, self.columns.take(slice(0, self.used)), at, received_ns))
        self.used = 0


@leaf
def _received(of_datagram, blocks, block, out):  # type: ignore[no-untyped-def]
    """Fills out (n,) with when the datagram of each row's block was received."""
    for k in range(len(out)):
        out[k] = of_datagram[blocks[block[k], 3]]
