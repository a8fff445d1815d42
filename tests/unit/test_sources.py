"""Sources, clocks and the loop between them: however data comes, the same tracks come out."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

import farwatch
from farwatch.clock import AsFast, Paced, Wall
from farwatch.errors import FormatError
from farwatch.picture import Picture, concat_pictures
from farwatch.plots import Batch, make_plots, make_progress
from farwatch.recording import write_plots, write_progress
from farwatch.scenario import Scenario
from farwatch.sensors import Place, Radar
from farwatch.sources import Feed, MergeOptions, Replay, Simulated
from farwatch.sources.replay import CHUNK_BYTES, merge_of
from farwatch.tracker import Tracker
from loopback import LOCAL, free_port
from reference_asterix import block, plot, sector


def two_radars() -> list[Radar]:
    place = Place(lat_deg=47.0, lon_deg=9.0)
    return [
        Radar(id="A", position=place, rotation_s=4.0, max_range_km=200.0, sac_sic="1/10"),
        Radar(id="B", position=place, rotation_s=10.0, max_range_km=200.0, sac_sic="1/11"),
    ]


def asterix(radar: int, first_s: float, scans: int, rotation_s: float) -> bytes:
    """One aircraft seen by radar 1/10 or 1/11, a sector message between its plots."""
    source = {"i010": bytes([1, radar])}
    parts = []
    for scan in range(scans):
        seconds = first_s + rotation_s * scan
        parts.append(block(48, plot(seconds, 40.0 + 0.1 * rotation_s * scan, 45.0, **source)))
        parts.append(block(34, sector(seconds + 0.5 * rotation_s, 128, **source)))
    return b"".join(parts)


def everything(batches: list[Batch]) -> list[tuple[int, int, float]]:
    """Sensor, time and range of every plot in the order in which it comes."""
    rows = []
    for batch in batches:
        p = batch.plots
        rows += list(zip(p.sensor.tolist(), p.time_ns.tolist(), p.z[:, 0].tolist(), strict=True))
    return rows


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_progress_is_that_of_the_file_on_disk(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """Bytes of the file as it is, compressed or not, told as they are read, and in the end all of them."""
    path = tmp_path / "a.ast"
    ranges_nm = np.random.default_rng(1).uniform(1.0, 200.0, 80_000)
    whole = b"".join(block(48, plot(3600.0 + 0.02 * k, nm, nm)) for k, nm in enumerate(ranges_nm.tolist()))
    path.write_bytes(pack(whole))
    assert len(whole) > 4 * CHUNK_BYTES
    told: list[int] = []
    source = Replay([path], two_radars(), on_bytes=told.append)
    halfway = None
    for batch in source:
        if halfway is None and batch.until_ns > (3600 + 800) * 10**9:
            halfway = sum(told)
    assert sum(told) == source.total_bytes == path.stat().st_size
    assert all(n > 0 for n in told)
    assert halfway and 0.4 < halfway / path.stat().st_size < 0.75


def late_by(options: MergeOptions, behind_s: float, sic: int) -> int:
    """How many of 30 plots are lost that come `behind_s` after those of the first radar, of which they may be too."""
    merge = merge_of(two_radars(), options)
    given = 0
    for scan in range(30):
        time_ns = round((3600.0 + 4.0 * scan) * 1e9)
        for sensor, at_ns in ((0, time_ns), (sic - 10, time_ns - round(behind_s * 1e9))):
            row = make_plots(1, id=2 * scan + sensor, time_ns=at_ns, sensor=sensor, z=[[1e4, 1.0]], measured=3)
            given += sum(batch.plots.n for batch in merge.push(row, make_progress(0)))
    given += sum(batch.plots.n for batch in merge.flush())
    assert given + merge.late == 60
    return merge.late


def test_a_site_says_how_long_late_data_is_waited_for() -> None:
    assert late_by(MergeOptions(), 0.5, 10) == 0
    assert late_by(MergeOptions(late_s=0.0), 8.0, 10) > 20
    assert late_by(MergeOptions(wait_s=9.0, late_s=0.0), 8.0, 10) == 0
    assert late_by(MergeOptions(late_s=0.0), 8.0, 11) > 20
    assert late_by(MergeOptions(late_s=9.0), 8.0, 11) == 0
    assert late_by(MergeOptions(patience_s=9.0, late_s=0.0), 8.0, 11) == 0


def test_every_source_takes_the_sites_merge(tmp_path: Path) -> None:
    (tmp_path / "a.ast").write_bytes(asterix(10, 3600.0, 3, 4.0))
    feeds = (Feed(url=f"udp://{LOCAL}:{free_port()}"),)
    scenario = Scenario(sensors=tuple(two_radars()), feeds=feeds, merge=MergeOptions(wait_s=2.5, patience_s=20.0))
    simulated = Simulated(scenario.sensors, scenario.frame, scenario.simulation, 5.0, 1, merge=scenario.merge)
    with farwatch.listen(scenario, 0.1) as live:
        for source in (farwatch.replay(tmp_path / "a.ast", scenario), simulated, live):
            assert (source._merge.wait_ns, source._merge.patience_ns) == (2_500_000_000, 20_000_000_000)


def test_files_are_merged_by_time(tmp_path: Path) -> None:
    (tmp_path / "a.ast").write_bytes(asterix(10, 3600.0, 30, 4.0))
    (tmp_path / "b.ast").write_bytes(asterix(11, 3590.0, 12, 10.0))
    (tmp_path / "both.ast").write_bytes(asterix(11, 3590.0, 12, 10.0) + asterix(10, 3600.0, 30, 4.0))
    apart = list(Replay([tmp_path / "a.ast", tmp_path / "b.ast"], two_radars()))
    other = list(Replay([tmp_path / "b.ast", tmp_path / "a.ast"], two_radars()))
    rows = everything(apart)
    assert len(rows) == 42
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    assert {row[0] for row in rows} == {0, 1}
    assert rows == everything(other)
    # Plots of the same instant have no order of their own.
    assert sorted(rows) == sorted(everything(list(Replay([tmp_path / "both.ast"], two_radars()))))
    ids = np.concatenate([batch.plots.id for batch in apart])
    assert len(np.unique(ids)) == 42


def test_asterix_and_parquet_together(tmp_path: Path) -> None:
    (tmp_path / "a.ast").write_bytes(asterix(10, 3600.0, 30, 4.0))
    (tmp_path / "b.ast").write_bytes(asterix(11, 3590.0, 12, 10.0))
    whole = list(Replay([tmp_path / "a.ast", tmp_path / "b.ast"], two_radars()))
    of_b = list(Replay([tmp_path / "b.ast"], two_radars()))
    folder = tmp_path / "b"
    folder.mkdir()
    write_plots(folder / "plots.parquet", concat(of_b), ["A", "B"])
    write_progress(folder / "progress.parquet", concat_said(of_b), ["A", "B"])
    mixed = list(Replay([tmp_path / "a.ast", folder / "plots.parquet"], two_radars()))
    assert everything(mixed) == everything(whole)
    assert sum(batch.progress.n for batch in mixed) == sum(batch.progress.n for batch in whole) == 42


def concat(batches: list[Batch]):  # type: ignore[no-untyped-def]
    from farwatch.plots import concat_plots

    return concat_plots([batch.plots for batch in batches])


def concat_said(batches: list[Batch]):  # type: ignore[no-untyped-def]
    from farwatch.plots import concat_progress

    return concat_progress([batch.progress for batch in batches])


def test_bytes_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.ast").write_bytes(asterix(10, 3600.0, 300, 4.0))
    told: list[int] = []
    source = Replay([tmp_path / "a.ast"], two_radars(), on_bytes=told.append)
    assert list(source)
    assert sum(told) == source.total_bytes == (tmp_path / "a.ast").stat().st_size
    assert source.late == 0


def test_a_recording_needs_a_source_to_look_for(tmp_path: Path) -> None:
    (tmp_path / "a.ast").write_bytes(asterix(10, 3600.0, 3, 4.0))
    nameless = [msgspec.structs.replace(radar, sac_sic=None) for radar in two_radars()]
    with pytest.raises(FormatError, match="sac_sic"):
        list(Replay([tmp_path / "a.ast"], nameless))


def small() -> Scenario:
    return farwatch.load("quiet")


def tracks_of(scenario: Scenario, batches) -> Picture:  # type: ignore[no-untyped-def]
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    return concat_pictures(list(farwatch.run(batches, tracker)))


def test_simulated_live_and_replayed_are_one(tmp_path: Path) -> None:
    scenario = small()
    source = Simulated(scenario.sensors, scenario.frame, scenario.simulation, 60.0, seed=2)
    live = tracks_of(scenario, source)
    truth, batches = farwatch.simulate(scenario, 60.0, seed=2)
    at_once = tracks_of(scenario, batches)
    write_plots(tmp_path / "plots.parquet", concat(batches), ["RAD1"])
    write_progress(tmp_path / "progress.parquet", concat_said(batches), ["RAD1"])
    replayed = tracks_of(scenario, farwatch.replay(tmp_path / "plots.parquet", scenario))
    assert live.n > 100
    assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(live, at_once, strict=True))
    # Files hold degrees: the last bits differ.
    assert all(np.allclose(a, b, rtol=1e-9, atol=1e-8, equal_nan=True) for a, b in zip(live, replayed, strict=True))
    assert np.array_equal(live.track, replayed.track)
    assert source.late == 0
    looks = truth.illuminations
    assert set(source.sighted) == set(looks.aircraft[looks.plot >= 0].tolist())
    # The true states are kept for as long as the merge and a reader may look back.
    assert int(np.ptp(source.states.time_ns)) <= 21_000_000_000


def test_paced_keeps_the_speed_and_never_waits_behind() -> None:
    clock = Paced(100.0)
    start = time.monotonic()
    for second in range(11):
        clock.wait_until(1_000_000_000 * second)
    assert time.monotonic() - start >= 0.0999
    clock.wait_until(-5_000_000_000)


def test_wall_and_as_fast_return_for_the_past() -> None:
    before = time.monotonic()
    AsFast().wait_until(2**62)
    Wall().wait_until(0)
    assert time.monotonic() - before < 5.0


def test_wall_waits_for_the_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("farwatch.clock.time.time_ns", lambda: 5_000_000_000)
    monkeypatch.setattr("farwatch.clock.time.sleep", slept.append)
    Wall().wait_until(5_250_000_000)
    assert slept == [0.25]


def test_every_sink_gets_every_picture() -> None:
    class Kept:
        def __init__(self) -> None:
            self.pictures: list[Picture] = []

        def write(self, picture: Picture) -> None:
            self.pictures.append(picture)

    scenario = small()
    _, batches = farwatch.simulate(scenario, 30.0, seed=2)
    one, two = Kept(), Kept()
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    waited: list[int] = []

    class Listening:
        def wait_until(self, time_ns: int) -> None:
            waited.append(time_ns)

    given = list(farwatch.run(batches, tracker, Listening(), (one, two)))
    assert one.pictures == two.pictures == given
    assert waited == [batch.until_ns for batch in batches]


def test_an_empty_batch_changes_nothing() -> None:
    scenario = small()
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    picture = tracker.update(Batch(make_plots(0), make_progress(0), 1_767_225_600_000_000_000))
    assert picture.n == 0
