"""GOSPA: how far a set of tracks is from the set of true points, told apart into error, missed and false."""

from __future__ import annotations

from typing import NamedTuple

from farwatch.evaluation.assignment import best_pairs, near_pairs
from farwatch.plots import Floats, Ints


class Gospa(NamedTuple):
    """distance^p = localisation^p + c^p / 2 (missed + false); `truth` and `track` are the rows paired."""

    distance: float
    localisation: float
    missed: int
    false: int
    truth: Ints
    track: Ints


def gospa(truth: Floats, tracks: Floats, cutoff: float, p: float = 2.0) -> Gospa:
    """GOSPA with alpha = 2 of points (n, d) and (m, d), in their unit. Rahmathullah et al. 2017, proposition 1.

    A pair at the cutoff costs what leaving both out costs, so only nearer pairs are looked at.
    """
    i, j, distance = near_pairs(truth, tracks, cutoff)
    chosen = best_pairs(i, j, cutoff**p - distance**p)
    missed, false = len(truth) - len(chosen), len(tracks) - len(chosen)
    located = float((distance[chosen] ** p).sum())
    total = located + cutoff**p / 2.0 * (missed + false)
    return Gospa(total ** (1.0 / p), located ** (1.0 / p), missed, false, i[chosen], j[chosen])
