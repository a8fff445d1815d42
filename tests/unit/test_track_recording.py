"""Tracks come back from Parquet as they were written; tables of others are read or refused in words that help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airspace import apart, perfect, truth_of
from farwatch.errors import FormatError
from farwatch.picture import Picture, Status
from farwatch.plots import make_plots, pack_callsign
from farwatch.recording import write_plots
from farwatch.sinks import open_sink
from farwatch.track_recording import WANTED, read_tracks


def some_tracks(rng: np.random.Generator) -> Picture:
    picture = perfect(truth_of(apart(3), 20))
    n = picture.n
    some = rng.random(n) < 0.5
    return picture._replace(
        status=rng.integers(0, len(Status), n).astype(np.uint8),
        pressure_altitude_m=np.where(some, np.nan, 9_000.25),
        correlation_east_north=rng.uniform(-1, 1, n),
        existence=rng.random(n),
        address=np.where(some, -1, 0xABCDEF).astype(np.int32),
        mode_a=np.where(some, -1, 0o7700).astype(np.int16),
        callsign=np.where(some, 0, np.where(rng.random(n) < 0.5, pack_callsign("FW1"), pack_callsign("FW 22"))),
        sensors=rng.integers(0, 4, n),
        plot=np.full(n, -1),
    )


def written(path: Path, picture: Picture) -> Path:
    sink = open_sink(path, ["A", "B"])
    sink.write(picture)
    sink.close()
    return path


def test_tracks_come_back(tmp_path: Path, rng: np.random.Generator) -> None:
    tracks = some_tracks(rng)
    again = read_tracks(written(tmp_path / "tracks.parquet", tracks))
    assert again.until_ns == tracks.time_ns.max()
    for name, ours, theirs in zip(tracks._fields[1:], tracks[1:], again[1:]):
        assert ours.dtype == theirs.dtype, name
        np.testing.assert_array_equal(theirs, ours, err_msg=name)
    assert read_tracks(written(tmp_path / "none.parquet", tracks.take(slice(0)))).n == 0


def test_a_table_of_another_program_needs_few_columns(tmp_path: Path, rng: np.random.Generator) -> None:
    tracks = some_tracks(rng)
    pq.write_table(pa.table({name: getattr(tracks, name) for name in WANTED}), tmp_path / "t.parquet")
    again = read_tracks(tmp_path / "t.parquet")
    np.testing.assert_array_equal(again.lat_deg, tracks.lat_deg)
    assert (again.status == Status.CONFIRMED).all()
    assert np.isnan(again.sigma_east_m).all()
    assert (again.address == -1).all()


def test_what_cannot_be_tracks_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    whole = {name: pa.array(getattr(some_tracks(rng), name)) for name in WANTED}

    def refused(columns: dict[str, pa.Array], *words: str) -> None:
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        with pytest.raises(FormatError) as told:
            read_tracks(tmp_path / "t.parquet")
        for word in ("t.parquet", *words):
            assert word in str(told.value)

    def renamed(old: str, new: str) -> dict[str, pa.Array]:
        return {new if name == old else name: values for name, values in whole.items()}

    refused(renamed("height_wgs84_m", "altitude_ft"), "`altitude_ft` (feet)", "lacks `height_wgs84_m` (metres)")
    refused(renamed("ground_speed_mps", "speed_kt"), "`speed_kt` (knots)", "lacks `ground_speed_mps`")
    refused(renamed("lat_deg", "lat_rad"), "`lat_rad` (radians)", "lacks `lat_deg` (degrees)")
    refused(renamed("time_ns", "time_s"), "`time_s` (seconds)", "lacks `time_ns` (nanoseconds)")
    refused(renamed("track", "id"), "lacks `track`", "it has `id`", ", ".join(WANTED))
    refused(whole | {"time_ns": whole["time_ns"].cast(pa.float64(), safe=False)}, "whole numbers", "here it is double")
    refused(whole | {"time_ns": whole["time_ns"].cast(pa.timestamp("ns"))}, "whole numbers", "timestamp")
    refused(whole | {"lat_deg": whole["lat_deg"].cast(pa.string())}, "`lat_deg` must be numbers", "string")
    missing = pa.array([None, *whole["track"].to_pylist()[1:]], pa.int64())
    refused(whole | {"track": missing}, "`track` is absent in 1 rows")
    refused(whole | {"status": pa.array(["fine"] * len(missing))}, "fine")
    write_plots(tmp_path / "plots.parquet", make_plots(1, z=[[1.0, 1.0]], measured=3), ["A"])
    with pytest.raises(FormatError, match="holds plots, and a table of tracks is wanted"):
        read_tracks(tmp_path / "plots.parquet")
