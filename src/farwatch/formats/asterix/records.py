"""The records of a file, category by category, in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.decode import decode_records, expand_records
from farwatch.formats.asterix.fields import extract
from farwatch.formats.asterix.framing import Fault, count_blocks, find_blocks
from farwatch.formats.asterix.remembered import new_memory
from farwatch.formats.asterix.statistics import Statistics, new_faults
from farwatch.formats.asterix.table import Field, Table, categories, load_expansion
from farwatch.formats.containers import Piece

BATCH = 1 << 13  # records decoded at a time: their offsets stay small however many records the bytes claim

_KNOWN = np.zeros(256, np.bool_)
_KNOWN[categories()] = True


class Batch(NamedTuple):
    """Decoded records of one category: the first n rows hold."""

    n: int
    offsets: NDArray[np.int32]  # (rows, slots) position in the piece's data, -1 absent
    where: NDArray[np.int64]  # (rows, 3) start, stop, block


def blocks_of(piece: Piece, statistics: Statistics) -> NDArray[np.int64]:
    """The whole blocks of a piece (n, 4): category, start, stop, datagram; broken framing is counted."""
    faults = new_faults()
    blocks = np.empty((count_blocks(piece.data, piece.start, piece.stop), 4), np.int64)
    trailers = find_blocks(piece.data, piece.start, piece.stop, _KNOWN, piece.in_packets, blocks, faults)
    statistics.blocks += len(blocks)
    statistics.trailers += trailers
    statistics.skipped.update(piece.skipped)
    if faults[Fault.UNKNOWN_CATEGORY, 0]:
        statistics.unsupported.update((-1 - blocks[blocks[:, 0] < 0, 0]).tolist())
    _place(piece, faults)
    statistics.add_faults(faults, "framing")
    return blocks


def _place(piece: Piece, faults: NDArray[np.int64]) -> None:
    """Turns positions in a piece's data into positions in the file."""
    faults[:, 1:3] = piece.places(faults[:, 1:3])


def batches(
    piece: Piece, blocks: NDArray[np.int64], table: Table, statistics: Statistics, most: int | None = None
) -> Iterator[Batch]:
    """The records of `blocks`, all of the table's category, `most` (BATCH) at a time.

    The arrays are used again for the next batch.
    """
    slots = len(table.slots)
    rows = min(most or BATCH, max(1, int(np.sum(blocks[:, 2] - blocks[:, 1] - 3))))
    offsets, where = np.empty((rows, slots), np.int32), np.empty((rows, 3), np.int64)
    at, faults, memory = np.zeros(4, np.int64), new_faults(), new_memory()
    while at[0] < len(blocks):
        n = decode_records(piece.data, blocks, table.program, 0, at, memory, offsets, where, faults)
        statistics.records += n
        statistics.by_category[table.category] += n
        yield Batch(n, offsets, where)
    statistics.broken_blocks += int(at[3])
    _place(piece, faults)
    statistics.add_faults(faults, f"CAT{table.category:03d}", table.slots)


def numbers(piece: Piece, batch: Batch, fields: list[Field]) -> NDArray[np.int64]:
    """(n, fields) the numbers of each record of a batch, ABSENT where it has none."""
    rows = np.array([field.row for field in fields], np.int64).reshape(-1, 6)
    out = np.empty((batch.n, len(fields)), np.int64)
    extract(piece.data, batch.offsets, batch.n, rows, out)
    return out


def expansion(piece: Piece, batch: Batch, table: Table, statistics: Statistics) -> Batch | None:
    """The Reserved Expansion Fields of a batch as records of their own; None where it has none, or no definition.

    Those that do not fit their definition are counted and left empty.
    """
    inner = load_expansion(table.category)
    slot = table.slots.get("RE", -1)
    if inner is None or slot < 0 or not bool((batch.offsets[: batch.n, slot] >= 0).any()):
        return None
    offsets = np.empty((batch.n, len(inner.slots)), np.int32)
    broken = expand_records(piece.data, batch.offsets, batch.n, slot, inner.program, offsets)
    if broken:
        statistics.skipped[f"expansion field of CAT{table.category:03d} that does not fit {inner.edition}"] += broken
    return Batch(batch.n, offsets, batch.where)
