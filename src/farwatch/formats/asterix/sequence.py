"""The records of a recording, of any category, one batch after another: with their sources and UTC times, filtered."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import ConfigError, FormatError
from farwatch.formats.asterix.editions import Choice, Editions, misfit_message, other_editions, time_fields
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.positions import Sites, geodetic, has_position, needs_site, places
from farwatch.formats.asterix.records import Batch, batches, blocks_of, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import ABSENT_FIELD, Field, Table, categories
from farwatch.formats.asterix.time_of_day import DAY_TICKS, MISSING, Clock, in_file_order, new_clock, resolve_times
from farwatch.formats.containers import NO_TIME, Container, Piece, open_container, pieces
from farwatch.kernels import leaf
from farwatch.plots import Ints

CHUNK_BYTES = 4 << 20
BATCH = 1 << 15  # records, more than are decoded into plots at a time: a batch costs a call for each of its columns
_UNNAMED = 65_536  # the source of records that name none, in the clock
_DAY_NS = 86_400 * 1_000_000_000
_TRUNCATED = {1: "141"}  # times of 16 bits, completed by those of CAT002
_MESSAGES = (2,)


@dataclass(frozen=True)
class Selection:
    """What is kept of a recording; None or empty: everything. A record that does not say what is asked is left out."""

    categories: frozenset[int] = frozenset()
    sources: frozenset[tuple[int, int]] = frozenset()
    from_ns: int | None = None
    to_ns: int | None = None
    of_day: bool = False  # the times count from midnight, of any day
    bbox_deg: tuple[float, float, float, float] | None = None  # south, west, north, east
    addresses: frozenset[int] = frozenset()
    sites: Sites = field(default_factory=dict)


@dataclass(frozen=True)
class Records:
    """n records of one category and edition in file order. The arrays hold until the next are asked for."""

    piece: Piece
    table: Table
    offsets: NDArray[np.int32]  # (n, slots) as in `Batch`
    where: Ints  # (n, 3) start, stop in the piece's data, block
    source: Ints  # (n,) SAC * 256 + SIC, -1: none named
    time_ns: Ints  # (n,) UTC, ABSENT where unknown
    received_ns: Ints  # (n,) UTC, ABSENT where not recorded
    sites: Sites

    @property
    def n(self) -> int:
        return len(self.where)

    @property
    def batch(self) -> Batch:
        return Batch(self.n, self.offsets, self.where)

    def numbers(self, fields: list[Field]) -> Ints:
        """(n, fields) the numbers of each record, ABSENT where it has none."""
        return numbers(self.piece, self.batch, fields)

    def position(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | tuple[None, None]:
        """Latitudes and longitudes (rad), NaN where unknown; None, None where no record has any."""
        return geodetic(self.numbers, self.source, self.table, self.sites)

    def take(self, rows: NDArray[Any]) -> Records:
        """The rows given by a mask."""
        per_record = (self.offsets[rows], self.where[rows], self.source[rows], self.time_ns[rows])
        return Records(self.piece, self.table, *per_record, self.received_ns[rows], self.sites)


class Sequence:
    """Records of a file in batches; `statistics` and `dropped` say what became of the rest.

    editions: as for `read`; day_ns: start of the recording's first day (UTC); timed=False: neither sources nor times
    are worked out, and only categories are selected. Iterating raises FormatError: the file
    cannot be read or fits another edition; ConfigError: an area is asked for and no site is known.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        selection: Selection | None = None,
        *,
        editions: Editions | None = None,
        day_ns: int = 0,
        chunk_bytes: int = CHUNK_BYTES,
        timed: bool = True,
        on_bytes: Callable[[int], None] | None = None,
    ) -> None:
        self.container: Container = open_container(path)
        self.selection = selection or Selection()
        self.statistics = Statistics()
        self.held: Counter[int] = Counter()  # blocks by category, those that nobody asked for included
        self.kept = 0
        self.dropped = 0  # records that the selection leaves out
        self._choice = Choice(editions)
        self._day_ns = day_ns
        self._timed = timed
        self._chunk_bytes = chunk_bytes
        self._on_bytes = on_bytes
        self._clock: Clock = new_clock(_UNNAMED + 1)
        self._tried: set[Table] = set()
        self._last = np.full(2, -1, np.int64)
        chosen = self.selection.categories or frozenset(categories())
        # CAT001 takes its time from CAT002, so that is read as well.
        self._wanted = sorted(chosen, key=lambda number: (number not in _MESSAGES, number))
        self._addresses = np.array(sorted(self.selection.addresses), np.int64)
        self._sources = np.zeros(_UNNAMED + 1, np.bool_)
        for sac, sic in self.selection.sources:
            self._sources[sac * 256 + sic] = True

    def __iter__(self) -> Iterator[Records]:
        consumed = 0
        for piece in pieces(self.container, self._chunk_bytes):
            yield from self._of_piece(piece)
            if self._on_bytes:
                self._on_bytes(piece.consumed - consumed)
                consumed = piece.consumed
        if not self.held:
            raise FormatError(f"{self.container.path}: holds no ASTERIX record that can be read{_why(self.statistics)}")

    def _of_piece(self, piece: Piece) -> Iterator[Records]:
        blocks = blocks_of(piece, self.statistics)
        held = np.bincount(blocks[:, 0] + 256, minlength=512)[256:]
        self.held.update({int(number): int(held[number]) for number in np.flatnonzero(held)})
        self.held.update((-1 - blocks[blocks[:, 0] < 0, 0]).tolist())
        old_times = self._old_times(piece, blocks) if held[1] and 1 in self._wanted and self._timed else None
        for number in self._wanted:
            if not held[number]:
                continue
            own = blocks if held[number] == len(blocks) else blocks[blocks[:, 0] == number]
            for of_table, table in self._choice.split(piece, own, number):
                self._check_edition(piece, of_table, table)
                yield from self._of_table(piece, of_table, table, old_times if number == 1 else None)

    def _check_edition(self, piece: Piece, blocks: Ints, table: Table) -> None:
        """Raises FormatError where the first blocks fit another edition; less strict with one that was asked for."""
        if table in self._tried:
            return
        self._tried.add(table)
        strict = not self._choice.is_given(table)
        for rule, other, own in other_editions(piece, blocks, table, strict=strict):
            counts = Statistics()
            for _ in batches(piece, own, table, counts):
                pass
            name = str(self.container.path)
            raise FormatError(misfit_message(name, counts.broken_blocks, len(own), table, other, rule))

    def _of_table(
        self, piece: Piece, blocks: Ints, table: Table, old_times: Iterator[Ints] | None
    ) -> Iterator[Records]:
        fields = source_and_times(table)
        self._last[:] = -1
        for batch in batches(piece, blocks, table, self.statistics, BATCH):
            n = batch.n
            if n == 0:
                continue
            if not self._timed:
                none = np.full(n, -1)
                yield Records(piece, table, batch.offsets[:n], batch.where[:n], none, none, none, {})
                continue
            out = numbers(piece, batch, fields)
            source = np.empty(n, np.int64)
            sources_of(out, batch.where, self._last, source)
            received_ns = self._received(piece, blocks, batch)
            if old_times is not None:
                time_ns = next(old_times)
            else:
                ticks = first_time(out[:, 2:])
                time_ns = self._resolved(np.arange(n), source, ticks, np.zeros(n, np.bool_), received_ns, piece)
            per_record = (batch.offsets[:n], batch.where[:n], source, time_ns, received_ns)
            yield from self._selected(Records(piece, table, *per_record, self.selection.sites))

    def _resolved(
        self, order: Ints, source: Ints, ticks: Ints, truncated: NDArray[np.bool_], received_ns: Ints, piece: Piece
    ) -> Ints:
        """UTC of times of day; ABSENT where they cannot be known."""
        out = np.empty(len(ticks), np.int64)
        sensor = np.where(source < 0, _UNNAMED, source)
        day_ns = 0 if not piece.dated else self._day_ns
        resolve_times(order, sensor, ticks, truncated, received_ns, day_ns, *self._clock, out)
        return out

    def _received(self, piece: Piece, blocks: Ints, batch: Batch) -> Ints:
        received_ns: Ints = piece.received_ns[blocks[batch.where[: batch.n, 2], 3]]
        if piece.dated or not self._day_ns:
            return received_ns
        return np.where(received_ns == NO_TIME, NO_TIME, received_ns + self._day_ns)

    def _old_times(self, piece: Piece, blocks: Ints) -> Iterator[Ints]:
        """The times of the CAT001 records of a piece, batch by batch, out of them and CAT002 in file order."""
        rows: list[tuple[Ints, Ints, Ints, Ints, bool, int]] = []
        uncounted = Statistics()
        for number in (1, 2):
            own = blocks[blocks[:, 0] == number]
            for of_table, table in self._choice.split(piece, own, number) if len(own) else []:
                path = _TRUNCATED.get(number)
                times = [table.optional(path)] if path else time_fields(table)
                fields = [table.optional("010/SAC"), table.optional("010/SIC"), *times]
                last = np.full(2, -1, np.int64)
                for batch in batches(piece, of_table, table, uncounted, BATCH):
                    out, source = numbers(piece, batch, fields), np.empty(batch.n, np.int64)
                    sources_of(out, batch.where, last, source)
                    at = piece.places(batch.where[: batch.n, 0])
                    received_ns = self._received(piece, of_table, batch)
                    rows.append((at, source, first_time(out[:, 2:]), received_ns, number == 1, batch.n))
        at, source, ticks, received_ns = (np.concatenate([row[k] for row in rows]) for k in range(4))
        truncated = np.repeat([row[4] for row in rows], [row[5] for row in rows])
        times_ns = self._resolved(in_file_order([at]), source, ticks, truncated, received_ns, piece)
        cuts = np.cumsum([row[5] for row in rows])[:-1]
        return iter([part for part, row in zip(np.split(times_ns, cuts), rows) if row[4] and row[5]])

    def _selected(self, records: Records) -> Iterator[Records]:
        mask = self._mask(records)
        if mask is not None:
            self.dropped += records.n - int(mask.sum())
            if not mask.any():
                return
            if not mask.all():
                records = records.take(mask)
        self.kept += records.n
        yield records

    def _mask(self, records: Records) -> NDArray[np.bool_] | None:
        """Which records are kept; None: all."""
        chosen = self.selection
        mask = np.ones(records.n, np.bool_)
        if chosen.sources:
            mask &= self._sources[records.source]  # -1, none named, is the last and never asked for
        if chosen.from_ns is not None or chosen.to_ns is not None:
            mask &= self._in_time(records.time_ns)
        if len(self._addresses):
            address = places(records.table).address
            if address is ABSENT_FIELD:
                return np.zeros(records.n, np.bool_)
            mask &= np.isin(records.numbers([address])[:, 0], self._addresses)
        if chosen.bbox_deg is not None:
            mask &= self._in_area(records)
        return None if mask.all() else mask

    def _in_time(self, time_ns: Ints) -> Any:
        first, last = self.selection.from_ns, self.selection.to_ns
        known = time_ns != ABSENT
        if not self.selection.of_day:
            inside = known.copy()
            if first is not None:
                inside &= time_ns >= first
            return inside & (time_ns < last) if last is not None else inside
        first, last = first or 0, _DAY_NS if last is None else last
        of_day = time_ns % _DAY_NS
        if first <= last:
            return known & (of_day >= first) & (of_day < last)
        return known & ((of_day >= first) | (of_day < last))  # across midnight

    def _in_area(self, records: Records) -> Any:
        assert self.selection.bbox_deg is not None
        south, west, north, east = np.radians(self.selection.bbox_deg)
        lat, lon = records.position()
        if lat is None or lon is None:
            if has_position(records.table) and needs_site(records.table):
                known = np.unique(records.source[records.source >= 0])
                named = ", ".join(f"{value // 256}/{value % 256}" for value in known[:6])
                raise ConfigError(
                    f"CAT{records.table.category:03d} gives positions about its sensor: to choose by area, name a site "
                    f"file whose sensors have the sac_sic {named or 'of the recording'} (-s SITE)"
                )
            return np.zeros(records.n, np.bool_)
        with np.errstate(invalid="ignore"):
            inside = (lat >= south) & (lat <= north)
            return inside & ((lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east))


