"""How fast are CAT048 and CAT062 records decoded, beside libasterix on the same bytes in the same run, on one core?

    python benchmarks/asterix_decode.py [recording.ast]

The recording is a plain CAT048 file (by default the real Mode S radar's hour in $FARWATCH_DATA, else blocks made here),
repeated in memory to about 1.3 million records; CAT062 is the block of cat_062_065.pcap, repeated likewise (left out
where there is none). Each figure is that of the median run, in processor time, which other work on the machine disturbs
least. "To plots" is everything from bytes to a finished Plots batch with all the columns of the tracker and UTC times;
"framing" only finds where items are. libasterix, written in Python, parses a sample of the same blocks and reads the
same numbers out of them; asterix_decoder, written in C++, parses the recording into dictionaries, in an environment and
a process of its own ($FARWATCH_ASTERIX_DECODER_PYTHON, by default .venv-asterix-decoder/bin/python, which `make bench`
sets up): it is under the GPL, and the two install packages of one name. It is given one block at a time, its fastest
way: of many blocks in one call it reads a quarter as many records a second.
"""

from __future__ import annotations

import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from farwatch.formats.asterix.assemble import Assembler
from farwatch.formats.asterix.fields import extract
from farwatch.formats.asterix.records import batches, blocks_of
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import load_table
from farwatch.formats.containers import CHUNK_BYTES, NO_TIME, Piece, open_container
from farwatch.formats.containers import pieces as pieces_of

RECORDS = 1_300_000
PEER_RECORDS = 3_000
RUNS = 5
TARGET_PER_S = 5_000_000
TARGET_BESIDE_DECODER = 100
DECODER = Path(
    os.environ.get("FARWATCH_ASTERIX_DECODER_PYTHON", Path(__file__).parents[1] / ".venv-asterix-decoder/bin/python")
)
DECODER_BYTES = 1_000_000
DECODER_PROGRAM = """
import sys, time, statistics, asterix
data, blocks, at = open(sys.argv[1], "rb").read(), [], 0
while at < len(data):
    blocks.append(data[at : at + int.from_bytes(data[at + 1 : at + 3], "big")])
    at += len(blocks[-1])
seconds = []
for run in range(int(sys.argv[2]) + 1):
    start = time.process_time()
    records = sum(len(asterix.parse(block, verbose=False)) for block in blocks)
    seconds.append(time.process_time() - start)
print(records / statistics.median(seconds[1:]))
"""
TRACK_ITEMS = ["010/SAC", "010/SIC", "070", "105/LAT", "105/LON", "185/VX", "185/VY", "040", "060/MODE3A", "136"]
TRACK_ITEMS += ["220", "380/ADR", "380/ID", "080/CNF", "080/SIM", "130", "200/TRANS"]
TRACKS = f"CAT062: {len(TRACK_ITEMS)} columns of a tracker"
ITEMS = ["040/RHO", "040/THETA", "140", "070/MODE3A", "090/FL", "220", "161", "020/TYP"]


def main(path: str | None = None, records: int = RECORDS, runs: int = RUNS) -> dict[str, float]:
    """Prints the table and returns records/s by row."""
    name, data = recording(path)
    blocks = list(split(data))
    held = count(data)
    repeats = max(1, round(records / held))
    parts = pieces(data * repeats)
    total = held * repeats
    source = first_source(data)
    plots = rate(lambda: to_plots(parts, source), total, runs)
    columns = rate(lambda: to_columns(parts, 48, ITEMS), total, runs)
    framing = rate(lambda: frame(parts), total, runs)
    sample = blocks[: max(1, round(PEER_RECORDS * len(blocks) / held))]
    peer_records, peer = libasterix(sample, max(1, min(runs, 3)))
    other = asterix_decoder(blocks, max(1, min(runs, 3)))
    console = Console()
    grid = Grid(title=f"CAT048 records/s, one core, medians of {runs} runs ({total:,} records: {repeats} x {name})")
    for heading in ("what", "records/s", "us/record", "beside libasterix", "asterix_decoder"):
        grid.add_column(heading, justify="left" if heading == "what" else "right")
    rows = {
        "farwatch: bytes to plots": plots,
        f"farwatch: {len(ITEMS)} columns": columns,
        "farwatch: framing alone": framing,
        **tracks(records, runs),
        f"libasterix 0.36: the same {len(ITEMS)} numbers ({peer_records:,} records)": peer,
    }
    if other:
        rows["asterix_decoder: dictionaries of everything"] = other
    for what, per_s in rows.items():
        grid.add_row(what, f"{per_s:,.0f}", f"{1e6 / per_s:.3f}", times(per_s, peer), times(per_s, other))
    console.print(grid)
    for what, per_s in rows.items():
        if what in ("farwatch: bytes to plots", TRACKS):
            reached = "reached" if per_s >= TARGET_PER_S else "missed"
            console.print(f"target {TARGET_PER_S:,} records/s, {what}: {reached}")
    if other:
        reached = "reached" if plots / other >= TARGET_BESIDE_DECODER else "missed"
        console.print(f"target {TARGET_BESIDE_DECODER} times asterix_decoder: {reached}")
    return rows


def times(per_s: float, other: float) -> str:
    """The ratio to a peer's speed, as the table shows it; 0: there is none."""
    if not other:
        return "not here"
    return f"{per_s / other:,.0f} x" if per_s >= 10 * other else f"{per_s / other:.2g} x"


def rate(work: Callable[[], Any], records: int, runs: int) -> float:
    """Records a second of processor time: the median of `runs` after one run that compiles the kernels."""
    work()
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return records / statistics.median(seconds)


