"""farwatch track: recordings in, tracks out, as fast as the machine can."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.table import Table

from farwatch.api import tracker_of
from farwatch.cli.say import bar, editions_of, err, kernels_ready, out, partial, result
from farwatch.errors import ConfigError
from farwatch.flight_plans import plans_of
from farwatch.formats.asterix.editions import Choice, Editions
from farwatch.formats.avr import NO_TIME
from farwatch.formats.heard import BROKEN, CUT_OFF
from farwatch.picture import Picture, Status
from farwatch.pipeline import run
from farwatch.plots import Batch, without_identity
from farwatch.scenario import Scenario, load
from farwatch.sinks import Asterix62Options, FileSink, SinkOptions, open_sink
from farwatch.sinks.asterix62 import source_of
from farwatch.sources import Live, Replay
from farwatch.sources.replay import size_of
from farwatch.tracker import Smoother, Tracker
from farwatch.tracker.smoother import HORIZON_S

LOST = (BROKEN, CUT_OFF, NO_TIME)  # of what is skipped: the rest is no loss of what was asked for


class Shape(NamedTuple):
    """How the tracks are wanted: at a steady interval, or smoothed by what came in the time of a lag."""

    every_ns: int | None = None
    lag_s: float | None = None


def shape_of(every: str | None, smooth: bool, lag: str | None) -> Shape:
    """The shape that the options ask for; raises `ConfigError` where they contradict one another."""
    if lag is not None and not smooth:
        raise ConfigError("--lag says how long --smooth waits; give --smooth too")
    if every is not None and smooth:
        raise ConfigError("--every and --smooth: smoothed states are at the times of the looks; give one of the two")
    lag_s = interval_ns(lag, "--lag") * 1e-9 if lag is not None else HORIZON_S
    return Shape(interval_ns(every, "--every") if every else None, lag_s if smooth else None)


def track(
    recordings: list[Path],
    site: Path,
    output: Path,
    identity: bool,
    shape: Shape,
    edition: list[str],
    day: str | None,
    sac_sic: str,
    as_json: bool,
) -> None:
    """Track, write, and sum up; exits 3 where some of the input was lost."""
    scenario = load(site)
    day_ns, editions = day_of(day), editions_of(edition) or None
    sink = open_sink(output, [sensor.id for sensor in scenario.sensors], sink_options(scenario, sac_sic, editions))
    try:
        kernels_ready()
        tracker = tracker_of(scenario)
        total = sum(map(size_of, recordings))
        with bar("tracking", total / 1e6, "MB") as progress:
            task = progress.task_ids[0]
            source = Replay(
                recordings,
                scenario.sensors,
                day_ns=day_ns,
                editions=editions,
                flat=scenario.frame.flat,
                on_bytes=lambda n: progress.advance(task, n / 1e6),
                merge=scenario.merge,
            )
            tally = Tally()
            start_s = time.perf_counter()
            for picture in pictures(source, tracker, identity, shape, tally):
                sink.write(picture)
            tally.spent_s = time.perf_counter() - start_s
        sink.close()
    except BaseException:
        sink.abort()
        raise
    summary(scenario, source, tracker, tally, sink, output, as_json)
    partial(losses(source, tracker) + sink.losses())


class Tally:
    """What passed by: span of data time and the tracks that were reported."""

    def __init__(self) -> None:
        self.first_ns: int | None = None
        self.last_ns = 0
        self.spent_s = 0.0
        self.tracks: set[int] = set()

    def batch(self, batch: Batch) -> Batch:
        """Note a batch and hand it on."""
        if batch.plots.n:
            self.first_ns = int(batch.plots.time_ns[0]) if self.first_ns is None else self.first_ns
            self.last_ns = int(batch.plots.time_ns[-1])
        return batch

    @property
    def span_s(self) -> float:
        """Seconds from the first plot to the last."""
        return (self.last_ns - self.first_ns) * 1e-9 if self.first_ns is not None else 0.0


def pictures(source: Replay, tracker: Tracker, identity: bool, shape: Shape, tally: Tally) -> Iterator[Picture]:
    """The tracker's pictures, all tracks at a steady interval, or the pictures smoothed."""
    every_ns = shape.every_ns
    smoother = Smoother(tracker, shape.lag_s) if shape.lag_s is not None else None
    given = (tally.batch(batch) for batch in source)
    if not identity:
        given = (batch._replace(plots=without_identity(batch.plots)) for batch in given)
    due_ns = 0
    waiting: list[tuple[int, Picture]] = []  # for data that go so far: behind the last plot nothing is written
    for picture in run(given, tracker):
        tally.tracks.update(picture.track[picture.status != Status.ENDED].tolist())
        if smoother is not None:
            if (better := smoother.push(picture)) is not None:
                yield better
            continue
        if every_ns is None:
            yield picture
            continue
        due_ns = due_ns or -(-picture.until_ns // every_ns) * every_ns
        while due_ns <= picture.until_ns:
            waiting.append((due_ns, tracker.picture(due_ns)))
            due_ns += every_ns
        while waiting and tally.first_ns is not None and waiting[0][0] <= tally.last_ns:
            yield waiting.pop(0)[1]
    if smoother is not None and (better := smoother.flush()) is not None:
        yield better


def sink_options(scenario: Scenario, sac_sic: str, editions: Editions | None) -> SinkOptions:
    """What sinks are told of the site and of the options given; raises `ConfigError`."""
    source_of(sac_sic)
    asterix62 = Asterix62Options(sac_sic=sac_sic)
    if written := Choice(editions).given.get(62):
        asterix62 = msgspec.structs.replace(asterix62, edition=written.edition)
    return SinkOptions(scenario.sensors, scenario.frame, asterix62, plans_of(scenario.flight_plans))


def losses(source: Replay, tracker: Tracker) -> list[str]:
    """What of the input was lost, in words."""
    lost = [f"{kind}: {error}" for kind, error in source.statistics.errors.items()] + source.torn
    lost += [f"{reason}: {count} times" for reason, count in source.statistics.skipped.items() if reason in LOST]
    if source.late:
        lost.append(f"{source.late} plots came too late to be put in order, and were left out")
    lost += tracker.counts.losses()
    return lost


def rejected_of(source: Replay | Live) -> dict[str, int]:
    """What was reported and is not believed, by reason."""
    return dict(source.statistics.rejected) | source.conditioner.rejected


def summary(
    scenario: Scenario, source: Replay, tracker: Tracker, tally: Tally, sink: FileSink, output: Path, as_json: bool
) -> None:
    """Print what was done."""
    counts = tracker.counts
    values = {
        "recordings": [str(path) for path in source.paths],
        "site": scenario.name,
        "records": source.statistics.records,
        "plots": counts.given,
        "not_aircraft": counts.not_aircraft,
        "absurd": counts.absurd,
        "excluded": counts.excluded,
        "ghosts": counts.mirrored + counts.sidelobes,
        "late": source.late,
        "late_used": counts.late - counts.homeless,
        "repeated": counts.repeated,
        "uncertain": counts.uncertain,
        "crowded": counts.crowded,
        "rejected": rejected_of(source),
        "left_out": dict(source.conditioner.counts),
        "of_other_sources": sum(source.statistics.unknown_sources.values()),
        "data_s": round(tally.span_s, 3),
        "tracks": len(tally.tracks),
        "rows": sink.rows,
        "output": str(output),
        "spent_s": round(tally.spent_s, 3),
    }
    if as_json:
        result(values)
        return
    table = Table(show_header=False, title=f"{scenario.name or 'tracks'} -> {output}")
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_row("records decoded", f"{source.statistics.records:,}")
    table.add_row("plots of the site's sensors", f"{counts.given:,}")
    table.add_row("  on the ground, tests, monitors", f"{counts.not_aircraft:,}")
    table.add_row("  impossible / too late", f"{counts.absurd:,} / {source.late + counts.homeless:,}")
    if counts.repeated + counts.crowded:
        table.add_row("  repeated / too many to start tracks", f"{counts.repeated:,} / {counts.crowded:,}")
    for reason, count in rejected_of(source).items():
        table.add_row(f"  {reason}", f"{count:,}")
    table.add_row("data time", f"{tally.span_s / 60:,.1f} min")
    table.add_row("tracks", f"{len(tally.tracks):,}")
    table.add_row("track states written", f"{sink.rows:,}")
    if tally.spent_s > 0:
        table.add_row("time taken", f"{tally.spent_s:,.1f} s, {tally.span_s / tally.spent_s:,.0f} x real time")
    out().print(table)
    if values["of_other_sources"]:
        err().print(f"farwatch: {values['of_other_sources']:,} records are of sources that the site file does not name")


def interval_ns(text: str, option: str) -> int:
    """Nanoseconds of an interval such as 1s, 500ms or 2.5s; raises `ConfigError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|ms|min)?", text.strip())
    value = round(float(match[1]) * {"s": 1e9, "ms": 1e6, "min": 60e9}[match[2] or "s"]) if match else 0
    if value < 1_000_000:
        raise ConfigError(f"{option} {text}: give an interval such as 1s, 500ms or 0.5min, not under 1ms")
    return value


def day_of(text: str | None) -> int:
    """Start of a day (ns since 1970 UTC) given as 2024-05-01, 0 where none is; raises `ConfigError`."""
    if text is None:
        return 0
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--day {text}: write it as 2024-05-01") from None
    return (day - datetime.date(1970, 1, 1)).days * 86_400 * 10**9
