"""How fast and how well are 300 targets tracked out to 600 km in clutter, beside Stone Soup, on one core?

    python benchmarks/b5.py [--data NAME] [--no-peer]

Benchmark B5: 300 targets on straight flights, 50 to 600 km, one rotating 2-D radar at the origin of a flat plane, 10 s
a scan, Pd 0.9, 50 m and 0.1 degrees, 1,000 false plots a scan. Scored causally at each scan's end: GOSPA with
c = 3000 m, p = 2, alpha = 2, mean of the last 20 scans. Time is that from a scan's plots to its tracks.

Stone Soup runs in an environment of its own ($FARWATCH_PEERS_PYTHON, by default .venv-peers/bin/python, which
`make bench` sets up) by a script that keeps it at its best ($FARWATCH_PEERS, by default ../shared/peers).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from farwatch.evaluation.gospa import gospa
from farwatch.frame import Frame
from farwatch.plots import Batch, Plots, make_plots, make_progress
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.sources import Merge, merged
from farwatch.sources.merge import SLICES_PER_ROTATION
from farwatch.sources.replay import shortest_slice_s
from farwatch.tracker import Tracker

ROOT = Path(__file__).parent.parent
SCANS, SCAN_S, CUTOFF_M = 30, 10, 3000.0
RUNS = 5
# The slices of a scan lie on a grid of their own from 1970 on: the first scan starts on it, and so do the others.
EPOCH_NS = 10**9 * round(SCAN_S * 1e9 / SLICES_PER_ROTATION)


class Score(NamedTuple):
    """One row a scan."""

    gospa_m: np.ndarray
    missed: np.ndarray
    false: np.ndarray
    milliseconds: np.ndarray


def data_folder() -> Path:
    """Where the benchmark's inputs are."""
    return Path(os.environ.get("FARWATCH_DATA", ROOT / "../shared/data")) / "benchmarks"


def read(name: str) -> dict[str, np.ndarray]:
    """Columns of one of the benchmark's tables."""
    table = pq.read_table(data_folder() / f"{name}.parquet")
    return {column: table[column].to_numpy() for column in table.column_names}


def plots_of(name: str) -> Plots:
    """The benchmark's plots; the radar knows nothing but range and azimuth."""
    p = read(name)
    n = len(p["t"])
    z = np.column_stack([p["range_m"], np.radians(p["azimuth_deg"])])
    time_ns = EPOCH_NS + np.round(p["t"] * 1e9).astype(np.int64)
    return make_plots(n, id=np.arange(n), time_ns=time_ns, z=z, measured=3)


def radar(clutter: float) -> Radar:
    """The benchmark's radar, at the origin of the plane."""
    sigma = RadarSigma(range_m=50.0, azimuth_deg=0.1)
    at = Place(lat_deg=0.0, lon_deg=0.0)
    return Radar(
        id="B5", position=at, rotation_s=SCAN_S, max_range_km=600.0, sigma=sigma, detection=0.9, clutter=clutter
    )


def batches_of(plots: Plots, sensor: Radar) -> list[list[Batch]]:
    """The slices of each scan, the same as any source cuts them."""
    scans: list[list[Batch]] = [[] for _ in range(SCANS)]
    for batch in merged([(plots, make_progress(0))], Merge(shortest_slice_s([sensor])), 0.0):
        scan = (batch.until_ns - EPOCH_NS - 1) // (SCAN_S * 10**9)
        if 0 <= scan < SCANS:
            scans[scan].append(batch)
    return scans


def track(plots: Plots, truth: dict[str, np.ndarray], clutter: float) -> Score:
    """One run of the tracker over all scans."""
    sensor = radar(clutter)
    tracker = Tracker([sensor], frame=Frame(kind="flat"))
    rows = []
    for scan, batches in enumerate(batches_of(plots, sensor)):
        start = time.perf_counter()
        for batch in batches:
            tracker.update(batch)
        picture = tracker.picture(EPOCH_NS + (scan + 1) * SCAN_S * 10**9)
        spent = time.perf_counter() - start
        now = truth["scan"] == scan
        real = np.column_stack([truth["x"][now], truth["y"][now]])
        found = gospa(real, np.column_stack([picture.lon_deg, picture.lat_deg]), CUTOFF_M)
        rows.append((found.distance, found.missed, found.false, spent * 1e3))
    return Score(*np.array(rows).T)


def peer(mode: str, clutter: int, seed: int) -> Score | None:
    """Stone Soup on the same data, None where it is not installed."""
    python = Path(os.environ.get("FARWATCH_PEERS_PYTHON", ROOT / ".venv-peers/bin/python"))
    script = Path(os.environ.get("FARWATCH_PEERS", ROOT / "../shared/peers")) / "stonesoup_b5.py"
    if not python.exists() or not script.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        best = ["--tree", "kd", "--init-tree", "ftpr", "--min-points", "4"]
        what = ["--mode", mode, "--clutter", str(clutter), "--seed", str(seed), "--out", str(out)]
        environment = {**os.environ, "FARWATCH_DATA": str(data_folder().parent.resolve())}
        subprocess.run([python, script, *what, *best], check=True, stdout=subprocess.DEVNULL, env=environment)
        scans = json.loads(out.read_text())["scans"]
    return Score(*np.array([[s["gospa"], s["miss"], s["false"], s["wall"] * 1e3] for s in scans]).T)


def main() -> None:
    """Run both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="rot_c1000_seed1", help="which of the benchmark's data sets")
    parser.add_argument("--no-peer", action="store_true", help="leave Stone Soup out (it takes minutes)")
    args = parser.parse_args()
    mode, clutter, seed = args.data.split("_")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # the peer inherits it
    plots, truth = plots_of(f"b5_plots_{args.data}"), read(f"b5_truth_{seed}")
    false_plots = max(float(clutter[1:]), 1.0)
    track(plots, truth, false_plots)  # kernels compile
    runs = [track(plots, truth, false_plots) for _ in range(RUNS)]
    ours = runs[0]._replace(milliseconds=np.median([run.milliseconds for run in runs], axis=0))
    theirs = None if args.no_peer else peer(mode, int(clutter[1:]), int(seed[4:]))
    report(args.data, ours, theirs)


def report(name: str, ours: Score, theirs: Score | None) -> None:
    """Print both side by side."""
    table = Table(title=f"B5 {name}: 300 targets, {SCANS} scans of {SCAN_S} s, one core")
    for heading in ("", "farwatch", "Stone Soup"):
        table.add_column(heading, justify="left" if not heading else "right")
    rows = {
        f"GOSPA, m (c = {CUTOFF_M:.0f}, p = 2, last 20 scans)": lambda s: f"{s.gospa_m[10:].mean():,.0f}",
        "missed a scan (last 20)": lambda s: f"{s.missed[10:].mean():.2f}",
        "false a scan (last 20)": lambda s: f"{s.false[10:].mean():.2f}",
        "held by the sixth look, %": lambda s: f"{100 * (1 - s.missed[5] / 300):.1f}",
        "false a scan (all)": lambda s: f"{s.false.mean():.2f}",
        "ms a scan (median of the last 20)": lambda s: f"{np.median(s.milliseconds[10:]):,.1f}",
    }
    for label, cell in rows.items():
        table.add_row(label, cell(ours), cell(theirs) if theirs else "not run")
    console = Console()
    console.print(table)
    if theirs:
        ratio = np.median(theirs.milliseconds[10:]) / np.median(ours.milliseconds[10:])
        console.print(f"farwatch is {ratio:,.0f} times as fast (wanted: 500)")


if __name__ == "__main__":
    main()