def pieces(data: bytes) -> list[Piece]:
    """The bytes as pieces of the size in which a file is read, cut between blocks."""
    everything = np.frombuffer(data, np.uint8)
    found, start, at = [], 0, 0
    for block in split(data):
        at += len(block)
        if at - start >= CHUNK_BYTES or at == len(data):
            one = np.zeros(1, np.int64)
            found.append(Piece(everything[start:at], start, one, one + (at - start), one + NO_TIME, Counter()))
            start = at
    return found


def to_plots(parts: list[Piece], source: tuple[int, int]) -> int:
    assembler = Assembler("benchmark", {source: 0}, 0, None)
    return sum(assembler.decode(piece).plots.n for piece in parts)


def tracks(records: int, runs: int) -> dict[str, float]:
    """The same of CAT062: the two records of a real tracker's block, over and over."""
    folder = Path(os.environ.get("FARWATCH_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = folder / "asterix" / "cat_062_065.pcap"
    if not path.exists():
        return {}
    block = b""
    for piece in pieces_of(open_container(path)):
        for category, start, stop, _ in blocks_of(piece, Statistics()).tolist():
            if category == 62:
                block = piece.data[start:stop].tobytes()
    parts = pieces(block * (records // 2))
    total = records // 2 * 2
    return {
        TRACKS: rate(lambda: to_columns(parts, 62, TRACK_ITEMS), total, runs),
        "CAT062: framing alone": rate(lambda: frame(parts, 62), total, runs),
    }


def to_columns(parts: list[Piece], category: int, items: list[str]) -> None:
    table, counts = load_table(category), Statistics()
    fields = np.array([table.field(item).row for item in items], np.int64)
    for piece in parts:
        for batch in batches(piece, blocks_of(piece, counts), table, counts):
            extract(piece.data, batch.offsets, batch.n, fields, np.empty((batch.n, len(fields)), np.int64))


def frame(parts: list[Piece], category: int = 48) -> None:
    table, counts = load_table(category), Statistics()
    for piece in parts:
        for _ in batches(piece, blocks_of(piece, counts), table, counts):
            pass


def libasterix(blocks: list[bytes], runs: int) -> tuple[int, float]:
    """(records in the sample, records a second): parse each block and read the same numbers of each record."""
    from asterix import base, generated

    uap = generated.Cat_048_1_32.cv_uap

    def work() -> int:
        n = 0
        for block in blocks:
            for record in uap.parse(base.Bits.from_bytes(block[3:])):
                n += 1
                for item in ("140", "220"):
                    found = record.get_item(item)
                    _ = found and found.as_uint()
                for item, name in (("070", "MODE3A"), ("090", "FL"), ("161", "TRN"), ("020", "TYP")):
                    found = record.get_item(item)
                    _ = found and found.variation.get_item(name).as_uint()
                found = record.get_item("040")
                if found:
                    _ = found.variation.get_item("RHO").variation.content.as_quantity()
                    _ = found.variation.get_item("THETA").variation.content.as_quantity()
        return n

    n = work()
    return n, rate(work, n, runs)


def asterix_decoder(blocks: list[bytes], runs: int) -> float:
    """Records a second of processor time, by the library's own parser; 0 where its environment is not set up."""
    if not DECODER.exists():
        return 0.0
    content = b"".join(blocks)
    end, at = 0, 0
    while at < min(len(content), DECODER_BYTES):
        end = at = at + int.from_bytes(content[at + 1 : at + 3], "big")
    with tempfile.NamedTemporaryFile(suffix=".ast") as file:
        file.write(content[:end])
        file.flush()
        command = [DECODER, "-c", DECODER_PROGRAM, file.name, str(runs)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(ran.stdout)


def recording(path: str | None) -> tuple[str, bytes]:
    """(name, bytes) of the recording, or of blocks made here where there is none."""
    if path is None:
        folder = os.environ.get("FARWATCH_DATA", Path(__file__).parents[2] / "shared" / "data")
        found = Path(folder) / "asterix" / "bcn_cat048_1h.ast"
        if not found.exists():
            return "made here", made()
        path = str(found)
    return Path(path).name, Path(path).read_bytes()


def made() -> bytes:
    """An hour of blocks like a Mode S radar's: 14 items, 62 bytes a record, one record a block."""
    out = []
    for k in range(40_000):
        turn = struct.pack(">HH", (k * 37) % 15_000 + 100, (k * 1009) % 65_536)
        content = bytes([0xFF, 0xF7, 0x02, 1, 10]) + ((k * 11) % 11_059_200).to_bytes(3, "big") + b"\xa0" + turn
        content += b"\x0a\x11\x05\x78\x60\x20\xc8" + bytes(3) + b"ABCDEF" + b"\x01" + bytes(7) + b"\x50"
        content += struct.pack(">H", k % 4096) + bytes(7)
        out.append(struct.pack(">BH", 48, len(content) + 3) + content)
    return b"".join(out)


def split(data: bytes) -> Any:
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at + 1 : at + 3], "big")
        yield data[at : at + length]
        at += length


def count(data: bytes) -> int:
    counts = Statistics()
    for piece in pieces(data):
        for _ in batches(piece, blocks_of(piece, counts), load_table(48), counts):
            pass
    return counts.records


def first_source(data: bytes) -> tuple[int, int]:
    """SAC and SIC of the first record; they follow the FSPEC."""
    at = 3
    while data[at] & 1:
        at += 1
    return data[at + 1], data[at + 2]


if __name__ == "__main__":
    main(*sys.argv[1:2])
