"""The web side at 30,000 tracks: what do 20 clients cost, what does one that stops reading, and how long does a REST
hammer hold up the tracker's thread?

    python benchmarks/service.py [--tracks 30000] [--clients 20] [--seconds 15]

The tracks are those of the s300 scenario by the real tracker, copied over a continent, each flying on from second to
second; a tenth of them are looked at each second. They are published at 1 Hz from a thread. Clients are real
WebSocket clients in a process of their own, the hammer asks for all tracks as GeoJSON as fast as it is answered, in
another. The server's CPU time is that of all its threads but the one that publishes and the one that watches: that one
does small NumPy operations without rest, as a tracker does, and notes its longest gap, and how long in that gap other
threads of the server ran: the rest is the machine's, and with fewer cores than busy processes that is most of it.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from multiprocessing.synchronize import Event as Signal
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import connect

from farwatch.api import simulate
from farwatch.picture import Picture, concat_pictures
from farwatch.pipeline import run
from farwatch.plots import Kind, Plots, concat_plots, make_plots
from farwatch.scenario import Scenario, load
from farwatch.service.board import Board, Health, SensorHealth, Update
from farwatch.service.frame_store import FrameStore
from farwatch.service.frames import FrameEncoder
from farwatch.service.server import start_server
from farwatch.tracker import Tracker
from farwatch.web_options import WebOptions

SECOND_NS = 1_000_000_000
CPU_LIMIT = 0.25
LOOKED_AT = 10  # a track is looked at every so many seconds


class Traffic:
    """So many tracks, second by second."""

    def __init__(self, scenario: Scenario, tracks: int) -> None:
        tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
        batches = simulate(scenario, 60.0, 1)[1]
        for _ in run(batches, tracker):
            pass
        one = tracker.picture(batches[-1].until_ns)
        copies = -(-tracks // one.n)
        side = int(np.ceil(np.sqrt(copies)))
        parts = []
        for k in range(copies):
            north, east = 5.0 * (k // side - side / 2), 7.0 * (k % side - side / 2)
            lat = np.clip(one.lat_deg + north, -85.0, 85.0)
            address = (one.address + 1000 * k) & 0xFFFFFF
            parts.append(
                one._replace(
                    track=one.track + k * 100_000,
                    lat_deg=lat,
                    lon_deg=one.lon_deg + east,
                    address=address.astype(np.int32),
                )
            )
        self.picture = concat_pictures(parts).take(slice(0, tracks))
        self._scenario = scenario
        self._plots = 0

    def next(self, mode: str = "simulated") -> Update:
        """A second later."""
        p = self.picture
        angle = np.radians(p.track_angle_deg)
        metres = 111_195.0
        now_ns = p.until_ns + SECOND_NS
        self.picture = p = p._replace(
            until_ns=now_ns,
            time_ns=np.full(p.n, now_ns),
            lat_deg=p.lat_deg + p.ground_speed_mps * np.cos(angle) / metres,
            lon_deg=p.lon_deg + p.ground_speed_mps * np.sin(angle) / (metres * np.cos(np.radians(p.lat_deg))),
        )
        rows = np.flatnonzero(np.arange(p.n) % LOOKED_AT == now_ns // SECOND_NS % LOOKED_AT)
        ids = np.arange(self._plots, self._plots + len(rows))
        self._plots += len(rows)
        looks = p.take(rows)._replace(plot=ids)
        return Update(p, looks, self._plots_of(looks), self._health(now_ns, len(rows)))

    def _plots_of(self, looks: Picture) -> Plots:
        """A plot for each look, as a radar in the middle would measure it."""
        rng = np.random.default_rng(looks.until_ns // SECOND_NS)
        place = np.column_stack([rng.uniform(10e3, 500e3, looks.n), rng.uniform(0.0, 2 * np.pi, looks.n)])
        return make_plots(
            looks.n,
            id=looks.plot,
            time_ns=looks.until_ns - rng.integers(0, SECOND_NS, looks.n),
            kind=int(Kind.PSR_MODE_S),
            z=place,
            measured=3,
            pressure_altitude_m=looks.pressure_altitude_m,
        )

    def _health(self, now_ns: int, rate: int) -> Health:
        sensors = tuple(
            SensorHealth(one.id, "ok", now_ns, float(rate), 0.0, one.period_s) for one in self._scenario.sensors
        )
        return Health("simulated", self._plots, float(rate), 0, 0, 0, (5.0,) * 4, 0, "on", (), sensors)


def clients(url: str, count: int, reading: bool, connected: Signal, stop: Signal, told: Any) -> None:
    """A process of clients that read all that they are sent, or nothing after the first picture."""

    async def one(number: int, counts: list[int], sizes: list[int]) -> None:
        async with connect(url.replace("http", "ws") + "/api/v1/live", max_size=None, compression=None) as socket:
            while not stop.is_set():
                try:
                    data = await asyncio.wait_for(socket.recv(), 0.5)
                except TimeoutError:
                    continue
                if isinstance(data, bytes):
                    counts[number] += 1
                    sizes[number] += len(data)
                if not reading and counts[number]:
                    socket.transport.pause_reading()
                    while not stop.is_set():
                        await asyncio.sleep(0.1)

    async def every() -> None:
        counts, sizes = [0] * count, [0] * count
        tasks = [asyncio.create_task(one(k, counts, sizes)) for k in range(count)]
        while min(counts) == 0:
            await asyncio.sleep(0.05)
        connected.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        told.put((min(counts), max(counts), sum(sizes)))

    asyncio.run(every())


def hammer(url: str, stop: Signal, told: Any) -> None:
    """A process that asks for all tracks again and again."""
    answers, size = 0, 0
    with httpx.Client(trust_env=False, timeout=60.0) as client:
        while not stop.is_set():
            size += len(client.get(url + "/api/v1/tracks.geojson").content)
            answers += 1
    told.put((answers, size))


class Watch(threading.Thread):
    """A thread of small NumPy operations without rest, and what it is kept waiting.

    A gap is what passes between two of them (ms); `held` is the CPU time that the other threads of the process took
    in it: what is left of it when the machine's other load is taken out.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.gaps_ms: list[float] = []
        self.held_ms: list[float] = []
        self.cpu_s = 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        rows = np.ones((6, 6))
        began = own = time.thread_time()
        last, every = time.perf_counter(), time.process_time()
        while not self._ended.is_set():
            rows = rows * 0.5 + 0.5
            rows.sum()
            now, own_now, every_now = time.perf_counter(), time.thread_time(), time.process_time()
            if now - last > 1e-3:
                self.gaps_ms.append((now - last) * 1e3)
                self.held_ms.append(min(now - last, every_now - every - (own_now - own)) * 1e3)
            last, own, every = now, own_now, every_now
            self.cpu_s = own - began

    def end(self) -> None:
        """Stop and wait."""
        self._ended.set()
        self.join()


