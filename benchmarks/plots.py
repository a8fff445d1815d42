"""How long does a plot take with 300, 3,000 and 30,000 targets, and what does a storm of false plots cost?

    python benchmarks/plots.py [--targets 300 3000 30000] [--scans 12]

Targets fly level great circles at 100 to 300 m/s, at most 3,000 to a circle of 600 km, and each circle has a radar as
in B5: 10 s a turn, Pd 0.9, 50 m and 0.1 degrees, as many false plots a turn as targets, but at least 1,000. The circles
lie side by side on the equator; one tracker holds all. Time is the tracker's alone, clutter and tentative tracks
included, on one core: over the second half of the turns, and over the first two, when each plot may be a new aircraft.

A storm is 100,000 false plots in one turn beside 300 targets, over the whole circle or within one degree: the time a
plot must stay bounded, and the tracks of before must go on under their numbers.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from farwatch.geodesy import ecef_to_polar, geodetic_to_ecef
from farwatch.picture import Picture
from farwatch.plots import Plots, concat_plots, make_plots, make_progress
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.sources import Merge, merged
from farwatch.sources.replay import shortest_slice_s
from farwatch.tracker import Tracker

TURN_S, RANGE_M, MOST_TARGETS, CLUTTER, DETECTION = 10.0, 600e3, 3000, 1000, 0.9
APART_DEG = 12.0  # of neighbouring radars: 1,336 km
RADIUS_M = 6_378_137.0 + 10_000.0  # of the flights
SIGMA_M, SIGMA_RAD = 50.0, np.radians(0.1)
EPOCH_NS = 10**18
NEAR_M = 5000.0
LIMITS_US = {300: 4.0, 3000: 5.0, 30_000: 8.0}
STORM = 100_000


class Run(NamedTuple):
    """What one run has shown."""

    plots: np.ndarray  # (scans,)
    seconds: np.ndarray  # (scans,) of the processor
    worst_s: float  # the longest slice
    held: float  # share of the targets in range that have a track at the end
    kept: float  # share of the tracks of before the storm, or the middle, that are there at the end
    tracker: Tracker


def radars(count: int, clutter: int) -> list[Radar]:
    """So many radars along the equator."""
    return [
        Radar(
            id=f"R{k}",
            position=Place(lat_deg=0.0, lon_deg=k * APART_DEG),
            rotation_s=TURN_S,
            max_range_km=RANGE_M / 1e3,
            sigma=RadarSigma(range_m=SIGMA_M, azimuth_deg=float(np.degrees(SIGMA_RAD))),
            detection=DETECTION,
            clutter=clutter,
            refraction="none",
        )
        for k in range(count)
    ]


class Flights:
    """Great circles about one radar: where each target is at a time (s)."""

    def __init__(self, n: int, lon_deg: float, rng: np.random.Generator) -> None:
        distance = np.sqrt(rng.uniform(50e3**2, 580e3**2, n)) / RADIUS_M
        bearing, course = rng.uniform(0, 2 * np.pi, (2, n))
        lon = np.radians(lon_deg)
        middle = np.array([np.cos(lon), np.sin(lon), 0.0])
        east, north = np.array([-np.sin(lon), np.cos(lon), 0.0]), np.array([0.0, 0.0, 1.0])
        out = np.outer(np.sin(bearing), east) + np.outer(np.cos(bearing), north)
        self.start = np.cos(distance)[:, None] * middle + np.sin(distance)[:, None] * out
        ahead = np.outer(np.sin(course), east) + np.outer(np.cos(course), north)
        ahead -= (ahead * self.start).sum(axis=1)[:, None] * self.start
        self.ahead = ahead / np.linalg.norm(ahead, axis=1)[:, None]
        self.rate = rng.uniform(100.0, 300.0, n) / RADIUS_M

    def at(self, t: np.ndarray) -> np.ndarray:
        """Earth-centred positions (n, 3) at each target's own time."""
        angle = self.rate * t
        return RADIUS_M * (np.cos(angle)[:, None] * self.start + np.sin(angle)[:, None] * self.ahead)


def seen(flights: Flights, clutter: int, sensor: int, scans: int, rng: np.random.Generator) -> Plots:
    """What a radar reports: its targets at the beam's crossings, and false plots evenly over its circle."""
    parts, n, lon = [], len(flights.rate), np.radians(sensor * APART_DEG)
    for scan in range(scans):
        t = np.full(n, scan * TURN_S)
        for _ in range(4):
            polar = ecef_to_polar(0.0, lon, 0.0, flights.at(t))
            t = (scan + polar[:, 1] % (2 * np.pi) / (2 * np.pi)) * TURN_S
        there = (rng.random(n) < DETECTION) & (polar[:, 0] < RANGE_M)
        noise = rng.normal(0, 1, (n, 2)) * [SIGMA_M, SIGMA_RAD]
        real = (polar[:, :2] + noise)[there]
        parts.append(reports(np.concatenate([real, false(clutter, rng)]), scan, sensor))
    return concat_plots(parts)


def false(n: int, rng: np.random.Generator, width: float = 2 * np.pi) -> np.ndarray:
    """Range and azimuth (n, 2) of false plots, even over the circle or a sector of it."""
    return np.column_stack([rng.uniform(5e3, RANGE_M, n), rng.uniform(0.0, width, n)])


