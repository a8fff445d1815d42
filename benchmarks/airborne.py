"""What are airborne turn data and range rate worth to the filter, and what harm does a register do that lies?

    python benchmarks/airborne.py [--runs 100]

Flights of airliners (230 m/s: straight 120 s, 90 degrees at 1.5 degrees a second, straight 120 s) and of fighters (250
m/s: 90 degrees at 4 degrees a second) 60 to 200 km from a radar of 50 m and 0.08 degrees that turns in 4 s, height
known, every plot detected and its aircraft known: through the tracker's own kernels as they are (three plots on one
model, then the IMM with its learned class). Printed are RMS errors of position (m), velocity (m/s) and course (deg) in
the turn and in straight flight from the sixth plot on, with and without what else the plots tell. Registers are those
of the simulation: up to 2 s old, in their steps. One that lies says, from the twentieth plot on, what it said then for
ever (stuck), or a course 30 degrees off (biased), or one time in ten anything (wild).
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from alone import follow, room
from rich.console import Console
from rich.table import Table

from farwatch.motion import motion_model
from farwatch.plots import Plots, make_plots
from farwatch.sensors import Place, Radar, RadarSigma, sensor_model
from farwatch.sensors.measurement import measurement_table
from farwatch.simulation.registers import registers
from farwatch.simulation.secondary import MODE_S, Secondary
from farwatch.tracker import TrackerOptions
from farwatch.tracker.options import tracker_model
from farwatch.tracks import make_hypotheses

PERIOD_S, STRAIGHT_S, SETTLED, STUCK = 4.0, 120.0, 6, 20
SIGMA = RadarSigma(range_m=50.0, azimuth_deg=0.08, range_rate_mps=2.0)
RADAR = Radar(
    id="R",
    position=Place(lat_deg=0.0, lon_deg=0.0),
    rotation_s=PERIOD_S,
    max_range_km=400.0,
    sigma=SIGMA,
)
KINDS = {"airliner": (230.0, 1.5), "fighter": (250.0, 4.0)}  # m/s, deg/s
GIVEN = ("nothing more", "range rate", "registers", "every fourth", "stuck", "biased", "wild")


class Flight(NamedTuple):
    """Position and velocity (n, 4), course (rad, clockwise from north) and turn rate (rad/s, clockwise) at plots."""

    x: np.ndarray
    course: np.ndarray
    turn: np.ndarray


def fly(speed_mps: float, rate_dps: float, rng: np.random.Generator) -> Flight:
    """One flight through the middle of its turn at a random place and course, turning either way."""
    fine_s = 0.02
    lasts_s = 90.0 / rate_dps
    side = rng.choice((-1.0, 1.0))
    legs = ((STRAIGHT_S, 0.0), (lasts_s, side * np.radians(rate_dps)), (STRAIGHT_S, 0.0))
    turn = np.concatenate([np.full(round(s / fine_s), rate) for s, rate in legs])
    course = rng.uniform(0, 2 * np.pi) + np.concatenate([[0.0], np.cumsum(turn[:-1] * fine_s)])
    velocity = speed_mps * np.column_stack([np.sin(course), np.cos(course)])
    away, bearing = rng.uniform(60e3, 200e3), rng.uniform(0, 2 * np.pi)
    x = np.cumsum(velocity * fine_s, axis=0)
    x += away * np.array([np.sin(bearing), np.cos(bearing)]) - x[len(x) // 2]
    rows = np.arange(round(rng.uniform(0, PERIOD_S) / fine_s), len(x), round(PERIOD_S / fine_s))
    return Flight(np.hstack([x, velocity])[rows], course[rows], turn[rows])


def plots_of(flight: Flight, given: str, rng: np.random.Generator) -> Plots:
    """The plots of a flight with what is given besides range and azimuth."""
    n, x = len(flight.x), flight.x
    distance = np.hypot(x[:, 0], x[:, 1])
    z = np.column_stack(
        [
            distance + rng.normal(0, SIGMA.range_m, n),
            np.arctan2(x[:, 0], x[:, 1]) + rng.normal(0, np.radians(SIGMA.azimuth_deg), n),
            np.zeros(n),
            (x[:, 0] * x[:, 2] + x[:, 1] * x[:, 3]) / distance + rng.normal(0, 2.0, n),
        ]
    )
    time_ns = np.round(np.arange(n) * PERIOD_S * 1e9).astype(np.int64)
    speed = np.hypot(x[:, 2], x[:, 3])
    told = registers(
        Secondary(registers=0.25 if given == "every fourth" else 1.0),
        np.column_stack([flight.course, speed, flight.turn]),
        np.full(n, MODE_S),
        rng,
    )
    if given in ("nothing more", "range rate"):
        told = {}
    elif given == "stuck":
        for column in told.values():
            column[STUCK:] = column[STUCK - 1]
    elif given == "biased":
        told["heading_rad"][STUCK:] = (told["heading_rad"][STUCK:] + np.radians(30.0)) % (2 * np.pi)
    elif given == "wild":
        lies = rng.uniform(size=n) < 0.1
        told["heading_rad"][lies] = rng.uniform(0, 2 * np.pi, lies.sum())
        told["track_rate_rps"][lies] = np.radians(rng.uniform(-8, 8, lies.sum()))
        told["speed_mps"][lies] = rng.uniform(50, 400, lies.sum())
    measured = 11 if given == "range rate" else 3
    return make_plots(n, time_ns=time_ns, z=z, measured=measured, **told)


def errors(kind: str, given: str, runs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """RMS errors of position, velocity and course (deg), in the turn and in straight flight."""
    rng = np.random.default_rng(seed)
    (model, radar), options = sensor_model(RADAR, True), TrackerOptions()
    motion, compiled = motion_model(options.motion), tracker_model(options, True)
    turning, straight = [], []
    for _ in range(runs):
        flight = fly(*KINDS[kind], rng)
        plots = plots_of(flight, given, np.random.default_rng(rng.integers(2**32)))
        out = room(plots.n)
        table = measurement_table(plots, *model.variances)
        follow(table, plots.time_ns, model, radar, motion, compiled, make_hypotheses(1), out)
        off = out.mean[:, [0, 1, 3, 4]] - flight.x
        course = np.arctan2(out.mean[:, 3], out.mean[:, 4]) - flight.course
        wrapped = np.degrees((course + np.pi) % (2 * np.pi) - np.pi)
        rows = np.column_stack([np.hypot(off[:, 0], off[:, 1]), np.hypot(off[:, 2], off[:, 3]), wrapped])
        in_turn = flight.turn != 0.0
        turning.append(rows[in_turn])
        straight.append(rows[~in_turn & (np.arange(plots.n) >= SETTLED)])
    turn, level = (np.sqrt(np.mean(np.concatenate(part) ** 2, axis=0)) for part in (turning, straight))
    return turn, level


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    table = Table(title=f"RMS of position m / velocity m/s / course deg, {args.seeds} x {args.runs} flights, medians")
    table.add_column("besides range and azimuth")
    for kind in KINDS:
        table.add_column(f"{kind}: in the turn", justify="right")
        table.add_column("straight", justify="right")
    for given in GIVEN:
        cells = []
        for kind in KINDS:
            found = [errors(kind, given, args.runs, seed) for seed in range(args.seeds)]
            cells += ["{:.0f} / {:.1f} / {:.2f}".format(*np.median(part, axis=0)) for part in zip(*found, strict=True)]
        table.add_row(given, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
