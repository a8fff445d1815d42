"""What is in an ASTERIX recording: categories, editions, sources, times, items, errors."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from farwatch.errors import FormatError
from farwatch.formats.asterix.editions import Choice, Editions, better_edition, time_fields
from farwatch.formats.asterix.fields import ABSENT, count_present
from farwatch.formats.asterix.positions import geodetic, places, scaled
from farwatch.formats.asterix.records import Batch, batches, blocks_of, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Field, Table, load_table
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
    newest: str = ""  # the newest edition that there is a table for
    first_time_of_day_s: float = np.nan
    last_time_of_day_s: float = np.nan
    sources: Counter[tuple[int, int]] = field(default_factory=Counter)  # records by (SAC, SIC); (-1, -1): none given
    items: dict[str, float] = field(default_factory=dict)  # share of the records that hold the item
    titles: dict[str, str] = field(default_factory=dict)
    bbox_deg: tuple[float, float, float, float] | None = None  # south, west, north, east of its positions
    max_range_m: float = np.nan  # of positions about a sensor

    @property
    def span_s(self) -> float:
        """Seconds from the first to the last time of day, a midnight between them included; NaN where unknown."""
        return (self.last_time_of_day_s - self.first_time_of_day_s) % 86_400


@dataclass
class Inspection:
    """A recording: how it is packed and what it holds."""

    path: str
    container: str
    bytes: int
    datagrams: int  # 0 in a plain file
    compression: str  # "gzip", "zstd" or none
    categories: dict[int, CategoryInspection]
    statistics: Statistics
    first_received_ns: int | None = None
    last_received_ns: int | None = None


def inspect(path: str | os.PathLike[str], editions: Editions | None = None) -> Inspection:
    """Reads a whole recording and counts what is in it, categories without a use here included.

    editions: by category or Rule; where none is given the newest is tried and the one that fits is taken. Raises
    FormatError: the file cannot be read, is of a kind that is not read, or holds no ASTERIX block.
    """
    container = open_container(path)
    choice = Choice(editions)
    statistics = Statistics()
    found: dict[int, _Counting] = {}
    datagrams = 0
    received: list[int] = []
    for piece in pieces(container):
        blocks = blocks_of(piece, statistics)
        datagrams += len(piece.start) if piece.in_packets else 0
        known = piece.received_ns[piece.received_ns != NO_TIME] if piece.dated else []
        received += [int(min(known)), int(max(known))] if len(known) else []
        for number in np.unique(blocks[blocks[:, 0] >= 0, 0]).tolist():
            own = blocks[blocks[:, 0] == number]
            for of_table, table in choice.split(piece, own, number):
                if number not in found:
                    found[number] = _Counting(number)
                found[number].add(piece, of_table, table, choice.is_given(table), statistics)
    unknown = ", ".join(f"{number:03d}" for number in sorted(statistics.unsupported))
    if not found:
        held = f"; its blocks are of CAT{unknown}" if unknown else ""
        raise FormatError(f"{container.path}: holds no ASTERIX block of a known category{held}")
    return Inspection(
        str(container.path),
        container.kind,
        container.size,
        datagrams,
        container.compression,
        {number: found[number].result() for number in sorted(found)},
        statistics,
        min(received, default=None),
        max(received, default=None),
    )


class _Counting:
    """The counts of one category while the file is read."""

    def __init__(self, number: int) -> None:
        self.content = CategoryInspection(number, "", newest=load_table(number).edition)
        self.read_with: dict[Table, Table] = {}  # in place of the edition that blocks were to be read with
        self.present: dict[Table, Ints] = {}
        self.box: list[float] = []

    def add(self, piece: Piece, blocks: Ints, table: Table, given: bool, statistics: Statistics) -> None:
        """Counts blocks (n, 4); where their edition was not asked for, the one that fits is taken instead."""
        content = self.content
        if table not in self.read_with:
            other = better_edition(piece, blocks, table, strict=not given)
            self.read_with[table] = load_table(table.category, other) if other and not given else table
            if other and given:
                content.looks_like = other
        table = self.read_with[table]
        present = self.present.setdefault(table, np.zeros(len(table.slots), np.int64))
        fields = [table.optional("010/SAC"), table.optional("010/SIC"), *time_fields(table)]
        content.blocks += len(blocks)
        broken = statistics.broken_blocks
        for batch in batches(piece, blocks, table, statistics):
            content.records += batch.n
            count_present(batch.offsets, batch.n, present)
            out = numbers(piece, batch, fields)
            sources, counts = np.unique(out[:, :2], axis=0, return_counts=True)
            for (sac, sic), count in zip(sources.tolist(), counts.tolist()):
                content.sources[(-1, -1) if sac == ABSENT else (sac, sic)] += count
            self._times(out[:, 2:])
            self._extent(piece, batch, table)
        content.broken_blocks += statistics.broken_blocks - broken

    def _extent(self, piece: Piece, batch: Batch, table: Table) -> None:
        def read(fields: list[Field]) -> Ints:
            return numbers(piece, batch, fields)

        lat, lon = geodetic(read, np.full(batch.n, -1), table, {})
        if lat is not None and lon is not None and not np.isnan(lat).all():
            box = [float(end) for end in (np.nanmin(lat), np.nanmin(lon), -np.nanmax(lat), -np.nanmax(lon))]
            self.box = box if not self.box else [min(pair) for pair in zip(self.box, box)]
        found = places(table)
        if found.polar and batch.n:
            range_m = scaled(read([found.polar[0]])[:, 0], found.polar[0])
            self.content.max_range_m = float(np.fmax(self.content.max_range_m, np.fmax.reduce(range_m)))

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
        """The counts, once all blocks have been added."""
        content = self.content
        content.edition = ", ".join(dict.fromkeys(table.edition for table in self.present))
        for table, present in self.present.items():
            share = present / max(1, content.records)
            for path, slot in table.slots.items():
                if share[slot]:
                    content.items[path] = content.items.get(path, 0.0) + float(share[slot])
            content.titles |= table.titles
        if self.box:
            south, west, north, east = np.degrees(self.box).tolist()
            content.bbox_deg = (south, west, -north, -east)
        return content
