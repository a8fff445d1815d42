"""What is told of registration: on the command line, in the service's status and in its metrics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import Command
from farwatch.registration.report import sensor_reports
from farwatch.service import Job
from farwatch.service.frames import sensors_told
from farwatch.service.metrics import Metrics, WebState
from registration_scenes import batches, heard, network
from serving import Running
from updates import updates_of

SMALL = """
name = "Pair"

[[sensors]]
kind         = "radar"
id           = "RAD1"
position     = { lat_deg = 47.25, lon_deg = 9.34, height_m = 2500 }
rotation_s   = 5.0
max_range_km = 250
clutter      = 5

[[sensors]]
kind         = "radar"
id           = "RAD2"
position     = { lat_deg = 46.9, lon_deg = 8.0, height_m = 1200 }
rotation_s   = 5.0
max_range_km = 250
clutter      = 5

[registration]
reference = "RAD1"
window_s  = 20

[simulation]
aircraft  = 40
radius_km = 150

[simulation.sensors.RAD2]
bias    = { azimuth_deg = 0.25, range_m = -90 }
clutter = { plots = 5 }
"""


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    path = tmp_path / "pair.toml"
    path.write_text(SMALL)
    return path


def test_check_measures_the_sensors(farwatch: Command, pair: Path) -> None:
    ran = farwatch("check", pair, "--sensors", "--duration", 90, "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert [sensor["id"] for sensor in told["sensors"]] == ["RAD1", "RAD2"]
    assert told["sensors"][0]["reference"]
    azimuth = told["sensors"][1]["errors"]["azimuth_deg"]
    assert abs(azimuth["value"] - 0.25) < 4.0 * azimuth["sigma"]
    assert azimuth["sigma"] < 0.03
    assert told["sensors"][0]["errors"]["time_s"] is None
    assert len(told["sensors"][1]["sectors"]) == 12
    assert told["sensors"][1]["stated"]["interval_s"] == 5.0

    ran = farwatch("check", pair, "--sensors", "--duration", 90)
    assert ran.code == 0, ran.err
    assert "systematic errors: measured minus true" in ran.out
    assert "RAD2 by sector" in ran.out
    assert "times relative to RAD1" in ran.out


def test_check_says_what_it_needs(farwatch: Command, pair: Path, tmp_path: Path) -> None:
    ran = farwatch("check", pair, "--recording", pair)
    assert ran.code == 2
    bare = tmp_path / "bare.toml"
    bare.write_text(SMALL.split("[simulation]")[0])
    ran = farwatch("check", bare, "--sensors")
    assert ran.code == 1
    assert "name a recording: --recording FILE" in ran.err
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SMALL.replace('reference = "RAD1"', 'reference = "RAD9"'))
    ran = farwatch("check", wrong, "--sensors", "--duration", 60)
    assert ran.code == 1
    assert "$.registration.reference = 'RAD9' is no sensor; there are RAD1, RAD2" in ran.err


def test_status_and_metrics_carry_what_is_known() -> None:
    scenario = network()
    reports = sensor_reports(heard(scenario, batches(scenario, 105.0, 1)))
    update = updates_of("quiet", 20.0)[-1]
    health = update.health._replace(
        registration=reports, sensors=tuple(update.health.sensors[0]._replace(id=report.id) for report in reports)
    )
    told = {one["id"]: one["registration"] for one in sensors_told(health)}
    assert told["RAD1"]["standing"] == "ok"
    assert told["RAD1"]["errors"]["range_m"]["value"] == pytest.approx(80.0, abs=25.0)
    assert told["WAM"]["errors"]["range_m"] is None
    metrics = Metrics(WebState(), dict)
    metrics.heard(update._replace(health=health))
    lines = dict(line.rsplit(" ", 1) for line in metrics.text().decode().splitlines() if line[:1] != "#")
    key = '{error="azimuth_deg",sensor="RAD1"}'
    assert float(lines["farwatch_sensor_error" + key]) == pytest.approx(0.12, abs=0.02)
    assert 0.0 < float(lines["farwatch_sensor_error_sigma" + key]) < 0.01
    assert lines['farwatch_sensor_explained{sensor="RAD1"}'] == "1.0"
    assert float(lines['farwatch_sensor_interval_s{basis="measured",sensor="RAD1"}']) == pytest.approx(10.0, rel=0.01)
    assert float(lines['farwatch_sensor_interval_s{basis="stated",sensor="RAD1"}']) == 10.0


def test_without_registration_nothing_is_told() -> None:
    update = updates_of("quiet", 20.0)[-1]
    assert "registration" not in sensors_told(update.health)[0]
    metrics = Metrics(WebState(), dict)
    metrics.heard(update)
    assert b"farwatch_sensor_error" not in metrics.text()


def test_a_service_tells_of_it() -> None:
    scenario = network(60, 3, positions=False)
    with Running(scenario, Job("simulated", duration_s=60.0)) as running:
        running.join()
    assert running.error is None
    last = running.updates[-1].health
    assert [report.id for report in last.registration] == ["RAD1", "RAD2", "RAD3"]
    assert all(report.standing == "ok" for report in last.registration)
