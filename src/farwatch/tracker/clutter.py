"""Density of plots that come from no aircraft, learned per cell and per kind of plot.

Cells are those of a sensor's gate coordinates: a radar's azimuth, range and elevation, a position sensor's x and y.
Where elevation is measured it tells most: noise fills all of it, rain a layer, aircraft what lies below 20 km.

A cell holds a false plot in ten scans, and a track stands or falls by three. So what a cell has not told yet is taken
from its ring: all columns of its row and layer, which learn 32 times as fast. A cell that has brought far more than its
ring gives is rain, and soon stands for itself.
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
FIRST_SLICE = math.radians(30.0)  # where the beam has come from when it is first known
TWO_PI = 2.0 * math.pi
RING_SCANS = 4.0  # what its ring is worth to a cell
RING_SCANS_OF_RAIN = 0.5  # and where the cell has brought far more
PRIOR_COLUMNS = 16.0  # what the configured density is worth to a ring
CLIP = 3.0  # a column counts to its ring as at most so many times what the ring gives, and one plot
SETTLED_SCANS = 10.0
SURPRISING = 3.0  # times as many plots as expected, and one more
BELIEVED = 0.5  # existence from which on a tentative track explains its plots
LEAST_SHARE = 0.02  # of the prior: a cell that has been quiet is not empty for ever


class ClutterMap(NamedTuple):
    """Expected false plots a scan in each cell of one sensor, and what the present scan has brought so far.

    Layer 0 holds the plots without w; the others lie between `edges` of w.
    """

    rate: Floats  # (kinds, COLUMNS, ROWS, layers)
    mean: Floats  # (kinds, COLUMNS, ROWS, layers) of the cell's own scans so far, fading
    ring: Floats  # (kinds, ROWS, layers) expected in one column, by all columns
    least: Floats  # (kinds, ROWS, layers)
    seen: Floats  # (kinds, COLUMNS, ROWS, layers)
    now: Floats  # (kinds, COLUMNS, ROWS, layers) room to count the plots at hand; zeros between calls
    scans: Floats  # (COLUMNS,) how often each column has been closed
    edges: Floats  # (layers,) in w; empty where the sensor has none


def make_clutter_map(plots_per_scan: float, edges: Floats, along_w: Floats | None = None) -> ClutterMap:
    """A map that starts even in u and v with the given number of false plots a scan; `edges` bound its layers in w.

    `along_w` (ROWS, layers - 1) are the shares of the plots of each row that its layers hold.
    """
    layers = max(len(edges), 1)
    layer = np.ones((ROWS, layers))
    if len(edges):
        layer[:, 1:] = np.diff(edges) / np.ptp(edges) if along_w is None else along_w
    share = np.array([1.0 if kind == Kind.PSR else SECONDARY_SHARE for kind in Kind])
    ring = plots_per_scan / (COLUMNS * ROWS) * share[:, None, None] * layer
    shape = (N_KINDS, COLUMNS, ROWS, layers)
    rate = np.broadcast_to(ring[:, None], shape).copy()
    return ClutterMap(
        rate, np.zeros(shape), ring, LEAST_SHARE * ring, np.zeros(shape), np.zeros(shape), np.zeros(COLUMNS), edges
    )


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
            known = min(RING_SCANS + clutter.scans[a], options.memory_scans)
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
    clutter, echoes, plots, density, used, looks, events, tracks, hypotheses, model, memory_scans, unexplained
):
    """Count the plots that are done with; `unexplained` (n,) starts as ones."""
    memory_ns = memory_scans * model.period_s * 1e9
    for e in range(len(events.weight)):
        for k in range(events.start[e], events.start[e + 1]):
            i = hypotheses.track[looks.hypothesis[events.look[k]]]
            if (tracks.status[i] != TENTATIVE or tracks.existence[i] > BELIEVED) and not vague(tracks.covariance[i]):
                unexplained[events.plot[e]] -= events.weight[e]
                break  # one explains it; a merged plot has several
    for j in range(len(used)):
        if used[j]:
            u, v, w = gate_coordinates(model, plots.z, j)
            a, r, layer, _ = cell_of(model, clutter.edges, u, v, w)
            first = density.birth[j] / (density.birth[j] + density.false[j])  # or that of a new aircraft
            clutter.seen[plots.kind[j], a, r, layer] += max(unexplained[j], 0.0) * (1.0 - first)
            if model.learns_clutter and plots.kind[j] == PRIMARY and unexplained[j] > UNEXPLAINED:
                remember_echo(echoes, u, v, model.echo_u, model.echo_v, plots.time_ns[j], memory_ns)


@kernel
def count_clutter(clutter, echoes, plots, density, used, looks, events, tracks, hypotheses, model, memory_scans):  # type: ignore[no-untyped-def]
    """Add the plots that are done with (`used`) to the present scan, by the probability that no aircraft made them.

    Only tracks that know where they are explain a plot here, confirmed or as good as that: in dense clutter the others
    live on false plots, and would hide them from the map that is to end them.
    """
    unexplained = np.ones(len(used))
    add_unexplained(
        clutter, echoes, plots, density, used, looks, events, tracks, hypotheses, model, memory_scans, unexplained
    )


@leaf
def blended(mean, scans, ring):  # type: ignore[no-untyped-def]
    """Expected false plots a scan in a cell of which so many scans gave `mean`, in a ring that gives `ring` a cell.

    The mean of the Gamma posterior whose prior is the ring, worth some scans; few where the cell belies it.
    """
    belied = mean * scans > CLIP * (ring * scans + 1.0)
    worth = RING_SCANS_OF_RAIN if belied else RING_SCANS
    return (worth * ring + scans * mean) / (worth + scans)


@leaf
def close_column(clutter, a, learns, memory_scans):  # type: ignore[no-untyped-def]
    """Count a scan in one column of cells, and learn from it where the map `learns`."""
    closed = 0.0
    for column in range(COLUMNS):
        closed += clutter.scans[column]
    clutter.scans[a] += 1.0
    scans = min(clutter.scans[a], memory_scans)
    gain = 1.0 / min(PRIOR_COLUMNS + closed + 1.0, memory_scans * COLUMNS)
    for kind in range(clutter.rate.shape[0]):
        for r in range(ROWS):
            for layer in range(clutter.rate.shape[3]):
                seen = clutter.seen[kind, a, r, layer]
                clutter.seen[kind, a, r, layer] = 0.0
                if learns:
                    ring, mean = clutter.ring[kind, r, layer], clutter.mean[kind, a, r, layer]
                    ring += gain * (min(seen, CLIP * ring + 1.0) - ring)
                    mean += (seen - mean) / scans
                    clutter.ring[kind, r, layer], clutter.mean[kind, a, r, layer] = ring, mean
                    least = clutter.least[kind, r, layer]
                    clutter.rate[kind, a, r, layer] = max(blended(mean, scans, ring), least)


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
    now = beam_azimuth(beams, sensor, until_ns)
    to_azimuth = now - BEHIND
    if math.isnan(beams.learned_rad[sensor]):
        beams.learned_rad[sensor] = (now - FIRST_SLICE) % TWO_PI - TWO_PI
    if beams.learned_rad[sensor] < 0.0:
        # The first scan has not come so far that a column could be closed: below zero while that is waited for.
        if (to_azimuth - beams.learned_rad[sensor]) % TWO_PI > math.pi:
            return
        beams.learned_rad[sensor] += TWO_PI
    a = int(beams.learned_rad[sensor] / TWO_PI * COLUMNS) % COLUMNS
    last = math.floor(to_azimuth / TWO_PI * COLUMNS) % COLUMNS
    beams.learned_rad[sensor] = to_azimuth % TWO_PI
    while a != last:
        close_column(clutter, a, model.learns_clutter, memory_scans)
        a = (a + 1) % COLUMNS
