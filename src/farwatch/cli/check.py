"""farwatch check: is the file right, and what can its sensors see?"""

from __future__ import annotations

import math
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from farwatch.cli.say import out, result
from farwatch.cli.world import print_world, world
from farwatch.flight_plans import plans_of
from farwatch.frame import Frame
from farwatch.refraction import radar_horizon
from farwatch.scenario import Scenario, load
from farwatch.sensors import GeodeticSensor, PositionSensor, Radar, Sensor
from farwatch.sinks.asterix_udp import refuse_outputs
from farwatch.sources.feeds import checked, urls_of
from farwatch.tracker.areas import USES

HIGHEST_M = 30_000.0  # nothing that is tracked flies higher
RANGES_KM = (50, 100, 200, 300, 400, 500, 600, 800, 1000)


def check(site: str, as_json: bool) -> None:
    """Load the file and print a table a sensor."""
    scenario = load(site)
    for number, feed in enumerate(scenario.feeds):
        checked(feed, number)
    refuse_outputs(scenario.outputs, scenario.sensors, scenario.frame)
    plans = plans_of(scenario.flight_plans)
    sensors = [described(sensor, scenario.frame) for sensor in scenario.sensors]
    simulated = world(scenario)
    if as_json:
        about: dict[str, Any] = {
            "name": scenario.name,
            "frame": scenario.frame.kind,
            "sensors": sensors,
            "simulation": simulated,
        }
        about |= {"maps": maps_of(scenario), "flight_plans": 0 if plans is None else len(plans.callsign)}
        result(about | traffic(scenario))
        return
    console = out()
    many = "1 sensor" if len(sensors) == 1 else f"{len(sensors)} sensors"
    console.print(f"{site} is right: {scenario.name or 'no name'}, {many}, {scenario.frame.kind} frame")
    for s in sensors:
        if s["kind"] == "position":
            console.print(_in_words(s))
        elif s["kind"] != "radar":
            console.print(_reports_in_words(s), markup=False)
        else:
            _print_radar(console, s)
    for feed in traffic(scenario)["feeds"]:
        console.print(f"feed: {feed['format']} from {', '.join(feed['urls'])}", markup=False)
    for output in traffic(scenario)["outputs"]:
        console.print(f"output: {output['format']} to {output['url']}", markup=False)
    if plans is not None and scenario.flight_plans is not None:
        console.print(f"flight plans: {len(plans.callsign):,} in {scenario.flight_plans.file}", markup=False)
    for one in maps_of(scenario):
        console.print(_areas_in_words(one), markup=False)
    if simulated:
        print_world(console, simulated)


def traffic(scenario: Scenario) -> dict[str, Any]:
    """Where live data comes from and where tracks go, as plain data."""
    return {
        "feeds": [{"format": feed.format, "urls": list(urls_of(feed))} for feed in scenario.feeds],
        "outputs": [{"format": one.format, "url": one.url} for one in scenario.outputs],
    }


def maps_of(scenario: Scenario) -> list[dict[str, Any]]:
    """The operator's maps, by how many areas of each use they hold."""
    return [
        {
            "file": one.file,
            "sensors": list(one.sensors) or [sensor.id for sensor in scenario.sensors],
            "areas": {use: sum(area.use == use for area in one.areas) for use in USES},
        }
        for one in scenario.tracker.maps
    ]


def _areas_in_words(one: dict[str, Any]) -> str:
    """A map in one line."""
    areas = ", ".join(f"{n} of {use}" for use, n in one["areas"].items() if n) or "no area"
    return f"map {one['file'] or 'given in the file'} for {', '.join(one['sensors'])}: {areas}"


