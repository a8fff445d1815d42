"""The service: a live night and its journal give the same tracks; what is killed goes on; what is wrong is said."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from command import Command
from farwatch.errors import ConfigError, FormatError
from farwatch.formats import asterix
from farwatch.journal import Journal
from farwatch.picture import Picture, Status
from farwatch.plots import Batch
from farwatch.service import Job, Service
from farwatch.service.checkpoint import checkpoints_of, newest_checkpoint
from farwatch.service.queued import QueuedSink
from farwatch.sinks import open_sink
from farwatch.sources import Feed, Replay
from farwatch.tracker import Tracker
from loopback import LOCAL, free_port, send, wait_for
from serving import Running, night, played_feed, recording_of, site, site_file


def jsonl(path: Path) -> QueuedSink:
    return QueuedSink(open_sink(path, ["RAD1"]))


def test_a_live_night_and_its_journal_give_the_same_bytes(farwatch: Command, tmp_path: Path) -> None:
    feed = played_feed()
    job = Job(state=tmp_path / "state", record=tmp_path / "journal")
    with Running(site([feed]), job, [jsonl(tmp_path / "live.jsonl")]) as live:
        live.play(str(feed.url), night())
    live_bytes = (tmp_path / "live.jsonl").read_bytes()
    assert live_bytes.count(b"\n") > 100
    file = site_file(tmp_path / "site.toml", str(feed.url))
    ran = farwatch("track", tmp_path / "journal", "-s", file, "-o", tmp_path / "again.jsonl")
    assert ran.code == 0, ran.err
    assert (tmp_path / "again.jsonl").read_bytes() == live_bytes
    # The raw datagrams are there too.
    found = farwatch("inspect", tmp_path / "journal", "--json")
    assert found.code == 0 and '"container": "journal"' in found.out
    assert asterix.inspect(tmp_path / "journal").datagrams == len(night())
    ran = farwatch("convert", tmp_path / "journal", "-o", tmp_path / "raw.ast")
    assert ran.code == 0, ran.err
    items = ["140", "040/RHO", "040/THETA"]
    raw, sent = (asterix.columns(path, 48, items) for path in (tmp_path / "raw.ast", recording_of(tmp_path, 60.0)))
    assert len(sent["140"]) > 200
    assert all(np.array_equal(raw[item], sent[item]) for item in items)


def test_a_service_that_was_stopped_goes_on(tmp_path: Path) -> None:
    """Stopped halfway and started again: the same tracks as one that was not, and one journal for both."""
    feed, sent = played_feed(), night()
    half = len(sent) // 2
    job = Job(state=tmp_path / "state", record=tmp_path / "journal")
    with Running(site([feed]), job) as first:
        first.play(str(feed.url), sent[:half])
    before = set(first.updates[-1].picture.track.tolist())
    with Running(site([feed]), job) as second:
        assert second.listening()
        assert set(second.service.core.tracker.picture(second.service.core.until_ns).track.tolist()) == before
        second.play(str(feed.url), sent[half:])
    assert second.service.session == first.service.session
    assert second.service.epoch == first.service.epoch + 1
    assert len(before) > 10
    last = second.updates[-1].picture
    kept = before & set(last.track.tolist())
    assert len(kept) > 0.9 * len(before)
    assert len(list((tmp_path / "journal").iterdir())) == 1
    with Running(site([feed]), Job(state=tmp_path / "whole")) as whole:
        whole.play(str(feed.url), sent)
    assert whole.service.core.tracker.state()["_next_id"] == second.service.core.tracker.state()["_next_id"]


def run(job: Job, **options: object) -> Running:
    """A job that ends by itself."""
    with Running(site(**options), job) as running:
        running.join()
    return running


def test_a_replay_ends_as_tracking_its_file_does(tmp_path: Path) -> None:
    path = recording_of(tmp_path, 60.0)
    ran = run(Job("replay", (path,), state=tmp_path / "s", record=tmp_path / "j", day_ns=1_767_225_600 * 10**9))
    assert ran.service.finished
    tracker = Tracker(site().sensors, site().tracker, site().frame)
    for batch in Replay([path], site().sensors, day_ns=1_767_225_600 * 10**9):
        tracker.update(batch)
    assert tracker.snapshot() == ran.service.core.tracker.snapshot()
    checkpoint, refused = newest_checkpoint(tmp_path / "s")
    assert checkpoint is not None and checkpoint.done and not refused
    assert checkpoint.tracker == tracker.snapshot()
    # A replay of the journal, by a service again, is the same once more.
    again = run(Job("replay", (tmp_path / "j",)))
    assert again.service.core.tracker.snapshot() == tracker.snapshot()


def test_updates_come_once_a_second_of_data(tmp_path: Path) -> None:
    ran = run(Job("replay", (recording_of(tmp_path, 60.0),)))
    seconds = [update.picture.until_ns // 10**9 for update in ran.updates]
    assert len(set(seconds)) >= 55 and sum(np.diff(seconds) > 1) <= 2
    assert sum(update.plots.n for update in ran.updates) == ran.service.core.intake.taken
    assert ran.updates[-1].health.plots == ran.service.core.intake.taken
    looked = [update.looks for update in ran.updates]
    assert sum(one.n for one in looked) > 100
    busy = ran.updates[40]
    assert (busy.picture.time_ns == busy.picture.until_ns).all()
    assert (busy.picture.status != Status.ENDED).all()
    (sensor,) = busy.health.sensors
    assert sensor.condition == "ok" and 0 <= sensor.azimuth_rad < 2 * np.pi and sensor.rotation_s == 5.0
    turned = (sensor.azimuth_rad - ran.updates[39].health.sensors[0].azimuth_rad) % (2 * np.pi)
    passed_s = (busy.picture.until_ns - ran.updates[39].picture.until_ns) * 1e-9
    assert turned == pytest.approx(2 * np.pi * passed_s / 5.0, abs=0.02)


@pytest.mark.parametrize("damage", ["cut", "half", "version", "flip", "other"])
def test_a_bad_checkpoint_is_refused_and_the_one_before_used(damage: str, tmp_path: Path) -> None:
    path = recording_of(tmp_path, 60.0)
    options = {"checkpoint_s": 0.1}
    job = Job("replay", (path,), speed=20.0, state=tmp_path / "s", record=tmp_path / "j")
    with Running(site(**options), job) as running:
        wait_for(lambda: len(checkpoints_of(tmp_path / "s")) == 4, "checkpoints")
    newest = checkpoints_of(tmp_path / "s")[0]
    data = bytearray(newest.read_bytes())
    if damage == "cut":
        data = data[:20]
    elif damage == "half":
        data = data[: len(data) // 2]
    elif damage == "version":
        data[8] = 99
    elif damage == "flip":
        data[-10] ^= 1
    else:
        data[:8] = b"whatever"
    newest.write_bytes(data)
    found, refused = newest_checkpoint(tmp_path / "s")
    assert found is not None and found.sequence >= 0
    assert len(refused) == 1 and str(newest) in refused[0] and "the one before is used" in refused[0]
    said = {
        "cut": "cut off",
        "half": "cut off",
        "version": "of version 99",
        "flip": "damaged",
        "other": "no checkpoint",
    }
    assert said[damage] in refused[0]
    again = run(job._replace(speed=None))
    assert "the one before is used" in again.said
    assert again.service.session == running.service.session
    whole = run(Job("replay", (path,)))
    assert again.service.core.tracker.snapshot() == whole.service.core.tracker.snapshot()


def test_an_input_that_ends_the_service_ends_it_once(tmp_path: Path) -> None:
    """What cannot be tracked is passed over when the service starts again: it does not fall over it for ever."""
    feed, sent = played_feed(), night()
    job = Job(state=tmp_path / "s", record=tmp_path / "j")
    with pytest.raises(ZeroDivisionError), Running(site([feed], checkpoint_s=0.3), job) as running:
        running.play(str(feed.url), sent[:200])
        wait_for(lambda: running.service.checkpoints is not None and running.service.checkpoints.count > 1, "one")

        def broken(batch: object) -> None:
            raise ZeroDivisionError("a bug")

        running.service.core.tracker.update = broken  # type: ignore[method-assign,assignment]
        send(str(feed.url), sent[200:], pause_s=0.002)
        wait_for(lambda: running.error is not None, "the fall")
    original = Tracker.update
    fell = []

    def still_broken(tracker: Tracker, batch: Batch) -> Picture:
        if not fell:
            fell.append(batch)
            raise ZeroDivisionError("the same bug")
        return original(tracker, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tracker, "update", still_broken)
        with Running(site([feed]), job) as again:
            assert again.listening()
            again.play(str(feed.url), sent[200:])
    assert fell and "an input cannot be tracked (the same bug)" in again.said
    assert again.service.session == running.service.session
    assert again.updates[-1].picture.n > 5


def test_two_services_do_not_share_a_state(tmp_path: Path) -> None:
    job = Job("replay", (recording_of(tmp_path, 60.0),), speed=1.0, state=tmp_path / "s")
    with (
        Running(site(), job) as running,
        pytest.raises(ConfigError, match="another farwatch serve keeps its state there"),
    ):
        assert running.listening()
        Service(site(), job)


def test_a_journal_of_other_sensors_is_refused(tmp_path: Path) -> None:
    run(Job("replay", (recording_of(tmp_path, 60.0),), record=tmp_path / "j"))
    other = [msgspec.structs.replace(sensor, id="X") for sensor in site().sensors]
    with pytest.raises(FormatError, match="is of the sensors RAD1, the site file names X"):
        list(Replay([tmp_path / "j"], other))
    with pytest.raises(FormatError, match="is replayed alone"):
        list(Replay([tmp_path / "j", tmp_path / "j"], site().sensors))
    run(Job("replay", (recording_of(tmp_path, 60.0),), record=tmp_path / "j"))
    with pytest.raises(FormatError, match="holds 2 journals; give one of them"):
        list(Replay([tmp_path / "j"], site().sensors))


def test_a_journal_is_small(tmp_path: Path) -> None:
    run(Job("replay", (recording_of(tmp_path, 60.0),), record=tmp_path / "j"))
    journal = Journal(tmp_path / "j")
    plots = sum(entry.plots.n for entry, _ in journal.entries() if hasattr(entry, "plots"))
    assert journal.bytes / plots < 120


def test_a_feed_that_cannot_be_opened_stops_only_itself(tmp_path: Path) -> None:
    good, bad = played_feed(), Feed(url="udp://239.255.77.1:8600", interface="nope9")
    with Running(site([good, bad]), Job(state=tmp_path / "s")) as running:
        running.play(str(good.url), night())
    assert "no network interface 'nope9'" in running.said
    assert running.updates[-1].picture.n > 10
    with pytest.raises(ConfigError, match=r"\$\.feeds\[0\]: no network interface 'nope9'"):
        Service(site([bad]), Job())


def test_what_serve_cannot_do(farwatch: Command, tmp_path: Path) -> None:
    file = site_file(tmp_path / "site.toml", "udp://239.255.77.1:8600")
    file.write_text(file.read_text().replace("[[feeds]]", '[[feeds]]\ninterface = "nope9"'))
    ran = farwatch("serve", file, "--state", tmp_path / "s", "-o", tmp_path / "x.jsonl")
    assert ran.code == 1 and "no network interface 'nope9'" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["site.toml"]
    file = site_file(tmp_path / "site.toml", f"udp://{LOCAL}:{free_port()}")
    for arguments, says in [
        (["quiet", "--replay", "x.ast", "--simulate", "10"], "--replay and --simulate"),
        ([file, "--speed", "2"], "--speed: live data come at their own"),
        ([file, "--record", tmp_path, "--no-record"], "--record and --no-record"),
        ([file, "--replay", tmp_path / "none.ast"], "no such file"),
        ([file, "--standby-of", "nowhere", "--state", tmp_path / "s"], "give HOST:PORT"),
        (["quiet", "--standby-of", "127.0.0.1:1"], "--standby-of follows live feeds"),
    ]:
        ran = farwatch("serve", *arguments, "--no-web")
        assert ran.code == 1, arguments
        assert says in ran.err
        assert "Traceback" not in ran.err
