"""Shed: in a storm of false plots, which tentative tracks are given up so that time a plot stays bounded."""

from __future__ import annotations

from farwatch.kernels import leaf
from farwatch.picture import Status
from farwatch.tracker.admit import CROWDED

TENTATIVE = int(Status.TENTATIVE)
MOST_TENTATIVE = 256  # plots in the gate of a tentative track, where a handful tells nothing any more
PAIRS_A_PLOT, PAIRS = 32, 10_000  # of a look and a plot in its gate, in one step: ten times what any scene here has


@leaf
def copy_look(out, k, to):  # type: ignore[no-untyped-def]
    """Move look k to the place `to` before it."""
    out.row[to], out.time_ns[to], out.passed[to], out.overdue[to] = (
        out.row[k],
        out.time_ns[k],
        out.passed[k],
        out.overdue[k],
    )
    out.hidden[to], out.detection[to], out.v[to] = out.hidden[k], out.detection[k], out.v[k]
    out.next_due_ns[to] = out.next_due_ns[k]
    begin, end = out.first[k], out.first[k + 1]
    out.first[to + 1] = out.first[to] + end - begin
    for p in range(end - begin):
        out.plot[out.first[to] + p] = out.plot[begin + p]


@leaf
def shed(tracks, out, n, most, counted):  # type: ignore[no-untyped-def]
    """Give up the tentative tracks with the most plots in their gates until no more than `most` pairs of a look and a
    plot are left, or no such track is; return the looks that are left of n.

    In a storm of false plots nothing can be told of them, and time must not grow as the square of the plots.
    """
    limit, pairs = MOST_TENTATIVE, out.first[n]
    while pairs > most and limit > 0:
        limit //= 2
        pairs = 0
        for k in range(n):
            found = out.first[k + 1] - out.first[k]
            if found <= limit or tracks.status[out.row[k]] != TENTATIVE:
                pairs += found
    if limit == MOST_TENTATIVE:
        return n
    kept = 0
    for k in range(n):
        i = out.row[k]
        if out.first[k + 1] - out.first[k] > limit and tracks.status[i] == TENTATIVE:
            tracks.alive[i] = False
            counted[CROWDED] += 1
            continue
        copy_look(out, k, kept)
        kept += 1
    return kept
