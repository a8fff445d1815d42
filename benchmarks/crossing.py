"""Do two aircraft that cross in clutter keep their tracks?

    python benchmarks/crossing.py [--angles 5 10 20 30 60 90] [--seeds 3] [--clutter 300]

Each run: eight pairs of fighters at the radar of the scenario `formation` (cells of 150 m and 1.4 degrees), 80 to
220 km out, fly straight at 230 m/s and one height through one point at the same time, at one angle between their
courses. Tracks are told apart over three scans from eight before and from six after the crossing.
"""

from __future__ import annotations

import argparse
import math

import msgspec
from formation import Scene, track
from rich.console import Console
from rich.table import Table

from farwatch.scenario import Scenario, load
from farwatch.simulation import Flight

PAIRS, CROSS_S, SPEED_MPS = 8, 200.0, 230.0
BEFORE, AFTER, WINDOW = 8, 6, 3  # scans


def scene_of(angle_deg: float, clutter: int) -> Scenario:
    """Pairs that cross at one angle, around the radar and turned against it in all ways."""
    scenario = load("formation")
    flights = []
    for pair in range(PAIRS):
        bearing, range_km = math.radians(360.0 / PAIRS * pair + 10.0), 80.0 + 20.0 * pair
        middle = (range_km * math.sin(bearing), range_km * math.cos(bearing))
        for side in (-0.5, 0.5):
            track_deg = (47.0 * pair + side * angle_deg) % 360.0
            course, back_km = math.radians(track_deg), SPEED_MPS * CROSS_S * 1e-3
            start = {
                "east_km": middle[0] - back_km * math.sin(course),
                "north_km": middle[1] - back_km * math.cos(course),
            }
            plan = {
                "type": "fighter",
                "start": start,
                "height_m": 8000.0,
                "speed_mps": SPEED_MPS,
                "track_deg": track_deg,
                "legs": [{"fly_s": 900.0}],
            }
            flights.append(msgspec.convert(plan, Flight))
    sensors = tuple(msgspec.structs.replace(sensor, clutter=float(clutter)) for sensor in scenario.sensors)
    sensing = scenario.simulation.sensors["RAD1"]
    sensing = msgspec.structs.replace(sensing, clutter=msgspec.structs.replace(sensing.clutter, plots=float(clutter)))
    simulation = msgspec.structs.replace(scenario.simulation, flights=tuple(flights), sensors={"RAD1": sensing})
    return msgspec.structs.replace(scenario, sensors=sensors, simulation=simulation)


def outcomes(scenario: Scenario, seed: int) -> tuple[int, int, int]:
    """Pairs that kept their tracks, exchanged them, and lost one."""
    scene = Scene(track(scenario, seed, CROSS_S + 100.0))
    middle = round(CROSS_S * 1e9 / scene.scan_ns)
    before = scene.holders(middle - BEFORE, middle - BEFORE + WINDOW)
    after = scene.holders(middle + AFTER, middle + AFTER + WINDOW)
    kept = swapped = lost = 0
    aircraft = scene.paths.aircraft.tolist()
    for a, b in zip(aircraft[::2], aircraft[1::2], strict=True):
        if a not in before or b not in before:
            continue
        if (after.get(a), after.get(b)) == (before[a], before[b]):
            kept += 1
        elif (after.get(a), after.get(b)) == (before[b], before[a]):
            swapped += 1
        else:
            lost += 1
    return kept, swapped, lost


def main() -> None:
    """Run the angles and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--angles", type=float, nargs="*", default=[5.0, 10.0, 20.0, 30.0, 60.0, 90.0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--clutter", type=int, default=300, help="false plots a scan")
    args = parser.parse_args()
    table = Table(title=f"crossings of {PAIRS} pairs, {args.clutter} false plots a scan, seeds 1 to {args.seeds}")
    for heading in ("angle, deg", "pairs", "swapped, %", "one lost, %"):
        table.add_column(heading, justify="right")
    steep = [0, 0, 0]
    for angle in args.angles:
        scenario = scene_of(angle, args.clutter)
        total = [sum(column) for column in zip(*(outcomes(scenario, s + 1) for s in range(args.seeds)), strict=True)]
        n = max(sum(total), 1)
        table.add_row(f"{angle:g}", f"{sum(total)}", f"{100 * total[1] / n:.1f}", f"{100 * total[2] / n:.1f}")
        if angle >= 20.0:
            steep = [a + b for a, b in zip(steep, total, strict=True)]
    n = max(sum(steep), 1)
    table.add_row("20 and more", f"{n}", f"{100 * steep[1] / n:.1f} (<= 3)", f"{100 * steep[2] / n:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
