"""farwatch demo on the map: a simulated scenario, tracked live, in the browser."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import webbrowser

import msgspec

from farwatch.cli.say import err, kernels_ready, out
from farwatch.cli.serve import stopped_by_signals, warm
from farwatch.errors import ConfigError
from farwatch.scenario import Scenario, load
from farwatch.service import Board, Job, Service
from farwatch.service.server import Server, start_server

HEAD_START_S = 60.0  # of data, so that the page opens on a full picture
ANY_PORT = 0


def demo_map(scenario_name: str, duration_s: float | None, seed: int, speed: float, port: int, browser: bool) -> None:
    """Serve the map and open it; ends after `duration_s` of data, or with Ctrl-C."""
    scenario = load(scenario_name)
    kernels_ready()
    warm(scenario)
    board = Board()
    duration_s = math.inf if duration_s is None else duration_s
    job = Job(
        "simulated", speed=speed, duration_s=duration_s, seed=seed, head_start_s=min(HEAD_START_S, duration_s / 2)
    )
    service = Service(scenario, job, board)
    with contextlib.ExitStack() as parts:
        server = parts.enter_context(served(board, scenario, port))
        parts.enter_context(stopped_by_signals(service.stop))
        opened = browser and open_in_browser(server.url)
        out().print(f"{scenario.name}: the map is at {server.url}" + ("" if opened else " (open it in a browser)"))
        out().print("Ctrl-C ends it.")
        service.run()


def served(board: Board, scenario: Scenario, port: int) -> Server:
    """The web side, on another port where the one asked for is taken."""
    web = msgspec.structs.replace(scenario.service.web, port=port)
    try:
        return start_server(board, scenario, web)
    except ConfigError as error:
        if "in use" not in str(error):
            raise
        err().print(f"farwatch: {error}; another is taken", markup=False)
        return start_server(board, scenario, msgspec.structs.replace(web, port=ANY_PORT))


def open_in_browser(url: str) -> bool:
    """Have the system's browser open an address; False where there is none that would show a map."""
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not screen:
        return False
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return False
    threading.Thread(target=found.open, args=(url,), name="browser", daemon=True).start()
    return True
