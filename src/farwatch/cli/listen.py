"""farwatch listen: live feeds through the tracker to the scenario's outputs and to files, until it is stopped."""

from __future__ import annotations

import datetime
import gc
import signal
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec
from rich.live import Live as Screen

from farwatch.api import listen as live_feeds
from farwatch.api import tracker_of
from farwatch.cli.say import err, kernels_ready, out, partial, result
from farwatch.cli.track import day_of, rejected_of, sink_options
from farwatch.clock import now_ns
from farwatch.errors import ConfigError
from farwatch.picture import Picture, Status
from farwatch.pipeline import run
from farwatch.plots import Batch, make_plots, make_progress
from farwatch.scenario import Scenario, load
from farwatch.sinks import AsterixOutputs, FileSink, Sink, health_of, open_sink
from farwatch.sources import Live
from farwatch.tracker import Tracker

_EVERY_S = 1.0  # how often the line is written anew
_SHOWN = 256  # batches whose latency is remembered


class Standing:
    """What has passed by lately, for the line on the screen."""

    def __init__(self) -> None:
        self.plots = 0
        self.pictures = 0
        self.states = 0
        self.holding = 0
        self.tracks: set[int] = set()
        self.latency_ms: deque[float] = deque(maxlen=_SHOWN)
        self.overloaded = False
        self._then_s = time.monotonic()
        self._plots_then = self._dropped_then = 0

    def batch(self, batch: Batch) -> Batch:
        """Note a batch and hand it on."""
        self.plots += batch.plots.n
        return batch

    def picture(self, picture: Picture, latency_ms: float) -> None:
        """Note a picture that all sinks have."""
        self.pictures += 1
        self.states += picture.n
        self.tracks.update(picture.track[picture.status != Status.ENDED].tolist())
        self.latency_ms.append(latency_ms)

    def due(self) -> bool:
        """True once in a while: the line is to be written."""
        return time.monotonic() - self._then_s >= _EVERY_S

    def line(self, source: Live, tracker: Tracker, until_ns: int) -> str:
        """The figures of the last moment in one line."""
        now_s = time.monotonic()
        per_s = (self.plots - self._plots_then) / max(now_s - self._then_s, 1e-9)
        dropped = sum(state.dropped + state.overruns for state in source.states)
        self.overloaded = dropped > self._dropped_then
        self._then_s, self._plots_then, self._dropped_then = now_s, self.plots, dropped
        self.holding = tracker.picture(until_ns).n
        median_ms = statistics.median(self.latency_ms) if self.latency_ms else 0.0
        feeds = sum(state.connected for state in source.states)
        return (
            f"{feeds} of {len(source.states)} feeds, {per_s:,.0f} plots/s, {self.holding:,} tracks, "
            f"{source.late:,} late, {dropped:,} dropped, latency {median_ms:.1f} ms"
        )


