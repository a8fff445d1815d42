"""Bytes of any kind: FormatError and nothing else, no read outside the data, and good blocks kept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reference_asterix as ref
from farwatch.errors import FormatError
from farwatch.formats.asterix import columns, inspect, read, stream

SOURCES = {(1, 10): 0}
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

_TRACK = ref.record(-1, i010=ref.source(), i020=b"\xa0", i161=b"\0\1", i042=b"\0\1\0\1", i141=b"\0\0", i170=b"\x01\x02")
VALID = [
    ref.block(48, ref.plot(10.0), ref.plot(11.0, i250=b"\x02" + bytes(15) + b"\x50", i130=b"\xfe" + bytes(7))),
    ref.block(48, ref.plot(86_000.0, i020=b"\xa1\x81\x02", i120=b"\xc0\0\0\x01" + bytes(6), i030=b"\x03\x02")),
    ref.block(
        48, ref.plot(5.0, iSP=b"\x03\1\2", iRE=b"\x0d\x88\xa0" + bytes(7) + b"\1\2\3", i260=bytes(7), i110=b"\0\1")
    ),
    ref.block(34, ref.sector(10.0, 3), ref.sector(11.0, 4, i050=b"\x94\x01\x02\x03", i070=b"\x02\0\1\0\2")),
    ref.block(2, ref.record(2, i010=ref.source(), i000=b"\x01", i030=ref.time_of_day(9.0), iRFS=b"\x01\x05\0\1")),
    ref.block(1, ref.record(1, i010=ref.source(), i020=b"\x21\x80", i040=bytes(3) + b"\1", i141=b"\1\1"), _TRACK),
]


def survives(data: bytes, name: str = "a.ast") -> None:
    """Every reader returns or raises FormatError; what it returns is in order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        for edition in (None, {48: "1.27", 1: "1.2"}):
            try:
                found = read(path, SOURCES, editions=edition)
            except FormatError as error:
                assert str(path) in str(error)
            else:
                assert found.plots.id.tolist() == list(range(found.plots.n))
                assert np.isfinite(found.plots.z[:, :2]).all()
                assert (found.plots.z[:, 0] > 0).all()
        for attempt in (
            lambda: list(stream(path, SOURCES, chunk_bytes=1)),
            lambda: inspect(path),
            lambda: columns(path, 48, ["161", "230/STAT", "020/ADSB/EP", "130/SAM", "RE/ERR"]),
        ):
            try:
                attempt()
            except FormatError as error:
                assert str(path) in str(error)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Valid blocks with some bytes changed, taken out, doubled or cut off."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(VALID), min_size=1, max_size=8))))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data) - 1)) if data else 0
        change = draw(st.sampled_from(["set", "flip", "drop", "insert", "cut"]))
        if not data:
            break
        if change == "set":
            data[at] = draw(st.sampled_from([0, 1, 2, 3, 127, 128, 254, 255]))
        elif change == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "drop":
            del data[at]
        elif change == "insert":
            data.insert(at, draw(st.integers(0, 255)))
        else:
            del data[at + 1 :]
    return bytes(data)


@QUICK
@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    survives(data)


@QUICK
@given(mutated())
def test_damaged_blocks(data: bytes) -> None:
    survives(data)


@QUICK
@given(st.lists(mutated(), max_size=4), st.binary(max_size=60), st.integers(0, 400))
def test_damaged_captures(payloads: list[bytes], noise: bytes, at: int) -> None:
    whole = bytearray(ref.pcap(payloads))
    whole[24 + at : 24 + at + len(noise)] = noise
    survives(bytes(whole), "a.pcap")


@QUICK
@given(st.lists(st.sampled_from(VALID), min_size=1, max_size=6), st.binary(min_size=1, max_size=80))
def test_a_broken_block_costs_only_itself(good: list[bytes], content: bytes) -> None:
    """Whatever one block holds, the blocks around it decode as without it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ast"
        path.write_bytes(b"".join(good))
        expected = inspect(path).statistics.by_category
        path.write_bytes(b"".join(good) + ref.block(65, content) + b"".join(good))
        found = inspect(path).statistics.by_category
        assert {c: n for c, n in found.items() if c != 65} == {c: 2 * n for c, n in expected.items()}


_BOUNDS_CHECKED = """
import pathlib, random, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
sys.path.insert(0, str(pathlib.Path(sys.argv[1]) / "property"))
from farwatch.kernels import kernel
import test_asterix_bytes as tests

@kernel
def control(values, at):
    return values[at]

try:
    control(np.zeros(3), 3)
except IndexError:
    pass
else:
    sys.exit("the control kernel read outside its array unnoticed")

from farwatch.formats.asterix import records, sequence
records.BATCH = sequence.BATCH = 3  # the seams between batches as well
chance = random.Random(20260101)
for _ in range(int(sys.argv[2])):
    data = bytearray(b"".join(chance.choices(tests.VALID, k=chance.randint(1, 6))))
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(data))
        data[at] = chance.choice([0, 1, 255, 128, data[at] ^ 1 << chance.randrange(8)])
    if chance.random() < 0.3:
        del data[chance.randrange(1, len(data)) :]
    tests.survives(bytes(data))
    tests.survives(tests.ref.pcap([bytes(data)]), "a.pcap")
print("survived")
"""


def test_no_kernel_reads_outside_its_arrays() -> None:
    """Damaged blocks again, compiled with bounds checks in a cache of their own, and a control that must raise."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bounds.py"
        script.write_text(_BOUNDS_CHECKED)
        cache = os.environ.get("FARWATCH_CACHE") or Path.home() / ".cache" / "farwatch"
        environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "FARWATCH_CACHE": str(Path(cache) / "bounds-checked")}
        tests = str(ref.PROJECT / "tests")
        done = subprocess.run(
            [sys.executable, "-W", "error", script, tests, "300"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0 and "survived" in done.stdout, done.stdout + done.stderr
