"""What goes wrong is said and counted, and the picture goes on: overload, silence, clocks, disks, clients that hang."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from farwatch import clock
from farwatch.errors import FarwatchError
from farwatch.journal import Journal, Push
from farwatch.picture import make_picture
from farwatch.plots import make_plots, make_progress
from farwatch.service import Job
from farwatch.service.intake import Intake, Known
from farwatch.service.queued import QueuedSink
from farwatch.service.watch import Watch
from farwatch.sinks import open_sink
from farwatch.sources import MergeOptions
from loopback import radars, send, wait_for
from serving import Running, night, played_feed, site

SECOND = 10**9


def intake(most: int = 1000) -> Intake:
    heard: list[object] = []
    return Intake(
        1.0,
        MergeOptions(),
        sensors=1,
        record=heard.append,
        between=lambda: None,
        watch=lambda *_: None,
        most=most,
    )


def test_the_oldest_plots_are_shed() -> None:
    one = intake(most=100)
    one.oldest_ns = lambda: 50 * SECOND
    times = np.arange(200) * SECOND
    list(one.push(make_plots(200, id=np.arange(200), time_ns=times), make_progress(0)))
    assert (one.shed, one.taken) == (100, 100)
    one.oldest_ns = lambda: 190 * SECOND
    list(one.push(make_plots(200, id=np.arange(200), time_ns=times), make_progress(0)))
    assert (one.shed, one.taken) == (290, 110)


def test_a_tracker_that_cannot_follow_sheds_and_recovers(tmp_path: Path) -> None:
    """Every batch takes far longer than its data: plots go, with a count. Once it can follow, the picture is there."""
    feed, sent = played_feed(), night(180.0)
    third = len(sent) // 3
    with Running(site([feed], backlog_s=0.5), Job(record=tmp_path / "j")) as running:
        running.play(str(feed.url), sent[:third], pause_s=0.004)
        assert running.service.core.intake.shed == 0
        real = running.service.core.tracker.update

        def slow(batch):  # type: ignore[no-untyped-def]
            time.sleep(0.05)
            return real(batch)

        running.service.core.tracker.update = slow  # type: ignore[method-assign]
        send(str(feed.url), sent[third : 2 * third], pause_s=0.003)
        wait_for(lambda: bool(running.updates) and running.updates[-1].health.shed > 0, "shedding")
        wait_for(lambda: "plots shed" in running.said, "its words")
        running.service.core.tracker.update = real  # type: ignore[method-assign]
        taken = -1
        while taken != running.service.core.intake.taken:
            taken = running.service.core.intake.taken
            time.sleep(0.5)
        running.play(str(feed.url), sent[2 * third :], pause_s=0.004)
    health = running.updates[-1].health
    assert 0 < health.shed < health.plots + health.shed <= 180 * 200
    assert running.updates[-1].picture.n > 10
    # What was shed never went in: the journal holds what was tracked, and nothing else.
    plots = sum(entry.plots.n for entry, _ in Journal(tmp_path / "j").entries() if isinstance(entry, Push))
    assert plots == health.plots


def test_silent_and_stuck() -> None:
    watch = Watch(radars(10, 11))  # that turn in 4 s: lost after 12
    assert watch.condition(0, 0) == "waiting"
    for second in range(60):
        stuck = make_plots(1, time_ns=100 * SECOND, sensor=1)
        moving = make_plots(1, time_ns=(100 + second) * SECOND, sensor=0)
        watch.hear(stuck, make_progress(0), second * SECOND)
        if second < 30:
            watch.hear(moving, make_progress(0), second * SECOND)
    assert watch.condition(0, 35 * SECOND) == "ok"
    assert watch.condition(0, 59 * SECOND) == "silent"
    assert watch.condition(1, 59 * SECOND) == "stuck"
    words = watch.words(60 * SECOND)
    assert words["silent R10"] == "R10 has been silent for 31 s"
    assert words["stuck R11"] == "R11 is stuck: it has sent no later time for 60 s"
    watch.hear(make_plots(1, time_ns=200 * SECOND, sensor=1), make_progress(0), 61 * SECOND)
    assert watch.condition(1, 61 * SECOND) == "ok"


def test_a_clock_that_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of day jumps back by a minute: it is said, nothing is taken for ahead of it, and tracking goes on."""
    real, back = clock.time.time_ns, [0]
    steady = clock.Steady()
    assert steady.behind_ns() == 0
    monkeypatch.setattr(clock.time, "time_ns", lambda: real() - back[0])
    back[0] = 60 * SECOND
    assert abs(steady.behind_ns() - 60 * SECOND) < SECOND
    back[0] = 0
    assert steady.behind_ns() < SECOND


