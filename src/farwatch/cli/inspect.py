"""farwatch inspect: what is in a recording?"""

from __future__ import annotations

import datetime
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from farwatch.cli.say import editions_of, err, out, partial, result
from farwatch.formats import asterix
from farwatch.formats.stream_inspection import StreamInspection, inspect_stream
from farwatch.formats.streams import format_of

ITEMS_SHOWN = 12


def inspect(recording: Path, edition: list[str], as_json: bool) -> None:
    """Count everything in a recording and print it."""
    if name := format_of(recording):
        stream(inspect_stream(recording, name), as_json)
        return
    found = asterix.inspect(recording, editions_of(edition) or None)
    broken = [f"{kind}: {error}" for kind, error in found.statistics.errors.items()]
    broken += [f"{reason}: {count:,} times" for reason, count in found.statistics.skipped.items()]
    if as_json:
        result(as_data(found))
    else:
        show(found)
    partial(broken)


def as_data(found: asterix.Inspection) -> dict[str, Any]:
    """The inspection as plain data."""
    return {
        "path": found.path,
        "container": found.container,
        "bytes": found.bytes,
        "datagrams": found.datagrams,
        "compression": found.compression or None,
        "first_received_ns": found.first_received_ns,
        "last_received_ns": found.last_received_ns,
        "errors": [{"kind": kind, **asdict(error)} for kind, error in found.statistics.errors.items()],
        "skipped": dict(found.statistics.skipped),
        "trailers": found.statistics.trailers,
        "unsupported": {f"{number:03d}": count for number, count in sorted(found.statistics.unsupported.items())},
        "categories": [
            {
                "category": c.category,
                "edition": c.edition,
                "newest_edition": c.newest,
                "looks_like": c.looks_like,
                "blocks": c.blocks,
                "broken_blocks": c.broken_blocks,
                "records": c.records,
                "first_time_of_day_s": finite(c.first_time_of_day_s),
                "last_time_of_day_s": finite(c.last_time_of_day_s),
                "records_per_s": finite(rate(c)),
                "bbox_deg": c.bbox_deg,
                "max_range_m": finite(c.max_range_m),
                "sources": {f"{sac}/{sic}": count for (sac, sic), count in c.sources.items()},
                "items": c.items,
            }
            for c in found.categories.values()
        ],
    }


def finite(value: float) -> float | None:
    """A number, None where it is none."""
    return value if math.isfinite(value) else None


def rate(found: asterix.CategoryInspection) -> float:
    """Records a second, NaN where their times do not say."""
    return found.records / found.span_s if found.span_s > 0 else math.nan


def extent(found: asterix.CategoryInspection) -> str:
    """Where the positions of a category lie."""
    if found.bbox_deg:
        south, west, north, east = found.bbox_deg
        return f"{south:.2f} .. {north:.2f}, {west:.2f} .. {east:.2f} deg"
    return f"to {found.max_range_m / 1000:.0f} km" if math.isfinite(found.max_range_m) else ""