def web_thread_s() -> float:
    """CPU time of the server's thread that talks to clients."""
    thread = next(one for one in threading.enumerate() if one.name == "web server")
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident or 0))


def measure(
    traffic: Traffic, scenario: Scenario, seconds: float, readers: int, stuck: int, rest: bool, watch: bool
) -> dict[str, float]:
    """Publish at 1 Hz for so long beside the clients given."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    board = Board()
    with start_server(board, scenario, WebOptions(port=0, history_gb=2.0)) as server:
        board.publish(traffic.next())
        processes, queues = [], {}
        for name, count, reading in (("readers", readers, True), ("stuck", stuck, False)):
            if count:
                connected, queues[name] = context.Event(), context.Queue()
                given = (server.url, count, reading, connected, stop, queues[name])
                processes.append(context.Process(target=clients, args=given, daemon=True))
                processes[-1].start()
                while not connected.wait(0.5):
                    board.publish(traffic.next())
                for _ in range(0 if reading else 40):  # until what the system buffers for them is full
                    board.publish(traffic.next())
                    time.sleep(0.15)
        if rest:
            queues["rest"] = context.Queue()
            processes.append(context.Process(target=hammer, args=(server.url, stop, queues["rest"]), daemon=True))
            processes[-1].start()
            time.sleep(1.5)
        updates = [traffic.next() for _ in range(int(seconds))]
        time.sleep(2.0)  # until all that was published so far is written
        watcher = Watch() if watch else None
        if watcher:
            watcher.start()
        cpu, own, web = time.process_time(), time.thread_time(), web_thread_s()
        began = time.monotonic()
        for k, update in enumerate(updates):
            board.publish(update)
            time.sleep(max(began + k + 1 - time.monotonic(), 0.0))
        spent = time.monotonic() - began
        used = time.process_time() - cpu - (time.thread_time() - own)
        found: dict[str, float] = {"web": (web_thread_s() - web) / spent}
        if watcher:
            used -= watcher.cpu_s
            watcher.end()
            for name, values in (("gap", watcher.gaps_ms), ("held", watcher.held_ms)):
                found |= {f"{name}_worst": max(values, default=0.0), f"{name}_p99": np.quantile(values or [0.0], 0.99)}
            found["held"] = sum(watcher.held_ms) / spent / 1e3
        found |= {"cpu": used / spent, "left_out": float(server.publisher._web.pictures_left_out)}
        found["dropped"] = float(server.store.dropped)
        stop.set()
        if "readers" in queues:
            least, most, size = queues["readers"].get(timeout=60)
            found |= {"least": least, "most": most, "mb_s": size / most / 1e6}
        if "rest" in queues:
            answers, size = queues["rest"].get(timeout=60)
            found |= {"answers": answers / spent, "answer_mb": size / max(answers, 1) / 1e6}
        for process in processes:
            process.join(10)
    return found


def kept_bytes(scenario: Scenario, seconds: float = 90.0) -> float:
    """Bytes on disk for a track and second, by the real pictures of a scenario: copies would compress too well."""
    tracker, encoder = Tracker(scenario.sensors, scenario.tracker, scenario.frame), FrameEncoder(scenario)
    with tempfile.TemporaryDirectory() as folder:
        store = FrameStore(Path(folder), 24.0, 1.0, lossless=True)
        looks, plots, rows, due_ns = [], [], 0, 0
        for batch in simulate(scenario, seconds, 1)[1]:
            looks.append(tracker.update(batch))
            plots.append(batch.plots)
            if batch.until_ns >= due_ns:
                due_ns = batch.until_ns // SECOND_NS * SECOND_NS + SECOND_NS
                health = Health("simulated", 0, 0.0, 0, 0, 0, (), 0, "off", (), ())
                picture = tracker.picture(batch.until_ns)
                frame = encoder.encode(Update(picture, concat_pictures(looks), concat_plots(plots), health))
                looks, plots = [], []
                if frame.states.n > len(scenario.sensors) * 100:  # once most aircraft have a track
                    store.put(frame)
                    rows += frame.states.n
        store.close()
        return sum(segment.size for segment in store.span.segments) / rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tracks", type=int, default=30_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=15.0)
    given = parser.parse_args()
    scenario = load("s300")
    traffic = Traffic(scenario, given.tracks)

    def of(readers: int, stuck: int = 0, rest: bool = False, watch: bool = False) -> dict[str, float]:
        return measure(traffic, scenario, given.seconds, readers, stuck, rest, watch)

    alone, many = of(0), of(given.clients)
    stuck = of(0, given.clients)
    quiet, loud = of(0, watch=True), of(given.clients, rest=True, watch=True)
    console = Console()
    python = sys.version.split()[0]
    title = f"{given.tracks:,} tracks at 1 Hz for {given.seconds:g} s, {os.cpu_count()} cores, Python {python}"
    grid = Table(title=title)
    for heading in ("what", "found", "wanted"):
        grid.add_column(heading, justify="left" if heading == "what" else "right")
    grid.add_row("server without a client, of one core", f"{alone['cpu']:.1%}", "-")
    grid.add_row(f"server with {given.clients} clients, of one core", f"{many['cpu']:.1%}", f"< {CPU_LIMIT:.0%}")
    grid.add_row("sent to them, MB/s", f"{many['mb_s']:.1f}", "-")
    grid.add_row("pictures that the worst and the best of them got", f"{many['least']:g} / {many['most']:g}", "-")
    webs = f"{alone['web']:.2%} / {many['web']:.2%} / {stuck['web']:.2%}"
    grid.add_row(f"of it for clients: none / {given.clients} / {given.clients} that do not read", webs, "last as first")
    grid.add_row("pictures left out / not kept", f"{many['left_out']:g} / {many['dropped']:g}", "0 / 0")
    grid.add_row("kept on disk, bytes a track and second (s300)", f"{kept_bytes(scenario):.1f}", "-")
    grid.add_row(f"{given.clients} clients and a REST hammer, of one core", f"{loud['cpu']:.1%}", "-")
    grid.add_row(
        "its answers of all tracks as GeoJSON, a second", f"{loud['answers']:.1f} of {loud['answer_mb']:.1f} MB", "-"
    )
    for name, found in (("nobody asking", quiet), ("clients and hammer", loud)):
        for what, key in (("gaps of a busy thread", "gap"), ("of it held by the server's threads", "held")):
            grid.add_row(
                f"{name}: {what}, worst / p99, ms", f"{found[key + '_worst']:.1f} / {found[key + '_p99']:.1f}", "small"
            )
        grid.add_row(f"{name}: its time that they held", f"{found['held']:.1%}", "small")
    console.print(grid)


if __name__ == "__main__":
    main()
