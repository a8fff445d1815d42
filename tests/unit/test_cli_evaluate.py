"""farwatch evaluate: from files to figures, and what is said of files that cannot be scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airspace import START_NS, TRACKS_FROM, apart, perfect, scenario, truth_of
from command import Command, Ran
from farwatch.picture import Picture, concat_pictures
from farwatch.recording import write_truth
from farwatch.sinks import open_sink
from farwatch.truth import AircraftType, Truth, make_illuminations, make_states

N = 4


class Files:
    """Tracks, truth and what the sensors could see, in a folder; each can be written in another way."""

    def __init__(self, folder: Path, farwatch: Command) -> None:
        self.folder, self._farwatch = folder, farwatch
        self.truth = truth_of(apart(N), 300)
        self.tracks = perfect(self.truth)
        self.write_tracks(self.tracks)
        self.write_truth(self.truth)

    def write_tracks(self, picture: Picture) -> None:
        sink = open_sink(self.folder / "tracks.parquet", ["A"])
        sink.write(picture)
        sink.close()

    def write_truth(self, truth: Truth, about: dict[str, str] | None = None) -> None:
        carried = {"scenario": msgspec.json.encode(scenario()).decode()} if about is None else about
        write_truth(self.folder / "truth.parquet", self.folder / "illuminations.parquet", truth, ["A"], carried)

    def change(self, name: str, **columns: Any) -> None:
        """Replace columns of a file, or take them away (None)."""
        table = pq.read_table(self.folder / name)
        for column, values in columns.items():
            table = table.drop_columns([column])
            if values is not None:
                table = table.append_column(column, pa.array(values))
        pq.write_table(table, self.folder / name)

    def __call__(self, *options: object) -> Ran:
        return self._farwatch("evaluate", self.folder / "tracks.parquet", self.folder / "truth.parquet", *options)

    def refused(self, *words: str) -> None:
        ran = self("--json")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("farwatch: ")
        assert "Traceback" not in ran.err
        for word in words:
            assert word in ran.err


@pytest.fixture
def files(tmp_path: Path, farwatch: Command) -> Files:
    return Files(tmp_path, farwatch)


def test_one_object_or_one_table(files: Files) -> None:
    ran = files("--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["completeness"], found["scans"], found["aircraft"], found["swaps"]) == (1.0, 30, N, 0)
    assert found["by_type"]["airliner"]["completeness"] == 1.0
    names = "completeness ambiguity spuriousness gospa_m localisation_m missed false rmse_horizontal_m rmse_height_m"
    names += " rmse_over_bound nees nees_low nees_high purity fragments swaps swaps_shallow initiation_looks"
    names += " initiation_looks_p95 scans aircraft tracks by_type"
    assert set(names.split()) <= set(found)
    shown = files()
    assert shown.code == 0
    assert "completeness" in shown.out
    assert "1.000" in shown.out
    assert "by type" not in shown.out  # there is but one
    types = np.where(files.truth.states.aircraft < 2, int(AircraftType.AIRLINER), int(AircraftType.HEAVY_FIGHTER))
    files.write_truth(Truth(files.truth.states._replace(type=types.astype(np.uint8)), files.truth.illuminations))
    assert "heavy fighter" in files().out


def test_what_is_not_a_number_is_null(files: Files) -> None:
    files.write_tracks(files.tracks._replace(lat_deg=files.tracks.lat_deg - 500e3))
    found = json.loads(files("--json").out)
    assert (found["completeness"], found["rmse_horizontal_m"], found["nees"]) == (0.0, None, None)


def test_the_scenario_and_what_was_seen_may_be_elsewhere(files: Files) -> None:
    files.write_truth(files.truth, {})
    files.refused("truth.parquet", "does not carry its scenario", "-s")
    site = files.folder / "site.toml"
    site.write_text(
        '[[sensors]]\nkind = "radar"\nid = "A"\nposition = { lat_deg = 0.0, lon_deg = 0.0 }\nrotation_s = 10.0\n'
        'max_range_km = 400\n[frame]\nkind = "flat"\n'
    )
    assert json.loads(files("--json", "-s", site).out)["completeness"] == 1.0
    (files.folder / "illuminations.parquet").rename(files.folder / "seen.parquet")
    ran = files("--json", "-s", site)
    assert ran.code == 1
    assert "illuminations.parquet: no such file" in ran.err
    seen = files.folder / "seen.parquet"
    assert json.loads(files("--json", "-s", site, "--illuminations", seen).out)["completeness"] == 1.0
    files.write_truth(files.truth, {"scenario": '{"sensors": []}'})
    files.refused("truth.parquet", "cannot be used", "-s")
    files.write_truth(files.truth, {"scenario": "{"})
    files.refused("truth.parquet", "cannot be used", "-s")


def test_times_that_do_not_meet(files: Files) -> None:
    files.write_tracks(files.tracks._replace(time_ns=files.tracks.time_ns + 86_400 * 10**9))
    files.refused("no time in common", "2026-01-01", "2026-01-02")


def test_times_that_meet_in_part_are_scored_and_told(files: Files) -> None:
    files.write_tracks(files.tracks.take(files.tracks.time_ns > START_NS + 150 * 10**9))
    ran = files("--json")
    assert ran.code == 3
    assert json.loads(ran.out)["completeness"] == 1.0
    assert "only part of the time is scored" in ran.err


def test_missing_columns(files: Files) -> None:
    files.change("tracks.parquet", lon_deg=None)
    files.refused("tracks.parquet", "lacks `lon_deg`")
    files.write_tracks(files.tracks)
    files.change("truth.parquet", ground_speed_mps=None)
    files.refused("truth.parquet", "lacks `ground_speed_mps`")
    files.write_truth(files.truth)
    files.change("illuminations.parquet", outcome=None)
    files.refused("illuminations.parquet", "outcome")


def test_other_units_told_by_the_column(files: Files) -> None:
    table = pq.read_table(files.folder / "tracks.parquet")
    feet = pa.array(table["height_wgs84_m"].to_numpy() / 0.3048)
    table = table.drop_columns(["height_wgs84_m"]).append_column("altitude_ft", feet)
    pq.write_table(table, files.folder / "tracks.parquet")
    files.refused("`altitude_ft` (feet)", "`height_wgs84_m` (metres)")


@pytest.mark.parametrize(("divisor", "unit"), [(10**9, "seconds"), (10**6, "milliseconds"), (10**3, "microseconds")])
@pytest.mark.parametrize("name", ["tracks", "truth", "illuminations"])
def test_other_units_of_time(divisor: int, unit: str, name: str, files: Files) -> None:
    time_ns = pq.read_table(files.folder / f"{name}.parquet")["time_ns"].to_numpy()
    files.change(f"{name}.parquet", time_ns=time_ns // divisor + np.arange(len(time_ns)))
    files.refused(name, "`time_ns` must be nanoseconds since 1970", f"as {unit}")


@pytest.mark.parametrize("name", ["tracks", "truth"])
def test_radians(name: str, files: Files) -> None:
    on_earth = {"scenario": msgspec.json.encode(scenario(flat=False)).decode()}
    s, p = files.truth.states, files.tracks
    lat, lon = 47.0 + s.lat_deg / 111e3, 9.0 + s.lon_deg / 76e3
    turn = {"tracks": 1.0, "truth": 1.0} | {name: np.pi / 180.0}
    files.write_tracks(p._replace(lat_deg=lat * turn["tracks"], lon_deg=lon * turn["tracks"]))
    states = s._replace(lat_deg=lat * turn["truth"], lon_deg=lon * turn["truth"])
    files.write_truth(Truth(states, files.truth.illuminations), on_earth)
    files.refused(name, "must be degrees", "radians")


def test_a_plane_in_place_of_the_earth(files: Files) -> None:
    files.write_truth(files.truth, {"scenario": msgspec.json.encode(scenario(flat=False)).decode()})
    files.refused("must be degrees", 'kind = "flat"')


def test_repeated_rows(files: Files) -> None:
    files.write_tracks(concat_pictures([files.tracks, files.tracks.take(slice(5))]))
    files.refused("tracks", "5 rows repeat", f"track {TRACKS_FROM}")
    files.write_tracks(files.tracks)
    s = files.truth.states
    files.write_truth(Truth(s.take(np.append(np.arange(s.n), 7)), files.truth.illuminations))
    files.refused("truth", "1 rows repeat", "aircraft 0")


def test_positions_that_are_none(files: Files) -> None:
    lost = files.tracks.lat_deg.copy()
    lost[3] = np.nan
    files.write_tracks(files.tracks._replace(lat_deg=lost))
    files.refused("tracks", "1 rows have no position", "first row 3")


def test_empty_files(files: Files) -> None:
    files.write_tracks(files.tracks.take(slice(0)))
    files.refused("tracks.parquet", "holds no tracks")
    files.write_tracks(files.tracks)
    files.write_truth(Truth(make_states(0), files.truth.illuminations))
    files.refused("truth", "no state")
    files.write_truth(Truth(files.truth.states, make_illuminations(0)))
    files.refused("illuminations", "no row")
    for name in ("illuminations", "truth", "tracks"):
        (files.folder / f"{name}.parquet").write_bytes(b"")
        files.refused(f"{name}.parquet", "not a Parquet file")


def test_a_recording_of_less_than_a_scan(files: Files) -> None:
    s = files.truth.states
    files.write_truth(Truth(s.take(s.time_ns < START_NS + 5 * 10**9), files.truth.illuminations))
    files.write_tracks(files.tracks.take(files.tracks.time_ns < START_NS + 5 * 10**9))
    files.refused("not one whole scan")


def test_simulated_tracked_and_scored(tmp_path: Path, farwatch: Command) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        '[[sensors]]\nkind = "radar"\nid = "A"\nposition = { lat_deg = 47.0, lon_deg = 9.0, height_m = 800 }\n'
        "rotation_s = 4.0\nmax_range_km = 150\nclutter = 5\n[simulation]\naircraft = 12\nradius_km = 100\n"
    )
    run = tmp_path / "run"
    assert farwatch("simulate", site, "-o", run, "--duration", 120, "--seed", 3).code == 0
    for name, options in (("all", ()), ("every", ("--every", "1s"))):
        tracks = tmp_path / f"{name}.parquet"
        assert farwatch("track", run / "plots.parquet", "-s", site, "-o", tracks, *options).code == 0
        ran = farwatch("evaluate", tracks, run / "truth.parquet", "--json")
        assert ran.code == 0, ran.err
        found = json.loads(ran.out)
        assert found["completeness"] > 0.95
        assert found["spuriousness"] < 0.1
        assert found["rmse_horizontal_m"] < 500.0
        assert 0.3 < found["nees"] < 3.0
