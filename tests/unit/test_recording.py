"""Recordings come back as they were written, and are whole or not there."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from farwatch.errors import FarwatchError, FormatError
from farwatch.picture import Picture, Status, make_picture
from farwatch.plots import Kind, ProgressKind, make_plots, make_progress, pack_callsign
from farwatch.recording import (
    NewFile,
    read_illuminations,
    read_plots,
    read_progress,
    read_states,
    write_plots,
    write_progress,
    write_truth,
)
from farwatch.sinks import SUFFIXES, Asterix62Options, SinkOptions, open_sink
from farwatch.truth import Truth, make_illuminations, make_states


def some_plots(rng: np.random.Generator):  # type: ignore[no-untyped-def]
    n = 50
    z = np.full((n, 6), np.nan)
    z[:, :4] = rng.uniform(0, 6, (n, 4))
    measured = rng.integers(0, 16, n)
    for k in range(4):
        z[measured >> k & 1 == 0, k] = np.nan
    covariance = np.full((n, 6), np.nan)
    covariance[::3] = rng.uniform(1, 9, (len(covariance[::3]), 6))
    return make_plots(
        n,
        id=np.arange(n) * 7,
        time_ns=rng.integers(0, 2**60, n),
        received_ns=rng.integers(0, 2**60, n),
        sensor=rng.integers(0, 2, n),
        kind=rng.integers(0, len(Kind), n),
        z=z,
        measured=measured,
        covariance=covariance,
        pressure_altitude_m=np.where(rng.random(n) < 0.5, np.nan, 9_000.5),
        address=np.where(rng.random(n) < 0.5, -1, 0xABCDEF),
        mode_a=np.where(rng.random(n) < 0.5, -1, 0o7000),
        callsign=np.where(rng.random(n) < 0.5, 0, pack_callsign("FW123")),
        roll_rad=rng.normal(0, 1, n).astype(np.float32),
        flags=rng.integers(0, 1024, n),
        nic=rng.integers(-1, 12, n),
    )


def test_plots_come_back(tmp_path: Path, rng: np.random.Generator) -> None:
    plots = some_plots(rng)
    write_plots(tmp_path / "plots.parquet", plots, ["A", "B"])
    again = read_plots(tmp_path / "plots.parquet", ["A", "B"])
    for name, ours, theirs in zip(plots._fields, plots, again):
        assert ours.dtype == theirs.dtype, name
        np.testing.assert_allclose(theirs, ours, rtol=1e-14, err_msg=name)
    swapped = read_plots(tmp_path / "plots.parquet", ["B", "A"])
    np.testing.assert_array_equal(swapped.sensor, 1 - plots.sensor)
    only = read_plots(tmp_path / "plots.parquet", ["B"])
    assert only.n == (plots.sensor == 1).sum()
    with pytest.raises(FormatError, match="none is both"):
        read_plots(tmp_path / "plots.parquet", ["C"])


def test_angles_are_degrees_and_absent_values_null(tmp_path: Path) -> None:
    plots = make_plots(1, z=np.array([[1000.0, np.pi / 2]]), measured=3)
    write_plots(tmp_path / "p.parquet", plots, ["A"])
    row = pq.read_table(tmp_path / "p.parquet").to_pylist()[0]
    assert row["azimuth_deg"] == pytest.approx(90.0)
    assert row["sensor"] == "A"
    for absent in ("elevation_deg", "address", "mode_a", "callsign", "pressure_altitude_m", "covariance"):
        assert row[absent] is None


def test_progress_and_truth_come_back(tmp_path: Path) -> None:
    progress = make_progress(2, time_ns=[1, 2], kind=int(ProgressKind.SECTOR), azimuth_rad=[0.5, np.nan], rotation_s=4)
    write_progress(tmp_path / "g.parquet", progress, ["A"])
    for ours, theirs in zip(progress, read_progress(tmp_path / "g.parquet", ["A"])):
        np.testing.assert_allclose(theirs, ours, rtol=1e-14)
    states = make_states(2, time_ns=[1, 2], lat_deg=[47.0, 48.0], type=[1, 5], formation=[0, 7], turn_rate_dps=[0, -3])
    looks = make_illuminations(2, aircraft=[1, 2], plot=[5, -1], outcome=[1, 2], sigma_azimuth_rad=0.25, detection=0.9)
    write_truth(tmp_path / "t.parquet", tmp_path / "i.parquet", Truth(states, looks), ["A"], {"seed": "7"})
    read, metadata = read_states(tmp_path / "t.parquet")
    assert metadata["seed"] == "7"
    for ours, theirs in zip((*states, *looks), (*read, *read_illuminations(tmp_path / "i.parquet", ["A"]))):
        np.testing.assert_array_equal(theirs, ours)


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"not parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "y.parquet")
    write_progress(tmp_path / "z.parquet", make_progress(1, kind=1), ["A"])
    for name, words in (
        ("x.parquet", "not a Parquet"),
        ("y.parquet", "not of farwatch"),
        ("z.parquet", "holds progress"),
        ("none.parquet", "no such file"),
        (".", "folder"),
    ):
        with pytest.raises(FormatError, match=words):
            read_plots(tmp_path / name, ["A"])


def picture(n: int) -> Picture:
    blank = make_picture(n)
    return blank._replace(
        time_ns=np.arange(n),
        track=np.arange(1, n + 1),
        status=np.full(n, int(Status.CONFIRMED), np.uint8),
        pressure_altitude_m=np.where(np.arange(n) % 2, np.nan, 10_000.0),
        address=np.where(np.arange(n) % 2, -1, 0x00BEEF).astype(np.int32),
        mode_a=np.where(np.arange(n) % 2, -1, 0o21).astype(np.int16),
        callsign=np.where(np.arange(n) % 2, 0, pack_callsign("ABC1")),
        sensors=np.arange(n) % 4,
    )


def rows_of(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", sorted(SUFFIXES.keys() - {".ast"}))
@pytest.mark.parametrize("n", [0, 5, 70_000])
def test_every_format_of_tracks(suffix: str, n: int, tmp_path: Path) -> None:
    path = tmp_path / f"tracks{suffix}"
    sink = open_sink(path, ["A", "B"])
    sink.write(picture(n))
    assert not path.exists()
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    rows = rows_of(path)
    assert len(rows) == n == sink.rows
    if n:
        assert list(rows[0]) == COLUMNS
        assert [str(row["track"]) for row in rows[:3]] == ["1", "2", "3"]
        assert rows[0]["status"] == "confirmed"
        assert rows[0]["callsign"] == "ABC1"
        assert rows[1]["address"] in (None, "")
        assert rows[1]["pressure_altitude_m"] in (None, "")
        assert rows[3]["sensors"] in (["A", "B"], "A;B")
        assert rows[0]["address"] in (0xBEEF, "00BEEF")


ANY_CENTRE = SinkOptions(asterix62=Asterix62Options(centre_lat_deg=0.0, centre_lon_deg=0.0))
COLUMNS = [
    "time_ns",
    "track",
    "status",
    "lat_deg",
    "lon_deg",
    "height_wgs84_m",
    "pressure_altitude_m",
    "ground_speed_mps",
    "track_angle_deg",
    "vertical_rate_mps",
    "sigma_horizontal_m",
    "sigma_height_m",
    "sigma_east_m",
    "sigma_north_m",
    "correlation_east_north",
    "sigma_v_east_mps",
    "sigma_v_north_mps",
    "sigma_vertical_rate_mps",
    "existence",
    "address",
    "mode_a",
    "callsign",
    "flight_plan",
    "sensors",
]


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_an_aborted_file_leaves_nothing(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"tracks{suffix}"
    path.write_text("what was there before")
    sink = open_sink(path, ["A"], ANY_CENTRE)
    sink.write(picture(70_000))
    sink.abort()
    assert path.read_text() == "what was there before"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(FarwatchError, match="is a folder"):
        open_sink(tmp_path / "d.csv", [])
    with pytest.raises(FarwatchError, match="there is no folder"):
        open_sink(tmp_path / "no" / "t.csv", [])
    with pytest.raises(FarwatchError, match=r"\.parquet"):
        open_sink(tmp_path / "t.xls", [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_a_full_disk_is_told_and_keeps_nothing(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"tracks{suffix}"
    sink = open_sink(path, ["A"], ANY_CENTRE)
    sink.file.part.symlink_to("/dev/full")
    with pytest.raises(FarwatchError, match="cannot be written"):
        sink.write(picture(70_000))
        sink.close()
    assert not path.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    file = NewFile(tmp_path / "a.bin")
    file.part.write_bytes(b"1")
    assert not file.path.exists()
    file.commit()
    file.discard()
    assert file.path.read_bytes() == b"1"