def listen(
    site: str, output: list[Path], duration_s: float | None, day: str | None, sac_sic: str, as_json: bool
) -> None:
    """Track until stopped, then sum up; exits 3 where some of the input or output was lost."""
    scenario = load(site)
    if day is not None:
        played = datetime.date(1970, 1, 1) + datetime.timedelta(days=day_of(day) // (86_400 * 10**9))
        feeds = tuple(msgspec.structs.replace(feed, day=played) for feed in scenario.feeds)
        scenario = msgspec.structs.replace(scenario, feeds=feeds)
    if not output and not scenario.outputs:
        raise ConfigError(f"{site}: nothing to write to; give -o FILE, or [[outputs]] in the file")
    names = [sensor.id for sensor in scenario.sensors]
    kernels_ready()
    tracker = tracker_of(scenario)
    tracker_of(scenario).update(Batch(make_plots(0), make_progress(0), 0))
    standing = Standing()
    with live_feeds(scenario, duration_s) as source:
        for said in source.narrow_buffers():
            err().print(f"farwatch: {said}", markup=False)
        files: list[FileSink] = []
        outputs: AsterixOutputs | None = None
        try:
            for path in output:
                files.append(open_sink(path, names, sink_options(scenario, sac_sic, None)))
            outputs = AsterixOutputs(
                scenario.outputs,
                scenario.sensors,
                scenario.frame,
                tracker.picture,
                lambda: health_of(scenario.sensors, source.heard_ns, now_ns(), standing.overloaded),
                tracker.plans,
                tracker.measure() if scenario.outputs else None,
            )
            with stopped_by_signals(source.stop):
                follow(source, tracker, [outputs, *files], standing)
            for file in files:
                file.close()
        except BaseException:
            for file in files:
                file.abort()
            raise
        finally:
            if outputs is not None:
                outputs.close()
    summary(scenario, source, tracker, standing, outputs, files, as_json)
    partial(losses(source, tracker) + outputs.losses() + [lost for file in files for lost in file.losses()])


def follow(source: Live, tracker: Tracker, sinks: list[Sink], standing: Standing) -> None:
    """The pipeline, with a line on the screen where there is one."""
    console = err()
    with nothing_old_looked_over(), Screen(console=console, auto_refresh=False, transient=True) as screen:
        for picture in run((standing.batch(batch) for batch in source), tracker, sinks=sinks):
            standing.picture(picture, (now_ns() - source.triggered_ns) * 1e-6)
            if standing.due():
                line = standing.line(source, tracker, picture.until_ns)
                if console.is_terminal:
                    screen.update(line, refresh=True)


@contextmanager
def nothing_old_looked_over() -> Iterator[None]:
    """Python's collector leaves alone what is there by now, which it takes 45 ms to look over: tracks would wait."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the source, not the program; a second one ends the program."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ended(number: int, frame: FrameType | None) -> None:
        restore()
        stop()

    for number in before:
        signal.signal(number, ended)
    try:
        yield
    finally:
        restore()


def losses(source: Live, tracker: Tracker) -> list[str]:
    """What of the input was lost, in words."""
    lost = [f"{kind}: {error}" for kind, error in source.statistics.errors.items()]
    for category, edition in source.misfits.items():
        lost.append(
            f"blocks of CAT{category:03d} look like edition {edition}: set editions = {{ {category:03d} = "
            f'"{edition}" }} for their feed'
        )
    for state in source.states:
        for count, what in (
            (state.dropped, "datagrams dropped, the oldest of a full queue: the tracker could not follow"),
            (state.overruns, "datagrams dropped by the system: its receive buffer was full"),
            (state.errors, "errors of the network or of the stream"),
        ):
            if count:
                lost.append(f"{state.name}: {count} {what}")
    if source.late:
        lost.append(f"{source.late} plots came too late to be put in order, and were left out")
    if source.ahead:
        lost.append(
            f"{source.ahead} plots and messages are ahead of this machine's clock: left out; set the clock, or "
            "`day` for a recording that is played"
        )
    lost += tracker.counts.losses()
    return lost


def summary(
    scenario: Scenario,
    source: Live,
    tracker: Tracker,
    standing: Standing,
    outputs: AsterixOutputs,
    files: list[FileSink],
    as_json: bool,
) -> None:
    """Print what was done."""
    values = {
        "site": scenario.name,
        "feeds": [
            {
                "url": state.name,
                "datagrams": state.datagrams,
                "bytes": state.bytes,
                "dropped": state.dropped,
                "overruns": state.overruns,
                "refused": state.refused,
                "copies": state.copies,
                "errors": state.errors,
                "connects": state.connects,
            }
            for state in source.states
        ],
        "records": source.statistics.records,
        "of_other_sources": sum(source.statistics.unknown_sources.values()),
        "plots": tracker.counts.given,
        "late": source.late,
        "ahead": source.ahead,
        "rejected": rejected_of(source),
        "tracks": len(standing.tracks),
        "rows": standing.states,
        "latency_ms": round(statistics.median(standing.latency_ms), 3) if standing.latency_ms else None,
        "outputs": [
            {"url": client.url, "datagrams": client.pacer.sent, "errors": client.pacer.errors}
            for client in outputs.clients
        ],
        "files": [str(file.file.path) for file in files],
    }
    if as_json:
        result(values)
        return
    received = sum(state.datagrams for state in source.states)
    to = ", ".join([*(str(file.file.path) for file in files), *(client.url for client in outputs.clients)])
    out().print(
        f"{scenario.name or site_name(scenario)}: {received:,} datagrams, {tracker.counts.given:,} plots, "
        f"{len(standing.tracks):,} tracks, {standing.states:,} track states -> {to}",
        markup=False,
    )
    for reason, count in rejected_of(source).items():
        err().print(f"farwatch: not believed: {reason}: {count:,} times", markup=False)


def site_name(scenario: Scenario) -> str:
    """What to call a site without a name."""
    return ", ".join(sensor.id for sensor in scenario.sensors)
