"""Updates of a real scenario and tracker, for tests of the service's web side, and clients for its server."""

from __future__ import annotations

import functools
import json
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from websockets.sync.client import ClientConnection, connect

from farwatch.api import simulate
from farwatch.picture import Picture, concat_pictures
from farwatch.plots import Batch, Plots, concat_plots
from farwatch.scenario import Scenario, load
from farwatch.service.board import Board, Health, SensorHealth, Update
from farwatch.service.server import Server, start_server
from farwatch.tracker import Tracker
from farwatch.web_options import WebOptions

SECOND_NS = 1_000_000_000
PATIENT_S = 30.0  # machines are shared: how long a test waits before it fails
HEAD = struct.Struct("<2sBBIdII")


@functools.cache
def scenario_of(name: str) -> Scenario:
    """A built-in scenario, read once."""
    return load(name)


@functools.cache
def updates_of(name: str, seconds: float, seed: int = 1) -> tuple[Update, ...]:
    """An update for every second of a simulated scenario, by the real tracker."""
    return tuple(updates(scenario_of(name), seconds, seed))


def updates(scenario: Scenario, seconds: float, seed: int) -> Iterator[Update]:
    """The same, one after the other."""
    batches: list[Batch] = simulate(scenario, seconds, seed)[1]
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    looks: list[Picture] = []
    plots: list[Plots] = []
    total = 0
    due_ns = (batches[0].until_ns // SECOND_NS + 1) * SECOND_NS
    for batch in batches:
        looks.append(tracker.update(batch))
        plots.append(batch.plots)
        total += batch.plots.n
        while batch.until_ns >= due_ns:
            yield Update(
                tracker.picture(due_ns)._replace(until_ns=due_ns),
                concat_pictures(looks),
                concat_plots(plots),
                health(scenario, due_ns, total, sum(part.n for part in plots)),
            )
            looks, plots = [looks[-1].take(slice(0))], []
            due_ns += SECOND_NS


def health(scenario: Scenario, now_ns: int, plots: int, last: int) -> Health:
    """What a service would say of itself."""
    sensors = tuple(
        SensorHealth(sensor.id, "ok", now_ns - SECOND_NS // 10, float(last), 1.0, sensor.period_s)
        for sensor in scenario.sensors
    )
    return Health("simulated", plots, float(last), 0, 0, 0, (4.0, 5.0), 0, "off", (), sensors)


class Running:
    """A server with a board of its own; updates are published by the test."""

    def __init__(self, name: str = "quiet", *, folder: Path | None = None, **options: Any) -> None:
        self.board = Board()
        more = {key: options.pop(key) for key in ("lossless", "from_start", "web_root") if key in options}
        given = WebOptions(port=options.pop("port", 0), **options)
        self.server: Server = start_server(self.board, scenario_of(name), given, folder=folder, **more)
        self.url = self.server.url

    def publish(self, updates: tuple[Update, ...] | list[Update]) -> None:
        """Publish and wait until they are shown."""
        for update in updates:
            self.board.publish(update)
            self.wait_for(lambda at=update.picture.until_ns: self.shown_ns() == at, "the update")

    def shown_ns(self) -> int:
        """The data time that the service shows, 0 before the first picture."""
        newest = self.server.publisher.newest
        return 0 if newest is None else newest.time_ns

    def get(self, path: str, **options: Any) -> httpx.Response:
        """An answer."""
        return httpx.get(self.url + path, timeout=PATIENT_S, trust_env=False, **options)

    def wait_for(self, true: Any, what: str) -> None:
        """Until something has come about."""
        end = time.monotonic() + PATIENT_S
        while not true():
            assert time.monotonic() < end, f"{what} did not come about"
            time.sleep(0.005)

    def kept(self, pictures: int) -> None:
        """Wait until so many pictures can be gone back to."""
        self.wait_for(lambda: len(self.server.store.span.times_ns) >= pictures, f"{pictures} pictures kept")

    def connect(self, **options: Any) -> LiveClient:
        """A client of the live socket."""
        return LiveClient(self.url, **options)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()


class LiveClient:
    """A client that remembers what it was sent."""

    def __init__(self, url: str, **options: Any) -> None:
        address = url.replace("http", "ws", 1) + "/api/v1/live"
        self._open = ExitStack()
        self.socket: ClientConnection = self._open.enter_context(
            connect(address, max_size=None, compression=None, open_timeout=PATIENT_S, proxy=None, **options)
        )
        self.texts: list[dict[str, Any]] = []
        self.pictures: list[tuple[Any, ...]] = []  # heads
        self.plots: list[tuple[Any, ...]] = []
        self.last_picture: dict[str, Any] = {}
        self.statics: dict[int, dict[str, Any]] = {}
        self.order: list[str] = []

    def read(self, timeout: float = PATIENT_S) -> str:
        """Read one message; what it was."""
        data = self.socket.recv(timeout=timeout)
        if isinstance(data, str):
            told = json.loads(data)
            self.texts.append(told)
            if told["type"] == "static":
                self.statics |= {one["id"]: one for one in told["tracks"]}
            self.order.append(told["type"])
            return str(told["type"])
        head = HEAD.unpack_from(data)
        assert head[0] == b"FW" and head[1] == 1
        if head[2] == 1:
            self.pictures.append(head)
            self.last_picture = columns(data, PICTURE)
            self.order.append("picture")
            return "picture"
        self.plots.append(head)
        self.last_plots = columns(data, PLOTS)
        self.order.append("plots")
        return "plots"

    def until(self, true: Any, what: str) -> None:
        """Read until something has come about."""
        end = time.monotonic() + PATIENT_S
        while not true():
            assert time.monotonic() < end, f"{what} did not come about"
            self.read()

    def say(self, **command: Any) -> None:
        """Send a command."""
        self.socket.send(json.dumps(command))

    def of_type(self, name: str) -> list[dict[str, Any]]:
        """The texts of a type."""
        return [told for told in self.texts if told["type"] == name]

    @property
    def status(self) -> dict[str, Any] | None:
        """The last status."""
        return next((told for told in reversed(self.texts) if told["type"] == "status"), None)

    def __enter__(self) -> LiveClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


# Written from docs/api.md, apart from the code of the service.
PICTURE = (
    ("id", "<u4"), ("latitude", "<i4"), ("longitude", "<i4"), ("level", "<i2"), ("speed", "<u2"), ("angle", "<u2"),
    ("climb", "<i2"), ("flags", "<u2"), ("sensors", "<u2"),
)  # fmt: skip
PLOTS = (("latitude", "<i4"), ("longitude", "<i4"), ("age", "<u4"), ("sensor", "<u2"), ("kind", "u1"), ("used", "u1"))


def columns(data: bytes, layout: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """The columns of a binary message, all of it."""
    n, start = HEAD.unpack_from(data)[3], HEAD.size
    found = {}
    for name, dtype in layout:
        found[name] = np.frombuffer(data, dtype, n, start)
        start += n * np.dtype(dtype).itemsize
    assert start == len(data)
    return found


def in_thread(run: Any) -> threading.Thread:
    """A thread that has been started."""
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
