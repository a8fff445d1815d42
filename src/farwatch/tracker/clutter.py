"""Density of plots that come from no aircraft, learned per cell and per kind of plot.

Cells are those of a sensor's gate coordinates: a radar's azimuth and range, a position sensor's x and y.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel
from farwatch.plots import N_KINDS, NO_ADDRESS, Floats, Kind
from farwatch.sensors import further_space, gate_coordinates
from farwatch.tracker.beam import beam_azimuth

COLUMNS = 32
ROWS = 32
# Replies of transponders are seldom false.
SECONDARY_SHARE = 0.05
ADDRESSED_SHARE = 0.01  # one with a 24-bit address has passed a parity check
BEHIND = math.radians(125.0)  # plots of clusters that were open for long are counted late
PRIOR_SCANS = 4.0  # what the configured density is worth
LEAST_SHARE = 0.02  # of the prior: a cell that has been quiet is not empty for ever


class ClutterMap(NamedTuple):
    """Expected false plots a scan in each cell of one sensor, and what the present scan has brought so far."""

    rate: Floats  # (kinds, COLUMNS, ROWS)
    least: Floats  # (kinds,)
    seen: Floats  # (kinds, COLUMNS, ROWS)
    scans: Floats  # (COLUMNS,) how often each column has been closed


def make_clutter_map(plots_per_scan: float) -> ClutterMap:
    """A map that starts uniform with the given number of false plots a scan."""
    shape, cells = (N_KINDS, COLUMNS, ROWS), COLUMNS * ROWS
    share = np.array([1.0 if kind == Kind.PSR else SECONDARY_SHARE for kind in Kind])
    rate = np.broadcast_to((plots_per_scan / cells * share)[:, None, None], shape).copy()
    return ClutterMap(rate, LEAST_SHARE * plots_per_scan / cells * share, np.zeros(shape), np.zeros(COLUMNS))


@kernel
def cell_of(u, v, span_u, span_v, turns):  # type: ignore[no-untyped-def]
    """Column (by u, which comes round where it `turns`) and row (by v) of the cell of a plot."""
    a = int(u / span_u * COLUMNS)
    a = a % COLUMNS if turns else min(max(a, 0), COLUMNS - 1)
    return a, min(max(int(v / span_v * ROWS), 0), ROWS - 1)


@kernel
def plot_densities(clutter, plots, model, births_per_scan, aircraft_at_start):  # type: ignore[no-untyped-def]
    """Densities of false plots and of first plots of new aircraft at each plot, in its own measurement space.

    Undetected aircraft are a Poisson process (Williams 2015): those there before the first scan, of which each scan
    leaves the share that it misses, and those that come.
    """
    n = len(plots.time_ns)
    false = np.empty(n)
    birth = np.empty(n)
    cell = (model.span_u / COLUMNS) * (model.span_v / ROWS)
    for j in range(n):
        u, v = gate_coordinates(model, plots.z, j)
        a, r = cell_of(u, v, model.span_u, model.span_v, model.turn_u > 0.0)
        space = further_space(model, plots.measured[j], plots.pressure_altitude_m[j])
        false[j] = clutter.rate[plots.kind[j], a, r] / cell * space
        if plots.address[j] != NO_ADDRESS:
            false[j] *= ADDRESSED_SHARE
        unseen = aircraft_at_start * model.detection * (1.0 - model.detection) ** clutter.scans[a]
        birth[j] = (births_per_scan + unseen) / (model.span_u * model.span_v) * space
    return false, birth


@kernel
def count_clutter(clutter, plots, used, birth, model):  # type: ignore[no-untyped-def]
    """Add the plots that are done with (`used`) to the present scan, by their probability of having no track."""
    for j in range(len(used)):
        if used[j]:
            u, v = gate_coordinates(model, plots.z, j)
            a, r = cell_of(u, v, model.span_u, model.span_v, model.turn_u > 0.0)
            clutter.seen[plots.kind[j], a, r] += birth[j]


@kernel
def learn_clutter(clutter, beams, model, sensor, until_ns, memory_scans):  # type: ignore[no-untyped-def]
    """Close the present scan in the columns that the beam of `sensor` has left well behind by `until_ns`.

    A snapshot closes them all.
    """
    if model.snapshot:
        for a in range(COLUMNS):
            close_column(clutter, a, model.learns_clutter, memory_scans)
        return
    if beams.known[sensor] == 0:
        return
    to_azimuth = beam_azimuth(beams, sensor, until_ns) - BEHIND
    a = int(beams.learned_rad[sensor] / (2.0 * math.pi) * COLUMNS) % COLUMNS
    last = math.floor(to_azimuth / (2.0 * math.pi) * COLUMNS) % COLUMNS
    beams.learned_rad[sensor] = to_azimuth % (2.0 * math.pi)
    while a != last:
        close_column(clutter, a, model.learns_clutter, memory_scans)
        a = (a + 1) % COLUMNS


@kernel
def close_column(clutter, a, learns, memory_scans):  # type: ignore[no-untyped-def]
    """Count a scan in one column of cells, and learn from it where the map `learns`."""
    # The mean of all scans so far, the prior counting as some, until the memory is full; then it fades.
    gain = 1.0 / min(PRIOR_SCANS + clutter.scans[a] + 1.0, memory_scans) if learns else 0.0
    clutter.scans[a] += 1.0
    for kind in range(clutter.rate.shape[0]):
        for r in range(ROWS):
            rate = clutter.rate[kind, a, r]
            rate += gain * (clutter.seen[kind, a, r] - rate)
            clutter.rate[kind, a, r] = max(rate, clutter.least[kind])
            clutter.seen[kind, a, r] = 0.0
