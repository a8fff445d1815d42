"""Serve a simulated scenario, tracked by the real tracker, for tests of the map page; runs until it is ended.

`python map_service.py PORT [SCENARIO [PAGE [TOKEN_FILE]]]`: the first minutes come as fast as possible, so that there
is something to go back to, the rest second by second. Prints `ready URL` when the first minutes are there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from farwatch.picture import Picture, concat_pictures
from farwatch.plots import Plots, concat_plots
from farwatch.scenario import Scenario, load
from farwatch.service.board import Board, Health, SensorHealth, Update
from farwatch.service.server import start_server
from farwatch.sources import Simulated
from farwatch.tracker import Tracker
from farwatch.web_options import WebOptions

AT_ONCE = 120  # seconds of data
LONGEST_S = 3600.0
SECOND_NS = 1_000_000_000


def updates(scenario: Scenario, seed: int) -> Iterator[Update]:
    """An update for every second of the scenario."""
    source = Simulated(scenario.sensors, scenario.frame, scenario.simulation, LONGEST_S, seed)
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    looks: list[Picture] = []
    plots: list[Plots] = []
    total, due_ns = 0, 0
    for batch in source:
        looks.append(tracker.update(batch))
        plots.append(batch.plots)
        total += batch.plots.n
        due_ns = due_ns or (batch.until_ns // SECOND_NS + 1) * SECOND_NS
        while batch.until_ns >= due_ns:
            recent = concat_plots(plots)
            now = tracker.picture(due_ns)._replace(until_ns=due_ns)
            yield Update(now, concat_pictures(looks), recent, health(scenario, recent, due_ns, total))
            looks, plots = [looks[-1].take(slice(0))], []
            due_ns += SECOND_NS


def health(scenario: Scenario, recent: Plots, now_ns: int, total: int) -> Health:
    """What the service would say; a beam is where its newest plot was, and has turned on since."""
    sensors = []
    for k, sensor in enumerate(scenario.sensors):
        own = recent.take(recent.sensor == k)
        azimuth_rad, heard_ns = float("nan"), now_ns
        if own.n:
            last = int(own.time_ns.argmax())
            heard_ns = int(own.time_ns[last])
            turned = (now_ns - heard_ns) * 1e-9 / sensor.period_s
            azimuth_rad = float(own.z[last, 1]) + turned * 6.283185307
        sensors.append(SensorHealth(sensor.id, "ok", heard_ns, float(own.n), azimuth_rad, sensor.period_s))
    return Health("simulated", total, float(recent.n), 0, 0, 0, (4.0, 5.0), 0, "off", (), tuple(sensors))


def main(port: int, name: str = "s300", page: str = "", token_file: str | None = None) -> None:
    """Serve until ended, or until the scenario is over."""
    scenario = load(name)
    board = Board()
    root: dict[str, Any] = {} if not page else {"web_root": Path(page)}
    with start_server(board, scenario, WebOptions(port=port, token_file=token_file), lossless=True, **root) as server:
        due_s = 0.0
        for k, update in enumerate(updates(scenario, seed=7)):
            if k == AT_ONCE:
                print("ready", server.url, flush=True)
                due_s = time.monotonic()
            elif k > AT_ONCE:
                due_s += 1.0
                time.sleep(max(0.0, due_s - time.monotonic()))
            board.publish(update)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
