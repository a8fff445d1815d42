"""Services for tests: in a thread of this process or as a process of their own, and what is sent to them."""

from __future__ import annotations

import datetime
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

import farwatch
from farwatch.scenario import Scenario
from farwatch.service import Board, Job, Service, Update
from farwatch.service.queued import QueuedSink
from farwatch.simulation import simulate
from farwatch.sinks import AsterixOutput
from farwatch.sinks.radar_asterix import encode_radars
from farwatch.sources import Feed
from loopback import LOCAL, PATIENT_S, free_port, send, wait_for

DAY = datetime.date(2026, 1, 1)  # that the simulator begins on
SITE = """
name = "Here"

[[sensors]]
kind         = "radar"
id           = "RAD1"
sac_sic      = "1/10"
position     = {{ lat_deg = 47.2494, lon_deg = 9.3433, height_m = 2500 }}
rotation_s   = 5.0
max_range_km = 250
sigma        = {{ range_m = 50, azimuth_deg = 0.08 }}
detection    = 0.95
clutter      = 10

[[feeds]]
url = "{feed}"
day = 2026-01-01

[service]
{service}
"""


@functools.cache
def night(duration_s: float = 60.0, seed: int = 1) -> tuple[bytes, ...]:
    """The datagrams of a small simulated radar, in the order of their times."""
    quiet = farwatch.load("quiet")
    _, plots, progress = simulate(quiet.sensors, quiet.frame, quiet.simulation, duration_s, seed)
    return tuple(encode_radars(plots, progress, quiet.sensors).datagrams())


@functools.cache
def recording_of(folder: Path, duration_s: float, seed: int = 1) -> Path:
    """The same as a file."""
    path = folder / f"night-{duration_s:g}-{seed}.ast"
    path.write_bytes(b"".join(night(duration_s, seed)))
    return path


PATIENT = {"backlog_s": 60.0}  # a busy machine must not shed what a test counts


def site(feeds: Sequence[Feed] = (), outputs: Sequence[AsterixOutput] = (), **service: Any) -> Scenario:
    """The site of `night`."""
    quiet = farwatch.load("quiet")
    options = msgspec.structs.replace(quiet.service, **(PATIENT | service))
    return msgspec.structs.replace(quiet, feeds=tuple(feeds), outputs=tuple(outputs), service=options)


def site_file(path: Path, feed: str, **service: Any) -> Path:
    """The same as a file."""
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in (PATIENT | service).items())
    path.write_text(SITE.format(feed=feed, service=lines))
    return path


def played_feed(**options: Any) -> Feed:
    """A feed to which `night` is played."""
    return Feed(url=f"udp://{LOCAL}:{free_port()}", day=DAY, **options)


class Running:
    """A service that runs in a thread, so that a test can send meanwhile; it is stopped at the end."""

    def __init__(self, scenario: Scenario, job: Job, sinks: Sequence[QueuedSink] = ()) -> None:
        self.updates: list[Update] = []
        board = Board()
        board.listen(self.updates.append)
        self.service = Service(scenario, job, board, sinks)
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.service.run()
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.service.stop()
        self.join()

    def join(self) -> None:
        """Until it has ended."""
        self._thread.join(PATIENT_S)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error

    def play(self, url: str, datagrams: Sequence[bytes], pause_s: float = 0.002) -> None:
        """Send, and wait until all has been received and tracked."""
        before = self.service.source.states[0].datagrams if self.listening() else 0
        send(url, datagrams, pause_s=pause_s)
        wait_for(lambda: self.service.source.states[0].datagrams >= before + len(datagrams), "all datagrams")
        taken = -1
        while taken != self.service.core.intake.taken:
            taken = self.service.core.intake.taken
            time.sleep(0.15)

    def listening(self) -> bool:
        """Once the service has opened its feeds."""
        wait_for(lambda: self.service.source is not None or self.error is not None, "the source")
        return True

    @property
    def said(self) -> str:
        """All that it has said so far."""
        return " | ".join(text for update in self.updates for text in update.health.said)


class Process:
    """`farwatch serve` as a process of its own."""

    def __init__(self, *arguments: object, **environment: str) -> None:
        code = "from farwatch.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "serve", *(str(one) for one in arguments), "--no-web"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        )
        self.log: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("{"):
                self.log.append(json.loads(line))

    def event(self, text: str) -> dict[str, Any]:
        """The first line of the log whose event holds a text, once it is there."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [line for line in self.log if text in line["event"]]
            return bool(found) or self.process.poll() is not None

        try:
            wait_for(there, f"the event {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; so far: " + "\n".join(self.lines)) from None
        assert found, "\n".join(self.lines)
        return found[0]

    def kill(self) -> None:
        """As a power switch would."""
        self.process.kill()
        self.process.wait(PATIENT_S)
        self._close()

    def _close(self) -> None:
        self._reader.join(PATIENT_S)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def end(self, by: signal.Signals = signal.SIGTERM) -> dict[str, Any]:
        """Ask it to end, and give its summary."""
        self.process.send_signal(by)
        return self.result()

    def result(self, patient_s: float = PATIENT_S) -> dict[str, Any]:
        """Wait for its end and give its summary."""
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        code = self.process.wait(patient_s)
        self._close()
        assert code == 0, "\n".join(self.lines)
        found: dict[str, Any] = json.loads(out)
        return found
