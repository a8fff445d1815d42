"""A replay that is killed with -9 again and again, and what must have become of it at the end."""

from __future__ import annotations

import random
import time
from pathlib import Path

import msgspec

from farwatch.journal import Datagrams, Journal
from farwatch.service.checkpoint import Checkpoint, newest_checkpoint
from loopback import LOCAL, free_port
from serving import Process, recording_of, site_file

DAY = "2026-01-01"


def last_of(state: Path) -> Checkpoint:
    """The checkpoint that a run has left."""
    checkpoint, refused = newest_checkpoint(state)
    assert checkpoint is not None and not refused
    return checkpoint


def killed_and_whole(folder: Path, kills: int, duration_s: float, speed: float, seed: int) -> list[float]:
    """Kill a replay so often at random, let it end, and compare it with one left alone.

    Returns how long each start took until the service went on (s).
    """
    file = site_file(folder / "site.toml", f"udp://{LOCAL}:{free_port()}", checkpoint_s=0.3)
    with file.open("a") as text:
        text.write(f'[[outputs]]\nurl = "udp://{LOCAL}:{free_port()}"\n')
    recording = recording_of(folder, duration_s)
    common = [file, "--replay", recording, "--day", DAY, "--json"]
    whole = Process(*common, "--state", folder / "whole", "--record", folder / "wj").result(600.0)
    assert whole["finished"] and whole["plots"] > 100

    rng, starts = random.Random(seed), []
    kept = ["--state", folder / "killed", "--record", folder / "kj"]
    reached = -1
    for number in range(kills):
        began_s = time.monotonic()
        process = Process(*common, *kept, "--speed", speed)
        process.event("active")
        starts.append(time.monotonic() - began_s)
        time.sleep(rng.uniform(0.0, 1.2))
        assert process.process.poll() is None, f"it had ended before kill {number}: the recording is too short"
        process.kill()
        checkpoint = last_of(folder / "killed")
        assert checkpoint.sequence >= reached
        reached = checkpoint.sequence
    assert reached > 0
    ended = Process(*common, *kept).result(600.0)
    assert ended["finished"] and ended["session"] == last_of(folder / "killed").session

    one, other = last_of(folder / "whole"), last_of(folder / "killed")
    assert one.tracker == other.tracker  # every track, its number and its state to the bit
    assert one.merge == other.merge
    assert msgspec.msgpack.decode(one.outputs) == msgspec.msgpack.decode(other.outputs) or one.outputs == other.outputs
    assert one.taken == other.taken == whole["plots"]
    journals = [Journal(folder / name) for name in ("wj", "kj")]
    inputs = [[entry for entry, _ in journal.entries() if not isinstance(entry, Datagrams)] for journal in journals]
    assert [journal.torn for journal in journals] == [[], []]
    assert [entry.sequence for entry in inputs[0]] == [entry.sequence for entry in inputs[1]]
    assert all(
        a.plots.time_ns.tobytes() == b.plots.time_ns.tobytes() and a.plots.z.tobytes() == b.plots.z.tobytes()
        for a, b in zip(*inputs, strict=True)
        if hasattr(a, "plots") and hasattr(b, "plots")
    )
    return starts
