"""farwatch inspect: what is in a recording?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rich.table import Table

from farwatch.cli.say import editions_of, err, out, partial, result
from farwatch.formats import asterix

ITEMS_SHOWN = 12


def inspect(recording: Path, edition: list[str], as_json: bool) -> None:
    """Count everything in a recording and print it."""
    found = asterix.inspect(recording, editions_of(edition) or None)
    broken = [f"{kind}: {error}" for kind, error in found.statistics.errors.items()]
    if as_json:
        result(as_data(found, broken))
    else:
        show(found)
    partial(broken)


def as_data(found: asterix.Inspection, broken: list[str]) -> dict[str, Any]:
    """The inspection as plain data."""
    return {
        "path": found.path,
        "container": found.container,
        "bytes": found.bytes,
        "datagrams": found.datagrams,
        "errors": broken,
        "categories": [
            {
                "category": c.category,
                "edition": c.edition,
                "looks_like": c.looks_like,
                "blocks": c.blocks,
                "broken_blocks": c.broken_blocks,
                "records": c.records,
                "first_time_of_day_s": c.first_time_of_day_s if math.isfinite(c.first_time_of_day_s) else None,
                "last_time_of_day_s": c.last_time_of_day_s if math.isfinite(c.last_time_of_day_s) else None,
                "sources": {f"{sac}/{sic}": count for (sac, sic), count in c.sources.items()},
                "items": c.items,
            }
            for c in found.categories.values()
        ],
    }


def show(found: asterix.Inspection) -> None:
    """Print the inspection as tables."""
    console = out()
    packets = f", {found.datagrams:,} datagrams" if found.datagrams else ""
    console.print(f"{found.path}: {found.container}, {found.bytes:,} bytes{packets}", markup=False)
    table = Table()
    for heading in ("category", "edition", "records", "blocks", "broken", "time of day", "sources"):
        table.add_column(heading, justify="left" if heading in ("time of day", "sources") else "right")
    for c in found.categories.values():
        sources = ", ".join(f"{sac}/{sic} ({n:,})" for (sac, sic), n in c.sources.most_common(6) if sac >= 0)
        span = f"{clock(c.first_time_of_day_s)} .. {clock(c.last_time_of_day_s)}"
        counts = (f"{c.records:,}", f"{c.blocks:,}", f"{c.broken_blocks:,}")
        table.add_row(f"{c.category:03d}", c.edition, *counts, span, sources)
        if c.looks_like and c.looks_like != c.edition:
            err().print(f"farwatch: CAT{c.category:03d} looks like edition {c.looks_like}", markup=False)
    console.print(table)
    for c in found.categories.values():
        most = sorted(c.items.items(), key=lambda item: (-item[1], item[0]))[:ITEMS_SHOWN]
        shown = ", ".join(f"{name} {100 * share:.0f} %" for name, share in most)
        console.print(f"CAT{c.category:03d} items: {shown}", markup=False)


def clock(time_s: float) -> str:
    """A time of day as hh:mm:ss."""
    if not math.isfinite(time_s):
        return "-"
    return f"{int(time_s // 3600):02d}:{int(time_s // 60) % 60:02d}:{time_s % 60:06.3f}"
