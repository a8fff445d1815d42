"""The command line: its contract, and each verb end to end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from command import Command
from farwatch.cli.demo import Timed, watched
from farwatch.clock import AsFast
from farwatch.scenario import load
from farwatch.sources import Simulated

SMALL = """
name = "Small"
[[sensors]]
kind = "radar"
id = "A"
sac_sic = "1/10"
position = { lat_deg = 47.0, lon_deg = 9.0, height_m = 800 }
rotation_s = 4.0
max_range_km = 150
clutter = 5
[simulation]
aircraft = 12
radius_km = 100
"""
VERBS = ("demo", "track", "listen", "play", "simulate", "evaluate", "inspect", "convert", "check")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, farwatch: Command) -> None:
    ran = farwatch(verb, "--help")
    assert ran.code == 0
    assert verb in ran.out
    assert ran.err == ""


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['farwatch', 'track', '--help']\n"
        "from farwatch.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('LOADED', sorted({'numba', 'pyarrow', 'scipy', 'numpy'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.strip().endswith("LOADED []")


def test_simulate_then_track(small: Path, tmp_path: Path, farwatch: Command) -> None:
    ran = farwatch("simulate", small, "-o", tmp_path / "run", "--duration", 120, "--seed", 3, "--json")
    assert ran.code == 0, ran.err
    made = json.loads(ran.out)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"plots.parquet", "progress.parquet", "truth.parquet", "illuminations.parquet"}
    assert made["plots"] == pq.read_metadata(tmp_path / "run" / "plots.parquet").num_rows
    for suffix in ("parquet", "jsonl", "csv"):
        output = tmp_path / f"tracks.{suffix}"
        ran = farwatch("track", tmp_path / "run" / "plots.parquet", "-s", small, "-o", output, "--json")
        assert ran.code == 0, ran.err
        tracked = json.loads(ran.out)
        assert tracked["plots"] == made["plots"]
        assert 8 <= tracked["tracks"] <= 16
        assert output.exists()
    assert pq.read_metadata(tmp_path / "tracks.parquet").num_rows == tracked["rows"]


def test_track_without_identity_says_nobodys_name(small: Path, tmp_path: Path, farwatch: Command) -> None:
    farwatch("simulate", small, "-o", tmp_path / "run", "--duration", 60)
    plots, output = tmp_path / "run" / "plots.parquet", tmp_path / "t.parquet"
    ran = farwatch("track", plots, "-s", small, "-o", output, "--no-identity")
    assert ran.code == 0, ran.err
    table = pq.read_table(output)
    assert table.num_rows > 50
    for name in ("address", "mode_a", "callsign"):
        assert table[name].null_count == table.num_rows


def test_every_resamples_to_a_steady_interval(small: Path, tmp_path: Path, farwatch: Command) -> None:
    farwatch("simulate", small, "-o", tmp_path / "run", "--duration", 120)
    output = tmp_path / "t.parquet"
    ran = farwatch("track", tmp_path / "run" / "plots.parquet", "-s", small, "-o", output, "--every", "2s")
    assert ran.code == 0, ran.err
    times = sorted(set(pq.read_table(output)["time_ns"].to_pylist()))
    assert len(times) > 15
    assert all(time % 2_000_000_000 == 0 for time in times)
    assert all(after - before == 2_000_000_000 for before, after in pairwise(times))
    ran = farwatch("track", tmp_path / "run" / "plots.parquet", "-s", small, "-o", output, "--every", "soon")
    assert ran.code == 1
    assert "--every soon" in ran.err


def test_demo_without_a_terminal_ends_with_a_summary(small: Path, farwatch: Command) -> None:
    ran = farwatch("demo", "--scenario", small, "--duration", 100, "--json")
    assert ran.code == 0, ran.err
    figures = json.loads(ran.out)
    assert figures["completeness"] > 0.9
    assert figures["false"] < 1.5
    assert figures["scans"] == 24
    assert figures["plots"] > 12 * 20
    assert 0.0 < figures["scan_ms_median"] <= figures["scan_ms_p99"]
    ran = farwatch("demo", "--scenario", small, "--duration", 60, "--headless")
    assert "completeness" in ran.out
    assert "scan_ms_p99" in ran.out
    ran = farwatch("demo", "--scenario", small, "--duration", 2, "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "too short" in ran.err


def test_the_live_table_says_how_tracks_compare_with_the_truth(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    scenario = load(small)
    source = Simulated(scenario.sensors, scenario.frame, scenario.simulation, 60.0, 1)
    pictures = watched(scenario, source, Timed(scenario), AsFast(), speed=10.0)
    assert sum(picture.n for picture in pictures) > 50
    shown = capsys.readouterr().out
    held, in_sight = (int(number) for number in re.search(r"holds (\d+) of (\d+) in sight", shown).groups())
    assert 8 <= held <= in_sight <= 16
    assert "ms a scan" in shown
    assert "FW0" in shown


def test_check_says_what_a_sensor_can_see(small: Path, farwatch: Command) -> None:
    ran = farwatch("check", small, "--json")
    assert ran.code == 0
    (sensor,) = json.loads(ran.out)["sensors"]
    assert sensor["sac_sic"] == "1/10"
    heights = [row["above_m"] for row in sensor["sees"]]
    assert heights == sorted(heights)
    assert "one sigma" in farwatch("check", small).out


def test_check_says_where_a_position_sensor_looks(tmp_path: Path, farwatch: Command) -> None:
    site = tmp_path / "plane.toml"
    site.write_text(
        'frame = { kind = "flat" }\n[[sensors]]\nkind = "position"\nid = "P"\nperiod_s = 2.0\nsigma_m = 5\n'
        "area = { min_x_m = -50, max_x_m = 300, min_y_m = 0, max_y_m = 200 }\n"
    )
    ran = farwatch("check", site, "--json")
    sensor = json.loads(ran.out)["sensors"][0]
    assert sensor["kind"] == "position"
    assert sensor["area"]["min_x_m"] == -50
    out = farwatch("check", site).out
    assert "positions every 2 s" in out
    assert "-50 to 300 m" in out
    refused = farwatch("simulate", site, "-o", tmp_path / "out")
    assert refused.code == 1
    assert "no radar" in refused.err


def test_results_and_messages_keep_apart(small: Path, tmp_path: Path, farwatch: Command) -> None:
    ran = farwatch("simulate", small, "-o", tmp_path / "run", "--duration", 20, "--json")
    json.loads(ran.out)
    assert "\x1b" not in ran.out + ran.err
    ran = farwatch("check", tmp_path / "none.toml", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("farwatch: ")


def test_wrong_usage_is_status_two(farwatch: Command) -> None:
    for arguments in (["track"], ["trak"], ["demo", "--speed", "fast"], ["check"], ["inspect", "--nonsense", "x"]):
        ran = farwatch(*arguments)
        assert ran.code == 2, arguments
        assert ran.out == ""


def test_the_installed_command_runs() -> None:
    command = Path(sys.executable).with_name("farwatch")
    out = subprocess.run([command, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(verb in out for verb in VERBS)
