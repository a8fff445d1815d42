"""Wanted columns: what a table must have, and words for what it has in their place."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from farwatch.errors import FormatError

UNITS = {
    "ns": "nanoseconds",
    "us": "microseconds",
    "ms": "milliseconds",
    "s": "seconds",
    "m": "metres",
    "ft": "feet",
    "fl": "flight levels",
    "km": "kilometres",
    "nm": "nautical miles",
    "nmi": "nautical miles",
    "deg": "degrees",
    "rad": "radians",
    "mps": "metres a second",
    "kt": "knots",
    "kts": "knots",
    "knots": "knots",
    "kmh": "kilometres an hour",
    "mph": "miles an hour",
    "fpm": "feet a minute",
}


def check_wanted(table: pa.Table, path: str | os.PathLike[str], what: str, wanted: Sequence[str]) -> None:
    """Raise `FormatError` where a table lacks one of the columns or has it of no number, naming what it has instead."""
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        others = [in_words(name) for name in table.column_names if name not in wanted]
        has = f"; it has {', '.join(others)}" if others else ""
        raise FormatError(
            f"{path}: lacks {', '.join(in_words(name) for name in missing)}{has}. Wanted of {what} are "
            f"{', '.join(wanted)}: convert and name them so"
        )
    for name in wanted:
        column = table[name]
        whole = name == "time_ns" or not name.endswith(("_deg", "_m", "_mps"))
        if not (pa.types.is_integer(column.type) or (pa.types.is_floating(column.type) and not whole)):
            kind = "whole numbers (int64)" if whole else "numbers"
            unit = ", nanoseconds since 1970 (UTC)" if name == "time_ns" else ""
            raise FormatError(f"{path}: `{name}` must be {kind}{unit}; here it is {column.type}")
        if whole and pc.any(pc.is_null(column)).as_py():
            raise FormatError(f"{path}: `{name}` is absent in {column.null_count} rows; each row of {what} needs one")


def in_words(name: str) -> str:
    """A column's name, with its unit where the name tells it."""
    unit = UNITS.get(name.rpartition("_")[2]) if "_" in name else None
    return f"`{name}` ({unit})" if unit else f"`{name}`"
