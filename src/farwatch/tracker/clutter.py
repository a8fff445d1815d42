"""Density of plots that come from no aircraft, learned per cell of range and azimuth and per kind of plot."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel
from farwatch.plots import N_KINDS, NO_ADDRESS, Floats, Kind
from farwatch.tracker.beam import beam_azimuth

AZIMUTHS = 32
RANGES = 32
# A plot that carries a height, an elevation or a range rate lies in a larger measurement space.
HEIGHT_SPAN_M = 15_000.0
ELEVATION_SPAN = math.radians(30.0)
RATE_SPAN_MPS = 600.0
# Replies of transponders are seldom false.
SECONDARY_SHARE = 0.05
ADDRESSED_SHARE = 0.01  # one with a 24-bit address has passed a parity check
BEHIND = math.radians(125.0)  # plots of clusters that were open for long are counted late
PRIOR_SCANS = 4.0  # what the configured density is worth
LEAST_SHARE = 0.02  # of the prior: a cell that has been quiet is not empty for ever


class ClutterMap(NamedTuple):
    """Expected false plots a scan in each cell of one sensor, and what the present scan has brought so far."""

    rate: Floats  # (kinds, AZIMUTHS, RANGES)
    least: Floats  # (kinds,)
    seen: Floats  # (kinds, AZIMUTHS, RANGES)
    scans: Floats  # (AZIMUTHS,) how often each sector has been closed


def make_clutter_map(plots_per_scan: float) -> ClutterMap:
    """A map that starts uniform in range and azimuth with the given number of false plots a scan."""
    shape, cells = (N_KINDS, AZIMUTHS, RANGES), AZIMUTHS * RANGES
    share = np.array([1.0 if kind == Kind.PSR else SECONDARY_SHARE for kind in Kind])
    rate = np.broadcast_to((plots_per_scan / cells * share)[:, None, None], shape).copy()
    return ClutterMap(rate, LEAST_SHARE * plots_per_scan / cells * share, np.zeros(shape), np.zeros(AZIMUTHS))


@kernel
def cell_of(azimuth, range_m, max_range_m):  # type: ignore[no-untyped-def]
    """Row and column of the cell of a plot."""
    a = int(azimuth / (2.0 * math.pi) * AZIMUTHS) % AZIMUTHS
    r = min(max(int(range_m / max_range_m * RANGES), 0), RANGES - 1)
    return a, r


@kernel
def plot_densities(clutter, plots, radar, births_per_scan, aircraft_at_start):  # type: ignore[no-untyped-def]
    """Densities of false plots and of first plots of new aircraft at each plot, in its own measurement space.

    Undetected aircraft are a Poisson process (Williams 2015): those there before the first scan, of which each scan
    leaves the share that it misses, and those that come.
    """
    n = len(plots.time_ns)
    false = np.empty(n)
    birth = np.empty(n)
    cell = (2.0 * math.pi / AZIMUTHS) * (radar.max_range_m / RANGES)
    for j in range(n):
        a, r = cell_of(plots.z[j, 1], plots.z[j, 0], radar.max_range_m)
        space = 1.0
        if not math.isnan(plots.pressure_altitude_m[j]):
            space /= HEIGHT_SPAN_M
        if plots.measured[j] & 4:
            space /= ELEVATION_SPAN
        if plots.measured[j] & 8:
            space /= RATE_SPAN_MPS
        false[j] = clutter.rate[plots.kind[j], a, r] / cell * space
        if plots.address[j] != NO_ADDRESS:
            false[j] *= ADDRESSED_SHARE
        unseen = aircraft_at_start * radar.detection * (1.0 - radar.detection) ** clutter.scans[a]
        birth[j] = (births_per_scan + unseen) / (2.0 * math.pi * radar.max_range_m) * space
    return false, birth


@kernel
def count_clutter(clutter, plots, used, birth, max_range_m):  # type: ignore[no-untyped-def]
    """Add the plots that are done with (`used`) to the present scan, by their probability of having no track."""
    for j in range(len(used)):
        if used[j]:
            a, r = cell_of(plots.z[j, 1], plots.z[j, 0], max_range_m)
            clutter.seen[plots.kind[j], a, r] += birth[j]


@kernel
def learn_clutter(clutter, beams, sensor, until_ns, memory_scans):  # type: ignore[no-untyped-def]
    """Close the present scan in the cells that the beam of `sensor` has left well behind by `until_ns`."""
    if beams.known[sensor] == 0:
        return
    to_azimuth = beam_azimuth(beams, sensor, until_ns) - BEHIND
    first = int(beams.learned_rad[sensor] / (2.0 * math.pi) * AZIMUTHS) % AZIMUTHS
    last = math.floor(to_azimuth / (2.0 * math.pi) * AZIMUTHS) % AZIMUTHS
    beams.learned_rad[sensor] = to_azimuth % (2.0 * math.pi)
    a = first
    while a != last:
        # The mean of all scans so far, the prior counting as some, until the memory is full; then it fades.
        gain = 1.0 / min(PRIOR_SCANS + clutter.scans[a] + 1.0, memory_scans)
        clutter.scans[a] += 1.0
        for kind in range(clutter.rate.shape[0]):
            for r in range(RANGES):
                rate = clutter.rate[kind, a, r]
                rate += gain * (clutter.seen[kind, a, r] - rate)
                clutter.rate[kind, a, r] = max(rate, clutter.least[kind])
                clutter.seen[kind, a, r] = 0.0
        a = (a + 1) % AZIMUTHS
