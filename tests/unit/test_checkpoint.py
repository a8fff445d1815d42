"""Checkpoints: what is kept is enough to go on to the bit, and nothing but whole files is taken for one."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import farwatch
from farwatch.errors import FarwatchError
from farwatch.picture import concat_pictures
from farwatch.service.checkpoint import (
    Checkpoint,
    CheckpointWriter,
    Draft,
    checkpoints_of,
    decode_checkpoint,
    encode_checkpoint,
    newest_checkpoint,
    write_checkpoint,
)
from farwatch.sinks import AsterixOutput, AsterixOutputs
from farwatch.sources import Merge, Simulated
from farwatch.tracker import Tracker
from loopback import LOCAL, free_port, wait_for

PLAIN = Checkpoint("digest", "session", 3, 17, "live", (2, 99), 10**18, 5, b"tracker", b"merge", b"outputs")


@pytest.mark.parametrize("name", ["storm", "quiet"])
def test_a_tracker_goes_on_to_the_bit(name: str) -> None:
    """Rows and modes that a snapshot leaves out are never read again: reborn rows are full of what was there before."""
    scenario = farwatch.load(name)
    one, other = (Tracker(scenario.sensors, scenario.tracker, scenario.frame) for _ in range(2))
    batches = list(Simulated(scenario.sensors, scenario.frame, scenario.simulation, 160.0, 1))
    half = len(batches) // 2
    for batch in batches[:half]:
        one.update(batch)
    other.restore(one.snapshot())
    assert other.snapshot() == one.snapshot()
    pictures = [concat_pictures([tracker.update(batch) for batch in batches[half:]]) for tracker in (one, other)]
    assert pictures[0].n > 100
    assert all(a.tobytes() == b.tobytes() for a, b in zip(pictures[0][1:], pictures[1][1:], strict=True))
    assert other.snapshot() == one.snapshot()


def test_a_merge_goes_on_to_the_bit() -> None:
    scenario = farwatch.load("quiet")
    chunks: list[tuple[object, ...]] = []

    class Noted(Merge):
        def push(self, *given):  # type: ignore[no-untyped-def]
            chunks.append(given)
            return super().push(*given)

    list(Simulated(scenario.sensors, scenario.frame, scenario.simulation, 60.0, 1, merge=Noted(0.4)))
    one, other = Merge(0.4), Merge(0.4)
    for chunk in chunks[:30]:
        list(one.push(*chunk))  # type: ignore[arg-type]
    other.restore(one.snapshot())
    assert len(one.snapshot()) > 100
    for chunk in chunks[30:]:
        a, b = (list(merge.push(*chunk)) for merge in (one, other))  # type: ignore[arg-type]
        assert [batch.until_ns for batch in a] == [batch.until_ns for batch in b]
        assert all(x.plots.id.tobytes() == y.plots.id.tobytes() for x, y in zip(a, b, strict=True))
    assert one.snapshot() == other.snapshot()
    for bad in (b"", b"\x90", b"nonsense"):
        with pytest.raises(FarwatchError, match="no snapshot of a merge"):
            other.restore(bad)


def test_outputs_go_on_as_they_were() -> None:
    """The same numbers, and no client is told of a track's beginning twice, nor misses its end."""
    scenario = farwatch.load("quiet")
    options = [
        AsterixOutput(url=f"udp://{LOCAL}:{free_port()}", status_s=0),
        AsterixOutput(url=f"udp://{LOCAL}:{free_port()}", every_s=4.0, status_s=0),
    ]
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    one, other = (
        AsterixOutputs(options, scenario.sensors, scenario.frame, lambda at_ns: tracker.picture(at_ns)) for _ in "ab"
    )
    other.mute(True)
    batches = list(Simulated(scenario.sensors, scenario.frame, scenario.simulation, 90.0, 1))
    for number, batch in enumerate(batches):
        picture = tracker.update(batch)
        one.write(picture)
        if number == len(batches) // 2:
            other.restore(one.snapshot())
        elif number > len(batches) // 2:
            other.write(picture)
            assert other.snapshot() == one.snapshot()
    assert one.clients[0].tracks == other.clients[0].tracks > 10
    assert one.clients[0].pacer.sent > 0 and other.clients[0].pacer.sent == 0
    with pytest.raises(FarwatchError, match="no snapshot of outputs"):
        other.restore(b"\x01")
    for outputs in (one, other):
        outputs.close()