def show(found: asterix.Inspection) -> None:
    """Print the inspection as tables."""
    console = out()
    packets = f", {found.datagrams:,} datagrams" if found.datagrams else ""
    packed = f" in {found.compression}" if found.compression else ""
    console.print(f"{found.path}: {found.container}{packed}, {found.bytes:,} bytes{packets}", markup=False)
    if found.first_received_ns is not None and found.last_received_ns is not None:
        first, last = (
            datetime.datetime.fromtimestamp(ns / 1e9, datetime.UTC)
            for ns in (found.first_received_ns, found.last_received_ns)
        )
        console.print(f"received {first:%Y-%m-%d %H:%M:%S} .. {last:%Y-%m-%d %H:%M:%S} UTC", markup=False)
    table = Table()
    texts = ("time of day", "extent", "sources")
    for heading in ("category", "edition", "records", "a second", "blocks", "broken", *texts):
        table.add_column(heading, justify="left" if heading in texts else "right")
    for c in found.categories.values():
        sources = ", ".join(f"{sac}/{sic} ({n:,})" for (sac, sic), n in c.sources.most_common(6) if sac >= 0)
        span = f"{clock(c.first_time_of_day_s)} .. {clock(c.last_time_of_day_s)}"
        per_s = f"{rate(c):.1f}" if math.isfinite(rate(c)) else "-"
        counts = (f"{c.records:,}", per_s, f"{c.blocks:,}", f"{c.broken_blocks:,}")
        table.add_row(f"{c.category:03d}", c.edition, *counts, span, extent(c), sources)
        what = f"farwatch: CAT{c.category:03d} looks like edition"
        if c.looks_like and c.looks_like != c.edition:
            err().print(f"{what} {c.looks_like}, not {c.edition}", markup=False)
        elif not c.looks_like and "," not in c.edition and c.edition != c.newest:
            how = f"read it with --edition {c.category:03d}={c.edition}"
            err().print(f"{what} {c.edition}, not the newest, {c.newest}: {how}", markup=False)
    console.print(table)
    for number, count in sorted(found.statistics.unsupported.items()):
        console.print(f"CAT{number:03d}: {count:,} blocks, not supported: there is no table for it", markup=False)
    if found.statistics.trailers:
        console.print(f"{found.statistics.trailers:,} packets end with bytes that the network appended", markup=False)
    for c in found.categories.values():
        most = sorted(c.items.items(), key=lambda item: (-item[1], item[0]))[:ITEMS_SHOWN]
        shown = ", ".join(f"{name} {100 * share:.0f} %" for name, share in most)
        console.print(f"CAT{c.category:03d} items: {shown}", markup=False)


def clock(time_s: float) -> str:
    """A time of day as hh:mm:ss."""
    if not math.isfinite(time_s):
        return "-"
    return f"{int(time_s // 3600):02d}:{int(time_s // 60) % 60:02d}:{time_s % 60:06.3f}"


def stream(found: StreamInspection, as_json: bool) -> None:
    """Print what is in a recording that is no ASTERIX; exits 3 where some of it could not be read."""
    if as_json:
        counts = {name: dict(getattr(found, name)) for name in ("kinds", "skipped", "rejected", "repeated")}
        plain = {name: value for name, value in vars(found).items() if name not in counts}
        result(plain | counts | {"compression": found.compression or None})
    else:
        show_stream(found)
    partial([f"{reason}: {count:,} times" for reason, count in found.skipped.items()])


def show_stream(found: StreamInspection) -> None:
    """Print the inspection of one as a table."""
    console = out()
    packed = f" in {found.compression}" if found.compression else ""
    console.print(f"{found.path}: {found.format}{packed}, {found.bytes:,} bytes", markup=False)
    if found.first_ns is not None and found.last_ns is not None:
        first, last = (
            datetime.datetime.fromtimestamp(ns / 1e9, datetime.UTC) for ns in (found.first_ns, found.last_ns)
        )
        span = (found.last_ns - found.first_ns) * 1e-9
        console.print(f"{first:%Y-%m-%d %H:%M:%S} .. {last:%Y-%m-%d %H:%M:%S} UTC, {span:,.1f} s", markup=False)
    if found.bbox_deg:
        south, west, north, east = found.bbox_deg
        console.print(f"{south:.2f} .. {north:.2f}, {west:.2f} .. {east:.2f} deg", markup=False)
    console.print(f"{found.records:,} read, {found.positions:,} positions of {found.aircraft:,} aircraft", markup=False)
    table = Table("", "count", title=None)
    for name, count in found.kinds.most_common():
        table.add_row(name, f"{count:,}")
    for what, counts in (("repeated", found.repeated), ("not believed", found.rejected)):
        for reason, count in counts.most_common():
            table.add_row(f"{what}: {reason}", f"{count:,}")
    console.print(table)
