"""Opens the source of a job, so that it feeds the service's own intake."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from farwatch.clock import now_ns
from farwatch.errors import ConfigError
from farwatch.scenario import Scenario
from farwatch.service.intake import Intake
from farwatch.service.job import Job
from farwatch.sources import Feed, Live, Replay, Simulated
from farwatch.sources.feeds import checked
from farwatch.sources.live import OnDatagrams
from farwatch.sources.receivers import FeedState, Inbox, UdpReceiver

STEP_S = 1.0  # of data time in one input of a recording: so often a checkpoint can be taken
RETRY_S = 10.0


def simulated(scenario: Scenario, job: Job, intake: Intake) -> Simulated:
    """The simulator, without end where the job says none."""
    intake.final = True
    return Simulated(scenario.sensors, scenario.frame, scenario.simulation, job.duration_s, job.seed, merge=intake)


def replayed(scenario: Scenario, job: Job, intake: Intake) -> Replay:
    """The recordings; the chunks that the intake has had already are passed over."""
    intake.final, intake.passed_over = True, intake.sequence + 1
    return Replay(
        job.recordings,
        scenario.sensors,
        day_ns=job.day_ns,
        editions=job.editions,
        flat=scenario.frame.flat,
        merge=intake,
        step_s=STEP_S,
    )


def live(
    scenario: Scenario,
    feeds: Sequence[Feed],
    intake: Intake,
    on_datagrams: OnDatagrams,
    on_turn: Callable[[], object],
) -> Live:
    """The feeds that can be opened: they receive from now on."""
    backlog_ns = round(scenario.service.backlog_s * 1e9)
    intake.oldest_ns = lambda: now_ns() - backlog_ns
    return Live(
        feeds,
        scenario.sensors,
        flat=scenario.frame.flat,
        on_datagrams=on_datagrams,
        merge=intake,
        on_turn=on_turn,
    )


class Feeds:
    """The feeds of a site of which some may not be usable yet: an interface that is down, a port that is taken.

    `faults` says of each of those why. Raises `ConfigError` where there is none that is.
    """

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = tuple(feeds)
        self._faults: dict[int, str] = {}
        self._looked_s = time.monotonic()
        for number, feed in enumerate(self._feeds):
            if fault := _fault(feed, number):
                self._faults[number] = fault
        if self._feeds and len(self._faults) == len(self._feeds):
            raise ConfigError("; ".join(self._faults.values()))

    @property
    def usable(self) -> list[Feed]:
        """Those that can be listened to."""
        return [feed for number, feed in enumerate(self._feeds) if number not in self._faults]

    @property
    def faults(self) -> dict[str, str]:
        """Why the others cannot, by name."""
        return {
            f"feed {number}": f"{fault}; the others go on, and it is tried again every {RETRY_S:.0f} s"
            for number, fault in self._faults.items()
        }

    def more(self) -> bool:
        """Look again, once in a while, whether one has become usable."""
        if not self._faults or time.monotonic() - self._looked_s < RETRY_S:
            return False
        self._looked_s = time.monotonic()
        healed = [number for number in self._faults if not _fault(self._feeds[number], number)]
        for number in healed:
            del self._faults[number]
        return bool(healed)


def _fault(feed: Feed, number: int) -> str:
    """Why a feed cannot be listened to, empty where it can."""
    try:
        ready = checked(feed, number)
        if ready.endpoints[0].scheme == "udp":
            UdpReceiver(ready, Inbox(1, FeedState(str(number)), threading.Event())).stop()
    except ConfigError as error:
        text = str(error)
        return text if text.startswith("$") else f"$.feeds[{number}]: {text}"
    return ""
