"""How fast does a recording become Parquet, whole file to whole file, on one core?

    python benchmarks/asterix_convert.py [recording.ast]

By default the real Mode S radar's hour in $FARWATCH_DATA (else blocks made here), repeated to about a million records
in a temporary file. Each figure is the best of several runs: of records a second by the clock, and by the processor
time that the process took (the two differ where the machine is busy with other things). Beside it: its parts alone, and
Parquet out of columns that are in memory already, which is the limit that pyarrow sets.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from asterix_decode import count, recording
from rich.console import Console
from rich.table import Table as Grid

from farwatch.convert import convert
from farwatch.convert.parquet import writing
from farwatch.formats.asterix.arrow import record_batch
from farwatch.formats.asterix.sequence import Sequence
from farwatch.formats.asterix.statistics import Statistics

RECORDS = 1_000_000
RUNS = 3
TARGET_PER_S = 1_000_000


def main(path: str | None = None, records: int = RECORDS, runs: int = RUNS) -> dict[str, float]:
    """Prints the table and returns records a second of processor time by row."""
    name, data = recording(path)
    held = count(data)
    repeats = max(1, round(records / held))
    total = held * repeats
    console = Console()
    grid = Grid(title=f"CAT048 to Parquet, one core, best of {runs} ({total:,} records: {repeats} x {name})")
    for heading in ("what", "records/s by the clock", "by processor time"):
        grid.add_column(heading, justify="left" if heading == "what" else "right")
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.ast", Path(folder) / "out.parquet"
        source.write_bytes(data * repeats)

        def sequence() -> None:
            for _ in Sequence(source):
                pass

        def columns() -> None:
            for found in Sequence(source):
                record_batch(found, Statistics())

        convert([source], output)
        table = pq.read_table(output).slice(0, min(total, 200_000))

        def limit() -> None:
            pq.write_table(table, Path(folder) / "limit.parquet", **writing(table.schema))

        work: dict[str, tuple[Callable[[], object], int]] = {
            "convert, file to file": (lambda: convert([source], output), total),
            "records with sources and times": (sequence, total),
            "all columns as Arrow": (columns, total),
            f"limit: {table.num_columns} columns in memory, to Parquet": (limit, table.num_rows),
        }
        for what, (run, n) in work.items():
            by_clock, by_processor = best(run, runs)
            rows[what] = n / by_processor
            grid.add_row(what, f"{n / by_clock:,.0f}", f"{n / by_processor:,.0f}")
    console.print(grid)
    reached = "reached" if rows["convert, file to file"] >= TARGET_PER_S else "missed"
    console.print(f"target {TARGET_PER_S:,} records/s of processor time: {reached}")
    return rows


def best(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """(seconds by the clock, seconds of the process) of the fastest run, after one that compiles the kernels."""
    run()
    taken = []
    for _ in range(runs):
        clock, processor = time.perf_counter(), time.process_time()
        run()
        taken.append((time.perf_counter() - clock, time.process_time() - processor))
    return min(seconds for seconds, _ in taken), min(seconds for _, seconds in taken)


if __name__ == "__main__":
    main(*sys.argv[1:2])
