"""A recording of radar data -> Plots and Progress, whole or in parts; and single items as columns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.assemble import Assembler, Decoded, Sources
from farwatch.formats.asterix.editions import Editions
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.records import batches, blocks_of, expansion, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import load_expansion, load_table
from farwatch.formats.asterix.targets import NONE_WANTED, Wanted
from farwatch.formats.containers import CHUNK_BYTES, open_container, pieces
from farwatch.plots import concat_plots, concat_progress

_WHOLE_BYTES = 64 << 20  # most recordings are smaller: one part, nothing to put together

_EXPANSION = "RE/"

PathLike = str | os.PathLike[str]


def read(path: PathLike, sources: Sources, *, day_ns: int = 0, editions: Editions | None = None) -> Decoded:
    """A whole recording of CAT048, 034, 001 and 002 (plain ASTERIX or PCAP).

    sources: sensor index by (SAC, SIC). day_ns: start of the recording's first day, UTC; 0: the day on which the
    packets were received where the file says so, else 1970-01-01. editions: by category, by default the newest.
    Raises FormatError: the file cannot be read, fits another edition, or holds no record of any of the sources.
    """
    parts = list(stream(path, sources, chunk_bytes=_WHOLE_BYTES, day_ns=day_ns, editions=editions))
    if len(parts) == 1:
        return parts[0]
    statistics = Statistics()
    for part in parts:
        statistics.add(part.statistics)
    return Decoded(
        concat_plots([part.plots for part in parts]),
        concat_progress([part.progress for part in parts]),
        statistics,
        np.concatenate([part.plot_category for part in parts]),
        np.concatenate([part.plot_record for part in parts]),
        np.concatenate([part.height_3d_m for part in parts]),
    )


def stream(
    path: PathLike,
    sources: Sources,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    day_ns: int = 0,
    editions: Editions | None = None,
    on_bytes: Callable[[int], None] | None = None,
    wanted: Wanted = NONE_WANTED,
) -> Iterator[Decoded]:
    """The same as `read` in parts of about `chunk_bytes` of the file each; ids, times and places go on.

    `on_bytes` hears how many bytes of the file (compressed, where it is) have been read since it last heard. `wanted`
    says whose targets of CAT021, 020 and 010 are. The error that no record belongs to a source comes at the end.
    """
    container = open_container(path)
    assembler = Assembler(str(container.path), sources, day_ns, editions, wanted=wanted)
    told = 0
    for piece in pieces(container, chunk_bytes):
        if on_bytes and piece.consumed > told:
            on_bytes(piece.consumed - told)
            told = piece.consumed
        yield assembler.decode(piece)
    if on_bytes and container.size > told:
        on_bytes(container.size - told)
    assembler.finish()


def columns(path: PathLike, category: int, items: Sequence[str], edition: str | None = None) -> dict[str, NDArray[Any]]:
    """Numbers out of every record of one category, in file order, by path: "161", "230/STAT", "040/RHO", "RE/ERR".

    Quantities are float64 in the unit of the item's definition, NaN where absent; other numbers int64, -1 where
    absent. Row i is record i of its category, which is what `Decoded.plot_record` counts. Raises FormatError: the
    file cannot be read, or no such category, edition or item.
    """
    table, inner = load_table(category, edition), load_expansion(category)
    own = [item for item in items if inner is None or not item.startswith(_EXPANSION)]
    expanded = [item for item in items if item not in own]
    fields = {item: table.field(item) for item in own}
    inner_fields = {item: inner.field(item.removeprefix(_EXPANSION)) for item in expanded if inner is not None}
    parts = [np.empty((0, len(items)), np.int64)]
    statistics = Statistics()
    for piece in pieces(open_container(path)):
        blocks = blocks_of(piece, statistics)
        for batch in batches(piece, blocks[blocks[:, 0] == category], table, statistics):
            found = numbers(piece, batch, list(fields.values()))
            more = np.full((batch.n, len(expanded)), ABSENT)
            if expanded and (inside := expansion(piece, batch, table, statistics)) is not None:
                more = numbers(piece, inside, list(inner_fields.values()))
            parts.append(np.hstack([found, more]))
    values = np.concatenate(parts)
    result: dict[str, NDArray[Any]] = {}
    for k, (item, field) in enumerate((fields | inner_fields).items()):
        absent = values[:, k] == ABSENT
        if field.lsb is None:
            result[item] = np.where(absent, -1, values[:, k])
        else:
            result[item] = np.where(absent, np.nan, values[:, k] * field.lsb)
    return {item: result[item] for item in items}
