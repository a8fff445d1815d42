"""Damaged recordings of every category and container, with every array access checked.

    python benchmarks/fuzz.py [--blocks 10000000] [--seed 1] [--minutes 0]

Valid blocks (random records of every category and edition, made from the definitions of libasterix) are damaged and put
into every container; every reader must return or raise FormatError. Small files are damaged anew, block by block and
their container as well; large ones are filled once with blocks that fit the edition that they are read with, and these
are damaged in place, over and over. The kernels run with bounds checks on (NUMBA_BOUNDSCHECK=1, in a cache of their
own), which a control kernel proves. Ends with what was found, or with the seed and the bytes of the first recording
that did anything else.
"""

from __future__ import annotations

import argparse
import gzip
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from farwatch.kernels import kernel

TESTS = Path(__file__).parents[1] / "tests"
FEW, MANY = 200, 40_000  # blocks of a file; a call costs as much as hundreds of them
ROUNDS = 10  # how often a file of MANY is damaged
WHOLE = (2, 3, 5, 6, 7)  # the kinds of container in which a block is a packet of its own, and in one piece
FINE, COARSE = (1, 1 << 16, 1 << 21), (1 << 20, 1 << 21)  # bytes read at a time from a file of FEW, of MANY
SEAMS, LARGEST = (3, 50, 1 << 13), (1 << 13, 1 << 15)  # records decoded at a time: of FEW, of MANY as plots and tables
RADAR = (1, 2, 34, 48)  # categories that become plots and progress
SOURCES = {(sac, sic): 0 for sac in range(256) for sic in range(256)}
SECONDS_FOR_A_FILE = 60.0  # of processor time; none takes a fifth of this; a loop without end takes more


