"""Does a recording fit the edition that it is read with, and if not, which does it fit?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.records import batches, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import ABSENT_FIELD, Field, Table, editions, load_table
from farwatch.formats.asterix.time_of_day import DAY_TICKS
from farwatch.formats.containers import Piece

_DOUBTFUL = 0.2  # share of misfits above which other editions are tried
_CLEAN = 0.02  # share below which an edition fits
_SAMPLE = 2000  # blocks that are tried


class Fit(NamedTuple):
    """How badly an edition fits: shares of blocks that break, and of records without source or a possible time."""

    broken: float
    odd: float

    @property
    def misfit(self) -> float:
        return max(self.broken, self.odd)


def time_fields(table: Table) -> list[Field]:
    """The full times of day of a category: 24 bits in steps of 1/128 s, in the order of the items."""
    found = (table.optional(path) for path in table.titles)
    return [field for field in found if field.row[4] == 24 and field.lsb == 1 / 128 and field.unit == "s"]


def fit(piece: Piece, blocks: NDArray[np.int64], table: Table) -> Fit:
    """How well the table's edition fits a sample of the blocks (n, 4) of its category."""
    step = max(1, len(blocks) // _SAMPLE)
    sample = np.ascontiguousarray(blocks[::step])
    statistics = Statistics()
    wanted = [table.optional("010/SAC"), *time_fields(table)]
    odd = 0
    for batch in batches(piece, sample, table, statistics):
        out = numbers(piece, batch, wanted)
        strange = (out[:, 1:] >= DAY_TICKS).any(axis=1)
        if wanted[0] is not ABSENT_FIELD:
            strange |= out[:, 0] == ABSENT
        odd += int(strange.sum())
    broken = statistics.broken_blocks / max(1, len(sample))
    return Fit(broken, odd / statistics.records if statistics.records else 0.0)


def better_edition(piece: Piece, blocks: NDArray[np.int64], table: Table) -> str | None:
    """The edition that fits where that of `table` does not, the newest of several; None: it fits, or none does."""
    if len(blocks) == 0 or fit(piece, blocks, table).misfit <= _DOUBTFUL:
        return None
    best: tuple[float, str] | None = None
    for edition in reversed(editions(table.category)):
        misfit = fit(piece, blocks, load_table(table.category, edition)).misfit
        if misfit <= _CLEAN and (best is None or misfit < best[0]):
            best = misfit, edition
    return best[1] if best else None
