"""Parts of the service: its log, what systemd is told, its pace, its signals."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from farwatch.cli.serve import stopped_by_signals
from farwatch.service.log import JsonLines, Seldom
from farwatch.service.notify import Notify
from farwatch.service.pace import Pace
from farwatch.service.telling import Words
from loopback import LOCAL, PATIENT_S, free_port, send
from serving import Process, night, recording_of, site_file


@pytest.fixture
def log() -> tuple[logging.Logger, io.StringIO]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines())
    handler.addFilter(Seldom(most=3, window_s=0.3))
    logger = logging.Logger("farwatch.test")
    logger.addHandler(handler)
    return logger, out


def test_the_log_is_json_lines(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, out = log
    logger.warning("feed %s is\nodd", "A", extra={"feed": 3, "path": Path("/x")})
    try:
        raise ValueError("why")
    except ValueError:
        logger.exception("failed")
    one, two = (json.loads(line) for line in out.getvalue().splitlines())
    assert (one["level"], one["event"], one["feed"], one["path"]) == ("warning", "feed A is\nodd", 3, "/x")
    assert one["time"].endswith("Z") and one["logger"] == "farwatch.test"
    assert "ValueError: why" in two["exception"]


def test_what_is_said_again_and_again_is_said_less_often(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, out = log
    for k in range(50):
        logger.warning("plot %d", k)
    logger.warning("another")
    assert len(out.getvalue().splitlines()) == 4
    time.sleep(0.4)
    logger.warning("plot %d", 51)
    assert json.loads(out.getvalue().splitlines()[-1])["left_out"] == 47


def test_words_come_and_go(caplog: pytest.LogCaptureFixture) -> None:
    words = Words()
    with caplog.at_level(logging.INFO, "farwatch.service"):
        words.standing({"silent A": "A has been silent for 12 s"})
        words.standing({"silent A": "A has been silent for 13 s"})
        assert words.said() == ("A has been silent for 13 s",)
        words.standing({})
        words.notice("it happened", 0.05)
        assert words.said() == ("it happened",)
        time.sleep(0.1)
        assert words.said() == ()
    assert [record.getMessage() for record in caplog.records] == [
        "A has been silent for 12 s",
        "over: A has been silent for 13 s",
        "it happened",
    ]


def test_systemd_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(PATIENT_S)
        notify = Notify(path, "200000")
        notify.ready("live: Here")
        for _ in range(5):
            notify.alive()
        assert manager.recv(1000) == b"READY=1\nSTATUS=live: Here"
        assert manager.recv(1000) == b"WATCHDOG=1"
        manager.settimeout(0.01)
        with pytest.raises(TimeoutError):
            manager.recv(1000)
        time.sleep(0.11)
        notify.alive()
        notify.stopping()
        manager.settimeout(PATIENT_S)
        assert [manager.recv(1000) for _ in range(2)] == [b"WATCHDOG=1", b"STOPPING=1"]
        notify.close()
    Notify("", "").alive()
    gone = Notify(path, "")
    gone.ready("nobody listens")
    gone.close()


def test_pace() -> None:
    stopping, waits = threading.Event(), []
    pace = Pace(10.0, stopping, lambda: waits.append(1))
    began_s = time.monotonic()
    for second in range(6):
        pace.wait_until(second * 10**9)
    assert time.monotonic() - began_s >= 0.5
    assert waits
    stopping.set()
    pace.wait_until(10**12)
    assert time.monotonic() - began_s < 20.0


def test_a_signal_is_heard_in_a_thread() -> None:
    stopped = threading.Event()
    with stopped_by_signals(stopped.set):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(PATIENT_S)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_serve_live_until_a_signal(by: signal.Signals, tmp_path: Path) -> None:
    """Ready is told, the watchdog is fed, and a signal ends it in order: a checkpoint, and exit 0."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(PATIENT_S)
    feed = f"udp://{LOCAL}:{free_port()}"
    file = site_file(tmp_path / "site.toml", feed)
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
    process = Process(file, "--state", tmp_path / "s", "--json", **environment)
    try:
        assert manager.recv(1000) == b"READY=1\nSTATUS=live: Here"
        assert manager.recv(1000) == b"WATCHDOG=1"
        process.event("active")
        send(feed, night(), pause_s=0.002)
        time.sleep(0.5)
        assert manager.recv(1000) == b"WATCHDOG=1"
        summary = process.end(by)
    finally:
        if process.process.poll() is None:
            process.kill()
        manager.close()
    assert summary["mode"] == "live" and not summary["finished"]
    assert summary["plots"] > 200 and summary["tracks"] > 10
    assert summary["checkpoints"] >= 1 and summary["journal_bytes"] > 1000
    assert not any("Traceback" in line for line in process.lines)
    again = Process(file, "--state", tmp_path / "s", "--json")
    assert "resumed from a checkpoint" in again.event("resumed")["event"]
    again.event("active")
    assert again.end(by)["session"] == summary["session"]


def test_serve_a_recording_and_a_builtin(tmp_path: Path) -> None:
    file = site_file(tmp_path / "site.toml", f"udp://{LOCAL}:{free_port()}")
    summary = Process(file, "--replay", recording_of(tmp_path, 60.0), "--json").result()
    assert summary["mode"] == "replay" and summary["finished"] and summary["plots"] > 200
    assert summary["journal"] is None and summary["checkpoints"] == 0
    summary = Process("quiet", "--simulate", "60", "--speed", "500", "--json").result()
    assert summary["mode"] == "simulated" and summary["finished"] and summary["tracks"] > 10
    endless = Process("quiet", "--speed", "50", "--json")
    endless.event("active")
    time.sleep(2.0)
    summary = endless.end()
    assert not summary["finished"] and summary["plots"] > 50
