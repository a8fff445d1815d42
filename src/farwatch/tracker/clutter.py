"""Density of plots that come from no aircraft, learned per cell and per kind of plot.

Cells are those of a sensor's gate coordinates: a radar's azimuth, range and elevation, a position sensor's x and y.
Where elevation is measured it tells most: noise fills all of it, rain a layer, aircraft what lies below 20 km.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel, leaf
from farwatch.picture import Status
from farwatch.plots import N_KINDS, NO_ADDRESS, Floats, Kind
from farwatch.sensors import further_space, gate_coordinates, heights_along_w
from farwatch.tracker.beam import beam_azimuth
from farwatch.tracker.echoes import PRIMARY, UNEXPLAINED, echo_hits, remember_echo
from farwatch.tracks import vague

TENTATIVE = int(Status.TENTATIVE)
COLUMNS = 32
ROWS = 32
# Replies of transponders are seldom false.
SECONDARY_SHARE = 0.05
ADDRESSED_SHARE = 0.01  # one with a 24-bit address has passed a parity check
BEHIND = math.radians(125.0)  # plots of clusters that were open for long are counted late
PRIOR_SCANS = 4.0  # what the configured density is worth
SETTLED_SCANS = 10.0
SURPRISING = 3.0  # times as many plots as expected, and one more
LEAST_SHARE = 0.02  # of the prior: a cell that has been quiet is not empty for ever


class ClutterMap(NamedTuple):
    """Expected false plots a scan in each cell of one sensor, and what the present scan has brought so far.

    Layer 0 holds the plots without w; the others lie between `edges` of w.
    """

    rate: Floats  # (kinds, COLUMNS, ROWS, layers)
    least: Floats  # (kinds, layers)
    seen: Floats  # (kinds, COLUMNS, ROWS, layers)
    now: Floats  # (kinds, COLUMNS, ROWS, layers) room to count the plots at hand; zeros between calls
    scans: Floats  # (COLUMNS,) how often each column has been closed
    edges: Floats  # (layers,) in w; empty where the sensor has none


def make_clutter_map(plots_per_scan: float, edges: Floats) -> ClutterMap:
    """A map that starts uniform with the given number of false plots a scan; `edges` bound its layers in w."""
    layer = np.concatenate([[1.0], np.diff(edges) / np.ptp(edges)]) if len(edges) else np.ones(1)
    share = np.array([1.0 if kind == Kind.PSR else SECONDARY_SHARE for kind in Kind])
    each = plots_per_scan / (COLUMNS * ROWS) * share[:, None] * layer
    shape = (N_KINDS, COLUMNS, ROWS, len(layer))
    rate = np.broadcast_to(each[:, None, None], shape).copy()
    return ClutterMap(rate, LEAST_SHARE * each, np.zeros(shape), np.zeros(shape), np.zeros(COLUMNS), edges)


@leaf
def column_of(model, u):  # type: ignore[no-untyped-def]
    """Column of the cells at u."""
    a = int(u / model.span_u * COLUMNS)
    return a % COLUMNS if model.turn_u > 0.0 else min(max(a, 0), COLUMNS - 1)


@leaf
def cell_of(model, edges, u, v, w):  # type: ignore[no-untyped-def]
    """Column (by u), row (by v) and layer (by w) of the cell of a plot, and the layer's width (1 without w)."""
    a = column_of(model, u)
    r = min(max(int(v / model.span_v * ROWS), 0), ROWS - 1)
    if len(edges) == 0 or math.isnan(w):
        return a, r, 0, 1.0
    layer = 1
    while layer < len(edges) - 1 and w >= edges[layer]:
        layer += 1
    return a, r, layer, edges[layer] - edges[layer - 1]


