"""Recordings -> tables, maps or filtered recordings, batch by batch; every output appears whole or not at all.

A kind of output is one file here and its line in WRITERS.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from farwatch.convert.asterix import Blocks
from farwatch.convert.csv import Csv
from farwatch.convert.jsonl import Jsonl
from farwatch.convert.kml import Kml
from farwatch.convert.parquet import Parquet
from farwatch.convert.writer import Writer
from farwatch.errors import ConfigError, FormatError
from farwatch.formats.asterix.arrow import columns_in
from farwatch.formats.asterix.editions import Editions
from farwatch.formats.asterix.sequence import Selection
from farwatch.formats.asterix.sequence import Sequence as Records
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Table

WRITERS: dict[str, type[Writer]] = {
    ".parquet": Parquet,
    ".csv": Csv,
    ".jsonl": Jsonl,
    ".kml": Kml,
    ".ast": Blocks,
}


@dataclass
class Converted:
    """What became of the recordings."""

    files: list[Path]
    records: Counter[int]  # written, by category
    dropped: int  # left out by the selection
    held: Counter[int] = field(default_factory=Counter)  # blocks in the recordings, by category
    statistics: dict[str, Statistics] = field(default_factory=dict)  # by recording
    notes: Counter[str] = field(default_factory=Counter)  # what the output cannot hold, by reason


def convert(
    recordings: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    selection: Selection | None = None,
    *,
    editions: Editions | None = None,
    day_ns: int = 0,
    all_columns: bool = False,
    on_bytes: Callable[[int], None] | None = None,
) -> Converted:
    """Writes the records of one recording or several, one after another, to `output`, by its suffix.

    Tables hold one category each: of several, each has a file of its own, out.cat048.parquet beside out.cat034.parquet.
    They have the columns that occur in the recordings (which are read once more for that), or all of the edition.
    Raises ConfigError: no such kind of output; FormatError: a recording cannot be read, fits another edition, or
    nothing in it is selected.
    """
    path = Path(output)
    kind = WRITERS.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(f"{path}: the name must end in {', '.join(WRITERS)}, which says what to write")
    if any(path.exists() and Path(recording).exists() and path.samefile(recording) for recording in recordings):
        raise ConfigError(f"{path}: is one of the recordings; choose another name for the output")
    writer = kind(path)
    done = Converted([], Counter(), 0)
    try:
        if writer.needs_columns and not all_columns:
            writer.columns = _columns(recordings, selection, editions)
        for recording in recordings:
            sequence = Records(recording, selection, editions=editions, day_ns=day_ns, on_bytes=on_bytes)
            done.statistics[str(recording)] = sequence.statistics
            for records in sequence:
                writer.write(records, sequence.statistics)
                done.records[records.table.category] += records.n
            done.dropped += sequence.dropped
            done.held.update(sequence.held)
        if not done.records:
            raise FormatError(f"{', '.join(map(str, recordings))}: {_nothing(done, selection)}; nothing was written")
        done.files = writer.finish()
        done.notes = writer.notes
    finally:
        writer.discard()
    return done


def _columns(
    recordings: Sequence[str | os.PathLike[str]], selection: Selection | None, editions: Editions | None
) -> dict[Table, frozenset[str]]:
    """The columns that occur in the recordings, by table."""
    found: dict[Table, frozenset[str]] = {}
    wanted = Selection(selection.categories) if selection else None
    for recording in recordings:
        for records in Records(recording, wanted, editions=editions, timed=False):
            found[records.table] = found.get(records.table, frozenset()) | columns_in(records)
    return found


def _nothing(done: Converted, selection: Selection | None) -> str:
    named = ", ".join(f"{number:03d}" for number in sorted(done.held))
    if done.dropped or (selection and selection.categories and not set(done.held) & selection.categories):
        return f"no record is selected; the recording holds CAT{named}"
    return f"holds no record that can be read (its blocks are of CAT{named})"
