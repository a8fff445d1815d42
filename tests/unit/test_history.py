"""States of tracks in SQLite."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from farwatch.errors import FarwatchError
from farwatch.picture import Picture, concat_pictures
from farwatch.plots import callsign_text
from farwatch.service.history import History
from updates import SECOND_NS, scenario_of, updates_of

QUIET = 45.0


def last_looks() -> Picture:
    """Looks of the last update that has some."""
    return next(update.looks for update in reversed(updates_of("quiet", QUIET)) if update.looks.n)


def history(folder: Path, hours: float = 24.0, gigabytes: float = 1.0, every_s: float = 5.0) -> History:
    return History(folder, hours, gigabytes, every_s, ["RAD1"], lossless=True)


def test_every_look_is_found_again(tmp_path: Path) -> None:
    assert scenario_of("quiet").sensors[0].period_s == 5.0
    kept = history(tmp_path, every_s=1.0)
    looks = concat_pictures([update.looks for update in updates_of("quiet", QUIET)])
    for update in updates_of("quiet", QUIET):
        kept.put(update.looks)
    kept.close()
    for track in np.unique(looks.track)[:5].tolist():
        mine = looks.take(looks.track == track)
        found = kept.states(track, 0, 4_000_000_000_000, 1000)
        assert found is not None and found["next_ms"] is None
        assert found["callsign"] == callsign_text(int(mine.callsign[-1]))
        states = found["states"]
        assert [one["time_ms"] for one in states] == (mine.time_ns // 1_000_000).tolist()
        for name, step in (("lat_deg", 1e-7), ("height_wgs84_m", 0.1), ("ground_speed_mps", 0.01)):
            assert np.allclose([one[name] for one in states], getattr(mine, name), atol=0.51 * step)
        assert states[0]["status"] == "confirmed" and states[-1]["sensors"] == ["RAD1"]


def test_one_state_a_slot_the_last(tmp_path: Path) -> None:
    kept = history(tmp_path, every_s=20.0)
    for update in updates_of("quiet", QUIET):
        kept.put(update.looks)
    kept.close()
    looks = concat_pictures([update.looks for update in updates_of("quiet", QUIET)])
    track = int(looks.track[0])
    times = looks.time_ns[looks.track == track] // 1_000_000
    wanted = [int(times[times // 20_000 == slot][-1]) for slot in np.unique(times // 20_000)]
    found = kept.states(track, 0, 4_000_000_000_000, 1000)
    assert found is not None and [one["time_ms"] for one in found["states"]] == wanted


def test_pages_and_spans(tmp_path: Path) -> None:
    kept = history(tmp_path, every_s=1.0)
    for update in updates_of("quiet", QUIET):
        kept.put(update.looks)
    kept.close()
    track = int(last_looks().track[0])
    whole = kept.states(track, 0, 4_000_000_000_000, 1000)
    assert whole is not None
    times, paged, start = [one["time_ms"] for one in whole["states"]], [], 0
    while start is not None:
        page = kept.states(track, start, 4_000_000_000_000, 2)
        assert page is not None and len(page["states"]) <= 2
        paged += [one["time_ms"] for one in page["states"]]
        start = page["next_ms"]
    assert paged == times
    span = kept.states(track, times[1], times[3], 100)
    assert span is not None and [one["time_ms"] for one in span["states"]] == times[1:4]
    assert kept.states(10**15, 0, 1, 1) is None


def test_what_is_too_old_goes_and_what_was_kept_survives(tmp_path: Path) -> None:
    looks = last_looks()
    for start in (0, 40):
        kept = history(tmp_path, hours=1.0)
        for k in range(start, start + 40):
            shift = k * 120 * SECOND_NS
            kept.put(looks._replace(until_ns=looks.until_ns + shift, time_ns=looks.time_ns + shift))
        kept.close()
    found = kept.states(int(looks.track[0]), 0, 4_000_000_000_000, 1000)
    assert found is not None
    times = [one["time_ms"] for one in found["states"]]
    newest_ms = (int(looks.time_ns[0]) + 79 * 120 * SECOND_NS) // 1_000_000
    assert times[-1] == newest_ms and 28 <= len(times) <= 32 and newest_ms - times[0] <= 3_700_000


def test_bytes_bound_it(tmp_path: Path) -> None:
    looks = last_looks()
    many = looks.take(np.zeros(5000, int))._replace(track=np.arange(5000))
    kept = history(tmp_path, gigabytes=4e-3)
    for k in range(60):
        shift = k * 5 * SECOND_NS
        kept.put(many._replace(until_ns=many.until_ns + shift, time_ns=many.time_ns + shift))
    kept.close()
    with sqlite3.connect(tmp_path / "history.sqlite") as base:
        rows = base.execute("SELECT count(*) FROM states").fetchone()[0]
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.close()
    assert 10_000 < rows < 150_000 and (tmp_path / "history.sqlite").stat().st_size < 8e6


def test_reading_while_it_is_written(tmp_path: Path) -> None:
    kept = history(tmp_path, every_s=1.0)
    track = int(last_looks().track[0])
    counts: list[int] = []

    def read() -> None:
        for _ in range(200):
            found = kept.states(track, 0, 4_000_000_000_000, 1000)
            counts.append(len(found["states"]) if found else 0)

    reader = threading.Thread(target=read)
    reader.start()
    for update in updates_of("quiet", QUIET):
        kept.put(update.looks)
    reader.join()
    kept.close()
    assert counts == sorted(counts)


def test_a_broken_file_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"this is no data base at all, but long enough to be taken for one" * 100)
    kept = history(tmp_path)
    kept.close()
    assert (tmp_path / "history.broken").exists() and "put aside" in caplog.text
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA user_version = 99")
    base.close()
    history(tmp_path).close()
    assert "version 99" in caplog.text


def test_no_folder_no_history(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FarwatchError, match="another folder"):
        history(tmp_path / "file" / "below")