def _print_radar(console: Console, s: dict[str, Any]) -> None:
    """What a radar sees at which range, and how well."""
    table = Table(title=f"{s['id']}: radar {s['sac_sic'] or 'without SAC/SIC'}, {s['rotation_s']:g} s a turn")
    table.add_column("range, km", justify="right")
    table.add_column("sees above, m", justify="right")
    table.add_column("and below, m", justify="right")
    table.add_column("one sigma across, m", justify="right")
    for row in s["sees"]:
        above = "any height" if row["above_m"] <= 0 else f"{row['above_m']:,.0f}"
        below = "any height" if row["below_m"] >= HIGHEST_M else f"{row['below_m']:,.0f}"
        table.add_row(f"{row['range_km']:g}", above, below, f"{row['sigma_across_m']:,.0f}")
    console.print(table)
    console.print(
        f"  one sigma in range {s['sigma_range_m']:g} m, in azimuth {s['sigma_azimuth_deg']:g} deg; "
        f"silent cone above {s['max_elevation_deg']:g} deg"
    )


def _in_words(s: dict[str, Any]) -> str:
    """A position sensor in one line."""
    a = s["area"]
    share = s["clutter"] * 16.0 * s["sigma_m"] ** 2 / ((a["max_x_m"] - a["min_x_m"]) * (a["max_y_m"] - a["min_y_m"]))
    return (
        f"{s['id']}: positions every {s['period_s']:g} s, one sigma {s['sigma_m']:g} m, in x {a['min_x_m']:g} to "
        f"{a['max_x_m']:g} m, y {a['min_y_m']:g} to {a['max_y_m']:g} m; {s['clutter']:g} false plots a snapshot "
        f"{'to start from' if s['learn_clutter'] else 'taken as known'}, {share:.2g} of them within 2 sigma of a target"
    )


def _reports_in_words(s: dict[str, Any]) -> str:
    """A sensor of reported positions in one line."""
    growth = f" and {s['sigma_m_per_km']:g} m a km" if s["sigma_m_per_km"] else ""
    place = s["position"]
    return (
        f"{s['id']}: {s['kind']} {s['sac_sic'] or 'without SAC/SIC'}, a report of an aircraft every "
        f"{s['period_s']:g} s, within {s['max_range_km']:g} km of {place['lat_deg']:g}, {place['lon_deg']:g}; "
        f"one sigma {s['sigma_m']:g} m{growth} where a report says none; heights by {s['height']}; "
        f"{'what taxies is tracked' if s['surface'] else 'nothing on the ground is tracked'}"
    )


def described(sensor: Sensor, frame: Frame) -> dict[str, Any]:
    """What one sensor can see, as plain data."""
    if isinstance(sensor, PositionSensor):
        return {"kind": "position", **msgspec.to_builtins(sensor)}
    if isinstance(sensor, GeodeticSensor):
        return msgspec.to_builtins(sensor)  # type: ignore[no-any-return]
    return _radar(sensor, frame)


def _radar(sensor: Radar, frame: Frame) -> dict[str, Any]:
    """What a radar can see, by range."""
    height_m = sensor.position.ellipsoidal_height_m
    ranges = [r for r in RANGES_KM if r < sensor.max_range_km] + [sensor.max_range_km]
    sees = []
    for range_km in ranges:
        low = -math.inf if frame.flat else radar_horizon(max(height_m, 1.0), range_km * 1e3, sensor.refraction)
        elevation = math.radians(sensor.min_elevation_deg)
        drop_m = 0.0 if frame.flat else (range_km * 1e3) ** 2 / (2 * 4 / 3 * 6.371e6)
        by_beam = height_m + range_km * 1e3 * math.tan(elevation) + drop_m
        top = height_m + range_km * 1e3 * math.tan(math.radians(min(sensor.max_elevation_deg, 89.0))) + drop_m
        sees.append(
            {
                "range_km": range_km,
                "above_m": round(max(low, by_beam, 0.0)),
                "below_m": round(min(top, 1e6)),
                "sigma_across_m": round(range_km * 1e3 * math.radians(sensor.sigma.azimuth_deg)),
            }
        )
    return {
        "id": sensor.id,
        "kind": "radar",
        "sac_sic": sensor.sac_sic,
        "rotation_s": sensor.rotation_s,
        "max_range_km": sensor.max_range_km,
        "max_elevation_deg": sensor.max_elevation_deg,
        "sigma_range_m": sensor.sigma.range_m,
        "sigma_azimuth_deg": sensor.sigma.azimuth_deg,
        "sees": sees,
    }
