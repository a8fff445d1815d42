"""What the benchmarks in a plane share: their tables, the steps that the tracker is fed, and the metrics."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from scipy.optimize import linear_sum_assignment

from farwatch.frame import Frame
from farwatch.plots import Batch, ProgressKind, make_plots, make_progress
from farwatch.sensors import PositionSensor
from farwatch.tracker import Tracker, TrackerOptions

ROOT = Path(__file__).parent.parent
EPOCH_NS = 10**18


def read(name: str) -> dict[str, np.ndarray]:
    """Columns of one of the benchmark's tables."""
    folder = Path(os.environ.get("FARWATCH_DATA", ROOT / "../shared/data")) / "benchmarks"
    table = pq.read_table(folder / f"{name}.parquet")
    return {column: table[column].to_numpy() for column in table.column_names}


def chosen(table: dict[str, np.ndarray], **values: int) -> np.ndarray:
    """Positions x, y (n, 2) of the rows whose columns have the given values."""
    rows = np.ones(len(table["x"]), bool)
    for column, value in values.items():
        if column in table:
            rows &= table[column] == value
    return np.column_stack([table["x"][rows], table["y"][rows]])


def estimates(
    sensor: PositionSensor, options: TrackerOptions, plots: dict[str, np.ndarray], seed: int, steps: int, above: float
) -> Iterator[np.ndarray]:
    """Positions (n, 2) at each step of the tracks that exist with a probability of more than `above`."""
    tracker = Tracker([sensor], options, Frame(kind="flat"))
    for step in range(1, steps + 1):
        now_ns = EPOCH_NS + round(step * sensor.period_s * 1e9)
        z = chosen(plots, seed=seed, step=step)
        batch = Batch(
            make_plots(len(z), id=np.arange(len(z)), time_ns=now_ns, z=z, measured=3),
            make_progress(1, time_ns=now_ns, kind=int(ProgressKind.NORTH)),
            now_ns + 1,
        )
        tracker.update(batch)
        picture = tracker.picture(now_ns, above_existence=above)
        yield np.column_stack([picture.lon_deg, picture.lat_deg])


# The metrics stand here until the project has its own.


class Gospa(NamedTuple):
    """GOSPA and its parts, each as the square root of its share of the sum."""

    total: float
    located: float
    missed: float
    false: float


def gospa(truth: np.ndarray, tracks: np.ndarray, c: float) -> Gospa:
    """GOSPA of positions (n, 2) and (m, 2), p = 2, alpha = 2. Rahmathullah, Garcia-Fernandez & Svensson 2017."""
    distance = np.linalg.norm(truth[:, None] - tracks[None], axis=2)
    cost = np.minimum(distance**2, c**2)
    rows, columns = linear_sum_assignment(cost)
    near = cost[rows, columns] < c**2
    located = float(cost[rows, columns][near].sum())
    missed = 0.5 * c**2 * (len(truth) - int(near.sum()))
    false = 0.5 * c**2 * (len(tracks) - int(near.sum()))
    return Gospa(np.sqrt(located + missed + false), np.sqrt(located), np.sqrt(missed), np.sqrt(false))


def ospa(truth: np.ndarray, tracks: np.ndarray, c: float) -> float:
    """OSPA of positions (n, 2) and (m, 2), p = 1. Schuhmacher, Vo & Vo 2008."""
    most = max(len(truth), len(tracks))
    if most == 0:
        return 0.0
    cost = np.minimum(np.linalg.norm(truth[:, None] - tracks[None], axis=2), c)
    rows, columns = linear_sum_assignment(cost)
    return float((cost[rows, columns].sum() + c * abs(len(truth) - len(tracks))) / most)