@cache
def source_and_times(table: Table) -> list[Field]:
    """SAC, SIC and the full times of day of an edition."""
    return [table.optional("010/SAC"), table.optional("010/SIC"), *time_fields(table)]


def _why(statistics: Statistics) -> str:
    first = next(iter(statistics.errors.items()), None)
    return f"; {first[0]}: {first[1]}" if first else ""


@leaf
def sources_of(values, where, last, out):  # type: ignore[no-untyped-def]
    """Fills out (n,) with SAC * 256 + SIC, the first two of each row of values; a record without has that of the one
    before it in its block, else -1. last (2,): block and source of the record before, kept up to date.
    """
    for r in range(len(out)):
        if values[r, 0] != ABSENT and values[r, 1] != ABSENT:
            last[1] = values[r, 0] * 256 + values[r, 1]
        elif last[0] != where[r, 2]:
            last[1] = -1
        last[0] = where[r, 2]
        out[r] = last[1]


@leaf
def _first_times(ticks, out):  # type: ignore[no-untyped-def]
    for r in range(len(out)):
        out[r] = MISSING
        for k in range(ticks.shape[1]):
            if 0 <= ticks[r, k] < DAY_TICKS:
                out[r] = ticks[r, k]
                break


def first_time(ticks: Ints) -> Ints:
    """(n,) the first possible time of day in each row of ticks (n, items), MISSING where there is none."""
    out = np.empty(len(ticks), np.int64)
    _first_times(ticks, out)
    return out
