"""How well does our IMM follow an aircraft that turns, the association being known, beside the textbook's filters?

    python benchmarks/b4.py [--runs 1000]

Benchmark B4 (Bar-Shalom, Li & Kirubarajan 2001, section 11.7.4): from (25, 10) km at 120 m/s west, 125 s straight, 1
deg/s for 90 s, 125 s straight, 3 deg/s the other way for 30 s, 125 s straight. Positions every 5 s, sigma 100 m in each
coordinate, every one detected. Each run goes through the tracker's own kernels with its own defaults (three plots on
the one model of tentative tracks, then the IMM with its learned class) and knows which plot is whose. Root mean square
errors of position over the runs, in metres; the first nine plots do not count. The others' figures are from runs of
this scenario made for the project.
"""

from __future__ import annotations

import argparse

import numpy as np
from alone import follow, room
from rich.console import Console
from rich.table import Table

from farwatch.motion import Imm, motion_model
from farwatch.plots import make_plots
from farwatch.sensors import Area, PositionSensor, sensor_model
from farwatch.sensors.measurement import measurement_table
from farwatch.tracker import TrackerOptions
from farwatch.tracker.options import tracker_model
from farwatch.tracks import make_hypotheses

PERIOD_S, SIGMA_M, SPEED_MPS = 5.0, 100.0, 120.0
LEGS = ((125.0, 0.0), (90.0, 1.0), (125.0, 0.0), (30.0, -3.0), (125.0, 0.0))  # s, deg/s
SETTLED = 9
PUBLISHED = {
    "raw": (141.6, 141.5, 142.7, 140.4, 148.0),
    "KF, sigma 2 m/s^2": (115.9, 107.0, 121.1, 178.5, 217.0),
    "IMM, 2 x NCV (.1, 2)": (108.1, 88.1, 130.9, 197.9, 225.0),
    "IMM, NCV (.01) + CT (.025, .5)": (95.7, 83.5, 120.4, 132.5, 157.0),
}
SENSOR = PositionSensor(
    id="B4", period_s=PERIOD_S, area=Area(-1e5, 1e5, -1e5, 1e5), sigma_m=SIGMA_M, detection=0.999, clutter=1e-6
)


def flight() -> tuple[np.ndarray, np.ndarray]:
    """Positions (n, 2) at the plots' times and the turn rate (deg/s) there."""
    fine_s = 0.01
    rate = np.concatenate([np.full(round(lasts / fine_s), turn) for lasts, turn in LEGS])
    heading = np.pi + np.concatenate([[0.0], np.cumsum(np.radians(rate) * fine_s)])
    middle = 0.5 * (heading[:-1] + heading[1:])
    x = 25e3 + np.concatenate([[0.0], np.cumsum(SPEED_MPS * np.cos(middle) * fine_s)])
    y = 10e3 + np.concatenate([[0.0], np.cumsum(SPEED_MPS * np.sin(middle) * fine_s)])
    rows = np.arange(0, len(x), round(PERIOD_S / fine_s))
    return np.column_stack([x, y])[rows], np.concatenate([rate[:1], rate])[rows]


def errors(runs: int, seed: int) -> np.ndarray:
    """Errors of position in x and y (runs, plots, 2)."""
    truth, _ = flight()
    rng = np.random.default_rng(seed)
    (model, radar), motion = sensor_model(SENSOR, True), motion_model(Imm())
    options, out = tracker_model(TrackerOptions(), True), room(len(truth))
    time_ns = np.round(np.arange(len(truth)) * PERIOD_S * 1e9).astype(np.int64)
    found = np.empty((runs, len(truth), 2))
    for run in range(runs):
        z = truth + rng.normal(0.0, SIGMA_M, truth.shape)
        table = measurement_table(make_plots(len(z), time_ns=time_ns, z=z, measured=3), *model.variances)
        follow(table, time_ns, model, radar, motion, options, make_hypotheses(1), out)
        found[run] = out.mean[:, :2]
    return found - truth


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    args = parser.parse_args()
    rms = np.sqrt((errors(args.runs, 1) ** 2).sum(axis=2).mean(axis=0))
    _, rate = flight()
    settled = np.arange(len(rms)) >= SETTLED
    ours = [np.sqrt(np.mean(rms[settled] ** 2))]
    ours += [np.sqrt(np.mean(rms[settled & (rate == turn)] ** 2)) for turn in (0.0, 1.0, -3.0)]
    ours.append(rms[settled].max())
    table = Table(title=f"B4: position RMS, m, {args.runs} runs")
    for heading in ("filter", "all", "straight", "1 deg/s", "3 deg/s", "peak"):
        table.add_column(heading, justify="left" if heading == "filter" else "right")
    for name, figures in PUBLISHED.items():
        table.add_row(name, *(f"{figure:.1f}" for figure in figures))
    table.add_row("farwatch, as it is", *(f"{figure:.1f}" for figure in ours), style="bold")
    Console().print(table)


if __name__ == "__main__":
    main()
