"""Live data on the loopback interface: is anything lost, what does receiving cost, and how soon are tracks sent?

    python benchmarks/live.py [--seconds 10] [--rate 30000] [--latency-seconds 60]

First, a sender in a process of its own sends CAT048 plots of ten radars to a multicast group, 30,000 a second in
datagrams of up to 1,400 bytes at even steps, their times of day those of the clock. They are received, decoded and
merged, and not tracked. Printed are what was lost, and the CPU time of the whole receiving process and of the sender as
shares of one core.

Second, the headline scenario (s300: one radar, 300 aircraft, clutter) passes in real time through everything: received,
decoded, merged, tracked, sent as CAT062, and heard by a client. The latency of a track is from the receipt of the
datagram that completes its slice of time to the client's receipt of it, both stamped by the kernel; the wait of the
merge for plots out of order, which comes before, is printed apart, and so is a client with an update every 4 s.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import multiprocessing
import os
import resource
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from farwatch.api import simulate
from farwatch.clock import Paced, now_ns
from farwatch.formats.asterix.radar_out import Station, radar_blocks
from farwatch.formats.asterix.time_of_day import TICK_NS
from farwatch.network import SO_TIMESTAMPNS, Interface, open_receiver, open_sender, parse_url
from farwatch.pipeline import run
from farwatch.plots import Kind, concat_plots, concat_progress, make_plots, make_progress
from farwatch.scenario import Scenario, load
from farwatch.sensors import Place, Radar
from farwatch.simulation import stream
from farwatch.sinks import AsterixOutput, AsterixOutputs, health_of
from farwatch.sinks.radar_asterix import encode_radars, write_radars
from farwatch.sources import Feed, Live
from farwatch.sources.player import Due, Player
from farwatch.tracker import Tracker

LOCAL = "127.0.0.1"
GROUP = "239.255.77.200"
RADARS = 10
STEP_S = 0.02
CPU_LIMIT, MEDIAN_LIMIT_MS, P99_LIMIT_MS = 0.25, 5.0, 20.0
EVERY_S = 4.0


def free_port() -> int:
    """A UDP port that nobody uses just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOCAL, 0))
        return int(sock.getsockname()[1])


def radars() -> list[Radar]:
    """Ten radars of four seconds a turn."""
    return [
        Radar(
            id=f"R{k}",
            position=Place(lat_deg=45.0 + k, lon_deg=9.0),
            rotation_s=4.0,
            max_range_km=400.0,
            sac_sic=f"1/{k + 1}",
        )
        for k in range(RADARS)
    ]


