"""Pictures on disk: kept, found, bounded, and whole after any cut."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from farwatch.errors import FarwatchError
from farwatch.picture import Picture
from farwatch.service import segments
from farwatch.service.differences import accuracy_of
from farwatch.service.frame_store import FrameStore, last_of_each
from farwatch.service.frames import Frame, FrameEncoder
from updates import SECOND_NS, scenario_of, updates_of

QUIET = 45.0


def frames_of(count: int = 40, every_s: int = 1) -> list[Frame]:
    """Frames of the quiet scenario, their times apart as given."""
    encoder = FrameEncoder(scenario_of("quiet"))
    made = []
    for k, update in enumerate(updates_of("quiet", QUIET)[:count]):
        picture: Picture = update.picture._replace(until_ns=(1000 + k * every_s) * SECOND_NS)
        made.append(encoder.encode(update._replace(picture=picture)))
    return made


def keep(folder: Path, frames: list[Frame], hours: float = 24.0, gigabytes: float = 1.0) -> FrameStore:
    """A store that has been given the frames and closed."""
    store = FrameStore(folder, hours, gigabytes, lossless=True)
    for frame in frames:
        store.put(frame)
    store.close()
    return store


def test_what_was_put_is_read_after_a_new_start(tmp_path: Path) -> None:
    frames = frames_of()
    keep(tmp_path, frames)
    store = FrameStore(tmp_path, 24.0, 1.0)
    span = store.span
    assert span.times_ns.tolist() == [frame.time_ns for frame in frames]
    for k, frame in enumerate(frames):
        kept = store.read(k, span)
        assert kept is not None and kept.time_ns == frame.time_ns
        assert kept.picture == frame.picture and kept.plots == frame.plots
        mine = kept.identities[np.isin(kept.identities["id"], frame.identities["id"])]
        assert (mine == frame.identities).all()
        told = [accuracy_of(kept.accuracy, row) for row in range(frame.states.n)]
        assert np.allclose([one["sigma_east"] or 0.0 for one in told], frame.states.sigma_east_m, rtol=0.03)
        assert np.allclose([one["height"] or 0.0 for one in told], frame.states.height_wgs84_m, atol=0.51)
    track = int(frames[-1].states.track[0])
    mine = np.concatenate([frame.hits[frame.hits["track"] == track] for frame in frames])
    assert len(mine) > 3 and (store.hits_before(track, len(frames) - 1, span) == mine[-30:]).all()
    early = mine[mine["time_ns"] <= mine["time_ns"][2]]
    when = next(k for k, frame in enumerate(frames) if (frame.hits["time_ns"] == early["time_ns"][-1]).any())
    assert (store.hits_before(track, when, span) == early).all()
    store.close()


@pytest.mark.parametrize("suffix", [".pictures", ".index", ".identities", ".hits"])
@pytest.mark.parametrize("cut", [1, 17, 400])
def test_a_cut_anywhere_costs_only_the_end(tmp_path: Path, suffix: str, cut: int) -> None:
    frames = frames_of()
    keep(tmp_path, frames)
    (path,) = tmp_path.glob(f"*{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    store = FrameStore(tmp_path, 24.0, 1.0, lossless=True)
    n = len(store.span.times_ns)
    assert 0 < n < len(frames)
    assert [store.read(k, store.span).picture for k in range(n)] == [frame.picture for frame in frames[:n]]  # type: ignore[union-attr]
    for frame in frames[n:]:
        store.put(frame)
    store.close()
    assert store.span.times_ns.tolist() == [frame.time_ns for frame in frames]
    last = store.read(len(frames) - 1, store.span)
    assert last is not None and last.picture == frames[-1].picture


@pytest.mark.parametrize("suffix", [".pictures", ".index", ".identities", ".hits"])
def test_a_file_that_is_missing_costs_its_segment(tmp_path: Path, suffix: str) -> None:
    frames = frames_of(32)[20:]
    keep(tmp_path, frames[:6])
    keep(tmp_path, frames[6:])
    assert len(frames[0].hits)
    min(tmp_path.glob(f"*{suffix}")).unlink()
    store = FrameStore(tmp_path, 24.0, 1.0)
    assert store.span.times_ns.tolist() == [frame.time_ns for frame in frames[6:]]
    store.close()
    assert len(list(tmp_path.iterdir())) == 4


def test_bytes_after_the_end_and_pages_of_zeros_are_not_trusted(tmp_path: Path) -> None:
    frames = frames_of(10)
    keep(tmp_path, frames)
    (path,) = tmp_path.glob("*.pictures")
    data = path.read_bytes()
    path.write_bytes(data[:-50] + bytes(50) + b"torn")
    store = FrameStore(tmp_path, 24.0, 1.0)
    assert len(store.span.times_ns) == 9
    store.close()
    for stray in tmp_path.glob("*.index"):
        stray.write_bytes(b"")
    store = FrameStore(tmp_path, 24.0, 1.0)
    assert not len(store.span.times_ns) and store.gaps() == []
    store.close()


def test_a_damaged_picture_in_the_middle_is_not_shown(tmp_path: Path) -> None:
    frames = frames_of(35)
    keep(tmp_path, frames)
    (path,) = tmp_path.glob("*.pictures")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    store = FrameStore(tmp_path, 24.0, 1.0)
    found = [store.read(k, store.span) for k in range(len(store.span.times_ns))]
    lost = [k for k, kept in enumerate(found) if kept is None]
    assert len(found) == 35 and 1 <= len(lost) <= segments.KEY_EVERY  # up to the next key picture
    assert lost == list(range(lost[0], (lost[0] // segments.KEY_EVERY + 1) * segments.KEY_EVERY))
    assert all(kept is None or kept.picture == frame.picture for kept, frame in zip(found, frames, strict=True))
    store.close()


def test_the_same_time_again_replaces_what_was_kept(tmp_path: Path) -> None:
    frames = frames_of(20)
    keep(tmp_path, frames)
    store = keep(tmp_path, frames[12:])
    assert store.span.times_ns.tolist() == [frame.time_ns for frame in frames]
    assert len(list(tmp_path.glob("*.index"))) == 2
    again = FrameStore(tmp_path, 24.0, 1.0)
    assert again.span.times_ns.tolist() == [frame.time_ns for frame in frames]
    again.close()
    store = keep(tmp_path, frames[:5])
    assert store.span.times_ns.tolist() == [frame.time_ns for frame in frames[:5]]


def test_within_one_run_a_time_is_kept_once(tmp_path: Path) -> None:
    frames = frames_of(6)
    store = keep(tmp_path, [*frames, frames[2], frames[5]])
    assert store.span.times_ns.tolist() == [frame.time_ns for frame in frames] and store.dropped == 0


def test_hours_and_bytes_bound_it(tmp_path: Path) -> None:
    frames = frames_of(40, every_s=300)
    store = keep(tmp_path / "hours", frames, hours=1.0)
    times = store.span.times_ns
    assert times[-1] == frames[-1].time_ns and 3600 <= (times[-1] - times[0]) / SECOND_NS <= 3600 + 900
    store = keep(tmp_path / "bytes", frames, gigabytes=20e-6)
    size = sum(path.stat().st_size for path in (tmp_path / "bytes").iterdir())
    assert store.span.times_ns[-1] == frames[-1].time_ns and 1 < len(store.span.times_ns) < 40 and size <= 21e3


def test_gaps_are_told(tmp_path: Path) -> None:
    frames = frames_of(30)
    store = keep(tmp_path, frames[:10] + frames[20:])
    assert store.gaps() == [(frames[9].time_ns, frames[20].time_ns)]


def test_a_span_outlives_what_is_let_go(tmp_path: Path) -> None:
    frames = frames_of(12)
    store = FrameStore(tmp_path, 24.0, 1.0, lossless=True)
    for frame in frames:
        store.put(frame)
    store.close()
    span = store.span
    for path in tmp_path.iterdir():
        path.unlink()
    assert store.read(3, span) is None and not len(store.hits_before(1, 3, span))


def test_a_full_disk_costs_pictures_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = frames_of(12)
    store = FrameStore(tmp_path, 24.0, 1.0, lossless=True)
    write, full = segments._write, []

    def limited(file: object, data: bytes) -> None:
        if full:
            write(file, data[: len(data) // 2])  # as a disk does that has room for a part
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, data)

    monkeypatch.setattr(segments, "_write", limited)
    for k, frame in enumerate(frames):
        if k in (4, 8):
            _settled(store, k)
            full[:] = [1] if k == 4 else []
        store.put(frame)
    store.close()
    kept = store.span.times_ns.tolist()
    assert kept == [frame.time_ns for frame in frames[:4] + frames[8:]] and store.dropped == 4 and store.state == "on"
    again = FrameStore(tmp_path, 24.0, 1.0)
    assert again.span.times_ns.tolist() == kept
    assert all(again.read(k, again.span) is not None for k in range(len(kept)))
    again.close()


def _settled(store: FrameStore, count: int) -> None:
    import time

    end = time.monotonic() + 30.0
    while len(store.span.times_ns) + store.dropped < count:
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FarwatchError, match="another folder"):
        FrameStore(tmp_path / "file" / "pictures", 1.0, 1.0)


def test_the_last_row_of_each(rng: np.random.Generator) -> None:
    rows = np.zeros(50, segments.IDENTITY)
    rows["id"], rows["callsign"] = rng.integers(0, 9, 50), np.arange(50)
    wanted = {int(row["id"]): int(row["callsign"]) for row in rows}
    assert {int(row["id"]): int(row["callsign"]) for row in last_of_each(rows)} == wanted
    assert (np.diff(last_of_each(rows)["id"].astype(int)) > 0).all()
