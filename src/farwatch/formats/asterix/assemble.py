"""One piece of a recording -> Plots and Progress in file order, with UTC times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import FormatError
from farwatch.formats.asterix import monoradar, service
from farwatch.formats.asterix.editions import better_edition
from farwatch.formats.asterix.monoradar import fill_plots
from farwatch.formats.asterix.records import Batch, batches, blocks_of
from farwatch.formats.asterix.service import fill_progress
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Table, load_table
from farwatch.formats.asterix.time_of_day import Clock, in_file_order, new_clock, resolve_times
from farwatch.formats.containers import NO_TIME, Piece
from farwatch.plots import Plots, Progress, concat_plots, concat_progress, make_plots, make_progress

Sources = Mapping[tuple[int, int], int]
Editions = Mapping[int, str]

_PLOT_CATEGORIES = (48, 1)
_SERVICE_CATEGORIES = (34, 2)
_TRUNCATED = 1  # the category whose times are cut to 16 bits
_NONE_GIVEN = 65_536


class Decoded(NamedTuple):
    """A decoded recording, or one part of it; plots and progress each in file order."""

    plots: Plots
    progress: Progress
    statistics: Statistics
    plot_category: NDArray[np.uint8]  # (plots,)
    plot_record: NDArray[np.int64]  # (plots,) number of its record among those of its category in the file, from 0


class Assembler:
    """Decodes a file piece by piece; holds what goes on from one to the next (ids, clocks, record numbers)."""

    def __init__(self, name: str, sources: Sources, day_ns: int, editions: Editions | None) -> None:
        self.name = name
        self.sources = dict(sources)
        self.day_ns = day_ns
        self.sensor_of = np.full(65_536, -1, np.int32)
        for (sac, sic), sensor in self.sources.items():
            if not (0 <= sac <= 255 and 0 <= sic <= 255):
                raise FormatError(f"SAC/SIC {sac}/{sic}: each is a number from 0 to 255")
            self.sensor_of[sac * 256 + sic] = sensor
        chosen = dict(editions or {})
        self.tables = {number: load_table(number, chosen.pop(number, None)) for number in (48, 1, 34, 2)}
        for number, edition in chosen.items():
            load_table(number, edition)
        self.clock: Clock = new_clock(max(self.sources.values(), default=-1) + 1)
        self.records_of: Counter[int] = Counter()
        self.next_id = 0
        self.known_records = 0
        self.unknown_sources: Counter[tuple[int, int]] = Counter()

    def decode(self, piece: Piece) -> Decoded:
        """The plots and progress of the next piece. Raises FormatError: it fits another edition."""
        statistics = Statistics()
        blocks = blocks_of(piece, statistics)
        unknown = np.zeros(_NONE_GIVEN + 1, np.int64)
        plots = [rows for number in _PLOT_CATEGORIES for rows in self._rows(piece, blocks, number, statistics, unknown)]
        progress = [
            rows for number in _SERVICE_CATEGORIES for rows in self._rows(piece, blocks, number, statistics, unknown)
        ]
        for number in np.unique(blocks[:, 0]):
            if number >= 0 and number not in self.tables:
                statistics.skipped[f"CAT{number:03d} block"] += int(np.sum(blocks[:, 0] == number))
        statistics.add_unknown(unknown)
        self.known_records += statistics.records - int(unknown.sum())
        self.unknown_sources.update(statistics.unknown_sources)
        return self._joined(plots, progress, statistics)

    def finish(self) -> None:
        """Raises FormatError where no record of the file belonged to one of the sources."""
        if self.known_records:
            return
        named = ", ".join(f"{sac}/{sic}" for sac, sic in sorted(self.sources)) or "none"
        seen = self.unknown_sources
        held = ", ".join(f"{sac}/{sic} ({seen[sac, sic]} records)" for sac, sic in sorted(seen) if sac >= 0)
        if not held:
            raise FormatError(f"{self.name}: holds no radar data (CAT048, 034, 001 or 002) that can be read")
        raise FormatError(
            f"{self.name}: no record is of a sensor that the site names; "
            f"the recording holds SAC/SIC {held}, the site names {named}"
        )

    def _rows(
        self, piece: Piece, blocks: NDArray[np.int64], number: int, statistics: Statistics, unknown: NDArray[np.int64]
    ) -> list[_Rows]:
        """The kept rows of one category, a list entry a batch."""
        table = self.tables[number]
        own = blocks[blocks[:, 0] == number]
        fill = _PlotFill(table) if number in _PLOT_CATEGORIES else _ProgressFill(table)
        broken = statistics.broken_blocks
        rows = []
        for batch in batches(piece, own, table, statistics):
            if batch.n:
                rows.append(fill(piece, own, batch, self.sensor_of, self.records_of[number], unknown))
                self.records_of[number] += batch.n
        statistics.skipped.update(fill.skipped())
        broken = statistics.broken_blocks - broken
        if broken and (other := better_edition(piece, own, table)):
            raise FormatError(
                f"{self.name}: {broken} of {len(own)} CAT{number:03d} blocks do not fit edition {table.edition}; this "
                f'file looks like CAT{number:03d} edition {other}: choose it with editions {{{number}: "{other}"}}'
            )
        return rows

    def _joined(self, plots: list[_Rows], progress: list[_Rows], statistics: Statistics) -> Decoded:
        everything = plots + progress
        if not everything:
            none = np.empty(0, np.int64)
            return Decoded(make_plots(0), make_progress(0), statistics, none.astype(np.uint8), none)
        order = in_file_order([rows.at[:, 0] for rows in everything])
        received_ns = np.concatenate([rows.received_ns for rows in everything])
        sensor = np.concatenate([rows.columns.sensor for rows in everything])
        ticks = np.concatenate([rows.at[:, 1] for rows in everything])
        truncated = np.concatenate([np.full(len(rows.at), rows.category == _TRUNCATED) for rows in everything])
        time_ns = np.empty(len(order), np.int64)
        resolve_times(order, sensor, ticks, truncated, received_ns, self.day_ns, *self.clock, time_ns)
        received_ns = np.where(received_ns == NO_TIME, time_ns, received_ns)
        unresolved = int(np.sum(time_ns == NO_TIME))
        if unresolved:
            statistics.skipped["no time"] += unresolved
            order = order[time_ns[order] != NO_TIME]
        n = sum(len(rows.at) for rows in plots)
        of_plots, of_progress = order[order < n], order[order >= n]
        all_plots = concat_plots([rows.columns for rows in plots]) if len(plots) != 1 else plots[0].columns
        all_plots = all_plots._replace(time_ns=time_ns[:n], received_ns=received_ns[:n])
        all_progress = concat_progress([rows.columns for rows in progress])
        all_progress = all_progress._replace(time_ns=time_ns[n:], received_ns=received_ns[n:])
        category = np.concatenate([np.empty(0, np.uint8)] + [np.full(len(r.at), r.category, np.uint8) for r in plots])
        record = np.concatenate([np.empty(0, np.int64)] + [r.at[:, 3] for r in plots])
        if len(of_plots) != n or not np.array_equal(of_plots, np.arange(n)):
            all_plots, category, record = all_plots.take(of_plots), category[of_plots], record[of_plots]
        ids = np.arange(self.next_id, self.next_id + len(record))
        self.next_id += len(record)
        return Decoded(all_plots._replace(id=ids), all_progress.take(of_progress - n), statistics, category, record)


class _Rows(NamedTuple):
    """Rows kept of one batch, before their times are known."""

    category: int
    columns: Any  # Plots or Progress
    at: NDArray[np.int64]  # (n, 4) byte, ticks, block, record
    received_ns: NDArray[np.int64]


class _PlotFill:
    """Turns batches of one target category into rows of Plots."""

    def __init__(self, table: Table) -> None:
        self.category = table.category
        self.layout = monoradar.layout(table)
        self.skips = np.zeros(len(monoradar.SKIPS), np.int64)
        self.last = np.full(2, -1, np.int64)

    def __call__(
        self,
        piece: Piece,
        blocks: NDArray[np.int64],
        batch: Batch,
        sensor_of: NDArray[np.int32],
        first_record: int,
        unknown: NDArray[np.int64],
    ) -> _Rows:
        plots, at = make_plots(batch.n), np.empty((batch.n, 4), np.int64)
        truncated = self.category == _TRUNCATED
        m = fill_plots(
            *(piece.data, batch.offsets, batch.where, batch.n, self.layout, sensor_of, truncated, first_record),
            *(unknown, self.skips, self.last, plots, at),
        )
        at = at[:m]
        return _Rows(self.category, plots.take(slice(0, m)), at, piece.received_ns[blocks[at[:, 2], 3]])

    def skipped(self) -> Counter[str]:
        return Counter({name: int(n) for name, n in zip(monoradar.SKIPS, self.skips) if n})


class _ProgressFill:
    """Turns batches of one service category into rows of Progress."""

    def __init__(self, table: Table) -> None:
        self.category = table.category
        self.layout = service.layout(table)
        self.skips = np.zeros(len(service.SKIPS), np.int64)
        self.last = np.full(2, -1, np.int64)

    def __call__(
        self,
        piece: Piece,
        blocks: NDArray[np.int64],
        batch: Batch,
        sensor_of: NDArray[np.int32],
        first_record: int,
        unknown: NDArray[np.int64],
    ) -> _Rows:
        progress, at = make_progress(batch.n), np.empty((batch.n, 4), np.int64)
        m = fill_progress(
            *(piece.data, batch.offsets, batch.where, batch.n, self.layout, sensor_of, first_record),
            *(unknown, self.skips, self.last, progress, at),
        )
        at = at[:m]
        return _Rows(self.category, progress.take(slice(0, m)), at, piece.received_ns[blocks[at[:, 2], 3]])

    def skipped(self) -> Counter[str]:
        return Counter({name: int(n) for name, n in zip(service.SKIPS, self.skips) if n})
