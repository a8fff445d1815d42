"""Bad input through the command line: a clear message, a status, nothing half written, good parts kept."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from command import Command, Ran
from farwatch.recording import write_plots
from farwatch.sources.replay import CHUNK_BYTES
from reference_asterix import block, plot
from scenes import plots_of, straight

SITE = """
[[sensors]]
kind = "radar"
id = "A"
sac_sic = "{source}"
position = {{ lat_deg = 47.0, lon_deg = 9.0 }}
rotation_s = 4.0
max_range_km = 200
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(source="1/10"))
    return path


def good_blocks(scans: int = 20, first_s: float = 3600.0, first_nm: float = 40.0) -> bytes:
    """One aircraft flying out to the north-east, a block a plot."""
    blocks = []
    for scan in range(scans):
        seconds = (first_s + 4.0 * scan) % 86_400
        blocks.append(block(48, plot(seconds=seconds, range_nm=first_nm + 0.4 * scan, azimuth_deg=45.0)))
    return b"".join(blocks)


def track(farwatch: Command, data: bytes | Path, site: Path, tmp_path: Path) -> tuple[Ran, Path]:
    recording = data if isinstance(data, Path) else tmp_path / "rec.ast"
    if isinstance(data, bytes):
        recording.write_bytes(data)
    output = tmp_path / "tracks.jsonl"
    return farwatch("track", recording, "-s", site, "-o", output, "--json"), output


def refused(ran: Ran, output: Path, *words: str) -> None:
    assert ran.code == 1
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert ran.err.startswith("farwatch: ")
    for word in words:
        assert word in ran.err
    assert not output.exists()
    assert not list(output.parent.glob(".tracks*"))


def test_good_input_is_done(farwatch: Command, site: Path, tmp_path: Path) -> None:
    ran, output = track(farwatch, good_blocks(), site, tmp_path)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["tracks"] == 1
    assert len(output.read_text().splitlines()) > 10


def test_an_empty_file(farwatch: Command, site: Path, tmp_path: Path) -> None:
    refused(*track(farwatch, b"", site, tmp_path), "rec.ast", "empty")


