"""Sources, clocks and the loop between them: however data comes, the same tracks come out."""

from __future__ import annotations

import time
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
from farwatch.sources import Replay, Simulated
from farwatch.tracker import Tracker
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
