"""How well are four targets tracked that meet in one point and part again, beside the published filters?

    python benchmarks/b1.py [--seeds 12]

Benchmark B1 (Williams 2015, scenario 1): near-constant velocity, q = 0.01, T = 1 s, 81 steps, Pd 0.9, survival 0.99 a
step, sigma 1, ten false plots a step in 300 x 300. All are born at the first step, within N((100, 100), 150^2) and
sigma 1 in velocity; one dies at step 41, about when the four lie on one another. The tracker is given just these
figures, and the gate (20) and the threshold of existence for an estimate (0.4) of the published filters' own code
(the repository Agarciafernandez/MTT), with which their figures were measured for these seeds; as there, the estimate is
that of the likeliest global hypothesis. Ours: at most 100 hypotheses kept apart over the scans; marginal weights alone,
by belief propagation and exact (of clusters of up to 12 plots); global nearest neighbour. Truth and plots are files.
GOSPA with c = 10, p = 2, alpha = 2 and its parts, root mean square over steps and seeds, so that the squares of the
parts add up; over all steps, and over the steps 42 to 55, when the targets part. Time is that of the compiled filter
alone, each step's shortest of three runs, mean and 99th percentile.
"""

from __future__ import annotations

import argparse

import msgspec
import numpy as np
from plane import Parts, chosen, estimates, gospa_parts, read, timed_steps
from rich.console import Console
from rich.table import Table

from farwatch.association import Gnn, Pmb
from farwatch.motion import Cv
from farwatch.sensors import Area, PositionSensor
from farwatch.tracker import TrackerOptions
from farwatch.tracker.births import Birth

STEPS, CUTOFF = 81, 10.0
PARTING = slice(41, 55)  # steps 42 to 55
GATE, ESTIMATED = 20.0, 0.4
PUBLISHED = {  # GOSPA, its parts, GOSPA of the steps 42 to 55
    "PMBM": (2.84, 1.83, 1.84, 1.16, 2.54),
    "V-PMB": (3.04, 1.78, 1.90, 1.57, 3.57),
    "PMB": (3.15, 1.81, 1.91, 1.73, 4.05),
    "PHD": (5.25, 2.30, 4.44, 1.59, 4.68),
    "CPHD": (5.40, 3.09, 3.31, 2.94, 4.65),
}

SENSOR = PositionSensor(
    id="B1", period_s=1.0, area=Area(0.0, 300.0, 0.0, 300.0), sigma_m=1.0, detection=0.9, clutter=10.0
)
KEPT = TrackerOptions(
    motion=Cv(q=0.01),
    association=Pmb(gate_probability=float(1.0 - np.exp(-GATE / 2)), hypotheses=100),
    births_per_scan=0.0,
    aircraft_at_start=0.0,
    births=(
        Birth(
            mean=(100.0, 100.0, 0.0, 0.0, 0.0, 0.0),
            sigma=(150.0, 150.0, 1.0, 1.0, 1.0, 0.0),
            weight=0.005,
            at_start=3.0 - 0.005,
        ),
    ),
    survival_per_minute=0.99**60,
    delete_existence=1e-5,
    merge_duplicates=False,
)
GATED = KEPT.association.gate_probability
BELIEF, EXACT, NEAREST = (
    msgspec.structs.replace(KEPT, association=association)
    for association in (Pmb(GATED, hypotheses=1), Pmb(GATED, exact_plots=12, hypotheses=1), Gnn(GATED))
)
OURS = {
    "farwatch": KEPT,
    "... marginal, BP": BELIEF,
    "... marginal, exact": EXACT,
    "... nearest": NEAREST,
}
REPEATS = 3


def score(
    options: TrackerOptions, seed: int, plots: dict[str, np.ndarray], truth: dict[str, np.ndarray]
) -> list[Parts]:
    """GOSPA at each step of one seed."""
    tracks = estimates(SENSOR, options, plots, seed, STEPS, ESTIMATED)
    return [gospa_parts(chosen(truth, seed=seed, step=k), now, CUTOFF) for k, now in enumerate(tracks, 1)]


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12, help="how many of the seeds 0 to 11")
    args = parser.parse_args()
    plots, truth = read("b1_plots"), read("b1_truth")
    table = Table(title=f"B1, q = 0.01: GOSPA (c = 10, p = 2), {args.seeds} seeds")
    for heading in ("filter", "GOSPA", "located", "missed", "false", "steps 42..55", "us a step", "99 %"):
        table.add_column(heading, justify="left" if heading == "filter" else "right")
    for name, figures in PUBLISHED.items():
        table.add_row(name, *(f"{figure:.2f}" for figure in figures), "", "")
    for name, options in OURS.items():
        score(options, 0, plots, truth)  # kernels compile
        spent = []
        for _ in range(REPEATS):
            with timed_steps() as seconds:
                runs = np.array([score(options, seed, plots, truth) for seed in range(args.seeds)])
            spent.append(seconds)
        step_us = 1e6 * np.min(spent, axis=0)
        figures = (*np.sqrt((runs**2).mean(axis=(0, 1))), np.sqrt((runs[:, PARTING, 0] ** 2).mean()))
        times = (f"{step_us.mean():.0f}", f"{np.percentile(step_us, 99):.0f}")
        table.add_row(name, *(f"{figure:.2f}" for figure in figures), *times, style="bold")
    Console().print(table)


if __name__ == "__main__":
    main()
