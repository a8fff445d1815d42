"""What farwatch check says of a scenario that can be simulated: who flies, who is seen, what it states of itself."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from farwatch.scenario import Scenario
from farwatch.sensors import Radar
from farwatch.simulation import Figures, Simulation
from farwatch.simulation.detection import DetectionLaw
from farwatch.simulation.envelopes import envelope_of
from farwatch.simulation.feasible import expected_clutter, sight, unseen_flights, views
from farwatch.simulation.sensing import Sensing

RANGES_KM = (100, 200, 300, 375, 400, 500, 600, 800)


def world(scenario: Scenario) -> dict[str, Any] | None:
    """The scenario's simulation as plain data; None where the file says nothing of one."""
    simulation = scenario.simulation
    if simulation == Simulation() and scenario.figures == Figures():
        return None
    radars = [sensor for sensor in scenario.sensors if isinstance(sensor, Radar)]
    seen_by = views(radars, scenario.frame)
    traffic = [
        {
            "type": group.type,
            "count": group.count,
            "behaviour": group.behaviour,
            "in_sight": round(sight(group, seen_by, scenario.frame), 3) if seen_by and group.count else None,
        }
        for group in simulation.groups
    ]
    flights: list[dict[str, Any]] = [
        {"type": flight.type, "count": 1 + flight.wingmen, "in_sight": True} for flight in simulation.flights
    ]
    for number in unseen_flights(scenario.sensors, scenario.frame, simulation):
        flights[number]["in_sight"] = False
    kinds = sorted({str(one["type"]) for one in (*traffic, *flights)}, key=lambda k: -envelope_of(k).cross_section_m2)
    sensors = []
    for radar in radars:
        sensing = simulation.sensors.get(radar.id, Sensing())
        even, patchy = expected_clutter(sensing.clutter, radar.clutter)
        rows = [] if sensing.detection is None else detection_rows(sensing.detection, radar.max_range_km, kinds)
        sensors.append(
            {
                "id": radar.id,
                "kind": sensing.kind,
                "clutter": even + patchy,
                "patchy_share": round(patchy / max(even + patchy, 1e-9), 3),
                "detection": rows,
                "detection_everywhere": radar.detection if sensing.detection is None else None,
            }
        )
    return {
        "aircraft": sum(group.count for group in simulation.groups)
        + sum(1 + flight.wingmen for flight in simulation.flights),
        "traffic": traffic,
        "flights": flights,
        "sensors": sensors,
        "figures": {
            name: value for name, value in msgspec.to_builtins(scenario.figures).items() if value not in (None, [], ())
        },
    }


def detection_rows(law: DetectionLaw, max_range_km: float, kinds: list[str]) -> list[dict[str, float]]:
    """Probability of detection of types of aircraft by range."""
    return [
        {
            "range_km": range_km,
            **{kind: round(float(law.pd(envelope_of(kind).cross_section_m2, range_km * 1e3)), 3) for kind in kinds},
        }
        for range_km in RANGES_KM
        if range_km <= max_range_km
    ]


def print_world(console: Console, made: dict[str, Any]) -> None:
    """Print it as tables."""
    table = Table(title=f"simulated: {made['aircraft']:,} aircraft")
    for heading in ("count", "type", "how", "of its area and heights in sight"):
        table.add_column(heading, justify="left" if heading in ("type", "how") else "right")
    for group in made["traffic"]:
        share = "-" if group["in_sight"] is None else f"{100 * group['in_sight']:.0f} %"
        table.add_row(f"{group['count']:,}", group["type"], group["behaviour"], share)
    for flight in made["flights"]:
        table.add_row(
            f"{flight['count']}", flight["type"], "as written", "seen" if flight["in_sight"] else "never seen"
        )
    console.print(table)
    for number, flight in enumerate(made["flights"]):
        if not flight["in_sight"]:
            console.print(
                f"  warning: no radar sees $.simulation.flights[{number}] while it flies its legs", markup=False
            )
    for sensor in made["sensors"]:
        line = f"{sensor['id']} simulated: {sensor['kind']}, {sensor['clutter']:,.6g} false plots a turn"
        if sensor["patchy_share"]:
            line += f", {100 * sensor['patchy_share']:.0f} % of them in patches"
        if sensor["detection_everywhere"] is not None:
            console.print(f"{line}; detects with {sensor['detection_everywhere']:g} wherever it sees")
            continue
        console.print(line)
        table = Table(title="probability of detection, Swerling 1")
        table.add_column("range, km", justify="right")
        sections: dict[float, list[str]] = {}
        for kind in (name for name in (sensor["detection"] or [{}])[0] if name != "range_km"):
            sections.setdefault(envelope_of(kind).cross_section_m2, []).append(kind)
        for section, kinds in sections.items():
            table.add_column("\n".join([*kinds, f"{section:g} m2"]), justify="right")
        for row in sensor["detection"]:
            table.add_row(f"{row['range_km']:g}", *(f"{row[kinds[0]]:.2f}" for kinds in sections.values()))
        console.print(table)
    if made["figures"]:
        console.print("it states of itself:")
        for name, value in made["figures"].items():
            if name == "seen":
                for one in value:
                    where = f"{one['rcs_m2']:g} m2 at {one['range_km']:g} km"
                    console.print(f"  {where}: detected with {one['least_pd']:g} to {one['most_pd']:g}", markup=False)
            else:
                text = " to ".join(f"{v:g}" for v in value) if name == "spacing_m" else f"{value:g}"
                console.print(f"  {name} = {text}", markup=False)
