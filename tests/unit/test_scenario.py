"""Configuration: what is right loads, and what is wrong is told with its place and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from farwatch.errors import ConfigError
from farwatch.motion import Cv
from farwatch.scenario import BUILTIN, load, parse
from farwatch.sources.replay import sources_of

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))


def radar(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "radar",
        "id": "A",
        "position": {"lat_deg": 47.0, "lon_deg": 9.0},
        "rotation_s": 4.0,
        "max_range_km": 100,
        **changes,
    }


AREA = {"min_x_m": 0, "max_x_m": 300, "min_y_m": 0, "max_y_m": 300}
POSITION = {"kind": "position", "id": "P", "period_s": 1.0, "area": AREA, "sigma_m": 1.0}
BIRTH = {"mean": [100, 100, 0, 0, 0, 0], "sigma": [150, 150, 1, 1, 1, 0], "weight": 0.005}
FLAT = {"kind": "flat"}


def test_a_plane_with_a_position_sensor_loads() -> None:
    scenario = parse(
        {"sensors": [POSITION], "frame": FLAT, "tracker": {"motion": {"kind": "cv", "q": 0.01}, "births": [BIRTH]}}
    )
    assert scenario.tracker.motion == Cv(q=0.01)
    assert scenario.tracker.births[0].weight == 0.005
    assert sources_of(scenario.sensors) == {}


@pytest.mark.parametrize("path", [*EXAMPLES, *sorted(BUILTIN.glob("*.toml"))], ids=lambda p: p.stem)
def test_every_example_loads(path: Path) -> None:
    assert load(path).sensors


def test_a_built_in_scenario_is_known_by_its_name() -> None:
    assert sum(group.count for group in load("s300").simulation.groups) == 300


def test_sources_are_named_by_sac_and_sic() -> None:
    scenario = parse({"sensors": [radar(), radar(id="B", sac_sic="20/129")]})
    assert sources_of(scenario.sensors) == {(20, 129): 1}


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({}, ["`sensors` is missing", "$"]),
        ({"sensors": []}, ["$.sensors"]),
        ({"sensors": [radar(rotaton_s=3.0)]}, ["unknown field `rotaton_s`", "$.sensors[", "did you mean `rotation_s`"]),
        ({"sensors": [radar(kind="rader")]}, ["'rader'", "$.sensors[", "radar"]),
        ({"sensors": [radar(rotation_s=-1.0)]}, ["rotation_s", "> 0"]),
        ({"sensors": [radar(rotation_s="fast")]}, ["rotation_s", "float"]),
        ({"sensors": [radar(position={"lat_deg": 99.0, "lon_deg": 0.0})]}, ["lat_deg", "<= 90"]),
        ({"sensors": [radar(position={"lat_deg": 9.0, "lon_deg": 0.0, "msl": True})]}, ["geoid_m"]),
        ({"sensors": [radar(max_range_km=float("inf"))]}, ["inf", "$.sensors[0].max_range_km"]),
        ({"sensors": [radar(rotation_s=float("nan"))]}, ["nan", "$.sensors[0].rotation_s"]),
        ({"sensors": [radar(sac_sic="20-129")]}, ["sac_sic"]),
        ({"sensors": [radar(), radar()]}, ["id = 'A'", "$.sensors[1]", "$.sensors[0]"]),
        ({"sensors": [radar(sac_sic="1/2"), radar(id="B", sac_sic="1/2")]}, ["sac_sic = '1/2'"]),
        (
            {"sensors": [radar()], "tracker": {"association": {"kind": "pbm"}}},
            ["'pbm'", "$.tracker.association", "did you mean `pmb`"],
        ),
        ({"sensors": [radar()], "tracker": {"motions": {}}}, ["`motions`", "$.tracker", "did you mean `motion`"]),
        ({"sensors": [radar()], "frame": {"kind": "flatt"}}, ["'flatt'", "$.frame.kind", "did you mean `flat`"]),
        ({"sensors": [radar()], "frames": {}}, ["`frames`", "did you mean `frame`"]),
        ({"sensors": [radar(refraction="four-third")]}, ["four-third", "refraction", "did you mean `four-thirds`"]),
        (
            {"sensors": [radar()], "simulation": {"traffic": [{"count": 3, "speeds_mps": [250.0, 200.0]}]}},
            ["speeds_mps", "$.simulation.traffic[0]"],
        ),
        (
            {"sensors": [{**POSITION, "kind": "postion"}], "frame": FLAT},
            ["'postion'", "$.sensors[0]", "did you mean `position`", "radar"],
        ),
        ({"sensors": [POSITION]}, ["position", "$.sensors[0]", "[frame]", "flat"]),
        ({"sensors": [{**POSITION, "periods_s": 2}], "frame": FLAT}, ["`periods_s`", "did you mean `period_s`"]),
        ({"sensors": [{**POSITION, "area": {"min_x_m": 0}}], "frame": FLAT}, ["`max_x_m`", "$.sensors[0].area"]),
        ({"sensors": [{**POSITION, "area": {**AREA, "max_y_m": -1}}], "frame": FLAT}, ["`min_y_m`", "`max_y_m`"]),
        ({"sensors": [POSITION, POSITION], "frame": FLAT}, ["id = 'P'", "$.sensors[1]"]),
        ({"sensors": [radar()], "tracker": {"motion": {"kind": "cvv"}}}, ["'cvv'", "did you mean `cv`", "imm"]),
        ({"sensors": [radar()], "tracker": {"motion": {"kind": "cv", "q": 0.0}}}, ["$.tracker.motion.q", "> 0"]),
        ({"sensors": [radar()], "tracker": {"births": [BIRTH]}}, ["$.tracker.births", "flat"]),
        (
            {"sensors": [POSITION], "frame": FLAT, "tracker": {"births": [{**BIRTH, "wait": 1}]}},
            ["`wait`", "$.tracker.births[0]", "did you mean `weight`"],
        ),
    ],
)
def test_errors_say_where_and_what_to_write(raw: dict[str, Any], says: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    for words in says:
        assert words in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="folder"):
        load(tmp_path)
    with pytest.raises(ConfigError, match=r"built in are .*s300"):
        load("dmo")
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_text("name = \n[[sensors]]")
    with pytest.raises(ConfigError, match="line 1"):
        load(tmp_path / "b.toml")
