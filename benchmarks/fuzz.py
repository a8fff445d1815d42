"""Damaged recordings of every category and container, with every array access checked.

    python benchmarks/fuzz.py [--blocks 10000000] [--seed 1] [--minutes 0] [--first 0]

Valid blocks (random records of every category and edition, made from the definitions of libasterix) are damaged and put
into every container; every reader must return or raise FormatError. The kernels run with bounds checks on
(NUMBA_BOUNDSCHECK=1, in a cache of their own), which a control kernel proves. Ends with a table, or with the seed and
the bytes of the first recording that did anything else.
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
from pathlib import Path
from random import Random
from typing import Any

TESTS = Path(__file__).parents[1] / "tests"
BLOCKS_IN_PACKETS, BLOCKS_IN_A_ROW = 4_000, 200  # of a file; in a row, one wrong length hides all that follow
PLAIN = (0, 1)  # the kinds of container in which blocks stand in a row
SECONDS_FOR_A_FILE = 60.0  # of processor time; none takes a tenth of this, a loop without end takes more


def main(arguments: list[str] | None = None) -> int:
    """Runs itself again with bounds checks on, unless that has been done."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--blocks", type=int, default=100_000, help="how many damaged blocks")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--first", type=int, default=0, help="number of the first file")
    options.add_argument("--minutes", type=float, default=0.0, help="stop after this time (0: never)")
    chosen = options.parse_args(arguments)
    if os.environ.get("NUMBA_BOUNDSCHECK") != "1":
        cache = Path(os.environ.get("FARWATCH_CACHE") or Path.home() / ".cache" / "farwatch") / "bounds-checked"
        environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "FARWATCH_CACHE": str(cache)}
        given = [f"--blocks={chosen.blocks}", f"--seed={chosen.seed}", f"--minutes={chosen.minutes}"]
        given.append(f"--first={chosen.first}")
        return subprocess.run([sys.executable, __file__, *given], env=environment, check=False).returncode
    sys.path.insert(0, str(TESTS))
    prove_bounds_checks()
    return run(chosen.blocks, chosen.seed, chosen.minutes, chosen.first)


def prove_bounds_checks() -> None:
    """Ends the program unless a kernel that reads outside its array raises."""
    import numpy as np

    from farwatch.kernels import kernel

    global control

    @kernel
    def control(values, at):  # type: ignore[no-untyped-def]
        return values[at]

    try:
        control(np.zeros(3), 3)
    except IndexError:
        return
    sys.exit("the control kernel read outside its array unnoticed: bounds checks are off")


def run(blocks: int, seed: int, minutes: float, first: int) -> int:
    """Damages blocks and reads files of them; prints what became of them. Returns the exit status.

    Each file has a seed of its own, so that one can be made again without those before it.
    """
    good = valid_blocks(Random(0))
    outcomes: Counter[str] = Counter()
    done, number, start, slowest_s = 0, first, time.perf_counter(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        while done < blocks and (not minutes or time.perf_counter() - start < minutes * 60):
            chance = Random(f"{seed} {number}")
            kind = chance.randrange(8)
            # A short run has files of every kind too.
            most = BLOCKS_IN_A_ROW if kind in PLAIN else min(BLOCKS_IN_PACKETS, max(blocks // 20, BLOCKS_IN_A_ROW))
            sent = [damaged(chance, chance.choice(good)) for _ in range(min(most, blocks - done))]
            path.write_bytes(contained(chance, kind, sent))
            began_s = time.process_time()
            try:
                for name, outcome in readings(path, chance):
                    outcomes[f"{name}: {outcome}"] += 1
            except BaseException:
                print(f"seed {seed}, file {number}: kept as {kept(path, seed, number)}", file=sys.stderr)
                raise
            took_s = time.process_time() - began_s
            slowest_s = max(slowest_s, took_s if number > first else 0.0)  # the first one compiles
            if number > first and took_s > SECONDS_FOR_A_FILE:
                where = kept(path, seed, number)
                print(f"seed {seed}, file {number}: took {took_s:.0f} s, kept as {where}", file=sys.stderr)
                return 1
            done, number = done + len(sent), number + 1
    seconds = time.perf_counter() - start
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{done:,} damaged blocks in {number - first:,} files, {seconds:.0f} s, at most {slowest_s:.1f} s of processor "
        f"time a file, {memory_mb:.0f} MB at most; nothing but these:"
    )
    for name, count in sorted(outcomes.items()):
        print(f"  {name}: {count:,}")
    return 0


def kept(path: Path, seed: int, number: int) -> Path:
    """A recording put where it stays."""
    where = Path(tempfile.gettempdir()) / f"farwatch-fuzz-{seed}-{number}"
    where.write_bytes(path.read_bytes())
    return where


def valid_blocks(chance: Random) -> list[bytes]:
    """A few blocks of every category and edition."""
    from asterix import generated

    import reference_asterix as ref
    from reference_records import random_record

    return [
        ref.block(category, *[random_record(chance, definition) for _ in range(chance.randint(1, 4))])
        for category, definitions in generated.manifest["CATS"].items()
        for definition in definitions
        for _ in range(3)
    ]


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


def contained(chance: Random, kind: int, blocks: list[bytes]) -> bytes:
    """The blocks in a container of one of eight kinds, itself damaged now and then."""
    import pyarrow as pa

    import reference_asterix as ref
    import reference_containers as packed

    packets: list[bytes] = []
    if kind in PLAIN:
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
    if chance.random() < 0.5:
        data = bytearray(content)
        for _ in range(chance.randint(1, 30)):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 255, chance.randrange(256)])
        content = bytes(data[: len(data) if chance.random() < 0.8 else chance.randrange(1, len(data))])
    if chance.random() < 0.2:
        content = (
            gzip.compress(content, 1) if chance.random() < 0.5 else pa.compress(content, codec="zstd", asbytes=True)
        )
        if chance.random() < 0.5:
            content = content[: chance.randrange(1, len(content))]
    return content


def readings(path: Path, chance: Random) -> Any:
    """(reader, what became of it) of every way to read a recording."""
    import numpy as np

    from farwatch.errors import FarwatchError, FormatError
    from farwatch.formats import asterix
    from farwatch.formats.asterix import records
    from farwatch.formats.asterix.arrow import columns_in, record_batch
    from farwatch.formats.asterix.editions import Rule
    from farwatch.formats.asterix.sequence import Sequence
    from farwatch.formats.asterix.table import categories, editions

    records.BATCH = chance.choice([3, 50, 1 << 13])
    chunk_bytes = chance.choice([1, 1 << 16, 1 << 21])
    given: dict[int | Rule, str] = {number: chance.choice(editions(number)) for number in categories()}
    given[Rule(48, 1, 10, -1)] = editions(48)[0]
    sources = {(sac, sic): 0 for sac in (0, 255) for sic in (0, 255)}

    def tables() -> None:
        sequence = Sequence(path, editions=given, chunk_bytes=chunk_bytes)
        for found in sequence:
            batch = record_batch(found, sequence.statistics)
            batch.validate(full=True)
            assert batch.num_rows == found.n and columns_in(found) <= set(batch.schema.names)

    def plots() -> None:
        for part in asterix.stream(path, sources, chunk_bytes=chunk_bytes, editions=given):
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
