"""The built-in scenarios are what they state of themselves; one that cannot be is refused; check tells all of it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command import Command
from farwatch.errors import ConfigError
from farwatch.scenario import BUILTIN, Scenario, load, parse
from farwatch.simulation import simulate
from farwatch.simulation.feasible import unseen_flights
from farwatch.simulation.figures import Figures, Finding, findings, hard_turns, patchy_share
from farwatch.truth import Outcome, Truth, make_states

# How long each is watched: long enough for whole manoeuvres, and for averages.
SECONDS = {"s300": 300, "plain300": 300, "storm": 300, "formation": 900, "manoeuvre": 600, "quiet": 200, "network": 60}


def found_in(scenario: Scenario, seconds: float, seed: int) -> list[Finding]:
    truth, plots, _ = simulate(scenario.sensors, scenario.frame, scenario.simulation, seconds, seed)
    return findings(scenario.figures, scenario.sensors, scenario.frame, scenario.simulation, truth, plots)


def assert_holds(found: list[Finding]) -> None:
    assert found
    wrong = [f"{f.name}: stated {f.stated}, found {f.found}" for f in found if not f.holds]
    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize("name", SECONDS)
def test_a_scenario_has_the_figures_that_it_states(name: str) -> None:
    assert_holds(found_in(load(name), SECONDS[name], seed=11))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", ["s300", "plain300", "storm"])
def test_it_has_them_for_an_hour(name: str, seed: int) -> None:
    assert_holds(found_in(load(name), 3600.0, seed))


@pytest.mark.parametrize(
    ("table", "changes", "name"),
    [
        ("figures", {"far_aircraft": 100}, "beyond 500 km"),
        ("figures", {"hard_turns": 500}, "turns of 6 to 9 g"),
        ("figures", {"merged_plots": 20.0}, "merged plots"),
        ("figures", {"spacing_m": [1500.0, 3000.0]}, "spacing"),
        ("figures", {"aircraft": 250}, "in coverage"),
    ],
)
def test_figures_that_are_not_met_are_found(table: str, changes: dict[str, Any], name: str) -> None:
    raw = tomllib.loads((BUILTIN / "s300.toml").read_text())
    raw[table] |= changes
    wrong = [finding for finding in found_in(parse(raw), 60.0, seed=1) if not finding.holds]
    assert [name in finding.name for finding in wrong] == [True]


def test_s300_is_the_stated_scenario() -> None:
    scenario = load("s300")
    truth, plots, _ = simulate(scenario.sensors, scenario.frame, scenario.simulation, 60.0, seed=3)
    assert np.all(plots.address < 0)
    assert np.all(plots.mode_a < 0)
    assert np.all(np.isnan(plots.pressure_altitude_m))
    assert np.all(plots.measured == 7)
    sigma = scenario.sensors[0].sigma
    assert (sigma.range_m, sigma.azimuth_deg, sigma.elevation_deg) == (50.0, 0.07, 0.3)
    first = truth.states.take(truth.states.time_ns == truth.states.time_ns[0])
    assert np.bincount(first.type, minlength=7)[5:].tolist() == [12, 21]
    assert first.n == 300
    law = scenario.simulation.sensors["RAD1"].detection
    assert law is not None
    looks = truth.illuminations
    assert looks.detection.min() > 0.3


def test_turns_and_patches_are_counted_as_by_hand() -> None:
    # Two aircraft: 8 g for 3 s, straight, 7 g for 2 s; and 3 g throughout.
    speed = 250.0
    rate = {g: np.degrees(9.80665 * np.sqrt(g * g - 1) / speed) for g in (1.0, 3.0, 7.0, 8.0)}
    one = [1.0, 8.0, 8.0, 8.0, 1.0, 7.0, 7.0, 1.0]
    rates = [rate[g] for g in one] + [rate[3.0]] * 8
    states = make_states(
        16,
        aircraft=np.repeat([1, 2], 8),
        time_ns=np.tile(np.arange(8), 2),
        ground_speed_mps=speed,
        turn_rate_dps=rates,
    )
    assert hard_turns(states) == 2
    scenario = load("storm")
    _, plots, _ = simulate(scenario.sensors, scenario.frame, scenario.simulation, 100.0, seed=1)
    assert patchy_share(plots, scenario.sensors[0]) > 0.4
    even = load("quiet")
    _, plots, _ = simulate(even.sensors, even.frame, even.simulation, 600.0, seed=1)
    assert patchy_share(plots.take(plots.address < 0), even.sensors[0]) < 0.15


def site(**simulation: Any) -> dict[str, Any]:
    return {
        "sensors": [
            {
                "kind": "radar",
                "id": "A",
                "position": {"lat_deg": 47.0, "lon_deg": 9.0, "height_m": 100},
                "rotation_s": 4.0,
                "max_range_km": 200,
                "clutter": 10,
            }
        ],
        "simulation": simulation,
    }


def traffic(**changes: Any) -> dict[str, Any]:
    return site(traffic=[{"count": 3, "radius_km": 50} | changes])


def flight(**changes: Any) -> dict[str, Any]:
    start = {"east_km": 10, "north_km": 20}
    return site(flights=[{"start": start, "height_m": 5000, "speed_mps": 250, "track_deg": 0} | changes])


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (traffic(speeds_mps=[200, 400]), ["speeds_mps", "400", "275", "airliner", "traffic["]),
        (traffic(speeds_mps=[20, 200]), ["speeds_mps", "below", "70"]),
        (traffic(heights_m=[9000, 20000]), ["heights_m", "13100", "airliner"]),
        (traffic(climb_mps=50), ["climb_mps", "airliner"]),
        (traffic(type="fighter", manoeuvre_every_s=60, manoeuvre_g=[6, 11]), ["manoeuvre_g", "11", "9"]),
        (traffic(manoeuvre_every_s=60), ["manoeuvre_g", "airliner"]),
        (traffic(formation=[4, 5]), ["formation", "`count` is 3"]),
        (traffic(count=9, formation=[4, 9], spacing_m=[5000, 20000]), ["spacing_m", "no room"]),
        (traffic(spacing_m=[2000, 500]), ["spacing_m", "above the second"]),
        (traffic(type="fightr"), ["fightr", "did you mean `fighter`"]),
        (traffic(centre={"east_km": 900, "north_km": 0}), ["no sensor can see", "traffic[0]", "3 x airliner"]),
        (
            traffic(type="helicopter", centre={"east_km": 140, "north_km": 0}, radius_km=10, heights_m=[100, 200]),
            ["no sensor can see", "horizon"],
        ),
        (traffic(centre={"east_km": 5}), ["a place is"]),
        (flight(speed_mps=900), ["speed_mps", "660", "fighter"]),
        (flight(height_m=19000), ["height_m", "18000"]),
        (flight(legs=[{"fly_s": 5}, {"turn_deg": 90, "g": 12}]), ["legs[1].g", "12", "flights["]),
        (flight(legs=[{"fly_s": 5, "turn_deg": 90}]), ["one of `fly_s`"]),
        (flight(legs=[{"fly_s": 5, "g": 3}]), ["straight"]),
        (flight(legs=[{"fly_s": 5, "climb_mps": 900}]), ["legs[0].climb_mps"]),
        (flight(at_s=50, until_s=20), ["until_s"]),
        (site(sensors={"B": {}}), ["$.simulation.sensors.B", "Radars: A"]),
        (site(sensors={"A": {"kind": "primry"}}), ["primry", "$.simulation.sensors.A.kind", "did you mean `primary`"]),
        (
            site(sensors={"A": {"splts": 0.1}}),
            ["unknown field `splts`", "$.simulation.sensors.A", "did you mean `splits`"],
        ),
        (site(sensors={"A": {}, "B-1": {"bias": {"time_s": 100}}}), ["$.simulation.sensors.B-1.bias.time_s", "<= 60"]),
        (site(sensors={"A": {"detection": {"reference_pd": 1e-5}}}), ["reference_pd", "false_alarm"]),
        (site(aircraft=5) | {"figures": {"aircraft": 6}}, ["$.figures.aircraft = 6", "only 5"]),
        (site(aircraft=5) | {"figures": {"fighters": 1}}, ["$.figures.fighters", "only 0"]),
        (site(aircraft=5) | {"figures": {"far_aircraft": 1}}, ["$.figures.far_aircraft", "200 km"]),
        (site(aircraft=5) | {"figures": {"clutter": 20}}, ["$.figures.clutter = 20", "makes 10"]),
        (site(aircraft=5) | {"figures": {"patchy_share": 0.5}}, ["$.figures.patchy_share"]),
        (
            site(sensors={"A": {"detection": {}}})
            | {"figures": {"seen": [{"rcs_m2": 3, "range_km": 190, "most_pd": 0.5}]}},
            ["$.figures.seen[0]", "3 m^2 at 190 km"],
        ),
        (
            site(traffic=[{"count": 1, "centre": {"lat_deg": 47, "lon_deg": 9}}]) | {"frame": {"kind": "flat"}},
            ["traffic[0].centre", "flat frame"],
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(raw: dict[str, Any], says: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    for words in says:
        assert words in str(caught.value)


def test_the_same_within_the_limits_is_taken() -> None:
    for raw in (
        traffic(speeds_mps=[200, 270]),
        traffic(count=9, formation=[4, 9], type="fighter", manoeuvre_every_s=60),
        flight(legs=[{"turn_deg": 90, "g": 9}]),
        site(sensors={"A": {}}),
        site(aircraft=5) | {"figures": {"aircraft": 5, "clutter": 10}},
    ):
        parse(raw)


def test_a_flight_that_nobody_sees_is_told(farwatch: Command, tmp_path: Any) -> None:
    low = {"type": "helicopter", "start": {"east_km": 150, "north_km": 0}, "height_m": 100, "speed_mps": 60}
    low |= {"track_deg": 90}
    outside = {"start": {"east_km": 300, "north_km": 0}, "height_m": 9000, "speed_mps": 250, "track_deg": 90}
    inbound = outside | {"track_deg": 270, "legs": [{"fly_s": 600}]}
    raw = site(flights=[low, outside, inbound, outside | {"start": {"east_km": 100, "north_km": 0}}])
    scenario = parse(raw)
    assert unseen_flights(scenario.sensors, scenario.frame, scenario.simulation) == [0, 1]
    text = """
