"""farwatch play and farwatch listen, end to end on the loopback interface."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_asterix_udp import Heard

from command import Command
from farwatch.clock import now_ns
from farwatch.errors import FormatError
from farwatch.formats import asterix
from farwatch.formats.asterix.time_of_day import DAY_TICKS, ticks_of
from farwatch.formats.pcap import write_pcap
from farwatch.sources.player import Player
from farwatch.track_recording import read_tracks
from loopback import LOCAL, PATIENT_S, free_port, send, wait_for
from reference_asterix import block, plot, record, sector, source

SITE = """
name = "Here"
[[sensors]]
kind = "radar"
id = "A"
sac_sic = "1/10"
position = {{ lat_deg = 47.0, lon_deg = 9.0 }}
rotation_s = 4.0
max_range_km = 200
[[feeds]]
url = "{feed}"
[[outputs]]
url = "{output}"
"""


def flight(scans: int, first_s: float = 3600.0) -> list[bytes]:
    blocks = []
    for scan in range(scans):
        seconds = (first_s + 4.0 * scan) % 86_400
        blocks.append(block(48, plot(seconds, 40.0 + 0.4 * scan, 45.0)))
        blocks.append(block(34, sector((seconds + 2.0) % 86_400, 160)))
    return blocks


def test_a_plain_file_passes_at_its_own_pace(tmp_path: Path) -> None:
    path = tmp_path / "x.ast"
    path.write_bytes(b"".join(flight(10, 86_400.0 - 12.0)) + block(48, record(48, i010=source())))
    due = list(Player(path).datagrams())
    assert [one.data for one in due[:20]] == flight(10, 86_400.0 - 12.0)
    steps = np.diff([one.time_ns for one in due])
    assert steps[:19].tolist() == [2 * 10**9] * 19  # over midnight
    assert steps[19] == 0  # without a time: with the one before


def test_a_capture_passes_as_it_was_received(tmp_path: Path) -> None:
    at_ns = [10**18, 10**18 + 7, 10**18 + 5, 10**18 + 10**9]
    write_pcap(tmp_path / "x.pcap", flight(2), at_ns)
    due = list(Player(tmp_path / "x.pcap").datagrams())
    assert [one.data for one in due] == flight(2)
    assert [one.time_ns - 10**18 for one in due] == [0, 7, 7, 10**9]


def test_times_of_day_are_moved(tmp_path: Path) -> None:
    path, moved = tmp_path / "x.ast", tmp_path / "moved.ast"
    short = block(1, record(1, i010=source(), i020=b"\x00", i141=(65_000).to_bytes(2, "big")))
    path.write_bytes(b"".join(flight(3, 86_390.0)) + short + block(48, record(48, i010=source())))
    player = Player(path)
    assert player.first_ticks() == 86_390 * 128
    moved.write_bytes(b"".join(one.data for one in Player(path).datagrams(1000)))
    for category, item in ((48, "140"), (34, "030")):
        was, now = (asterix.columns(file, category, [item])[item] for file in (path, moved))
        there = ~np.isnan(was)
        assert there.sum() == 3
        assert np.array_equal((was[there] * 128 + 1000) % DAY_TICKS, now[there] * 128)
    assert asterix.columns(moved, 1, ["141"])["141"].tolist() == [(65_000 + 1000) % 65_536 / 128]
    # Nothing else has changed.
    differ = np.frombuffer(path.read_bytes(), np.uint8) != np.frombuffer(moved.read_bytes(), np.uint8)
    assert 0 < differ.sum() <= 6 * 3 + 2
    path.write_bytes(block(48, record(48, i010=source())))
    with pytest.raises(FormatError, match="holds no time of day"):
        Player(path).first_ticks()


def test_play_sends_to_several(farwatch: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.ast"
    path.write_bytes(b"".join(flight(10)))
    heard = [Heard(f"udp://{LOCAL}:{free_port()}") for _ in range(2)]
    ran = farwatch("play", path, "--to", heard[0].url, "--to", heard[1].url, "--speed", "100", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["datagrams"] == 20
    for one in heard:
        assert one.all(20) == flight(10)
        assert one.at_s[-1] - one.at_s[0] < 30
        one.close()


def test_play_to_now(farwatch: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.ast"
    path.write_bytes(b"".join(flight(1)[:1]))
    heard = Heard(f"udp://{LOCAL}:{free_port()}")
    before = int(ticks_of(np.array([now_ns()]))[0])
    assert farwatch("play", path, "--to", heard.url, "--now").code == 0
    (tmp_path / "y.ast").write_bytes(b"".join(heard.all(1)))
    heard.close()
    moved = int(asterix.columns(tmp_path / "y.ast", 48, ["140"])["140"][0] * 128)
    assert (moved - before) % DAY_TICKS < 128 * 300


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x.ast", "--to", "nowhere"], "nowhere: no such kind of address"),
        (["none.ast", "--to", "udp://127.0.0.1:9"], "no such file"),
        (["x.ast", "--to", "udp://127.0.0.1:9", "--interface", "nope0"], "no network interface 'nope0'"),
        (["x.ast", "--to", "udp://127.0.0.1:9", "--now", "--speed", "2"], "--now with --speed"),
    ],
)
def test_what_cannot_be_played(arguments: list[str], says: str, farwatch: Command, tmp_path: Path) -> None:
    (tmp_path / "x.ast").write_bytes(b"".join(flight(1)))
    ran = farwatch("play", tmp_path / arguments[0], *arguments[1:])
    assert ran.code == 1
    assert says in ran.err
    assert "Traceback" not in ran.err


def site(tmp_path: Path, output: str) -> tuple[Path, str]:
    feed = f"udp://{LOCAL}:{free_port()}"
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(feed=feed, output=output))
    return path, feed


def started(*arguments: object) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    code = "from farwatch.cli import main; main()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *(str(one) for one in arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_listen_until_it_is_interrupted(tmp_path: Path) -> None:
    heard = Heard(f"udp://{LOCAL}:{free_port()}")
    path, feed = site(tmp_path, heard.url)
    files = [tmp_path / "t.parquet", tmp_path / "t.ast"]
    process = started("listen", path, "-o", files[0], "-o", files[1], "--day", "2026-03-01", "--json")
    try:
        bound = int(feed.rpartition(":")[2])
        wait_for(lambda: f":{bound:04X} " in Path("/proc/net/udp").read_text(), "the feed's socket")
        send(feed, flight(20), pause_s=0.01)
        assert heard.all(5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENT_S)
    finally:
        process.kill()
        heard.close()
    assert process.returncode == 0, err
    found = json.loads(out)
    assert (found["plots"], found["late"], found["tracks"]) == (20, 0, 1)
    assert found["feeds"][0]["datagrams"] == 40
    assert found["outputs"][0]["datagrams"] > 5
    assert found["rows"] == len(read_tracks(files[0]).track) > 10
    assert len(asterix.columns(files[1], 62, ["040"])["040"]) == found["rows"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["site.toml", "t.ast", "t.parquet"]


def test_listen_for_a_while_to_nobody(farwatch: Command, tmp_path: Path) -> None:
    path, _ = site(tmp_path, f"udp://{LOCAL}:{free_port()}")
    ran = farwatch("listen", path, "-o", tmp_path / "t.jsonl", "--duration", "0.3")
    assert ran.code == 0
    assert "0 datagrams, 0 plots, 0 tracks" in ran.out
    assert (tmp_path / "t.jsonl").read_bytes() == b""


def test_what_listen_cannot_do(farwatch: Command, tmp_path: Path) -> None:
    path, feed = site(tmp_path, f"udp://{LOCAL}:{free_port()}")
    text = path.read_text()
    for changed, says in [
        (text.partition("[[outputs]]")[0], "nothing to write to"),
        (text.replace(feed, "udp://239.1.1.1"), "has no port"),
        (text.replace("[[feeds]]\nurl", "[[feeds]]\nurk"), "unknown field `urk`"),
    ]:
        path.write_text(changed)
        ran = farwatch("listen", path, "--duration", "0.1")
        assert ran.code == 1
        assert says in ran.err
    path.write_text(text)
    ran = farwatch("listen", path, "-o", tmp_path / "t.xyz", "--duration", "0.1")
    assert ran.code == 1
    assert "no such format of tracks" in ran.err
    assert "write it as 2024-05-01" in farwatch("listen", path, "--day", "today").err
