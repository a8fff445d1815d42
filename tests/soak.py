"""Runs a simulated service as fast as it goes, and prints what memory it holds hour by hour: HOURS, STATE, RECORD."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import msgspec

import farwatch
from farwatch.service import Board, Job, Service, Update
from farwatch.simulation.simulate import START_NS


def resident_mb() -> float:
    """Memory of this process that is in use, MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024.0
    raise RuntimeError("no VmRSS")


class Meter:
    """Notes memory every twelfth of an hour of data."""

    def __init__(self) -> None:
        self.next = 0

    def __call__(self, update: Update) -> None:
        passed = (update.picture.until_ns - START_NS) * 1e-9 / 3600.0
        if passed >= self.next / 12.0:
            self.next = int(passed * 12.0) + 1
            tracks, threads = update.picture.n, threading.active_count()
            row = {"hour": passed, "rss_mb": resident_mb(), "tracks": tracks, "threads": threads}
            row |= {"plots": update.health.plots, "recording": update.health.recording}
            print(json.dumps(row), flush=True)


def main(hours: float, state: str, record: str) -> None:
    """Until so many hours have been simulated."""
    board = Board()
    board.listen(Meter())
    scenario = farwatch.load("s300")
    # An hour of data passes in seconds: checkpoints as often as in an hour of a service would be too many, but some.
    options = msgspec.structs.replace(scenario.service, checkpoint_s=0.25)
    job = Job("simulated", duration_s=hours * 3600.0, state=Path(state), record=Path(record))
    service = Service(msgspec.structs.replace(scenario, service=options), job, board)
    service.run()
    print(json.dumps({"done": service.finished, "not_recorded": service.journal.dropped if service.journal else 0}))


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], sys.argv[3])
