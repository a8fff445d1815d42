"""The journal: entries come back to the bit, torn tails are cut, a full disk is said, a slow one never waited for."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farwatch.errors import ConfigError, FormatError
from farwatch.journal import Advance, Datagrams, Entry, Flush, Head, Journal, Position, Push, decode_group, encode_group
from farwatch.journal.reader import end_of
from farwatch.journal.segments import FRAME, HEADER, framed, scan_frames, segments_of
from farwatch.plots import Plots, make_plots, make_progress
from farwatch.service.journal import GATHER_S, JournalWriter, retain
from farwatch.service_options import ServiceOptions
from loopback import wait_for

HEAD = Head("s", ("A",), 10**9, 10**9, 5 * 10**9)
OPTIONS = ServiceOptions()


def some_plots(rng: np.random.Generator, n: int) -> Plots:
    """Plots whose every column holds something."""
    plots = make_plots(n)
    return Plots(
        *(
            rng.integers(0, 100, column.shape).astype(column.dtype)
            if column.dtype.kind in "iu"
            else np.where(rng.random(column.shape) < 0.3, np.nan, rng.normal(size=column.shape)).astype(column.dtype)
            for column in plots
        )
    )


def same(a: Entry, b: Entry) -> bool:
    if isinstance(a, Push) and isinstance(b, Push):
        columns = zip((*a.plots, *a.progress), (*b.plots, *b.progress), strict=True)
        exact = all(x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes() for x, y in columns)
        return exact and (a.sequence, a.reached_ns) == (b.sequence, b.reached_ns)
    return a == b


def some_entries(rng: np.random.Generator, n: int = 20) -> list[Entry]:
    out: list[Entry] = []
    for sequence in range(n):
        out.append(Datagrams((0, 2), (sequence, sequence + 7), (b"abc", bytes(rng.bytes(sequence)))))
        if sequence % 3:
            progress = make_progress(2, time_ns=rng.integers(0, 2**60, 2), kind=1, azimuth_rad=rng.random(2))
            reached_ns = None if sequence % 2 else int(rng.integers(0, 2**60))
            out.append(Push(sequence, some_plots(rng, int(rng.integers(0, 9))), progress, reached_ns))
        else:
            out.append(Advance(sequence, 123, 456))
    return [*out, Flush(n, 2.5)]


def test_entries_come_back_to_the_bit(rng: np.random.Generator) -> None:
    entries = some_entries(rng)
    back = decode_group(encode_group(entries))
    assert len(back) == len(entries)
    assert all(map(same, entries, back))


def test_odd_values_come_back_too() -> None:
    odd = np.array([0x7FF8000000000001, 0xFFF8000000000000, 0x8000000000000000, 1], np.uint64).view(np.float64)
    plots = make_plots(4, time_ns=[2**62, -5, 0, 2**62], id=[5, 3, 2**63 - 1, -(2**63)], pressure_altitude_m=odd)
    (back,) = decode_group(encode_group([Push(0, plots, make_progress(0))]))
    assert same(Push(0, plots, make_progress(0)), back)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_group(data)


@given(st.integers(min_value=0), st.integers(0, 7))
def test_a_flipped_bit_is_noticed(at: int, bit: int) -> None:
    data = bytearray(encode_group(some_entries(np.random.default_rng(1), 3)))
    frame = bytearray(framed(bytes(data)))
    frame[at % len(frame)] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.fwj"
        path.write_bytes(HEADER.pack(b"FWJRNL\r\n", 1, 0) + frame)
        assert list(scan_frames(path)) == []


def written(folder: Path, entries: list[Entry], options: ServiceOptions = OPTIONS) -> JournalWriter:
    writer = JournalWriter(folder, HEAD, options)
    for entry in entries:
        writer.append(entry)
    writer.close()
    return writer


def test_what_is_appended_is_read_again(tmp_path: Path, rng: np.random.Generator) -> None:
    entries = some_entries(rng)
    writer = written(tmp_path / "s", entries)
    journal = Journal(tmp_path)  # the folder above will do, where it holds one journal
    back = [entry for entry, _ in journal.entries()]
    assert all(map(same, entries, back)) and len(back) == len(entries)
    assert journal.head.session == "s" and journal.torn == [] and writer.dropped == 0
    assert writer.position == end_of(tmp_path / "s")


def test_the_system_has_it_within_a_fraction_of_a_second(tmp_path: Path, rng: np.random.Generator) -> None:
    writer = JournalWriter(tmp_path / "s", HEAD, OPTIONS)
    try:
        entries = some_entries(rng)
        for entry in entries:
            writer.append(entry)
        wait_for(lambda: writer.written == 20, "writing")
        assert len([entry for entry, _ in Journal(tmp_path).entries()]) == len(entries)
        assert GATHER_S < 0.5
    finally:
        writer.close()


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 100])
def test_a_torn_tail_is_cut_and_gone_on_behind(tmp_path: Path, rng: np.random.Generator, cut: int) -> None:
    folder = tmp_path / "s"
    first = JournalWriter(folder, HEAD, OPTIONS)
    entries = some_entries(rng, 6)
    first.append(entries[0])
    wait_for(lambda: first.bytes > 0, "the first frame")
    whole = first.position
    for entry in entries[1:]:
        first.append(entry)
    first.close()
    (number, path) = segments_of(folder)[-1]
    size = path.stat().st_size
    os.truncate(path, max(size - cut, whole.offset + 1))
    journal = Journal(folder)
    assert [entry for entry, _ in journal.entries()] == [entries[0]]
    assert len(journal.torn) == 1 and "of no whole frame" in journal.torn[0]
    again = JournalWriter(folder, msgspec.structs.replace(HEAD, first_sequence=3), OPTIONS)
    assert again.cut > 0 and path.stat().st_size == whole.offset
    again.append(Advance(3, 1, 1))
    again.close()
    journal = Journal(folder)
    assert [entry for entry, _ in journal.entries()] == [entries[0], Advance(3, 1, 1)]
    assert "3 inputs were not recorded before this" in " ".join(journal.torn)
    assert number + 1 == segments_of(folder)[-1][0]


def test_reading_from_a_position(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "s", HEAD, OPTIONS)
    writer.append(Advance(0, 1, 1))
    wait_for(lambda: writer.written == 0, "the first")
    since = writer.position
    writer.append(Advance(1, 1, 1))
    writer.close()
    assert [entry for entry, _ in Journal(tmp_path).entries(since)] == [Advance(1, 1, 1)]
    assert [entry for entry, _ in Journal(tmp_path).entries(Position(9, 9))] == []


def test_segments_follow_one_another_and_the_oldest_go(tmp_path: Path, rng: np.random.Generator) -> None:
    options = msgspec.structs.replace(OPTIONS, segment_mb=0.01)
    writer = JournalWriter(tmp_path / "s", HEAD, options)
    for sequence in range(5):
        writer.append(Datagrams((0,), (0,), (rng.bytes(8000),)))
        writer.append(Advance(sequence, 1, 1))
        wait_for(lambda at=sequence: writer.written == at, "a frame")
    writer.close()
    files = [path for _, path in segments_of(tmp_path / "s")]
    assert len(files) == 5
    assert [e.sequence for e, _ in Journal(tmp_path).entries() if isinstance(e, Advance)] == [0, 1, 2, 3, 4]
    for age, path in enumerate(files):
        os.utime(path, ns=(10**9 * age, 10**9 * age))
    retain(tmp_path, files[-1], 2.5 * files[0].stat().st_size, 1e12)
    assert [path for _, path in segments_of(tmp_path / "s")] == files[3:]
    retain(tmp_path, files[-1], 1e12, 60.0)
    assert [path for _, path in segments_of(tmp_path / "s")] == files[4:]
    assert [e.sequence for e, _ in Journal(tmp_path).entries() if isinstance(e, Advance)] == [4]


def test_what_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="holds no journal"):
        Journal(tmp_path)
    other = tmp_path / "00000001.fwj"
    other.write_bytes(b"something else, and long enough")
    with pytest.raises(FormatError, match="is no segment of a journal"):
        Journal(tmp_path)
    other.write_bytes(HEADER.pack(b"FWJRNL\r\n", 99, 0))
    with pytest.raises(FormatError, match="journal of version 99; this farwatch reads 1"):
        Journal(tmp_path)
    other.write_bytes(b"FWJ")
    with pytest.raises(FormatError, match="the journal is empty"):
        Journal(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot record there"):
        JournalWriter(tmp_path / "file" / "s", HEAD, OPTIONS)


def test_a_length_that_cannot_be_is_a_torn_tail(tmp_path: Path) -> None:
    written(tmp_path / "s", [Advance(0, 1, 1)])
    ((_, path),) = segments_of(tmp_path / "s")
    with path.open("ab") as file:
        file.write(FRAME.pack(0xFFFFFFFF, 0) + b"x" * 50)
    assert [entry for entry, _ in Journal(tmp_path).entries()] == [Advance(0, 1, 1)]


def test_a_disk_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue fills, what is too much is counted, and nothing blocks."""
    hanging = threading.Event()
    real = os.write

    def slow(fd: int, data: bytes) -> int:
        hanging.wait(20.0)
        return real(fd, data)

    monkeypatch.setattr("farwatch.service.journal.os.write", slow)
    writer = JournalWriter(tmp_path / "s", HEAD, OPTIONS, queue_bytes=100_000)
    for k in range(2000):
        writer.append(Push(k, make_plots(1), make_progress(0)))
    assert 1700 < writer.dropped < 2000
    hanging.set()
    writer.close()
    inputs = [entry for entry, _ in Journal(tmp_path).entries()]
    assert len(inputs) == 2000 - writer.dropped


@pytest.fixture
def small_disk(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A file system of 1 MB, where this user may mount one."""
    where = tmp_path / "small"
    where.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(where)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system of a limited size can be mounted here")
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


def test_a_full_disk_is_said_and_recording_goes_on_once_there_is_room(
    small_disk: Path, rng: np.random.Generator
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 900_000)
    writer = JournalWriter(small_disk / "j" / "s", HEAD, OPTIONS)
    writer.append(Advance(0, 1, 1))
    wait_for(lambda: writer.written == 0, "the first")
    writer.append(Datagrams((0,), (0,), (rng.bytes(300_000),)))
    writer.append(Advance(1, 1, 1))
    wait_for(lambda: writer.state == "full", "a full disk")
    assert "No space left" in writer.failure
    assert [entry for entry, _ in Journal(small_disk / "j").entries()] == [Advance(0, 1, 1)]
    ballast.unlink()
    wait_for(lambda: writer.state == "on", "room")
    writer.close()
    back = [entry for entry, _ in Journal(small_disk / "j").entries()]
    assert len(back) == 3 and writer.dropped == 0