[[sensors]]
kind = "radar"
id = "A"
position = { lat_deg = 47.0, lon_deg = 9.0, height_m = 100 }
rotation_s = 4.0
max_range_km = 200
[[simulation.flights]]
start = { east_km = 300, north_km = 0 }
height_m = 9000
speed_mps = 250
track_deg = 90
"""
    path = tmp_path / "far.toml"
    path.write_text(text)
    ran = farwatch("check", path)
    assert ran.code == 0
    assert "never seen" in ran.out
    assert "$.simulation.flights[0]" in ran.out
    ran = farwatch("simulate", path, "-o", tmp_path / "run", "--duration", 5)
    assert ran.code == 0
    assert "$.simulation.flights[0]" in ran.err


def test_check_tells_the_table_and_the_figures(farwatch: Command) -> None:
    ran = farwatch("check", "s300", "--json")
    assert ran.code == 0, ran.err
    made = json.loads(ran.out)["simulation"]
    (sensor,) = made["sensors"]
    by_range = {row["range_km"]: row for row in sensor["detection"]}
    assert by_range[400]["airliner"] == pytest.approx(0.9, abs=1e-3)
    assert by_range[600]["airliner"] >= 0.6
    assert by_range[500]["fighter"] < 0.5
    assert (sensor["clutter"], sensor["patchy_share"]) == (1000.0, 0.3)
    assert made["aircraft"] == 300
    assert made["figures"]["hard_turns"] == 20
    assert all(group["in_sight"] > 0.99 for group in made["traffic"])
    shown = farwatch("check", "s300").out
    for words in ("300 aircraft", "Swerling", "0.90", "hard_turns = 20", "30 % of them in patches"):
        assert words in shown


def test_check_says_nothing_of_a_world_that_is_none(farwatch: Command, tmp_path: Any) -> None:
    path = tmp_path / "site.toml"
    path.write_text(
        '[[sensors]]\nkind = "radar"\nid = "A"\nposition = { lat_deg = 47.0, lon_deg = 9.0 }\n'
        "rotation_s = 4.0\nmax_range_km = 100\n"
    )
    ran = farwatch("check", path, "--json")
    assert json.loads(ran.out)["simulation"] is None
    assert "simulated" not in farwatch("check", path).out


def test_the_example_of_the_docs_is_a_scenario() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text("utf-8")
    scenario = parse(tomllib.loads(page.split("```toml")[1].split("```")[0]))
    assert unseen_flights(scenario.sensors, scenario.frame, scenario.simulation) == []
    truth, plots, _ = simulate(scenario.sensors, scenario.frame, scenario.simulation, 240.0, seed=1)
    assert truth.states.n == 240 * 40
    looks = truth.illuminations.outcome
    assert {Outcome.DETECTED, Outcome.MISSED, Outcome.SPLIT, Outcome.REFLECTION} <= set(looks.tolist())
    assert plots.n > 240 / 5 * 60
    for name in SECONDS:
        assert f"| `{name}` |" in page


def test_no_figures_no_findings() -> None:
    scenario = load("quiet")
    truth, plots, _ = simulate(scenario.sensors, scenario.frame, scenario.simulation, 20.0, seed=1)
    assert isinstance(truth, Truth)
    assert findings(Figures(), scenario.sensors, scenario.frame, scenario.simulation, truth, plots) == []
