"""Status: what a service says of itself: an update a second of data time, the sensors, what an operator should know."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from farwatch.clock import Steady
from farwatch.formats.asterix.service_out import Condition as SentCondition
from farwatch.picture import Picture
from farwatch.plots import Plots, Progress
from farwatch.registration.report import SensorReport, sensor_reports, words
from farwatch.service.board import Health, Update
from farwatch.service.telling import Telling, Words
from farwatch.service.watch import Watch
from farwatch.sinks import Health as SentHealth
from farwatch.sources import Live

if TYPE_CHECKING:
    from farwatch.service.service import Service

SET_BACK_NS = 500_000_000
BEHIND_S = 2.0
IDLE_S = 1.0
_SENT = {
    "ok": SentCondition.OPERATIONAL,
    "waiting": SentCondition.INITIALISING,
    "silent": SentCondition.NOT_CONNECTED,
    "stuck": SentCondition.DEGRADED,
}


class Status:
    """Publishes on the service's board."""

    def __init__(self, service: Service) -> None:
        self.words = Words()
        self.telling = Telling()
        self.standby_said = ""
        self._service = service
        self._watch = Watch(service.scenario.sensors)
        self._steady = Steady()
        self._set_back_ns = 0
        self._data_ns = 0
        self._lost = (0, 0)  # plots shed, datagrams dropped, as of the last update
        self._losing = False
        self._published_s = time.monotonic()
        self._registered: tuple[int, tuple[SensorReport, ...]] = (-1, ())  # as of so many windows

    def hear(self, plots: Plots, progress: Progress) -> None:
        """Take note of what comes of the sensors."""
        newest = [int(part.time_ns.max()) for part in (plots, progress) if part.n]
        self._data_ns = max([self._data_ns, *newest])
        self._watch.hear(plots, progress, self._now_ns())

    def sent(self) -> SentHealth:
        """What clients are told of the sensors and the system (CAT063, CAT065)."""
        now_ns, n = self._now_ns(), len(self._service.scenario.sensors)
        conditions = tuple(_SENT[self._watch.condition(sensor, now_ns)] for sensor in range(n))
        return SentHealth(conditions, self._losing)

    def publish(self) -> None:
        """Put the picture and what goes with it on the board."""
        service, telling = self._service, self.telling
        until_ns, now_ns = telling.until_ns or service.core.until_ns, self._now_ns()
        sensors = self._watch.health(until_ns, now_ns, telling.since_s())
        self.words.standing(self._standing(now_ns))
        losing = (service.core.intake.shed, self._dropped())
        self._losing, self._lost = losing > self._lost, losing
        picture: Picture = service.core.tracker.picture(until_ns)._replace(until_ns=until_ns)
        health = Health(
            mode=service.mode,
            plots=service.core.intake.taken,
            plots_per_s=telling.plots_per_s(),
            late=service.core.intake.late,
            dropped=self._dropped(),
            shed=service.core.intake.shed,
            latency_ms=telling.latency_ms(),
            checkpoint_ns=0 if service.checkpoints is None else service.checkpoints.written_ns,
            recording=self._recording(),
            said=self.words.said(),
            sensors=sensors,
            registration=self._registration(),
        )
        update = Update(picture._replace(until_ns=until_ns), telling.looks(), telling.plots(), health)
        telling.begin()
        self._published_s = time.monotonic()
        service.board.publish(update)

    def publish_if_idle(self) -> None:
        """Publish where data time stands still: how the sensors are has changed all the same."""
        if self._service.core.until_ns and time.monotonic() - self._published_s > 2.0 * IDLE_S:
            self.publish()

    def look_at_clock(self) -> None:
        """Say so where the time of day has been set back."""
        behind_ns = self._steady.behind_ns()
        if behind_ns > self._set_back_ns + SET_BACK_NS:
            set_back_s = (behind_ns - self._set_back_ns) * 1e-9
            self.words.notice(f"this machine's clock was set back by {set_back_s:.1f} s; tracking goes on", 300.0)
        if abs(behind_ns - self._set_back_ns) > SET_BACK_NS:
            self._set_back_ns = behind_ns

    def _registration(self) -> tuple[SensorReport, ...]:
        """What is known of the sensors' errors; it changes window by window."""
        registrar = self._service.core.tracker.registrar
        if registrar is None:
            return ()
        windows = int(registrar.estimator.known.windows[0])
        if windows != self._registered[0]:
            self._registered = windows, sensor_reports(registrar)
        return self._registered[1]

    def _now_ns(self) -> int:
        """A time that only goes on: the clock's where data is live, that of the data elsewhere."""
        return time.monotonic_ns() if self._service.job.mode == "live" else self._data_ns

    def _dropped(self) -> int:
        source = self._service.source
        return sum(state.dropped + state.overruns for state in source.states) if isinstance(source, Live) else 0

    def _recording(self) -> Literal["off", "on", "full", "failed"]:
        journal = self._service.journal
        return "off" if journal is None else journal.state

    def _standing(self, now_ns: int) -> dict[str, str]:
        """What is wrong just now, by name."""
        service = self._service
        said = self._watch.words(now_ns) | service.feeds.faults
        if service.core.tracker.registrar is not None:
            said |= words(service.core.tracker.registrar)
        if self.standby_said and service.mode == "standby":
            said["standby"] = self.standby_said
        journal, checkpoints = service.journal, service.checkpoints
        if journal is not None and journal.state == "full":
            said["recording"] = f"the disk is full, nothing is recorded: {journal.failure}"
        elif journal is not None and journal.state == "failed":
            said["recording"] = f"nothing is recorded: {journal.failure}"
        if journal is not None and journal.dropped:
            said["not recorded"] = f"{journal.dropped} inputs were not recorded"
        if checkpoints is not None and checkpoints.failure:
            said["checkpoint"] = checkpoints.failure
        shed, dropped = service.core.intake.shed, self._dropped()
        if (shed, dropped) > self._lost:
            said["overload"] = f"too much comes in: {shed} plots shed, {dropped} datagrams dropped so far"
        if service.pace is not None and service.pace.behind_s > BEHIND_S:
            said["pace"] = f"this machine is {service.pace.behind_s:.0f} s behind the speed that was asked for"
        if isinstance(service.source, Live):
            said |= {f"edition {n}": f"CAT{n:03d} looks like edition {e}" for n, e in service.source.misfits.items()}
            if service.source.ahead:
                said["ahead"] = f"{service.source.ahead} plots and messages ahead of this machine's clock: left out"
        for sink in service.sinks:
            said |= {f"output {sink.sink.file.path}": lost for lost in sink.losses()}
        said |= {f"output {number}": lost for number, lost in enumerate(service.core.outputs.losses())}
        return said
