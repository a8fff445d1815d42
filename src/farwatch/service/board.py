"""Board: the latest of everything, handed from the tracker's thread to whoever reads. Publishing never waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal, NamedTuple

from farwatch.picture import Picture
from farwatch.plots import Plots
from farwatch.registration.report import SensorReport

Mode = Literal["live", "replay", "simulated", "standby"]
Condition = Literal["ok", "waiting", "silent", "stuck"]


class SensorHealth(NamedTuple):
    """How a sensor is doing: `heard_ns` is its newest data time, 0 where it has not been heard."""

    id: str
    condition: Condition
    heard_ns: int
    plots_per_s: float
    azimuth_rad: float  # where its beam is at `until_ns`, NaN where that is not known
    rotation_s: float


class Health(NamedTuple):
    """What the service says of itself. Totals count from its start."""

    mode: Mode
    plots: int
    plots_per_s: float
    late: int  # plots too late to be put in order
    dropped: int  # datagrams that a full queue or the system let go
    shed: int  # plots let go because the tracker could not follow
    latency_ms: tuple[float, ...]  # from receipt to picture, one of each batch since the last update
    checkpoint_ns: int  # data time of the last checkpoint, 0 before the first
    recording: Literal["off", "on", "full", "failed"]
    said: tuple[str, ...]  # what an operator should know now, in words
    sensors: tuple[SensorHealth, ...]
    registration: tuple[SensorReport, ...] = ()  # in the order of the sensors; none where they are not registered


class Update(NamedTuple):
    """What has become of a second of data time."""

    picture: Picture  # all tracks, predicted to `picture.until_ns`
    looks: Picture  # the states at every look since the update before; `plot` names the plot that weighed most
    plots: Plots  # all since the update before
    health: Health


Hear = Callable[[Update], object]


class Board:
    """Hands every update to its listeners, in the tracker's thread: a listener must return at once."""

    def __init__(self) -> None:
        self.latest: Update | None = None
        self._listeners: list[Hear] = []
        self._lock = threading.Lock()

    def publish(self, update: Update) -> None:
        """Make `update` the latest and tell the listeners."""
        self.latest = update
        with self._lock:
            listeners = list(self._listeners)
        for hear in listeners:
            hear(update)

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Have `hear` called with each update; what is returned ends that."""
        with self._lock:
            self._listeners.append(hear)

        def end() -> None:
            with self._lock:
                self._listeners.remove(hear)

        return end
