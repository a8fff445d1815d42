"""farwatch serve: the live service. Its log goes to stderr, one JSON object a line; a summary to stdout at the end."""

from __future__ import annotations

import contextlib
import datetime
import logging
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from farwatch.api import tracker_of
from farwatch.cli.say import editions_of, err, kernels_ready, out, result
from farwatch.cli.track import day_of, sink_options
from farwatch.errors import ConfigError
from farwatch.plots import Batch, make_plots, make_progress
from farwatch.scenario import BUILTIN, Scenario, load
from farwatch.service import Board, Job, Service, default_state
from farwatch.service.log import json_log
from farwatch.service.queued import QueuedSink
from farwatch.service.server import Server, start_server
from farwatch.sinks import open_sink

LOG = logging.getLogger(__name__)
_SECOND_STOP = 130


class Wanted(NamedTuple):
    """What the command line says; the site file's [service] says the rest."""

    replay: list[Path]
    speed: float | None
    simulate_s: float | None
    seed: int
    edition: list[str]
    day: str | None
    record: Path | None
    no_record: bool
    state: Path | None
    standby_of: str | None
    output: list[Path]
    host: str | None
    port: int | None
    token_file: Path | None
    web: bool = True


def serve(site: str, wanted: Wanted, as_json: bool) -> None:
    """Run until the source ends or a signal comes, then sum up."""
    scenario = with_options(load(site), wanted)
    job = job_of(site, scenario, wanted)
    with json_log():
        kernels_ready()
        warm(scenario)
        board = Board()
        sinks = [
            QueuedSink(open_sink(path, [s.id for s in scenario.sensors], sink_options(scenario, "0/1", None)))
            for path in wanted.output
        ]
        try:
            service = Service(scenario, job, board, sinks)
        except BaseException:
            for sink in sinks:
                sink.abort()
            raise
        with contextlib.ExitStack() as parts:
            if wanted.web:
                LOG.info("the map is at %s", parts.enter_context(web_side(scenario, job, board)).url)
            parts.enter_context(stopped_by_signals(service.stop))
            service.run()
            if wanted.web and job.mode == "replay":
                service.stopping.wait()  # what has been replayed is there to be looked at
    summary(scenario, service, as_json)


def web_side(scenario: Scenario, job: Job, board: Board) -> Server:
    """The web server of a job; a replay as fast as possible waits for what it keeps, and is shown from its start."""
    folder = job.state / "web" if job.state is not None else None
    fast = job.mode == "replay" and not job.speed
    return start_server(board, scenario, scenario.service.web, folder=folder, lossless=fast, from_start=fast)


