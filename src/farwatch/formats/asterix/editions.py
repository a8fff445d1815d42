"""Which edition is each block read with, does a recording fit it, and if not, which does it fit?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.records import batches, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import ABSENT_FIELD, Field, Table, editions, load_table
from farwatch.formats.asterix.time_of_day import DAY_TICKS
from farwatch.formats.containers import Piece
from farwatch.kernels import kernel

_DOUBTFUL = 0.2  # share of misfits above which nothing is read with an edition
_UNEASY = 0.005  # share above which another edition that fits well is named
_BETTER = 10.0  # so many times fewer misfits than that
_CLEAN = 0.02  # share below which an edition fits
_SAMPLE = 2000  # blocks that are tried
_SOURCES = 32  # sources that are tried one by one


class Rule(NamedTuple):
    """Which blocks an edition is for: those of a category, of one source (SAC, SIC) or to one UDP port."""

    category: int
    sac: int = -1
    sic: int = -1
    port: int = -1


def rule_of(text: str) -> Rule | None:
    """The rule that is written as 048, 021@0/107 (of a source) or 021@:8600 (of a port); None: that is no rule."""
    found = re.fullmatch(r"(\d{1,3})(?:@(?:(\d{1,3})/(\d{1,3}))?(?::(\d{1,5}))?)?", text)
    if not found or text.endswith("@"):
        return None
    sac, sic, port = (int(found[k]) if found[k] else -1 for k in (2, 3, 4))
    return Rule(int(found[1]), sac, sic, port)


Editions = Mapping[int, str] | Mapping[int | Rule, str]


class Choice:
    """The edition of each block: by the most particular rule that is given for it, by default the newest.

    Raises FormatError: no such category or edition.
    """

    def __init__(self, editions_given: Editions | None) -> None:
        self.rules: dict[int, list[tuple[Rule, Table]]] = {}
        self.given: dict[int, Table] = {}
        for key, edition in (editions_given or {}).items():
            rule = Rule(key) if isinstance(key, int) else Rule(*key)
            table = load_table(rule.category, edition)
            if rule == Rule(rule.category):
                self.given[rule.category] = table
            else:
                self.rules.setdefault(rule.category, []).append((rule, table))
        for rules in self.rules.values():  # the last that holds is taken
            rules.sort(key=lambda given: (given[0].sac >= 0) + (given[0].port >= 0))

    def table(self, category: int) -> Table:
        """The edition of a category where no particular rule holds."""
        return self.given.get(category) or load_table(category)

    def is_given(self, table: Table) -> bool:
        """True where the edition was asked for, and is not just the newest."""
        particular = [given for _, given in self.rules.get(table.category, [])]
        return self.given.get(table.category) is table or table in particular

    def split(self, piece: Piece, blocks: NDArray[np.int64], category: int) -> list[tuple[NDArray[np.int64], Table]]:
        """The blocks (n, 4) of one category, parted by the edition that each is read with."""
        rules = self.rules.get(category)
        if not rules:
            return [(blocks, self.table(category))]
        of_table = np.full(len(blocks), -1)
        sources = np.empty(len(blocks), np.int64)
        block_sources(piece.data, blocks, sources)
        ports = np.full(len(blocks), -1) if piece.port is None else piece.port[blocks[:, 3]]
        for n, (rule, _) in enumerate(rules):
            mine = np.ones(len(blocks), np.bool_)
            if rule.sac >= 0:
                mine &= sources == rule.sac * 256 + rule.sic
            if rule.port >= 0:
                mine &= ports == rule.port
            of_table[mine] = n
        tables = [table for _, table in rules] + [self.table(category)]  # the last is for -1
        return [(blocks[of_table == n], tables[n]) for n in np.unique(of_table)]


@kernel
def block_sources(data, blocks, out):  # type: ignore[no-untyped-def]
    """Fills out (n,) with SAC * 256 + SIC of the first record of each block (n, 4), -1 where it names none.

    Item 010 comes first in every category that names its source, so no table is needed.
    """
    for b in range(len(blocks)):
        p, stop = blocks[b, 1] + 3, blocks[b, 2]
        out[b] = -1
        if p >= stop or data[p] & 128 == 0:
            continue
        while p < stop and data[p] & 1:
            p += 1
        if p + 2 < stop:
            out[b] = int(data[p + 1]) * 256 + int(data[p + 2])


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
    source, times, angles = table.optional("010/SAC"), time_fields(table), _angle_fields(table)
    limits = np.array([_LIMIT[path[-1]] / (field.lsb or 1.0) for path, field in angles])
    odd = 0
    for batch in batches(piece, sample, table, statistics):
        out = numbers(piece, batch, [source, *times, *(field for _, field in angles)])
        strange = (out[:, 1 : 1 + len(times)] >= DAY_TICKS).any(axis=1)
        if source is not ABSENT_FIELD:
            strange |= out[:, 0] == ABSENT
        found = out[:, 1 + len(times) :]
        strange |= ((found != ABSENT) & (np.abs(found) > limits)).any(axis=1)
        odd += int(strange.sum())
    broken = statistics.broken_blocks / max(1, len(sample))
    return Fit(broken, odd / statistics.records if statistics.records else 0.0)


_LIMIT = {"T": 90.0, "N": 180.0}  # degrees of a latitude (LAT) and a longitude (LON), by their last letter


def _angle_fields(table: Table) -> list[tuple[str, Field]]:
    """Latitudes and longitudes that could say more than there is: 32 bits of the circle and beyond."""
    paths = [f"{path}/{name}" for path in table.titles for name in ("LAT", "LON")]
    found = [(path, table.optional(path)) for path in paths]
    return [(path, field) for path, field in found if field.unit == "°" and field.row[5] == 1]


def better_edition(piece: Piece, blocks: NDArray[np.int64], table: Table, *, strict: bool = False) -> str | None:
    """The edition that fits where that of `table` does not, the newest of several; None: it fits, or none does.

    strict: also where few blocks do not fit it, but in another edition nearly all do.
    """
    if len(blocks) == 0:
        return None
    own = fit(piece, blocks, table).misfit
    if own <= (_UNEASY if strict else _DOUBTFUL):
        return None
    enough = _CLEAN if own > _DOUBTFUL else own / _BETTER
    best: tuple[float, str] | None = None
    for edition in reversed(editions(table.category)):
        misfit = fit(piece, blocks, load_table(table.category, edition)).misfit
        if misfit <= enough and (best is None or misfit < best[0]):
            best = misfit, edition
    return best[1] if best else None


def other_editions(
    piece: Piece, blocks: NDArray[np.int64], table: Table, *, strict: bool = False
) -> list[tuple[Rule, str, NDArray[np.int64]]]:
    """The same for each source where none fits all of them: (whose blocks, the edition that fits, the blocks)."""
    if other := better_edition(piece, blocks, table, strict=strict):
        return [(Rule(table.category), other, blocks)]
    if len(blocks) == 0 or fit(piece, blocks, table).misfit <= _UNEASY:
        return []
    sources = np.empty(len(blocks), np.int64)
    block_sources(piece.data, blocks, sources)
    found = []
    for source in np.unique(sources[sources >= 0])[:_SOURCES]:
        own = blocks[sources == source]
        if other := better_edition(piece, own, table, strict=strict):
            found.append((Rule(table.category, int(source) // 256, int(source) % 256), other, own))
    return found


def misfit_message(name: str, broken: int, blocks: int, table: Table, other: str, rule: Rule | None = None) -> str:
    """What to tell of a file, or of one of its sources, that fits another edition than that of `table`."""
    what, key, option, whose = f"CAT{table.category:03d}", f"{table.category}", f"{table.category:03d}", ""
    if rule and rule.sac >= 0:
        key, option = f"Rule({table.category}, {rule.sac}, {rule.sic})", f"{option}@{rule.sac}/{rule.sic}"
        whose = f" of source {rule.sac}/{rule.sic}"
    return (
        f"{name}: {broken} of {blocks} {what} blocks{whose} do not fit edition {table.edition}; this file "
        f'looks like {what} edition {other}: choose it with editions {{{key}: "{other}"}} (--edition {option}={other})'
    )