def flood(url: str, rate: int, seconds: float, ready: Event, told: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    """The sender's process: plots of now, step by step; tells how many it sent, and its CPU share."""
    rng = np.random.default_rng(1)
    endpoint = parse_url(url)
    sock = open_sender(endpoint, Interface(LOCAL), 0)
    stations = [Station(1, k + 1, 45.0 + k, 9.0, 0.0) for k in range(RADARS)]
    n = round(rate * STEP_S)
    made = []
    for _ in range(10):  # ten steps are made beforehand, and their times written anew when they are sent
        plots = make_plots(
            n,
            id=np.arange(n),
            time_ns=np.zeros(n, np.int64),
            sensor=np.sort(rng.integers(0, RADARS, n)).astype(np.int32),
            kind=np.full(n, Kind.PSR_MODE_S, np.uint8),
            z=np.column_stack([rng.uniform(10e3, 390e3, n), rng.uniform(0, 2 * np.pi, n)]),
            measured=3,
            address=rng.integers(1, 1 << 24, n).astype(np.int32),
            mode_a=rng.integers(0, 4096, n).astype(np.int16),
            pressure_altitude_m=rng.uniform(0, 12e3, n),
        )
        made.append((plots, stations))
    ready.wait()
    began, cpu, sent, datagrams = time.monotonic(), time.process_time(), 0, 0
    for step in range(round(seconds / STEP_S)):
        plots, stations = made[step % len(made)]
        times = np.full(n, now_ns() // TICK_NS * TICK_NS)
        blocks = radar_blocks(plots._replace(time_ns=times), make_progress(0), stations, np.full(n, np.nan))
        due = began + step * STEP_S
        parts = blocks.datagrams()
        for k, data in enumerate(parts):
            wait_s = due + k / len(parts) * STEP_S - time.monotonic()
            if wait_s > 0.001:
                time.sleep(wait_s)
            sock.sendto(data, (endpoint.host, endpoint.port))
        sent += n
        datagrams += len(parts)
    spent = time.monotonic() - began
    told.put((sent, datagrams, spent, (time.process_time() - cpu) / spent))


def receive(rate: int, seconds: float) -> dict[str, float]:
    """Receive, decode and merge the flood."""
    url = f"udp://{GROUP}:{free_port()}"
    context = multiprocessing.get_context("spawn")
    ready, told = context.Event(), context.Queue()
    warm(radars())
    with Live([Feed(url=url, interface=LOCAL)], radars()) as live:
        sender = context.Process(target=flood, args=(url, rate, seconds, ready, told), daemon=True)
        sender.start()
        time.sleep(4.0)  # until the sender has made its data
        ended = threading.Timer(seconds + 2.0, live.stop)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        began = time.monotonic()
        ready.set()
        ended.start()
        plots = sum(batch.plots.n for batch in live)
        spent = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = (after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime) / seconds
        sent, datagrams, sender_s, sender_cpu = told.get(timeout=30)
        sender.join()
        (state,) = live.states
        return {
            "sent": sent,
            "sent_per_s": sent / sender_s,
            "datagrams": datagrams,
            "received": state.datagrams,
            "plots": plots,
            "dropped": state.dropped,
            "overruns": state.overruns,
            "late": live.late,
            "ahead": live.ahead,
            "cpu": cpu,
            "sender_cpu": sender_cpu,
            "spent_s": spent,
            "buffer_mb": state.buffer_bytes / (1 << 20),
        }


def warm(sensors: list[Radar]) -> None:
    """Compile or load the decoder's kernels."""
    port = free_port()
    url = f"udp://{LOCAL}:{port}"
    plots = make_plots(1, time_ns=now_ns(), kind=int(Kind.PSR), z=[[1e5, 1.0]], measured=3)
    with Live([Feed(url=url)], sensors, duration_s=0.5) as live:
        endpoint = parse_url(url)
        with open_sender(endpoint, Interface(LOCAL), 0) as sock:
            for data in encode_radars(plots, make_progress(0), sensors).datagrams():
                sock.sendto(data, (LOCAL, port))
        for _ in live:
            pass


def night(seconds: float) -> list[Due]:
    """The headline scenario's datagrams, each at the time of its last plot or message."""
    scenario = load("s300")
    parts = list(stream(scenario.sensors, scenario.frame, scenario.simulation, seconds, 1))
    plots, progress = concat_plots([part[1] for part in parts]), concat_progress([part[2] for part in parts])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night.ast"
        write_radars(path, plots, progress, scenario.sensors)
        return list(Player(path).datagrams())


class Hearing:
    """A client that looks into its socket only at the end, so that it takes no time from what is measured."""

    def __init__(self) -> None:
        self.url = f"udp://{LOCAL}:{free_port()}"
        self._socket, _ = open_receiver(parse_url(self.url), Interface(), 1 << 22)

    def at_ns(self) -> list[int]:
        """When the kernel received each datagram of tracks (ns)."""
        found = []
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(65_535, 256)
            except BlockingIOError:
                self._socket.close()
                return found
            for _, kind, content in ancillary:
                if kind == SO_TIMESTAMPNS and data[0] == 62:
                    seconds, fraction = struct.unpack_from("@qq", content)
                    found.append(seconds * 1_000_000_000 + fraction)


def through(seconds: float) -> dict[str, np.ndarray]:
    """Everything in real time: from receipt to receipt (ms), and what the merge and the pacing waited."""
    scenario = load("s300")
    blocks = night(seconds)
    feed = f"udp://{LOCAL}:{free_port()}"
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    warm_up(scenario)
    gc.freeze()  # as `farwatch listen` does
    each, every = Hearing(), Hearing()
    live = Live([Feed(url=feed, day=datetime.date(2026, 3, 1))], scenario.sensors)
    outputs = AsterixOutputs(
        [AsterixOutput(url=each.url), AsterixOutput(url=every.url, every_s=EVERY_S)],
        scenario.sensors,
        scenario.frame,
        tracker.picture,
        lambda: health_of(scenario.sensors, live.heard_ns, now_ns()),
    )
    ended: list[int] = []  # what is given out at the end, all at once, is not counted

    def end() -> None:
        ended.append(now_ns())
        live.stop()

    threading.Thread(target=paced, args=(feed, blocks, end), daemon=True).start()
    triggered: list[int] = []
    waits: list[float] = []
    for batch in live:
        outputs.write(tracker.update(batch))
        if batch.plots.n:
            waits.append((live.triggered_ns - int(batch.plots.received_ns.max())) * 1e-6)
        triggered.append(live.triggered_ns)
    outputs.close()
    # The datagram that made a track known is the last one that had been received before.
    at_ns, cause_ns = np.array([one for one in each.at_ns() if one < ended[0]]), np.unique(triggered)
    latency_ms = (at_ns - cause_ns[np.searchsorted(cause_ns, at_ns) - 1]) * 1e-6
    return {
        "latency_ms": latency_ms,
        "wait_ms": np.array(waits),
        "periodic_ms": np.diff([one for one in every.at_ns() if one < ended[0]]) * 1e-6,
        "late": np.array([live.late]),
    }


def warm_up(scenario: Scenario) -> None:
    """Compile or load the kernels of tracker and encoder."""
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    sink = AsterixOutputs([AsterixOutput(url=f"udp://{LOCAL}:9")], scenario.sensors, scenario.frame, tracker.picture)
    for picture in run(simulate(scenario, 30.0, 1)[1], tracker):
        sink.write(picture)
    sink.close()


def paced(url: str, blocks: list[Due], stop: Callable[[], None]) -> None:
    """Send each block at its time, the first now, then end the listening."""
    endpoint, clock = parse_url(url), Paced(1.0)
    with open_sender(endpoint, Interface(), 0) as sock:
        for due in blocks:
            clock.wait_until(due.time_ns)
            sock.sendto(due.data, (endpoint.host, endpoint.port))
    time.sleep(1.0)
    stop()


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=30_000)
    parser.add_argument("--latency-seconds", type=float, default=60.0)
    given = parser.parse_args()
    console = Console()
    f = receive(given.rate, given.seconds)
    title = f"{f['sent_per_s']:,.0f} plots/s over a multicast group for {given.seconds:g} s, {os.cpu_count()} cores"
    grid = Table(title=title)
    for heading in ("what", "found", "wanted"):
        grid.add_column(heading, justify="left" if heading == "what" else "right")
    grid.add_row("datagrams received of sent", f"{f['received']:,.0f} of {f['datagrams']:,.0f}", "all")
    grid.add_row("plots given out of sent", f"{f['plots']:,.0f} of {f['sent']:,.0f}", "all")
    lost = f"{f['dropped']} / {f['overruns']} / {f['late']} / {f['ahead']}"
    grid.add_row("dropped / by the kernel / late / ahead", lost, "0")
    grid.add_row("receive, decode and merge, of one core", f"{f['cpu']:.1%}", f"< {CPU_LIMIT:.0%}")
    grid.add_row("the sender, of one core", f"{f['sender_cpu']:.1%}", "-")
    grid.add_row("receive buffer, MB", f"{f['buffer_mb']:.3g}", "8")
    console.print(grid)
    g = through(given.latency_seconds)
    median, p99 = np.quantile(g["latency_ms"], [0.5, 0.99])
    grid = Table(title=f"s300 in real time for {given.latency_seconds:g} s: plot in to CAT062 at a client")
    for heading in ("what", "found", "wanted"):
        grid.add_column(heading, justify="left" if heading == "what" else "right")
    grid.add_row("datagrams of tracks", f"{len(g['latency_ms']):,}", "-")
    grid.add_row("latency, median, ms", f"{median:.1f}", f"< {MEDIAN_LIMIT_MS:g}")
    grid.add_row("latency, p99, ms", f"{p99:.1f}", f"< {P99_LIMIT_MS:g}")
    wait, most = np.quantile(g["wait_ms"], [0.5, 0.99])
    grid.add_row(
        "before: the merge's wait after a slice's last plot, median / p99, ms", f"{wait:,.0f} / {most:,.0f}", "-"
    )
    gap, most = np.quantile(g["periodic_ms"], [0.5, 1.0])
    what = f"client with an update every {EVERY_S:g} s: between its datagrams, median / most, ms"
    grid.add_row(what, f"{gap:,.0f} / {most:,.0f}", "spread")
    grid.add_row("late plots", f"{g['late'][0]}", "0")
    console.print(grid)


if __name__ == "__main__":
    main()