def test_a_folder_in_place_of_a_file(farwatch: Command, site: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.ast").mkdir()
    refused(*track(farwatch, tmp_path / "folder.ast", site, tmp_path), "folder.ast")


def test_a_file_that_is_not_there(farwatch: Command, site: Path, tmp_path: Path) -> None:
    refused(*track(farwatch, tmp_path / "none.ast", site, tmp_path), "none.ast", "no such file")


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes(seed: int, farwatch: Command, site: Path, tmp_path: Path) -> None:
    data = np.random.default_rng(seed).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    refused(*track(farwatch, data, site, tmp_path), "rec.ast")


def test_a_truncated_block_is_counted_and_the_rest_kept(farwatch: Command, site: Path, tmp_path: Path) -> None:
    ran, output = track(farwatch, good_blocks()[:-5], site, tmp_path)
    assert ran.code == 3
    assert json.loads(ran.out)["tracks"] == 1
    assert "byte" in ran.err
    assert output.exists()


def test_a_length_of_zero_is_counted_and_what_came_before_kept(farwatch: Command, site: Path, tmp_path: Path) -> None:
    ran, output = track(farwatch, good_blocks() + bytes([48, 0, 0]) + good_blocks(), site, tmp_path)
    assert ran.code == 3
    assert json.loads(ran.out)["tracks"] == 1
    assert "first at byte" in ran.err
    assert output.exists()


def test_a_damaged_record_is_skipped(farwatch: Command, site: Path, tmp_path: Path) -> None:
    broken = bytearray(block(48, plot(seconds=3620.0)))
    broken[3] = 0xFF  # the record claims items that are not there
    ran, _ = track(farwatch, good_blocks(10) + bytes(broken) + good_blocks(10, 3640.0, 44.0), site, tmp_path)
    assert ran.code == 3
    assert json.loads(ran.out)["tracks"] == 1


def test_another_category_alone(farwatch: Command, site: Path, tmp_path: Path) -> None:
    refused(*track(farwatch, bytes([62, 0, 4, 0]) * 30, site, tmp_path), "rec.ast")


def test_an_edition_that_does_not_exist(farwatch: Command, site: Path, tmp_path: Path) -> None:
    (tmp_path / "rec.ast").write_bytes(good_blocks())
    arguments = ("track", tmp_path / "rec.ast", "-s", site, "-o", tmp_path / "tracks.jsonl")
    refused(farwatch(*arguments, "--edition", "048=9.9"), tmp_path / "tracks.jsonl", "9.9", "1.31")
    refused(farwatch(*arguments, "--edition", "new"), tmp_path / "tracks.jsonl", "048=1.31")
    refused(farwatch(*arguments, "--day", "May"), tmp_path / "tracks.jsonl", "2024-05-01")


def test_a_site_without_the_radar(farwatch: Command, site: Path, tmp_path: Path) -> None:
    site.write_text(SITE.format(source="20/129"))
    refused(*track(farwatch, good_blocks(), site, tmp_path), "1/10", "20/129")
    site.write_text(SITE.format(source="20/129").replace('sac_sic = "20/129"\n', ""))
    refused(*track(farwatch, good_blocks(), site, tmp_path), "sac_sic")


def test_a_wrong_site_file(farwatch: Command, site: Path, tmp_path: Path) -> None:
    site.write_text(SITE.format(source="1/10").replace("rotation_s", "rotaton_s"))
    refused(*track(farwatch, good_blocks(), site, tmp_path), "site.toml", "rotaton_s", "did you mean `rotation_s`")


def test_times_that_cross_midnight(farwatch: Command, site: Path, tmp_path: Path) -> None:
    ran, _ = track(farwatch, good_blocks(40, 86_400 - 80.0), site, tmp_path)
    assert ran.code == 0, ran.err
    done = json.loads(ran.out)
    assert done["tracks"] == 1
    assert done["data_s"] == pytest.approx(156.0, abs=1.0)


def test_times_that_go_back_a_little_are_put_in_order(farwatch: Command, site: Path, tmp_path: Path) -> None:
    one, two = good_blocks(20), good_blocks(20, 3600.3, 70.0)
    size = len(good_blocks(1))
    mixed = b"".join(two[k : k + size] + one[k : k + size] for k in range(0, len(one), size))
    ran, _ = track(farwatch, mixed, site, tmp_path)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["late"] == 0


def test_times_that_go_back_too_far_are_counted(farwatch: Command, site: Path, tmp_path: Path) -> None:
    # So long that the first part has been tracked when the times go back.
    long = b"".join(good_blocks(30, 3600.0 + 4.0 * k) for k in range(650))
    assert len(long) > CHUNK_BYTES
    ran, output = track(farwatch, long + good_blocks(30, 3_700.0), site, tmp_path)
    assert ran.code == 3
    assert "too late" in ran.err
    assert json.loads(ran.out)["late"] > 0
    assert output.exists()


def test_absurd_values_are_counted_and_the_rest_tracked(farwatch: Command, site: Path, tmp_path: Path) -> None:
    plots = plots_of([straight(-40e3, 30e3, 200, 0)], 100, np.random.default_rng(1))
    plots.z[3, 0], plots.z[5, 1], plots.z[7, 0] = np.nan, np.inf, 1e12
    write_plots(tmp_path / "plots.parquet", plots, ["A"])
    ran, output = track(farwatch, tmp_path / "plots.parquet", site, tmp_path)
    assert ran.code == 3
    done = json.loads(ran.out)
    assert (done["absurd"], done["tracks"]) == (3, 1)
    assert "3 plots cannot be" in ran.err
    assert "NaN" not in output.read_text()


def test_a_parquet_file_of_something_else(farwatch: Command, site: Path, tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    refused(*track(farwatch, tmp_path / "x.parquet", site, tmp_path), "x.parquet")


def test_an_output_that_cannot_be(farwatch: Command, site: Path, tmp_path: Path) -> None:
    (tmp_path / "rec.ast").write_bytes(good_blocks())
    for output, words in (
        (tmp_path / "no" / "t.jsonl", "no folder"),
        (tmp_path / "t.xls", ".parquet"),
        (tmp_path, ".parquet"),
    ):
        ran = farwatch("track", tmp_path / "rec.ast", "-s", site, "-o", output)
        assert ran.code == 1
        assert words in ran.err
    (tmp_path / "file").write_text("")
    assert farwatch("simulate", "s300", "-o", tmp_path / "file", "--duration", 2).code == 1


def test_a_full_disk(site: Path, tmp_path: Path) -> None:
    """Files of the process may grow to 20 kB: what a full disk looks like from inside."""
    rng = np.random.default_rng(2)
    courses = [straight(*rng.uniform(-90e3, 90e3, 2), *rng.normal(0, 150, 2)) for _ in range(40)]
    write_plots(tmp_path / "plots.parquet", plots_of(courses, 60, rng), ["A"])
    for name in ("tracks.jsonl", "tracks.csv", "tracks.parquet"):
        ran = subprocess.run(
            [sys.executable, "-m", "farwatch.cli", "track", "plots.parquet", "-s", site, "-o", name],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        )
        assert ran.returncode == 1, ran.stderr
        assert "Traceback" not in ran.stderr
        assert f"{name}: cannot be written" in ran.stderr
        assert not (tmp_path / name).exists()
        assert not list(tmp_path.glob(".tracks*"))


def test_inspect_tells_the_same_errors(farwatch: Command, tmp_path: Path) -> None:
    path = tmp_path / "rec.ast"
    path.write_bytes(good_blocks())
    ran = farwatch("inspect", path, "--json")
    assert ran.code == 0, ran.err
    (category,) = json.loads(ran.out)["categories"]
    assert (category["category"], category["records"]) == (48, 20)
    assert category["sources"] == {"1/10": 20}
    assert "1/10" in farwatch("inspect", path).out
    path.write_bytes(good_blocks()[:-4])
    assert farwatch("inspect", path).code == 3
    path.write_bytes(b"")
    assert farwatch("inspect", path).code == 1
