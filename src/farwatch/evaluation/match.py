"""Match: which track holds which aircraft, scan by scan, and what that says of tracks over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from farwatch.evaluation.assignment import best_pairs, near_pairs
from farwatch.plots import Floats, Ints

RADIUS_M = 3000.0


class Matches(NamedTuple):
    """One row a scan and pair, by scan."""

    scan: Ints
    aircraft: Ints
    track: Ints
    distance_m: Floats


class Matcher:
    """Assigns tracks to aircraft scan by scan; a pair of the scan before stays while it is within the radius.

    The others are assigned for the greatest sum of radius^2 - distance^2. Bernardin & Stiefelhagen 2008.
    """

    def __init__(self, radius_m: float = RADIUS_M) -> None:
        self._radius_m = radius_m
        self._held: dict[int, int] = {}  # aircraft -> track

    def match(self, aircraft: Ints, true_m: Floats, track: Ints, track_m: Floats) -> tuple[Ints, Ints, Floats]:
        """Rows of the aircraft at `true_m` (n, d), of the tracks at `track_m` (m, d) that hold them; distances (m)."""
        i, j, distance = near_pairs(true_m, track_m, self._radius_m)
        before = np.array([self._held.get(int(a), -1) for a in aircraft], np.int64)
        stays = before[i] == track[j] if len(i) else np.zeros(0, bool)
        taken_i, taken_j = np.zeros(len(aircraft), bool), np.zeros(len(track), bool)
        taken_i[i[stays]], taken_j[j[stays]] = True, True
        free = np.flatnonzero(~taken_i[i] & ~taken_j[j])
        new = free[best_pairs(i[free], j[free], self._radius_m**2 - distance[free] ** 2)]
        chosen = np.concatenate([np.flatnonzero(stays), new])
        i, j, distance = i[chosen], j[chosen], distance[chosen]
        self._held = dict(zip(aircraft[i].tolist(), track[j].tolist(), strict=True))
        return i, j, distance


def purity(matches: Matches) -> float:
    """Share of the matched scans of tracks that are of each track's own main aircraft; NaN where there are none."""
    if not len(matches.scan):
        return np.nan
    pairs, counts = np.unique(np.column_stack([matches.track, matches.aircraft]), axis=0, return_counts=True)
    starts = np.flatnonzero(np.diff(pairs[:, 0], prepend=pairs[0, 0] - 1))
    return float(np.maximum.reduceat(counts, starts).sum() / counts.sum())


def fragments(scan: Ints, aircraft: Ints, track: Ints) -> Ints:
    """Rows at which an aircraft that was held at the scan before has another track or none.

    One row a scan at which an aircraft counts; `track` is -1 where none holds it.
    """
    order = np.lexsort((scan, aircraft))
    same = (np.diff(aircraft[order]) == 0) & (np.diff(scan[order]) == 1)
    before, now = track[order][:-1], track[order][1:]
    broken: Ints = order[1:][same & (before >= 0) & (now != before)]
    return broken


class Swap(NamedTuple):
    """A track that went over from aircraft `a`, last matched at `before`, to `b`, first matched at `after`."""

    track: int
    a: int
    b: int
    before: int  # scan
    after: int


def moves(matches: Matches, lives: Callable[[int, int], bool]) -> list[Swap]:
    """Every move of a track from an aircraft that lives on (`lives(aircraft, scan)`) to another."""
    order = np.lexsort((matches.scan, matches.track))
    scan, aircraft, track = matches.scan[order], matches.aircraft[order], matches.track[order]
    moved = np.flatnonzero((track[1:] == track[:-1]) & (aircraft[1:] != aircraft[:-1]))
    found = [Swap(int(track[k]), int(aircraft[k]), int(aircraft[k + 1]), int(scan[k]), int(scan[k + 1])) for k in moved]
    return [swap for swap in found if lives(swap.a, swap.after)]