@leaf
def fill_densities(clutter, echoes, plots, model, radar, options, false, birth):  # type: ignore[no-untyped-def]
    """Fill the densities of false plots and of first plots of new aircraft (n,)."""
    n = len(plots.time_ns)
    cell = (model.span_u / COLUMNS) * (model.span_v / ROWS)
    memory_ns = options.memory_scans * model.period_s * 1e9
    for j in range(n):
        u, v, w = gate_coordinates(model, plots.z, j)
        a, r, layer, _ = cell_of(model, clutter.edges, u, v, w)
        clutter.now[plots.kind[j], a, r, layer] += 1.0
    for j in range(n):
        u, v, w = gate_coordinates(model, plots.z, j)
        a, r, layer, width = cell_of(model, clutter.edges, u, v, w)
        rate = clutter.rate[plots.kind[j], a, r, layer]
        others = clutter.now[plots.kind[j], a, r, layer] - 1.0
        # Rain that has just come; in the first scans, all that is about, for nothing better is known yet.
        surprising = SURPRISING * (1.0 + rate) * min(clutter.scans[a] / SETTLED_SCANS, 1.0)
        if model.learns_clutter and others > surprising:
            known = min(PRIOR_SCANS + clutter.scans[a], options.memory_scans)
            rate = (known * rate + others) / (known + 1.0)
        space = further_space(model, plots.measured[j], plots.pressure_altitude_m[j])
        false[j] = rate / (cell * width) * space
        if model.learns_clutter and plots.kind[j] == PRIMARY:
            hits = echo_hits(echoes, u, v, model.echo_u, model.echo_v, plots.time_ns[j], memory_ns)
            if hits > 0.0:
                tall = 1.0 if math.isnan(w) else model.echo_w
                false[j] += hits / options.memory_scans / (model.echo_u * model.echo_v * tall) * space
        if plots.address[j] != NO_ADDRESS:
            false[j] *= ADDRESSED_SHARE
        unseen = options.aircraft_at_start * model.detection * (1.0 - model.detection) ** clutter.scans[a]
        birth[j] = (
            (options.births_per_scan + unseen)
            / (model.span_u * model.span_v)
            * space
            * heights_along_w(model, radar, v, w)
        )
    for j in range(n):
        u, v, w = gate_coordinates(model, plots.z, j)
        a, r, layer, _ = cell_of(model, clutter.edges, u, v, w)
        clutter.now[plots.kind[j], a, r, layer] = 0.0


@kernel
def plot_densities(clutter, echoes, plots, model, radar, options):  # type: ignore[no-untyped-def]
    """Densities of false plots and of first plots of new aircraft at each plot, in its own measurement space.

    Undetected aircraft are a Poisson process (Williams 2015): those there before the first scan, of which each scan
    leaves the share that it misses, and those that come.
    """
    n = len(plots.time_ns)
    false, birth = np.empty(n), np.empty(n)
    fill_densities(clutter, echoes, plots, model, radar, options, false, birth)
    return false, birth


@leaf
def add_unexplained(  # type: ignore[no-untyped-def]
    clutter, echoes, plots, used, looks, events, tracks, hypotheses, model, memory_scans, unexplained
):
    """Count the plots that are done with; `unexplained` (n,) starts as ones."""
    memory_ns = memory_scans * model.period_s * 1e9
    for e in range(len(events.weight)):
        for k in range(events.start[e], events.start[e + 1]):
            i = hypotheses.track[looks.hypothesis[events.look[k]]]
            if tracks.status[i] != TENTATIVE and not vague(tracks.covariance[i]):
                unexplained[events.plot[e]] -= events.weight[e]
                break  # one explains it; a merged plot has several
    for j in range(len(used)):
        if used[j]:
            u, v, w = gate_coordinates(model, plots.z, j)
            a, r, layer, _ = cell_of(model, clutter.edges, u, v, w)
            clutter.seen[plots.kind[j], a, r, layer] += max(unexplained[j], 0.0)
            if model.learns_clutter and plots.kind[j] == PRIMARY and unexplained[j] > UNEXPLAINED:
                remember_echo(echoes, u, v, model.echo_u, model.echo_v, plots.time_ns[j], memory_ns)


@kernel
def count_clutter(clutter, echoes, plots, used, looks, events, tracks, hypotheses, model, memory_scans):  # type: ignore[no-untyped-def]
    """Add the plots that are done with (`used`) to the present scan, by the probability that no aircraft made them.

    Only confirmed tracks that know where they are explain a plot here: in dense clutter tentative ones live on false
    plots, and would hide them from the map that is to end them.
    """
    unexplained = np.ones(len(used))
    add_unexplained(clutter, echoes, plots, used, looks, events, tracks, hypotheses, model, memory_scans, unexplained)


@leaf
def close_column(clutter, a, learns, memory_scans):  # type: ignore[no-untyped-def]
    """Count a scan in one column of cells, and learn from it where the map `learns`."""
    # The mean of all scans so far, the prior counting as some, until the memory is full; then it fades.
    gain = 1.0 / min(PRIOR_SCANS + clutter.scans[a] + 1.0, memory_scans) if learns else 0.0
    clutter.scans[a] += 1.0
    for kind in range(clutter.rate.shape[0]):
        for r in range(ROWS):
            for layer in range(clutter.rate.shape[3]):
                rate = clutter.rate[kind, a, r, layer]
                rate += gain * (clutter.seen[kind, a, r, layer] - rate)
                clutter.rate[kind, a, r, layer] = max(rate, clutter.least[kind, layer])
                clutter.seen[kind, a, r, layer] = 0.0


@leaf
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
