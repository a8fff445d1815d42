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
from rich.console import Console
from rich.table import Table

from farwatch.kernels import kernel
from farwatch.motion import Imm, motion_model
from farwatch.motion.imm import AGILE, CIVIL, class_evidence
from farwatch.plots import make_plots
from farwatch.sensors import Area, PositionSensor, correct, place, sensor_model
from farwatch.sensors.measurement import measurement, measurement_table
from farwatch.tracker.correct import Mixture, merge_modes, moment_match
from farwatch.tracker.lifecycle import spread_modes, start_velocity
from farwatch.tracker.looks import predict_hypothesis
from farwatch.tracks import MODES, STATE, copy_gaussian, make_hypotheses

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


@kernel
def follow(table, time_ns, period_s, model, radar, motion, hypotheses, out):  # type: ignore[no-untyped-def]
    """One run: the plots of `table`, one a look, through the tracker's own steps; positions into `out` (n, 2)."""
    x, P, g = np.zeros(STATE), np.zeros((STATE, STATE)), np.empty(STATE)
    p, m, c = np.zeros(MODES), np.zeros((MODES, STATE)), np.zeros((MODES, STATE, STATE))
    matrix = np.empty((MODES, MODES))
    scratch = Mixture(np.empty(2), np.empty((2, STATE)), np.empty((2, STATE, STATE)))
    likelihood = np.zeros((1, MODES))
    probability, mean, covariance = hypotheses.probability[0], hypotheses.mean[0], hypotheses.covariance[0]
    modes, agile = 1, motion.agile_prior
    place(model, radar, measurement(table, 0), 0.0, 1.0, x, P)
    start_velocity(True, 180.0, 10.0, x, P)
    copy_gaussian(x, P, 6, mean[0], covariance[0])
    probability[0] = 1.0
    out[0, 0], out[0, 1] = x[0], x[1]
    for k in range(1, len(table)):
        kind = AGILE if agile > 0.5 else CIVIL
        predict_hypothesis(modes, kind, probability, mean, covariance, period_s, motion, True, p, m, c, matrix)
        highest = -1e300
        for mode in range(modes):
            copy_gaussian(m[mode], c[mode], 3, x, P)
            likelihood[0, mode], _, _ = correct(model, radar, measurement(table, k), x, P, 3, g)
            highest = max(highest, likelihood[0, mode])
        for mode in range(modes):
            likelihood[0, mode] = np.exp(likelihood[0, mode] - highest)
        if modes > 1:
            agile = class_evidence(agile, probability, likelihood[0], motion, period_s, matrix)
        merge_modes(
            model,
            radar,
            modes,
            time_ns[k],
            p,
            m,
            c,
            0.0,
            np.ones(1),
            np.full(1, k),
            np.full(1, k),
            likelihood,
            time_ns,
            table,
            scratch,
            probability,
            mean,
            covariance,
        )
        moment_match(probability, mean, covariance, modes, 6, x, P)
        out[k, 0], out[k, 1] = x[0], x[1]
        if k == 2:
            spread_modes(hypotheses, 0, motion)
            modes = MODES


def errors(runs: int, seed: int) -> np.ndarray:
    """Errors of position in x and y (runs, plots, 2)."""
    truth, _ = flight()
    rng = np.random.default_rng(seed)
    (model, radar), motion = sensor_model(SENSOR, True), motion_model(Imm())
    time_ns = np.round(np.arange(len(truth)) * PERIOD_S * 1e9).astype(np.int64)
    out = np.empty((runs, len(truth), 2))
    for run in range(runs):
        z = truth + rng.normal(0.0, SIGMA_M, truth.shape)
        table = measurement_table(make_plots(len(z), time_ns=time_ns, z=z, measured=3), *model.variances)
        follow(table, time_ns, PERIOD_S, model, radar, motion, make_hypotheses(1), out[run])
    return out - truth


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
