"""What a decoded recording held, and what was wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.framing import FAULT_TEXT, N_FAULTS, Fault


@dataclass(frozen=True)
class ErrorCount:
    """How often one kind of error occurred, and the place of the first."""

    count: int
    byte: int  # position in the file
    block: int  # position of the block in the file
    record: int  # number of the record in its block, from 0
    item: str  # "CAT048 item 130", or the category alone where no item is to blame

    def __str__(self) -> str:
        return (
            f"{self.count} times, first at byte {self.byte} (block at {self.block}, record {self.record}, {self.item})"
        )


@dataclass
class Statistics:
    """Counts over a recording or over one part of it."""

    blocks: int = 0
    records: int = 0
    by_category: Counter[int] = field(default_factory=Counter)
    errors: dict[str, ErrorCount] = field(default_factory=dict)
    broken_blocks: int = 0
    unknown_sources: Counter[tuple[int, int]] = field(default_factory=Counter)  # (SAC, SIC); (-1, -1): none given
    skipped: Counter[str] = field(default_factory=Counter)  # records or packets left out, by reason
    rejected: Counter[str] = field(default_factory=Counter)  # what was said and is not believed, by reason
    trailers: int = 0  # packets that end with bytes which the network appends to them
    unsupported: Counter[int] = field(default_factory=Counter)  # blocks by category, of those without a table

    def add(self, other: Statistics) -> None:
        """Adds the counts of a later part."""
        self.blocks += other.blocks
        self.records += other.records
        self.broken_blocks += other.broken_blocks
        self.by_category.update(other.by_category)
        self.unknown_sources.update(other.unknown_sources)
        self.skipped.update(other.skipped)
        self.rejected.update(other.rejected)
        self.trailers += other.trailers
        self.unsupported.update(other.unsupported)
        for kind, error in other.errors.items():
            self._count(kind, error)

    def _count(self, kind: str, error: ErrorCount) -> None:
        first = self.errors.get(kind)
        if first is None:
            self.errors[kind] = error
        else:
            self.errors[kind] = ErrorCount(first.count + error.count, first.byte, first.block, first.record, first.item)

    def add_faults(self, faults: NDArray[np.int64], what: str, names: Iterable[str] = ()) -> None:
        """Adds the decoder's faults (kinds, 5) of one category; `names` are those of its slots."""
        for fault in np.flatnonzero(faults[:, 0]).tolist():
            count, byte, block, record, slot = (int(value) for value in faults[fault])
            slots = list(names)
            item = f"{what} item {slots[slot]}" if 0 <= slot < len(slots) else what
            self._count(FAULT_TEXT[Fault(fault)], ErrorCount(count, byte, block, record, item))

    def add_unknown(self, unknown: NDArray[np.int64]) -> None:
        """Adds records of unknown sources, counted by SAC * 256 + SIC; the last counts those that give none."""
        for source in np.flatnonzero(unknown):
            key = (-1, -1) if source == 65_536 else divmod(int(source), 256)
            self.unknown_sources[key] += int(unknown[source])


def new_faults() -> NDArray[np.int64]:
    """Room for the decoder's faults."""
    return np.zeros((N_FAULTS, 5), np.int64)
