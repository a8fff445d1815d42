"""OSPA: how far two sets of points are from one another, per point."""

from __future__ import annotations

from farwatch.evaluation.assignment import best_pairs, near_pairs
from farwatch.plots import Floats


def ospa(truth: Floats, tracks: Floats, cutoff: float, p: float = 1.0) -> float:
    """OSPA of points (n, d) and (m, d), in their unit; 0 of two empty sets. Schuhmacher, Vo & Vo 2008.

    Points paired at the cutoff or beyond cost as much as points too many, so only nearer pairs are looked at.
    """
    larger = max(len(truth), len(tracks))
    if larger == 0:
        return 0.0
    i, j, distance = near_pairs(truth, tracks, cutoff)
    chosen = best_pairs(i, j, cutoff**p - distance**p)
    total = float((distance[chosen] ** p).sum()) + cutoff**p * (larger - len(chosen))
    return float((total / larger) ** (1.0 / p))
