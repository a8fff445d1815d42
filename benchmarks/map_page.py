"""What the map page costs: the share of a core that its main thread takes with many tracks, in headless Chromium.

Pictures of synthetic flights come once a second, in place of a service's, through the live socket as the page knows it:
parsing, map, list and bars are all in it. Targets: 30,000 tracks under 10 % of a core, 300 under 4 %.
"""

from __future__ import annotations

import json
import shutil
import struct
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

PAGE = Path(__file__).parent.parent / "src" / "farwatch" / "page"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
TARGETS = {300: 4.0, 3_000: 10.0, 30_000: 10.0}
SETTLE_S, MEASURED_S = 8, 12
CENTRE = {"lat_deg": 47.0, "lon_deg": 9.0}


class Quiet(SimpleHTTPRequestHandler):
    """Serves the page, and does not say so."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Flights:
    """n flights that go straight on."""

    def __init__(self, n: int) -> None:
        roll = np.random.default_rng(1)
        self.n, self.sequence, self.time_ms = n, 0, 1.7325e12
        spread = 5.0 if n < 10_000 else 12.0
        self.lat, self.lon = 47.0 + roll.uniform(-spread, spread, n), 9.0 + roll.uniform(-spread, spread, n)
        self.level, self.speed = roll.integers(200, 1700, n), roll.uniform(120.0, 260.0, n)
        self.angle = roll.uniform(0.0, 2 * np.pi, n)

    def static(self) -> str:
        """Their names."""
        rows = [{"id": k + 1, "callsign": f"FW{k:05d}", "address": f"{k:06X}", "mode_a": "1000"} for k in range(self.n)]
        return json.dumps({"type": "static", "tracks": rows})

    def picture(self) -> bytes:
        """The next second."""
        self.sequence += 1
        self.time_ms += 1000.0
        self.lat += self.speed * np.cos(self.angle) / 111_320.0
        self.lon += self.speed * np.sin(self.angle) / 76_000.0
        head = struct.pack("<2sBBIdII", b"FW", 1, 1, self.n, self.time_ms, self.sequence, 0)
        columns = (
            np.arange(1, self.n + 1, dtype="<u4"), np.rint(self.lat * 1e7).astype("<i4"),
            np.rint(self.lon * 1e7).astype("<i4"), self.level.astype("<i2"), (self.speed * 10).astype("<u2"),
            (self.angle / (2 * np.pi) * 65535).astype("<u2"), np.zeros(self.n, "<i2"), np.ones(self.n, "<u2"),
            np.ones(self.n, "<u2"),
        )  # fmt: skip
        return head + b"".join(column.tobytes() for column in columns)

    def status(self) -> str:
        """All is well."""
        return json.dumps(
            {
                "type": "status", "time_ms": self.time_ms, "mode": "live", "tracks": self.n, "plots": 0,
                "plots_per_s": 0.0, "latency_ms": 1.0, "late": 0, "dropped": 0, "shed": 0, "recording": "off",
                "said": [], "playback": {"state": "live", "speed": 1.0, "time_ms": self.time_ms},
                "range": [1.7325e12, self.time_ms], "gaps": [],
                "sensors": [{"id": "RAD1", "condition": "ok", "heard_ms": self.time_ms, "plots_per_s": 0.0,
                             "azimuth_deg": self.sequence * 36.0 % 360.0, "rotation_s": 10.0}],
            }
        )  # fmt: skip


HELLO = json.dumps(
    {
        "type": "hello", "version": 1, "farwatch": "", "session": "1", "mode": "live",
        "scenario": {"name": "Benchmark", "centre": CENTRE, "radius_m": 600_000},
        "sensors": [{"id": "RAD1", "kind": "radar", **CENTRE, "height_m": 500, "max_range_m": 600_000,
                     "min_elevation_deg": 0.2, "rotation_s": 10.0}],
    }
)  # fmt: skip


def measure(browser: Any, url: str, n: int) -> tuple[float, float]:
    """Shares of a core (per cent) that the main thread takes: in all its tasks, and in scripts alone."""
    page = browser.new_page(viewport={"width": 1440, "height": 860})
    flights = Flights(n)
    sockets: list[Any] = []
    page.route_web_socket("**/api/v1/live", lambda socket: sockets.append(socket))
    page.goto(url)
    while not sockets:
        page.wait_for_timeout(50)
    sockets[0].send(HELLO)
    sockets[0].send(flights.static())
    protocol = page.context.new_cdp_session(page)
    protocol.send("Performance.enable", {"timeDomain": "threadTicks"})  # its own time, not that of others
    taken: list[dict[str, float]] = []
    for second in range(SETTLE_S + MEASURED_S + 1):
        sockets[0].send(flights.picture())
        sockets[0].send(flights.status())
        if second in (SETTLE_S, SETTLE_S + MEASURED_S):
            metrics = protocol.send("Performance.getMetrics")["metrics"]
            taken.append({one["name"]: one["value"] for one in metrics} | {"now": time.monotonic()})
        page.wait_for_timeout(1000)
    assert page.evaluate("farwatch.model.picture.n") == n
    page.close()
    elapsed_s = taken[1]["now"] - taken[0]["now"]
    shares = [100 * (taken[1][name] - taken[0][name]) / elapsed_s for name in ("TaskDuration", "ScriptDuration")]
    return shares[0], shares[1]


def main() -> None:
    """Measure and print."""
    from playwright.sync_api import sync_playwright

    page = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None or not (page / "index.html").is_file():
        sys.exit("it takes Chromium, and the page built (FARWATCH_PAGE=require pip install -e .)")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(page)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    print(f"{'tracks':>8} {'main thread, %':>16} {'scripts, %':>12} {'at most, %':>12}")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        for n, target in TARGETS.items():
            all_tasks, scripts = measure(browser, url, n)
            print(f"{n:>8,} {all_tasks:>16.1f} {scripts:>12.1f} {target:>12.0f}")
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
