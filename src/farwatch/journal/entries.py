"""Entries of the journal: the inputs of the merge, numbered in their order, and raw datagrams. Many make one group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from farwatch.errors import FormatError
from farwatch.journal.columns import (
    packed_ints,
    packed_plots,
    packed_progress,
    unpacked_ints,
    unpacked_plots,
    unpacked_progress,
)
from farwatch.plots import Plots, Progress, concat_plots, concat_progress

_LEVEL = 1
_MOST_BYTES = 1 << 30  # of one group, unpacked


class Push(NamedTuple):
    """A chunk that went into the merge."""

    sequence: int
    plots: Plots
    progress: Progress
    reached_ns: int | None = None


class Advance(NamedTuple):
    """Silence that the merge was told of."""

    sequence: int
    quiet_ns: int
    since_ns: int


class Flush(NamedTuple):
    """The end of what was merged."""

    sequence: int
    after_s: float


class Datagrams(NamedTuple):
    """What came off the network, before it was decoded: feed, time of receipt and bytes of each."""

    feed: tuple[int, ...]
    received_ns: tuple[int, ...]
    data: tuple[bytes, ...]


Input = Push | Advance | Flush
Entry = Input | Datagrams


class _Group(msgspec.Struct, array_like=True):
    """Columns of all entries together; `entries` says how many rows are whose."""

    entries: list[list[Any]]  # [kind, ...]
    plots: dict[str, bytes] = {}
    progress: dict[str, bytes] = {}
    datagrams: list[bytes] = []  # feeds, times, lengths, contents


def encode_group(entries: Sequence[Entry]) -> bytes:
    """Entries as bytes: what they have in common is written once."""
    rows: list[list[Any]] = []
    plots, progress, raw = [], [], []
    for entry in entries:
        if isinstance(entry, Push):
            plots.append(entry.plots)
            progress.append(entry.progress)
            rows.append(["p", entry.sequence, entry.plots.n, entry.progress.n, entry.reached_ns])
        elif isinstance(entry, Advance):
            rows.append(["a", entry.sequence, entry.quiet_ns, entry.since_ns])
        elif isinstance(entry, Flush):
            rows.append(["f", entry.sequence, entry.after_s])
        else:
            raw.append(entry)
            rows.append(["d", len(entry.data)])
    group = _Group(rows, packed_plots(concat_plots(plots)), packed_progress(concat_progress(progress)))
    if raw:
        feeds = np.array([feed for one in raw for feed in one.feed], np.int64)
        times = np.array([time for one in raw for time in one.received_ns], np.int64)
        data = [content for one in raw for content in one.data]
        lengths = np.array([len(content) for content in data], np.int64)
        group.datagrams = [packed_ints(feeds), packed_ints(times), packed_ints(lengths), b"".join(data)]
    plain = msgspec.msgpack.encode(group)
    size = len(plain).to_bytes(4, "little")
    return size + bytes(pa.Codec("zstd", _LEVEL).compress(plain, asbytes=True))


def decode_group(data: bytes) -> list[Entry]:
    """The entries of a group; raises `FormatError` for bytes that are none."""
    try:
        size = int.from_bytes(data[:4], "little")
        if size > _MOST_BYTES:
            raise ValueError(f"{size} bytes")
        plain = pa.Codec("zstd").decompress(data[4:], size, asbytes=True)
        group = msgspec.msgpack.decode(plain, type=_Group)
        return _entries(group)
    except (msgspec.DecodeError, pa.ArrowException, OSError, ValueError, TypeError, IndexError, KeyError) as error:
        raise FormatError(f"no group of journal entries ({error})") from None


def _entries(group: _Group) -> list[Entry]:
    pushes = [row for row in group.entries if row[0] == "p"]
    plots = unpacked_plots(group.plots, sum(row[2] for row in pushes))
    progress = unpacked_progress(group.progress, sum(row[3] for row in pushes))
    feeds, times, contents = _datagrams(group)
    out: list[Entry] = []
    a = b = c = 0
    for kind, *row in group.entries:
        if kind == "p":
            sequence, n, m, reached_ns = row
            out.append(Push(sequence, plots.take(slice(a, a + n)), progress.take(slice(b, b + m)), reached_ns))
            a, b = a + n, b + m
        elif kind == "a":
            out.append(Advance(*row))
        elif kind == "f":
            out.append(Flush(*row))
        elif kind == "d":
            own = slice(c, c + row[0])
            out.append(Datagrams(tuple(feeds[own]), tuple(times[own]), tuple(contents[own])))
            c += row[0]
        else:
            raise ValueError(f"an entry of kind {kind!r}")
    return out


def _datagrams(group: _Group) -> tuple[list[int], list[int], list[bytes]]:
    n = sum(row[1] for row in group.entries if row[0] == "d")
    if not group.datagrams:
        return [], [], []
    feeds, times, lengths = (unpacked_ints(part, n) for part in group.datagrams[:3])
    stops = np.cumsum(lengths).tolist()
    data = group.datagrams[3]
    contents = [data[stop - size : stop] for stop, size in zip(stops, lengths.tolist(), strict=True)]
    return feeds.tolist(), times.tolist(), contents
