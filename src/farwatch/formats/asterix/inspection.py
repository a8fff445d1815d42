"""What is in an ASTERIX recording: categories, editions, sources, times, items, errors."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from farwatch.errors import FormatError
from farwatch.formats.asterix.editions import better_edition, time_fields
from farwatch.formats.asterix.fields import ABSENT, count_present
from farwatch.formats.asterix.records import batches, blocks_of, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Table, load_table
from farwatch.formats.asterix.time_of_day import DAY_TICKS
from farwatch.formats.containers import NO_TIME, Piece, open_container, pieces
from farwatch.plots import Ints


@dataclass
class CategoryInspection:
    """One category of a recording. Times of day are seconds, NaN where no record gives one."""

    category: int
    edition: str
    looks_like: str | None = None  # the edition that fits, where the one read with does not
    blocks: int = 0
    records: int = 0
    broken_blocks: int = 0
    first_time_of_day_s: float = np.nan
    last_time_of_day_s: float = np.nan
    sources: Counter[tuple[int, int]] = field(default_factory=Counter)  # records by (SAC, SIC); (-1, -1): none given
    items: dict[str, float] = field(default_factory=dict)  # share of the records that hold the item
    titles: dict[str, str] = field(default_factory=dict)


@dataclass
class Inspection:
    """A recording: how it is packed and what it holds."""

    path: str
    container: str
    bytes: int
    datagrams: int  # 0 in a plain file
    categories: dict[int, CategoryInspection]
    statistics: Statistics
    first_received_ns: int | None = None
    last_received_ns: int | None = None


def inspect(path: str | os.PathLike[str], editions: Mapping[int, str] | None = None) -> Inspection:
    """Reads a whole recording and counts what is in it, categories without a use here included.

    editions: by category; where none is given the newest is tried and the one that fits is taken. Raises FormatError:
    the file cannot be read, is of a kind that is not read, or holds no ASTERIX block.
    """
    container = open_container(path)
    chosen = dict(editions or {})
    statistics = Statistics()
    found: dict[int, _Counting] = {}
    datagrams = 0
    received: list[int] = []
    unknown: set[int] = set()
    for piece in pieces(container):
        blocks = blocks_of(piece, statistics)
        datagrams += len(piece.start) if container.kind == "pcap" else 0
        known = piece.received_ns[piece.received_ns != NO_TIME]
        received += [int(known.min()), int(known.max())] if len(known) else []
        for number in np.unique(blocks[:, 0]):
            if number < 0:
                continue
            own = blocks[blocks[:, 0] == number]
            if number not in found:
                found[int(number)] = _Counting(piece, own, int(number), chosen.get(int(number)))
            found[int(number)].add(piece, own, statistics)
        unknown.update((-1 - blocks[blocks[:, 0] < 0, 0]).tolist())
    if not found:
        held = f"; its blocks are of CAT{', '.join(f'{number:03d}' for number in sorted(unknown))}" if unknown else ""
        raise FormatError(f"{container.path}: holds no ASTERIX block of a known category{held}")
    return Inspection(
        str(container.path),
        container.kind,
        container.size,
        datagrams,
        {number: found[number].result() for number in sorted(found)},
        statistics,
        min(received, default=None),
        max(received, default=None),
    )


class _Counting:
    """The counts of one category while the file is read."""

    def __init__(self, piece: Piece, blocks: Ints, number: int, edition: str | None) -> None:
        self.table: Table = load_table(number, edition)
        other = better_edition(piece, blocks, self.table)
        if other and edition is None:
            self.table = load_table(number, other)
        self.content = CategoryInspection(number, self.table.edition, other if edition is not None else None)
        self.fields = [self.table.optional("010/SAC"), self.table.optional("010/SIC"), *time_fields(self.table)]
        self.present = np.zeros(len(self.table.slots), np.int64)

    def add(self, piece: Piece, blocks: Ints, statistics: Statistics) -> None:
        content = self.content
        content.blocks += len(blocks)
        broken = statistics.broken_blocks
        for batch in batches(piece, blocks, self.table, statistics):
            content.records += batch.n
            count_present(batch.offsets, batch.n, self.present)
            out = numbers(piece, batch, self.fields)
            sources, counts = np.unique(out[:, :2], axis=0, return_counts=True)
            for (sac, sic), count in zip(sources.tolist(), counts.tolist()):
                content.sources[(-1, -1) if sac == ABSENT else (sac, sic)] += count
            self._times(out[:, 2:])
        content.broken_blocks += statistics.broken_blocks - broken

    def _times(self, ticks: Ints) -> None:
        if ticks.shape[1] == 0 or len(ticks) == 0:
            return
        possible = (ticks != ABSENT) & (ticks < DAY_TICKS)
        rows = np.flatnonzero(possible.any(axis=1))
        if len(rows) == 0:
            return
        first, last = rows[0], rows[-1]
        if np.isnan(self.content.first_time_of_day_s):
            self.content.first_time_of_day_s = ticks[first, possible[first].argmax()] / 128
        self.content.last_time_of_day_s = ticks[last, possible[last].argmax()] / 128

    def result(self) -> CategoryInspection:
        share = self.present / max(1, self.content.records)
        self.content.items = {path: float(share[slot]) for path, slot in self.table.slots.items() if share[slot]}
        self.content.titles = self.table.titles
        return self.content
