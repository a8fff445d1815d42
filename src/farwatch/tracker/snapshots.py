"""Snapshots: when a sensor without a beam has looked, and what each look has shown."""

from __future__ import annotations

import numpy as np

from farwatch.plots import Progress, ProgressKind
from farwatch.tracker.admit import Admitted


def snapshots(plots: Admitted, progress: Progress, sensor: int) -> list[tuple[int, Admitted]]:
    """Times (ns) of a sensor's snapshots in a batch, in order, each with its plots.

    Plots of one snapshot carry one time; a NORTH message marks one that may have brought none.
    """
    marked = progress.time_ns[(progress.sensor == sensor) & (progress.kind == ProgressKind.NORTH)]
    times = np.unique(np.concatenate([plots.time_ns, marked]))
    if len(times) == 1 and plots.n:
        return [(int(times[0]), plots)]
    return [(int(time_ns), plots.take(np.flatnonzero(plots.time_ns == time_ns))) for time_ns in times]
