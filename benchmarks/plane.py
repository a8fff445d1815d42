"""What the benchmarks in a plane share: their tables, the steps that the tracker is fed, and the metrics."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from farwatch.evaluation.gospa import gospa
from farwatch.frame import Frame
from farwatch.plots import Batch, ProgressKind, make_plots, make_progress
from farwatch.sensors import PositionSensor
from farwatch.tracker import Tracker, TrackerOptions
from farwatch.tracker import tracker as tracker_module

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


@contextmanager
def timed_steps() -> Iterator[list[float]]:
    """Seconds that each call of the compiled filter takes meanwhile: the tracker's own time, without what feeds it."""
    spent: list[float] = []
    step = tracker_module.step

    def timed(*args: object) -> object:
        start = time.perf_counter()
        out = step(*args)
        spent.append(time.perf_counter() - start)
        return out

    tracker_module.step = timed  # type: ignore[assignment]
    try:
        yield spent
    finally:
        tracker_module.step = step


class Parts(NamedTuple):
    """GOSPA and its parts, each as the square root of its share of the sum."""

    total: float
    located: float
    missed: float
    false: float


def gospa_parts(truth: np.ndarray, tracks: np.ndarray, c: float) -> Parts:
    """GOSPA of positions (n, 2) and (m, 2), p = 2, in the units of the published tables."""
    g = gospa(truth, tracks, c)
    half = 0.5 * c**2
    return Parts(g.distance, g.localisation, float(np.sqrt(half * g.missed)), float(np.sqrt(half * g.false)))