def test_a_file_says_what_is_wrong_with_it() -> None:
    data = encode_checkpoint(PLAIN)
    assert decode_checkpoint(data, "x") == PLAIN
    for damaged, says in [
        (b"", "cut off after 0 bytes"),
        (data[:-1], "cut off: "),
        (data + b"x", "cut off: "),
        (data[:8] + b"\x02" + data[9:], "of version 2; this farwatch reads 1"),
        (data[:-1] + bytes([data[-1] ^ 1]), "its checksum is wrong"),
        (b"x" * len(data), "is no checkpoint"),
    ]:
        with pytest.raises(FarwatchError, match=says):
            decode_checkpoint(damaged, "x")


@given(st.binary(max_size=200), st.integers(0, 200))
def test_random_bytes_are_refused(data: bytes, cut: int) -> None:
    for given_bytes in (data, encode_checkpoint(PLAIN)[:32] + data, encode_checkpoint(PLAIN)[:cut] + data):
        with contextlib.suppress(FarwatchError):
            assert decode_checkpoint(given_bytes, "x") == PLAIN


def test_a_snapshot_of_another_kind_is_refused_and_changes_nothing() -> None:
    scenario = farwatch.load("quiet")
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    before = tracker.snapshot()
    state = msgspec.msgpack.decode(before)
    for damage in ({"rows": None}, {"capacity": -1}, {"_tracks": []}, {"_hypotheses": [1, 2]}, {"_counted": 7}):
        with pytest.raises(FarwatchError, match="no snapshot of a tracker"):
            tracker.restore(msgspec.msgpack.encode(state | damage))
        assert tracker.snapshot() == before


def draft(sequence: int) -> Draft:
    state = {"version": 3, "sensors": [], "capacity": 0, "rows": np.empty(0, np.int64)}
    return Draft(msgspec.structs.replace(PLAIN, sequence=sequence, until_ns=sequence), state)


def test_the_last_few_are_kept_and_each_waits_for_the_journal(tmp_path: Path) -> None:
    may, asked = threading.Event(), []

    def before(sequence: int) -> None:
        asked.append(sequence)
        assert may.wait(20.0)

    writer = CheckpointWriter(tmp_path / "s", 2, before)
    assert writer.offer(draft(0))
    wait_for(lambda: asked == [0], "the question")
    assert writer.busy and not writer.offer(draft(1))  # one still is being written
    time.sleep(0.05)
    assert checkpoints_of(tmp_path / "s") == []
    may.set()
    for sequence in range(2, 6):
        assert writer.offer(draft(sequence), wait=True)
    writer.close()
    assert [path.name for path in checkpoints_of(tmp_path / "s")] == ["000000000005.fwc", "000000000004.fwc"]
    found, refused = newest_checkpoint(tmp_path / "s")
    assert found is not None and found.sequence == 5 and refused == []
    assert writer.written_ns == 5 and writer.count == 5 and writer.failure == ""
    assert not list((tmp_path / "s").glob("*.part"))


def test_where_none_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    writer = CheckpointWriter(tmp_path / "file", 2, lambda sequence: None)
    writer.offer(draft(0))
    wait_for(lambda: writer.failure != "", "the failure")
    writer.close()
    assert "no checkpoint could be written" in writer.failure
    assert newest_checkpoint(tmp_path / "none") == (None, [])
    write_checkpoint(tmp_path / "s", 7, PLAIN, 3)
    writer = CheckpointWriter(tmp_path / "s", 3, lambda sequence: None)
    writer.offer(draft(1))
    writer.close()
    assert checkpoints_of(tmp_path / "s")[0].name == "000000000008.fwc"