def reports(z: np.ndarray, scan: int, sensor: int) -> Plots:
    """Plots of one turn at their places (range m, azimuth rad)."""
    azimuth = z[:, 1] % (2 * np.pi)
    time_ns = EPOCH_NS + np.round((scan + azimuth / (2 * np.pi)) * TURN_S * 1e9).astype(np.int64)
    z = np.column_stack([z[:, 0], azimuth])
    return make_plots(len(z), time_ns=time_ns, sensor=sensor, z=z, measured=3)


def run(targets: int, scans: int, storm: np.ndarray | None = None) -> Run:
    """All turns of one scene; the `storm` comes upon the first radar in the turn after the middle."""
    rng = np.random.default_rng(targets)
    count = -(-targets // MOST_TARGETS)
    clutter = max(targets // count, CLUTTER)
    sensors = radars(count, clutter)
    flights = [Flights(targets // count, k * APART_DEG, rng) for k in range(count)]
    parts = [seen(flights[k], clutter, k, scans, rng) for k in range(count)]
    middle = scans // 2
    if storm is not None:
        parts.append(reports(storm, middle, 0))
    plots = concat_plots(parts)
    plots = plots.take(np.argsort(plots.time_ns, kind="stable"))._replace(id=np.arange(plots.n))
    tracker = Tracker(sensors)
    seconds, counted, worst_s, before = np.zeros(scans), np.zeros(scans), 0.0, None
    for batch in merged([(plots, make_progress(0))], Merge(shortest_slice_s(sensors), sensors=count), 0.0):
        scan = min(int((batch.until_ns - EPOCH_NS - 1) / (TURN_S * 1e9)), scans - 1)
        if scan == middle and before is None:
            before = tracker.picture(batch.until_ns)
        start = time.thread_time()
        tracker.update(batch)
        spent = time.thread_time() - start
        worst_s = max(worst_s, spent)
        seconds[scan] += spent
        counted[scan] += batch.plots.n
    after = tracker.picture(EPOCH_NS + round(scans * TURN_S * 1e9))
    assert before is not None
    return Run(counted, seconds, worst_s, held(flights, after, scans), kept(before, after), tracker)


def held(flights: list[Flights], picture: Picture, scans: int) -> float:
    """Share of the targets that are in range at the end and have a track nearby."""
    found = geodetic_to_ecef(np.radians(picture.lat_deg), np.radians(picture.lon_deg), picture.height_wgs84_m)
    hits, total = 0, 0
    for sensor, flight in enumerate(flights):
        real = flight.at(np.full(len(flight.rate), scans * TURN_S))
        inside = ecef_to_polar(0.0, np.radians(sensor * APART_DEG), 0.0, real)[:, 0] < RANGE_M - NEAR_M
        for place in real[inside] / np.linalg.norm(real[inside], axis=1)[:, None]:
            along = found @ place
            across2 = (found**2).sum(axis=1) - along**2  # a 2-D radar knows no height: over the ground
            hits += bool(((across2 < NEAR_M**2) & (along > 0)).any())
        total += int(inside.sum())
    return hits / total


def kept(before: Picture, after: Picture) -> float:
    """Share of the tracks that are still there under their numbers."""
    return float(np.isin(before.track, after.track).mean())


def main() -> None:
    """Run all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, nargs="+", default=[300, 3000, 30_000])
    parser.add_argument("--scans", type=int, default=12)
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    run(30, 12)  # kernels compile
    console = Console()
    table = Table(title=f"time a plot, {args.scans} turns, one core")
    headings = (
        "targets",
        "radars",
        "plots a turn",
        "us a plot",
        "limit",
        "first two turns",
        "ms a slice, worst",
        "held, %",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    for targets in args.targets:
        r = run(targets, args.scans)
        late = slice(args.scans // 2, None)
        each = 1e6 * np.median(r.seconds[late] / r.plots[late])
        first = 1e6 * r.seconds[:2].sum() / r.plots[:2].sum()
        limit = f"{LIMITS_US[targets]:g}" if targets in LIMITS_US else ""
        cells = (f"{each:.1f}", limit, f"{first:.1f}", f"{1e3 * r.worst_s:.1f}", f"{100 * r.held:.1f}")
        table.add_row(f"{targets:,}", f"{len(r.tracker.sensors)}", f"{np.median(r.plots[late]):,.0f}", *cells)
    console.print(table)
    table = Table(title=f"a storm of {STORM:,} false plots in one turn, 300 targets, one core")
    for heading in ("where", "us a plot", "s a slice, worst", "tracks kept, %", "plots crowded out"):
        table.add_column(heading, justify="left" if heading == "where" else "right")
    rng = np.random.default_rng(1)
    storms = {"none": None, "the whole circle": false(STORM, rng), "one degree": false(STORM, rng, np.radians(1.0))}
    for where, storm in storms.items():
        r = run(300, args.scans, storm)
        turn = slice(args.scans // 2, args.scans // 2 + 2)
        each = 1e6 * r.seconds[turn].sum() / r.plots[turn].sum()
        cells = (f"{each:.1f}", f"{r.worst_s:.2f}", f"{100 * r.kept:.1f}", f"{r.tracker.counts.crowded:,}")
        table.add_row(where, *cells)
    console.print(table)


if __name__ == "__main__":
    main()
