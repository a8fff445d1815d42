"""One piece of a recording -> Plots, Progress and Targets in file order, with UTC times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import FormatError
from farwatch.formats.asterix.editions import Choice, Editions, better_edition, misfit_message
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.fill import TRUNCATED, Fill, Rows
from farwatch.formats.asterix.records import batches, blocks_of
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Table
from farwatch.formats.asterix.targets import NONE_WANTED, Found, Targets, Wanted, find
from farwatch.formats.asterix.time_of_day import Clock, in_file_order, new_clock, resolve_times
from farwatch.formats.containers import NO_TIME, Piece
from farwatch.kernels import leaf
from farwatch.plots import Ints, Plots, Progress, concat_plots, concat_progress, make_plots, make_progress

Sources = Mapping[tuple[int, int], int]

_CATEGORIES = (48, 1, 34, 2)
_PLOT_CATEGORIES = (48, 1)
_NONE_GIVEN = 65_536
_HEIGHT_STEP_M = 25 * 0.3048  # of I048/110


class Decoded(NamedTuple):
    """A decoded recording, or one part of it; plots and progress each in file order."""

    plots: Plots
    progress: Progress
    statistics: Statistics
    plot_category: NDArray[np.uint8]  # (plots,)
    plot_record: NDArray[np.int64]  # (plots,) number of its record among those of its category in the file, from 0
    height_3d_m: NDArray[np.float64]  # (plots,) above mean sea level as a 3-D radar measured it (I048/110), NaN none
    targets: Targets | None = None  # of CAT021, 020 and 010, where any of their sources is asked for


class Assembler:
    """Decodes a file piece by piece; holds what goes on from one to the next (ids, clocks, record numbers).

    With `strict` blocks of another edition are an error; without it, as for live data, they are counted like any others
    that are broken, and `misfits` says which edition each category looks like. `wanted` says whose targets are;
    categories that it does not name are passed over.
    """

    def __init__(
        self,
        name: str,
        sources: Sources,
        day_ns: int,
        editions: Editions | None,
        *,
        strict: bool = True,
        wanted: Wanted = NONE_WANTED,
    ) -> None:
        self.name = name
        self.strict = strict
        self.misfits: dict[int, str] = {}
        self.sources = dict(sources)
        self.day_ns = day_ns
        self.sensor_of = np.full(65_536, -1, np.int32)
        for (sac, sic), sensor in self.sources.items():
            if not (0 <= sac <= 255 and 0 <= sic <= 255):
                raise FormatError(f"SAC/SIC {sac}/{sic}: each is a number from 0 to 255")
            self.sensor_of[sac * 256 + sic] = sensor
        self.choice = Choice(editions)
        self.wanted = wanted
        self.clock: Clock = new_clock(max([*self.sources.values(), *wanted.sites], default=-1) + 1)
        self.records_of: Counter[int] = Counter()
        self.next_id = 0
        self.known_records = 0
        self.unknown_sources: Counter[tuple[int, int]] = Counter()

    def decode(self, piece: Piece) -> Decoded:
        """The plots and progress of the next piece. Raises FormatError: it fits another edition."""
        statistics = Statistics()
        blocks = blocks_of(piece, statistics)
        held = np.bincount(blocks[:, 0] + 256, minlength=512)[256:]  # a negative category is one without a table
        unknown = np.zeros(_NONE_GIVEN + 1, np.int64)
        plots: list[Rows] = []
        progress: list[Rows] = []
        for number in _CATEGORIES:
            if not held[number]:
                continue
            of_number = blocks if held[number] == len(blocks) else blocks[blocks[:, 0] == number]
            collected = plots if number in _PLOT_CATEGORIES else progress
            for own, table in self.choice.split(piece, of_number, number):
                collected += self._rows(piece, own, table, statistics, unknown)
            held[number] = 0
        found: list[Found] = []
        for number in self.wanted.sources:
            if not held[number]:
                continue
            for own, table in self.choice.split(piece, blocks[blocks[:, 0] == number], number):
                broken = statistics.broken_blocks
                found += find(piece, own, table, self.wanted, statistics, unknown)
                self._refuse_misfit(piece, own, table, statistics.broken_blocks - broken)
            held[number] = 0
        for other in np.flatnonzero(held).tolist():
            statistics.skipped[f"block of CAT{other:03d}"] += int(held[other])
        statistics.add_unknown(unknown)
        self.known_records += statistics.records - int(unknown.sum())
        self.unknown_sources.update(statistics.unknown_sources)
        decoded = self._joined(plots, progress, statistics, piece.dated)
        return decoded._replace(targets=self._dated(piece, found)) if found else decoded

    def finish(self) -> None:
        """Raises FormatError where no record of the file belonged to one of the sources."""
        if self.known_records:
            return
        sources = set(self.sources).union(*self.wanted.sources.values())
        named = ", ".join(f"{sac}/{sic}" for sac, sic in sorted(sources)) or "none"
        seen = self.unknown_sources
        held = ", ".join(f"{sac}/{sic} ({seen[sac, sic]} records)" for sac, sic in sorted(seen) if sac >= 0)
        more = "".join(f", {number:03d}" for number in self.wanted.sources)
        what = f"surveillance data (CAT048, 034, 001, 002{more})" if more else "radar data (CAT048, 034, 001 or 002)"
        if not held:
            raise FormatError(f"{self.name}: holds no {what} that can be read")
        raise FormatError(
            f"{self.name}: no record is of a sensor that the site names; "
            f"the recording holds SAC/SIC {held}, the site names {named}"
        )

    def _rows(self, piece: Piece, blocks: Ints, table: Table, statistics: Statistics, unknown: Ints) -> list[Rows]:
        """The kept rows of one category."""
        fill = Fill(piece, blocks, table, self.sensor_of, self.records_of[table.category], unknown)
        records, broken = statistics.records, statistics.broken_blocks
        for batch in batches(piece, blocks, table, statistics):
            fill.add(batch, statistics)
        self.records_of[table.category] += statistics.records - records
        statistics.skipped.update(fill.skipped())
        self._refuse_misfit(piece, blocks, table, statistics.broken_blocks - broken)
        return fill.rows()

    def _refuse_misfit(self, piece: Piece, blocks: Ints, table: Table, broken: int) -> None:
        """Raises FormatError, or notes it for live data, where broken blocks look like another edition."""
        if broken and (self.strict or table.category not in self.misfits):
            other = better_edition(piece, blocks, table)
            if other and self.strict:
                raise FormatError(misfit_message(self.name, broken, len(blocks), table, other))
            if other:
                self.misfits[table.category] = other

    def _dated(self, piece: Piece, found: list[Found]) -> Targets | None:
        """The targets of a piece in file order, with their times."""
        found = [one for one in found if len(one.at)]
        if not found:
            return None
        order = in_file_order([one.at for one in found])
        received_ns = piece.received_ns[np.concatenate([one.datagram for one in found])]
        day_ns = self.day_ns
        if not piece.dated:
            received_ns = np.where(received_ns == NO_TIME, NO_TIME, received_ns + day_ns)
            day_ns = 0
        ticks = np.concatenate([one.ticks for one in found])
        parts = [one.targets for one in found]
        plots = concat_plots([part.plots for part in parts])
        time_ns, full = np.empty(len(order), np.int64), np.zeros(len(order), np.bool_)
        resolve_times(order, plots.sensor, ticks, full, received_ns, day_ns, *self.clock, time_ns)
        _complete(time_ns, received_ns)
        plots = plots._replace(time_ns=time_ns, received_ns=received_ns)
        numbers, sigma_m = (np.concatenate([part[k] for part in parts]) for k in (1, 2))
        joined = Targets(plots, numbers, sigma_m).take(order)
        ids = np.arange(self.next_id, self.next_id + len(order))
        self.next_id += len(order)
        return joined._replace(plots=joined.plots._replace(id=ids))

    def _joined(self, plots: list[Rows], progress: list[Rows], statistics: Statistics, dated: bool) -> Decoded:
        everything = plots + progress
        if not everything:
            none = np.empty(0, np.int64)
            return Decoded(make_plots(0), make_progress(0), statistics, none.astype(np.uint8), none, np.empty(0))
        order = in_file_order([rows.at[0] for rows in everything])
        received_ns = _joined([rows.received_ns for rows in everything])
        sensor = _joined([rows.columns.sensor for rows in everything])
        ticks = _joined([rows.at[1] for rows in everything])
        truncated = _joined([np.full(rows.at.shape[1], rows.category == TRUNCATED) for rows in everything])
        time_ns = np.empty(len(order), np.int64)
        day_ns = self.day_ns
        if not dated:  # a recorder's time of day tells midnights, the given day tells which
            received_ns = np.where(received_ns == NO_TIME, NO_TIME, received_ns + day_ns)
            day_ns = 0
        resolve_times(order, sensor, ticks, truncated, received_ns, day_ns, *self.clock, time_ns)
        unresolved = _complete(time_ns, received_ns)
        if unresolved:
            statistics.skipped["no time"] += unresolved
            order = order[time_ns[order] != NO_TIME]
        n = sum(rows.at.shape[1] for rows in plots)
        of_plots, of_progress = (order[order < n], order[order >= n]) if progress else (order, order[:0])
        all_plots = plots[0].columns if len(plots) == 1 else concat_plots([rows.columns for rows in plots])
        all_plots = all_plots._replace(time_ns=time_ns[:n], received_ns=received_ns[:n])
        all_progress = concat_progress([rows.columns for rows in progress])
        all_progress = all_progress._replace(time_ns=time_ns[n:], received_ns=received_ns[n:])
        category = _joined([np.full(rows.at.shape[1], rows.category, np.uint8) for rows in plots], np.uint8)
        record = _joined([rows.at[3] for rows in plots])
        height_3d_m = np.empty(n)
        _heights(_joined([rows.at[4] for rows in plots]), height_3d_m)
        if not _counts_up(of_plots, n):
            all_plots, category, record = all_plots.take(of_plots), category[of_plots], record[of_plots]
            height_3d_m = height_3d_m[of_plots]
        ids = np.arange(self.next_id, self.next_id + len(record))
        self.next_id += len(record)
        all_plots, all_progress = all_plots._replace(id=ids), all_progress.take(of_progress - n)
        return Decoded(all_plots, all_progress, statistics, category, record, height_3d_m)


def _joined(parts: list[NDArray[Any]], kind: type = np.int64) -> NDArray[Any]:
    if not parts:
        return np.empty(0, kind)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


@leaf
def _heights(steps, out):  # type: ignore[no-untyped-def]
    """Fills out (n,) with the heights of I048/110 in m, NaN where absent."""
    for k in range(len(steps)):
        out[k] = steps[k] * _HEIGHT_STEP_M if steps[k] != ABSENT else math.nan


@leaf
def _complete(time_ns, received_ns):  # type: ignore[no-untyped-def]
    """Puts the own time of what nobody says the receipt of in received_ns (n,); returns how many have no time."""
    unresolved = 0
    for k in range(len(time_ns)):
        if received_ns[k] == NO_TIME:
            received_ns[k] = time_ns[k]
        if time_ns[k] == NO_TIME:
            unresolved += 1
    return unresolved


@leaf
def _counts_up(rows, n):  # type: ignore[no-untyped-def]
    """True where rows are 0 .. n - 1."""
    k = 0
    while k < min(n, len(rows)) and rows[k] == k:
        k += 1
    return k == n == len(rows)