def test_a_service_whose_clock_is_set_back_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    feed, sent = played_feed(), night()
    half = len(sent) // 2
    real, back = clock.time.time_ns, [0]
    monkeypatch.setattr(clock.time, "time_ns", lambda: real() - back[0])
    with Running(site([feed]), Job()) as running:
        running.play(str(feed.url), sent[:half])
        before = running.service.core.until_ns
        back[0] = 60 * SECOND
        running.play(str(feed.url), sent[half:])
        wait_for(lambda: "clock was set back by 60.0 s" in running.said, "the notice")
    assert running.service.core.until_ns > before
    assert running.updates[-1].picture.n > 10
    assert running.service.core.intake.shed == 0


@pytest.fixture
def small_disk(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A file system of 8 MB, where this user may mount one."""
    where = tmp_path / "small"
    where.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(where)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system of a limited size can be mounted here")
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


def fill(path: Path) -> None:
    """Take all the room that there is."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(file, b"x" * 4096)
    os.close(file)


def test_a_full_disk_stops_only_what_is_written(small_disk: Path) -> None:
    """Recording and checkpoints say that the disk is full, and go on by themselves when there is room."""
    feed, sent = played_feed(), night()
    third = len(sent) // 3
    ballast = small_disk / "ballast"
    job = Job(state=small_disk / "s", record=small_disk / "j")
    with Running(site([feed], checkpoint_s=0.2), job) as running:
        running.play(str(feed.url), sent[:third])
        service = running.service
        wait_for(lambda: service.journal is not None and service.journal.written > 0, "recording")
        fill(ballast)
        running.play(str(feed.url), sent[third : 2 * third])
        wait_for(lambda: running.updates[-1].health.recording == "full", "a full disk")
        wait_for(lambda: "the disk is full, nothing is recorded" in running.said, "its words")
        wait_for(lambda: "no checkpoint could be written" in running.said, "words of the checkpoint")
        tracked = running.updates[-1].picture.n
        assert tracked > 10
        ballast.unlink()
        running.play(str(feed.url), sent[2 * third :])
        wait_for(lambda: running.updates[-1].health.recording == "on", "recording again")
        wait_for(lambda: service.checkpoints is not None and not service.checkpoints.failure, "checkpoints again")
    assert service.journal is not None and service.journal.dropped == 0
    again = Running(site([feed]), job)
    with again:
        assert again.listening()
    assert again.service.core.tracker.snapshot() == service.core.tracker.snapshot()


class Hanging:
    """A disk that does not answer for a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
        def write(sink: object, picture: object) -> None:
            time.sleep(0.2)
            if fails:
                raise FarwatchError("x.jsonl: cannot be written (No space left on device)")

        monkeypatch.setattr("farwatch.sinks.file.FileSink.write", write)


@pytest.mark.parametrize("fails", [False, True])
def test_a_file_that_hangs_is_not_waited_for(fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Hanging(monkeypatch, fails)
    sink = QueuedSink(open_sink(tmp_path / "x.jsonl", ["A"]), most_rows=10)
    began_s = time.monotonic()
    for _ in range(2000):
        sink.write(make_picture(1))
    assert time.monotonic() - began_s < 5.0
    assert sink.dropped >= 1980
    if fails:
        wait_for(lambda: sink.failure != "", "the failure")
        assert "No space left" in sink.losses()[0]
    sink.close()
    assert "track states were not written" in sink.losses()[-1]


def test_known_plots_are_told_by_what_they_are(rng: np.random.Generator) -> None:
    known = Known()
    plots = make_plots(20, id=np.arange(20), time_ns=rng.integers(0, 2**40, 20), z=rng.normal(size=(20, 4)))
    known.add(plots.take(slice(0, 12)))
    again = plots._replace(id=plots.id + 1000, received_ns=plots.received_ns + 5)
    assert known.others(again).id.tolist() == list(range(1012, 1020))
    assert known.others(make_plots(0)).n == 0
