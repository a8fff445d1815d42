"""How well are twelve targets tracked that come and go in dense clutter, beside the published filters?

    python benchmarks/b2.py [--seeds 5]

Benchmark B2 (Vo & Vo's linear-Gaussian scenario): 100 steps of 1 s, Pd 0.98, survival 0.99 a step, sigma 10, 30 false
plots a step in 2,000 x 2,000, white acceleration of sigma 5 in the filters, none in the truth. Targets are born at four
places, 0.03 expected at each a step, sigma 10 in position and velocity. The tracker is given just these figures; its
estimate is the tracks that exist with more than 0.4 in the likeliest global hypothesis, as in B1. Another row is with
the motion that the tracker has where nothing is said of it: it learns that these targets fly straight, which the
filters that are told a white acceleration cannot. Truth and plots are files. OSPA with c = 100, p = 1, the mean of all
steps and seeds. The published filters' figures are those of their authors' toolbox, run over seeds of its own.
"""

from __future__ import annotations

import argparse

import msgspec
import numpy as np
from plane import chosen, estimates, read
from rich.console import Console
from rich.table import Table

from farwatch.association import Pmb
from farwatch.evaluation.ospa import ospa
from farwatch.motion import Cv, Imm
from farwatch.sensors import Area, PositionSensor
from farwatch.tracker import TrackerOptions
from farwatch.tracker.births import Birth

STEPS, CUTOFF, ESTIMATED = 100, 100.0, 0.4
PUBLISHED = {"LMB": "11.73 +- 0.42", "GLMB": "11.87 +- 0.39", "CPHD": "15.53", "PHD": "17.62"}
PLACES = ((0.1, 0.1), (400.0, -600.0), (-800.0, -200.0), (-200.0, 800.0))

SENSOR = PositionSensor(
    id="B2", period_s=1.0, area=Area(-1000.0, 1000.0, -1000.0, 1000.0), sigma_m=10.0, detection=0.98, clutter=30.0
)
OPTIONS = TrackerOptions(
    motion=Cv(q=25.0),
    association=Pmb(hypotheses=100),
    births_per_scan=0.0,
    aircraft_at_start=0.0,
    births=tuple(
        Birth(mean=(x, y, 0.0, 0.0, 0.0, 0.0), sigma=(10.0, 10.0, 1.0, 10.0, 10.0, 0.0), weight=0.03) for x, y in PLACES
    ),
    survival_per_minute=0.99**60,
    merge_duplicates=False,
)
OURS = {
    "farwatch": OPTIONS,
    "... marginal, BP": msgspec.structs.replace(OPTIONS, association=Pmb(hypotheses=1)),
    "... motion as shipped": msgspec.structs.replace(OPTIONS, motion=Imm()),
}


def score(
    options: TrackerOptions, seed: int, plots: dict[str, np.ndarray], truth: dict[str, np.ndarray]
) -> list[float]:
    """OSPA at each step of one seed."""
    tracks = estimates(SENSOR, options, plots, seed, STEPS, ESTIMATED)
    return [ospa(chosen(truth, step=k), now, CUTOFF) for k, now in enumerate(tracks, 1)]


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many of the seeds 0 to 4")
    args = parser.parse_args()
    plots, truth = read("b2_plots"), read("b2_truth")
    table = Table(title=f"B2: OSPA (c = 100, p = 1), {args.seeds} seeds")
    table.add_column("filter")
    table.add_column("OSPA", justify="right")
    for name, figure in PUBLISHED.items():
        table.add_row(name, figure)
    for name, options in OURS.items():
        per_seed = np.array([score(options, seed, plots, truth) for seed in range(args.seeds)]).mean(axis=1)
        spread = f" +- {per_seed.std(ddof=1):.2f}" if len(per_seed) > 1 else ""
        table.add_row(name, f"{per_seed.mean():.2f}{spread}", style="bold")
    Console().print(table)


if __name__ == "__main__":
    main()
