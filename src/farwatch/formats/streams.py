"""Formats that are no ASTERIX, by name: told by the first bytes of a file, read in portions from files and networks.

A format is one file and its line here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from farwatch.errors import FormatError
from farwatch.formats.aircraft_json import AircraftJson, is_aircraft_json
from farwatch.formats.avr import Avr, is_avr
from farwatch.formats.beast import Beast, is_beast
from farwatch.formats.blah2 import Blah2, is_blah2
from farwatch.formats.heard import Heard, Reader
from farwatch.formats.mlat_csv import MlatCsv, is_mlat_csv
from farwatch.formats.modes_jsonl import ModeSJsonl, is_modes_jsonl
from farwatch.formats.sbs import Sbs, is_sbs
from farwatch.formats.window import Unpacked, first_bytes
from farwatch.journal import is_journal

HEAD_BYTES = 1 << 14
CHUNK_BYTES = 1 << 18


class Format(NamedTuple):
    """How a format is told, and its reader: of a receiver's place (deg) and the start of a recording's day (ns)."""

    matches: Callable[[bytes], bool]
    reader: Callable[..., Reader]


FORMATS: dict[str, Format] = {
    Beast.name: Format(is_beast, Beast),
    Avr.name: Format(is_avr, Avr),
    Sbs.name: Format(is_sbs, Sbs),
    AircraftJson.name: Format(is_aircraft_json, AircraftJson),
    ModeSJsonl.name: Format(is_modes_jsonl, ModeSJsonl),
    Blah2.name: Format(is_blah2, Blah2),
    MlatCsv.name: Format(is_mlat_csv, MlatCsv),
}


def format_of(path: str | os.PathLike[str]) -> str:
    """The name of the format of a recording, "" where it is none of these. Raises FormatError: it cannot be read."""
    file = Path(path)
    if file.suffix == ".parquet" or is_journal(file):
        return ""
    head, _ = first_bytes(file, HEAD_BYTES)
    return next((name for name, one in FORMATS.items() if head and one.matches(head)), "")


def read_file(
    path: str | os.PathLike[str],
    reader: Reader,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    on_bytes: Callable[[int], None] | None = None,
) -> Iterator[Heard]:
    """The reports of a recording, plain or compressed, in parts. Raises FormatError: it cannot be read."""
    file = Path(path)
    _, compression = first_bytes(file, 4)
    source = Unpacked(file, compression)
    try:
        room: Any = np.empty(chunk_bytes, np.uint8)
        told = 0
        while got := source.readinto(room):
            yield reader.push(room[:got].tobytes())
            if on_bytes and source.position > told:
                on_bytes(source.position - told)
                told = source.position
        yield reader.flush()
        if source.fault:
            reader.statistics.skipped[source.fault] += 1
    except OSError as error:
        raise FormatError(f"{file}: cannot be read: {error.strerror or error}") from None
    finally:
        source.close()