def main(arguments: list[str] | None = None) -> int:
    """Runs itself again with bounds checks on, unless that has been done."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--blocks", type=int, default=100_000, help="how many damaged blocks")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--minutes", type=float, default=0.0, help="stop after this time (0: never)")
    chosen = options.parse_args(arguments)
    if os.environ.get("NUMBA_BOUNDSCHECK") != "1":
        cache = Path(os.environ.get("FARWATCH_CACHE") or Path.home() / ".cache" / "farwatch") / "bounds-checked"
        environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "FARWATCH_CACHE": str(cache)}
        given = [f"--blocks={chosen.blocks}", f"--seed={chosen.seed}", f"--minutes={chosen.minutes}"]
        return subprocess.run([sys.executable, __file__, *given], env=environment, check=False).returncode
    sys.path.insert(0, str(TESTS))
    prove_bounds_checks()
    return run(chosen.blocks, chosen.seed, chosen.minutes)


def prove_bounds_checks() -> None:
    """Ends the program unless a kernel that reads outside its array raises."""
    global control

    @kernel
    def control(values, at):  # type: ignore[no-untyped-def]
        return values[at]

    try:
        control(np.zeros(3), 3)
    except IndexError:
        return
    sys.exit("the control kernel read outside its array unnoticed: bounds checks are off")


def run(blocks: int, seed: int, minutes: float) -> int:
    """Damages blocks and reads files of them; prints what became of them. Returns the exit status."""
    from farwatch.formats.asterix.table import categories, editions

    chance = Random(seed)
    good = valid_blocks(Random(0))
    outcomes: Counter[str] = Counter()
    found: Counter[str] = Counter()
    done, files, start, slowest = 0, 0, time.perf_counter(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        while done < blocks and (not minutes or time.perf_counter() - start < minutes * 60):
            chosen = {number: chance.choice(editions(number)) for number in categories()}
            many = blocks - done >= MANY and chance.random() < 0.5
            for content, held in of_many(chance, good, chosen) if many else of_few(chance, good):
                path.write_bytes(content)
                began = time.process_time()
                try:
                    for name, outcome in readings(path, chance, chosen, many, found):
                        outcomes[f"{name}: {outcome}"] += 1
                except BaseException:
                    kept = Path(tempfile.gettempdir()) / f"farwatch-fuzz-{seed}-{files}"
                    kept.write_bytes(content)
                    print(f"seed {seed}, file {files}: kept as {kept}", file=sys.stderr)
                    raise
                took = time.process_time() - began
                slowest = max(slowest, took if files else 0.0)  # the first reading compiles
                if slowest > SECONDS_FOR_A_FILE:
                    print(f"seed {seed}, file {files}: took {took:.0f} s", file=sys.stderr)
                    return 1
                done, files = done + held, files + 1
                if blocks - done < held:
                    break
    seconds = time.perf_counter() - start
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{done:,} damaged blocks in {files:,} files, {seconds:.0f} s")
    print(f"a file took {slowest:.1f} s of processor time and {memory_mb:.0f} MB of memory at most")
    print("found in them: " + ", ".join(f"{count:,} {what}" for what, count in sorted(found.items())))
    print("nothing but these became of the files:")
    for name, count in sorted(outcomes.items()):
        print(f"  {name}: {count:,}")
    return 0


def valid_blocks(chance: Random) -> list[tuple[int, str, bytes]]:
    """(category, edition, bytes): a few blocks of every category and edition."""
    from asterix import generated

    import reference_asterix as ref
    from reference_records import random_record

    found = []
    for category, definitions in generated.manifest["CATS"].items():
        for definition in definitions:
            edition = ".".join(str(part) for part in definition.cv_edition)
            for _ in range(3):
                records = [random_record(chance, definition) for _ in range(chance.randint(1, 4))]
                found.append((category, edition, ref.block(category, *records)))
    return found


def of_few(chance: Random, good: list[tuple[int, str, bytes]]) -> Iterator[tuple[bytes, int]]:
    """A file of damaged blocks of any edition in a container of any kind, and how many there are."""
    sent = [damaged(chance, chance.choice(good)[2]) for _ in range(FEW)]
    yield contained(chance, chance.randrange(8), sent, 0.5), FEW


def of_many(chance: Random, good: list[tuple[int, str, bytes]], chosen: dict[int, str]) -> Iterator[tuple[bytes, int]]:
    """The same of blocks of the chosen editions, most of them, damaged in place again and again."""
    own = [block for category, edition, block in good if chosen[category] == edition]
    radar = [block for category, edition, block in good if chosen[category] == edition and category in RADAR]
    any_edition = [block for _, _, block in good]
    sent = [chance.choice(kind) for kind in chance.choices([own, radar, any_edition], [0.6, 0.3, 0.1], k=MANY)]
    content = contained(chance, chance.choice(WHOLE), sent, 0.0, compressed=False)
    starts, at = np.empty(MANY, np.int64), 0
    for k, block in enumerate(sent):
        starts[k] = at = content.index(block, at)
        at += len(block)
    ends = starts + np.array([len(block) for block in sent])
    for _ in range(ROUNDS):
        copy = np.frombuffer(content, np.uint8).copy()
        damage(copy, starts, ends, np.random.default_rng(chance.randrange(1 << 32)))
        yield copy.tobytes(), MANY


@kernel
def damage(content, starts, ends, chance):  # type: ignore[no-untyped-def]
    """What `damaged` does to each block content[starts[b]:ends[b]], in its place: what moves out of it is lost."""
    for b in range(len(starts)):
        start, stop = starts[b], ends[b]
        kind = chance.integers(0, 5)
        for _ in range(kind if kind < 3 else (1 if kind == 3 else 5)):
            at = start + chance.integers(0, max(stop - start, 1))
            change = chance.integers(0, 6)
            if change == 0:
                content[at] = chance.integers(0, 5) + 254 & 255
            elif change == 1:
                content[at] ^= np.uint8(1 << chance.integers(0, 8))
            elif change == 2:
                for k in range(at, stop - 1):
                    content[k] = content[k + 1]
                stop -= 1
            elif change == 3:
                for k in range(stop - 1, at, -1):
                    content[k] = content[k - 1]
                content[at] = chance.integers(0, 256)
            elif change == 4:
                stop = at
            else:
                for k in range(min(chance.integers(0, 20), stop - at)):
                    content[at + k] = content[start + k]
            if stop <= start:
                break
        if stop - start >= 3 and chance.random() < 0.9:
            content[start + 1], content[start + 2] = (stop - start) >> 8, (stop - start) & 255


def damaged(chance: Random, block: bytes) -> bytes:
    """A block with a few bytes changed, taken out, added, doubled or cut off; sometimes whole."""
    data = bytearray(block)
    for _ in range(chance.choice([0, 1, 1, 2, 5])):
        if not data:
            break
        at = chance.randrange(len(data))
        change = chance.randrange(6)
        if change == 0:
            data[at] = chance.choice([0, 1, 2, 127, 128, 254, 255])
        elif change == 1:
            data[at] ^= 1 << chance.randrange(8)
        elif change == 2:
            del data[at]
        elif change == 3:
            data.insert(at, chance.randrange(256))
        elif change == 4:
            del data[at:]
        else:
            data[at:at] = data[: chance.randrange(20)]
    if len(data) >= 3 and chance.random() < 0.7:  # else nothing behind it in the file would be reached
        data[1:3] = min(len(data), 65_535).to_bytes(2, "big")
    return bytes(data)


def contained(chance: Random, kind: int, blocks: list[bytes], harm: float, compressed: bool = True) -> bytes:
    """The blocks in one of eight kinds of container, damaged with a probability of `harm`, compressed now and then."""
    import pyarrow as pa

    import reference_asterix as ref
    import reference_containers as packed

    packets: list[bytes] = []
    if kind in (0, 1):
        content = b"".join(blocks)
    elif kind == 2:
        content = ref.pcap(blocks, order=chance.choice("<>"), nano=chance.random() < 0.5)
    elif kind == 3:
        content = packed.section() + packed.interface(resolution=chance.choice([None, 9, 0x8A]))
        content += b"".join(
            packed.enhanced(ref.ethernet(ref.ipv4(ref.udp(block))), k) for k, block in enumerate(blocks)
        )
    elif kind == 4:
        packets = []
        split = chance.choice([packed.fragments_v4, packed.fragments_v6])
        for k, block in enumerate(blocks):
            cuts = sorted({chance.randrange(1, 20) * 8 for _ in range(2)} & set(range(8, len(block), 8)))
            packets += [ref.ethernet(part) for part in split(ref.udp(block), cuts, k % 50)]
        if chance.random() < 0.5:
            chance.shuffle(packets)
        content = ref.pcap_file(packets, 1)
    elif kind == 5:
        content = packed.gps(blocks, chance.uniform(0, 86_400))
    elif kind == 6:
        content = packed.final(blocks, chance.uniform(0, 86_400))
    else:
        content = packed.rff(blocks)
    if chance.random() < harm:
        data = bytearray(content)
        for _ in range(chance.randint(1, 30)):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 255, chance.randrange(256)])
        content = bytes(data[: len(data) if chance.random() < 0.8 else chance.randrange(1, len(data))])
    if compressed and chance.random() < 0.2:
        content = (
            gzip.compress(content, 1) if chance.random() < 0.5 else pa.compress(content, codec="zstd", asbytes=True)
        )
        if chance.random() < harm:
            content = content[: chance.randrange(1, len(content))]
    return content


def readings(path: Path, chance: Random, chosen: dict[int, str], many: bool, found: Counter[str]) -> Any:
    """(reader, what became of it) of every way to read a recording; counts what was found in it."""
    from farwatch.errors import FarwatchError, FormatError
    from farwatch.formats import asterix
    from farwatch.formats.asterix import records, sequence
    from farwatch.formats.asterix.arrow import columns_in, record_batch
    from farwatch.formats.asterix.assemble import Assembler
    from farwatch.formats.asterix.editions import Rule
    from farwatch.formats.asterix.table import editions
    from farwatch.formats.containers import open_container, pieces

    records.BATCH, sequence.BATCH = LARGEST if many else [chance.choice(SEAMS)] * 2
    chunk_bytes = chance.choice(COARSE if many else FINE)
    given: dict[int | Rule, str] = {**chosen, Rule(48, 1, 10, -1): editions(48)[0]}
    sources = SOURCES if many else {(sac, sic): 0 for sac in (0, 255) for sic in (0, 255)}

    def tables() -> None:
        held = sequence.Sequence(path, editions=given, chunk_bytes=chunk_bytes)
        statistics = held.statistics
        try:
            for part in held:
                batch = record_batch(part, statistics)
                batch.validate(full=True)
                assert batch.num_rows == part.n and columns_in(part) <= set(batch.schema.names)
        finally:
            found["whole blocks"] += statistics.blocks
            found["broken blocks"] += statistics.broken_blocks
            found["records"] += statistics.records

    def plots() -> None:
        if many:  # as live data are read: another edition is no error, so all of the file is
            assembler = Assembler(str(path), sources, 0, given, strict=False)
            parts = (assembler.decode(piece) for piece in pieces(open_container(path), chunk_bytes))
        else:
            parts = asterix.stream(path, sources, chunk_bytes=chunk_bytes, editions=given)
        for part in parts:
            found["plots"] += part.plots.n
            found["service messages"] += part.progress.n
            assert np.isfinite(part.plots.z[:, :2]).all()

    for name, read in (("inspect", lambda: asterix.inspect(path)), ("tables", tables), ("plots", plots)):
        try:
            read()
        except FormatError as error:
            assert str(path) in str(error)
            yield name, "FormatError"
        except FarwatchError as error:
            raise AssertionError(f"{name}: {type(error).__name__}") from error
        else:
            yield name, "read"


if __name__ == "__main__":
    raise SystemExit(main())
