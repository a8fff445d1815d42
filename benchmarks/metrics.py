"""How long do the measures take, and do they agree with Stone Soup's?

    python benchmarks/metrics.py

GOSPA of 30,000 tracks against 30,000 aircraft (limit 5 s), T-GOSPA of 300 tracks over 60 scans (limit 10 s), the bound
of 333 aircraft over 60 scans (limit 1 s); Stone Soup's GOSPA beside ours on as many points as it can do. c = 3,000 m,
p = 2, gamma = 1,500 m; on one core.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from stonesoup.metricgenerator.ospametric import GOSPAMetric
from stonesoup.types.state import State

from farwatch.evaluation.bound import Steps, bound
from farwatch.evaluation.gospa import gospa
from farwatch.evaluation.trajectory import trajectory_gospa
from farwatch.sensors import Position, Radar
from farwatch.sensors.radar import radar_model
from farwatch.tracker.options import TrackerOptions, tracker_model

CUTOFF_M, SWITCH_M, SIGMA_M = 3000.0, 1500.0, 400.0
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
RUNS = 3


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and the least time (s) of some runs."""
    spent_s, result = np.inf, None
    for _ in range(RUNS):
        start_s = time.perf_counter()
        result = work()
        spent_s = min(spent_s, time.perf_counter() - start_s)
    return result, spent_s


def points(n: int, side_m: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Aircraft in a square, and tracks of most of them, with as many false ones."""
    truth = rng.uniform(0.0, side_m, (n, 2))
    held = n - n // 20
    tracks = np.concatenate([truth[:held] + rng.normal(0, SIGMA_M, (held, 2)), rng.uniform(0, side_m, (n - held, 2))])
    return truth, rng.permutation(tracks)


def flights(n: int, scans: int, side_m: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Straight flights (n, scans, 2), and their tracks: one in five changes over, one in ten breaks off."""
    start, velocity = rng.uniform(0, side_m, (n, 1, 2)), rng.normal(0, 200, (n, 1, 2))
    truth = start + velocity * 10.0 * np.arange(scans)[None, :, None]
    tracks = truth + rng.normal(0, SIGMA_M, truth.shape)
    for a in range(0, n // 5, 2):
        tracks[[a, a + 1], scans // 2 :] = tracks[[a + 1, a], scans // 2 :]
    tracks[n // 2 : n // 2 + n // 10, 2 * scans // 3 :] = np.nan
    return truth, tracks


def looks(aircraft: int, scans: int, rng: np.random.Generator) -> Steps:
    """Looks at aircraft in a plane."""
    start, velocity = rng.uniform(-3e5, 3e5, (aircraft, 1, 3)), rng.normal(0, 150, (aircraft, 1, 3))
    place = start + velocity * 10.0 * np.arange(scans)[None, :, None]
    n = aircraft * scans
    none = np.zeros(n, bool)
    return Steps(
        aircraft=np.repeat(np.arange(aircraft), scans),
        time_ns=np.tile(np.arange(scans) * 10**10, aircraft),
        state=np.concatenate([place, np.broadcast_to(velocity, place.shape)], axis=2).reshape(n, 6),
        manoeuvred=np.zeros((n, 2), bool),
        look=~none,
        merged=none,
        sensor=np.zeros(n, np.int32),
        variance=np.tile([np.radians(0.1) ** 2, np.nan, np.nan, 2500.0], (n, 1)),
    )


def main() -> None:
    """Run all and print the table."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rng = np.random.default_rng(1)
    table = Table(title="measures, one core")
    for heading in ("", "figure", "time, s", "limit, s"):
        table.add_column(heading, justify="left" if not heading else "right")
    for side_km in (6000, 1000):
        truth, tracks = points(30_000, side_km * 1e3, rng)
        found, spent_s = timed(lambda truth=truth, tracks=tracks: gospa(truth, tracks, CUTOFF_M))
        label = f"GOSPA, 30,000 x 30,000, {side_km:,} km square"
        table.add_row(label, f"{found.distance:,.0f} m, {found.missed} missed", f"{spent_s:.2f}", "5")
    for side_km in (600, 200):
        truth, tracks = flights(300, 60, side_km * 1e3, rng)
        found, spent_s = timed(
            lambda truth=truth, tracks=tracks: trajectory_gospa(truth, tracks, CUTOFF_M, 2.0, SWITCH_M)
        )
        label = f"T-GOSPA, 300 x 60 scans, {side_km:,} km square"
        table.add_row(label, f"{found.distance:,.0f} m, {found.switches:g} switches", f"{spent_s:.2f}", "10")
    steps, flat = looks(333, 60, rng), True
    radar = Radar(id="A", position=Position(lat_deg=0.0, lon_deg=0.0), rotation_s=10.0, max_range_km=600.0)
    options = tracker_model(TrackerOptions(), flat)
    limit, spent_s = timed(lambda: bound(steps, {0: radar_model(radar, flat)}, options, flat))
    rms_m = float(np.sqrt((limit.horizontal_m**2).mean()))
    table.add_row("bound, 333 aircraft x 60 scans", f"{rms_m:,.0f} m RMS", f"{spent_s:.3f}", "1")
    truth, tracks = points(400, 400e3, rng)
    states = [[State(x[:, None], timestamp=NOW) for x in rows] for rows in (tracks, truth)]
    ours, ours_s = timed(lambda: gospa(truth, tracks, CUTOFF_M))
    theirs, theirs_s = timed(lambda: GOSPAMetric(p=2, c=CUTOFF_M).compute_gospa_metric(*states)[0].value["distance"])
    table.add_row("GOSPA, 400 x 400", f"{ours.distance:.9f} m", f"{ours_s:.4f}", "")
    table.add_row("the same, Stone Soup", f"{theirs:.9f} m", f"{theirs_s:.2f}", "")
    console = Console()
    console.print(table)
    console.print(f"farwatch and Stone Soup differ by {abs(ours.distance - theirs):.1e} m")


if __name__ == "__main__":
    main()