def with_options(scenario: Scenario, wanted: Wanted) -> Scenario:
    """The scenario as the command line changes it."""
    given = {
        "host": wanted.host,
        "port": wanted.port,
        "token_file": None if wanted.token_file is None else str(wanted.token_file),
    }
    web = msgspec.structs.replace(
        scenario.service.web, **{name: value for name, value in given.items() if value is not None}
    )
    options = msgspec.structs.replace(scenario.service, web=web, peer=wanted.standby_of or scenario.service.peer)
    feeds = scenario.feeds
    if wanted.day is not None and not wanted.replay:
        played = datetime.date(1970, 1, 1) + datetime.timedelta(days=day_of(wanted.day) // (86_400 * 10**9))
        feeds = tuple(msgspec.structs.replace(feed, day=played) for feed in feeds)
    return msgspec.structs.replace(scenario, service=options, feeds=feeds)


def job_of(site: str, scenario: Scenario, wanted: Wanted) -> Job:
    """What is to be done; raises `ConfigError` where the options contradict one another."""
    builtin = not Path(site).suffix and (BUILTIN / f"{site}.toml").exists() and not Path(site).exists()
    simulated = wanted.simulate_s is not None or (builtin and not wanted.replay)
    if wanted.record is not None and wanted.no_record:
        raise ConfigError("--record and --no-record: give one of the two")
    if wanted.replay and wanted.simulate_s is not None:
        raise ConfigError("--replay and --simulate: give one of the two")
    if wanted.standby_of is not None and (wanted.replay or simulated):
        raise ConfigError("--standby-of follows live feeds: give neither --replay nor --simulate")
    state, record = folders(site, scenario, wanted, live=not wanted.replay and not simulated)
    if simulated:
        duration_s = math.inf if wanted.simulate_s is None else wanted.simulate_s
        speed = 1.0 if wanted.speed is None else wanted.speed
        return Job("simulated", speed=speed, duration_s=duration_s, seed=wanted.seed, record=record, state=state)
    if wanted.replay:
        editions = editions_of(wanted.edition) or None
        recordings, day_ns = tuple(wanted.replay), day_of(wanted.day)
        return Job("replay", recordings, day_ns, editions, wanted.speed, record=record, state=state)
    if wanted.speed is not None:
        raise ConfigError("--speed: live data come at their own; it is for --replay and simulated scenarios")
    if not scenario.feeds:
        raise ConfigError(
            f'{site}: no [[feeds]] to listen to; add one, as url = "udp://239.1.1.1:8600", or give --replay REC'
        )
    return Job(record=record, state=state, standby=wanted.standby_of is not None)


def folders(site: str, scenario: Scenario, wanted: Wanted, live: bool) -> tuple[Path | None, Path | None]:
    """Where state and journal are kept: always where data is live, elsewhere only where asked for."""
    options = scenario.service
    state = wanted.state or (Path(options.state) if options.state else None)
    if state is None and live:
        state = default_state(scenario, site)
    record = wanted.record or (Path(options.record) if options.record else None)
    if record is None and state is not None and live:
        record = state / "journal"
    return state, None if wanted.no_record else record


def warm(scenario: Scenario) -> None:
    """Have the kernels loaded before the first data."""
    tracker = tracker_of(scenario)
    tracker.update(Batch(make_plots(0), make_progress(0), 0))
    tracker.picture(0)


@contextlib.contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `stop` in a thread, not in a handler, which could wait for a lock it holds itself.

    A second signal ends the program at once.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heard, told = os.pipe()
    os.set_blocking(told, False)

    def wait() -> None:
        if os.read(heard, 1)[:1] in (b"", b"\0"):
            return
        stop()
        if os.read(heard, 1)[:1] not in (b"", b"\0"):
            os._exit(_SECOND_STOP)

    for number in before:
        signal.signal(number, lambda *_: None)
    woken_before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    thread = threading.Thread(target=wait, name="signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken_before)
        os.write(told, b"\0\0")
        thread.join()
        os.close(told)
        os.close(heard)
        for number, handler in before.items():
            signal.signal(number, handler)


def summary(scenario: Scenario, service: Service, as_json: bool) -> None:
    """Print what was done."""
    journal, checkpoints, intake = service.journal, service.checkpoints, service.core.intake
    update = service.board.latest
    values = {
        "site": scenario.name,
        "mode": service.mode,
        "session": service.session,
        "epoch": service.epoch,
        "finished": service.finished,
        "plots": intake.taken,
        "late": intake.late,
        "shed": intake.shed,
        "tracks": 0 if update is None else update.picture.n,
        "until_ns": service.core.until_ns,
        "journal": None if journal is None else str(journal.folder),
        "journal_bytes": 0 if journal is None else journal.bytes,
        "not_recorded": 0 if journal is None else journal.dropped,
        "checkpoints": 0 if checkpoints is None else checkpoints.count,
    }
    if as_json:
        result(values)
        return
    kept = "" if journal is None else f"; journal in {journal.folder}"
    out().print(f"{scenario.name or site_name(scenario)}: {intake.taken:,} plots, {values['tracks']:,} tracks{kept}")
    for line in service.status.words.said():
        err().print(f"farwatch: {line}", markup=False)


def site_name(scenario: Scenario) -> str:
    """What to call a site without a name."""
    return ", ".join(sensor.id for sensor in scenario.sensors)
